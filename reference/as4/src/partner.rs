//! Partners: how a party that P-Modes name is known, on the line and in a signature; and this node's own identity.
//! Leaves the certificates' own validity to `carnet_wire::trust` and what may be exchanged to `pmode`.
//! Clauses: eDelivery AS4 1.15 (Common Profile: certificate of the partner in the P-Mode; Dynamic Receiver: chain and
//! subject), WSS X.509 token profile 1.1.1.

mod stranger;

pub use stranger::Stranger;

use crate::id::PartyId;
use crate::pmode::{Signs, TokenForm};
use carnet_wire::encryption::Recipient;
use carnet_wire::token::{self, TokenError, TokenType};
use carnet_wire::trust::{Anchors, TrustError, within_validity};
use carnet_wire::wss::{SignError, Signer, SigningToken};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;
use std::sync::Arc;

/// A party this node exchanges messages with.
#[derive(Debug, Clone)]
pub struct Partner {
    /// Who, as in the header.
    pub party: PartyId,
    /// Which TLS certificate is this party's.
    pub tls: TlsBinding,
    /// Which signature is this party's.
    pub signer: SignerBinding,
    /// Issuing certificates that are known of this party; they complete a token that carries the leaf alone (X509v3).
    pub intermediates: Vec<CertificateDer<'static>>,
    /// Signing certificates that are known of this party, old and new while keys roll over: one that a token only
    /// names is looked up among them.
    pub known: Vec<CertificateDer<'static>>,
    /// Whom payload parts for this party are encrypted for: one for each kind of key that profiles agree on.
    pub recipients: Vec<Arc<Recipient>>,
}

