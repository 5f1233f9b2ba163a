//! Puts executions, controls and plan together: cells, counts, the run.

use std::collections::BTreeMap;

use carnet_catalogue::case::{Case, CaseId, Level};
use carnet_catalogue::matrix::{Cell, full_name, stands_for};
use carnet_catalogue::requirement::RequirementId;

use super::ledger::{Ledger, counted};
use super::one::{self, Judged, Unseen};
use super::run::{CellResult, ControlSeen, Count, Finding, Run, SubjectSeen, UNFINISHED};
use super::view::Attempt;
use super::{Judge, claims};
use crate::plan::Planned;
use crate::verdict::{ExitCode, Verdict};

/// The run.
pub(crate) fn run(judge: &Judge, id: &str, attempts: &[Attempt], ledger: Ledger, finished: bool) -> Run {
    let mut cells = cells(judge, attempts, |_| true);
    if !finished {
        for cell in cells.iter_mut().filter(|cell| !cell.attempted() && cell.reason.is_none()) {
            cell.reason = Some("the run ended before it began".to_owned());
        }
    }
    let mut count = Count { planned: cells.len(), ..Count::default() };
    let mut requirements: BTreeMap<_, Vec<Verdict>> = BTreeMap::new();
    for cell in &cells {
        if cell.attempted() {
            count.attempted += 1;
        } else if cell.reason.is_some() {
            count.excluded += 1;
        }
        *count.by_verdict.entry(cell.verdict.to_string()).or_default() += 1;
        for id in &cell.verifies {
            requirements.entry(id.clone()).or_default().push(cell.verdict);
        }
        for (id, verdict) in aside(judge, cell) {
            requirements.entry(id).or_default().push(verdict);
        }
    }
    for found in &ledger.findings {
        requirements.entry(found.requirement.clone()).or_default().push(found.verdict());
    }
    let mut notes = Vec::new();
    let mut verdict = Verdict::roll_up(cells.iter().map(|cell| cell.verdict).chain(ledger.verdicts()));
    if ledger.redacted > 0 {
        notes.push(format!(
            "{} that the ledger counts by were redacted: it cannot say what became of every message",
            counted(ledger.redacted, "recording")
        ));
    }
    if count.attempted == 0 {
        notes.push("no cell was attempted".to_owned());
        verdict = Verdict::Error;
    }
    if !finished {
        notes.push(UNFINISHED.to_owned());
    }
    let undecided = !finished || count.planned != count.attempted + count.excluded;
    if undecided && verdict.rank() < Verdict::Inconclusive.rank() {
        verdict = Verdict::Inconclusive;
    }
    let exit = match ExitCode::of(verdict, false) {
        ExitCode::Conforms if undecided => ExitCode::Undecided,
        exit => exit,
    };
    Run {
        format: 1,
        run: id.to_owned(),
        suite: judge.suite.clone(),
        subject: SubjectSeen {
            name: judge.subject.name.clone(),
            party: judge.subject.party.id.clone(),
            product: judge.ics.product.clone(),
            version: judge.ics.version.clone(),
            profile: judge.ics.profile.clone(),
        },
        verdict,
        exit,
        count,
        contradictions: claims::contradicted(judge, &cells),
        cells,
        requirements: requirements
            .into_iter()
            .map(|(id, verdicts)| {
                let attempted = verdicts.iter().any(|verdict| verdict.attempted());
                (
                    id,
                    if attempted {
                        Verdict::roll_up(verdicts)
                    } else {
                        verdicts.first().copied().unwrap_or(Verdict::Skipped)
                    },
                )
            })
            .collect(),
        ledger: Some(ledger),
        notes,
        baseline: None,
    }
}

/// What came of the planned cells that `of` chooses.
pub(crate) fn cells(judge: &Judge, attempts: &[Attempt], of: impl Fn(&Planned) -> bool) -> Vec<CellResult> {
    let judged: Vec<(&Attempt, Judged)> =
        attempts.iter().map(|attempt| (attempt, one::judge(judge, attempt))).collect();
    judge.plan.cells.iter().filter(|planned| of(planned)).map(|planned| cell(judge, planned, &judged)).collect()
}

/// What a cell says of the requirements that its checks name beside those it verifies.
fn aside(judge: &Judge, cell: &CellResult) -> Vec<(RequirementId, Verdict)> {
    let Some(case) = judge.catalogue.cases.get(&cell.case) else { return Vec::new() };
    let said = |id: &RequirementId| {
        let found = cell.findings.iter().filter(|finding| finding.requirement == *id).map(|finding| finding.level);
        match (cell.verdict, found.max()) {
            (Verdict::Pass | Verdict::Warn | Verdict::Fail, Some(Level::Must)) => Verdict::Fail,
            (Verdict::Pass | Verdict::Warn | Verdict::Fail, Some(_)) => Verdict::Warn,
            (Verdict::Pass | Verdict::Warn | Verdict::Fail, None) => Verdict::Pass,
            (undecided, _) => undecided,
        }
    };
    case.asides()
        .filter_map(|name| RequirementId::try_from(name.to_owned()).ok())
        .map(|id| (id.clone(), said(&id)))
        .collect()
}

