//! `kill -9` of whole nodes under load: nothing acknowledged is lost, nothing is delivered twice, nothing half-stored.
//!
//! Two node processes exchange messages over mutual TLS while producers submit as fast as they can. At random moments
//! the sender, the receiver or both are killed and started again on the same folders, 200 times. At the end everything
//! that was acknowledged to a producer must be delivered at the receiver, once, whole, with a receipt at both ends,
//! and nothing else may be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write, stdout},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use carnet_exchange::{Direction, Message, Query, Spool, State, Store};
use clap::Args;

use crate::{
    client::{Producer, document},
    pair::{Agreement, Failure, Pair, Profile, TOKEN, program},
};

/// Kills two nodes again and again while they exchange messages.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The node's program; the one built beside this program when left out
    #[arg(long, value_name = "FILE")]
    node: Option<PathBuf>,
    /// How often
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Producers at a time
    #[arg(long, default_value_t = 6)]
    producers: usize,
    /// What the moments are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Kills, and judges what is left.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let agreement =
        Agreement { profile: Profile::Customs, retry_interval: "100ms", retry_count: 1_000_000, max_bytes: 1 << 20 };
    let pair = Pair::new(&program(arguments.node)?, &agreement)?;
    let document = document()?;
    let load = Load::default();
    let mut random = Random(arguments.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let started = Instant::now();
    let mut receiver = pair.receiver.start()?;
    let mut sender = pair.sender.start()?;
    load.serve(Some(sender.api));
    let mut killed = (0, 0);
    thread::scope(|scope| {
        for number in 0..arguments.producers {
            let (load, document) = (&load, &document);
            // Some wait for the receipt, so that both ends are busy at any moment.
            scope.spawn(move || load.produce(document, if number % 2 == 0 { 5 } else { 0 }));
        }
        let result = (|| -> Result<(), Failure> {
            for _ in 0..arguments.kills {
                thread::sleep(Duration::from_millis(random.below(150)));
                let which = random.below(5);
                if which != 0 {
                    receiver.kill()?;
                    killed.0 += 1;
                }
                if which <= 2 {
                    load.serve(None);
                    sender.kill()?;
                    killed.1 += 1;
                    sender = pair.sender.start()?;
                    load.serve(Some(sender.api));
                }
                if which != 0 {
                    receiver = pair.receiver.start()?;
                }
            }
            Ok(())
        })();
        load.stop();
        result
    })?;
    settle(sender.api, Duration::from_secs(60))?;
    sender.stop()?;
    receiver.stop()?;

    let acknowledged = load.acknowledged();
    let sent = whole(&pair.sender.store(), Direction::Out)?;
    let received = whole(&pair.receiver.store(), Direction::In)?;
    for id in &acknowledged {
        sent.get(id).ok_or_else(|| format!("{id} was acknowledged to its producer and is lost"))?;
    }
    if sent != received {
        let odd = sent.iter().find(|entry| received.get(entry.0) != Some(entry.1));
        let odd = odd.or_else(|| received.iter().find(|entry| sent.get(entry.0) != Some(entry.1)));
        return Err(format!("the two ends differ: {odd:?}").into());
    }
    writeln!(
        stdout(),
        "{} kills of the receiver and {} of the sender in {:.0} s: {} messages, {} acknowledged to producers, \
         each delivered once and whole at both ends",
        killed.0,
        killed.1,
        started.elapsed().as_secs_f64(),
        sent.len(),
        acknowledged.len()
    )?;
    if acknowledged.len() < arguments.kills as usize {
        return Err("too little load for the kills to mean anything".into());
    }
    Ok(())
}

/// Every message of a store, which must be delivered, once and whole: its payload's digest by its id.
fn whole(folder: &Path, direction: Direction) -> Result<BTreeMap<String, String>, Failure> {
    let opened = carnet_store::open(folder, carnet_store::Config::default())?;
    let mut all = BTreeMap::new();
    for message in opened.store.list(&Query { limit: usize::MAX, ..Query::default() })? {
        let id = message.id.as_str().to_owned();
        let payload = check(&*opened.store, &*opened.spool, &message, direction)
            .map_err(|error| format!("{id} in {}: {error}", folder.display()))?;
        if all.insert(id.clone(), payload).is_some() {
            return Err(format!("{id} is there twice").into());
        }
    }
    Ok(all)
}

fn check(store: &dyn Store, spool: &dyn Spool, message: &Message, direction: Direction) -> Result<String, Failure> {
    let key = message.key;
    let deliveries = store.history(key)?.iter().filter(|step| step.state == State::Delivered).count();
    if (message.direction, message.state, deliveries) != (direction, State::Delivered, 1) {
        return Err(format!("it is {} after {deliveries} deliveries", message.state).into());
    }
    let receipt = store.receipt(key)?.ok_or("it has no receipt")?;
    let named = receipt.windows(message.id.as_str().len()).any(|octets| octets == message.id.as_str().as_bytes());
    if !named {
        return Err("its receipt is for another message".into());
    }
    store.envelope(key)?.ok_or("it has no envelope")?;
    let parts = store.parts(key)?;
    let [part] = parts.as_slice() else { return Err(format!("it has {} parts", parts.len()).into()) };
    let mut octets = Vec::new();
    spool.read(&part.held)?.read_to_end(&mut octets)?;
    if carnet_wire::digest::sha256(&octets) != part.digest.0 {
        return Err("its payload is not what was signed".into());
    }
    Ok(part.digest.to_string())
}

/// Waits until the sender has nothing left to send.
fn settle(port: u16, patience: Duration) -> Result<(), Failure> {
    let end = Instant::now() + patience;
    loop {
        let mut waiting = 0;
        for state in ["submitted", "retrying"] {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            write!(
                stream,
                "GET /v1/messages?direction=out&state={state}&limit=1 HTTP/1.0\r\nHost: localhost\r\n\
                 Authorization: Bearer {TOKEN}\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            let (head, body) = answer.split_once("\r\n\r\n").ok_or("the API does not answer")?;
            if !head.contains(" 200 ") {
                return Err(format!("the API answers {head}").into());
            }
            waiting += usize::from(body.contains("message_id"));
        }
        if waiting == 0 {
            return Ok(());
        }
        if Instant::now() > end {
            return Err("messages are still waiting to be sent".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What producers share.
#[derive(Default)]
struct Load {
    shared: Mutex<Shared>,
    changed: Condvar,
}

#[derive(Default)]
struct Shared {
    /// The sender's API, while the sender runs.
    port: Option<u16>,
    stopped: bool,
    acknowledged: BTreeSet<String>,
}

impl Load {
    fn produce(&self, document: &[u8], wait: u32) {
        while let Some(port) = self.port() {
            let Ok(mut producer) = Producer::connect(port, document, wait) else { continue };
            // A killed node ends the connection; what it had not answered may or may not be there.
            while let Ok(answer) = producer.submit() {
                let mut shared = self.lock();
                shared.acknowledged.insert(answer.message_id);
                if shared.stopped {
                    return;
                }
            }
        }
    }

    /// Where to submit, once there is a sender; `None` when it is over.
    fn port(&self) -> Option<u16> {
        let mut shared = self.lock();
        loop {
            if shared.stopped {
                return None;
            }
            if shared.port.is_some() {
                return shared.port;
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn serve(&self, port: Option<u16>) {
        self.lock().port = port;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn acknowledged(&self) -> BTreeSet<String> {
        self.lock().acknowledged.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