/// Which TLS client certificate binds a connection to a partner.
#[derive(Clone)]
pub enum TlsBinding {
    /// That very certificate.
    Exact(CertificateDer<'static>),
    /// Any certificate that chains to these anchors.
    Anchor(Arc<Anchors>),
    /// None: whoever may connect may speak for the partner, and the signature alone tells.
    Off,
}

/// Which certificate signs for a partner.
#[derive(Clone)]
pub enum SignerBinding {
    /// One of those very certificates, while it is valid.
    Pinned {
        /// The certificates: one, or the old and the new while keys roll over.
        certificates: Vec<CertificateDer<'static>>,
        /// Who issues it; with these, its chain and revocation are checked too.
        anchors: Option<Arc<Anchors>>,
    },
    /// Any certificate with the subject that chains to the anchors.
    Anchored {
        /// Who issues it.
        anchors: Arc<Anchors>,
        /// Whom the leaf must name.
        subject: Subject,
        /// Certificate policies, by OID: the leaf names each, and so does every certificate between it and the anchor,
        /// or any policy.
        policies: Vec<String>,
    },
}

/// Whom a signer's certificate must name: a whole subject in the form of RFC 4514, or `CN=...` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(Vec<(String, String)>);

/// Why a certificate does not speak for a partner.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// No partner has that party id.
    #[error("no partner is known as {0}")]
    UnknownPartner(PartyId),
    /// The connection showed no certificate, and one is needed.
    #[error("the connection showed no client certificate")]
    NoTlsCertificate,
    /// The connection's certificate is another than the partner's.
    #[error("the connection's certificate is not the one of {0}")]
    TlsCertificate(PartyId),
    /// The connection's certificate does not chain to the partner's anchors.
    #[error("the connection's certificate does not chain to the anchors of {0}")]
    TlsTrust(PartyId, #[source] TrustError),
    /// The signer's certificate is another than the partner's.
    #[error("the signer's certificate is not the one of {0}")]
    SignerCertificate(PartyId),
    /// The signer's certificate does not chain to the partner's anchors, or is not valid now.
    #[error("the signer's certificate is not trusted for {0}")]
    SignerTrust(PartyId, #[source] TrustError),
    /// The signer's certificate names another subject.
    #[error("the signer's certificate names {got}, expected the subject of {party}")]
    SignerSubject {
        /// Whom the message is said to be from.
        party: PartyId,
        /// The subject of the certificate.
        got: String,
    },
    /// The signer's certificate, or one of its issuers', was not issued under a policy that is asked for.
    #[error("the signer's certificate of {party} is not issued under policy {policy}")]
    SignerPolicy {
        /// Whom the message is said to be from.
        party: PartyId,
        /// The OID.
        policy: String,
    },
    /// The signer's certificate has no subject that can be read.
    #[error("the subject of the signer's certificate cannot be read")]
    Subject(#[source] TokenError),
}

impl Partner {
    /// Whether the connection is this partner's. `chain` is the peer's, leaf first; empty without client certificate.
    ///
    /// # Errors
    /// [`BindingError`], the variants of TLS.
    //= EDEL-TLS-04
    pub fn check_tls(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), BindingError> {
        match (&self.tls, chain.first()) {
            (TlsBinding::Off, _) => Ok(()),
            (_, None) => Err(BindingError::NoTlsCertificate),
            (TlsBinding::Exact(expected), Some(leaf)) if expected.as_ref() == leaf.as_ref() => Ok(()),
            (TlsBinding::Exact(_), Some(_)) => Err(BindingError::TlsCertificate(self.party.clone())),
            (TlsBinding::Anchor(anchors), Some(_)) => {
                anchors.verify(chain, now).map_err(|error| BindingError::TlsTrust(self.party.clone(), error))
            }
        }
    }

    /// Whether the certificate, leaf first, signs for this partner.
    ///
    /// # Errors
    /// [`BindingError`], the variants of the signer.
    //= EDEL-TRUST-01
    //= EDEL-DYNRECEIVER-03
    pub fn check_signer(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), BindingError> {
        let untrusted = |error| BindingError::SignerTrust(self.party.clone(), error);
        let Some(leaf) = chain.first() else { return Err(untrusted(TrustError::EmptyChain)) };
        match &self.signer {
            //= CARNET-ROLLOVER-01
            SignerBinding::Pinned { certificates, anchors } => {
                if !certificates.iter().any(|certificate| certificate.as_ref() == leaf.as_ref()) {
                    return Err(BindingError::SignerCertificate(self.party.clone()));
                }
                match anchors {
                    Some(anchors) => anchors.verify(chain, now).map_err(untrusted),
                    None => within_validity(leaf, now).map_err(untrusted),
                }
            }
            SignerBinding::Anchored { anchors, subject, policies } => {
                let got = anchors.leaf(chain, now).map_err(untrusted)?;
                self.check_policies(policies, leaf, chain)?;
                if subject.names(&got) {
                    Ok(())
                } else {
                    Err(BindingError::SignerSubject { party: self.party.clone(), got: got.rfc4514.clone() })
                }
            }
        }
    }
}

impl Partner {
    //= EDEL-DYNRECEIVER-02
    fn check_policies(
        &self,
        policies: &[String],
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), BindingError> {
        for policy in policies {
            let mut issued = token::policies(leaf).map_err(BindingError::Subject)?.contains(policy);
            for issuer in chain.iter().skip(1) {
                if !token::is_self_issued(issuer).map_err(BindingError::Subject)? {
                    let named = token::policies(issuer).map_err(BindingError::Subject)?;
                    issued &= named.iter().any(|one| one == policy || one == ANY_POLICY);
                }
            }
            if !issued {
                return Err(BindingError::SignerPolicy { party: self.party.clone(), policy: policy.clone() });
            }
        }
        Ok(())
    }
}

/// Stands for every policy in an issuer's certificate (RFC 5280, 4.2.1.4).
const ANY_POLICY: &str = "2.5.29.32.0";

/// Where the value of a PartyId stands in a subject.
const PLACE: &str = "{party}";

impl Subject {
    /// Whether the value of a PartyId has a place in it.
    #[must_use]
    pub fn has_place(&self) -> bool {
        self.0.iter().any(|(_, value)| value.contains(PLACE))
    }

    /// With the value of a PartyId in its place.
    fn of(&self, party: &str) -> Self {
        Self(self.0.iter().map(|(kind, value)| (kind.clone(), value.replace(PLACE, party))).collect())
    }

    /// Reads a subject; `None` when it is not a list of `TYPE=value`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut attributes = Vec::new();
        for piece in split_unescaped(text) {
            let (kind, value) = piece.split_once('=')?;
            let (kind, value) = (kind.trim().to_ascii_uppercase(), value.trim().to_owned());
            if kind.is_empty() || value.is_empty() {
                return None;
            }
            attributes.push((kind, value));
        }
        if attributes.is_empty() { None } else { Some(Self(attributes)) }
    }

    fn names(&self, got: &token::Subject) -> bool {
        match (self.0.as_slice(), &got.common_name) {
            ([(kind, value)], Some(name)) if kind == "CN" && split_unescaped(value).count() == 1 => {
                unescaped(value) == *name
            }
            _ => Self::parse(&got.rfc4514).is_some_and(|got| got == *self),
        }
    }
}

impl fmt::Debug for TlsBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact(_) => "Exact",
            Self::Anchor(_) => "Anchor",
            Self::Off => "Off",
        })
    }
}

