//! Tests of migration.
