//! Who catches whom, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use carnet_catalogue::Catalogue;
use carnet_catalogue::case::{Case, CaseId};
use carnet_harness::judge::checks;
use carnet_harness::{ExitCode, Verdict};

use super::{DOUBLE, Options, Row};

/// What a named check of the judge is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Without it a mutant lives.
    Lives {
        /// The mutant.
        mutant: String,
    },
    /// Without it a mutant escapes a case that says it kills it.
    Escapes {
        /// The mutant.
        mutant: String,
        /// The case.
        case: CaseId,
    },
}

impl Need {
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Escapes { .. } => 1,
            Self::Lives { .. } => 2,
        }
    }
}

/// Something that does not hold. Each is a fault: with any of them `carnet selftest` ends with 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The double does not pass a cell.
    Double(String),
    /// A mutant that no case kills, or a null node that conforms.
    Survivor(String),
    /// A mutant that others catch escapes cases that say they catch it, each time it was run.
    Escapes(String, Vec<CaseId>),
    /// A case that kills nothing.
    Idle(CaseId),
    /// A refusal that passes on "403 to everything".
    PassesOn403(CaseId),
    /// A positive case that passes on "200 to everything".
    PassesOn200(CaseId),
    /// A named check without which nothing escapes.
    NotNeeded(String),
    /// An error of the suite's own.
    Ours(String, String),
}

/// The kill matrix.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// A row for each node, by name.
    pub rows: Vec<Row>,
    /// What each named check is good for.
    pub needs: BTreeMap<String, Need>,
    /// Named checks that no case of the catalogue asks for: they are there for others to use, shown by recorded
    /// evidence alone.
    pub unused: Vec<String>,
    /// Cases that the double cannot be asked, because it does not claim what they need: they kill no mutant.
    pub not_asked: BTreeMap<CaseId, String>,
    /// Whether every node met every case.
    pub full: bool,
    /// Cases that catch a node and do not say so, by node.
    pub unsaid: BTreeMap<String, Vec<CaseId>>,
    /// Cases that catch a node in one of its runs and not in the other, by node: they depend on time.
    pub wavering: BTreeMap<String, Vec<CaseId>>,
    /// What does not hold; empty when the suite can be trusted.
    pub faults: Vec<Fault>,
}

impl Matrix {
    pub(super) fn new(catalogue: &Catalogue, rows: Vec<Row>, needs: BTreeMap<String, Need>, options: &Options) -> Self {
        let mut matrix = Self {
            rows,
            needs,
            unused: Vec::new(),
            not_asked: BTreeMap::new(),
            full: options.full,
            unsaid: BTreeMap::new(),
            wavering: BTreeMap::new(),
            faults: Vec::new(),
        };
        if let Some(double) = matrix.rows.iter().find(|row| row.name == DOUBLE) {
            let left_out = double.excluded.iter().filter(|(id, _)| !double.cases.contains_key(id));
            matrix.not_asked = left_out.cloned().collect();
        }
        let mut faults = Vec::new();
        for row in &matrix.rows {
            matrix.node(catalogue, row, &mut faults);
        }
        let found = |of: &dyn Fn(&Row) -> Vec<CaseId>| -> BTreeMap<String, Vec<CaseId>> {
            let rows = matrix.rows.iter().filter(|row| row.name != DOUBLE);
            rows.map(|row| (row.name.clone(), of(row))).filter(|(_, cases)| !cases.is_empty()).collect()
        };
        let wavering = found(&Row::wavering);
        matrix.unsaid = found(&|row| {
            let wavers = row.wavering();
            let steady = row.killers().filter(|id| !wavers.contains(id));
            beside(steady, &wanted(catalogue, row, options.full))
        });
        matrix.wavering = wavering;
        if options.only.is_empty() {
            matrix.cases(catalogue, &mut faults);
            let used = used(catalogue);
            let names: Vec<&str> = checks::all().map(|check| check.name).collect();
            let idle =
                names.iter().filter(|name| used.contains::<str>(name) && !matrix.needs.contains_key::<str>(name));
            faults.extend(idle.map(|name| Fault::NotNeeded((*name).to_owned())));
            matrix.unused = names.into_iter().filter(|name| !used.contains::<str>(name)).map(str::to_owned).collect();
        }
        matrix.faults = faults;
        matrix
    }

