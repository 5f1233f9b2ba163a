//! The doctor against peers that break at one place each: real sockets on the loopback, one cause and one fix apiece.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;

use carnet_certs::{Authority, Identity, Profile, UnixTime};
use carnet_harness::doctor::{Break, Finding, Line, Point, Told, examine};
use carnet_harness::line::{Connected, ServerTls};
use carnet_harness::{Setup, http, tls};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Double, Fault, pki, world};

/// Looks at `url` with the files of [`world`] after `edit`; `listening` is told where the suite takes pushes.
fn look(url: &str, edit: impl Fn(&str) -> String, mut listening: impl FnMut(SocketAddr)) -> Vec<Line> {
    let dir = TempDir::new().unwrap();
    let path = world(dir.path(), url);
    for file in ["subject.toml", "ics.toml"] {
        let text = std::fs::read_to_string(dir.path().join(file)).unwrap();
        std::fs::write(dir.path().join(file), edit(&text)).unwrap();
    }
    let setup = Arc::new(Setup::load(&path).unwrap());
    let mut lines = Vec::new();
    let well = examine(&setup, 1.0, &mut |told| match told {
        Told::Line(line) => lines.push(line),
        Told::Listening(address) => listening(address),
        Told::Prompt(_) => {}
    })
    .unwrap();
    assert_eq!(well, !lines.iter().any(|line| matches!(line.finding, Finding::Broken(_))));
    lines
}

/// The break at the end, and that everything before it is no break.
fn broken(lines: &[Line], at: Point) -> &Break {
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| !matches!(line.finding, Finding::Broken(_))), "{lines:#?}");
    let Finding::Broken(found) = &last.finding else { panic!("nothing breaks: {lines:#?}") };
    assert_eq!(last.point, at, "{found:?}");
    found
}

fn same(text: &str) -> String {
    text.to_owned()
}

/// Asserts that both texts hold the words given.
fn says(found: &Break, cause: &[&str], fix: &str) {
    for word in cause {
        assert!(found.cause.contains(word), "{word:?} is missing: {found:?}");
    }
    assert!(found.fix.contains(fix), "{fix:?} is missing: {found:?}");
}

