//! Two nodes as processes, with keys, kits and folders of their own, one sending to the other.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the back ends show their nodes.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// A service that no pack knows: documents are carried, not validated.
pub(crate) const SERVICE: &str = "urn:carnet:service:bench:1";
const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
const ROLE: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704";

/// PH sends to TH.
pub(crate) struct Pair {
    pub(crate) sender: Party,
    pub(crate) receiver: Party,
    /// An RSA key like those the nodes sign with, PKCS#8.
    pub(crate) key: Vec<u8>,
    _folder: TempDir,
}

/// A party's folder, and how its node is started.
pub(crate) struct Party {
    pub(crate) folder: PathBuf,
    program: OsString,
}

/// A node that serves.
pub(crate) struct Running {
    child: Child,
    pub(crate) api: u16,
    /// From the start of the process to its ready line.
    pub(crate) ready_after: Duration,
}

impl Pair {
    /// Makes keys and configuration. `node` is the program and its arguments before `--config`.
    pub(crate) fn new(program: &Path, retry_interval: &str, retry_count: u32) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "bench root");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, rsa()?)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let endpoint = format!("https://localhost:{port}/as4");
        let mut key = Vec::new();
        let mut party = |us: &str, them: &str, endpoints: &[&str], port: u16| -> Result<Party, Failure> {
            let home = folder.path().join(us);
            let kit = home.join("kit");
            fs::create_dir_all(&kit)?;
            for name in ["tls", "signing"] {
                let own = rsa()?;
                let mut leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
                leaf.distinguished_name.push(DnType::CommonName, format!("{us} {name}"));
                leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                if name == "tls" {
                    leaf.extended_key_usages =
                        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
                }
                let leaf = leaf.signed_by(&own, &*authority)?;
                fs::write(home.join(format!("{name}.pem")), leaf.pem() + &authority.pem())?;
                fs::write(home.join(format!("{name}.key")), own.serialize_pem())?;
                key = own.serialize_der();
            }
            fs::write(home.join("api.token"), TOKEN)?;
            fs::write(home.join("node.toml"), node(us, port))?;
            fs::write(kit.join("anchors.pem"), authority.pem())?;
            fs::write(kit.join("kit.toml"), kit_file(us, them, endpoints))?;
            fs::write(kit.join("out.toml"), pmode(us, them, retry_interval, retry_count))?;
            fs::write(kit.join("in.toml"), pmode(them, us, retry_interval, retry_count))?;
            Ok(Party { folder: home, program: program.into() })
        };
        let receiver = party("TH", "PH", &[], port)?;
        let sender = party("PH", "TH", &[&endpoint], 0)?;
        Ok(Self { sender, receiver, key, _folder: folder })
    }
}

impl Party {
    /// Starts the node and waits for its ready line.
    pub(crate) fn start(&self) -> Result<Running, Failure> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .arg("--config")
            .arg(self.folder.join("node.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the node has no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let ready_after = started.elapsed();
        let ready: Value = serde_json::from_str(&line).map_err(|_| {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            format!("the node did not become ready: {}", log.lines().last().unwrap_or_default())
        })?;
        let api = ready.get("api").and_then(Value::as_str).and_then(|api| api.rsplit(':').next()?.parse().ok());
        Ok(Running { child, api: api.ok_or("the ready line names no API port")?, ready_after })
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }
}

impl Running {
    /// Most memory it ever held, in octets.
    pub(crate) fn peak_memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmHWM")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }

    /// What it cost the processor so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        processor_time(self.child.id())
    }

    /// How often its threads gave a processor up or lost it so far.
    pub(crate) fn switches(&self) -> Result<u64, Failure> {
        let mut all = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            let counted = status.lines().filter(|line| line.contains("ctxt_switches:"));
            all += counted.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(all)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM; its exit code must be 0.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let ended = self.child.wait()?;
        if !told.success() || !ended.success() {
            return Err(format!("the node ended with {ended}").into());
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ended already, unless something failed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process cost the processor so far.
pub(crate) fn processor_time(id: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15 of the line, in hundredths of a second.
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.collect::<Result<Vec<_>, _>>()?.iter().sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// The node's program: the one that was named, or the one beside this.
pub(crate) fn program(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named);
    }
    let own = env::current_exe()?;
    let beside = own.parent().and_then(Path::parent).ok_or("this program has no folder")?.join("carnet-node");
    if !beside.exists() {
        return Err("build the node first: cargo build --release -p carnet-node".into());
    }
    Ok(beside)
}

fn rsa() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_RSA_SHA256)
}

fn node(us: &str, port: u16) -> String {
    format!(
        r#"format = 1
kits = ["kit/kit.toml"]
[party]
id = "{us}"
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
[registry]
enabled = false
"#
    )
}

fn kit_file(us: &str, them: &str, endpoints: &[&str]) -> String {
    format!(
        r#"format = 1
[self]
party = "{us}"
[partner]
party = "{them}"
party_type = "{CUSTOMS}"
endpoints = {endpoints:?}
tls_anchors = "anchors.pem"
tls_binding = "anchor"
signing_anchors = "anchors.pem"
signing_binding = "anchored"
signing_subject = "CN={them} signing"
pmodes = ["out.toml", "in.toml"]
"#
    )
}

fn pmode(from: &str, to: &str, retry_interval: &str, retry_count: u32) -> String {
    format!(
        r#"format = 1
id = "customs-c2c.{from}.{to}.bench"
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
name = "{SERVICE}"
actions = ["document"]
[security]
token = "x509-pkipath"
accept_tokens = ["x509-pkipath", "x509-v3"]
[payload]
compress = true
max_bytes = 1048576
[reception_awareness]
retry_interval = "{retry_interval}"
retry_count = {retry_count}
duplicate_detection = true
[mpc]
name = "{ROLE}/defaultMPC"
"#
    )
}
