//! Encryption both ways: what phase4, openssl and xmlsec1 encrypted decrypts here, what is encrypted here decrypts
//! there, and everything that was not agreed is refused before a key is used.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::encryption::{
    ContentAlgorithm, DecryptionKey, Encrypted, EncryptionError, Fresh, KeyError, KeyMethod, Policy, Recipient, Sealer,
    insert,
};
use carnet_wire::gzip;
use carnet_wire::namespace::{SOAP12, WSSE};
use carnet_wire::signature::{self, SignatureAlgorithm};
use carnet_wire::token::Token;
use carnet_wire::xml::Document;
use carnet_wire::{Limits, digest};
use rustls_pki_types::CertificateDer;

use super::support::{capture, pem, run, unpack, vector, vectors, verify};

fn everything() -> Policy {
    Policy {
        keys: vec![KeyMethod::RsaOaep, KeyMethod::X25519, KeyMethod::EcdhP256],
        contents: vec![ContentAlgorithm::Aes128Gcm, ContentAlgorithm::Aes256Gcm],
        ..Policy::default()
    }
}

fn certificate(path: &str) -> CertificateDer<'static> {
    CertificateDer::from(pem(path).remove(0))
}

fn key(key: &str, certificate_at: &str) -> DecryptionKey {
    DecryptionKey::new(&pem(key)[0], certificate(certificate_at)).unwrap()
}

/// The recipients of `encryption/`, all at once: the right one is found by what the message names.
fn ours() -> Vec<DecryptionKey> {
    ["rsa", "x25519", "p256"]
        .map(|name| key(&format!("encryption/keys/{name}.key"), &format!("encryption/keys/{name}.pem")))
        .into()
}

fn read(envelope: &[u8], policy: &Policy) -> Result<Option<Encrypted>, EncryptionError> {
    let document = Document::parse(envelope, &Limits::default()).unwrap();
    let security = document.elements().find(|e| e.is(WSSE, "Security")).unwrap().id();
    Encrypted::read(&document, security, policy)
}

/// Decrypts the only part.
fn decrypt(envelope: &[u8], part: &[u8], ours: &[DecryptionKey]) -> Result<Vec<u8>, EncryptionError> {
    let encrypted = read(envelope, &everything())?.unwrap();
    encrypted.open(ours)?.decrypt(part.to_vec())
}

#[test]
fn what_phase4_encrypted_decrypts_and_its_signature_covers_it() {
    let cases = [
        ("26-encrypted-rsa-oaep", "red", SignatureAlgorithm::RsaSha256, KeyMethod::RsaOaep),
        ("28-edelivery2-ed25519-x25519", "red-x25519", SignatureAlgorithm::Ed25519, KeyMethod::X25519),
    ];
    for (name, recipient, signature, method) in cases {
        let (envelope, parts) = unpack(&capture(&format!("{name}.request"))).unwrap();
        let encrypted = read(&envelope, &everything()).unwrap().unwrap();
        assert_eq!(encrypted.method(), method, "{name}");
        let policy = signature::Policy { signatures: vec![signature], ..signature::Policy::default() };
        let verified = verify(&envelope, &policy).unwrap();
        let ours = key(&format!("phase4/keys/{recipient}.key"), &format!("phase4/keys/{recipient}-chain.pem"));
        let content = encrypted.open([&ours]).unwrap().decrypt(parts[0].1.clone()).unwrap();
        let [part] = encrypted.parts() else { panic!("{name}") };
        let transform = digest::Transform::of(part.media.as_deref().unwrap());
        let found = digest::part(transform, &content, &Limits::default()).unwrap();
        assert_eq!(verified.parts[0].cid, part.cid, "{name}");
        assert_eq!(verified.parts[0].digest, found.sha256, "{name}");
        let document = gzip::inflate(&content, &Limits::default()).unwrap();
        assert!(document.starts_with(b"<?xml"), "{name}");
    }
}

#[test]
fn what_openssl_and_xmlsec1_encrypted_decrypts() {
    let content = vector("encryption/content.gz");
    for name in ["rsa-oaep-aes128", "rsa-oaep-aes256", "x25519", "p256"] {
        let (envelope, part) = (vector(&format!("encryption/{name}.xml")), vector(&format!("encryption/{name}.part")));
        assert_eq!(decrypt(&envelope, &part, &ours()), Ok(content.clone()), "{name}");
    }
}

