//! What a run on this machine needs from the system: free loopback ports, a secret, an address that hooks can ring.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::plain;

/// How long a hook may take to say what it wants, and how much it may say.
const REQUEST: (Duration, usize) = (Duration::from_secs(5), 16 << 10);

/// A loopback address for hooks of a run whose subject is a child of this process: whoever owns the bell does what the
/// hook asks for and answers when it is done.
#[derive(Debug)]
pub struct Bell {
    address: String,
    listener: tokio::net::TcpListener,
}

/// A hook that waits for its answer.
#[derive(Debug)]
pub struct Ring {
    tcp: TcpStream,
}

impl Bell {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When the system has no port left.
    pub async fn hang() -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        Ok(Self { address: listener.local_addr()?.to_string(), listener })
    }

    /// `host:port`, for a hook's URL.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits for the next hook; what is no HTTP request is passed over.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn rung(&self) -> io::Result<Ring> {
        loop {
            let (mut tcp, _) = self.listener.accept().await?;
            if plain::heard(&mut tcp, REQUEST.0, REQUEST.1).await.is_some() {
                return Ok(Ring { tcp });
            }
        }
    }
}

impl Ring {
    /// Tells the hook that it is done, or why it is not.
    pub async fn answer(mut self, done: Result<(), String>) {
        let (status, text) = match done {
            Ok(()) => ("200 OK", String::new()),
            Err(why) => ("500 Internal Server Error", why),
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
        let _ = timeout(REQUEST.0, tcp_write(&mut self.tcp, answer.as_bytes())).await;
    }
}

async fn tcp_write(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    tcp.write_all(bytes).await?;
    tcp.shutdown().await
}

/// `N` loopback addresses (`127.0.0.1:port`) that nothing listens on now.
///
/// All are held until the last one is found, so they differ; a process that starts at once finds them free.
///
/// # Errors
/// When the system has no port left.
pub fn free_addresses<const N: usize>() -> io::Result<[String; N]> {
    let held: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<io::Result<_>>()?;
    let addresses: Vec<String> =
        held.iter().map(|listener| Ok(listener.local_addr()?.to_string())).collect::<io::Result<_>>()?;
    addresses.try_into().map_err(|_| io::Error::other("fewer addresses than asked for"))
}

/// 32 random bytes in hexadecimal.
///
/// # Errors
/// When the system has no randomness.
pub fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system has no randomness"))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_hook_is_answered_when_its_wish_is_done() {
        let bell = super::Bell::hang().await.unwrap();
        let url = format!("http://{}/restart", bell.address());
        let within = std::time::Duration::from_secs(5);
        for (done, status) in [(Ok(()), 200), (Err("it did not start".to_owned()), 500)] {
            let hook = crate::plain::request("POST", &url, &[], b"", within);
            let owner = async { bell.rung().await.unwrap().answer(done).await };
            let (answer, ()) = tokio::join!(hook, owner);
            assert_eq!(answer.unwrap().status(), Some(status));
        }
    }

    #[test]
    fn addresses_differ_and_are_free() {
        let addresses = super::free_addresses::<8>().expect("ports");
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), 8);
        std::net::TcpListener::bind(addresses[0].as_str()).expect("free again");
    }
}
