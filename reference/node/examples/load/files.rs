//! The files of the two nodes: configuration, kit, P-Modes.

use crate::pair::{Agreement, SERVICE};

const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
const ROLE: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704";

/// `node.toml`.
pub(crate) fn node(us: &str, port: u16, encrypts: bool) -> String {
    let decryption =
        if encrypts { "[[decryption]]\nchain = \"encryption.pem\"\nkey = \"encryption.key\"\n" } else { "" };
    format!(
        r#"format = 1
kits = ["kit/kit.toml"]
[party]
id = "{us}"
[listen]
as4 = "127.0.0.1:{port}"
[tls]
chain = "tls.pem"
key = "tls.key"
[signing]
chain = "signing.pem"
key = "signing.key"
[store]
dir = "store"
[api]
listen = "127.0.0.1:0"
token_file = "api.token"
[registry]
enabled = false
{decryption}"#
    )
}

/// `kit.toml`.
pub(crate) fn kit(us: &str, them: &str, endpoints: &[&str], encrypts: bool) -> String {
    let encryption = if encrypts { "encryption_certificate = \"encryption.pem\"\n" } else { "" };
    format!(
        r#"format = 1
[self]
party = "{us}"
[partner]
party = "{them}"
party_type = "{CUSTOMS}"
endpoints = {endpoints:?}
tls_anchors = "anchors.pem"
tls_binding = "anchor"
signing_anchors = "anchors.pem"
signing_binding = "anchored"
signing_subject = "CN={them} signing"
{encryption}pmodes = ["out.toml", "in.toml"]
"#
    )
}

/// A P-Mode.
pub(crate) fn pmode(from: &str, to: &str, agreement: &Agreement) -> String {
    let Agreement { profile, retry_interval, retry_count, max_bytes } = agreement;
    let profile = profile.name();
    format!(
        r#"format = 1
id = "{profile}.{from}.{to}.bench"
profile = "{profile}"
mep = "one-way-push"
agreement = "urn:carnet:agreement:PH-TH:1"
[initiator]
party = "{from}"
party_type = "{CUSTOMS}"
role = "{ROLE}/initiator"
[responder]
party = "{to}"
party_type = "{CUSTOMS}"
role = "{ROLE}/responder"
[[service]]
name = "{SERVICE}"
actions = ["document"]
[security]
token = "x509-pkipath"
accept_tokens = ["x509-pkipath", "x509-v3"]
[payload]
compress = true
max_bytes = {max_bytes}
[reception_awareness]
retry_interval = "{retry_interval}"
retry_count = {retry_count}
duplicate_detection = true
[mpc]
name = "{ROLE}/defaultMPC"
"#
    )
}
