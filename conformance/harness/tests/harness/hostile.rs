//! Subjects that mean no good: they hang, flood, send garbage, close, answer about something else. Each costs the suite
//! bounded time and memory, gets a verdict by the rules, and the run goes on to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use carnet_certs::Identity;
use carnet_harness::forge::{self, SignalDraft, Signing};
use carnet_harness::line::{ClientTls, Connected, Duplex, ServerTls};
use carnet_harness::plan::Selection;
use carnet_harness::{Event, ExitCode, Run, RunOptions, Setup, Verdict, http, judge, root, run, tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support;

/// What a flood would send if it were let: 10 GB, of which almost nothing may be read.
const FLOOD: u64 = 10 << 30;
/// What one answer may cost, with what the line holds.
const READ: u64 = 16 << 20;

#[derive(Clone, Copy)]
enum Behaviour {
    Hangs,
    Floods,
    FloodsHead,
    Garbage,
    Closes,
    AnswersOthers,
}

struct Hostile {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
    runtime: tokio::runtime::Runtime,
}

fn identity(name: &str) -> Identity {
    let read = |end: &str| std::fs::read_to_string(support::pki().join(format!("{name}{end}"))).unwrap();
    Identity::from_pem(&read(".pem"), &read(".key.pem")).unwrap()
}

impl Hostile {
    fn start(behaviour: Behaviour) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let face = ServerTls { identity: identity("double-tls"), versions: Vec::new(), suites: Vec::new() };
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (face, count) = (face.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    if let Ok(Connected { stream, .. }) = tls::accept(tcp, &face).await {
                        behave(behaviour, stream, &count).await;
                    }
                });
            }
        });
        Self { address, sent, runtime }
    }
}