impl fmt::Debug for SignerBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned { .. } => f.write_str("Pinned"),
            Self::Anchored { subject, .. } => f.debug_tuple("Anchored").field(subject).finish(),
        }
    }
}

/// This node's key and certificate, with its tokens encoded once.
#[derive(Clone)]
pub struct Identity {
    signer: Arc<dyn Signer>,
    pkipath: SigningToken,
    x509v3: SigningToken,
    issuer_serial: SigningToken,
    /// None where the certificate has no subject key identifier.
    ski: Option<SigningToken>,
    /// Other keys of this node, for profiles that sign otherwise.
    others: Vec<Self>,
}

impl Identity {
    /// Puts together a key and its chain, leaf first.
    ///
    /// # Errors
    /// [`SignError::Token`] when the chain is empty.
    pub fn new(chain: &[CertificateDer<'_>], signer: Arc<dyn Signer>) -> Result<Self, SignError> {
        Ok(Self {
            signer,
            pkipath: SigningToken::new(TokenType::X509PkiPath, chain)?,
            x509v3: SigningToken::new(TokenType::X509V3, chain)?,
            issuer_serial: SigningToken::new(TokenType::IssuerSerial, chain)?,
            ski: SigningToken::new(TokenType::Ski, chain).ok(),
            others: Vec::new(),
        })
    }

    /// With another key of this node, for profiles that agree on its algorithm and not on this one's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.others.push(other);
        self
    }

    /// The key that signs as agreed; this one when none does.
    #[must_use]
    pub fn of(&self, signs: Signs) -> &Self {
        let mut all = std::iter::once(self).chain(&self.others);
        all.find(|identity| signs.agrees(identity.algorithm())).unwrap_or(self)
    }

    pub(crate) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// The token of that form.
    ///
    /// # Errors
    /// [`SignError::Token`] where the certificate has no subject key identifier to be named by.
    //= EDEL-TOKEN-03
    pub(crate) fn token(&self, form: TokenForm) -> Result<&SigningToken, SignError> {
        match form {
            TokenForm::PkiPath => Ok(&self.pkipath),
            TokenForm::X509v3 => Ok(&self.x509v3),
            TokenForm::IssuerSerial => Ok(&self.issuer_serial),
            TokenForm::Ski => self.ski.as_ref().ok_or(SignError::Token),
        }
    }

    /// URI of the algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.signer.algorithm()
    }

    /// Whether this identity can be shown in that form.
    #[must_use]
    pub fn has(&self, form: TokenForm) -> bool {
        self.token(form).is_ok()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Splits at commas that no backslash stands before.
fn split_unescaped(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c| {
        let splits = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
}

fn unescaped(text: &str) -> String {
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(rfc4514: &str, common_name: &str) -> token::Subject {
        token::Subject { rfc4514: rfc4514.into(), common_name: Some(common_name.into()) }
    }

    #[test]
    fn a_common_name_alone_or_the_whole_subject() {
        let red = got("CN=red,O=AS4 peer test,C=EU", "red");
        for good in ["CN=red", "cn = red", "CN=red, O=AS4 peer test, C=EU"] {
            assert!(Subject::parse(good).is_some_and(|subject| subject.names(&red)), "{good}");
        }
        for bad in [
            "CN=blue",
            "CN=red,C=EU",
            "C=EU,O=AS4 peer test,CN=red",
            "CN=red,O=AS4 peer test,C=EU,L=X",
            "O=AS4 peer test",
        ] {
            assert!(!Subject::parse(bad).is_some_and(|subject| subject.names(&red)), "{bad}");
        }
        assert_eq!(Subject::parse("red"), None);
        assert_eq!(Subject::parse(""), None);
    }

    #[test]
    fn an_escaped_comma_is_part_of_the_name() {
        let subject = Subject::parse("CN=customs\\, Manila").expect("subject");
        assert!(subject.names(&got("CN=customs\\, Manila", "customs, Manila")));
        assert!(!subject.names(&got("CN=customs", "customs")));
    }
}
