//! The demo's world in a temporary folder: an ephemeral PKI, two administrations, and what each must install.
//!
//! Both nodes are configured only from what `carnet kit` writes; this module writes the subject files that the kits
//! are made from, and each node's own half of its configuration.

use std::fs;
use std::path::{Path, PathBuf};

use carnet_certs::{FolderPlan, KeyKind, UnixTime, Usage, write_folder, write_further};
use carnet_fixtures::Packs;
use carnet_harness::setup::SubjectFiles;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::kit;

/// What the Carnet node claims; its hooks are the back-end API.
const ICS: &str = include_str!("ics.toml");
/// What it agrees on with the suite beside the plain exchange.
const EXCHANGES: &str = include_str!("exchanges.toml");

/// Keys of the nodes beside those for TLS and RSA signatures.
const FURTHER: [(Usage, KeyKind); 5] = [
    (Usage::Signing, KeyKind::Ed25519),
    (Usage::Signing, KeyKind::P256),
    (Usage::Encryption, KeyKind::Rsa2048),
    (Usage::Encryption, KeyKind::X25519),
    (Usage::Encryption, KeyKind::P256),
];

/// A temporary folder with everything in it; removed when dropped.
#[derive(Debug)]
pub(crate) struct World {
    folder: TempDir,
    /// The administration that submits the declaration.
    pub(crate) ph: Administration,
    /// The administration that receives it, and the suite's subject.
    pub(crate) th: Administration,
    /// Address of the suite's endpoint.
    pub(crate) suite: String,
    /// Address of the suite's publisher.
    pub(crate) publisher: String,
}

/// One administration with its node.
#[derive(Debug, Clone)]
pub(crate) struct Administration {
    /// PartyId, an ISO 3166-1 code.
    pub(crate) party: &'static str,
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Address its node listens on for partners.
    pub(crate) address: String,
    /// Address of its node's back-end API, the same after a restart.
    pub(crate) api: String,
}

impl Administration {
    /// Where partners send to.
    pub(crate) fn url(&self) -> String {
        format!("https://{}/as4", self.address.replace("127.0.0.1", "localhost"))
    }

    /// Its node's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    /// What its node writes to standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("node.log")
    }

    /// The token of its back-end API.
    pub(crate) fn token(&self) -> PathBuf {
        self.dir.join("token")
    }

    /// The subject file that its kits are made from.
    pub(crate) fn subject(&self) -> PathBuf {
        self.dir.join("subject.toml")
    }
}

