//! Store and Spool made durable on SQLite and plain files, and in memory for tests.
//!
//! [`open`] gives a node its store and spool below one folder: `carnet.sqlite` (messages, bodies, registry records),
//! `payloads/` (parts past the memory limit) and `carnet.lock` (one process at a time). Orphaned payload files are
//! swept before it returns. What a unit means is `exchange`'s to say; what octets mean is nobody's here.

mod memory;
mod open;
mod spool;
mod sqlite;

pub use memory::MemoryStore;
pub use open::{Config, OpenError, Opened, check, open};
pub use spool::{DiskSpool, FreeSpace, SpoolConfig};
pub use sqlite::{SqliteConfig, SqliteStore};
