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

use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::files;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the back ends show their nodes.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// A service that no pack knows: documents are carried, not validated.
pub(crate) const SERVICE: &str = "urn:carnet:service:bench:1";

/// X25519, which is what eDelivery 2.0 encrypts for and rcgen does not make: a published test key.
const X25519: [&str; 2] = [
    include_str!("../../../../fixtures/vectors/phase4/keys/red-x25519-chain.pem"),
    include_str!("../../../../fixtures/vectors/phase4/keys/red-x25519.key"),
];

/// How messages are secured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Signed with RSA.
    #[value(name = "customs-c2c")]
    Customs,
    /// Signed with RSA, encrypted with RSA-OAEP.
    #[value(name = "edelivery-1.15-encrypted")]
    Encrypted,
    /// Signed with Ed25519, encrypted with X25519.
    #[value(name = "edelivery-2.0")]
    Second,
}

/// What the two agree on.
pub(crate) struct Agreement {
    pub(crate) profile: Profile,
    pub(crate) retry_interval: &'static str,
    pub(crate) retry_count: u32,
    /// Of one payload, in octets.
    pub(crate) max_bytes: u64,
}

impl Profile {
    /// As P-Modes name it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// PH sends to TH.
pub(crate) struct Pair {
    pub(crate) sender: Party,
    pub(crate) receiver: Party,
    /// An RSA key like those that nodes sign with, PKCS#8.
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
    /// Makes keys and configuration. `program` is what takes `--config`.
    pub(crate) fn new(program: &Path, agreement: &Agreement) -> Result<Self, Failure> {
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
            let encrypts = agreement.profile != Profile::Customs;
            for name in ["tls", "signing", "encryption"] {
                if name == "encryption" && agreement.profile == Profile::Second {
                    fs::write(home.join("encryption.pem"), X25519[0])?;
                    fs::write(home.join("encryption.key"), X25519[1])?;
                    continue;
                }
                let own = match agreement.profile {
                    Profile::Second if name == "signing" => KeyPair::generate_for(&PKCS_ED25519)?,
                    _ => rsa()?,
                };
                let mut leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
                leaf.distinguished_name.push(DnType::CommonName, format!("{us} {name}"));
                leaf.key_usages = vec![match name {
                    "encryption" => KeyUsagePurpose::KeyEncipherment,
                    _ => KeyUsagePurpose::DigitalSignature,
                }];
                if name == "tls" {
                    leaf.extended_key_usages =
                        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
                    key = own.serialize_der();
                }
                let leaf = leaf.signed_by(&own, &*authority)?;
                fs::write(home.join(format!("{name}.pem")), leaf.pem() + &authority.pem())?;
                fs::write(home.join(format!("{name}.key")), own.serialize_pem())?;
            }
            fs::write(home.join("api.token"), TOKEN)?;
            fs::write(home.join("node.toml"), files::node(us, port, encrypts))?;
            fs::write(kit.join("anchors.pem"), authority.pem())?;
            fs::write(kit.join("kit.toml"), files::kit(us, them, endpoints, encrypts))?;
            fs::write(kit.join("out.toml"), files::pmode(us, them, agreement))?;
            fs::write(kit.join("in.toml"), files::pmode(them, us, agreement))?;
            Ok(Party { folder: home, program: program.into() })
        };
        let receiver = party("TH", "PH", &[], port)?;
        let sender = party("PH", "TH", &[&endpoint], 0)?;
        for (us, them) in [(&sender, &receiver), (&receiver, &sender)] {
            // A kit names whom to encrypt for, not who issued that certificate.
            let chain = fs::read_to_string(them.folder.join("encryption.pem"))?;
            let leaf = chain.split_inclusive("-----END CERTIFICATE-----").next().unwrap_or_default();
            fs::write(us.folder.join("kit/encryption.pem"), leaf)?;
        }
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
