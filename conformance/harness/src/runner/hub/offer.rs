//! The suite's own channel: what cases offer, and what a pull request of the subject gets of it.

use std::sync::{Arc, PoisonError};

use super::super::line::Control;
use super::super::signer::Signer;
use super::answer::{Push, soap, write};
use super::{Hub, Room};
use crate::evidence::Kind;
use crate::forge::{self, SignalDraft};
use crate::line::Duplex;
use crate::root::{Seen, Signals};

/// A message that waits to be pulled.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The case that offers it.
    pub(crate) room: Arc<Room>,
    /// The HTTP response that carries it.
    pub(crate) response: Vec<u8>,
}

impl Hub {
    /// Puts a message into the channel, behind those that wait.
    pub(crate) fn offer(&self, offer: Offer) {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner).push_back(offer);
    }

    /// Takes out what a case offered and nobody pulled.
    pub(super) fn withdraw(&self, room: &Arc<Room>) {
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        offers.retain(|offer| !Arc::ptr_eq(&offer.room, room));
    }

    /// What a pull request gets, when it is one: the oldest message, or none where the channel is empty.
    pub(super) fn asked_for(&self, signals: Signals) -> Option<Option<Offer>> {
        signals.pull.then(|| self.offers.lock().unwrap_or_else(PoisonError::into_inner).pop_front())
    }

    /// Answers a pull request; false when the connection is to end.
    pub(super) async fn hand_out(
        &self,
        stream: &mut Box<dyn Duplex>,
        push: &Push<'_>,
        offer: Option<Offer>,
        line: &Control,
    ) -> bool {
        let response = match offer {
            Some(offer) => offer.response,
            None => match self.empty(push.envelope) {
                Ok(body) => soap(&body),
                Err(reason) => {
                    push.sink.event(push.step, push.connection, Kind::Broken { reason });
                    return false;
                }
            },
        };
        write(stream, push, &response, None, line).await
    }

    /// The warning that a channel is empty.
    fn empty(&self, request: Option<&Seen>) -> Result<Vec<u8>, String> {
        let refers_to = request.and_then(|seen| seen.names.message_id.clone()).unwrap_or_default();
        let draft = SignalDraft {
            message_id: self.fresh.id_for(&refers_to),
            timestamp: self.fresh.time(),
            refers_to,
            references: Vec::new(),
            error: forge::error_row("EBMS:0006"),
        };
        let signer = Signer::of(&self.setup, None, None, None)?;
        let signing = signer.as_ref().map(Signer::signing);
        forge::signal(&draft, signing.as_ref(), &[]).map_err(|error| error.to_string())
    }
}
