//! The reference node: configuration, workers, back-end API, shutdown.
//!
//! Drives what the crates below decide: `https` accepts, `wire` takes bytes apart, `as4` judges, `store` keeps,
//! `registry` answers. What is here is order, time, threads and files; no rule of the protocol.

mod api;
pub mod config;
mod kept;
mod locate;
mod log;
mod node;
mod parts;
mod pool;
mod process;
mod pull;
mod ready;
mod receive;
mod run;
mod send;
mod terms;
mod worker;

pub use run::{Args, run};

/// A message is many small pieces that one thread makes and another lets go: the system's allocator spends twice the time on
/// them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
