//! The life of a message, and the traits Store, Spool, Clock, Transport and Locator.
//!
//! What a message is to the node between the wire and the application: who sent it to whom, in which state it is,
//! which parts it has and what may happen next. Changes are data ([`Unit`]); a [`Store`] makes them durable and says
//! what became of each ([`Outcome`]). Pure: no disk, network, clock or randomness (`clippy.toml` denies them).
//!
//! Left to others: the envelope and its security (`as4`), what a document means (`registry`), how anything is kept
//! (`store`), sockets (`https`) and the order of it all (`node`).

mod clock;
mod digest;
mod id;
mod locator;
mod message;
mod pending;
mod record;
mod retry;
mod spool;
mod state;
mod store;
mod transport;
mod unit;

pub use clock::Clock;
pub use digest::Digest;
pub use id::{InvalidMessageId, Key, MessageId, Party};
pub use locator::{LocateError, Located, Locator, Wanted};
pub use message::{Direction, Message, Part};
pub use pending::{Completer, Pending};
pub use record::{Record, RecordWrite};
pub use retry::{MISSING_RECEIPT, Next, Schedule};
pub use spool::{Held, PartWriter, Place, Spool, SpoolError, Ticket};
pub use state::{Event, State};
pub use store::{Counts, Notice, Query, Store, StoreError};
pub use transport::{Post, PostBody, Reply, Transport, TransportError};
pub use unit::{Attempt, Grant, NewMessage, Outcome, Process, Pull, Sent, Unit};

#[cfg(test)]
mod tests;