fn cell(judge: &Judge, planned: &Planned, judged: &[(&Attempt, Judged)]) -> CellResult {
    let Some(case) = judge.catalogue.cases.get(&planned.case) else {
        return unknown(planned);
    };
    let mut result = blank(planned, case);
    if let Some(exclusion) = &planned.excluded {
        result.verdict = exclusion.verdict;
        result.reason = Some(exclusion.reason.clone());
        return result;
    }
    let own: Vec<&(&Attempt, Judged)> = judged
        .iter()
        .filter(|(attempt, _)| attempt.scope.case == planned.case.as_str() && attempt.scope.cell == planned.cell)
        .collect();
    if own.is_empty() {
        result.verdict = Verdict::Inconclusive;
        result.reason = not_begun(judge, case, &planned.cell, judged);
        return result;
    }
    let mut worst = Verdict::Pass;
    let mut passed = 0;
    for (attempt, one) in own.iter().copied() {
        let (verdict, reason) = with_control(judge, case, attempt, one, judged, &mut result.control);
        passed += usize::from(matches!(verdict, Verdict::Pass | Verdict::Warn));
        result.events.push((attempt.begin, attempt.end.unwrap_or(attempt.begin)));
        if verdict.rank() > worst.rank() || result.checks.is_empty() {
            result.checks.clone_from(&one.checks);
            result.findings.clone_from(&one.findings);
            result.refusal.clone_from(&one.refusal);
            result.taken = one.taken;
            result.reason = reason;
        }
        if verdict.rank() > worst.rank() {
            worst = verdict;
        }
    }
    result.verdict = worst;
    result.passed = Some(format!("{passed}/{}", own.len()));
    if matches!(worst, Verdict::Fail | Verdict::Warn)
        && let Some(reason) = in_common(&planned.case, &own, judged)
    {
        result.verdict = Verdict::Inconclusive;
        result.reason = Some(reason);
        result.findings.clear();
    }
    result.signature = (!result.findings.is_empty()).then(|| signature(&result.findings));
    result
}

/// What cells are held against that never saw what they are about.
pub const PLAINEST: [&str; 2] = [SENDS, RECEIPTS];

/// The plainest message of the subject's, and the plainest of ours.
const SENDS: &str = "as4.initiator.message-valid";
const RECEIPTS: &str = "as4.push.accepted";

/// Why a cell says nothing of what it is about: what it never got to see, the plainest case of that kind did not either.
fn in_common(case: &CaseId, own: &[&(&Attempt, Judged)], judged: &[(&Attempt, Judged)]) -> Option<String> {
    let unseen = own.first()?.1.unseen?;
    let (plainest, what) = match unseen {
        Unseen::Message => (SENDS, "no message came when the subject was made to send"),
        Unseen::Receipt => (RECEIPTS, "a plain message got no receipt"),
    };
    let mut plain = judged.iter().filter(|(attempt, _)| attempt.scope.case == plainest).peekable();
    let same = case.as_str() != plainest
        && plain.peek().is_some()
        && plain.chain(own.iter().copied()).all(|(_, one)| one.unseen == Some(unseen));
    same.then(|| format!("{what}, as {plainest} shows: mend that first"))
}

/// A refusal counts only if its control stood before and after.
fn with_control(
    judge: &Judge,
    case: &Case,
    attempt: &Attempt,
    one: &Judged,
    judged: &[(&Attempt, Judged)],
    seen: &mut Option<ControlSeen>,
) -> (Verdict, Option<String>) {
    let Some(control) = &case.control else { return (one.verdict, one.reason.clone()) };
    let (before, after) = around(judge, control, attempt, judged);
    *seen = Some(ControlSeen { case: control.clone(), before, after });
    let good =
        |verdict: Option<Verdict>| verdict.is_some_and(|verdict| stands(judge.catalogue.cases.get(control), verdict));
    if one.verdict == Verdict::Error || (good(before) && good(after)) {
        return (one.verdict, one.reason.clone());
    }
    let said = |verdict: Option<Verdict>| verdict.map_or("not executed", Verdict::as_str);
    let reason = format!("its control {control} did not pass: {} before, {} after", said(before), said(after));
    (Verdict::Inconclusive, Some(reason))
}

/// Whether a control stands with a verdict: what it is about was done. A MUST that is broken is a FAIL, so WARN leaves it
/// standing; of a control that is a SHOULD itself, WARN may say that the subject did nothing at all.
pub(crate) fn stands(control: Option<&Case>, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass => true,
        Verdict::Warn => control.is_some_and(|control| control.level == Level::Must),
        _ => false,
    }
}