async fn behave(behaviour: Behaviour, mut stream: Box<dyn Duplex>, sent: &AtomicU64) {
    let mut request = Vec::new();
    while http::progress(&request) == http::Progress::Wants {
        if !stream.read_buf(&mut request).await.is_ok_and(|length| length > 0) {
            return;
        }
    }
    match behaviour {
        Behaviour::Hangs => tokio::time::sleep(Duration::from_secs(600)).await,
        Behaviour::Closes => {}
        Behaviour::Garbage => {
            let _ = stream.write_all(&[0xfe; 70_000]).await;
        }
        Behaviour::Floods => flood(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n", sent).await,
        Behaviour::FloodsHead => flood(&mut stream, b"HTTP/1.1 200 OK\r\nX: ", sent).await,
        Behaviour::AnswersOthers => {
            let envelope = root::envelope_text(&request).unwrap();
            let mut draft =
                SignalDraft::receipt("answer@hostile".into(), "2026-01-01T00:00:00Z".into(), &envelope).unwrap();
            draft.refers_to = "somebody-elses@message".to_owned();
            let signing = identity("double-signing");
            let body = forge::signal(&draft, Some(&Signing::new(&signing, "x509-pkipath")), &[]).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    }
    let _ = stream.shutdown().await;
}

/// Different bytes each time, so that nothing can be kept once for all.
async fn flood(stream: &mut Box<dyn Duplex>, head: &[u8], sent: &AtomicU64) {
    let _ = stream.write_all(head).await;
    let mut block = vec![b'a'; 64 << 10];
    for round in 0..FLOOD / (64 << 10) {
        for (at, byte) in block.iter_mut().enumerate().step_by(512) {
            *byte = b'a' + ((round as usize * 7 + at) % 26) as u8;
        }
        if stream.write_all(&block).await.is_err() {
            return;
        }
        sent.fetch_add(block.len() as u64, Ordering::Relaxed);
    }
}

fn run_against(hostile: &Hostile, only: &[&str], events: &mut dyn FnMut(Event)) -> (Run, TempDir) {
    let dir = TempDir::new().unwrap();
    let url = format!("https://localhost:{}/as4", hostile.address.port());
    let setup = Setup::load(&support::world(dir.path(), &url)).unwrap();
    let catalogue = carnet_catalogue::load().unwrap();
    let mut options = RunOptions::new(Arc::new(setup), Arc::new(catalogue), dir.path().join("evidence"));
    options.selection =
        Selection { only: carnet_catalogue::Filters::ids(only.iter().copied()), ..Selection::default() };
    let run = run(&options, events).unwrap();
    assert_eq!(run.to_json(), judge(&dir.path().join("evidence")).unwrap().to_json());
    (run, dir)
}

/// Peak of this process's memory, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

const SOME: &[&str] = &["as4.ping.receipted", "as4.push.accepted", "as4.receipt", "as4.signature.payload-tampered"];

#[test]
fn each_gets_a_verdict_by_the_rules_and_the_run_comes_to_its_end() {
    for (behaviour, said) in [
        (Behaviour::Hangs, "no answer in time"),
        (Behaviour::Closes, "the connection ended before any HTTP answer"),
        (Behaviour::Garbage, "an answer that cannot be read"),
        (Behaviour::AnswersOthers, "a receipt for \"somebody-elses@message\""),
    ] {
        let (run, _dir) = run_against(&Hostile::start(behaviour), SOME, &mut |_| {});
        assert_eq!((run.verdict, run.exit), (Verdict::Fail, ExitCode::Fails), "{said}");
        assert_eq!(run.count.planned, run.count.attempted + run.count.excluded, "{said}");
        assert!(run.notes.is_empty(), "{:?}", run.notes);
        let found: Vec<&str> = run.cells.iter().flat_map(|cell| &cell.findings).map(|f| f.actual.as_str()).collect();
        assert!(found.iter().any(|actual| actual.contains(said)), "{said}: {found:?}");
        assert!(run.cells.iter().all(|cell| cell.verdict != Verdict::Pass || cell.control.is_none()));
    }
}

#[test]
fn a_flood_costs_neither_memory_nor_time() {
    let before = peak();
    for behaviour in [Behaviour::Floods, Behaviour::FloodsHead] {
        let hostile = Hostile::start(behaviour);
        let (run, dir) = run_against(&hostile, SOME, &mut |_| {});
        assert_eq!(run.verdict, Verdict::Fail);
        let found: Vec<&str> = run.cells.iter().flat_map(|cell| &cell.findings).map(|f| f.actual.as_str()).collect();
        assert!(found.iter().any(|actual| actual.contains("bytes without an end")), "{found:?}");
        let connections = std::fs::read_to_string(dir.path().join("evidence/events.jsonl")).unwrap();
        let connections = connections.matches("\"kind\":\"connected\"").count() as u64;
        let sent = hostile.sent.load(Ordering::Relaxed);
        assert!(sent < connections * READ, "{sent} bytes over {connections} connections");
    }
    let grown = peak() - before;
    assert!(grown < 200 << 20, "{grown} bytes");
}

#[test]
fn pushes_without_an_end_and_many_connections_are_bounded() {
    let hostile = Hostile::start(Behaviour::Closes);
    let before = peak();
    let handle = hostile.runtime.handle().clone();
    let sent = Arc::clone(&hostile.sent);
    let (run, _dir) = run_against(&hostile, &["as4.ping.receipted"], &mut |event| {
        if let Event::Listening(address) = event {
            for _ in 0..200 {
                let sent = Arc::clone(&sent);
                handle.spawn(async move {
                    let Ok(tcp) = TcpStream::connect(address).await else { return };
                    let client = ClientTls {
                        identity: Some(identity("double-tls")),
                        versions: Vec::new(),
                        suites: Vec::new(),
                        server_name: "localhost".to_owned(),
                    };
                    let Ok(Connected { mut stream, .. }) = tls::connect(tcp, &client).await else { return };
                    let head = format!("POST /as4 HTTP/1.1\r\nContent-Length: {FLOOD}\r\n\r\n");
                    flood(&mut stream, head.as_bytes(), &sent).await;
                });
            }
        }
    });
    assert_eq!(run.verdict, Verdict::Fail);
    let grown = peak() - before;
    assert!(grown < 250 << 20, "{grown} bytes");
}
