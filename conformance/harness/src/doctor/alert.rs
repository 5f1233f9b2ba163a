//! What a TLS alert says about us: cause and fix by its name (RFC 8446 6.2).

use super::Break;
use super::own::{issuer, subject};
use crate::line::Ending;
use crate::setup::Setup;

/// The break behind a connection that ended where our certificate was shown.
pub(super) fn refused(setup: &Setup, ending: &Ending) -> Break {
    match ending {
        Ending::Alert { name } => of_alert(setup, name),
        Ending::Timeout => Break::new(
            "the handshake began and they did not go on with it in time",
            "let their operator look at load and log; --patience waits longer",
        ),
        _ => Break::new(
            format!("they closed the connection, without an alert, when our certificate was shown ({})", ours(setup)),
            format!("{}; their log says why they closed", trust_us(setup)),
        ),
    }
}

fn of_alert(setup: &Setup, name: &str) -> Break {
    let own = ours(setup);
    match name {
        "unknown_ca" => Break::new(
            format!("their side does not know the authority that issued our certificate ({own}): alert unknown_ca"),
            trust_us(setup),
        ),
        "certificate_required" => Break::new(
            "they ask for a client certificate and saw none: alert certificate_required",
            "let the connection reach them untouched: a proxy that ends TLS takes our certificate away",
        ),
        "certificate_expired" => Break::new(
            format!("they hold our certificate ({own}) for expired: alert certificate_expired"),
            "let them set the clock of their machine; ours finds the certificate valid",
        ),
        "certificate_revoked" => Break::new(
            format!("our certificate ({own}) is on their revocation list: alert certificate_revoked"),
            "name another identity under [suite.tls], or let its authority correct the list",
        ),
        "bad_certificate" | "unsupported_certificate" | "certificate_unknown" | "access_denied" => Break::new(
            format!("they refuse our certificate ({own}): alert {name}"),
            format!(
                "{}; where they pin the certificate, let them pin partner-tls.pem; their log names what they miss \
                 (key usage, extended key usage, subject)",
                trust_us(setup)
            ),
        ),
        "decrypt_error" => Break::new(
            "our key does not fit the certificate they saw: alert decrypt_error",
            "name key and chain of the same identity under [suite.tls]",
        ),
        "protocol_version" => Break::new(
            "they speak neither TLS 1.2 nor TLS 1.3: alert protocol_version",
            "let them allow TLS 1.2 or TLS 1.3; the profile allows nothing older",
        ),
        "handshake_failure" | "insufficient_security" => Break::new(
            format!("they found no cipher suite, group or signature algorithm in common with us: alert {name}"),
            "let them allow an ECDHE suite with AES-GCM, and RSA or ECDSA certificates of ours; \
             some stacks say handshake_failure where they miss a client certificate they trust",
        ),
        "unrecognized_name" => Break::new(
            format!("they serve no host named {:?}: alert unrecognized_name", setup.address.host),
            "write the host name of their certificate into `url`; `connect` can hold the address",
        ),
        other => Break::new(
            format!("they ended the connection with alert {other}"),
            "let their operator look into the TLS log of that moment",
        ),
    }
}

/// Our certificate and who issued it.
fn ours(setup: &Setup) -> String {
    setup
        .partner
        .tls
        .leaf()
        .map(|leaf| format!("{}, issued by {}", subject(leaf), issuer(leaf)))
        .unwrap_or_else(|| "none".to_owned())
}

fn trust_us(setup: &Setup) -> String {
    let anchor = setup.partner.tls.chain.last().map(|last| issuer(last)).unwrap_or_default();
    format!("let them install tls-anchors.pem of the suite's kit ({anchor}) as trust anchor for TLS clients")
}
