//! Server and client against each other, and against raw sockets, over loopback.

mod common;

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use carnet_https::{Client, ClientError, ClientLimits, ClientTls, Endpoint, Identity, ServerLimits, Trust, Versions};
use common::{Authority, body, client_tls, post, refused, server_tls, start, start_at};
use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct World {
    authority: Authority,
    server: Identity,
    client: Identity,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("root");
        Self { server: authority.issue("server", 1), client: authority.issue("client", 2), authority }
    }

    fn start(&self) -> common::Running {
        self.start_with(ServerLimits::default())
    }

    fn start_with(&self, limits: ServerLimits) -> common::Running {
        start(&server_tls(&self.server, self.authority.trust()), limits)
    }

    fn tls(&self) -> ClientTls {
        client_tls(&self.client, self.authority.trust())
    }
}

#[tokio::test]
async fn both_versions_answer_and_the_connection_is_kept() {
    let world = World::new();
    let running = world.start();
    for (versions, protocol) in [(Versions::Tls12, "TLSv1_2"), (Versions::Tls13, "TLSv1_3")] {
        let client = running.client(&ClientTls { versions, ..world.tls() });
        let first = post(&client).await;
        assert!(first.ends_with(&format!("{protocol} 5 whole")), "{first}");
        assert_eq!(post(&client).await, first, "the second request took another connection");
    }
}

//= EDEL-NETWORK-01 test
#[tokio::test]
async fn a_server_is_reached_over_ipv6_by_its_address() {
    let loopback = Ipv6Addr::LOCALHOST;
    if std::net::TcpListener::bind((loopback, 0)).is_err() {
        eprintln!("nothing was tried: this machine has no IPv6");
        return;
    }
    let world = World::new();
    let named = world.authority.issue_with("server", 3, |params| {
        params.subject_alt_names = vec![SanType::IpAddress(loopback.into())];
    });
    let tls = server_tls(&named, world.authority.trust());
    let running = start_at((loopback, 0).into(), &tls, ServerLimits::default());
    let endpoint = Endpoint::parse(&format!("https://{}/as4", running.address)).unwrap();
    let client = Client::new(vec![endpoint], &world.tls(), ClientLimits::default()).unwrap();
    let said = post(&client).await;
    assert!(said.ends_with(" 5 whole"), "{said}");
}

#[tokio::test]
async fn parallel_requests_take_parallel_connections() {
    let world = World::new();
    let running = world.start();
    let client = Arc::new(running.client(&world.tls()));
    let posts: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                for _ in 0..20 {
                    post(&client).await;
                }
            })
        })
        .collect();
    for post in posts {
        post.await.unwrap();
    }
}

