//! `kit.toml`, one partner each, as it is written; docs/kit.md explains each key, docs/schemas/kit-1.json is its schema.

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KitFile {
    /// Version of the format: 1.
    pub format: u32,
    /// Who installs this kit.
    #[serde(rename = "self")]
    pub us: SelfTable,
    /// Whom it lets that party talk to.
    pub partner: PartnerTable,
}

/// `[self]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTable {
    /// The PartyId of the party that installs the kit.
    pub party: Spanned<String>,
}

/// `[partner]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerTable {
    /// The PartyId.
    pub party: Spanned<String>,
    /// Its type.
    pub party_type: Spanned<String>,
    /// URLs, the preferred one first. None: the partner only sends.
    #[serde(default)]
    pub endpoints: Vec<Spanned<String>>,
    /// PEM: who issues the partner's TLS certificates, as client and as server.
    pub tls_anchors: Spanned<String>,
    /// PEM: the partner's TLS certificate; needed when `tls_binding` is `exact`.
    pub tls_certificate: Option<Spanned<String>>,
    /// Which TLS certificate is the partner's.
    pub tls_binding: Spanned<TlsBinding>,
    /// PEM: who issues the partner's signing certificates.
    pub signing_anchors: Spanned<String>,
    /// PEM: issuing certificates between those anchors and the signer, for tokens that carry the leaf alone.
    pub signing_intermediates: Option<Spanned<String>>,
    /// PEM: the partner's signing certificate, or the old and the new; needed when `signing_binding` is `pinned`, and
    /// for tokens that only name a certificate.
    pub signing_certificate: Option<Spanned<String>>,
    /// Which signature is the partner's.
    pub signing_binding: Spanned<SigningBinding>,
    /// Whom the signer's certificate must name; needed when `signing_binding` is `anchored`.
    pub signing_subject: Option<Spanned<String>>,
    /// PEM: whom payloads for the partner are encrypted for; needed when a P-Mode's profile encrypts.
    pub encryption_certificate: Option<Spanned<String>>,
    /// Revocation lists, PEM or DER.
    #[serde(default)]
    pub crls: Vec<Spanned<String>>,
    /// P-Mode files, of both directions.
    pub pmodes: Vec<Spanned<String>>,
}

/// `tls_binding`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TlsBinding {
    /// The one in `tls_certificate`.
    Exact,
    /// Any that chains to `tls_anchors`.
    Anchor,
    /// Any that may connect at all; the signature alone tells.
    Off,
}

/// `signing_binding`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SigningBinding {
    /// The one in `signing_certificate`.
    Pinned,
    /// Any that chains to `signing_anchors` and names `signing_subject`.
    Anchored,
}
