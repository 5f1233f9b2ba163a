//! The reference node: configuration, workers, back-end API, shutdown.
