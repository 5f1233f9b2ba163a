//! In which order a plan is carried out: controls first; then lanes side by side, each a row of batches with their
//! controls again; then what must run alone. The runner follows it and the plan is added up from it: there is one truth
//! about how often what is sent.

use std::collections::{BTreeMap, BTreeSet};

use carnet_catalogue::Catalogue;
use carnet_catalogue::case::{Case, CaseId, Exclusive, Role};
use carnet_catalogue::matrix::{self, Cell, stands_for};

use super::{Plan, Planned};

/// Cells between two executions of their controls.
const BATCH: usize = 32;

/// The order: controls, lanes, then what runs alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Controls, as cases of their own, side by side.
    pub first: Vec<Planned>,
    /// The rest of what runs side by side: what waits for the subject, what exclude each other, and all others. Lanes go
    /// on at the same time, a lane's batches one after the other.
    pub lanes: Vec<Vec<Batch>>,
    /// Controls that run alone.
    pub first_alone: Vec<Planned>,
    /// The rest of what runs alone, one cell after the other.
    pub alone: Vec<Batch>,
}

/// Cells, and what is executed after them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The cells.
    pub cells: Vec<Planned>,
    /// Their controls, once more.
    pub controls: Vec<Planned>,
}

/// What a lane is for; in the order in which lanes begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lane<'c> {
    /// Cells that wait for the subject.
    Waiting,
    /// Cells that exclude each other.
    Of(&'c str),
    /// All others.
    Working,
}

impl<'c> Lane<'c> {
    fn of(case: Option<&'c Case>) -> Self {
        match case {
            Some(Case { exclusive: Exclusive::Of(name), .. }) => Self::Of(name),
            Some(case) if case.role != Role::Responder => Self::Waiting,
            _ => Self::Working,
        }
    }

    /// They sleep more than they work: all of them wait at once.
    fn batch(self) -> usize {
        if self == Self::Waiting { usize::MAX } else { BATCH }
    }
}

/// The order of a plan.
#[must_use]
pub fn schedule(plan: &Plan, catalogue: &Catalogue) -> Schedule {
    let case = |cell: &Planned| catalogue.cases.get(&cell.case);
    let control = |cell: &Planned| case(cell).and_then(|case| case.control.clone());
    let is_alone = |cell: &Planned| case(cell).is_some_and(runs_alone);
    let cells: Vec<Planned> = plan.cells.iter().filter(|cell| cell.excluded.is_none()).cloned().collect();
    let controls: BTreeSet<CaseId> = cells.iter().filter_map(control).collect();
    let (first, rest): (Vec<Planned>, Vec<Planned>) = cells.into_iter().partition(|cell| controls.contains(&cell.case));
    let (first_alone, first): (Vec<Planned>, Vec<Planned>) = first.into_iter().partition(is_alone);
    let (alone, together): (Vec<Planned>, Vec<Planned>) = rest.into_iter().partition(is_alone);
    let mut lanes: BTreeMap<Lane<'_>, Vec<Planned>> = BTreeMap::new();
    for cell in together {
        lanes.entry(Lane::of(case(&cell))).or_default().push(cell);
    }
    let batch = |cells: &[Planned]| Batch {
        cells: cells.to_vec(),
        controls: cells
            .iter()
            .filter_map(|cell| first_cell(plan, catalogue, control(cell)?, &cell.cell))
            .map(|control| (control.name(), control))
            .collect::<BTreeMap<String, Planned>>()
            .into_values()
            .collect(),
    };
    Schedule {
        first,
        lanes: lanes.into_iter().map(|(lane, cells)| cells.chunks(lane.batch()).map(batch).collect()).collect(),
        first_alone,
        alone: alone.chunks(BATCH).map(batch).collect(),
    }
}

/// Whether nothing else may run beside the case.
pub(crate) fn runs_alone(case: &Case) -> bool {
    case.exclusive == Exclusive::Alone(true) || case.step.iter().any(|step| step.restart || step.listen.is_some())
}

/// The first cell of a control that runs against this subject and stands for a cell that rests on it; the first that
/// runs, where none stands for it.
fn first_cell(plan: &Plan, catalogue: &Catalogue, id: CaseId, rests: &str) -> Option<Planned> {
    let (control, rests) = (catalogue.cases.get(&id)?, Cell::parse(rests));
    let mut runs = plan.cells.iter().filter(|cell| cell.case == id && cell.excluded.is_none());
    let standing = runs.clone().find(|cell| stands_for(control, &Cell::parse(&cell.cell), &rests));
    if let Some(planned) = standing.or_else(|| runs.next()) {
        return Some(planned.clone());
    }
    let cells = matrix::cells(control);
    let cell = cells.iter().find(|cell| stands_for(control, cell, &rests)).or_else(|| cells.first())?.name();
    Some(Planned { case: id, cell, excluded: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Exclusion;
    use crate::verdict::Verdict;

    fn planned(count: usize) -> (Catalogue, Plan) {
        let catalogue = carnet_catalogue::load().unwrap();
        let cells = catalogue
            .cases
            .iter()
            .flat_map(|(id, case)| matrix::cells(case).into_iter().map(|cell| (id.clone(), cell.name())))
            .take(count)
            .map(|(case, cell)| Planned { case, cell, excluded: None })
            .collect();
        (catalogue, Plan { format: 1, cells })
    }

    #[test]
    fn every_cell_is_scheduled_once_and_a_refusal_stands_before_its_control() {
        let (catalogue, plan) = planned(80);
        let schedule = schedule(&plan, &catalogue);
        let batches = || schedule.lanes.iter().flatten().chain(&schedule.alone);
        let once = schedule.first.iter().chain(&schedule.first_alone).chain(batches().flat_map(|batch| &batch.cells));
        let mut names: Vec<String> = once.map(Planned::name).collect();
        names.sort();
        let mut planned: Vec<String> = plan.cells.iter().map(Planned::name).collect();
        planned.sort();
        assert_eq!(names, planned);
        for batch in batches() {
            for cell in &batch.cells {
                let Some(control) = &catalogue.cases[&cell.case].control else { continue };
                let (case, own) = (&catalogue.cases[control], Cell::parse(&cell.cell));
                let stands =
                    |after: &Planned| after.case == *control && stands_for(case, &Cell::parse(&after.cell), &own);
                assert!(batch.controls.iter().any(stands), "{}", cell.name());
            }
        }
    }

    #[test]
    fn a_control_is_repeated_in_a_cell_that_runs() {
        let (catalogue, mut plan) = planned(usize::MAX);
        for cell in plan.cells.iter_mut().filter(|cell| cell.cell.contains("tls=1.2")) {
            let (verdict, reason) = (Verdict::NotApplicable, "not claimed".to_owned());
            cell.excluded = Some(Exclusion { verdict, reason, needs: Vec::new() });
        }
        let schedule = schedule(&plan, &catalogue);
        let mut controls = schedule.lanes.iter().flatten().chain(&schedule.alone).flat_map(|batch| &batch.controls);
        assert!(controls.clone().any(|control| control.cell.contains("tls=1.3")));
        assert!(controls.all(|control| !control.cell.contains("tls=1.2")));
    }
}
