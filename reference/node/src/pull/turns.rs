//! Which channels it is the turn of, one pull at a time from each.

use std::collections::HashSet;

use carnet_as4::id::{Mpc, PartyId};

/// A channel of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Channel {
    pub(super) partner: PartyId,
    pub(super) mpc: Mpc,
}

/// Why it is time to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// The interval is over.
    Round,
    /// The back end asked.
    Asked,
    /// A pull from this channel ended, and somebody had asked since it began.
    Again(Channel),
    /// It is not.
    Nothing,
}

/// The pulls under way, and what is to follow them.
#[derive(Debug, Default)]
pub(super) struct Turns {
    under_way: HashSet<Channel>,
    again: HashSet<Channel>,
}

impl Turns {
    /// Whether a pull from the channel begins now. What is asked for while one is under way follows it: its last answer may
    /// have been on the way already when what is asked for came into the channel.
    pub(super) fn begins(&mut self, channel: &Channel, due: &Due) -> bool {
        match due {
            Due::Nothing => return false,
            Due::Again(only) if only != channel => return false,
            _ => {}
        }
        if self.under_way.insert(channel.clone()) {
            return true;
        }
        if *due == Due::Asked {
            self.again.insert(channel.clone());
        }
        false
    }

    /// A pull from the channel ended; what that makes due.
    pub(super) fn ended(&mut self, channel: Channel) -> Due {
        self.under_way.remove(&channel);
        if self.again.remove(&channel) { Due::Again(channel) } else { Due::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(mpc: &str) -> Channel {
        Channel { partner: PartyId::new("TH", Some("urn:parties")).unwrap(), mpc: Mpc::parse(mpc).unwrap() }
    }

    #[test]
    fn what_is_asked_for_during_a_pull_follows_it() {
        let (one, other, mut turns) = (channel("urn:one"), channel("urn:other"), Turns::default());
        assert!(turns.begins(&one, &Due::Round) && turns.begins(&other, &Due::Asked));
        assert!(!turns.begins(&one, &Due::Asked), "one at a time");
        let again = turns.ended(one.clone());
        assert_eq!(again, Due::Again(one.clone()));
        assert!(!turns.begins(&other, &again) && turns.begins(&one, &again));
        assert_eq!(turns.ended(one.clone()), Due::Nothing, "once for however many asked");
        assert!(!turns.begins(&one, &Due::Nothing) && turns.begins(&one, &Due::Round));
    }

    #[test]
    fn the_interval_begins_no_second_pull() {
        let (one, mut turns) = (channel("urn:one"), Turns::default());
        assert!(turns.begins(&one, &Due::Round) && !turns.begins(&one, &Due::Round));
        assert_eq!(turns.ended(one), Due::Nothing);
    }
}