#[test]
fn every_changed_byte_fails_the_same_way() {
    let ours = ours();
    for name in ["rsa-oaep-aes128", "x25519", "p256"] {
        let (envelope, part) = (vector(&format!("encryption/{name}.xml")), vector(&format!("encryption/{name}.part")));
        for at in 0..part.len() {
            let mut changed = part.clone();
            changed[at] ^= 1;
            assert_eq!(decrypt(&envelope, &changed, &ours), Err(EncryptionError::Failed), "{name} {at}");
        }
        for length in 0..part.len() {
            assert_eq!(decrypt(&envelope, &part[..length], &ours), Err(EncryptionError::Failed), "{name} {length}");
        }
        let text = String::from_utf8(envelope).unwrap();
        let from = text.find("<xenc:CipherValue>\n").unwrap() + 19;
        let swapped = if text.as_bytes()[from] == b'A' { "B" } else { "A" };
        let mut forged = text.clone();
        forged.replace_range(from..=from, swapped);
        assert_eq!(decrypt(forged.as_bytes(), &part, &ours), Err(EncryptionError::Failed), "{name} key");
    }
}

#[test]
fn what_was_not_agreed_is_refused_before_a_key_is_used() {
    let rsa = String::from_utf8(vector("encryption/rsa-oaep-aes128.xml")).unwrap();
    let x25519 = String::from_utf8(vector("encryption/x25519.xml")).unwrap();
    let p256 = String::from_utf8(vector("encryption/p256.xml")).unwrap();
    let shape = |element| EncryptionError::Shape { element };
    let misplaced = |element| EncryptionError::Misplaced { element };
    let data = &rsa[rsa.find("<xenc:EncryptedData").unwrap()..rsa.find("</wsse:Security>").unwrap()];
    let the_key = &rsa[rsa.find("<xenc:EncryptedKey").unwrap()..rsa.find("<xenc:EncryptedData").unwrap()];
    let cases: &[(&str, &str, &str, EncryptionError)] = &[
        (&rsa, "xmlenc11#rsa-oaep", "xmlenc#rsa-oaep-mgf1p", EncryptionError::KeyMethod),
        (&rsa, "xmlenc11#rsa-oaep", "xmlenc#rsa-1_5", EncryptionError::KeyMethod),
        (&rsa, "xmlenc#sha256", "xmldsig#sha1", EncryptionError::KeyMethod),
        (&rsa, "#mgf1sha256", "#mgf1sha1", EncryptionError::KeyMethod),
        (&rsa, "#aes128-gcm", "#tripledes-cbc", EncryptionError::ContentAlgorithm),
        (&rsa, "Attachment-Content-Only", "Attachment-Complete", EncryptionError::Type),
        (&rsa, "Attachment-Ciphertext-Transform", "Attachment-Content-Signature-Transform", EncryptionError::Transform),
        (&rsa, "cid:part", "http://elsewhere/part", EncryptionError::CipherReference),
        (&rsa, "cid:part", "file:///part", EncryptionError::CipherReference),
        (&rsa, "DataReference URI=\"#ed\"", "DataReference URI=\"#other\"", EncryptionError::ReferenceList),
        (&rsa, "<xenc:DataReference URI=\"#ed\"/>", "", EncryptionError::ReferenceList),
        (&rsa, "Reference URI=\"#ek\"", "Reference URI=\"#other\"", EncryptionError::Keys),
        (&rsa, the_key, "", EncryptionError::Keys),
        (&rsa, data, "", EncryptionError::Keys),
        (
            &rsa,
            "<xenc:CipherData><xenc:CipherValue>",
            "<xenc:CipherData><!-- --><xenc:CipherValue>",
            EncryptionError::Comment,
        ),
        (
            &rsa,
            "<S12:Body/>",
            &format!("<S12:Body xmlns:wsse=\"{WSSE}\">{data}</S12:Body>"),
            misplaced("EncryptedData"),
        ),
        (
            &rsa,
            "<S12:Body/>",
            &format!("<S12:Body xmlns:wsse=\"{WSSE}\">{the_key}</S12:Body>"),
            misplaced("EncryptedKey"),
        ),
        (&rsa, "</ds:KeyInfo><xenc:CipherData>", "</ds:KeyInfo><xenc:X/><xenc:CipherData>", shape("CipherData")),
        (&rsa, "<xenc:CipherValue>", "<xenc:CipherValue>!", EncryptionError::Value),
        (&x25519, "#x25519", "#x448", EncryptionError::KeyMethod),
        (&x25519, "#hkdf", "#pbkdf2", EncryptionError::Derivation),
        (&x25519, "#hmac-sha256", "#hmac-sha1", EncryptionError::Derivation),
        (&x25519, "<m:KeyLength>16", "<m:KeyLength>32", EncryptionError::Derivation),
        (&x25519, "<m:Info>0a", "<m:Info>0x", EncryptionError::Value),
        (&x25519, "#kw-aes128", "#kw-aes256", EncryptionError::KeyMethod),
        (&p256, "10045.3.1.7", "10045.3.1.1", EncryptionError::KeyMethod),
    ];
    for (envelope, from, to, expected) in cases {
        assert!(envelope.contains(from), "{from}");
        let changed = envelope.replacen(from, to, 1);
        assert_eq!(read(changed.as_bytes(), &everything()).as_ref().map(|_| ()), Err(expected), "{from} -> {to}");
    }
    // Agreed lists are narrower than what is known.
    for (name, expected) in [
        ("rsa-oaep-aes256", EncryptionError::ContentAlgorithm),
        ("x25519", EncryptionError::KeyMethod),
        ("p256", EncryptionError::KeyMethod),
    ] {
        let envelope = vector(&format!("encryption/{name}.xml"));
        assert_eq!(read(&envelope, &Policy::default()).map(|_| ()), Err(expected), "{name}");
    }
}

