//! `junit.xml`: a suite per layer, a test case per cell.
//!
//! JUnit knows success, failure, error and skipped. A FAIL is a failure; what could not be judged is an error, so
//! that no reader counts it as passed; what was left out is skipped, with its reason; a WARN is a success whose
//! output names the finding.

use std::fmt::Write as _;

use carnet_harness::judge::run::{CellResult, Run};
use carnet_harness::verdict::Verdict;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::ReportError;
use crate::section::{name, sections};

/// The document.
///
/// # Errors
/// When it does not serialise.
pub fn render(run: &Run) -> Result<String, ReportError> {
    let mut report = Report::new(format!("carnet: {}", run.subject.name));
    for section in sections(run) {
        let mut suite = TestSuite::new(section.layer);
        for cell in &section.cells {
            suite.add_test_case(test_case(cell));
        }
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn test_case(cell: &CellResult) -> TestCase {
    let status = match cell.verdict {
        Verdict::Pass | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Fail => non_success(NonSuccessKind::Failure, cell),
        Verdict::Inconclusive | Verdict::Review | Verdict::Error => non_success(NonSuccessKind::Error, cell),
        Verdict::NotApplicable | Verdict::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {}", cell.verdict, cell.reason.as_deref().unwrap_or_default()));
            status
        }
    };
    let mut case = TestCase::new(name(cell), status);
    case.set_classname(format!("carnet.{}", cell.layer));
    if cell.verdict == Verdict::Warn {
        case.set_system_out(details(cell));
    }
    case
}

fn non_success(kind: NonSuccessKind, cell: &CellResult) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let first = cell.findings.first().map(|finding| finding.actual.clone());
    status.set_message(cell.reason.clone().or(first).unwrap_or_else(|| cell.title.clone()));
    status.set_type(cell.verdict.as_str());
    status.set_description(details(cell));
    status
}

fn details(cell: &CellResult) -> String {
    let mut text = format!("{}\n", cell.title);
    for finding in &cell.findings {
        let _ = write!(
            text,
            "{} {} (check {})\n  expected: {}\n  actual: {}\n  fix: {}\n",
            finding.requirement, finding.level, finding.check, finding.expected, finding.actual, finding.fix
        );
    }
    text
}
