//! `ics.toml`: the implementation conformance statement, what a subject claims to do.

use serde::{Deserialize, Serialize};

use crate::capability;
use crate::case::Role;
use crate::error::Problem;
use crate::read;
use crate::span::Span;

/// What a subject claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Always 1.
    pub format: u32,
    /// Product.
    pub product: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Profile it claims, for example `customs-c2c`.
    pub profile: String,
    /// Roles it plays.
    pub roles: Vec<Role>,
    /// Names of `capabilities.toml`; what is not listed is not tested.
    pub capabilities: Vec<String>,
    /// What the agreement binds.
    #[serde(default)]
    pub binding: Binding,
    /// How it resends.
    #[serde(default)]
    pub reception_awareness: ReceptionAwareness,
    /// The longest it takes to answer on the same connection.
    #[serde(default = "answer_within")]
    pub answer_within: Span,
    /// The longest it takes until a business answer is pushed.
    #[serde(default = "business_within")]
    pub business_within: Span,
}

/// The longest interval, timeout or answer time that a statement can claim: no run waits longer for one thing.
pub const LONGEST: Span = Span(std::time::Duration::from_secs(3600));
/// The most attempts after the first that a statement can claim.
pub const MOST_RETRIES: u32 = 100;

impl Ics {
    /// Reads a statement.
    ///
    /// # Errors
    /// As [`read::read`]; a capability that nobody knows, a length of time past [`LONGEST`], too many retries.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let ics: Self = read::read(file, text)?;
        let known = capability::known()?;
        // A pack of one's own is claimed by its name; whether it is there is seen when the packs are loaded.
        let unknown = |name: &&String| !known.contains_key(*name) && !name.starts_with("pack.");
        if let Some(name) = ics.capabilities.iter().find(unknown) {
            let problem = read::at_text(file, text, name, format!("nobody knows the capability {name}"));
            return Err(match read::nearest(name, known.keys().map(String::as_str)) {
                Some(near) => problem.with_help(read::did_you_mean(near)),
                None => problem.with_help("`carnet ics --list` shows what can be claimed"),
            });
        }
        let awareness = ics.reception_awareness;
        for (key, span) in [
            ("retry_interval", awareness.retry_interval),
            ("answer_timeout", awareness.answer_timeout),
            ("answer_within", ics.answer_within),
            ("business_within", ics.business_within),
        ] {
            if span.0.is_zero() {
                let problem = read::at_text(file, text, key, format!("got {key} {span}, expected more than nothing"));
                return Err(problem.with_help("nothing could be waited for; claim what a test system does"));
            }
            if span > LONGEST {
                let problem = read::at_text(file, text, key, format!("got {key} {span}, expected at most {LONGEST}"));
                return Err(
                    problem.with_help("no run waits longer than that for one thing; claim what a test system does")
                );
            }
        }
        if awareness.retry_count > MOST_RETRIES {
            let what = format!("got retry_count {}, expected at most {MOST_RETRIES}", awareness.retry_count);
            let problem = read::at_text(file, text, "retry_count", what);
            return Err(problem.with_help("claim what a test system does: a run waits for every retry"));
        }
        Ok(ics)
    }
}

/// What the agreement binds to the party.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// How the signer is bound to its PartyId.
    #[serde(default)]
    pub signer: SignerBinding,
    /// How the TLS certificate is bound to the party.
    #[serde(default)]
    pub tls: TlsBinding,
}

/// How the signer is bound to its PartyId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignerBinding {
    /// That very certificate.
    Pinned,
    /// A chain to the agreed anchor and a matching subject.
    #[default]
    Anchored,
    /// Any signer under the anchor.
    Off,
}

/// How the TLS certificate is bound to the party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsBinding {
    /// That very certificate.
    Exact,
    /// Any certificate under the anchor.
    #[default]
    Anchor,
    /// A proxy does TLS; the node does not see the certificate.
    Off,
}

/// How the subject resends a message that got no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceptionAwareness {
    /// Time from one attempt to the next.
    pub retry_interval: Span,
    /// Attempts after the first.
    pub retry_count: u32,
    /// How long it waits for the answer of one attempt.
    #[serde(default = "answer_within")]
    pub answer_timeout: Span,
}

impl Default for ReceptionAwareness {
    fn default() -> Self {
        Self { retry_interval: seconds(5), retry_count: 3, answer_timeout: answer_within() }
    }
}

fn answer_within() -> Span {
    seconds(10)
}

fn business_within() -> Span {
    seconds(30)
}

fn seconds(seconds: u64) -> Span {
    Span(std::time::Duration::from_secs(seconds))
}
