//! How many messages a second two nodes exchange, as a share of what their signatures alone would allow.
//!
//! Two node processes on this machine, mutual TLS with RSA-2048, signed and encrypted as the profile says, a real declaration of about 5 KB, a
//! fresh MessageId and signature per message, every receipt verified, both stores durable. A producer submits a
//! document over the sender's API and waits until its receipt is verified and stored, then submits the next; 1, 8 and
//! 32 producers at a time, best of three rounds. At the end exactly the messages that were submitted must stand in
//! both databases, each once.
//!
//! The floor F is measured first: RSA-2048 signatures a second with all cores, halved, as each message is signed once
//! at each end. Meant for an idle machine; it is never a timed test.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Write, stdout},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use carnet_exchange::{Direction, Query, State, Store};
use carnet_wire::wss::{RsaSigner, Signer};
use clap::Args;

use crate::{
    client::{Producer, document},
    pair::{Agreement, Failure, Pair, Profile, processor_time, program},
};

/// Producers at a time, and messages in each of three rounds.
const LEVELS: [(usize, usize); 3] = [(1, 400), (8, 4_000), (32, 8_000)];
const ROUNDS: usize = 3;

/// Measures two nodes that exchange messages on this machine.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The node's program; the one built beside this program when left out
    #[arg(long, value_name = "FILE")]
    node: Option<PathBuf>,
    /// How messages are secured
    #[arg(long, value_enum, default_value_t = Profile::Customs)]
    profile: Profile,
    /// Producers at a time, instead of 1, 8 and 32
    #[arg(long, value_name = "NUMBER")]
    producers: Option<usize>,
    /// Messages in each of the three rounds
    #[arg(long, value_name = "NUMBER")]
    messages: Option<usize>,
}

/// Measures and prints.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let program = program(arguments.node)?;
    let levels: Vec<(usize, usize)> = match arguments.producers {
        Some(producers) => vec![(producers, producers * 250)],
        None => LEVELS.to_vec(),
    };
    let agreement = Agreement { profile: arguments.profile, retry_interval: "60s", retry_count: 0, max_bytes: 1 << 20 };
    let pair = Pair::new(&program, &agreement)?;
    let document = document()?;
    let (floor, signature) = floor(&pair.key)?;
    let mut out = stdout();
    writeln!(out, "profile             {}", arguments.profile.name())?;
    writeln!(out, "document            {:>8} octets", document.len())?;
    writeln!(out, "floor F             {floor:>8.0} messages/s (RSA-2048 signatures/s of all cores, halved)")?;
    writeln!(out, "RSA-2048 signature  {signature:>8.0} us of a processor")?;

    let receiver = pair.receiver.start()?;
    let sender = pair.sender.start()?;
    writeln!(
        out,
        "ready after         {:>8.0} ms receiver, {:.0} ms sender",
        ms(receiver.ready_after),
        ms(sender.ready_after)
    )?;
    writeln!(out, "node ids            {} receiver, {} sender", receiver.id(), sender.id())?;
    let mut submitted = BTreeSet::new();
    round(sender.api, &document, 8, 400, &mut submitted)?;
    for (producers, messages) in levels {
        let messages = arguments.messages.unwrap_or(messages);
        let before = (receiver.processor_time()?, sender.processor_time()?, processor_time(std::process::id())?);
        let switched = (receiver.switches()?, sender.switches()?);
        let mut best: Option<Round> = None;
        for _ in 0..ROUNDS {
            let round = round(sender.api, &document, producers, messages, &mut submitted)?;
            if best.as_ref().is_none_or(|best| round.rate > best.rate) {
                best = Some(round);
            }
        }
        let Some(best) = best else { continue };
        let each = |time: Duration| time.as_secs_f64() * 1e6 / (messages * ROUNDS) as f64;
        let at_receiver = each(receiver.processor_time()?.saturating_sub(before.0));
        let at_sender = each(sender.processor_time()?.saturating_sub(before.1));
        let at_load = each(processor_time(std::process::id())?.saturating_sub(before.2));
        let switches = |before: u64, after: u64| after.saturating_sub(before) as f64 / (messages * ROUNDS) as f64;
        let share = best.rate / floor * 100.0;
        let signatures = match arguments.profile {
            Profile::Customs | Profile::Encrypted => {
                format!(", of it {:.1} % for the two signatures", 2.0 * signature / (at_receiver + at_sender) * 100.0)
            }
            // Theirs are of another kind than those of F.
            Profile::Second => String::new(),
        };
        writeln!(
            out,
            "{producers:>3} at a time       {:>8.0} messages/s  {share:>5.1} % of F  p50 {:>6.2} ms  p99 {:>6.2} ms  \
             processor {at_receiver:.0} us receiver, {at_sender:.0} us sender{signatures}; \
             {at_load:.0} us load; threads switched {:.0} times at the receiver, {:.0} at the sender",
            best.rate,
            ms(best.p50),
            ms(best.p99),
            switches(switched.0, receiver.switches()?),
            switches(switched.1, sender.switches()?),
        )?;
    }
    let (at_receiver, at_sender) = (receiver.peak_memory()?, sender.peak_memory()?);
    writeln!(out, "peak memory         {:>8.1} MB receiver, {:.1} MB sender", mb(at_receiver), mb(at_sender))?;
    sender.stop()?;
    receiver.stop()?;
    count(&pair.sender.store(), Direction::Out, &submitted)?;
    count(&pair.receiver.store(), Direction::In, &submitted)?;
    writeln!(out, "in both databases   {:>8} distinct messages, each delivered once", submitted.len())?;
    Ok(())
}

