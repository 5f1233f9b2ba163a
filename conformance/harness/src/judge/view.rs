//! One execution of a cell as its events tell it: exchanges with requests and answers, hooks, waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::evidence::{BlobRef, Direction, Event, Kind, Purpose, Scope, Side, Stage};
use crate::line::Ending;

use super::reading::Readings;

/// Bytes with the event that recorded them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    /// The event.
    pub seq: u64,
    /// The bytes.
    pub bytes: Arc<Vec<u8>>,
}

/// One request and what came back, on a connection that either side opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Number of the connection.
    pub connection: u64,
    /// The step it belongs to.
    pub step: usize,
    /// Who opened the connection.
    pub side: Side,
    /// The first event of it.
    pub seq: u64,
    /// TLS version and suite, when there was TLS.
    pub tls: Option<(String, String)>,
    /// What the peer presented, DER, leaf first.
    pub peer_chain: Vec<Arc<Vec<u8>>>,
    /// What the suite presented, DER, leaf first.
    pub own_chain: Vec<Arc<Vec<u8>>>,
    /// How far an attempt came that did not become a connection.
    pub not_connected: Option<(Stage, Ending)>,
    /// Bytes to the subject.
    pub sent: Option<Bytes>,
    /// Bytes from the subject.
    pub received: Option<Bytes>,
    /// The key of the message in them, where it is encrypted for the suite.
    pub content_key: Option<Arc<Vec<u8>>>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The last event of it.
    pub last: u64,
    /// What was read of it.
    pub(crate) readings: Readings,
}

/// A hook that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSeen {
    /// The event.
    pub seq: u64,
    /// The step.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// Whether it said that it succeeded.
    pub success: bool,
    /// Its output.
    pub output: Arc<Vec<u8>>,
}

/// Most characters that are told of a hook's output.
const TOLD: usize = 200;

impl HookSeen {
    /// That it failed, and what it said.
    pub(crate) fn failure(&self) -> String {
        let said = String::from_utf8_lossy(&self.output);
        match said.trim() {
            "" => format!(
                "hook {} failed and said nothing: run its command by hand, or look at its exit status",
                self.name
            ),
            said => format!("hook {} failed: {}", self.name, said.chars().take(TOLD).collect::<String>()),
        }
    }
}

/// One execution of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which.
    pub scope: Scope,
    /// Why it was executed.
    pub purpose: Purpose,
    /// First event.
    pub begin: u64,
    /// Last event; none when the run broke off.
    pub end: Option<u64>,
    /// Exchanges in the order of their first events.
    pub exchanges: Vec<Exchange>,
    /// Hooks in order.
    pub hooks: Vec<HookSeen>,
    /// What the suite's publisher was asked: the event with the request.
    pub asked: Vec<Bytes>,
    /// The revocation lists that had been fetched from the suite when it ended, each with the event that was the first.
    pub fetched: BTreeMap<String, u64>,
    /// Waits for pushes by step, with their event.
    pub waits: BTreeMap<usize, (u64, bool)>,
    /// Chains that the suite's endpoint showed by a `listen` step, with the event from which on it did.
    pub faces: Vec<(u64, Vec<Arc<Vec<u8>>>)>,
    /// By what means the subject was made to send.
    pub prompted: Option<String>,
    /// Why the suite could not carry it out.
    pub broken: Option<(u64, String)>,
    /// What the subject did not give, and a later step builds on.
    pub lacking: Option<String>,
    /// What the operator was asked and did not do.
    pub declined: Option<String>,
    /// Why bytes of it are no longer there.
    pub redacted: Option<String>,
    /// Monotonic microseconds by event.
    pub times: BTreeMap<u64, u64>,
}

/// Takes the events of all executions apart, in the order in which they began.
pub fn attempts(events: &[Event], blob: &impl Fn(&BlobRef) -> Arc<Vec<u8>>) -> Vec<Attempt> {
    let mut order: Vec<Scope> = Vec::new();
    let mut found: BTreeMap<Scope, Attempt> = BTreeMap::new();
    let mut fetched: BTreeMap<String, u64> = BTreeMap::new();
    for event in events {
        if let Kind::Fetched { list: Some(list), .. } = &event.kind
            && !fetched.contains_key(list)
        {
            fetched.insert(list.clone(), event.seq);
            for open in found.values_mut().filter(|attempt| attempt.end.is_none()) {
                open.fetched.insert(list.clone(), event.seq);
            }
        }
        let Some(scope) = &event.scope else { continue };
        if let Kind::Begin { purpose } = &event.kind {
            order.push(scope.clone());
            let begun = Attempt::new(scope.clone(), *purpose, event.seq);
            found.insert(scope.clone(), Attempt { fetched: fetched.clone(), ..begun });
        }
        if let Some(attempt) = found.get_mut(scope) {
            attempt.take(event, blob);
        }
    }
    order.into_iter().filter_map(|scope| found.remove(&scope)).collect()
}