impl World {
    /// Lays it out: certificates, subject files, kits, configurations.
    ///
    /// # Errors
    /// A file that cannot be written, a port that cannot be had.
    pub(crate) fn lay_out(packs: &Packs) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("carnet-demo-").tempdir().map_err(Failure::ours)?;
        let now = UnixTime::now();
        let root = folder.path();
        let plan = FolderPlan::new("Demo customs", ["PH", "TH"].map(str::to_owned).to_vec());
        write_folder(&root.join("pki"), &plan, now).map_err(Failure::ours)?;
        for party in &plan.parties {
            for (usage, kind) in FURTHER {
                write_further(&root.join("pki"), party, usage, kind, now).map_err(Failure::ours)?;
            }
        }
        let [ph, ph_api, th, th_api, suite, publisher] =
            carnet_harness::local::free_addresses::<6>().map_err(Failure::ours)?;
        let administration = |party: &'static str, address: String, api: String| Administration {
            party,
            dir: root.join(party.to_lowercase()),
            address,
            api,
        };
        let (ph, th) = (administration("PH", ph, ph_api), administration("TH", th, th_api));
        let world = Self { ph, th, suite, publisher, folder };
        for one in [&world.ph, &world.th] {
            world.write_subject(one, None)?;
        }
        world.install(&world.ph, &world.th, packs, now)?;
        world.install(&world.th, &world.ph, packs, now)?;
        Ok(world)
    }

    /// The folder, for the message that says where things are.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes the folder, or leaves it to the user.
    pub(crate) fn leave(mut self, keep: bool) {
        self.folder.disable_cleanup(keep);
    }

    /// Writes the subject file of an administration; with the address at which its node can be restarted, also the hooks
    /// on its back-end API.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write_subject(&self, of: &Administration, restart: Option<&str>) -> Result<(), Failure> {
        let api = &of.api;
        let hooks = restart.map_or_else(String::new, |restart| {
            format!(
                r#"
[hooks.send.http]
method = "POST"
url = "http://{api}/v1/messages?to=SUITE&conversation=${{fresh.conversation}}"
headers = {{ Content-Type = "application/xml" }}
token_file = "token"
body = "${{document}}"

[hooks.submit.http]
method = "POST"
url = "http://{api}/v1/messages?to=${{document.to}}&service=${{document.service}}&action=${{document.action}}&agreement=${{agreement.name}}&conversation=${{fresh.conversation}}"
headers = {{ Content-Type = "application/xml", Message-Property = "${{document.properties}}" }}
token_file = "token"
body = "${{document}}"

[hooks.reply.http]
method = "POST"
url = "http://{api}/v1/messages?to=SUITE&service=${{document.service}}&action=${{document.action}}&ref_to=${{request.message-id}}"
headers = {{ Content-Type = "application/xml" }}
token_file = "token"
body = "${{document}}"

[hooks.pull.http]
method = "POST"
url = "http://{api}/v1/pulls"
token_file = "token"

[hooks.delivered.http]
url = "http://{api}/v1/messages?direction=in&state=delivered&limit=1000"
token_file = "token"

[hooks.notified.http]
url = "http://{api}/v1/notices?limit=1000"
token_file = "token"

[hooks.restart.http]
method = "POST"
url = "http://{restart}/restart"
"#
            )
        });
        let Administration { party, .. } = of;
        let text = format!(
            r#"format = 1
name = "Carnet node {party}"
url = "{url}"

[party]
id = "{party}"

[suite]
listen = "{suite}"
public_url = "https://{suite_host}/as4"
pki = "../suite-pki"

[suite.party]
id = "SUITE"

[suite.other_party]
id = "OTHER"

[agreement]
name = "{agreement}"

{exchanges}

[agreements.tokens]
name = "{agreement}:tokens"
profile = "edelivery-1.15"

[agreements.encrypted]
name = "{agreement}:encrypted"
profile = "edelivery-1.15-encrypted"
encryption_certificate = "../pki/{stem}-encryption-rsa-2048.pem"

[agreements."edelivery-2.0"]
name = "{agreement}:edelivery-2.0"
profile = "edelivery-2.0"
encryption_certificate = "../pki/{stem}-encryption-x25519.pem"

[agreements."edelivery-2.0-p-256"]
name = "{agreement}:edelivery-2.0-p-256"
profile = "edelivery-2.0"
curve = "p-256"
encryption_certificate = "../pki/{stem}-encryption-p-256.pem"

[agreements.ski]
name = "{agreement}:ski"
profile = "edelivery-1.15"
token = "ski"

[agreements.issuer-serial]
name = "{agreement}:issuer-serial"
profile = "edelivery-1.15"
token = "issuer-serial"

[sample]
pack = "declaration"
message = "{sample}"

[trust]
tls = ["../pki/anchors.pem"]
signing = ["../pki/anchors.pem"]
signing_certificates = ["../pki/{stem}-signing.pem"]
signing_subject = "{party}"
subject_trusts_suite_ca = true
subject_loaded_crl = true
{hooks}"#,
            url = of.url(),
            suite = self.suite,
            // By name, so that the name in its certificate is what the subject meant.
            suite_host = self.suite.replace("127.0.0.1", "localhost"),
            agreement = kit::default_agreement(party, "SUITE"),
            exchanges = EXCHANGES.replace("PARTY", party).replace("PUBLISHER", &self.publisher),
            sample = super::SAMPLE,
            stem = party.to_lowercase(),
        );
        put(&of.subject(), &text)?;
        put(&of.dir.join("ics.toml"), &ICS.replace("VERSION", env!("CARGO_PKG_VERSION")))
    }

    /// The kits an administration needs, and its node's configuration.
    fn install(
        &self,
        own: &Administration,
        partner: &Administration,
        packs: &Packs,
        now: UnixTime,
    ) -> Result<(), Failure> {
        let file = SubjectFiles::read(&own.subject()).map_err(Failure::ours)?;
        let other = SubjectFiles::read(&partner.subject()).map_err(Failure::ours)?;
        let mut names = Vec::new();
        let mut tables = String::new();
        for (name, kit) in kit::with_suite(&file, packs, now)? {
            for (_, table) in kit.tables(&format!("kits/{name}/")) {
                tables += &format!("{table}\n");
            }
            kit::write(&kit, &own.dir.join("kits").join(&name))?;
            names.push(name);
        }
        let name = partner.party.to_lowercase();
        kit::write(&kit::with_partner(&file, &other, packs)?, &own.dir.join("kits").join(&name))?;
        names.push(name);
        let kits: Vec<String> = names.iter().map(|name| format!("\"kits/{name}/kit.toml\"")).collect();
        let stem = own.party.to_lowercase();
        let text = format!(
            r#"format = 1
kits = [{kits}]

{tables}
[party]
id = "{party}"

[listen]
as4 = "{address}"

[tls]
chain = "../pki/{stem}-tls.pem"
key = "../pki/{stem}-tls.key.pem"

[signing]
chain = "../pki/{stem}-signing.pem"
key = "../pki/{stem}-signing.key.pem"

[[further_signing]]
chain = "../pki/{stem}-signing-ed25519.pem"
key = "../pki/{stem}-signing-ed25519.key.pem"

[[further_signing]]
chain = "../pki/{stem}-signing-p-256.pem"
key = "../pki/{stem}-signing-p-256.key.pem"

[[decryption]]
chain = "../pki/{stem}-encryption-rsa-2048.pem"
key = "../pki/{stem}-encryption-rsa-2048.key.pem"

[[decryption]]
chain = "../pki/{stem}-encryption-x25519.pem"
key = "../pki/{stem}-encryption-x25519.key.pem"

[[decryption]]
chain = "../pki/{stem}-encryption-p-256.pem"
key = "../pki/{stem}-encryption-p-256.key.pem"

[store]
dir = "store"

[api]
listen = "{api}"
token_file = "token"

# The suite says when.
[pull]
interval = "1h"

[limits]
response_timeout = "2s"

[log]
filter = "info"
"#,
            kits = kits.join(", "),
            party = own.party,
            address = own.address,
            api = own.api,
        );
        put(&own.config(), &text)?;
        put(&own.token(), &carnet_harness::local::secret().map_err(Failure::ours)?)
    }
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("make the folder", parent, &error))?;
    }
    fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}
