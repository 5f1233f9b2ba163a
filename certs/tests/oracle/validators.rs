//! Two foreign validators: rustls-webpki with the settings of a strict server or client, and `openssl verify`.

use std::process::Command;

use carnet_certs::zoo::Side;
use carnet_certs::{Authority, Identity, KeyKind, Scheme, UnixTime, crl_to_pem, to_pem};
use rustls_pki_types::ServerName;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

/// `ok`, the name of webpki's error, or what of the proof of possession failed.
pub(crate) fn webpki(identity: &Identity, authority: &Authority, side: Side, now: UnixTime) -> String {
    match judged(identity, authority, side, now) {
        Ok(()) => "ok".into(),
        Err(Refused::Nothing) => "none".into(),
        Err(Refused::Proof) if identity.key.kind() == KeyKind::Rsa1024 => "weak".into(),
        Err(Refused::Proof) => "proof".into(),
        Err(Refused::Webpki(error)) => format!("{error:?}").split(['(', ' ', '{']).next().unwrap().to_owned(),
    }
}

enum Refused {
    Nothing,
    Proof,
    Webpki(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Webpki(error)
    }
}

fn judged(identity: &Identity, authority: &Authority, side: Side, now: UnixTime) -> Result<(), Refused> {
    let (leaf, between) = identity.chain.split_first().ok_or(Refused::Nothing)?;
    let leaf = EndEntityCert::try_from(leaf)?;
    let anchors = [anchor_from_trusted_cert(authority.root())?];
    let lists: Vec<_> = authority.crls(now).unwrap();
    let lists: Vec<CertRevocationList<'_>> =
        lists.iter().map(|list| BorrowedCertRevocationList::from_der(&list.der).unwrap().into()).collect();
    let lists: Vec<_> = lists.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&lists)
        .unwrap()
        .with_depth(RevocationCheckDepth::Chain)
        .with_status_policy(UnknownStatusPolicy::Deny)
        .with_expiration_policy(ExpirationPolicy::Enforce)
        .build();
    let usage = if side == Side::Server { KeyUsage::server_auth() } else { KeyUsage::client_auth() };
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, between, now, usage, Some(revocation), None)?;
    if side == Side::Server {
        leaf.verify_is_valid_for_subject_name(&ServerName::try_from("localhost").unwrap())?;
    }
    let signed = identity.key.sign(Scheme::RsaPssSha256, b"proof").unwrap();
    leaf.verify_signature(webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY, b"proof", &signed)
        .map_err(|_| Refused::Proof)
}

/// The number of openssl's first error, 0 for none, -1 when it cannot read the certificate; and all it said.
pub(crate) fn openssl(identity: &Identity, authority: &Authority, side: Side, now: UnixTime) -> (i16, String) {
    let Some((leaf, between)) = identity.chain.split_first() else { return (-1, String::new()) };
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let leaf = put("leaf.pem", to_pem("CERTIFICATE", leaf));
    let root = put("root.pem", authority.anchors_pem());
    let lists = authority.crls(now).unwrap();
    let lists = put("crls.pem", lists.iter().map(|list| crl_to_pem(&list.der)).collect());
    let mut command = Command::new("openssl");
    command.args(["verify", "-auth_level", "2", "-crl_check_all", "-attime", &now.as_secs().to_string()]);
    command.args(["-purpose", if side == Side::Server { "sslserver" } else { "sslclient" }]);
    if side == Side::Server {
        command.args(["-verify_hostname", "localhost"]);
    }
    command.arg("-CAfile").arg(root).arg("-CRLfile").arg(lists);
    if !between.is_empty() {
        let between = between.iter().map(|der| to_pem("CERTIFICATE", der)).collect();
        command.arg("-untrusted").arg(put("between.pem", between));
    }
    let done = command.arg(leaf).output().unwrap();
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    let first = said.lines().find_map(|line| line.strip_prefix("error ")?.split(' ').next()?.parse().ok());
    let unread = said.contains("unable to load") || said.contains("Could not read") || said.contains("Unable to load");
    (if unread { -1 } else { first.unwrap_or(if done.status.success() { 0 } else { -2 }) }, said)
}
