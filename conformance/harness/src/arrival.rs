//! Which `await` of a case takes which push of the subject. The runner waits by it and the judge counts by it, so that both
//! speak of the same push.

use carnet_catalogue::step::Awaited;

use crate::root::{Seen, Signals};

/// A push that came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Arrival {
    /// The step that was under way.
    step: usize,
    signals: Signals,
    message_id: Option<String>,
    /// The step that awaited it.
    taken: Option<usize>,
}

impl Arrival {
    /// A push with that envelope, where one can be read.
    pub(crate) fn new(step: usize, envelope: Option<&Seen>) -> Self {
        let signals = envelope.map(|seen| seen.signals).unwrap_or_default();
        Self { step, signals, message_id: envelope.and_then(|seen| seen.names.message_id.clone()), taken: None }
    }

    /// Its MessageId.
    pub(crate) fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// Whether it is what an `await` is for. What cannot be read counts as a message: the subject meant to say something.
    pub(crate) fn is(&self, awaited: Awaited) -> bool {
        let Signals { user, pull, answer } = self.signals;
        match awaited {
            Awaited::Message => user || !(pull || answer),
            Awaited::Receipt => answer && !user,
            Awaited::Pull => pull,
            // What came on a connection that was awaited, and nothing at all: whatever came.
            Awaited::Connection | Awaited::Nothing => true,
            _ => false,
        }
    }
}

/// Has the `await` at a step take the first push that it is for and that none took before; gives its place.
///
/// A message that was taken before the case acted anew, at step `since`, is not what it waits for then: the subject
/// may send it again as often as it likes, as long as nothing says that it must not.
pub(crate) fn take(arrivals: &mut [Arrival], awaited: Awaited, at: usize, since: Option<usize>) -> Option<usize> {
    let old = |id: &String| {
        let before = |other: &Arrival| other.taken.is_some_and(|taken| since.is_some_and(|since| taken < since));
        arrivals.iter().any(|other| before(other) && other.message_id.as_ref() == Some(id))
    };
    let found = arrivals.iter().position(|arrival| {
        let again = awaited == Awaited::Message && arrival.message_id.as_ref().is_some_and(old);
        arrival.taken.is_none() && arrival.step <= at && arrival.is(awaited) && !again
    })?;
    arrivals.get_mut(found)?.taken = Some(at);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(step: usize, what: &str, id: &str) -> Arrival {
        let text = format!("<a><{what}/><MessageId>{id}</MessageId></a>");
        Arrival::new(step, Some(&Seen::of(text)))
    }

    #[test]
    fn a_receipt_that_was_pushed_is_no_message_and_is_no_silence() {
        let mut came = [arrival(0, "Receipt", "r"), arrival(0, "UserMessage", "m")];
        assert_eq!(take(&mut came, Awaited::Message, 1, Some(0)), Some(1));
        assert_eq!(take(&mut came, Awaited::Nothing, 2, Some(0)), Some(0));
        assert_eq!(take(&mut came, Awaited::Nothing, 3, Some(0)), None);
    }

    #[test]
    fn a_retry_is_awaited_until_the_case_acts_anew() {
        let mut came = [arrival(0, "UserMessage", "m"), arrival(1, "UserMessage", "m"), arrival(3, "UserMessage", "n")];
        let both = came.clone();
        assert_eq!(take(&mut came, Awaited::Message, 1, Some(0)), Some(0));
        assert_eq!(take(&mut came, Awaited::Message, 2, Some(0)), Some(1));
        let mut came = both;
        assert_eq!(take(&mut came, Awaited::Message, 1, Some(0)), Some(0));
        assert_eq!(take(&mut came, Awaited::Message, 3, Some(2)), Some(2));
        assert_eq!(take(&mut came, Awaited::Nothing, 4, Some(2)), Some(1));
    }

    #[test]
    fn what_came_later_is_not_what_was_awaited_and_what_cannot_be_read_is_a_message() {
        let mut came = [arrival(4, "UserMessage", "m"), Arrival::new(0, None)];
        assert_eq!(take(&mut came, Awaited::Message, 2, None), Some(1));
        assert_eq!(take(&mut came, Awaited::Message, 3, None), None);
        assert_eq!(take(&mut came, Awaited::Pull, 5, None), None);
    }
}
