//! What SQLite says, as the store's own error.

use std::sync::Arc;

use carnet_exchange::StoreError;
use rusqlite::{Error, ErrorCode};

/// The store's error for an engine's.
pub(super) fn engine(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse,
        _ => StoreError::Engine(Arc::new(error)),
    }
}

/// A column that does not read back.
pub(super) fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { what }
}
