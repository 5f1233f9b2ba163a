//! TLS of the suite against itself, against openssl, and on bytes of anybody.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use carnet_certs::zoo::Place;
use carnet_certs::{Authority, Identity, KeyKind, Profile, UnixTime, zoo};
use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A world in which both sides are the suite's, over loopback.
async fn pair(client: ClientTls, server: ServerTls) -> (Result<Connected, Ending>, Result<Connected, Ending>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::join!(async { connect(TcpStream::connect(address).await.unwrap(), &client).await }, async {
        accept(listener.accept().await.unwrap().0, &server).await
    })
}

fn authority() -> Authority {
    static AUTHORITY: std::sync::OnceLock<Authority> = std::sync::OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("TLS Test", UnixTime::now()).unwrap()).clone()
}

fn client(identity: Option<Identity>) -> ClientTls {
    ClientTls { identity, versions: Vec::new(), suites: Vec::new(), server_name: "localhost".into() }
}

#[tokio::test]
async fn every_kind_of_the_zoo_is_presented_as_it_is() {
    let authority = authority();
    let identity = authority.issue(&Profile::tls("SUITE"), UnixTime::now()).unwrap();
    let profile = Profile::tls("SUITE").of(&identity);
    for kind in zoo::kinds().unwrap() {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let zoo = zoo::make(kind, &authority, &profile, UnixTime::now()).unwrap();
            let tls = ClientTls { versions: vec![version], ..client(Some(zoo.clone())) };
            let server = ServerTls { identity: identity.clone(), versions: Vec::new(), suites: Vec::new() };
            let (client, server) = pair(tls, server).await;
            // Whoever sends another's certificate first signs with a key that is not the first one's.
            let not_first = kind.present.as_ref().is_some_and(|places| places.first() == Some(&Place::Issuing));
            if kind.other_key || not_first {
                // The suite's own server is strict in this one thing.
                let ending = match client {
                    Ok(mut client) => line::ending(&client.stream.read_u8().await.unwrap_err()),
                    Err(ending) => ending,
                };
                assert_eq!(ending, Ending::Alert { name: "decrypt_error".into() });
                assert!(server.is_err());
                continue;
            }
            let server = server.unwrap_or_else(|ending| panic!("{}: {ending:?}", kind.slug)).handshake.unwrap();
            assert_eq!(server.peer_chain, zoo.chain, "{}", kind.slug);
            let client = client.unwrap().handshake.unwrap();
            assert_eq!((&client.own_chain, &client.version), (&zoo.chain, &server.version));
            assert_eq!(client.peer_chain, identity.chain);
        }
    }
}

#[tokio::test]
async fn a_server_presents_the_zoo_too_and_speaks_only_what_it_is_told() {
    let authority = authority();
    let identity = authority.issue(&Profile::tls("SUITE"), UnixTime::now()).unwrap();
    let profile = Profile::tls("SUITE").of(&identity);
    let shown = |slug: &str| zoo::make(zoo::kind(slug).unwrap(), &authority, &profile, UnixTime::now()).unwrap();
    for slug in ["expired", "weak-key", "malformed-der", "name-with-nul", "version-one", "chain-long"] {
        let face = shown(slug);
        let server = ServerTls { identity: face.clone(), versions: vec![TlsVersion::V1_2], suites: Vec::new() };
        let (client, server) = pair(client(None), server).await;
        let seen = client.unwrap_or_else(|ending| panic!("{slug}: {ending:?}")).handshake.unwrap();
        assert_eq!((seen.peer_chain, seen.version.as_str()), (face.chain, "1.2"), "{slug}");
        assert!(server.is_ok());
    }
    let suite = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    let server = ServerTls { identity, versions: Vec::new(), suites: vec![suite.into()] };
    let (client, _) = pair(client(None), server).await;
    assert_eq!(client.unwrap().handshake.unwrap().suite, suite);
}

