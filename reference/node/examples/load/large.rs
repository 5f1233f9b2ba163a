//! Large payloads between two nodes: how much memory and time they cost, and what is left of one that is cut off.
//!
//! Producers submit payloads of a gigabyte at the same moment, made while they are sent, of text that compresses to about
//! six tenths. The sender compresses, digests and signs, the receiver verifies, digests and inflates, all while octets pass;
//! at the end each payload is read back from the receiver and must have the digest of what was submitted. Then the sender
//! is killed in the middle of one more: the receiver must keep nothing of it, and get it whole once the sender is back.

use std::{
    fs,
    io::{BufReader, Read, Write, stdout},
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{Context, SHA256};
use clap::Args;
use serde_json::Value;

use crate::{
    client::{read_answer, read_head},
    pair::{Agreement, Failure, Pair, Profile, Running, SERVICE, TOKEN, program},
};

/// No node may ever hold more, in octets.
const MOST_MEMORY: u64 = 150_000_000;
const MIB: u64 = 1 << 20;
/// For each payload to be delivered.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Sends large payloads from one node to another on this machine.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The node's program; the one built beside this program when left out
    #[arg(long, value_name = "FILE")]
    node: Option<PathBuf>,
    /// Size of each payload, in MiB; at most 2047
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..2048))]
    mebibytes: u64,
    /// Payloads at a time
    #[arg(long, default_value_t = 3)]
    at_once: u64,
}

/// Sends, measures, cuts one off.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { node, mebibytes, at_once } = arguments;
    let agreement =
        Agreement { profile: Profile::Customs, retry_interval: "1s", retry_count: 1000, max_bytes: 2048 * MIB };
    let pair = Pair::new(&program(node)?, &agreement)?;
    let (receiver, mut sender) = (pair.receiver.start()?, pair.sender.start()?);
    deliver(&sender, &receiver, 0, 1)?;
    let mut out = stdout();
    let memory = |what: &str, sender: &Running| -> Result<String, Failure> {
        let (at_sender, at_receiver) = (sender.peak_memory()?, receiver.peak_memory()?);
        if at_sender.max(at_receiver) > MOST_MEMORY {
            return Err(format!("{what}: got {at_sender} and {at_receiver} octets, expected {MOST_MEMORY}").into());
        }
        let mb = |octets: u64| octets / 1_000_000;
        Ok(format!(
            "{what:<20}{:>8} MB peak memory of the sender, {} MB of the receiver",
            mb(at_sender),
            mb(at_receiver)
        ))
    };
    writeln!(out, "{}", memory("one small message", &sender)?)?;

    let size = mebibytes * MIB;
    for count in if at_once > 1 { vec![1, at_once] } else { vec![1] } {
        let begun = Instant::now();
        let before = (sender.processor_time()?, receiver.processor_time()?);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..count)
                .map(|number| {
                    scope.spawn({
                        let (sender, receiver) = (&sender, &receiver);
                        move || deliver(sender, receiver, size, number)
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a producer panicked")?)
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let each = |now: Duration, before: Duration| {
            now.saturating_sub(before).as_secs_f64() * 1e3 / (mebibytes * count) as f64
        };
        writeln!(
            out,
            "{}\n{:<20}{:>8.1} MiB/s into the sender and out of the receiver again; processor per MiB: {:.1} ms sender, {:.1} ms receiver",
            memory(&format!("{count} x {mebibytes} MiB"), &sender)?,
            "",
            (mebibytes * count) as f64 / seconds,
            each(sender.processor_time()?, before.0),
            each(receiver.processor_time()?, before.1),
        )?;
    }

    let kept = files(&pair.receiver.store())?;
    let submitted = submit(sender.api, size, 99)?;
    wait("the receiver never began to take it", || Ok(files(&pair.receiver.store())? > kept))?;
    sender.kill()?;
    wait("the receiver keeps what was cut off", || Ok(files(&pair.receiver.store())? == kept))?;
    sender = pair.sender.start()?;
    arrived(&sender, &receiver, &submitted)?;
    writeln!(out, "{}", memory("one cut off", &sender)?)?;
    writeln!(out, "{:<20}{:>8} files left of it at the receiver; delivered once its sender was back", "", 0)?;
    sender.stop()?;
    receiver.stop()
}

/// A payload that was submitted.
struct Submitted {
    key: i64,
    message_id: String,
    length: u64,
    digest: Vec<u8>,
}

/// Submits a payload and waits until it has arrived whole.
fn deliver(sender: &Running, receiver: &Running, length: u64, seed: u64) -> Result<(), Failure> {
    arrived(sender, receiver, &submit(sender.api, length, seed)?)
}

fn submit(port: u16, length: u64, seed: u64) -> Result<Submitted, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST /v1/messages?to=TH&service={SERVICE}&action=document HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )?;
    let (mut text, mut hash, mut left) = (Text(seed + 1), Context::new(&SHA256), length);
    while left > 0 {
        let piece = text.piece(usize::try_from(left.min(64 * 1024))?);
        hash.update(&piece);
        stream.write_all(&piece)?;
        left -= piece.len() as u64;
    }
    let (status, answer) = read_answer(&mut BufReader::new(stream))?;
    let key = answer.get("key").and_then(Value::as_i64);
    let message_id = answer.get("message_id").and_then(Value::as_str);
    match (key, message_id) {
        (Some(key), Some(id)) => {
            let digest = hash.finish().as_ref().to_vec();
            Ok(Submitted { key, message_id: id.to_owned(), length, digest })
        }
        _ => Err(format!("the node answered {status}: {answer}").into()),
    }
}