    /// The mutants that each case kills.
    #[must_use]
    pub fn kills(&self) -> BTreeMap<CaseId, BTreeSet<String>> {
        let mut kills: BTreeMap<CaseId, BTreeSet<String>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.name != DOUBLE) {
            for id in row.killers() {
                kills.entry(id.clone()).or_default().insert(row.name.clone());
            }
        }
        kills
    }

    fn node(&self, catalogue: &Catalogue, row: &Row, faults: &mut Vec<Fault>) {
        for (id, verdicts) in &row.cases {
            if verdicts.0.contains(&Verdict::Error) {
                faults.push(Fault::Ours(row.name.clone(), id.to_string()));
            }
        }
        if row.name == DOUBLE {
            faults.extend(row.deviations.iter().cloned().map(Fault::Double));
            return;
        }
        let actual: BTreeSet<&CaseId> = row.killers().collect();
        let survives = if row.null { row.exit == Some(ExitCode::Conforms) } else { actual.is_empty() };
        if survives {
            faults.push(Fault::Survivor(row.name.clone()));
        }
        let ever = actual.iter().copied().chain(row.before.iter().flatten()).collect();
        let missing = beside(wanted(catalogue, row, self.full), &ever);
        if !missing.is_empty() && !survives {
            faults.push(Fault::Escapes(row.name.clone(), missing));
        }
        for (id, _) in row.cases.iter().filter(|(_, verdicts)| verdicts.passes()) {
            let Some(case) = catalogue.cases.get(id) else { continue };
            // A handshake is sound whatever comes after it.
            let handshake = case.step.iter().all(|step| step.send.is_none());
            match row.name.as_str() {
                "null-403" if case.is_negative() => faults.push(Fault::PassesOn403(id.clone())),
                "null-200" if !case.is_negative() && !handshake => faults.push(Fault::PassesOn200(id.clone())),
                _ => {}
            }
        }
    }

    /// Every case kills a mutant that is more than a null node.
    fn cases(&self, catalogue: &Catalogue, faults: &mut Vec<Fault>) {
        let kills = self.kills();
        let none = BTreeSet::new();
        for (id, case) in catalogue.cases.iter().filter(|(id, _)| !self.not_asked.contains_key(*id)) {
            let mutant = |name: &String| !name.starts_with("null-");
            let seen = kills.get(id).unwrap_or(&none).iter().any(mutant);
            // A mutant of another layer was not run against it.
            let elsewhere =
                |name: &String| mutant(name) && catalogue.mutants.get(name).is_some_and(|one| one.layer != id.layer());
            if !seen && (self.full || !case.kills.iter().any(elsewhere)) {
                faults.push(Fault::Idle(id.clone()));
            }
        }
    }
}

/// Whether a row is another than the cases say, or holds an error of the suite's own.
pub(super) fn differs(catalogue: &Catalogue, row: &Row, full: bool) -> bool {
    let errs = |verdicts: &super::Verdicts| verdicts.0.contains(&Verdict::Error);
    match row.name.as_str() {
        _ if row.cases.values().any(errs) => true,
        DOUBLE => !row.deviations.is_empty(),
        _ => wanted(catalogue, row, full) != row.killers().collect(),
    }
}

/// The cases that are not among the others.
fn beside<'c>(cases: impl IntoIterator<Item = &'c CaseId>, others: &BTreeSet<&CaseId>) -> Vec<CaseId> {
    cases.into_iter().filter(|id| !others.contains(id)).cloned().collect()
}

/// The cases that say they kill a node, as far as it met them.
fn wanted<'c>(catalogue: &'c Catalogue, row: &Row, full: bool) -> BTreeSet<&'c CaseId> {
    let names = |case: &Case| case.kills.contains(&row.name);
    let met = |id: &CaseId| full || row.cases.contains_key(id);
    catalogue.cases.iter().filter(|(id, case)| names(case) && met(id)).map(|(id, _)| id).collect()
}

/// The named checks that some case asks for or implies.
fn used(catalogue: &Catalogue) -> BTreeSet<String> {
    let asked = |case: &Case| -> Vec<String> {
        let refusal = case.is_negative().then(|| "refusal.allowed".to_owned());
        checks::implied(case).into_iter().chain(case.check.clone()).map(|check| check.name).chain(refusal).collect()
    };
    catalogue.cases.values().flat_map(asked).collect()
}

impl Fault {
    /// What kind of fault it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Double(_) => "double",
            Self::Survivor(_) => "survivor",
            Self::Escapes(..) => "escape",
            Self::Idle(_) => "idle",
            Self::PassesOn403(_) | Self::PassesOn200(_) => "blind",
            Self::NotNeeded(_) => "check",
            Self::Ours(..) => "error",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |cases: &[CaseId]| cases.iter().map(CaseId::as_str).collect::<Vec<_>>().join(", ");
        match self {
            Self::Double(what) => write!(f, "the double does not pass {what}"),
            Self::Survivor(name) => write!(f, "{name} survives"),
            Self::Escapes(name, cases) => write!(f, "{name} escapes {}, which say they catch it", list(cases)),
            Self::Idle(id) => write!(f, "{id} kills no mutant"),
            Self::PassesOn403(id) => write!(f, "{id} judges a refusal and passes on 403 to everything"),
            Self::PassesOn200(id) => write!(f, "{id} passes on 200 to everything"),
            Self::NotNeeded(check) => write!(f, "check {check} can be forced to pass and no mutant escapes"),
            Self::Ours(name, id) => write!(f, "{id} is an error of the suite's own against {name}"),
        }
    }
}
