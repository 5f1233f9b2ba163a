//! Evidence: what happened, byte for byte, without a word on what it means.
//!
//! A folder with `events.jsonl`, one event to the line, and `blobs/sha256/HEX`. The first event names the format and
//! the run, and the blobs of everything that judging needs: catalogue files, subject, ICS, plan, trust anchors, clock.
//! No event carries a verdict, an expectation or the name of a check; no private key is ever written.

pub mod archive;
pub mod bundle;

mod event;
mod follow;
mod read;
mod record;

pub use event::{BlobRef, Chains, Direction, Event, Kind, Purpose, Scope, Side, Stage, Start};
pub use follow::{Follower, ended};
pub use read::{Evidence, EvidenceError};
pub use record::{Recorder, Sink};
