//! Verdicts, how they roll up, and the exit codes of the suite as a public type.

use std::fmt;

use carnet_catalogue::case::Level;
use serde::{Deserialize, Serialize};

/// What came of a case, a cell or a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Every check held.
    Pass,
    /// A MUST was broken.
    Fail,
    /// A SHOULD was broken.
    Warn,
    /// It could not be judged: unreachable, control failed.
    Inconclusive,
    /// The subject does not claim it.
    NotApplicable,
    /// The operator left it out, and said why.
    Skipped,
    /// A person must look.
    Review,
    /// The suite itself failed.
    Error,
}

impl Verdict {
    /// What a broken requirement comes to, by its level.
    #[must_use]
    pub fn of_broken(level: Level) -> Self {
        if level == Level::Must { Self::Fail } else { Self::Warn }
    }

    /// Rank in the roll-up; the greater one wins. What was excluded does not count.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::NotApplicable | Self::Skipped => 0,
            Self::Pass => 1,
            Self::Warn => 2,
            Self::Review => 3,
            Self::Inconclusive => 4,
            Self::Fail => 5,
            Self::Error => 6,
        }
    }

    /// Whether it counts as attempted.
    #[must_use]
    pub fn attempted(self) -> bool {
        !matches!(self, Self::NotApplicable | Self::Skipped)
    }

    /// ERROR > FAIL > INCONCLUSIVE > REVIEW > WARN > PASS; none attempted is ERROR.
    #[must_use]
    pub fn roll_up(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts
            .into_iter()
            .filter(|verdict| verdict.attempted())
            .max_by_key(|verdict| verdict.rank())
            .unwrap_or(Self::Error)
    }

    /// As reports print it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Skipped => "SKIPPED",
            Self::Review => "REVIEW",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the suite's commands end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum ExitCode {
    /// The subject conforms to what was attempted.
    Conforms = 0,
    /// A MUST was broken, or a baseline is stale or expired.
    Fails = 1,
    /// A wrong flag, file or key.
    Usage = 2,
    /// Not decided: something was inconclusive, needs review, or was planned and not accounted for.
    Undecided = 3,
    /// The suite itself failed, or nothing was attempted.
    Harness = 4,
    /// Evidence does not verify.
    Evidence = 5,
    /// Interrupted.
    Interrupted = 130,
}

impl ExitCode {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code for a run's verdict; with `strict`, a WARN is no longer conformance.
    #[must_use]
    pub fn of(verdict: Verdict, strict: bool) -> Self {
        match verdict {
            Verdict::Pass => Self::Conforms,
            Verdict::Warn if strict => Self::Fails,
            Verdict::Warn => Self::Conforms,
            Verdict::Fail => Self::Fails,
            Verdict::Inconclusive | Verdict::Review => Self::Undecided,
            Verdict::Error | Verdict::NotApplicable | Verdict::Skipped => Self::Harness,
        }
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        code.code()
    }
}

impl TryFrom<u8> for ExitCode {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        [Self::Conforms, Self::Fails, Self::Usage, Self::Undecided, Self::Harness, Self::Evidence, Self::Interrupted]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or_else(|| format!("got exit code {code}, expected 0 to 5 or 130"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_wins_and_exclusions_do_not_count() {
        use Verdict::{Error, Fail, Inconclusive, NotApplicable, Pass, Review, Skipped, Warn};
        let order = [Pass, Warn, Review, Inconclusive, Fail, Error];
        for pair in order.windows(2) {
            assert_eq!(Verdict::roll_up(pair.iter().copied()), pair[1]);
        }
        assert_eq!(Verdict::roll_up([Pass, NotApplicable, Skipped]), Pass);
    }

    #[test]
    fn nothing_attempted_is_an_error() {
        assert_eq!(Verdict::roll_up([]), Verdict::Error);
        assert_eq!(Verdict::roll_up([Verdict::NotApplicable, Verdict::Skipped]), Verdict::Error);
        assert_eq!(ExitCode::of(Verdict::Error, false).code(), 4);
    }

    #[test]
    fn a_warning_changes_the_exit_code_only_when_strict() {
        assert_eq!(ExitCode::of(Verdict::Warn, false), ExitCode::Conforms);
        assert_eq!(ExitCode::of(Verdict::Warn, true), ExitCode::Fails);
        assert_eq!(ExitCode::of(Verdict::Inconclusive, false).code(), 3);
    }
}
