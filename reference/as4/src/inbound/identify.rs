//! Step 2: the P-Mode of the message and the partner that sends it, and whether the connection is that partner's.
//! Leaves the signature to `authenticate`. Clauses: ebMS 3.0 core 4.3, eDelivery AS4 1.15 (Common Profile, TLS).

use super::{Agreements, Fault, Origin};
use crate::header::UserMessage;
use crate::partner::{BindingError, Partner};
use crate::pmode::{Leg, PMode, check_properties};
use crate::secure::unix;
use jiff::Timestamp;
use std::borrow::Cow;

/// What the message runs under, and with whom.
pub(super) struct Identified<'a> {
    pub(super) pmode: &'a PMode,
    pub(super) partner: Cow<'a, Partner>,
}

//= EBMS-PMODE-01
//= EBMS-PMODE-02
pub(super) fn identify<'a>(
    agreements: &'a Agreements,
    message: &UserMessage,
    origin: &Origin,
    now: Timestamp,
) -> Result<Identified<'a>, Fault> {
    let pmode = agreements.pmodes.of(message, &agreements.us, matches!(origin, Origin::Pulled { .. }))?;
    let partner = agreements
        .partner(&message.from.id)
        .ok_or_else(|| Fault::Connection(BindingError::UnknownPartner(message.from.id.clone())))?;
    match origin {
        Origin::Pushed { tls_chain } => partner.check_tls(tls_chain, unix(now)).map_err(Fault::Connection)?,
        // The connection is ours: its server's certificate was the partner's before the request left.
        Origin::Pulled { partner, mpc } if message.from.id == *partner && message.mpc == *mpc => {}
        Origin::Pulled { .. } => {
            return Err(Fault::NotAsked { from: message.from.id.clone(), mpc: message.mpc.clone() });
        }
    }
    let (got, most) = (message.parts.len(), pmode.payload.max_parts);
    if got > most {
        return Err(Fault::TooManyParts { got, most });
    }
    Ok(Identified { pmode, partner })
}

/// What the exchange pattern and the agreed properties ask of the header. A test message is free of both.
//= AS4-PUSH-02
//= EDEL-FOURCORNER-01
pub(super) fn check_exchange(pmode: &PMode, message: &UserMessage) -> Result<(), Fault> {
    if message.is_test() {
        return Ok(());
    }
    if pmode.leg == Leg::Reply && message.info.ref_to.is_none() {
        return Err(Fault::NoRequest);
    }
    check_properties(pmode, &message.properties).map_err(Fault::Property)
}
