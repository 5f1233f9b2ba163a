//! Checks on the TLS connection and the certificate the subject presents.

use carnet_catalogue::case::SERVER_REFUSED;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use rustls_pki_types::CertificateDer;

use super::look::{Look, settle};
use super::{Named, Outcome};
use crate::evidence::{Side, Stage};
use crate::judge::view::{Attempt, Exchange};
use crate::line::Ending;
use crate::tls::OURS;

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "tls.version-is",
        says: "the connection runs over the TLS version given",
        with: &["version"],
        judge: version,
    },
    Named {
        name: "tls.server-chain-trusted",
        says: "the certificate the subject presents chains to the anchors of subject.toml",
        with: &[],
        judge: chain,
    },
    Named {
        name: "tls.forward-secrecy",
        says: "the cipher suite has forward secrecy and authenticated encryption",
        with: &[],
        judge: suite,
    },
    Named {
        name: SERVER_REFUSED,
        says: "the subject connected, and sent nothing over a connection on which the suite presented the certificate of the `listen` step",
        with: &[],
        judge: server_refused,
    },
];

fn version(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        let wanted = look.with("version").map_or_else(|| cell_version(look), str::to_owned);
        let (got, _) = tls_of(look, exchange)?;
        Ok(if got == wanted {
            Outcome::Holds
        } else {
            look.deviation(exchange, format!("TLS {wanted}"), format!("TLS {got}"))
        })
    })())
}

fn chain(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        tls_of(look, exchange)?;
        let chain: Vec<CertificateDer<'static>> =
            exchange.peer_chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
        let policy = RevocationPolicy { require_status: false, enforce_expiration: false, whole_chain: false };
        let trusted = Anchors::new(&look.judge.tls_anchors, &[], policy)
            .and_then(|anchors| anchors.verify(&chain, look.judge.clock));
        Ok(match trusted {
            Ok(()) => Outcome::Holds,
            Err(error) => look.deviation(exchange, "a certificate chain to the agreed anchors", error.to_string()),
        })
    })())
}

fn suite(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        let (version, suite) = tls_of(look, exchange)?;
        let upper = suite.to_ascii_uppercase();
        let sealed = ["GCM", "CHACHA20", "CCM"].iter().any(|mode| upper.contains(mode));
        let fresh = version == "1.3" || upper.contains("ECDHE") || upper.contains("_DHE_");
        Ok(if sealed && fresh {
            Outcome::Holds
        } else {
            look.deviation(exchange, "an ephemeral key exchange and an AEAD cipher", suite)
        })
    })())
}

/// A subject that did not connect at all has not been seen to refuse anything.
fn server_refused(look: &Look<'_>) -> Outcome {
    let Some((_, chain)) = look.attempt.faces.first() else {
        return Outcome::Unclear("the suite's endpoint showed no other face".to_owned());
    };
    if let Some(exchange) = sent_to_shown(look.attempt).next() {
        return look.deviation(exchange, "no message to a server with this certificate", "the message was sent");
    }
    let mut refused = 0;
    for exchange in shown(look.attempt) {
        match &exchange.not_connected {
            Some((_, Ending::Protocol { what })) if what.starts_with(OURS) => return Outcome::Unclear(what.clone()),
            // Who left before TLS began, or fell silent in it, has refused no certificate.
            Some((Stage::Name | Stage::Tcp | Stage::Proxy, _) | (_, Ending::Ours | Ending::Timeout)) => {}
            Some(_) => refused += 1,
            None => refused += usize::from(exchange.received.is_none() && exchange.own_chain == *chain),
        }
    }
    if refused > 0 {
        Outcome::Holds
    } else {
        Outcome::Unclear("the subject did not connect while the suite presented this certificate".to_owned())
    }
}

/// The connections of the subject while the suite's endpoint showed its first other face.
fn shown(attempt: &Attempt) -> impl Iterator<Item = &Exchange> {
    let from = attempt.faces.first().map_or(u64::MAX, |(from, _)| *from);
    let until = attempt.faces.get(1).map_or(u64::MAX, |(next, _)| *next);
    attempt
        .exchanges
        .iter()
        .filter(move |exchange| exchange.side == Side::Subject && (from..until).contains(&exchange.seq))
}

/// Those of them on which it sent something although the suite presented that face's certificate.
pub(crate) fn sent_to_shown(attempt: &Attempt) -> impl Iterator<Item = &Exchange> {
    let chain = attempt.faces.first().map(|(_, chain)| chain);
    shown(attempt).filter(move |exchange| exchange.received.is_some() && Some(&exchange.own_chain) == chain)
}

fn cell_version(look: &Look<'_>) -> String {
    carnet_catalogue::matrix::Cell::parse(&look.attempt.scope.cell).values.get("tls").cloned().unwrap_or_default()
}

fn tls_of(look: &Look<'_>, exchange: &Exchange) -> Result<(String, String), Outcome> {
    exchange.tls.clone().ok_or_else(|| look.deviation(exchange, "a TLS connection", exchange.answer().describe()))
}