/// A peer of a few lines on a runtime of its own.
struct Peer {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Peer {
    fn start<F, T>(serve: T) -> Self
    where
        T: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp));
            }
        });
        Self { address, _runtime: runtime }
    }

    /// TLS with that identity; every request gets `answer`.
    fn answering(identity: Identity, answer: &'static str) -> Self {
        Self::start(move |tcp| {
            let server = ServerTls { identity: identity.clone(), versions: Vec::new(), suites: Vec::new() };
            async move {
                let Ok(Connected { mut stream, .. }) = tls::accept(tcp, &server).await else { return };
                let mut request = Vec::new();
                while http::progress(&request) == http::Progress::Wants {
                    if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
                        return;
                    }
                }
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/as4", self.address.port())
    }
}

/// A double with faults, and the folder in which it writes down what it delivers.
fn double(faults: &[Fault]) -> Home {
    let dir = TempDir::new().unwrap();
    Home { double: Double::start(pki(), dir.path(), faults), _dir: dir }
}

struct Home {
    double: Double,
    _dir: TempDir,
}

impl std::ops::Deref for Home {
    type Target = Double;

    fn deref(&self) -> &Double {
        &self.double
    }
}

fn identity(name: &str) -> Identity {
    let read = |name: String| std::fs::read_to_string(pki().join(name)).unwrap();
    Identity::from_pem(&read(format!("{name}.pem")), &read(format!("{name}.key.pem"))).unwrap()
}

#[test]
fn a_sound_subject_is_well_at_every_point() {
    let double = double(&[]);
    let lines = look(&double.url(), same, |address| double.partner_listens_at(address));
    assert_eq!(lines.iter().map(|line| line.point).collect::<Vec<_>>(), Point::ALL);
    for line in &lines {
        // The double sends no Date: there is no clock to look at.
        let expected = if line.point == Point::Clock {
            matches!(line.finding, Finding::NotTried(_))
        } else {
            matches!(line.finding, Finding::Ok(_))
        };
        assert!(expected, "{line:?}");
    }
    let Finding::Ok(tls) = &lines[3].finding else { unreachable!() };
    assert!(tls.contains("ours was asked for and accepted"), "{tls}");
}

#[test]
fn what_is_not_possible_is_named_and_stops_nothing() {
    let double = double(&[]);
    let lines = look(
        &double.url(),
        |text| text.replacen("listen = \"127.0.0.1:0\"\n", "", 1).replace("\"as4.ping\", ", ""),
        |_| unreachable!(),
    );
    let not_tried: Vec<(Point, &str)> = lines
        .iter()
        .filter_map(|line| match &line.finding {
            Finding::NotTried(reason) => Some((line.point, reason.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        not_tried,
        [
            (Point::Clock, "their endpoint sends no Date"),
            (Point::Back, "subject.toml names no suite.listen, so the subject cannot reach the suite"),
            (Point::OurPing, "the ICS does not claim as4.ping"),
            (Point::TheirMessage, "subject.toml lacks suite.listen, an address at which the subject reaches the suite"),
        ]
    );
    assert!(matches!(&lines[8].finding, Finding::Ok(seen) if seen.contains("receipt")), "{lines:?}");
}

#[test]
fn clocks_that_are_far_apart_break_it() {
    let peer = Peer::start(|mut stream| async move {
        let mut bytes = vec![0; 4096];
        let _ = stream.read(&mut bytes).await;
        let answer = "HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan 2019 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    let lines = look(&format!("http://{}/as4", peer.address), same, |_| unreachable!());
    says(broken(&lines, Point::Clock), &["their clock is", "behind ours"], "NTP");
}

#[test]
fn our_own_files_come_first() {
    let dir = TempDir::new().unwrap();
    let long_ago = UnixTime::since_unix_epoch(std::time::Duration::from_secs(946_684_800));
    let expired = Authority::new("Old", long_ago).unwrap().issue(&Profile::tls("SUITE"), long_ago).unwrap();
    std::fs::write(dir.path().join("old.pem"), expired.chain_pem()).unwrap();
    std::fs::write(dir.path().join("old.key"), expired.key_pem()).unwrap();
    let own = |chain: &str, key: &str| {
        let files = format!("[suite.tls]\nchain = \"{chain}\"\nkey = \"{key}\"\n[suite.party]");
        look("https://localhost:1/as4", |text| text.replace("[suite.party]", &files), |_| unreachable!())
    };
    let at = |name: &str| dir.path().join(name).display().to_string();
    let lines = own(&at("old.pem"), &at("old.key"));
    says(broken(&lines, Point::Own), &["our tls certificate", "ended on 20", "clock"], "[suite.tls]");

    let suite = pki().join("suite-tls.pem").display().to_string();
    let lines = own(&suite, &pki().join("other-tls.key.pem").display().to_string());
    says(broken(&lines, Point::Own), &["our tls key does not belong"], "leaf first");

    let held = StdListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let lines = look("https://localhost:1/as4", |text| text.replace("127.0.0.1:0", &address), |_| unreachable!());
    says(broken(&lines, Point::Own), &["cannot listen", &address], "suite.listen");
}

#[test]
fn revocation_lists_are_where_the_certificates_say() {
    let look_at = |listen: &str, more: &str| {
        let lists = format!("[suite.lists]\nlisten = \"{listen}\"\n{more}[suite.party]");
        look("https://no..host:8443/as4", |text| text.replacen("[suite.party]", &lists, 1), |_| unreachable!())
    };
    let named = "public_url = \"http://lists.example\"\n";
    let lines = look_at("127.0.0.1:0", named);
    says(broken(&lines, Point::Name), &["does not resolve"], "`url`");
    assert!(
        matches!(&lines[0].finding, Finding::Ok(seen) if seen.ends_with("revocation lists at http://lists.example"))
    );

    let lines = look_at("127.0.0.1:8080", "");
    let cause = ["is reached at http://localhost:8080", "name http://lists.example"];
    says(broken(&lines, Point::Own), &cause, "suite.lists.public_url");

    let held = StdListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let lines = look_at(&address, named);
    says(broken(&lines, Point::Own), &["cannot listen", &address], "suite.lists.listen");
}

#[test]
fn names_ports_and_proxies() {
    let lines = look("https://no..host:8443/as4", same, |_| {});
    says(broken(&lines, Point::Name), &["no..host:8443", "does not resolve"], "`url`");

    let [free] = carnet_harness::local::free_addresses::<1>().unwrap();
    let lines = look(&format!("https://{free}/as4"), same, |_| {});
    says(broken(&lines, Point::Tcp), &[&free, "refuses connections"], "port");

    let proxy = Peer::start(|mut tcp| async move {
        let mut request = Vec::new();
        while http::find(&request, b"\r\n\r\n").is_none() {
            if tcp.read_buf(&mut request).await.unwrap_or_default() == 0 {
                return;
            }
        }
        let _ = tcp.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
    });
    let through = format!("proxy = \"{}\"\n[party]", proxy.address);
    let lines = look("https://th.example:8443/as4", |text| text.replacen("[party]", &through, 1), |_| {});
    says(broken(&lines, Point::Tcp), &["opens no tunnel", "th.example:8443", "403"], "CONNECT");
}

#[test]
fn what_listens_speaks_no_tls() {
    let plain = Peer::start(|mut tcp| async move {
        // Unread bytes would turn the close into a reset, which may overtake the answer.
        let _ = tcp.read(&mut [0; 16 << 10]).await;
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    });
    let lines = look(&plain.url(), same, |_| {});
    says(broken(&lines, Point::Tls), &["plain HTTP"], "port of their TLS endpoint");

    let other = Peer::start(|mut tcp| async move {
        let _ = tcp.write_all(b"220 mail.example ESMTP\r\n").await;
        let _ = tcp.read(&mut [0; 4096]).await;
    });
    let lines = look(&other.url(), same, |_| {});
    says(broken(&lines, Point::Tls), &["is not TLS"], "port");

    let silent = Peer::start(|mut tcp| async move { while tcp.read(&mut [0; 4096]).await.unwrap_or_default() > 0 {} });
    let quick = |text: &str| text.replace("answer_within = \"2s\"", "answer_within = \"200ms\"");
    let lines = look(&silent.url(), quick, |_| {});
    says(broken(&lines, Point::Tls), &["in time"], "--patience");
}

#[test]
fn a_url_of_plain_http_where_tls_is_spoken() {
    let peer = Peer::answering(identity("double-tls"), "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    let lines = look(&peer.url().replace("https:", "http:"), same, |_| {});
    let there = format!("localhost:{}", peer.address.port());
    says(broken(&lines, Point::Tls), &["is http://", &there, "speaks TLS"], &format!("https://{there}/as4"));
}

#[test]
fn their_certificate() {
    let fine = Peer::answering(identity("double-tls"), "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    let connect = format!("connect = \"{}\"\n[party]", fine.address);
    let lines = look("https://th.example:443/as4", |text| text.replacen("[party]", &connect, 1), |_| {});
    says(broken(&lines, Point::Tls), &["localhost", "not for \"th.example\""], "`url`");

    let now = UnixTime::now();
    let foreign = Authority::new("Foreign", now).unwrap().issue(&Profile::tls("DOUBLE"), now).unwrap();
    let lines = look(&Peer::answering(foreign, "").url(), same, |_| {});
    says(broken(&lines, Point::Tls), &["Foreign", "not under trust.tls"], "trust.tls");
}

/// A server that wants a client certificate under another authority.
fn strict(version: &'static rustls::SupportedProtocolVersion) -> Peer {
    let own = identity("double-tls");
    let mut roots = RootCertStore::empty();
    let other = Authority::new("Other", UnixTime::now()).unwrap();
    for anchor in carnet_certs::certificates_from_pem(&other.anchors_pem()).unwrap() {
        roots.add(anchor).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(own.chain.clone(), own.key.pkcs8().clone_key().into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Peer::start(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(tcp).await;
        }
    })
}

#[test]
fn our_certificate_is_refused_by_an_alert_in_both_versions() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let lines = look(&strict(version).url(), same, |_| {});
        let found = broken(&lines, Point::Tls);
        says(found, &["unknown_ca", "CN=SUITE"], "tls-anchors.pem");
    }
}

#[test]
fn answers_that_are_no_as4() {
    for (answer, cause, fix) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404: there is nothing at /as4", "path"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "HTTP 403: they do not let us in", "partner-tls.pem"),
        ("HTTP/1.1 302 Found\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n", "https://x/", "no redirects"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "web page", "`url`"),
        ("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "HTTP 202 without a receipt", "HTTP response itself"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "does not reach it", "start their node"),
        ("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nboom", "HTTP 500 without an AS4 answer: boom", "log"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 3\r\n\r\n<a>",
            "cannot be read",
            "AS4 endpoint",
        ),
    ] {
        let lines = look(&Peer::answering(identity("double-tls"), answer).url(), same, |_| {});
        says(broken(&lines, Point::OurPing), &[cause], fix);
    }
}

#[test]
fn the_agreement_and_the_signature() {
    let double = double(&[]);
    let other = |text: &str| text.replace("urn:carnet:agreement:DOUBLE-SUITE:1", "urn:x:agreement:other");
    let lines = look(&double.url(), other, |_| {});
    let found = broken(&lines, Point::OurPing);
    says(found, &["EBMS:0010"], "agreement.name");
    assert!(found.fix.contains("\"urn:x:agreement:other\""), "{found:?}");

    // A signer of another authority: the double refuses it as every node must.
    let now = UnixTime::now();
    let dir = TempDir::new().unwrap();
    let stranger = Authority::new("Stranger", now).unwrap().issue(&Profile::signing("SUITE"), now).unwrap();
    std::fs::write(dir.path().join("chain.pem"), stranger.chain_pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), stranger.key_pem()).unwrap();
    let at = dir.path().display();
    let files = format!("[suite.signing]\nchain = \"{at}/chain.pem\"\nkey = \"{at}/key.pem\"\n[suite.party]");
    let lines = look(&double.url(), |text| text.replace("[suite.party]", &files), |_| {});
    says(broken(&lines, Point::OurPing), &["EBMS:0101", "do not accept our signature"], "signing-anchors.pem");
}

#[test]
fn receipts_that_prove_nothing() {
    for (fault, cause, fix) in [
        (Fault::ReceiptOtherSigner, "trust.signing_subject expects another", "trust.signing_subject"),
        (Fault::ReceiptUnsigned, "a signed receipt", "sign it"),
        (Fault::ReceiptWrongRef, "got a receipt for \"other@double\"", "receipt"),
    ] {
        let double = double(&[fault]);
        let lines = look(&double.url(), same, |_| {});
        says(broken(&lines, Point::OurPing), &[cause], fix);
    }
    let double = double(&[]);
    let anchors = TempDir::new().unwrap();
    let foreign = anchors.path().join("foreign.pem");
    std::fs::write(&foreign, Authority::new("Foreign", UnixTime::now()).unwrap().anchors_pem()).unwrap();
    let signing = "signing = [\"pki/anchors.pem\"]";
    let named = format!("signing = [\"{}\"]", foreign.display());
    let lines = look(&double.url(), |text| text.replace(signing, &named), |_| {});
    says(broken(&lines, Point::OurPing), &["Carnet test", "by trust.signing"], "under trust.signing");
}

#[test]
fn nothing_of_theirs_arrives() {
    let quick = |text: &str| text.replace("business_within = \"2s\"", "business_within = \"300ms\"");
    let silent = double(&[Fault::PushNothing]);
    let lines = look(&silent.url(), quick, |_| {});
    says(broken(&lines, Point::TheirMessage), &["nothing came to 127.0.0.1:0"], "suite.public_url");

    // They come, and do not trust us.
    let config = distrusting();
    let mut clients = Vec::new();
    let lines = look(&silent.url(), same, |address| {
        let config = Arc::clone(&config);
        clients.push(std::thread::spawn(move || connect(address, config)));
    });
    says(broken(&lines, Point::TheirMessage), &["refused our server certificate", "unknown_ca"], "tls-anchors.pem");

    let double = double(&[Fault::PushUnsigned]);
    let lines = look(&double.url(), same, |address| double.partner_listens_at(address));
    says(broken(&lines, Point::TheirMessage), &["sign"], "P-Mode");
}

/// A client that knows another authority: its handshake with the suite ends with `unknown_ca`.
fn distrusting() -> Arc<rustls::ClientConfig> {
    let mut roots = RootCertStore::empty();
    let other = Authority::new("Other", UnixTime::now()).unwrap();
    roots.add(carnet_certs::certificates_from_pem(&other.anchors_pem()).unwrap().remove(0)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn connect(address: SocketAddr, config: Arc<rustls::ClientConfig>) {
    let mut connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let Ok(mut tcp) = StdStream::connect(address) else { return };
    while connection.is_handshaking() && connection.complete_io(&mut tcp).is_ok() {}
}

#[test]
fn a_document_is_answered_or_the_break_says_how() {
    let double = double(&[Fault::RefusesAll]);
    let lines = look(&double.url(), same, |address| double.partner_listens_at(address));
    says(broken(&lines, Point::Document), &["acceptance", "12"], "[sample]");
}

#[test]
fn a_hook_that_fails_is_the_cause() {
    let double = double(&[]);
    let hook = |text: &str| {
        text.replace(", \"pack.declaration\"", "").replace("[trust]", "[hooks.send]\ncommand = [\"false\"]\n[trust]")
    };
    let quick = |text: &str| hook(text).replace("business_within = \"2s\"", "business_within = \"300ms\"");
    let lines = look(&double.url(), quick, |_| {});
    says(broken(&lines, Point::TheirMessage), &["`send` hook did not succeed"], "[hooks.send]");
}