#[tokio::test]
async fn a_key_of_another_kind_proves_nothing() {
    let authority = authority();
    let issue = |profile: Profile| authority.issue(&profile, UnixTime::now()).unwrap();
    let other = issue(Profile::tls("OTHER").key_kind(KeyKind::P256));
    for kind in [KeyKind::Rsa1024, KeyKind::Rsa2048] {
        let copied = Identity { key: other.key.clone(), ..issue(Profile::tls("SUITE").key_kind(kind)) };
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let face = |identity: &Identity| ServerTls {
                identity: identity.clone(),
                versions: vec![version],
                suites: Vec::new(),
            };
            let (_, server) = pair(client(Some(copied.clone())), face(&other)).await;
            assert!(server.is_err(), "client with {kind:?} over {version:?}");
            let (client, _) = pair(client(None), face(&copied)).await;
            assert!(client.is_err(), "server with {kind:?} over {version:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_for_no_proof_takes_a_copied_certificate() {
    let authority = authority();
    let identity = authority.issue(&Profile::tls("SUITE"), UnixTime::now()).unwrap();
    let copied =
        zoo::make(zoo::kind("other-key").unwrap(), &authority, &Profile::tls("SUITE").of(&identity), UnixTime::now())
            .unwrap();
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let tls = ClientTls { versions: vec![version], ..client(Some(copied.clone())) };
        let server = ServerTls { identity: identity.clone(), versions: Vec::new(), suites: Vec::new() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) =
            tokio::join!(async { connect(TcpStream::connect(address).await.unwrap(), &tls).await }, async {
                accept_unproven(listener.accept().await.unwrap().0, &server).await
            });
        assert!(client.is_ok());
        assert_eq!(server.unwrap().handshake.unwrap().peer_chain, copied.chain);
    }
}

#[tokio::test]
async fn a_zoo_server_is_recorded_and_suites_are_kept_to() {
    let authority = authority();
    let zoo = zoo::make(zoo::kind("expired").unwrap(), &authority, &Profile::tls("SUITE"), UnixTime::now()).unwrap();
    let suite = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    let tls = ClientTls { suites: vec![suite.into()], ..client(None) };
    let (client, server) =
        pair(tls, ServerTls { identity: zoo.clone(), versions: Vec::new(), suites: Vec::new() }).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let facts = client.handshake.take().unwrap();
    assert_eq!((facts.suite.as_str(), facts.version.as_str()), (suite, "1.2"));
    assert_eq!(facts.peer_chain, zoo.chain);
    assert!(server.handshake.take().unwrap().peer_chain.is_empty());
    client.stream.write_all(b"hello").await.unwrap();
    client.stream.shutdown().await.unwrap();
    let mut read = Vec::new();
    server.stream.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"hello");

    let none = provider(&["TLS_NOT_A_SUITE".to_owned()]);
    let error = none.unwrap_err().to_string();
    assert!(error.contains("TLS_NOT_A_SUITE"), "{error}");
}

/// `openssl s_server`, a foreign server, on a port of the system's choice.
struct Foreign {
    child: Child,
    address: std::net::SocketAddr,
    _dir: tempfile::TempDir,
}

