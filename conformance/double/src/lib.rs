//! Nodes broken on purpose, to test the suite: the null nodes, which know no protocol.
//!
//! What each does is data, in `peers.toml`; the engine that does it is small and built on the harness's own parts, so
//! nothing of the reference node can hide in it. Which case catches which is the catalogue's (`kills`).
//!
//! Start at [`peers`], then [`Serving::start`]; [`Stage`] writes what a run against such a node needs.

mod hello;
mod peer;
mod serve;
mod stage;

pub use peer::{Answer, Door, Peer, Receipt, TABLE, Truth, peer, peers};
pub use serve::{Identities, Serving};
pub use stage::{Stage, StageError};

/// Why a null node cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoubleError {
    /// The shipped table does not read.
    #[error("table of null nodes: {reason}")]
    Table {
        /// What is wrong with it.
        reason: String,
    },
    /// No null node has that name.
    #[error("no null node is called {name:?}, expected one of {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// It cannot listen.
    #[error("null node cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
}
