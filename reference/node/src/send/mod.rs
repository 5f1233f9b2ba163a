//! A message's way out: prepared and signed once, kept in the outbox, sent until its receipt proves reception.
//!
//! `prepare` makes what is stored and sent, `body` the request, `attempt` sends once and judges the answer, `outbox`
//! decides what is sent when. A retry sends the stored envelope, so MessageId and digests stay the same.

mod attempt;
mod body;
mod outbox;
mod prepare;
mod settled;

pub(crate) use attempt::{encrypted, schedule, told};
pub(crate) use body::Request;
pub(crate) use outbox::{Outbox, outgoing, submit};
pub(crate) use prepare::{Draft, DraftPart, Octets, Outgoing, PrepareError, Prepared, prepare};
pub(crate) use settled::Settled;
