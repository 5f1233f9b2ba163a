//! Handshakes under way: nobody has proved anything yet, so they have places of their own, shared among the addresses
//! they come from.
//!
//! When no place is free, the address that has the most gives up its oldest. A genuine handshake takes little time and is
//! seldom the oldest, also of an address that many partners share; silent connections from elsewhere cost it nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// All handshakes of a server.
#[derive(Debug)]
pub(super) struct Handshakes {
    most: usize,
    /// Oldest first.
    under_way: Mutex<Vec<UnderWay>>,
}

#[derive(Debug)]
struct UnderWay {
    number: u64,
    origin: IpAddr,
    /// Dropped when the place is taken away.
    _held: oneshot::Sender<()>,
}

/// A handshake's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    handshakes: Arc<Handshakes>,
    held: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), under_way: Mutex::default() }
    }

    /// A place for connection `number`; another handshake may lose its own for it.
    pub(super) fn enter(self: &Arc<Self>, number: u64, address: SocketAddr) -> Place {
        let (sender, held) = oneshot::channel();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.push(UnderWay { number, origin: origin(address), _held: sender });
        if under_way.len() > self.most
            && let Some(at) = oldest_of_the_most(&under_way)
        {
            under_way.remove(at);
        }
        Place { number, handshakes: Arc::clone(self), held }
    }
}

impl Place {
    /// Waits until the place is taken away.
    pub(super) async fn lost(&mut self) {
        // Nothing is ever sent.
        let _ = (&mut self.held).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.handshakes.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|other| other.number != self.number);
    }
}

/// The oldest handshake of those whose origin has the most.
fn oldest_of_the_most(under_way: &[UnderWay]) -> Option<usize> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for handshake in under_way {
        *counts.entry(handshake.origin).or_default() += 1;
    }
    let most = counts.values().max()?;
    under_way.iter().position(|handshake| counts.get(&handshake.origin) == Some(most))
}

/// Whose an address is: itself, or its /64 in IPv6, as whoever has one address there has all of them.
fn origin(address: SocketAddr) -> IpAddr {
    match address.ip().to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters from each address in turn; the numbers of those that lost their place.
    fn lost(most: usize, addresses: &[&str]) -> Vec<usize> {
        let handshakes = Arc::new(Handshakes::new(most));
        let enter =
            |(number, ip): (usize, &&str)| handshakes.enter(number as u64, (ip.parse::<IpAddr>().unwrap(), 1).into());
        let mut places: Vec<_> = addresses.iter().enumerate().map(enter).collect();
        let closed = Err(oneshot::error::TryRecvError::Closed);
        (0..places.len()).filter(|at| places[*at].held.try_recv() == closed).collect()
    }

    #[test]
    fn the_address_with_the_most_gives_up_its_oldest() {
        assert_eq!(lost(3, &["192.0.2.1", "192.0.2.2", "192.0.2.2"]), []);
        assert_eq!(lost(3, &["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"]), [1]);
        // However many come from one address, another keeps its place.
        assert_eq!(lost(3, &[&["192.0.2.1"], &["192.0.2.2"; 9][..]].concat()), [1, 2, 3, 4, 5, 6, 7]);
        // One address for all: the newest have the places.
        assert_eq!(lost(3, &["192.0.2.1"; 5]), [0, 1]);
        assert_eq!(lost(2, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]), [0]);
        assert_eq!(lost(0, &["192.0.2.1", "192.0.2.2"]), [0]);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(lost(3, &["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:2::2", "2001:db8:0:3::1"]), [1]);
        assert_eq!(lost(3, &["::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.2", "::ffff:192.0.2.3"]), [1]);
    }

    #[test]
    fn a_place_that_is_left_is_free() {
        let handshakes = Arc::new(Handshakes::new(1));
        let address = ([192, 0, 2, 1], 1).into();
        drop(handshakes.enter(0, address));
        let mut kept = handshakes.enter(1, address);
        assert_eq!(kept.held.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        drop(handshakes.enter(2, address));
        assert_eq!(kept.held.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        drop(kept);
        assert!(handshakes.under_way.lock().unwrap().is_empty());
    }
}
