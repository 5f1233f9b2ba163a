//! Whether a message costs the same when many are stored: `cargo run --release -p carnet-store --example store_rate`,
//! or with other sizes behind `--`.
//!
//! Fills a store to 10^3, 10^4 and 10^5 messages and at each size measures receive and process of further ones, 32
//! under way at a time, each commit durable. Prints messages per second (best of three), processor time and octets
//! written per message, and each as a ratio to the first size. The last two do not depend on what else is running.

use std::{
    collections::VecDeque,
    io::{Write, stdout},
    time::Instant,
};

use bytes::Bytes;
use carnet_exchange::{
    Digest, Held, Key, MessageId, NewMessage, Outcome, Part, Party, Pending, Place, Process, RecordWrite, State, Store,
    Unit,
};
use carnet_store::{Config, open};
use jiff::Timestamp;

const UNDER_WAY: usize = 32;
const MEASURED: u64 = 2_000;
const ROUNDS: u64 = 3;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let folder = open(dir.path(), Config::default())?;
    let (mut stored, mut first) = (0, None);
    writeln!(stdout(), "{:>8}  {:>16}  {:>16}  {:>16}", "stored", "messages/s", "us/message", "KiB/message")?;
    let asked = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<Vec<u64>, _>>()?;
    for size in if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked } {
        while stored < size {
            let batch = (stored..size).take(400).map(receive).collect::<Result<Vec<_>, _>>()?;
            stored += batch.len() as u64;
            folder.store.commit(batch)?;
        }
        let (mut rate, before) = (0.0_f64, used()?);
        for _ in 0..ROUNDS {
            rate = rate.max(measure(&*folder.store, stored)?);
            stored += MEASURED;
        }
        let after = used()?;
        let each = |from: f64, to: f64| (to - from) / (ROUNDS * MEASURED) as f64;
        let figures = [rate, each(before.0, after.0), each(before.1, after.1)];
        let base = *first.get_or_insert(figures);
        write!(stdout(), "{size:>8}")?;
        for (figure, base) in figures.into_iter().zip(base) {
            write!(stdout(), "  {figure:>8.0} ({:>5.2})", figure / base)?;
        }
        writeln!(stdout())?;
    }
    Ok(())
}

/// Processor time in microseconds and KiB written so far, as Linux counts them.
fn used() -> Result<(f64, f64), Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: f64 = ticks.collect::<Result<Vec<_>, _>>()?.iter().sum();
    let io = std::fs::read_to_string("/proc/self/io")?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok((ticks * 10_000.0, written.unwrap_or("0").parse::<f64>()? / 1024.0))
}

/// Messages per second, each received in one commit and processed in a later one.
fn measure(store: &dyn Store, from: u64) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut received: VecDeque<(u64, Pending)> = VecDeque::new();
    let mut processed: VecDeque<Pending> = VecDeque::new();
    for n in from..from + MEASURED {
        received.push_back((n, store.begin(vec![receive(n)?])));
        if received.len() >= UNDER_WAY {
            advance(store, &mut received, &mut processed)?;
        }
        if processed.len() >= UNDER_WAY
            && let Some(oldest) = processed.pop_front()
        {
            done(oldest)?;
        }
    }
    while !received.is_empty() {
        advance(store, &mut received, &mut processed)?;
    }
    processed.into_iter().try_for_each(done)?;
    Ok(MEASURED as f64 / started.elapsed().as_secs_f64())
}

/// Waits for the oldest receive and begins its process.
fn advance(
    store: &dyn Store,
    received: &mut VecDeque<(u64, Pending)>,
    processed: &mut VecDeque<Pending>,
) -> Result<(), Failure> {
    let Some((n, pending)) = received.pop_front() else { return Ok(()) };
    match pending.wait()?.as_slice() {
        [Outcome::New { message }] => processed.push_back(store.begin(vec![process(n, *message)])),
        other => return Err(format!("not new: {other:?}").into()),
    }
    Ok(())
}

fn done(pending: Pending) -> Result<(), Failure> {
    match pending.wait()?.as_slice() {
        [Outcome::Done { .. }] => Ok(()),
        other => Err(format!("not done: {other:?}").into()),
    }
}

/// A message of the usual size: 2 KB of gzip, 6 KB of envelope, 5 KB of receipt. Its id is scattered, as UUIDs are.
fn receive(n: u64) -> Result<Unit, Failure> {
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&scattered.to_be_bytes());
    let digest = Digest(octets);
    let part = Part {
        cid: "payload@carnet.example".into(),
        media_type: "application/gzip".into(),
        properties: vec![("MimeType".into(), "application/xml".into())],
        digest,
        held: Held { length: 2_000, sha256: digest, place: Place::Inline(Bytes::from(vec![b'p'; 2_000])) },
    };
    let message = NewMessage {
        id: MessageId::new(format!("{scattered:016x}@carnet.example"))?,
        from: Party::new("TH", ""),
        to: Party::new("PH", ""),
        conversation: format!("{scattered:016x}"),
        ref_to: None,
        pmode: "customs-c2c.TH.PH.declaration".into(),
        service: "urn:carnet:service:declaration:1".into(),
        action: "declaration".into(),
        pull: false,
        digests: vec![digest, digest],
        envelope: Bytes::from(vec![b'e'; 6_000]),
        header: Bytes::from_static(b"{}"),
        parts: vec![part],
        at: Timestamp::now(),
    };
    Ok(Unit::Receive { message, receipt: Bytes::from(vec![b'r'; 5_000]), handed_on: None })
}

fn process(n: u64, message: Key) -> Unit {
    Unit::Process(Process {
        message,
        state: State::Delivered,
        note: "accepted".into(),
        records: vec![RecordWrite {
            registry: "declaration".into(),
            key: format!("mrn/{n}"),
            expected_version: 0,
            json: serde_json::json!({ "lrn": n }),
        }],
        answers: Vec::new(),
        at: Timestamp::now(),
    })
}
