//! The events of `events.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::line::Ending;

/// A blob by its SHA-256 in hexadecimal, with its length in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// SHA-256, hexadecimal; the name of the file below `blobs/sha256/`.
    pub sha256: String,
    /// Length in bytes.
    pub length: u64,
}

/// Which execution of which cell an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Case id.
    pub case: String,
    /// Cell name, `-` without a matrix.
    pub cell: String,
    /// Which execution of that cell in this run, from 1.
    pub attempt: u32,
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the run, from 1, without gaps.
    pub seq: u64,
    /// Wall clock, RFC 3339 UTC.
    pub at: String,
    /// Monotonic clock: microseconds since the run began.
    pub mono: u64,
    /// The execution it belongs to; none for the run itself and for pushes that belong to no case.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Index of the step, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Number of the connection in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
}

/// Why a cell was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// As planned.
    Case,
    /// As the control of other cases.
    Control,
    /// Again, because of how it ended.
    Repeat,
}

/// Which side opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The suite connected to the subject.
    Suite,
    /// The subject connected to the suite.
    Subject,
}

/// Direction of bytes as the suite sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the subject.
    In,
    /// To the subject.
    Out,
}

/// How far an attempt to connect came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Resolving the name.
    Name,
    /// Opening TCP.
    Tcp,
    /// The proxy in between.
    Proxy,
    /// The handshake.
    Tls,
    /// A handshake that the suite makes no use of any more.
    Done,
}

/// Certificate chains of a handshake as blobs of DER, leaf first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chains {
    /// What the peer presented.
    pub peer: Vec<BlobRef>,
    /// What the suite presented.
    pub own: Vec<BlobRef>,
}

/// The first event: what judging needs, and needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Format of the evidence, 1.
    pub format: u32,
    /// Id of the run.
    pub run: String,
    /// Version of the suite that captured.
    pub suite: String,
    /// `suite.lock`.
    pub lock: BlobRef,
    /// `subject.toml` as read.
    pub subject: BlobRef,
    /// `ics.toml` as read.
    pub ics: BlobRef,
    /// Catalogue files by path: cases, payloads, requirements, mutants, capabilities.
    pub files: BTreeMap<String, BlobRef>,
    /// The plan (JSON): every cell, and why those excluded are.
    pub plan: BlobRef,
    /// DER certificates the subject's TLS must chain to.
    pub tls_anchors: Vec<BlobRef>,
    /// DER certificates its signatures must chain to.
    pub signing_anchors: Vec<BlobRef>,
    /// DER certificates that tokens of either side may name without carrying them, each followed by its issuers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<BlobRef>,
    /// The time at which certificates are judged, seconds since 1970.
    pub clock: u64,
    /// What chose the places at which faults on the line struck.
    #[serde(default)]
    pub seed: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// The run began.
    Run(Box<Start>),
    /// A cell began.
    Begin {
        /// Why.
        purpose: Purpose,
    },
    /// A cell ended.
    End,
    /// A step began.
    Step,
    /// A cell could not be carried out, by the suite's own fault or configuration.
    Broken {
        /// Why.
        reason: String,
    },
    /// The subject gave nothing that a later step builds on; the cell was not carried out further.
    Lacking {
        /// What was not there.
        reason: String,
    },
    /// The operator did not do what was asked; the cell was not carried out further.
    Declined {
        /// What was not done.
        reason: String,
    },
    /// A connection, by whichever side, is up.
    Connected {
        /// Who opened it.
        side: Side,
        /// `1.2` or `1.3`; none without TLS.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tls: Option<String>,
        /// Cipher suite.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suite: Option<String>,
        /// Certificates both ways.
        #[serde(default)]
        chains: Chains,
    },
    /// A connection did not come up.
    NotConnected {
        /// Who tried.
        side: Side,
        /// How far it came.
        stage: Stage,
        /// How it ended.
        ending: Ending,
    },
    /// Bytes inside TLS, or plain.
    Bytes {
        /// Which way.
        direction: Direction,
        /// The bytes.
        blob: BlobRef,
    },
    /// What came on the connection is encrypted for the suite, and this is the key of that one message: with it the parts
    /// decrypt, and nothing else does.
    ContentKey {
        /// The key.
        key: BlobRef,
    },
    /// The subject asked the suite's publisher, over plain HTTP.
    Asked {
        /// The request.
        request: BlobRef,
        /// The response.
        answer: BlobRef,
        /// So many spaces followed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        padding: Option<u64>,
    },
    /// A revocation list of the suite's test CA was asked for, over plain HTTP.
    Fetched {
        /// The list that the answer holds, such as `issuing`; none where it holds none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<String>,
        /// The request.
        request: BlobRef,
        /// The response.
        answer: BlobRef,
    },
    /// A connection ended, or the suite stopped waiting on it.
    Ended {
        /// How.
        ending: Ending,
    },
    /// The suite's endpoint shows another face from here on.
    Face {
        /// Whether it takes connections.
        accepts: bool,
        /// What it presents, leaf first.
        #[serde(default)]
        chain: Vec<BlobRef>,
        /// TLS versions it speaks; both when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        versions: Vec<String>,
        /// Cipher suites it speaks; all when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        suites: Vec<String>,
    },
    /// The subject was made to send.
    Prompted {
        /// `business`, `hook`, `operator` or `nothing`.
        by: String,
    },
    /// A hook ran.
    Hook {
        /// Its name.
        name: String,
        /// Whether it said that it succeeded.
        success: bool,
        /// Its output.
        output: BlobRef,
    },
    /// Waiting for a push of the subject ended.
    Waited {
        /// Whether one was there.
        arrived: bool,
    },
    /// Every planned cell was carried out or left out.
    Finished,
}
