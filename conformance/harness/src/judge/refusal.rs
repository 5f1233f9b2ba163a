//! Judges a refusal: the layer first, then the code, each with the clause that allows it.

use std::collections::BTreeMap;

use carnet_catalogue::case::{Allow, Case, Check, Grade, Layer};

use super::answer::{Answer, Refusal};
use super::checks::{Deviation, Look, Outcome, business};
use super::run::RefusalSeen;
use super::view::{Attempt, Exchange};

/// The name under which findings of a refusal go.
pub(crate) const NAME: &str = "refusal.allowed";

/// The check that a case with `[[allow]]` implies.
pub(crate) fn check() -> Check {
    Check { name: NAME.to_owned(), step: None, with: BTreeMap::new(), level: None }
}

/// Judges what the subject did with what it had to refuse.
pub(crate) fn judge(look: &Look<'_>) -> (Outcome, Option<RefusalSeen>) {
    let Some(exchange) = exchange(look.case, look.attempt) else {
        return (Outcome::Unclear("nothing was sent that could be refused".to_owned()), None);
    };
    let mut what = exchange.answer().clone();
    if let (Answer::Receipt(_), true) = (&what, wants_business(look.case.allow.as_slice()))
        && let Some(codes) = business::refusal_codes(look)
    {
        what = Answer::Refusal(Refusal { layer: Layer::Business, codes, signal: None });
    }
    match what {
        Answer::Refusal(refusal) if is_busy(&refusal) => {
            let said = format!(
                "{}: it may be busy, or something between us and it is; ask again",
                Answer::Refusal(refusal).describe()
            );
            (Outcome::Unclear(said), None)
        }
        Answer::Refusal(refusal) => {
            let seen = RefusalSeen { layer: refusal.layer, codes: refusal.codes.clone() };
            (weigh(look, exchange, &refusal), Some(seen))
        }
        Answer::Unreachable(..) => (Outcome::Unclear(what.describe()), None),
        other => (deviation(look, exchange, other.describe()), None),
    }
}

/// Whether it tells of load or of a gateway, and nothing of the message (RFC 9110 15.5.9, 15.6.3 to 15.6.5; RFC 6585 4).
pub(super) fn is_busy(refusal: &Refusal) -> bool {
    let busy = |code: &String| matches!(code.as_str(), "408" | "429" | "502" | "503" | "504");
    refusal.layer == Layer::Http && refusal.codes.iter().all(busy)
}

/// The exchange with what had to be refused.
pub(crate) fn exchange<'a>(case: &Case, attempt: &'a Attempt) -> Option<&'a Exchange> {
    let step = case.allow.iter().find_map(|allow| allow.step.as_deref());
    let index = step.and_then(|name| case.step_named(name)).map(|(index, _)| index);
    attempt.sent_at(index)
}

fn wants_business(allow: &[Allow]) -> bool {
    allow.iter().any(|allow| allow.layer == Layer::Business)
}

fn weigh(look: &Look<'_>, exchange: &Exchange, refusal: &Refusal) -> Outcome {
    let rows: Vec<&Allow> = look.case.allow.iter().filter(|allow| allow.layer == refusal.layer).collect();
    let holds =
        |allow: &&&Allow| refusal.codes.iter().any(|code| allow.code.iter().any(|pattern| matches(pattern, code)));
    let described = Answer::Refusal(refusal.clone()).describe();
    let improvable = |expected: String| {
        Outcome::Improvable(Box::new(Deviation {
            expected,
            actual: described.clone(),
            events: vec![exchange.seq, exchange.last],
            range: None,
            xpath: None,
        }))
    };
    match rows.iter().filter(holds).max_by_key(|allow| allow.grade == Grade::Pass) {
        Some(_) if refusal.signal.as_ref().is_some_and(|signal| !signal.refuses()) => improvable(format!(
            "{}, of severity failure: after a warning the message stands (ebMS3 Core 6.2.2)",
            expected(look)
        )),
        Some(allow) if allow.grade == Grade::Pass => Outcome::Holds,
        Some(allow) => improvable(format!("{} ({described} is tolerated: {})", expected(look), allow.clause)),
        None => deviation(look, exchange, described.clone()),
    }
}

fn deviation(look: &Look<'_>, exchange: &Exchange, actual: String) -> Outcome {
    let events = [Some(exchange.seq), exchange.received.as_ref().map(|bytes| bytes.seq), Some(exchange.last)];
    let mut events: Vec<u64> = events.into_iter().flatten().collect();
    events.dedup();
    Outcome::Broken(vec![Deviation { expected: expected(look), actual, events, range: None, xpath: None }])
}

/// The accepted refusals in words.
fn expected(look: &Look<'_>) -> String {
    let rows: Vec<String> = look
        .case
        .allow
        .iter()
        .filter(|allow| allow.grade == Grade::Pass)
        .map(|allow| format!("a refusal at layer {} with {} ({})", allow.layer, allow.code.join(" or "), allow.clause))
        .collect();
    rows.join(", or ")
}

/// `*`, `4xx`, or the code itself.
fn matches(pattern: &str, code: &str) -> bool {
    pattern == "*"
        || pattern == code
        || pattern.strip_suffix("xx").is_some_and(|prefix| code.len() == 3 && code.starts_with(prefix))
        || pattern.strip_suffix('*').is_some_and(|prefix| code.starts_with(prefix))
}
