//! A small conformant node of the suite's own, and nodes broken on purpose: the mutants and the null nodes.
//!
//! The [`Double`] is built on the harness's own parts and `carnet-wire`, never on the reference node, so that a second
//! witness tells what a conformant node passes. It checks by [`rule`]s with names; a mutant is data that names those it
//! leaves out, or what it spoils. The null nodes know no protocol; what each does is data too, in `peers.toml`.
//! [`selftest`] runs all of them against the cases and holds who catches whom against what the cases say.
//!
//! Start at [`Ground`], then [`Double::start`], [`Serving::start`], [`selftest::run`].

pub mod rule;
pub mod selftest;

mod agreement;
mod customs;
mod desk;
mod ground;
mod hello;
mod memory;
mod mutation;
mod node;
mod path;
mod peer;
mod receive;
mod serve;

pub use ground::{Ground, GroundError};
pub use mutation::{Mutation, check};
pub use node::Double;
pub use peer::{Answer, Door, Peer, Receipt, TABLE, Truth, peer, peers};
pub use serve::{Identities, Serving};

use carnet_catalogue::step::Forge;

/// Why a node cannot be made.
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
    /// A mutant's data cannot be carried out.
    #[error("mutant cannot be made: {what}")]
    Mutant {
        /// Why.
        what: String,
    },
    /// It cannot listen.
    #[error("node cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Forge operations with `${received.message-id}` filled in.
fn fill(edits: &[Forge], received: &str) -> Vec<Forge> {
    let mut edits = edits.to_vec();
    for with in edits.iter_mut().filter_map(|edit| edit.with.as_mut()) {
        *with = with.replace("${received.message-id}", received);
    }
    edits
}