/// What happened outside any execution: pushes that belong to no case, the hooks at the end of the run.
pub fn run_itself(events: &[Event], blob: &impl Fn(&BlobRef) -> Arc<Vec<u8>>) -> Attempt {
    let scope = Scope { case: String::new(), cell: String::new(), attempt: 0 };
    let mut all = Attempt::new(scope, Purpose::Case, 0);
    for event in events.iter().filter(|event| event.scope.is_none()) {
        all.take(event, blob);
    }
    all
}

impl Attempt {
    fn new(scope: Scope, purpose: Purpose, begin: u64) -> Self {
        Self {
            scope,
            purpose,
            begin,
            end: None,
            exchanges: Vec::new(),
            hooks: Vec::new(),
            asked: Vec::new(),
            fetched: BTreeMap::new(),
            waits: BTreeMap::new(),
            faces: Vec::new(),
            prompted: None,
            broken: None,
            lacking: None,
            declined: None,
            redacted: None,
            times: BTreeMap::new(),
        }
    }

    /// The time from one event to a later one; none where either is not of this execution.
    pub(crate) fn between(&self, first: u64, second: u64) -> Option<Duration> {
        let (first, second) = (self.times.get(&first)?, self.times.get(&second)?);
        Some(Duration::from_micros(second.saturating_sub(*first)))
    }

    fn take(&mut self, event: &Event, blob: &impl Fn(&BlobRef) -> Arc<Vec<u8>>) {
        self.times.insert(event.seq, event.mono);
        let step = event.step.unwrap_or_default();
        match &event.kind {
            Kind::End => self.end = Some(event.seq),
            Kind::Broken { reason } => {
                self.broken.get_or_insert_with(|| (event.seq, reason.clone()));
            }
            Kind::Lacking { reason } => {
                self.lacking.get_or_insert_with(|| reason.clone());
            }
            Kind::Declined { reason } => self.declined = Some(reason.clone()),
            Kind::Connected { side, tls, suite, chains } => {
                let mut exchange = Exchange::new(event, step, *side);
                exchange.tls = tls.clone().zip(suite.clone());
                exchange.peer_chain = chains.peer.iter().map(blob).collect();
                exchange.own_chain = chains.own.iter().map(blob).collect();
                self.exchanges.push(exchange);
            }
            Kind::NotConnected { side, stage, ending } => {
                let mut exchange = Exchange::new(event, step, *side);
                exchange.not_connected = Some((*stage, ending.clone()));
                self.exchanges.push(exchange);
            }
            Kind::Bytes { direction, blob: reference } => {
                let bytes = Bytes { seq: event.seq, bytes: blob(reference) };
                if let Some(exchange) = self.open(event) {
                    match direction {
                        Direction::Out => exchange.sent = Some(bytes),
                        Direction::In => exchange.received = Some(bytes),
                    }
                    exchange.last = event.seq;
                }
            }
            Kind::ContentKey { key } => {
                let key = blob(key);
                if let Some(exchange) = self.open(event) {
                    exchange.content_key = Some(key);
                }
            }
            Kind::Ended { ending } => {
                if let Some(exchange) = self.open(event) {
                    exchange.ending = Some(ending.clone());
                    exchange.last = event.seq;
                }
            }
            Kind::Hook { name, success, output } => {
                let output = blob(output);
                self.hooks.push(HookSeen { seq: event.seq, step, name: name.clone(), success: *success, output });
            }
            Kind::Asked { request, .. } => self.asked.push(Bytes { seq: event.seq, bytes: blob(request) }),
            Kind::Face { chain, .. } => self.faces.push((event.seq, chain.iter().map(blob).collect())),
            Kind::Prompted { by } => self.prompted = Some(by.clone()),
            Kind::Waited { arrived } => {
                self.waits.insert(step, (event.seq, *arrived));
            }
            // What was fetched belongs to no execution, and is had in all that come after.
            Kind::Run(_) | Kind::Begin { .. } | Kind::Step | Kind::Fetched { .. } | Kind::Finished => {}
        }
    }

    fn open(&mut self, event: &Event) -> Option<&mut Exchange> {
        let connection = event.connection?;
        self.exchanges.iter_mut().rev().find(|exchange| exchange.connection == connection)
    }

    /// What the suite sent in a step; the last one when the step is not named.
    #[must_use]
    pub fn sent_at(&self, step: Option<usize>) -> Option<&Exchange> {
        let ours = |exchange: &&Exchange| exchange.side == Side::Suite && step.is_none_or(|step| exchange.step == step);
        self.exchanges.iter().rev().find(ours)
    }

    /// The pushes of the subject, in order.
    pub fn pushes(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.side == Side::Subject && exchange.received.is_some())
    }
}

impl Exchange {
    pub(super) fn new(event: &Event, step: usize, side: Side) -> Self {
        Self {
            connection: event.connection.unwrap_or_default(),
            step,
            side,
            seq: event.seq,
            tls: None,
            peer_chain: Vec::new(),
            own_chain: Vec::new(),
            not_connected: None,
            sent: None,
            received: None,
            content_key: None,
            ending: None,
            last: event.seq,
            readings: Readings::default(),
        }
    }
}
