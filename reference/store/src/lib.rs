//! Store and Spool made durable on SQLite, and in memory for tests.
