//! Carrying a run out for an operator: what will be sent is shown first, then it runs, then a baseline is held against
//! it and the reports are written.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carnet_catalogue::Safety;
use carnet_catalogue::baseline::Baseline;
use carnet_catalogue::read;
use carnet_harness::judge::baseline;
use carnet_harness::judge::run::BaselineSeen;
use carnet_harness::{ExitCode as Exit, Run, RunOptions};
use carnet_report::Format;

use crate::failure::Failure;
use crate::out;
use crate::plan;
use crate::reports;
use crate::running;
use crate::stop;

/// Where results go and what they are held against.
#[derive(Debug, clap::Args)]
pub(crate) struct Conduct {
    /// Folder for the evidence and the reports.
    #[arg(long, value_name = "DIR", default_value = "carnet-result")]
    pub out: PathBuf,
    /// Replace what an earlier run wrote to that folder.
    #[arg(long)]
    replace: bool,
    /// Go on without asking once what will be sent is shown; `--safety destructive` needs it where nobody can be asked.
    #[arg(long, short)]
    yes: bool,
    /// Known deviations, each accepted for a time, see docs/subject.md. One that no longer holds ends with exit code 1.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Only these reports, by name: html, summary, statement-page, statement, coverage, json, junit, tap, sarif, trl;
    /// without it, all of them. See docs/reports.md.
    #[arg(long = "report", value_name = "LIST", value_delimiter = ',', value_parser = reports::named)]
    reports: Vec<&'static Format>,
    /// A broken SHOULD changes the exit code, too.
    #[arg(long)]
    strict: bool,
    /// Show every case, not only those that did not pass.
    #[arg(long)]
    verbose: bool,
}

/// Shows, asks, runs, judges, reports; the run and the exit code it ends with.
///
/// # Errors
/// A folder that holds a run already, a baseline that is wrong, nobody there to ask, too much to send: nothing was
/// sent. A port or a disk that cannot be had.
pub(crate) fn carry_out(options: RunOptions, most: usize, conduct: &Conduct) -> Result<(Run, ExitCode), Failure> {
    let accepted = conduct.baseline.as_deref().map(|path| accepted(path, &options)).transpose()?;
    if conduct.out.join("events.jsonl").exists() && !conduct.replace {
        return Err(Failure::usage(format_args!("{} holds the evidence of a run", conduct.out.display()))
            .help("name another folder with --out, or add --replace"));
    }
    running::ours_first(&options.setup)?;
    let (_, estimate) = plan::of(&options);
    plan::bounded(&estimate, most)?;
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if options.selection.safety == Safety::Destructive && !conduct.yes && !on_terminal {
        return Err(Failure::usage(
            "cases of --safety destructive disturb the subject, and nobody is here to be asked",
        )
        .help("look at `carnet plan` with the same arguments, then add --yes"));
    }
    out::print!("{}", plan::arithmetic(&options, &estimate));
    if on_terminal && !conduct.yes && !go_on()? {
        return Err(Failure::usage("nothing was sent").help("add --yes to run without being asked"));
    }
    running::clear(&conduct.out)?;
    let options = RunOptions { evidence: conduct.out.clone(), stop: stop::on_interrupt()?, ..options };
    let mut run = running::execute(&options)?;
    run.baseline = accepted.as_ref().map(|accepted| baseline::hold(&run, accepted, &baseline::today(), conduct.strict));
    reports::write(&run, &conduct.out, &conduct.out, &conduct.reports)?;
    let mut exit = running::conclude(&run, conduct.verbose, conduct.strict);
    out::print!("{}", plan::wanting(&estimate));
    if let Some(seen) = &run.baseline {
        show_baseline(&run, seen);
        exit = seen.exit;
    }
    out::println!("\nreports and evidence: {}", conduct.out.display());
    if stop::was_interrupted(&options.stop) {
        exit = Exit::Interrupted;
    }
    Ok((run, ExitCode::from(exit.code())))
}

/// Reads a baseline; every case it names must exist and every day be one.
fn accepted(path: &Path, options: &RunOptions) -> Result<Baseline, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    let file = path.display().to_string();
    let baseline: Baseline = read::read(&file, &text).map_err(Failure::usage)?;
    baseline.check(&file, &text, &options.catalogue.cases).map_err(Failure::usage)?;
    Ok(baseline)
}

/// Prints what the baseline makes of the run.
fn show_baseline(run: &Run, seen: &BaselineSeen) {
    out::println!("\nbaseline: {}", seen.count());
    for line in seen.lines() {
        out::println!("  {line}");
    }
    for (cell, why) in baseline::spent(run) {
        out::println!("  {cell}: {why}");
    }
    out::println!("exit with the baseline: {}", seen.exit.code());
}

/// Asks on the terminal; only a yes is one.
fn go_on() -> Result<bool, Failure> {
    out::print!("go on? [y/N] ");
    std::io::stdout().flush().map_err(Failure::ours)?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::ours)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_baseline_accepted_is_in_run_json_by_its_schema() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let recorded = root.join("conformance/harness/tests/evidence/receipt.signed/fail");
        let mut run = carnet_harness::judge::judge(&recorded).unwrap();
        let signature = run.cells[0].signature.clone().unwrap();
        let baseline: Baseline = toml::from_str(&format!(
            "format = 1\n[[accept]]\ncase = \"fixture.check\"\nverdict = \"FAIL\"\nsignature = \"{signature}\"\n\
             reason = \"known\"\nowner = \"operations\"\nexpires = \"9999-12-31\"\n"
        ))
        .unwrap();
        run.baseline = Some(baseline::hold(&run, &baseline, &baseline::today(), false));
        let json: serde_json::Value = serde_json::from_str(&run.to_json()).unwrap();
        assert_eq!(json["baseline"]["accepted"][0]["owner"], "operations");
        assert_eq!((&json["exit"], &json["baseline"]["exit"]), (&1.into(), &0.into()));
        let schema = std::fs::read_to_string(root.join("docs/schemas/run-1.json")).unwrap();
        let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        assert!(schema.is_valid(&json), "{json}");
        let lines: Vec<String> = run.baseline.iter().flat_map(BaselineSeen::lines).collect();
        assert_eq!(lines, ["fixture.check: FAIL accepted until 9999-12-31 by operations: known"]);
    }
}