#[test]
fn parts_are_counted_before_they_are_read() {
    let rsa = String::from_utf8(vector("encryption/rsa-oaep-aes128.xml")).unwrap();
    let data = &rsa[rsa.find("<xenc:EncryptedData").unwrap()..rsa.find("</wsse:Security>").unwrap()];
    let many = rsa.replacen(data, &data.repeat(4), 1);
    let policy = Policy { parts: 3, ..everything() };
    assert_eq!(read(many.as_bytes(), &policy), Err(EncryptionError::TooMany { limit: 3 }));
    assert_eq!(read(many.as_bytes(), &everything()), Err(EncryptionError::CipherReference));
}

#[test]
fn a_message_for_another_certificate_is_told_apart() {
    let (envelope, part) = (vector("encryption/x25519.xml"), vector("encryption/x25519.part"));
    let others: Vec<DecryptionKey> = ours().into_iter().filter(|key| key.method() != KeyMethod::X25519).collect();
    assert_eq!(decrypt(&envelope, &part, &others), Err(EncryptionError::OtherRecipient));
}

#[test]
fn keys_must_fit_their_certificate() {
    let new = |key: &str, certificate_at: &str| {
        DecryptionKey::new(&pem(key)[0], certificate(certificate_at)).map(|key| key.method())
    };
    assert_eq!(new("phase4/keys/red.key", "phase4/keys/blue-chain.pem"), Err(KeyError::OtherKey));
    assert_eq!(new("phase4/keys/red-x25519.key", "phase4/keys/blue-x25519-chain.pem"), Err(KeyError::OtherKey));
    assert_eq!(new("phase4/keys/red-ed25519.key", "phase4/keys/red-x25519-chain.pem"), Err(KeyError::Key));
    assert_eq!(new("phase4/keys/red-ed25519.key", "phase4/keys/red-ed25519-chain.pem"), Err(KeyError::Kind));
    assert_eq!(new("encryption/keys/signer-p256.key", "encryption/keys/signer-p256.pem"), Err(KeyError::Usage));
    assert_eq!(Recipient::new(certificate("phase4/keys/red-ed25519-chain.pem")).map(|_| ()), Err(KeyError::Kind));
}

/// Two parts encrypted here for that recipient, as envelope and transported parts.
fn sealed(certificate_at: &str, random: &[u8; 64]) -> (String, Vec<Vec<u8>>) {
    let recipient = Recipient::new(certificate(certificate_at)).unwrap();
    let mut sealer = Sealer::new(&recipient, Fresh::new(random)).unwrap();
    let parts = vec![
        sealer.seal("one@test", "application/gzip", b"first part".to_vec()).unwrap(),
        sealer.seal("two@test", "application/pdf", Vec::new()).unwrap(),
    ];
    let bare = format!(
        "<S12:Envelope xmlns:S12=\"{SOAP12}\"><S12:Header><wsse:Security xmlns:wsse=\"{WSSE}\"/></S12:Header><S12:Body/></S12:Envelope>"
    );
    (insert(&bare, &sealer.header("enc").unwrap()).unwrap(), parts)
}

/// Every byte another.
fn random() -> [u8; 64] {
    std::array::from_fn(|n| u8::try_from(n * 3 + 1).unwrap())
}

#[test]
fn what_is_encrypted_here_decrypts_here() {
    for name in ["rsa", "x25519", "p256"] {
        let (envelope, parts) = sealed(&format!("encryption/keys/{name}.pem"), &random());
        let encrypted = read(envelope.as_bytes(), &everything()).unwrap().unwrap();
        let told: Vec<_> = encrypted.parts().iter().map(|p| (p.cid.as_str(), p.media.as_deref())).collect();
        assert_eq!(told, [("one@test", Some("application/gzip")), ("two@test", Some("application/pdf"))]);
        assert!(matches!(encrypted.recipient(), Token::Ski(_)), "{name}");
        let content = encrypted.open(&ours()).unwrap();
        assert_eq!(content.decrypt(parts[0].clone()).as_deref(), Ok(&b"first part"[..]), "{name}");
        assert_eq!(content.decrypt(parts[1].clone()).as_deref(), Ok(&b""[..]), "{name}");
        assert_ne!(parts[0][..12], parts[1][..12], "nonces differ");
    }
}

