//! `carnet selftest`: the suite tried on itself, on a node of its own and on nodes broken on purpose.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use carnet_catalogue::{Catalogue, read};
use carnet_double::selftest::{self, DOUBLE, JOBS, Matrix, Need, Options, Row, SelftestError};

use crate::catalogue;
use crate::failure::Failure;
use crate::out;

/// Try the suite on itself: who catches which known-bad node, and whether that is what the cases say.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these mutants; without any, all of them and the double.
    #[arg(value_name = "MUTANT")]
    mutants: Vec<String>,
    /// Each mutant against every case, not only against those of its layer.
    #[arg(long)]
    full: bool,
    /// Write what was found into the `kills` of the cases; DIR is the workspace.
    #[arg(long, value_name = "DIR")]
    bless: Option<PathBuf>,
    /// Nodes side by side.
    #[arg(long, value_name = "N", default_value_t = JOBS)]
    jobs: usize,
    /// Multiply every waiting time, for a busy machine.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    patience: f64,
    /// Show what each node did wrong, cell by cell.
    #[arg(long)]
    verbose: bool,
}

/// Runs `carnet selftest`.
///
/// # Errors
/// A mutant that does not exist or names what does not exist; a machine without ports or disk.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let catalogue = Arc::new(catalogue::load(&catalogue::Own::default())?);
    let dir = tempfile::tempdir().map_err(Failure::ours)?;
    let options = Options { full: args.full, only: args.mutants.clone(), jobs: args.jobs, patience: args.patience };
    let matrix = selftest::run(&catalogue, dir.path(), &options, &mut |row| show(row, args.verbose))
        .map_err(|error| failure(&catalogue, error))?;
    print(&matrix, catalogue.cases.len() - matrix.not_asked.len());
    if let Some(root) = &args.bless {
        let changed =
            selftest::bless(&catalogue, &matrix, root).map_err(|error| Failure::file("bless", root, &error))?;
        out::println!("{} case files written; build again to try them", changed.len());
    }
    out::println!("took {} s", began.elapsed().as_secs());
    Ok(if matrix.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn failure(catalogue: &Catalogue, error: SelftestError) -> Failure {
    match &error {
        SelftestError::Catalogue(_) => Failure::usage(error),
        SelftestError::Unknown(name) => {
            let near = read::nearest(name, catalogue.mutants.keys().map(String::as_str));
            let help = near.map(read::did_you_mean);
            Failure::usage(error)
                .help(help.unwrap_or_else(|| "the files in conformance/catalogue/mutants name them".to_owned()))
        }
        _ => Failure::ours(error),
    }
}

/// A line as soon as a node is through.
fn show(row: &Row, verbose: bool) {
    let took = row.took.as_secs();
    let killers: Vec<&str> = row.killers().map(carnet_catalogue::CaseId::as_str).collect();
    if row.name == DOUBLE {
        let passed = row.cases.values().filter(|verdicts| !verdicts.kills() && verdicts.passes()).count();
        out::println!("{:<34} {took:>3} s  passes {passed} of {} cases", row.name, row.cases.len());
    } else {
        let by = match killers.as_slice() {
            [] => row.exit.map_or("no case".to_owned(), |exit| format!("no case (exit {})", exit.code())),
            some if some.len() <= 4 => some.join(", "),
            many => format!("{} and {} more", many.get(..3).unwrap_or_default().join(", "), many.len() - 3),
        };
        out::println!("{:<34} {took:>3} s  killed by {by}", row.name);
    }
    if verbose || row.name == DOUBLE {
        for deviation in &row.deviations {
            out::println!("    {deviation}");
        }
    }
}

/// The matrix, and what does not hold; `cases` is how many the double was asked.
fn print(matrix: &Matrix, cases: usize) {
    out::println!("\nWhich node is caught by which cases");
    for row in matrix.rows.iter().filter(|row| row.name != DOUBLE) {
        out::println!("  {} ({})", row.name, row.layer);
        for id in row.killers() {
            out::println!("    {id}");
        }
    }
    out::println!("\nWhat each check is good for");
    for (check, need) in &matrix.needs {
        match need {
            Need::Lives { mutant } => out::println!("  {check:<34} without it {mutant} lives"),
            Need::Escapes { mutant, case } => {
                out::println!("  {check:<34} without it {mutant} escapes {case}");
            }
        }
    }
    if !matrix.unused.is_empty() {
        out::println!("  asked for by no case: {}", matrix.unused.join(", "));
    }
    if !matrix.not_asked.is_empty() {
        out::println!("\nCases that the double does not claim what they need for");
    }
    for (id, why) in &matrix.not_asked {
        out::println!("  {id}: {why}");
    }
    let (nulls, mutants) = matrix.rows.iter().filter(|row| row.name != DOUBLE).partition::<Vec<_>, _>(|row| row.null);
    let kills = matrix.kills();
    out::println!(
        "\n{} mutants and {} null nodes against {}; {} of {cases} cases kill at least one of them; {} pairs",
        mutants.len(),
        nulls.len(),
        if matrix.full { "every case" } else { "the cases of their layer" },
        kills.len(),
        kills.values().map(std::collections::BTreeSet::len).sum::<usize>()
    );
    if !matrix.full && kills.len() < cases {
        out::println!("what the other cases kill is of another layer or was not run: `carnet selftest --full`");
    }
    if matrix.faults.is_empty() {
        out::println!("every node is caught by the cases that say so");
    }
    for (node, cases) in &matrix.unsaid {
        let cases: Vec<&str> = cases.iter().map(carnet_catalogue::CaseId::as_str).collect();
        out::println!("NOTE   {node} is caught by {} as well; --bless writes it down", cases.join(", "));
    }
    for (node, cases) in &matrix.wavering {
        let cases: Vec<&str> = cases.iter().map(carnet_catalogue::CaseId::as_str).collect();
        out::println!("NOTE   {node} is caught in one run of two by {}: that depends on time", cases.join(", "));
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in &matrix.faults {
        out::println!("FAULT  {}: {fault}", fault.kind());
        *kinds.entry(fault.kind()).or_default() += 1;
    }
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        out::println!("{} faults: {}", matrix.faults.len(), kinds.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_that_does_not_exist_has_its_nearest() {
        let catalogue = carnet_catalogue::load().unwrap();
        let said = |name: &str| failure(&catalogue, SelftestError::Unknown(name.to_owned())).to_string();
        let near = "there is no mutant receipt-no-tim\nhelp: did you mean `receipt-no-time`?";
        assert_eq!(said("receipt-no-tim"), near);
        assert!(said("quite-something-else-altogether").ends_with("conformance/catalogue/mutants name them"));
    }
}