/// The control's last verdict before the execution began, and its first after it ended: of its cells that stand for that
/// of the execution, where any was executed then.
fn around(
    judge: &Judge,
    control: &CaseId,
    attempt: &Attempt,
    judged: &[(&Attempt, Judged)],
) -> (Option<Verdict>, Option<Verdict>) {
    let (case, cell) = (judge.catalogue.cases.get(control), Cell::parse(&attempt.scope.cell));
    let of_control: Vec<_> = judged.iter().filter(|(other, _)| other.scope.case == control.as_str()).collect();
    let stands = |shown: &str| case.is_some_and(|case| stands_for(case, &Cell::parse(shown), &cell));
    let (before, after) = beside(attempt, of_control.iter().copied().filter(|(other, _)| stands(&other.scope.cell)));
    let (any_before, any_after) = beside(attempt, of_control.iter().copied());
    (before.or(any_before), after.or(any_after))
}

/// Of some executions, the verdict of the last that ended before another began, and of the first that began after its end.
fn beside<'j>(
    attempt: &Attempt,
    of: impl Iterator<Item = &'j (&'j Attempt, Judged)> + Clone,
) -> (Option<Verdict>, Option<Verdict>) {
    let end = attempt.end.unwrap_or(u64::MAX);
    let before = of
        .clone()
        .filter(|(other, _)| other.end.is_some_and(|ended| ended < attempt.begin))
        .max_by_key(|(other, _)| other.end)
        .map(|(_, one)| one.verdict);
    let after =
        of.filter(|(other, _)| other.begin > end).min_by_key(|(other, _)| other.begin).map(|(_, one)| one.verdict);
    (before, after)
}

/// Why a planned cell was never begun: its control failed, else nobody knows and it is not accounted for.
fn not_begun(judge: &Judge, case: &Case, cell: &str, judged: &[(&Attempt, Judged)]) -> Option<String> {
    let (control, cell) = (case.control.as_ref()?, Cell::parse(cell));
    let known = judge.catalogue.cases.get(control)?;
    let fails = |(other, one): &&(&Attempt, Judged)| {
        let shown = &other.scope;
        let about_it = shown.case == control.as_str() && stands_for(known, &Cell::parse(&shown.cell), &cell);
        about_it && !stands(Some(known), one.verdict)
    };
    let (failed, _) = judged.iter().find(fails)?;
    let name = full_name(control.as_str(), &failed.scope.cell);
    Some(format!("its control {name} did not pass, so it was not attempted"))
}

fn blank(planned: &Planned, case: &Case) -> CellResult {
    CellResult {
        case: planned.case.clone(),
        cell: planned.cell.clone(),
        title: case.title.clone(),
        layer: planned.case.layer().to_owned(),
        role: case.role,
        level: case.level,
        verifies: case.verifies.clone(),
        verdict: Verdict::Pass,
        passed: None,
        reason: None,
        refusal: None,
        taken: None,
        control: None,
        checks: Vec::new(),
        findings: Vec::new(),
        signature: None,
        events: Vec::new(),
    }
}

fn unknown(planned: &Planned) -> CellResult {
    CellResult {
        case: planned.case.clone(),
        cell: planned.cell.clone(),
        title: String::new(),
        layer: planned.case.layer().to_owned(),
        role: carnet_catalogue::Role::Both,
        level: Level::May,
        verifies: Vec::new(),
        verdict: Verdict::Error,
        passed: None,
        reason: Some("the case is not among those it is judged with".to_owned()),
        refusal: None,
        taken: None,
        control: None,
        checks: Vec::new(),
        findings: Vec::new(),
        signature: None,
        events: Vec::new(),
    }
}

/// Names the failure, not the run: which checks deviated under which requirement.
fn signature(findings: &[Finding]) -> String {
    let mut names: Vec<String> =
        findings.iter().map(|finding| format!("{}:{}", finding.requirement, finding.check)).collect();
    names.sort();
    names.dedup();
    let digest = hex::encode(carnet_wire::digest::sha256(names.join("\n").as_bytes()));
    digest.get(..16).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_leaves_a_must_standing_and_no_should() {
        let catalogue = carnet_catalogue::load().unwrap();
        let case = |id: &str| catalogue.cases.get(&CaseId::new(id)).unwrap();
        let (must, should) = (case("as4.push.accepted"), case("document.accepted.export"));
        assert_eq!((must.level, should.level), (Level::Must, Level::Should));
        for (control, on_warn) in [(must, true), (should, false)] {
            assert!(stands(Some(control), Verdict::Pass) && !stands(Some(control), Verdict::Fail));
            assert_eq!(stands(Some(control), Verdict::Warn), on_warn);
        }
    }
}
