//! Parties for the tests: the phase4 pair with their recorded keys, and what each has agreed.

use carnet_as4::id::PartyId;
use carnet_as4::inbound::Agreements;
use carnet_as4::partner::{Identity, Partner, SignerBinding, Subject, TlsBinding};
use carnet_as4::pmode::{PMode, PModes};
use carnet_wire::Limits;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use carnet_wire::wss::signer_for;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

macro_rules! vector {
    ($($name:literal),+) => {
        include_bytes!(concat!("../../../../fixtures/vectors/phase4/", $($name),+))
    };
}
pub(crate) use vector;

/// The hour after the captures were recorded.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T16:00:00Z".parse().expect("time")
}

pub(crate) fn chain(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(|certificate| certificate.expect("certificate")).collect()
}

pub(crate) fn identity(chain_pem: &[u8], key_pem: &[u8]) -> Identity {
    let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem).expect("key");
    let chain = chain(chain_pem);
    let signer = signer_for(&chain[0], key.secret_pkcs8_der()).expect("key of the certificate");
    Identity::new(&chain, Arc::from(signer)).expect("identity")
}

/// The client of the captures.
pub(crate) fn blue() -> Identity {
    identity(vector!("keys/blue-chain.pem"), vector!("keys/blue.key"))
}

/// The server of the captures.
pub(crate) fn red() -> Identity {
    identity(vector!("keys/red-chain.pem"), vector!("keys/red.key"))
}

/// Anchors that know the root, and the intermediate too when asked.
pub(crate) fn anchors(with_intermediate: bool) -> Arc<Anchors> {
    let mut certificates = chain(vector!("keys/root.pem"));
    if with_intermediate {
        certificates.extend(chain(vector!("keys/inter.pem")));
    }
    Arc::new(Anchors::new(&certificates, &[], RevocationPolicy::default()).expect("anchors"))
}

pub(crate) fn anchored(common_name: &str, with_intermediate: bool) -> SignerBinding {
    let subject = Subject::parse(&format!("CN={common_name}")).expect("subject");
    SignerBinding::Anchored { anchors: anchors(with_intermediate), subject, policies: Vec::new() }
}

pub(crate) fn ics2() -> PMode {
    PMode::read("ics2.toml", include_str!("ics2.toml")).expect("P-Mode")
}

pub(crate) fn trader() -> PartyId {
    ics2().initiator.id
}

/// What the customs side of the captures has agreed: the trader signs as `blue`.
pub(crate) fn customs() -> Agreements {
    let partner = Partner {
        party: trader(),
        tls: TlsBinding::Off,
        signer: anchored("blue", false),
        intermediates: Vec::new(),
        known: Vec::new(),
        recipients: Vec::new(),
    };
    Agreements {
        us: ics2().responder.id,
        pmodes: PModes::new(vec![ics2()]).expect("P-Modes"),
        partners: std::iter::once(partner).collect(),
        limits: Limits::default(),
        decryption: Vec::new(),
    }
}

/// Changes what is known of the trader.
pub(crate) fn change(agreements: &mut Agreements, edit: impl FnOnce(&mut Partner)) {
    let mut partner = agreements.partner(&trader()).expect("partner").into_owned();
    edit(&mut partner);
    agreements.partners = std::iter::once(partner).collect();
}

/// As [`customs`], with another binding of the signer.
pub(crate) fn customs_with(signer: SignerBinding) -> Arc<Agreements> {
    let mut agreements = customs();
    change(&mut agreements, |partner| partner.signer = signer);
    Arc::new(agreements)
}

/// The customs side as the trader knows it: it signs as `red`.
pub(crate) fn customs_as_partner() -> Partner {
    Partner {
        party: ics2().responder.id,
        tls: TlsBinding::Off,
        signer: anchored("red", true),
        intermediates: Vec::new(),
        known: Vec::new(),
        recipients: Vec::new(),
    }
}
