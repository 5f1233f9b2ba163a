//! What a run on this machine needs from the system: free loopback ports and a secret.

use std::io;
use std::net::TcpListener;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

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
    #[test]
    fn addresses_differ_and_are_free() {
        let addresses = super::free_addresses::<8>().expect("ports");
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), 8);
        std::net::TcpListener::bind(addresses[0].as_str()).expect("free again");
    }
}
