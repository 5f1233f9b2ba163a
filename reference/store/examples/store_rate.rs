//! Whether a message costs the same when many are stored: `cargo run --release -p carnet-store --example store_rate`,
//! or with other sizes behind `--`.
//!
//! Fills a store to 10^3, 10^4 and 10^5 messages and at each size measures receive and process of further ones, 32
//! under way at a time, each commit durable. Prints messages per second (best of three), processor time in the program
//! and in the kernel, and octets written per message, and each as a ratio to the first size. All but the first hardly
//! depend on what else is running. What fills the store has rows and index entries of the usual size and bodies of a few
//! octets: else the kernel would still be writing gigabytes of them while it is measured.
//!
//! MessageIds are scattered, as random UUIDs are: the worst that partners can do to an index. With `--in-order` they grow,
//! as those of this node do.

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
    write!(stdout(), "{:>8}  {:>16}  {:>16}", "stored", "messages/s", "us program")?;
    writeln!(stdout(), "  {:>16}  {:>16}", "us kernel", "KiB written")?;
    let (options, sizes): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let id: fn(u64) -> u64 = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => |n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        ["--in-order"] => |n| n,
        _ => return Err("options are: --in-order".into()),
    };
    let asked = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<u64>, _>>()?;
    for size in if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked } {
        while stored < size {
            let small = |n| receive(id(n), [2, 6, 5]);
            let batch = (stored..size).take(400).map(small).collect::<Result<Vec<_>, _>>()?;
            stored += batch.len() as u64;
            folder.store.commit(batch)?;
        }
        let (mut rate, before) = (0.0_f64, used()?);
        for _ in 0..ROUNDS {
            rate = rate.max(measure(&*folder.store, stored, id)?);
            stored += MEASURED;
        }
        let after = used()?;
        let each = |of: fn(&Used) -> f64| (of(&after) - of(&before)) / (ROUNDS * MEASURED) as f64;
        let figures = [rate, each(|used| used.program), each(|used| used.kernel), each(|used| used.written)];
        let base = *first.get_or_insert(figures);
        write!(stdout(), "{size:>8}")?;
        for (figure, base) in figures.into_iter().zip(base) {
            write!(stdout(), "  {figure:>8.0} ({:>5.2})", figure / base)?;
        }
        writeln!(stdout())?;
    }
    Ok(())
}

/// What was used so far, as Linux counts it: processor time in microseconds, KiB written.
struct Used {
    program: f64,
    kernel: f64,
    written: f64,
}

fn used() -> Result<Used, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    let micros = |field: usize| ticks.get(field).map_or(0.0, |ticks| ticks * 10_000.0);
    let io = std::fs::read_to_string("/proc/self/io")?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(Used { program: micros(0), kernel: micros(1), written: written.unwrap_or("0").parse::<f64>()? / 1024.0 })
}

/// Messages per second, each received in one commit and processed in a later one.
fn measure(store: &dyn Store, from: u64, id: fn(u64) -> u64) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut received: VecDeque<(u64, Pending)> = VecDeque::new();
    let mut processed: VecDeque<Pending> = VecDeque::new();
    for n in from..from + MEASURED {
        received.push_back((n, store.begin(vec![receive(id(n), [2_000, 6_000, 5_000])?])));
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

/// A message with so many octets of gzip, envelope and receipt; a usual one has 2, 6 and 5 KB.
fn receive(id: u64, [part, envelope, receipt]: [usize; 3]) -> Result<Unit, Failure> {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&id.to_be_bytes());
    let digest = Digest(octets);
    let part = Part {
        cid: "payload@carnet.example".into(),
        media_type: "application/gzip".into(),
        properties: vec![("MimeType".into(), "application/xml".into())],
        digest,
        held: Held { length: part as u64, sha256: digest, place: Place::Inline(Bytes::from(vec![b'p'; part])) },
    };
    let message = NewMessage {
        id: MessageId::new(format!("{id:016x}@carnet.example"))?,
        from: Party::new("TH", ""),
        to: Party::new("PH", ""),
        conversation: format!("{id:016x}"),
        ref_to: None,
        pmode: "customs-c2c.TH.PH.declaration".into(),
        service: "urn:carnet:service:declaration:1".into(),
        action: "declaration".into(),
        pull: false,
        digests: vec![digest, digest],
        envelope: Bytes::from(vec![b'e'; envelope]),
        header: Bytes::from_static(b"{}"),
        parts: vec![part],
        at: Timestamp::now(),
    };
    Ok(Unit::Receive { message, receipt: Bytes::from(vec![b'r'; receipt]), handed_on: None })
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
