//! Every property of a presented identity, as text by name, read with x509-parser.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use carnet_certs::{Authority, Identity};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::AlgorithmIdentifier;

pub(crate) fn properties(identity: &Identity, authority: &Authority) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let names: Vec<_> = identity.chain.iter().skip(1).map(|der| subject(der)).collect();
    out.insert("chain".into(), if identity.chain.is_empty() { "empty".into() } else { names.join(" > ") });
    let mut around: Vec<&[u8]> = identity.chain.iter().map(|der| &**der).collect();
    around.extend([&**authority.issuing(), &**authority.root()]);
    let Some(leaf) = identity.chain.first() else { return out };
    out.insert("leaf.encoding".into(), encoding(leaf).into());
    if let Ok((_, parsed)) = X509Certificate::from_der(leaf) {
        describe("leaf", &parsed, &around, &mut out);
        let proof = parsed.public_key().raw == identity.key.spki();
        out.insert("proof".into(), if proof { "its key" } else { "another key" }.into());
        out.insert("revocation".into(), revocation(identity, authority));
    }
    let issuing = identity.chain.iter().skip(1).find(|der| subject(der) == subject(authority.issuing()));
    if let Some(issuing) = issuing {
        let (_, parsed) = X509Certificate::from_der(issuing).unwrap();
        describe("issuing", &parsed, &[authority.root()], &mut out);
    } else {
        // Not sent, which the chain says; the control's is described, so that nothing else seems to differ.
        let (_, parsed) = X509Certificate::from_der(authority.issuing()).unwrap();
        describe("issuing", &parsed, &[authority.root()], &mut out);
    }
    out
}

fn describe(prefix: &str, cert: &X509Certificate<'_>, around: &[&[u8]], out: &mut BTreeMap<String, String>) {
    let mut put = |name: &str, value: String| out.insert(format!("{prefix}.{name}"), value);
    put("version", cert.version().0.to_string());
    let serial = cert.raw_serial();
    let form = if serial == [0] {
        "zero"
    } else if serial[0] & 0x80 != 0 {
        "negative"
    } else {
        "positive"
    };
    put("serial-form", format!("{form}, {}", if serial.len() > 20 { "over 20 bytes" } else { "up to 20 bytes" }));
    put("signature-algorithm", cert.tbs_certificate.signature.algorithm.to_id_string());
    put(
        "outer-algorithm",
        if cert.signature_algorithm == cert.tbs_certificate.signature { "same" } else { "other" }.into(),
    );
    put("issuer", cert.issuer().to_string());
    put("validity", format!("{:?}", cert.validity()));
    put("subject", cert.subject().to_string());
    let key = cert.public_key();
    put("key", format!("{} {:?}", key.algorithm.algorithm.to_id_string(), hash(key.raw)));
    let mut extensions = BTreeMap::<String, Vec<String>>::new();
    for extension in cert.extensions() {
        let value = format!("{} {:?}", extension.critical, hash(extension.value));
        extensions.entry(extension.oid.to_id_string()).or_default().push(value);
    }
    for (oid, values) in extensions {
        put(&format!("extension.{oid}"), values.join(" and "));
    }
    put("signature", if signed(cert, around) { "good" } else { "bad" }.into());
}

/// Whether the signature is good under the certificate that bears the issuer's name, or else under our issuing CA's.
fn signed(cert: &X509Certificate<'_>, around: &[&[u8]]) -> bool {
    let parsed: Vec<_> =
        around.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, cert)| cert).collect();
    let named: Vec<_> = parsed.iter().filter(|ca| ca.subject() == cert.issuer()).collect();
    let candidates = if named.is_empty() { parsed.iter().collect() } else { named };
    candidates
        .iter()
        .any(|ca| verifies(ca, &cert.signature_algorithm, cert.tbs_certificate.as_ref(), &cert.signature_value.data))
}

/// Whether a CA's key verifies the signature; not when the key is of another kind than the algorithm.
fn verifies(ca: &X509Certificate<'_>, algorithm: &AlgorithmIdentifier<'_>, signed: &[u8], signature: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.5" => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.11" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "1.2.840.113549.1.1.12" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "1.2.840.10045.4.3.2" => &signature::ECDSA_P256_SHA256_ASN1,
        other => panic!("{other}"),
    };
    let key = UnparsedPublicKey::new(algorithm, &ca.public_key().subject_public_key.data);
    key.verify(signed, signature).is_ok()
}

/// What the published lists say of the chain, but for certificates in good standing.
fn revocation(identity: &Identity, authority: &Authority) -> String {
    let now = super::super::NOW as i64;
    let lists = authority.crls(super::super::now()).unwrap();
    let mut out = Vec::new();
    for der in &identity.chain {
        let (_, cert) = X509Certificate::from_der(der).unwrap();
        let mut listed = false;
        for list in &lists {
            let (_, list) = CertificateRevocationList::from_der(&list.der).unwrap();
            if list.issuer() != cert.issuer() {
                continue;
            }
            listed = true;
            let issuers = identity.chain.iter().chain([authority.issuing(), authority.root()]);
            let issuers = issuers.filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, ca)| ca);
            let mut keys = issuers.filter(|ca| ca.subject() == list.issuer());
            let signature = &list.signature_value.data;
            if !keys.any(|ca| verifies(&ca, &list.signature_algorithm, list.tbs_cert_list.as_ref(), signature)) {
                out.push(format!("list of {} is signed by another key", list.issuer()));
            }
            if list.iter_revoked_certificates().any(|entry| entry.raw_serial() == cert.raw_serial()) {
                out.push(format!("{} is revoked", cert.subject()));
            }
            if list.next_update().unwrap().timestamp() < now {
                out.push(format!("list of {} is stale", list.issuer()));
            }
        }
        if !listed {
            out.push(format!("no list of {}", cert.issuer()));
        }
    }
    out.join(", ")
}

fn encoding(der: &[u8]) -> &'static str {
    let count = usize::from(der[1] & 0x7f);
    let length = der[2..2 + count].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    match (2 + count + length).cmp(&der.len()) {
        std::cmp::Ordering::Greater => "cut short",
        std::cmp::Ordering::Less => "bytes after its end",
        std::cmp::Ordering::Equal if der[2] == 0 => "length not minimal",
        std::cmp::Ordering::Equal => "DER",
    }
}

fn subject(der: &[u8]) -> String {
    X509Certificate::from_der(der).map_or_else(|_| "not readable".into(), |(_, cert)| cert.subject().to_string())
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref()[..6].to_vec()
}
