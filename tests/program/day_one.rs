//! Day one with a foreign node: behind NAT and a proxy, with identities of our own that openssl made and a CA that the
//! subject's operator chose. Only what `carnet kit` writes is installed in the node.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{carnet, ends, said};

const ICS: &str = r#"format = 1
product = "Carnet node"
profile = "customs-c2c"
roles = ["both"]
capabilities = ["as4.push", "as4.ping", "as4.gzip", "as4.initiator", "tls.client-certificate", "tls.1.2", "tls.1.3",
    "trust.suite-ca", "pack.declaration"]
[reception_awareness]
retry_interval = "1s"
retry_count = 1
"#;

/// Copies bytes both ways until either side ends.
fn join(one: TcpStream, other: TcpStream) {
    let (from, to) = (one.try_clone().expect("a handle"), other.try_clone().expect("a handle"));
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let back = thread::spawn(move || copy(other, one));
    copy(from, to);
    let _ = back.join();
}

/// Takes connections for as long as the test runs.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = Arc::clone(&each);
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// What a firewall does: one port there is another one here.
fn forwarder(to: SocketAddr) -> SocketAddr {
    serve(move |stream| {
        if let Ok(inner) = TcpStream::connect(to) {
            join(stream, inner);
        }
    })
}

/// An HTTP proxy, the only one who knows where `th.example:8443` is; counts its tunnels.
fn proxy(to: SocketAddr, tunnels: &Arc<AtomicUsize>) -> SocketAddr {
    let tunnels = Arc::clone(tunnels);
    serve(move |mut stream| {
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
            head.push(byte[0]);
        }
        if !head.starts_with(b"CONNECT th.example:8443 ") {
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        } else if let Ok(inner) = TcpStream::connect(to) {
            tunnels.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
            join(stream, inner);
        }
    })
}

fn openssl(dir: &Path, command: &str) {
    let done = Command::new("openssl").current_dir(dir).args(command.split(' ')).output().expect("openssl runs");
    assert!(done.status.success(), "openssl {command}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An identity of the suite's under a CA of its own: PKCS#12 for TLS, PEM for signing.
fn own_identities(dir: &Path) {
    openssl(dir, "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=Ministry -keyout ca.key -out ca.pem");
    fs::write(dir.join("password"), "of the file\n").expect("written");
    for (name, more) in
        [("tls", "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n"), ("signing", "")]
    {
        fs::write(
            dir.join("leaf.cnf"),
            format!("keyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n{more}"),
        )
        .expect("written");
        openssl(dir, &format!("req -newkey rsa:2048 -nodes -subj /CN=SUITE -keyout {name}.key -out {name}.csr"));
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile leaf.cnf -out {name}.leaf"
            ),
        );
        let chain = ["leaf", "ca"].map(|part| {
            let path = if part == "ca" { "ca.pem".to_owned() } else { format!("{name}.leaf") };
            fs::read_to_string(dir.join(path)).expect("a certificate")
        });
        fs::write(dir.join(format!("{name}.pem")), chain.concat()).expect("written");
    }
    openssl(dir, "pkcs12 -export -inkey tls.key -in tls.leaf -certfile ca.pem -passout file:password -out tls.p12");
}

/// A reference node that is ended with the test.
struct Node(Child);