/// Waits until the sender holds the receipt, and reads the payload back from the receiver.
fn arrived(sender: &Running, receiver: &Running, submitted: &Submitted) -> Result<(), Failure> {
    let path = format!("/v1/messages/{}", submitted.key);
    wait("a payload is never delivered", || {
        let message = ask(sender.api, &path)?;
        match message.get("state").and_then(Value::as_str) {
            Some("failed") => Err(format!("a payload was not delivered: {message}").into()),
            state => Ok(state == Some("delivered")),
        }
    })?;
    let listed = ask(receiver.api, "/v1/messages?direction=in&limit=1000")?;
    let items = listed.get("items").and_then(Value::as_array).ok_or("the API lists nothing")?;
    let ours = |item: &&Value| item.get("message_id").and_then(Value::as_str) == Some(&submitted.message_id);
    let found: Vec<_> = items.iter().filter(ours).filter_map(|item| item.get("key")?.as_i64()).collect();
    let [key] = found[..] else { return Err(format!("it was delivered {} times", found.len()).into()) };
    let mut stream = get(receiver.api, &format!("/v1/messages/{key}/parts/1"))?;
    let (status, _) = read_head(&mut stream)?;
    let (mut hash, mut length, mut piece) = (Context::new(&SHA256), 0, vec![0; 64 * 1024]);
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        length += read as u64;
    }
    if status != 200 || length != submitted.length || hash.finish().as_ref() != submitted.digest {
        return Err(format!("another payload arrived: {length} octets, expected {}", submitted.length).into());
    }
    Ok(())
}

fn get(port: u16, path: &str) -> Result<BufReader<TcpStream>, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    // Version 1.0: the body ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n")?;
    Ok(BufReader::new(stream))
}

fn ask(port: u16, path: &str) -> Result<Value, Failure> {
    let mut stream = get(port, path)?;
    let (status, _) = read_head(&mut stream)?;
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    if status == 200 { Ok(serde_json::from_slice(&body)?) } else { Err(format!("{path} is answered {status}").into()) }
}

fn wait(what: &str, mut is: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while !is()? {
        if Instant::now() > end {
            return Err(what.into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn files(store: &Path) -> Result<usize, Failure> {
    Ok(fs::read_dir(store.join("payloads"))?.count())
}

/// Digits that nobody foresees: they compress as far as digits do.
struct Text(u64);

impl Text {
    fn piece(&mut self, length: usize) -> Vec<u8> {
        let mut piece = Vec::with_capacity(length + 16);
        while piece.len() < length {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            piece.extend((0..16).map(|at| b"0123456789abcdef"[usize::from((self.0 >> (at * 4)) as u8 & 15)]));
        }
        piece.truncate(length);
        piece
    }
}
