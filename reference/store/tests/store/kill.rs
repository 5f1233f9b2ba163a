//! `kill -9` at random moments under load, again and again on the same folder.
//!
//! The test starts itself as a child process that receives, delivers, answers and sends as fast as it can and tells on
//! its standard output what was acknowledged. After each kill the folder must hold everything that was acknowledged,
//! nothing by halves, and nothing delivered twice. `CARNET_KILLS` sets how often (200, fewer after 45 seconds).

use std::{
    collections::{HashMap, HashSet},
    env,
    io::{BufRead, BufReader, Read, Write},
    panic,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use carnet_exchange::*;
use carnet_store::{Config, Opened, open};

use crate::support::*;

const CHILD: &str = "CARNET_STORE_CHILD";
const GENERATION: &str = "CARNET_STORE_GENERATION";

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_delivered_twice() {
    let kills = env::var("CARNET_KILLS").map_or(200, |kills| kills.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(0x2545_f491_4f6c_dd1d ^ u64::from(std::process::id()));
    let mut seen = Seen::default();
    let mut under_way = 0;
    let (started, mut done) = (Instant::now(), 0);
    for generation in 0..kills {
        let acknowledged = run_and_kill(dir.path(), generation, random.below(12), random.below(4_000));
        let folder = open(dir.path(), Config::default()).unwrap();
        seen.check(&folder, &acknowledged);
        under_way += seen.unprocessed;
        done += 1;
        // On a machine that is busy with other things a quarter has to do, unless a number was asked for.
        if env::var_os("CARNET_KILLS").is_none() && done >= 50 && started.elapsed() > Duration::from_secs(45) {
            break;
        }
    }
    let folder = open(dir.path(), Config::default()).unwrap();
    seen.check_all(&folder, dir.path());
    assert!(seen.received.len() >= done, "too little load: {}", seen.received.len());
    assert!(under_way > 0, "no kill ever fell between receipt and delivery");
}

/// The child: not a test of its own, and nothing at all unless the parent started it.
#[test]
fn child() {
    let Some(dir) = env::var_os(CHILD) else { return };
    let generation = env::var(GENERATION).unwrap();
    let folder = open(Path::new(&dir), Config::default()).unwrap();
    panic::set_hook(Box::new(|info| {
        say(&format!("panicked: {}", info.to_string().replace('\n', " ")));
        std::process::abort();
    }));
    let left = folder.store.unprocessed(Key::START, usize::MAX).unwrap();
    say("ready");
    thread::scope(|scope| {
        for worker in 0..4 {
            let (folder, generation) = (&folder, &generation);
            scope.spawn(move || load(folder, generation, worker));
        }
        for message in left {
            let name = message.id.as_str().split('@').next().unwrap();
            deliver(&*folder.store, message.key, name);
        }
    });
}

/// Kills the child some microseconds after it acknowledged so many things.
fn run_and_kill(dir: &Path, generation: usize, acknowledged: u64, microseconds: u64) -> Vec<String> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(CHILD, dir)
        .env(GENERATION, generation.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = mpsc::channel();
    let reading = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in output.split(b'\n') {
            // The last line may be cut short; it carries its end mark only when it is whole.
            let line = String::from_utf8(line.unwrap()).unwrap();
            let whole = line.strip_prefix("ack ").and_then(|line| line.strip_suffix(';'));
            if let Some(whole) = whole {
                lines.push(whole.to_owned());
                // Nobody listens any more once the child is about to be killed.
                let _ = tell.send(());
            }
        }
        lines
    });
    for _ in 0..=acknowledged {
        told.recv().expect("the child ended by itself");
    }
    // The moment of the kill is what is random here, not something waited for.
    thread::park_timeout(Duration::from_micros(microseconds));
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

fn load(folder: &Opened, generation: &str, worker: usize) {
    for n in 0_u64.. {
        let name = format!("{generation}-{worker}-{n}");
        let mut incoming = message(&name);
        incoming.parts = vec![spooled(folder, &name, n.is_multiple_of(8))];
        let receipt = Bytes::from(format!("receipt of {name}"));
        let key = new(&*folder.store, Unit::Receive { message: incoming, receipt, handed_on: None });
        say(&format!("received {key} {name}"));
        deliver(&*folder.store, key, &name);
    }
}

/// Takes a payload in: every so often one that is large enough for a file.
fn spooled(folder: &Opened, name: &str, large: bool) -> Part {
    let octets = payload(name, large);
    let ticket = Ticket(u128::from_be_bytes(sha256(name.as_bytes()).0[..16].try_into().unwrap()));
    let mut writer = folder.spool.part(ticket, 0).unwrap();
    writer.write(&octets).unwrap();
    Part { held: writer.finish().unwrap(), ..inline("part@carnet.example", &octets) }
}

fn payload(name: &str, large: bool) -> Vec<u8> {
    name.as_bytes().iter().copied().cycle().take(if large { 100_000 } else { 3_000 }).collect()
}

/// Delivers a message with a record, a shared counter and an answer, and sends the answer.
fn deliver(store: &dyn Store, key: Key, name: &str) {
    let answers = loop {
        let (version, value) = counter(store);
        let process = Process {
            records: vec![write(&format!("delivery/{key}"), 0, key.0), write("counter", version, value + 1)],
            answers: vec![message(&format!("answer-to-{name}"))],
            ..delivered(key)
        };
        match one(store, Unit::Process(process)) {
            Outcome::Done { answers } => break answers,
            Outcome::Stale { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    say(&format!("delivered {key}"));
    for answer in answers {
        let attempt = |sent| Unit::Attempt(Attempt { message: answer, sent, at: at(3) });
        let retry = Sent::Retry { due: at(2), note: "cut".into() };
        assert_eq!(one(store, attempt(retry)), DONE);
        let receipted = Sent::Receipted { receipt: "receipt".into(), envelope: Bytes::new() };
        assert_eq!(one(store, attempt(receipted)), DONE);
        say(&format!("sent {answer}"));
    }
}

fn counter(store: &dyn Store) -> (u64, i64) {
    let found = store.record("declaration", "counter").unwrap();
    found.map_or((0, 0), |record| (record.version, record.json["value"].as_i64().unwrap()))
}

/// One line, one write: a kill leaves it whole or marks it as cut.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\nack {what};\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What was acknowledged over all generations.
#[derive(Default)]
struct Seen {
    received: HashMap<Key, String>,
    delivered: HashSet<Key>,
    checked: i64,
    unprocessed: usize,
}

impl Seen {
    fn check(&mut self, folder: &Opened, acknowledged: &[String]) {
        let store = &*folder.store;
        for line in acknowledged {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["ready"] => {}
                ["received", key, name] => {
                    let key = Key(key.parse().unwrap());
                    assert_eq!(store.message(key).unwrap().expect(line).id, id(name));
                    assert_eq!(self.received.insert(key, name.into()), None, "{line}");
                }
                ["delivered", key] => {
                    let key = Key(key.parse().unwrap());
                    assert!(self.delivered.insert(key), "delivered twice: {line}");
                    assert_eq!(store.message(key).unwrap().expect(line).state, State::Delivered);
                }
                ["sent", key] => {
                    let message = store.message(Key(key.parse().unwrap())).unwrap().expect(line);
                    assert_eq!((message.state, message.attempts), (State::Delivered, 2), "{line}");
                    assert_eq!(store.receipt(message.key).unwrap(), Some("receipt".into()));
                }
                _ => panic!("not understood: {line}"),
            }
        }
        let fresh = store.list(&Query { limit: usize::MAX, ..Query::default() }).unwrap();
        for message in fresh.iter().take_while(|message| message.key.0 > self.checked) {
            check_whole(folder, message);
        }
        self.checked = fresh.first().map_or(0, |message| message.key.0);
        self.unprocessed = store.unprocessed(Key::START, usize::MAX).unwrap().len();
    }

    fn check_all(&self, folder: &Opened, dir: &Path) {
        let store = &*folder.store;
        let all = store.list(&Query { limit: usize::MAX, ..Query::default() }).unwrap();
        let mut files = 0;
        for message in &all {
            files += check_whole(folder, message);
        }
        for (key, name) in &self.received {
            assert_eq!(store.message(*key).unwrap().unwrap().id, id(name));
        }
        let done = |message: &&Message| message.direction == Direction::In && message.state == State::Delivered;
        let delivered = all.iter().filter(done).count();
        let recorded = store.records("declaration", "delivery/", "", usize::MAX).unwrap().len();
        let answers = all.iter().filter(|message| message.direction == Direction::Out).count();
        let (version, value) = counter(store);
        assert_eq!((recorded, answers), (delivered, delivered));
        assert_eq!((version, value), (delivered as u64, delivered as i64));
        assert_eq!(store.counts().unwrap().iter().map(|c| c.messages).sum::<u64>(), all.len() as u64);
        let held = dir.join("payloads").read_dir().unwrap().count();
        assert_eq!(held, files, "every payload file is named by a message");
    }
}

/// Nothing by halves: bodies, parts and history of a message agree with its name. Answers how many files it has.
fn check_whole(folder: &Opened, message: &Message) -> usize {
    let store = &*folder.store;
    let name = message.id.as_str().split('@').next().unwrap();
    let parts = store.parts(message.key).unwrap();
    assert_eq!(parts.len(), 1, "{name}");
    assert_eq!(store.envelope(message.key).unwrap(), Some(format!("envelope of {name}").into()));
    assert_eq!(store.history(message.key).unwrap().last().unwrap().state, message.state, "{name}");
    let mut octets = Vec::new();
    folder.spool.read(&parts[0].held).unwrap().read_to_end(&mut octets).unwrap();
    let large = matches!(parts[0].held.place, Place::File(_));
    if message.direction == Direction::In {
        assert_eq!(octets, payload(name, large), "{name}");
        let receipt = store.receipt(message.key).unwrap();
        assert_eq!(receipt, Some(format!("receipt of {name}").into()));
    } else {
        assert_eq!(octets, format!("payload of {name}").as_bytes());
        assert_eq!(message.due.is_some(), !message.state.is_final(), "{name}");
    }
    usize::from(large)
}

/// Xorshift: enough to pick moments.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}