/// The text between two others.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let text = &text[text.find(from).unwrap() + from.len()..];
    &text[..text.find(to).unwrap()]
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn at(name: &str) -> String {
    vectors().join(name).to_str().unwrap().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Asks xmlsec1 for the content of a part.
fn xmlsec1_decrypts(folder: &Path, key: &str, part: &[u8]) -> Option<Vec<u8>> {
    let xml = format!(
        "<EncryptedData xmlns=\"http://www.w3.org/2001/04/xmlenc#\"><EncryptionMethod Algorithm=\"{}\"/><CipherData>\
         <CipherValue>{}</CipherValue></CipherData></EncryptedData>",
        ContentAlgorithm::Aes128Gcm.uri(),
        STANDARD.encode(part)
    );
    let xml = file(folder, "data.xml", xml.as_bytes());
    let output = run("xmlsec1", &["--decrypt", "--aeskey", key, &xml])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn openssl_and_xmlsec1_decrypt_what_is_encrypted_here_by_rsa_oaep() {
    let folder = tempfile::tempdir().unwrap();
    let (envelope, parts) = sealed("encryption/keys/rsa.pem", &random());
    let value = between(&envelope, "<xenc:CipherValue>", "</xenc:CipherValue>");
    let wrapped = file(folder.path(), "wrapped", &STANDARD.decode(value).unwrap());
    let Some(output) = run(
        "openssl",
        &[
            "pkeyutl",
            "-decrypt",
            "-inkey",
            &at("encryption/keys/rsa.key"),
            "-in",
            &wrapped,
            "-pkeyopt",
            "rsa_padding_mode:oaep",
            "-pkeyopt",
            "rsa_oaep_md:sha256",
            "-pkeyopt",
            "rsa_mgf1_md:sha256",
        ],
    ) else {
        return;
    };
    assert_eq!(output.stdout.len(), 16, "{}", String::from_utf8_lossy(&output.stderr));
    let key = file(folder.path(), "key", &output.stdout);
    let Some(content) = xmlsec1_decrypts(folder.path(), &key, &parts[0]) else { return };
    assert_eq!(content, b"first part");
}

#[test]
fn openssl_and_xmlsec1_decrypt_what_is_encrypted_here_by_agreement() {
    for name in ["x25519", "p256"] {
        let folder = tempfile::tempdir().unwrap();
        let (envelope, parts) = sealed(&format!("encryption/keys/{name}.pem"), &random());
        // The originator's key as openssl reads it: P-256 travels as a bare point, so its prefix is put before it.
        let public = match name {
            "x25519" => STANDARD
                .decode(between(
                    &envelope,
                    "DEREncodedKeyValue xmlns:dsig11=\"http://www.w3.org/2009/xmldsig11#\">",
                    "<",
                ))
                .unwrap(),
            _ => {
                let point = STANDARD.decode(between(&envelope, "<dsig11:PublicKey>", "<")).unwrap();
                let prefix = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
                [&STANDARD.decode(prefix).unwrap()[..26], &point].concat()
            }
        };
        let public = file(folder.path(), "public", &public);
        let private = at(&format!("encryption/keys/{name}.key"));
        let Some(secret) =
            run("openssl", &["pkeyutl", "-derive", "-inkey", &private, "-peerkey", &public, "-peerform", "DER"])
        else {
            return;
        };
        assert_eq!(secret.stdout.len(), 32, "{name} {}", String::from_utf8_lossy(&secret.stderr));
        let salt = between(&envelope, "<dsigmore:Salt>", "<");
        let salt = format!("hexsalt:{}", hex(&STANDARD.decode(salt).unwrap()));
        let secret = format!("hexkey:{}", hex(&secret.stdout));
        let kek = run(
            "openssl",
            &[
                "kdf",
                "-keylen",
                "16",
                "-binary",
                "-kdfopt",
                "digest:SHA256",
                "-kdfopt",
                &secret,
                "-kdfopt",
                &salt,
                "HKDF",
            ],
        )
        .unwrap();
        let value = between(&envelope, "<xenc:CipherValue>", "</xenc:CipherValue>");
        let wrapped = file(folder.path(), "wrapped", &STANDARD.decode(value).unwrap());
        let kek = hex(&kek.stdout);
        let key =
            run("openssl", &["enc", "-d", "-id-aes128-wrap", "-K", &kek, "-iv", "A6A6A6A6A6A6A6A6", "-in", &wrapped])
                .unwrap();
        assert_eq!(key.stdout.len(), 16, "{name} {}", String::from_utf8_lossy(&key.stderr));
        let key = file(folder.path(), "key", &key.stdout);
        let Some(content) = xmlsec1_decrypts(folder.path(), &key, &parts[0]) else { return };
        assert_eq!(content, b"first part", "{name}");
    }
}