impl Node {
    fn start(dir: &Path) -> (Self, SocketAddr) {
        let log = fs::File::create(dir.join("node.log")).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_carnet"))
            .current_dir(dir)
            .args(["node", "--config", "node.toml"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the node starts");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line);
        let ready: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{}", fs::read_to_string(dir.join("node.log")).unwrap_or_default()));
        (Self(child), ready["as4"].as_str().expect("an address").parse().expect("an address"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_node_behind_nat_and_a_proxy_is_tested_with_identities_of_our_own() {
    let world = tempfile::tempdir().expect("a folder");
    let dir = world.path();
    own_identities(dir);
    ends(dir, 0, &["certs", "make", "node-pki", "--party", "TH", "--host", "th.example"]);
    let [listen, node_at] = [(); 2].map(|()| {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("its address")
    });
    let tunnels = Arc::new(AtomicUsize::new(0));
    let subject = format!(
        r#"format = 1
name = "Node TH"
url = "https://th.example:8443/as4"
proxy = "{proxy}"
[party]
id = "TH"
[suite]
listen = "{listen}"
public_url = "https://localhost:{public}/as4"
[suite.party]
id = "SUITE"
[suite.tls]
pkcs12 = "tls.p12"
password_file = "password"
[suite.signing]
chain = "signing.pem"
key = "signing.key"
[agreement]
name = "urn:carnet:agreement:SUITE-TH:1"
[sample]
pack = "declaration"
message = "valid/export-sea"
[trust]
tls = ["node-pki/anchors.pem"]
signing = ["node-pki/anchors.pem"]
signing_subject = "TH"
"#,
        proxy = proxy(node_at, &tunnels),
        public = forwarder(listen).port(),
    );
    fs::write(dir.join("subject.toml"), &subject).expect("written");
    fs::write(dir.join("ics.toml"), ICS).expect("written");
    ends(dir, 0, &["kit", "--subject", "subject.toml"]);
    // The operator is not asked to trust a test CA that nothing here needs.
    let ministry = fs::read_to_string(dir.join("ca.pem")).expect("the CA");
    for file in ["tls-anchors.pem", "signing-anchors.pem"] {
        let anchors = fs::read_to_string(dir.join("kit/suite").join(file)).expect("anchors");
        assert_eq!(anchors.replace('\n', ""), ministry.replace('\n', ""), "{file}");
    }
    fs::write(dir.join("token"), "0123456789abcdef").expect("written");
    let node = format!(
        "format = 1\nkits = [\"kit/suite/kit.toml\"]\n[party]\nid = \"TH\"\n[listen]\nas4 = \"{node_at}\"\n\
         [tls]\nchain = \"node-pki/th-tls.pem\"\nkey = \"node-pki/th-tls.key.pem\"\n\
         [signing]\nchain = \"node-pki/th-signing.pem\"\nkey = \"node-pki/th-signing.key.pem\"\n\
         [store]\ndir = \"store\"\n[api]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\n"
    );
    fs::write(dir.join("node.toml"), node).expect("written");
    let (_node, bound) = Node::start(dir);
    assert_eq!(bound, node_at);

    let doctor = ends(dir, 0, &["doctor", "--subject", "subject.toml"]);
    let points = ["ourselves", "name", "tcp", "tls", "clocks", "way back", "our ping", "their message", "one document"];
    let places: Vec<usize> = points.iter().map(|point| doctor.find(&format!("  {point} ")).expect(point)).collect();
    assert!(places.is_sorted() && doctor.matches("\nok ").count() >= 8, "{doctor}");
    assert!(tunnels.load(Ordering::Relaxed) > 0, "nothing went through the proxy");

    let cases = ["as4.push.accepted", "as4.ping.receipted", "as4.initiator.message-valid", "tls.certificate.expired"];
    let run = ends(dir, 0, &[&["run", "--subject", "subject.toml"], &cases[..]].concat());
    assert!(run.contains("NOT_APPLICABLE tls.certificate.expired"), "{run}");
    assert!(run.contains("the subject does not trust the suite's test CA (trust.subject_trusts_suite_ca)"), "{run}");

    // NAT: the name that the subject is told must stand in our certificate.
    fs::write(dir.join("subject.toml"), subject.replace("https://localhost:", "https://suite.example:"))
        .expect("written");
    let (code, out, err) = said(&carnet(dir, &["doctor", "--subject", "subject.toml"]));
    assert_eq!(code, 3, "{out}{err}");
    let broken: Vec<&str> = out.lines().filter(|line| line.starts_with("broken")).collect();
    assert!(matches!(broken[..], [one] if one.contains("way back") && one.contains("\"suite.example\"")), "{out}");
    assert!(!out.contains("our ping") && out.contains("Fix: name an identity with \"suite.example\""), "{out}");
}