impl Foreign {
    async fn start(options: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = authority().issue(&Profile::tls("Foreign"), UnixTime::now()).unwrap();
        std::fs::write(dir.path().join("chain.pem"), identity.chain_pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), identity.key_pem()).unwrap();
        std::fs::write(dir.path().join("root.pem"), authority().anchors_pem()).unwrap();
        // `-accept 0` prints the port that the system chose.
        let fixed = "s_server -accept 127.0.0.1:0 -cert chain.pem -cert_chain chain.pem -key key.pem -CAfile root.pem";
        let mut child = Command::new("openssl")
            .args(fixed.split(' ').chain(options.split(' ')))
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().flush().unwrap();
        let stdout = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.parse().unwrap();
            }
        };
        Self { child, address, _dir: dir }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn says_to(&self, hello: &str) -> Option<String> {
        let mut tcp = self.tcp().await;
        tcp.write_all(&client_hello(hello).unwrap()).await.unwrap();
        let mut bytes = vec![0; 512];
        let count = tokio::time::timeout(Duration::from_secs(10), tcp.read(&mut bytes)).await.unwrap().unwrap();
        first_record(&bytes[..count])
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn old_hellos_are_understood_by_a_foreign_server_that_allows_them() {
    let weak = Foreign::start("-cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0 -no_tls1_3").await;
    let said = |hello| weak.says_to(hello);
    assert_eq!(said("tls1.0").await.as_deref(), Some("server_hello 1.0"));
    assert_eq!(said("tls1.1").await.as_deref(), Some("server_hello 1.1"));
    assert_eq!(said("tls1.2-null").await.as_deref(), Some("server_hello 1.2"));
    assert_eq!(said("tls1.2-anonymous").await.as_deref(), Some("server_hello 1.2"));
    assert_eq!(said("tls1.2-private-suites").await.as_deref(), Some("handshake_failure"));
}

#[tokio::test]
async fn a_foreign_server_refuses_old_hellos_by_default() {
    let sound = Foreign::start("-min_protocol TLSv1.2").await;
    for (hello, alert) in [
        // SSL 3.0 has no alert for the version.
        ("ssl3", "handshake_failure"),
        ("tls1.0", "protocol_version"),
        ("tls1.1", "protocol_version"),
        ("tls1.2-null", "handshake_failure"),
        ("tls1.2-rc4", "handshake_failure"),
        ("tls1.2-export", "handshake_failure"),
        ("tls1.3-private-suites", "handshake_failure"),
    ] {
        assert_eq!(sound.says_to(hello).await.as_deref(), Some(alert), "{hello}");
    }
    assert_eq!(sound.says_to("tls1.3-version-field").await.as_deref(), Some("server_hello 1.2"));
}

#[tokio::test]
async fn a_foreign_servers_refusal_of_a_certificate_is_named() {
    let strict = Foreign::start("-Verify 3 -verify_return_error").await;
    let now = UnixTime::now();
    let good = authority().issue(&Profile::tls("SUITE"), now).unwrap();
    let profile = Profile::tls("SUITE").of(&good);
    for (slug, alert) in
        [("expired", "certificate_expired"), ("self-signed", "unknown_ca"), ("other-key", "decrypt_error")]
    {
        let zoo = zoo::make(zoo::kind(slug).unwrap(), &authority(), &profile, now).unwrap();
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let tls = ClientTls { versions: vec![version], ..client(Some(zoo.clone())) };
            let ended = match connect(strict.tcp().await, &tls).await {
                Ok(mut connected) => line::ending(&connected.stream.read_u8().await.unwrap_err()),
                Err(ending) => ending,
            };
            assert_eq!(ended, Ending::Alert { name: alert.into() }, "{slug} {version:?}");
        }
    }
    let connected = connect(strict.tcp().await, &client(Some(good))).await.unwrap();
    assert_eq!(connected.handshake.unwrap().version, "1.3");
}

#[tokio::test]
async fn the_version_is_what_a_server_of_rustls_refuses_in_an_old_hello() {
    let identity = authority().issue(&Profile::tls("Server"), UnixTime::now()).unwrap();
    for (hello, alert) in [
        ("tls1.0", "protocol_version"),
        ("tls1.1", "protocol_version"),
        ("tls1.2-null", "handshake_failure"),
        ("tls1.2-private-suites", "handshake_failure"),
        ("tls1.3-private-suites", "handshake_failure"),
        ("tls1.3-version-field", "server_hello 1.2"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = ServerTls { identity: identity.clone(), versions: Vec::new(), suites: Vec::new() };
        tcp.write_all(&client_hello(hello).unwrap()).await.unwrap();
        let mut bytes = vec![0; 4096];
        let serving = async { accept(listener.accept().await.unwrap().0, &server).await };
        let reading = async {
            let count = tcp.read(&mut bytes).await.unwrap();
            drop(tcp);
            count
        };
        let (_, count) = tokio::join!(serving, reading);
        assert_eq!(first_record(&bytes[..count]).as_deref(), Some(alert), "{hello}");
    }
}

#[test]
fn hellos_are_whole_records_and_named_once() {
    for name in HELLOS {
        let bytes = client_hello(name).unwrap();
        if name == "ssl2" {
            assert_eq!(usize::from(bytes[1]), bytes.len() - 2);
        } else {
            assert_eq!(usize::from(u16::from_be_bytes([bytes[3], bytes[4]])), bytes.len() - 5, "{name}");
        }
    }
    assert_eq!(client_hello("tls1.4"), None);
}

proptest! {
    #[test]
    fn any_answer_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 20_u8..24) {
        let _ = first_record(&bytes);
        let mut record = vec![kind, 3, 3, 0, bytes.len() as u8];
        record.extend(&bytes);
        let _ = first_record(&record);
        let mut server_hello = vec![22, 3, 3, 0, bytes.len() as u8 + 1, 2];
        server_hello.extend(&bytes);
        let _ = first_record(&server_hello);
    }
}
