//! The reference node: configuration, workers, back-end API, shutdown.
//!
//! Drives what the crates below decide: `https` accepts, `wire` takes bytes apart, `as4` judges, `store` keeps,
//! `registry` answers. What is here is order, time, threads and files; no rule of the protocol.

pub mod config;
