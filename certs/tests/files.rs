//! PEM and PKCS#12: what openssl writes is read, what is written openssl reads; authorities survive a folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use carnet_certs::{
    Authority, CertError, FolderPlan, Identity, Key, KeyKind, Profile, Scheme, UnixTime, write_folder, write_zoo,
};
use proptest::prelude::*;

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

fn openssl(dir: &Path, arguments: &str) -> String {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// An identity as files, and the authority it came from.
fn files() -> (tempfile::TempDir, Identity) {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("Files Test", now()).unwrap();
    let identity = authority.issue(&Profile::tls("PH").organisation("Customs").country("PH"), now()).unwrap();
    std::fs::write(dir.path().join("chain.pem"), identity.chain_pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), identity.key_pem()).unwrap();
    std::fs::write(dir.path().join("root.pem"), authority.anchors_pem()).unwrap();
    (dir, identity)
}

#[test]
fn pkcs12_made_by_openssl_is_read_modern_and_legacy() {
    let (dir, identity) = files();
    let base = "pkcs12 -export -in chain.pem -inkey key.pem -name node -passout pass:secret";
    for (name, options) in [
        ("aes256", "-keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256"),
        ("3des", "-legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"),
        ("rc2", "-legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1"),
    ] {
        openssl(dir.path(), &format!("{base} {options} -out {name}.p12"));
        let bytes = std::fs::read(dir.path().join(format!("{name}.p12"))).unwrap();
        let read = Identity::from_pkcs12(&bytes, "secret").unwrap();
        assert_eq!(read.chain, identity.chain, "{name}");
        assert_eq!(read.key.spki(), identity.key.spki(), "{name}");
        assert!(matches!(Identity::from_pkcs12(&bytes, "wrong"), Err(CertError::Pkcs12 { .. })), "{name}");
    }
}

#[test]
fn pkcs12_and_pem_that_are_written_are_read_by_openssl() {
    let (dir, identity) = files();
    std::fs::write(dir.path().join("ours.p12"), identity.to_pkcs12("node", "secret").unwrap()).unwrap();
    let shown = openssl(dir.path(), "pkcs12 -in ours.p12 -passin pass:secret -nodes");
    let read = Identity::from_pem(&shown, &shown).unwrap();
    assert_eq!(read.chain, identity.chain);
    assert_eq!(read.key.spki(), identity.key.spki());
    let text = openssl(dir.path(), "x509 -in chain.pem -noout -text");
    for line in [
        "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
        "Public-Key: (2048 bit)",
        "C = PH, O = Customs, CN = PH",
    ] {
        assert!(text.contains(line), "{line} not in\n{text}");
    }
    openssl(dir.path(), "verify -x509_strict -CAfile root.pem -untrusted chain.pem -attime 1800000000 chain.pem");
}

#[test]
fn every_kind_of_key_signs_what_openssl_verifies() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("message"), b"message").unwrap();
    for (kind, scheme, options) in [
        (KeyKind::Rsa1024, Scheme::RsaPkcs1Sha256, "-sha256"),
        (KeyKind::Rsa1024, Scheme::RsaPssSha256, "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"),
        (KeyKind::Rsa2048, Scheme::RsaPkcs1Sha1, "-sha1"),
        (KeyKind::Rsa2048, Scheme::RsaPkcs1Sha256, "-sha256"),
        (KeyKind::Rsa3072, Scheme::RsaPssSha256, "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"),
        (KeyKind::P256, Scheme::EcdsaP256Sha256, "-sha256"),
    ] {
        let key = Key::generate(kind).unwrap();
        assert_eq!(key.kind(), kind);
        std::fs::write(dir.path().join("public.der"), key.spki()).unwrap();
        std::fs::write(dir.path().join("signature"), key.sign(scheme, b"message").unwrap()).unwrap();
        openssl(dir.path(), "pkey -pubin -inform DER -in public.der -out public.pem");
        openssl(dir.path(), &format!("dgst {options} -verify public.pem -signature signature message"));
    }
    let p256 = Key::generate(KeyKind::P256).unwrap();
    assert!(matches!(p256.sign(Scheme::RsaPssSha256, b""), Err(CertError::Sign { .. })));
}