struct Round {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

/// Submits `messages` documents by so many producers at a time, each waiting for its receipt.
fn round(
    port: u16,
    document: &[u8],
    producers: usize,
    messages: usize,
    submitted: &mut BTreeSet<String>,
) -> Result<Round, Failure> {
    let left = Arc::new(Mutex::new(messages));
    let take = |left: &Mutex<usize>| {
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        let any = *left > 0;
        *left = left.saturating_sub(1);
        any
    };
    let started = Instant::now();
    let done: Vec<(String, Duration)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..producers)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<(String, Duration)>, Failure> {
                    let mut producer = Producer::connect(port, document, 60)?;
                    let mut done = Vec::new();
                    while take(&left) {
                        let begun = Instant::now();
                        let answer = producer.submit()?;
                        if answer.state != "delivered" {
                            return Err(format!("{} is {}", answer.message_id, answer.state).into());
                        }
                        done.push((answer.message_id, begun.elapsed()));
                    }
                    Ok(done)
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a producer panicked")??);
        }
        Ok::<_, Failure>(all)
    })?;
    let rate = messages as f64 / started.elapsed().as_secs_f64();
    let mut times: Vec<Duration> = done.iter().map(|(_, time)| *time).collect();
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
    let (p50, p99) = (at(50), at(99));
    for (id, _) in done {
        if !submitted.insert(id.clone()) {
            return Err(format!("{id} was given twice").into());
        }
    }
    Ok(Round { rate, p50, p99 })
}

/// RSA-2048 signatures a second with all cores, halved, best of three seconds; and what one costs a processor, in
/// microseconds, which tells more where something else is running.
fn floor(key: &[u8]) -> Result<(f64, f64), Failure> {
    let signer = RsaSigner::from_pkcs8(key).map_err(|error| format!("the key does not sign: {error}"))?;
    let cores = thread::available_parallelism()?.get();
    let (mut best, mut cost) = (0.0_f64, f64::MAX);
    for _ in 0..ROUNDS {
        let (started, before) = (Instant::now(), processor_time(std::process::id())?);
        let signatures: u64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..cores)
                .map(|_| {
                    scope.spawn(|| {
                        let mut made = 0_u64;
                        while started.elapsed() < Duration::from_secs(1) {
                            made += u64::from(signer.sign(b"floor").is_ok());
                        }
                        made
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
        });
        best = best.max(signatures as f64 / started.elapsed().as_secs_f64());
        let spent = processor_time(std::process::id())?.saturating_sub(before);
        cost = cost.min(spent.as_secs_f64() * 1e6 / signatures as f64);
    }
    Ok((best / 2.0, cost))
}

/// Exactly the submitted messages, each once, whole, delivered once, with its receipt.
fn count(folder: &Path, direction: Direction, submitted: &BTreeSet<String>) -> Result<(), Failure> {
    let opened = carnet_store::open(folder, carnet_store::Config::default())?;
    let store = &*opened.store;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for message in store.list(&Query { limit: usize::MAX, ..Query::default() })? {
        let (id, key) = (message.id.as_str().to_owned(), message.key);
        let delivered = store.history(key)?.iter().filter(|step| step.state == State::Delivered).count();
        let whole = store.receipt(key)?.is_some() && store.envelope(key)?.is_some() && store.parts(key)?.len() == 1;
        if message.direction != direction || message.state != State::Delivered || delivered != 1 || !whole {
            return Err(format!("{id} is {} after {delivered} deliveries, whole: {whole}", message.state).into());
        }
        *seen.entry(id).or_default() += 1;
    }
    let once = seen.values().all(|times| *times == 1);
    if !once || !seen.keys().eq(submitted.iter()) {
        return Err(format!("got {} messages, expected {} distinct ones", seen.len(), submitted.len()).into());
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mb(octets: u64) -> f64 {
    octets as f64 / 1_000_000.0
}
