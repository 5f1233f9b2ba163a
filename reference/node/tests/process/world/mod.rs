//! Nodes as processes with a public-key infrastructure of their own, in a temporary folder.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails its test")]

pub(crate) mod http;
pub(crate) mod peer;
pub(crate) mod pki;
pub(crate) mod smp;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pki::{Authority, Issued};
use serde_json::Value;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
const ROLE: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704";

/// Two or more parties under one authority.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Authority,
}

/// A party's folder with its keys.
pub(crate) struct Party {
    pub(crate) id: String,
    pub(crate) folder: PathBuf,
    pub(crate) tls: Issued,
    pub(crate) signing: Issued,
}

/// A running node.
pub(crate) struct Node {
    pub(crate) child: Child,
    pub(crate) as4: u16,
    pub(crate) api: u16,
    pub(crate) ready: Value,
}

/// What a kit agrees on.
pub(crate) struct Agreement {
    pub(crate) retry_interval: &'static str,
    pub(crate) retry_count: u32,
    pub(crate) compress: bool,
    pub(crate) max_bytes: u64,
}

impl Default for Agreement {
    fn default() -> Self {
        Self { retry_interval: "200ms", retry_count: 3, compress: true, max_bytes: 64 << 20 }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new("test root") }
    }

    pub(crate) fn party(&self, id: &str) -> Party {
        let folder = self.folder.path().join(id);
        std::fs::create_dir_all(&folder).unwrap();
        let tls = self.authority.tls(&format!("{id} tls"));
        let signing = self.authority.signing(&format!("{id} signing"));
        for (name, issued) in [("tls", &tls), ("signing", &signing)] {
            std::fs::write(folder.join(format!("{name}.pem")), &issued.chain).unwrap();
            std::fs::write(folder.join(format!("{name}.key")), &issued.key).unwrap();
        }
        std::fs::write(folder.join("api.token"), format!("{TOKEN}\n")).unwrap();
        Party { id: id.to_owned(), folder, tls, signing }
    }

    /// Writes the kit that lets `us` talk to `partner` at `endpoints`.
    pub(crate) fn kit(&self, us: &Party, partner: &Party, endpoints: &[String], agreement: &Agreement) {
        let folder = us.folder.join("kits").join(&partner.id);
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("anchors.pem", &self.authority.pem());
        write("tls.pem", &partner.tls.chain);
        write(
            "kit.toml",
            &format!(
                r#"format = 1
[self]
party = "{}"
[partner]
party = "{}"
party_type = "{CUSTOMS}"
endpoints = {endpoints:?}
tls_anchors = "anchors.pem"
tls_certificate = "tls.pem"
tls_binding = "exact"
signing_anchors = "anchors.pem"
signing_binding = "anchored"
signing_subject = "CN={} signing"
pmodes = ["out.toml", "in.toml"]
"#,
                us.id, partner.id, partner.id
            ),
        );
        write("out.toml", &pmode(&us.id, &partner.id, agreement));
        write("in.toml", &pmode(&partner.id, &us.id, agreement));
    }

    /// Puts other P-Modes into the kit that lets `us` talk to `partner`: what it sends, what it receives.
    pub(crate) fn agree(us: &Party, partner: &Party, sends: &str, receives: &str) {
        let folder = us.folder.join("kits").join(&partner.id);
        std::fs::write(folder.join("out.toml"), sends).unwrap();
        std::fs::write(folder.join("in.toml"), receives).unwrap();
    }

    /// Two parties with kits for each other, each listening where the other expects it.
    pub(crate) fn pair(&self, agreement: &Agreement) -> (Party, Party) {
        let (ph, th) = (self.party("PH"), self.party("TH"));
        let [ph_port, th_port] = free_ports();
        self.kit(&ph, &th, &[endpoint(th_port)], agreement);
        self.kit(&th, &ph, &[endpoint(ph_port)], agreement);
        ph.configure(ph_port, &["TH"], "");
        th.configure(th_port, &["PH"], "");
        (ph, th)
    }
}

/// The URL of a node at a port.
pub(crate) fn endpoint(port: u16) -> String {
    format!("https://localhost:{port}/as4")
}

impl Party {
    pub(crate) fn configure(&self, port: u16, partners: &[&str], more: &str) {
        let kits: Vec<String> = partners.iter().map(|partner| format!("kits/{partner}/kit.toml")).collect();
        let text = format!(
            r#"format = 1
ready_file = "ready.json"
kits = {kits:?}
[party]
id = "{}"
[listen]
as4 = "127.0.0.1:{port}"
[tls]
chain = "tls.pem"
key = "tls.key"
[signing]
chain = "signing.pem"
key = "signing.key"
[store]
dir = "store"
[api]
listen = "127.0.0.1:0"
token_file = "api.token"
{more}
"#,
            self.id
        );
        std::fs::write(self.config(), text).unwrap();
    }

    /// The port of its configuration.
    pub(crate) fn port(&self) -> u16 {
        let text = std::fs::read_to_string(self.config()).unwrap();
        let address = text.lines().find_map(|line| line.strip_prefix("as4 = \"127.0.0.1:")).unwrap();
        address.trim_end_matches('"').parse().unwrap()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("node.toml")
    }

    pub(crate) fn start(&self) -> Node {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut child = Command::new(program())
            .args(["--config", self.config().to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {}", self.log()));
        let port = |name: &str| ready[name].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Node { as4: port("as4"), api: port("api"), ready, child }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Node {
    pub(crate) fn get(&self, path: &str) -> http::Answer {
        http::request(self.api, "GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> http::Answer {
        http::request(self.api, "POST", path, &[("content-type", content_type)], body)
    }

    /// Asks until `is` holds, or fails after ten seconds with the last answer.
    pub(crate) fn wait(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let value = self.get(path).json();
            if is(&value) {
                return value;
            }
            assert!(Instant::now() < end, "{path} never came to it: {value:#}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn wait_state(&self, key: i64, state: &str) -> Value {
        self.wait(&format!("/v1/messages/{key}"), |message| message["state"] == state)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Most memory that it ever held.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Stops it as an operator would; the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_carnet-node"))
}

/// Octets that do not compress, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Ports that are free at this moment, all held until all are known.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held: [_; N] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// A One-Way/Push P-Mode, as a file.
pub(crate) fn pmode(from: &str, to: &str, agreement: &Agreement) -> String {
    let Agreement { retry_interval, retry_count, compress, max_bytes } = agreement;
    format!(
        r#"format = 1
id = "customs-c2c.{from}.{to}.declaration"
profile = "customs-c2c"
mep = "one-way-push"
agreement = "urn:carnet:agreement:PH-TH:1"
[initiator]
party = "{from}"
party_type = "{CUSTOMS}"
role = "{ROLE}/initiator"
[responder]
party = "{to}"
party_type = "{CUSTOMS}"
role = "{ROLE}/responder"
[[service]]
name = "urn:carnet:service:declaration:1"
actions = ["declaration", "amendment", "cancellation", "response"]
[[service]]
name = "urn:test:service"
actions = ["anything"]
[security]
token = "x509-pkipath"
accept_tokens = ["x509-pkipath", "x509-v3"]
[payload]
compress = {compress}
max_bytes = {max_bytes}
[reception_awareness]
retry_interval = "{retry_interval}"
retry_count = {retry_count}
duplicate_detection = true
[mpc]
name = "{ROLE}/defaultMPC"
"#
    )
}
