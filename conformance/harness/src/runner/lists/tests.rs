//! What the server of revocation lists says, to a client by hand and to openssl, which follows distribution points.

use std::path::Path;
use std::process::Command;

use carnet_certs::{Authority, Identity, Profile, zoo};
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::evidence::Event;

/// A test CA whose lists are served where its certificates say.
struct World {
    runtime: tokio::runtime::Runtime,
    authority: Authority,
    recorder: Arc<Recorder>,
    address: SocketAddr,
    _serving: Serving,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::with_lists_at("Lists", &format!("http://{address}/crl"), Setup::now()).unwrap();
        let recorder = Arc::new(Recorder::in_memory());
        let sink = Sink { recorder: Arc::clone(&recorder), scope: None };
        let lists = Lists { lists: authority.crls(Setup::now()).unwrap(), sink, budget: Arc::default() };
        let _serving = runtime.block_on(async { lists.serve_on(listener) });
        Self { runtime, authority, recorder, address, _serving }
    }

    /// Everything that comes back to a request.
    fn ask(&self, line: &str) -> Vec<u8> {
        self.runtime.block_on(async {
            let mut tcp = TcpStream::connect(self.address).await.unwrap();
            tcp.write_all(format!("{line}\r\nHost: lists\r\n\r\n").as_bytes()).await.unwrap();
            let mut bytes = Vec::new();
            tcp.read_to_end(&mut bytes).await.unwrap();
            bytes
        })
    }

    /// The lists that were given, in order; nothing stands for an answer without one.
    fn given(&self) -> Vec<Option<String>> {
        let list = |event: Event| match event.kind {
            Kind::Fetched { list, .. } => Some(list),
            _ => None,
        };
        self.recorder.events().into_iter().filter_map(list).collect()
    }
}

#[test]
fn a_list_is_given_to_whoever_asks_for_its_file_and_each_request_is_recorded() {
    let world = World::new();
    let lists = world.authority.crls(Setup::now()).unwrap();
    for crl in &lists {
        let message = http::read(&world.ask(&format!("GET /some/prefix/{}?a=b HTTP/1.1", crl.file()))).unwrap();
        assert_eq!((message.status(), message.header("content-type")), (Some(200), Some("application/pkix-crl")));
        let (_, read) = x509_parser::parse_x509_crl(&message.body).unwrap();
        let (_, expected) = x509_parser::parse_x509_crl(&crl.der).unwrap();
        assert_eq!(read.issuer(), expected.issuer());
    }
    let through_a_proxy = world.ask("GET http://lists.example/root.crl HTTP/1.0");
    assert!(through_a_proxy.starts_with(b"HTTP/1.1 200 "));
    let named: Vec<_> = lists.iter().map(|crl| Some(crl.name.to_owned())).chain([Some("root".to_owned())]).collect();
    assert_eq!(world.given(), named);

    let head = world.ask("HEAD /issuing.crl HTTP/1.1");
    assert!(head.starts_with(b"HTTP/1.1 200 ") && head.ends_with(b"\r\n\r\n"), "{head:?}");
    assert!(world.ask("GET /nothing.crl HTTP/1.1").starts_with(b"HTTP/1.1 404 "));
    assert!(world.ask("GET / HTTP/1.1").starts_with(b"HTTP/1.1 404 "));
    assert!(world.ask("POST /issuing.crl HTTP/1.1").starts_with(b"HTTP/1.1 405 "));
    assert!(world.ask("GET /unlisted.crl HTTP/1.1").is_empty(), "nobody answers there");
    assert_eq!(world.given().get(named.len()..).unwrap(), vec![None; 5], "none of these gave a list");
}

#[test]
fn a_request_without_end_is_not_heard() {
    let world = World::new();
    let endless = world.runtime.block_on(async {
        let mut tcp = TcpStream::connect(world.address).await.unwrap();
        // It may be refused while it is sent.
        let _ = tcp.write_all(&vec![b'a'; REQUEST + 1]).await;
        let mut bytes = Vec::new();
        let _ = tcp.read_to_end(&mut bytes).await;
        bytes
    });
    assert!(endless.is_empty());
    assert!(world.given().is_empty());
}

/// Whether openssl trusts a chain when it fetches the lists that the chain names; and what it said.
fn openssl(dir: &Path, world: &World, identity: &Identity) -> (bool, String) {
    let put = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    let pem = |der| carnet_certs::to_pem("CERTIFICATE", der);
    put("leaf.pem", pem(identity.leaf().unwrap()));
    put("between.pem", identity.chain.iter().skip(1).map(|der| pem(der)).collect());
    put("root.pem", world.authority.anchors_pem());
    let arguments = "verify -crl_download -crl_check_all -CAfile root.pem -untrusted between.pem leaf.pem";
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(dir).env_remove("http_proxy").env_remove("HTTP_PROXY");
    let done = command.output().unwrap();
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

#[test]
fn openssl_finds_each_list_by_itself_and_refuses_what_is_revoked() {
    let world = World::new();
    let profile = Profile::tls("SUITE");
    for (slug, takes, says, lists) in [
        ("valid", true, "OK", vec!["issuing", "root"]),
        ("valid-lower", true, "OK", vec!["issuing", "lower", "root"]),
        ("revoked", false, "certificate revoked", vec!["issuing"]),
        ("issuing-revoked", false, "certificate revoked", vec!["root"]),
        ("crl-stale", false, "CRL has expired", vec!["lapsed"]),
        ("crl-other-issuer", false, "error 3 at 0", vec!["mislisted"]),
        ("crl-none", false, "unable to get certificate CRL", vec![]),
        ("crl-unreachable", false, "unable to get certificate CRL", vec![]),
    ] {
        let before = world.given().len();
        let kind = zoo::kind(slug).unwrap();
        let made = zoo::make(kind, &world.authority, &profile, Setup::now()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (trusted, said) = openssl(dir.path(), &world, &made);
        assert_eq!(trusted, takes, "{slug}: {said}");
        assert!(said.contains(says), "{slug}: {said}");
        let given = world.given();
        let given: Vec<_> = given.iter().skip(before).flatten().map(String::as_str).collect();
        for list in lists.into_iter().chain(kind.list()) {
            assert!(given.contains(&list), "{slug}: {list} was not fetched: {given:?}");
        }
    }
}