#[tokio::test]
async fn clients_without_a_good_certificate_are_refused() {
    let world = World::new();
    let lists = vec![world.authority.list(&[66], (2026, 12, 1))];
    let running = start(&server_tls(&world.server, world.authority.trust_with(lists)), ServerLimits::default());
    let stranger = Authority::new("stranger");
    let bad = [
        ("unknown root", stranger.issue("client", 2)),
        ("revoked", world.authority.issue("client", 66)),
        (
            "expired",
            world.authority.issue_with("client", 3, |params| {
                params.not_after = date_time_ymd(2026, 5, 31);
            }),
        ),
        (
            "not yet valid",
            world.authority.issue_with("client", 4, |params| {
                params.not_before = date_time_ymd(2026, 6, 2);
            }),
        ),
        (
            "a key that may not sign",
            world.authority.issue_with("client", 6, |params| {
                params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment];
            }),
        ),
        (
            "server usage only",
            world.authority.issue_with("client", 5, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
    ];
    for versions in [Versions::Tls12, Versions::Tls13] {
        for (what, identity) in &bad {
            let tls = ClientTls { versions, ..client_tls(identity, world.authority.trust()) };
            let error = refused(&running.client(&tls)).await;
            assert!(
                matches!(error, ClientError::Handshake(_) | ClientError::Broken(_) | ClientError::Unsent(_)),
                "{what}: {error:?}"
            );
        }
        post(&running.client(&ClientTls { versions, ..world.tls() })).await;
    }
}

#[tokio::test]
async fn a_client_without_any_certificate_gets_no_answer() {
    let world = World::new();
    let running = world.start();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(world.authority.anchor()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_details(provider, Arc::new(common::clock()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(running.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let _ = stream.write_all(b"POST /as4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.expect_err("expected an alert");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_stale_list_refuses_unless_allowed() {
    let world = World::new();
    let mut trust = world.authority.trust_with(vec![world.authority.list(&[], (2026, 5, 31))]);
    let running = start(&server_tls(&world.server, trust.clone()), ServerLimits::default());
    refused(&running.client(&world.tls())).await;
    trust.revocation.allow_stale = true;
    running.reload.apply(&server_tls(&world.server, trust), ServerLimits::default()).unwrap();
    post(&running.client(&world.tls())).await;
}

#[tokio::test]
async fn servers_that_are_not_the_partner_are_refused() {
    let world = World::new();
    let running = world.start();
    let stranger = Authority::new("stranger");
    let unknown = ClientTls { trust: stranger.trust(), ..world.tls() };
    let pinned_other = ClientTls { pinned: Some(world.client.leaf().clone()), ..world.tls() };
    let pinned = ClientTls { pinned: Some(world.server.leaf().clone()), ..world.tls() };
    assert!(matches!(refused(&running.client(&unknown)).await, ClientError::Handshake(_)));
    assert!(matches!(refused(&running.client(&pinned_other)).await, ClientError::Handshake(_)));
    let by_address = Endpoint::parse(&format!("https://{}/as4", running.address)).unwrap();
    let client = Client::new(vec![by_address], &world.tls(), ClientLimits::default()).unwrap();
    assert!(matches!(refused(&client).await, ClientError::Handshake(_)), "the certificate names localhost only");
    post(&running.client(&pinned)).await;
}

#[tokio::test]
async fn only_the_suites_that_are_named_are_spoken() {
    let world = World::new();
    let one = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".to_owned();
    let other = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned();
    let mut tls = server_tls(&world.server, world.authority.trust());
    tls.suites = vec![one.clone()];
    let running = start(&tls, ServerLimits::default());
    let client = |suites| ClientTls { versions: Versions::Tls12, suites, ..world.tls() };
    post(&running.client(&client(vec![one]))).await;
    refused(&running.client(&client(vec![other]))).await;
    let unknown = client(vec!["TLS_RSA_WITH_RC4_128_MD5".to_owned()]);
    let error = Client::new(vec![running.endpoint()], &unknown, ClientLimits::default()).unwrap_err();
    assert!(error.to_string().contains("TLS_AES_256_GCM_SHA384"), "{error}");
}

#[tokio::test]
async fn the_next_endpoint_is_taken_when_one_is_down() {
    let world = World::new();
    let running = world.start();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let endpoints = vec![Endpoint::parse(&format!("https://localhost:{closed}/as4")).unwrap(), running.endpoint()];
    let client = Client::new(endpoints, &world.tls(), ClientLimits::default()).unwrap();
    let sent = client.post(&http::HeaderMap::new(), body(b"x")).await.unwrap();
    assert_eq!(sent.endpoint, running.endpoint().to_string());
}

#[tokio::test]
async fn a_kept_connection_that_closed_is_replaced() {
    let world = World::new();
    let limits = ServerLimits { requests_per_connection: 2, ..ServerLimits::default() };
    let running = world.start_with(limits);
    let client = running.client(&world.tls());
    let mut connections = Vec::new();
    for _ in 0..6 {
        connections.push(post(&client).await.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(connections, ["1", "1", "2", "2", "3", "3"]);
}

#[tokio::test]
async fn a_reload_reaches_open_connections_without_dropping_them() {
    let world = World::new();
    let running = world.start();
    let client = running.client(&world.tls());
    let first = post(&client).await;
    running.reload.apply(&server_tls(&world.server, world.authority.trust()), ServerLimits::default()).unwrap();
    assert_eq!(post(&client).await, first, "a harmless reload took the connection");
    let revoked = world.authority.trust_with(vec![world.authority.list(&[2], (2026, 12, 1))]);
    running.reload.apply(&server_tls(&world.server, revoked), ServerLimits::default()).unwrap();
    let sent = client.post(&http::HeaderMap::new(), body(b"x")).await.unwrap();
    assert_eq!(sent.answer.status, 403);
    refused(&client).await;
    let none = Trust::default();
    assert!(running.reload.apply(&server_tls(&world.server, none), ServerLimits::default()).is_err());
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish() {
    let world = World::new();
    let running = world.start();
    let client = Arc::new(running.client(&world.tls()));
    let under_way = {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            let mut headers = http::HeaderMap::new();
            headers.insert("x-wait", "1".parse().unwrap());
            client.post(&headers, body(b"x")).await
        })
    };
    running.echo.entered.notified().await;
    running.stop.stop();
    running.echo.go.notify_one();
    assert_eq!(under_way.await.unwrap().unwrap().answer.status, 200);
    running.served.await.unwrap();
    refused(&client).await;
}

#[tokio::test]
async fn bodies_and_heads_past_their_limit_end() {
    let world = World::new();
    let limits = ServerLimits { body_bytes: 4, ..ServerLimits::default() };
    let running = world.start_with(limits);
    let client = running.client(&world.tls());
    assert!(post(&client).await.ends_with("got a body of more than 4 bytes"));
    let mut headers = http::HeaderMap::new();
    headers.insert("x-big", "a".repeat(32 * 1024).parse().unwrap());
    let sent = client.post(&headers, body(b"x")).await.unwrap();
    assert_eq!(sent.answer.status, 431);
}

#[tokio::test]
async fn slow_and_silent_peers_are_let_go() {
    let world = World::new();
    let limits = ServerLimits {
        handshake: Duration::from_millis(200),
        header_read: Duration::from_millis(200),
        body_grace: Duration::from_millis(200),
        body_rate: 1_000_000,
        ..ServerLimits::default()
    };
    let running = world.start_with(limits);
    // Never speaks TLS.
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
    // Speaks plain HTTP.
    let mut plain = TcpStream::connect(running.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "an answer without TLS");
    // A body that never comes, then a head that never ends.
    for head in ["POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\na", "POST / HT"] {
        let mut stream = raw(&world, running.address).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.contains("expected at least") || answer.contains("408"), "{answer}");
    }
    post(&running.client(&world.tls())).await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let world = World::new();
    let running = world.start_with(ServerLimits { connections: 1, ..ServerLimits::default() });
    let holder = raw(&world, running.address).await;
    let error = refused(&running.client(&world.tls())).await;
    assert!(matches!(error, ClientError::Handshake(_)), "{error:?}");
    drop(holder);
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    const SILENT: usize = 6;
    const HANDSHAKES: usize = 3;
    let world = World::new();
    let limits = ServerLimits {
        connections: 2,
        handshakes: HANDSHAKES,
        handshake: Duration::from_secs(3600),
        ..ServerLimits::default()
    };
    let running = world.start_with(limits);
    let served = running.client(&world.tls());
    let first = post(&served).await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    post(&running.client(&world.tls())).await;
    assert_eq!(post(&served).await, first, "a connection that was served lost its place");
    // The oldest are let go, one for each that came after the last place was taken.
    for stream in &mut silent[..=SILENT - HANDSHAKES] {
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
    }
}

#[test]
fn endpoints_are_https_urls() {
    for bad in ["http://h/", "h:1", "https://", "https://u@h/", "https://a b/", "", "/as4"] {
        assert!(Endpoint::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Endpoint::parse("https://h/x?y").unwrap().to_string(), "https://h/x?y");
    assert_eq!(Endpoint::parse("https://[::1]:8/").unwrap().to_string(), "https://[::1]:8/");
}

/// Vectors made by openssl, see `vectors/SOURCE.md`.
#[test]
fn identities_of_openssl_are_read_and_keep_their_key_to_themselves() {
    let p12 = include_bytes!("vectors/identity.p12");
    let chain = include_bytes!("vectors/chain.pem");
    let key = include_bytes!("vectors/key.pem");
    let other = include_bytes!("vectors/other-key.pem");
    let from_p12 = Identity::from_pkcs12(p12, "secret").unwrap();
    let from_pem = Identity::from_pem(chain, key).unwrap();
    assert_eq!(from_p12.chain(), from_pem.chain());
    assert_eq!(from_p12.key().secret_der(), from_pem.key().secret_der());
    // The older form of the same key; it is kept as PKCS#8, as every signer takes it.
    let from_sec1 = Identity::from_pem(chain, include_bytes!("vectors/key-sec1.pem")).unwrap();
    assert!(matches!(from_sec1.key(), rustls_pki_types::PrivateKeyDer::Pkcs8(_)));
    let wrong = Identity::from_pkcs12(p12, "wrong").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "got a PKCS#12 file that does not open, expected the right password and a supported encryption"
    );
    let mismatch = Identity::from_pem(chain, other).unwrap_err();
    assert_eq!(mismatch.to_string(), "got a private key that does not belong to the first certificate");
    assert!(Identity::from_pem(chain, chain).unwrap_err().to_string().contains("no private key"));
    assert_eq!(format!("{from_p12:?}"), "Identity { certificates: 2, key: \"withheld\" }");
}

/// A TLS connection as a good client, for bytes of the test's own.
#[expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]
async fn raw(world: &World, address: std::net::SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(world.authority.anchor()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_details(provider, Arc::new(common::clock()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(world.client.chain().to_vec(), world.client.key().clone_key())
        .unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}
