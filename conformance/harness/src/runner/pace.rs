//! How fast the suite may go: at most so many connections a second, whoever wants to open them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A queue with a fixed pause between its turns; without a rate nobody waits.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    pause: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most `rate` turns a second.
    pub(crate) fn new(rate: Option<u32>) -> Self {
        let pause = rate.map(|rate| Duration::from_secs(1) / rate.max(1));
        Self { pause, next: Mutex::default() }
    }

    /// Waits until it is the caller's turn.
    pub(crate) async fn turn(&self) {
        if let Some(at) = self.reserve(Instant::now()) {
            sleep_until(at).await;
        }
    }

    /// Waits for the caller's turn, for as long as `goes_on`; false when there is none before `until`.
    pub(crate) async fn turn_before(&self, until: Instant, goes_on: impl Fn() -> bool) -> bool {
        const PAUSE: Duration = Duration::from_millis(100);
        let Some(at) = self.reserve(Instant::now()) else { return Instant::now() < until && goes_on() };
        while at < until && goes_on() {
            let now = Instant::now();
            if now >= at {
                return true;
            }
            sleep_until(at.min(now + PAUSE)).await;
        }
        false
    }

    /// When the next turn is, for one who asks at `now`; the turn is taken.
    fn reserve(&self, now: Instant) -> Option<Instant> {
        let pause = self.pause?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + pause);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_however_many_ask_at_once() {
        let (pace, now) = (Pace::new(Some(10)), Instant::now());
        let turns: Vec<Duration> = (0..11).filter_map(|_| pace.reserve(now)).map(|at| at - now).collect();
        assert_eq!(turns.len(), 11);
        assert_eq!(turns[0], Duration::ZERO);
        assert_eq!(turns[10], Duration::from_secs(1));
        let later = now + Duration::from_secs(9);
        assert_eq!(pace.reserve(later), Some(later));
        assert_eq!(Pace::new(None).reserve(now), None);
    }
}