#[test]
fn a_folder_is_written_once_and_its_authority_kept() {
    let dir = tempfile::tempdir().unwrap();
    let plan = FolderPlan {
        authority: "Folder Test".into(),
        parties: vec!["PH".into(), "TH".into()],
        hosts: vec!["node.example".into()],
        tls_key: KeyKind::Rsa2048,
        lists: None,
        pkcs12_password: Some("secret".into()),
    };
    let first = write_folder(dir.path(), &plan, now()).unwrap();
    let root = std::fs::read(dir.path().join("anchors.pem")).unwrap();
    let again = write_folder(dir.path(), &plan, now()).unwrap();
    assert_eq!(first, again);
    assert_eq!(root, std::fs::read(dir.path().join("anchors.pem")).unwrap(), "the authority was made anew");
    for file in &first {
        assert!(file.path.exists(), "{}", file.path.display());
        let name = file.path.to_string_lossy();
        let secret = name.ends_with(".key.pem") || name.ends_with(".p12");
        assert_eq!(std::fs::metadata(&file.path).unwrap().mode() & 0o77 == 0, secret, "{name}");
    }
    let shown = openssl(dir.path(), "crl -in crls/issuing.crl.pem -noout -text");
    assert!(shown.contains("Key Compromise"), "{shown}");
    openssl(dir.path(), "verify -CAfile anchors.pem -untrusted th-signing.pem -attime 1800000000 th-signing.pem");

    let authority = Authority::load(&dir.path().join("authority")).unwrap();
    assert_eq!(authority.name(), "Folder Test");
    let zoo = dir.path().join("zoo");
    let some =
        write_zoo(&zoo, &authority, &Profile::tls("SUITE"), &["expired".into(), "self-signed".into()], now()).unwrap();
    assert_eq!(some.len(), 2);
    let text = openssl(&zoo, "x509 -in expired.pem -noout -enddate");
    assert_eq!(text, "notAfter=Jan 14 08:00:00 2027 GMT\n");
    let all = write_zoo(&zoo, &authority, &Profile::signing("SUITE"), &[], now()).unwrap();
    assert!(all.len() > 30, "{}", all.len());
    assert_eq!(authority.lists(), None);
    let missing = Authority::load(&dir.path().join("nowhere")).unwrap_err();
    assert!(matches!(missing, CertError::File { .. }), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
        prop_assert!(Identity::from_pkcs12(&bytes, "secret").is_err());
        prop_assert!(Key::from_pkcs8(&bytes).is_err());
        prop_assert!(Identity::from_pem(&text, &text).is_err());
    }

    #[test]
    fn a_damaged_pkcs12_never_panics(at in 0_usize..2000, flip in 1_u8..=255) {
        static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let good = GOOD.get_or_init(|| {
            let authority = Authority::new("Damage", now()).unwrap();
            let identity = authority.issue(&Profile::tls("PH").key_kind(KeyKind::P256), now()).unwrap();
            identity.to_pkcs12("node", "secret").unwrap()
        });
        let mut bytes = good.clone();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        // The MAC covers what matters; a flip outside it may be harmless, but nothing may panic.
        let _ = Identity::from_pkcs12(&bytes, "secret");
    }
}

#[test]
fn whatever_parties_call_themselves_their_files_lie_in_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    let make = |parties: &[&str]| {
        write_folder(&inner, &FolderPlan::new("CA", parties.iter().map(|name| (*name).to_owned()).collect()), now())
    };
    assert!(matches!(make(&["PH", ""]), Err(CertError::Name { .. })));
    assert!(matches!(make(&["A/B", "a-b"]), Err(CertError::SameFiles { .. })));
    assert!(!dir.path().join("a").exists(), "nothing is written before the names are known to be good");
    for written in make(&["../../x", "PH", "PH"]).unwrap() {
        assert!(written.path.starts_with(&inner) && written.path.exists(), "{}", written.path.display());
    }
    assert!(inner.join("---..-x-tls.pem").exists() && inner.join("ph-tls.pem").exists());
    let above: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(above.len(), 1, "{above:?}");
}

#[test]
fn where_lists_are_is_read_back_from_the_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let plan = FolderPlan {
        lists: Some("http://lists.example/crl/".into()),
        ..FolderPlan::new("Lists Test", vec!["TH".into()])
    };
    write_folder(dir.path(), &plan, now()).unwrap();
    write_folder(dir.path(), &plan, now()).unwrap();
    write_folder(dir.path(), &FolderPlan { lists: None, ..plan.clone() }, now()).unwrap();
    let home = dir.path().join("authority");
    let made = Authority::load(&home).unwrap();
    assert_eq!(made.lists(), Some("http://lists.example/crl"));
    std::fs::write(dir.path().join("new.pem"), made.issue(&Profile::tls("PH"), now()).unwrap().chain_pem()).unwrap();
    for (file, list) in [
        ("th-tls.pem", "issuing"),
        ("th-signing.pem", "issuing"),
        ("new.pem", "issuing"),
        ("authority/root.pem", "root"),
        ("authority/issuing.pem", "root"),
        ("authority/lower.pem", "issuing"),
        ("authority/lapsed.pem", "root"),
    ] {
        let shown = openssl(dir.path(), &format!("x509 -in {file} -noout -ext crlDistributionPoints"));
        let uri = format!("URI:http://lists.example/crl/{list}.crl");
        assert!(shown.contains(&uri) && !shown.contains("critical"), "{file}: {shown}");
    }

    let elsewhere = FolderPlan { lists: Some("http://elsewhere.example".into()), ..plan };
    let error = write_folder(dir.path(), &elsewhere, now()).unwrap_err();
    let said = "the authority's certificates name http://lists.example/crl, expected http://elsewhere.example";
    assert_eq!(error.to_string(), said);
}
