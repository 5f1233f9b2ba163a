//! One line of `carnet doctor`: verdict, duration, point, what was seen; under a break its cause and fix.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use carnet_harness::doctor::{Finding, Line};

/// Text for people, with its line ends.
pub(super) fn render(line: &Line) -> String {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    let (style, word, text) = match &line.finding {
        Finding::Ok(seen) => (color(AnsiColor::Green), "ok", seen.clone()),
        Finding::NotTried(reason) => (color(AnsiColor::Yellow), "not tried", format!("because {reason}")),
        Finding::Broken(broken) => (color(AnsiColor::Red).bold(), "broken", broken.cause.clone()),
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{style}{word:<9}{style:#}  {:>7} ms  {:<13}  {text}",
        line.took.as_millis(),
        line.point.to_string()
    );
    if let Finding::Broken(broken) = &line.finding {
        let _ = writeln!(out, "{:24}Fix: {}", "", broken.fix);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use carnet_harness::doctor::{Break, Point};

    use super::*;

    fn plain(point: Point, finding: Finding, millis: u64) -> String {
        let text = render(&Line { point, finding, took: Duration::from_millis(millis) });
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn each_verdict_has_its_line() {
        let broken = Finding::Broken(Break {
            cause: "their side does not know the authority that issued our certificate: alert unknown_ca".to_owned(),
            fix: "let them install tls-anchors.pem of the suite's kit".to_owned(),
        });
        let shown = [
            plain(Point::Name, Finding::Ok("th.example is 192.0.2.7".to_owned()), 12),
            plain(Point::TheirMessage, Finding::NotTried("the ICS does not claim as4.initiator".to_owned()), 0),
            plain(Point::Tls, broken, 1034),
        ]
        .concat();
        insta::assert_snapshot!(shown, @r"
        ok              12 ms  name           th.example is 192.0.2.7
        not tried        0 ms  their message  because the ICS does not claim as4.initiator
        broken        1034 ms  tls            their side does not know the authority that issued our certificate: alert unknown_ca
                                Fix: let them install tls-anchors.pem of the suite's kit
        ");
    }
}
