//! The hooks of a double over plain HTTP: what was delivered, what producers were told, restart.

use std::sync::Arc;

use carnet_harness::{http, plain};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::Node;
use crate::agreement::Agreement;

/// Serves until the task ends.
pub(super) async fn listen(node: Arc<Node>, listener: TcpListener) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(answer(Arc::clone(&node), tcp));
    }
}

async fn answer(node: Arc<Node>, mut tcp: TcpStream) {
    let mut request = Vec::new();
    let Ok(true) = plain::message(&mut tcp, &mut request, usize::MAX).await else { return };
    let Ok(message) = http::read(&request) else { return };
    let target = message.line.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let said = |name: &str| {
        let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        value.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let (status, body) = match Some(path) {
        Some("/delivered") => ("200 OK", node.memory().delivered.join("\n")),
        Some("/notified") => ("200 OK", node.memory().notified.join("\n")),
        Some("/restart") => {
            node.restart();
            ("200 OK", String::new())
        }
        Some("/submit") => {
            let agreement = Agreement::named(Some(&said("agreement")));
            let id = node.submit(&said("to"), &said("action"), agreement, &said("conversation"), message.body.clone());
            ("202 Accepted", id)
        }
        Some("/reply") if node.reply(&said("to"), message.body.clone()) => ("202 Accepted", String::new()),
        Some("/pull") => {
            let puller = Arc::clone(&node);
            node.work().spawn_on(async move { puller.pull().await }, node.ground.runtime().handle());
            ("202 Accepted", String::new())
        }
        _ => ("404 Not Found", String::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = tcp.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = tcp.shutdown().await;
}
