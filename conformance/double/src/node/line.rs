//! A connection: hello, handshake, client certificate, one request after the other.

use std::sync::Arc;
use std::time::Duration;

use carnet_harness::http::{self, Progress};
use carnet_harness::line::{Duplex, ServerTls};
use carnet_harness::tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Node;
use crate::hello::{Hello, unsound_answer};
use crate::path::odd_serial;
use crate::rule::{Habit, PathRule, Place, Rule};

/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_secs(20);
/// A request is read up to this size.
const LIMIT: usize = 64 << 20;

pub(super) async fn connection(node: &Arc<Node>, mut tcp: TcpStream) {
    let _ = tcp.set_nodelay(true);
    let mut first = [0; 512];
    let Ok(Ok(length)) = timeout(IDLE, tcp.peek(&mut first)).await else { return };
    let first = first.get(..length).unwrap_or_default();
    let hello = match Hello::of(first) {
        Hello::Ssl2 => Some(Rule::HelloSsl2),
        Hello::Old => Some(Rule::HelloVersion),
        Hello::Unsound => Some(Rule::HelloSuite),
        Hello::Sound => None,
        Hello::None if node.mutation.checks(Rule::TlsOnly) => return,
        Hello::None => return requests(node, &mut tcp, None).await,
    };
    if let (Some(rule), Some(answer)) = (hello, unsound_answer(first))
        && !node.mutation.checks(rule)
    {
        let _ = tcp.write_all(&answer).await;
        let mut rest = vec![0; 4096];
        while let Ok(Ok(1..)) = timeout(IDLE, tcp.read(&mut rest)).await {}
        return;
    }
    let versions = node.versions();
    let face = ServerTls { identity: node.tls.clone(), versions, suites: Vec::new() };
    let accepted = if node.mutation.checks_path(Place::Client, PathRule::Possession) {
        timeout(IDLE, tls::accept(tcp, &face)).await
    } else {
        timeout(IDLE, tls::accept_unproven(tcp, &face)).await
    };
    let Ok(Ok(mut connected)) = accepted else { return };
    let chain = connected.handshake.map(|handshake| handshake.peer_chain).unwrap_or_default();
    let trusted = node.trusted(&chain, Place::Client, false).is_ok();
    let trips = (!trusted && node.mutation.does(Habit::RefusesBy500))
        || (node.mutation.does(Habit::TripsOnSerials) && chain.first().is_some_and(|leaf| odd_serial(leaf)));
    if trips && read(node, &mut connected.stream).await.is_some() {
        let _ = connected.stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    }
    if trips || !trusted {
        let _ = timeout(Duration::from_secs(1), connected.stream.shutdown()).await;
        return;
    }
    let client = chain.first().and_then(carnet_certs::common_name);
    requests(node, &mut connected.stream, client.as_deref()).await;
    let _ = timeout(Duration::from_secs(1), connected.stream.shutdown()).await;
}

async fn requests(node: &Arc<Node>, stream: &mut (impl Duplex + ?Sized), client: Option<&str>) {
    while let Some(request) = read(node, stream).await {
        let Some(response) = node.respond(&request, client) else { return };
        if stream.write_all(&response).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        let last = http::read(&request)
            .is_ok_and(|message| message.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")));
        if last {
            return;
        }
    }
}

/// The bytes of one request as far as they came; none when nothing came.
async fn read(node: &Node, stream: &mut (impl Duplex + ?Sized)) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut asked = false;
    while http::progress(&request) != Progress::Complete && request.len() < LIMIT {
        match timeout(IDLE, stream.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => request.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            _ => break,
        }
        if http::progress(&request) == Progress::UntilClose {
            break;
        }
        let expects = || {
            request.ends_with(b"\r\n\r\n")
                && http::read(&request).is_ok_and(|message| message.header("expect").is_some())
        };
        if !asked && expects() {
            asked = true;
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        }
    }
    if request.is_empty() {
        return None;
    }
    if node.mutation.does(Habit::NoContinue)
        && http::read(&request).is_ok_and(|message| message.header("expect").is_some())
    {
        let _ = stream.write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await;
        return None;
    }
    Some(request)
}
