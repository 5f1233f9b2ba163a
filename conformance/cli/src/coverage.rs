//! `carnet coverage`: which requirements are verified, by the catalogue as it is or by a run that was captured.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_catalogue::case::Level;
use carnet_catalogue::{Catalogue, Requirement, RequirementId};
use carnet_harness::{ExitCode as Exit, Run, Verdict};

use crate::catalogue::{self, Own};
use crate::failure::Failure;
use crate::out;
use crate::recorded;

/// Show how many requirements are verified, by source and level, and name those that are not.
///
/// Without a folder: whether a case of the catalogue verifies each requirement, or the catalogue says why none does.
/// With one: whether that run came to a decision on it. A requirement that was left out, or that could not be judged,
/// is not covered. With `--min`, exit code 1 when less than that share is covered.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of a run, or its run.json.
    dir: Option<PathBuf>,
    /// The least share of a level, in percent: `MUST=100`; repeatable.
    #[arg(long, value_name = "LEVEL=PERCENT", value_parser = least)]
    min: Vec<(Level, u8)>,
    #[command(flatten)]
    own: Own,
    /// Name every requirement, not only those that are not covered.
    #[arg(long)]
    verbose: bool,
}

/// How a requirement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// A case verifies it; with a run, its verdict.
    Covered(Option<Verdict>),
    /// No case can, and the catalogue says why.
    Excused(String),
    /// Not covered, because of this.
    Open(String),
}

/// A requirement and how it stands.
type Row<'a> = (&'a Requirement, Standing);

/// Runs `carnet coverage`.
///
/// # Errors
/// A folder without evidence, evidence that does not verify, a broken case of the user's own.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let catalogue = catalogue::load(&args.own)?;
    let run = args.dir.as_deref().map(|dir| recorded::run(dir, args.own.cases.as_deref())).transpose()?;
    let standings: Vec<Row<'_>> =
        catalogue.requirements.values().map(|row| (row, standing(&catalogue, run.as_ref(), row))).collect();
    table(&standings);
    listed(&standings, args.verbose);
    let mut short = false;
    for (level, least) in &args.min {
        let (covered, all) = share(standings.iter().filter(|(row, _)| row.level == *level));
        let enough = covered * 100 >= all * usize::from(*least);
        let word = if enough { "holds" } else { "falls short" };
        out::println!("{level}: {covered} of {all} covered, at least {least} % asked for: {word}");
        short |= !enough;
    }
    Ok(ExitCode::from(if short { Exit::Fails } else { Exit::Conforms }.code()))
}

fn standing(catalogue: &Catalogue, run: Option<&Run>, row: &Requirement) -> Standing {
    if let Some(reason) = &row.not_tested_because {
        return Standing::Excused(reason.clone());
    }
    match run {
        None if catalogue.verifies(&row.id) => Standing::Covered(None),
        None => Standing::Open("no case verifies it".to_owned()),
        Some(run) => in_run(run, &row.id),
    }
}

fn in_run(run: &Run, id: &RequirementId) -> Standing {
    match run.requirements.get(id) {
        None => Standing::Open("no case of the run verifies it".to_owned()),
        Some(verdict @ (Verdict::Pass | Verdict::Warn | Verdict::Fail)) => Standing::Covered(Some(*verdict)),
        Some(verdict) => {
            let of_it = |cell: &&carnet_harness::judge::run::CellResult| cell.verifies.contains(id);
            let reason = run.cells.iter().filter(of_it).find_map(|cell| cell.reason.clone());
            Standing::Open(format!("{verdict}: {}", reason.unwrap_or_else(|| "no reason recorded".to_owned())))
        }
    }
}

/// Covered, and all that could be.
fn share<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> (usize, usize) {
    rows.fold((0, 0), |(covered, all), (_, standing)| match standing {
        Standing::Covered(_) => (covered + 1, all + 1),
        Standing::Open(_) => (covered, all + 1),
        Standing::Excused(_) => (covered, all),
    })
}

fn table(standings: &[Row<'_>]) {
    let mut groups: BTreeMap<(&str, Reverse<Level>), Vec<&Row<'_>>> = BTreeMap::new();
    for one in standings {
        groups.entry((one.0.source.as_str(), Reverse(one.0.level))).or_default().push(one);
    }
    let wide = standings.iter().map(|(row, _)| row.source.chars().count()).max().unwrap_or_default();
    out::println!("{:<wide$}  {:<7} {:>8} {:>5} {:>8}", "source", "level", "covered", "open", "excused");
    for ((source, level), rows) in &groups {
        let (covered, all) = share(rows.iter().copied());
        let excused = rows.len() - all;
        out::println!("{source:<wide$}  {:<7} {covered:>8} {:>5} {excused:>8}", level.0, all - covered);
    }
    let (covered, all) = share(standings.iter());
    let excused = standings.len() - all;
    out::println!("{} requirements = {covered} covered + {} open + {excused} excused", standings.len(), all - covered);
}

fn listed(standings: &[Row<'_>], all: bool) {
    for (row, standing) in standings {
        match standing {
            Standing::Open(reason) => out::println!("open     {:<22} {:<7} {reason}", row.id.as_str(), row.level),
            Standing::Excused(reason) if all => {
                out::println!("excused  {:<22} {:<7} {reason}", row.id.as_str(), row.level);
            }
            Standing::Covered(verdict) if all => {
                let verdict = verdict.map_or("", Verdict::as_str);
                out::println!("covered  {:<22} {:<7} {verdict}", row.id.as_str(), row.level);
            }
            _ => {}
        }
    }
}

fn least(text: &str) -> Result<(Level, u8), String> {
    let wrong = || "expected LEVEL=PERCENT, such as MUST=100".to_owned();
    let (level, percent) = text.split_once('=').ok_or_else(wrong)?;
    let level = match level.to_ascii_uppercase().as_str() {
        "MUST" => Level::Must,
        "SHOULD" => Level::Should,
        "MAY" => Level::May,
        _ => return Err("expected a level of MUST, SHOULD, MAY".to_owned()),
    };
    let percent: u8 = percent.parse().map_err(|_| wrong())?;
    if percent > 100 { Err("expected at most 100 percent".to_owned()) } else { Ok((level, percent)) }
}
