//! Plans, forges, sends, listens, captures evidence and judges it.
//!
//! The suite knows a node only through the network. What it does is a case's, what it may expect is the catalogue's;
//! this crate carries cases out, writes down every byte, and judges what was written down. Capturing and judging are
//! apart: a verdict is a pure function of the evidence.
//!
//! Start at [`run`], which does all of it, or at [`judge::judge`], which judges a folder again.

pub mod doctor;
pub mod evidence;
pub mod forge;
pub mod http;
pub mod judge;
pub mod line;
pub mod load;
pub mod local;
pub mod mrn;
pub mod named;
pub mod plain;
pub mod plan;
pub mod root;
pub mod sealed;
pub mod setup;
pub mod tls;
pub mod verdict;

mod arrival;
mod fresh;
mod own;
mod question;
mod runner;
mod words;

pub use fresh::Fresh;
pub use judge::judge;
pub use judge::run::Run;
pub use runner::{Event, Prompt, RunError, RunOptions, capture_in_memory, run};
pub use setup::{Setup, SetupError};
pub use verdict::{ExitCode, Verdict};
