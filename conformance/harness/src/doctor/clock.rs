//! The two clocks: certificates, timestamps and retries are judged by them, and both sides must agree.

use std::time::Duration;

use super::{Break, Finding, reach};
use crate::setup::Setup;

/// Clocks that are further apart than this break things: certificates at their edges, and nodes that refuse messages
/// of another time. Seconds.
const MOST: i64 = 300;

/// Compares our clock with the `Date` of an HTTP answer, which is to the second.
pub(super) async fn look(setup: &Setup, within: Duration) -> Finding {
    let Some(message) = reach::head(setup, within).await else {
        return Finding::NotTried("their endpoint gave no HTTP answer to look at".to_owned());
    };
    let theirs = message.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = theirs.map(|date| date.timestamp().as_second()) else {
        return Finding::NotTried("their endpoint sends no Date".to_owned());
    };
    let apart = theirs - i64::try_from(Setup::now().as_secs()).unwrap_or_default();
    let way = if apart > 0 { "ahead of" } else { "behind" };
    if apart.abs() > MOST {
        return Finding::Broken(Break::new(
            format!("their clock is {} s {way} ours", apart.abs()),
            "let both machines keep time by NTP; compare each with a clock of your own to see which is wrong",
        ));
    }
    Finding::Ok(match apart {
        0 => "both clocks agree to the second".to_owned(),
        apart => format!("their clock is {} s {way} ours", apart.abs()),
    })
}
