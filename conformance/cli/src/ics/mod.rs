//! `carnet ics`: asks what a node does and writes its implementation conformance statement.
//!
//! The questions are `questions`'s, taken from the suite's own list of capabilities; where the answers come from is
//! `answers`'s.

mod answers;
mod questions;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_catalogue::{Ics, capability};

use crate::failure::Failure;
use crate::out;
use answers::{Answers, FromFile, FromTerminal};
use questions::{Question, Section};

/// Ask what a node does, and write it down as ics.toml: the statement that chooses the cases.
///
/// Asks for patterns, tokens, bindings, resending, limits, TLS, trust, packs and hooks, from the terminal or from a
/// file of answers. What is denied is not tested; what is claimed is, and a claim that the run disproves is reported
/// as such.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Take the answers from this file instead of the terminal; `--template` prints one to fill in.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["template", "list"])]
    answers: Option<PathBuf>,
    /// File to write.
    #[arg(long, value_name = "FILE", default_value = "ics.toml")]
    out: PathBuf,
    /// Replace that file.
    #[arg(long)]
    replace: bool,
    /// Print a file of answers with every question and its default.
    #[arg(long, conflicts_with = "list")]
    template: bool,
    /// List what can be claimed.
    #[arg(long)]
    list: bool,
}

/// Runs `carnet ics`.
///
/// # Errors
/// An answer that is missing or cannot be, with what is expected; a file that is there already.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let known = capability::known().map_err(Failure::ours)?;
    if args.list {
        for (name, capability) in &known {
            out::println!("{name:<26} {}", capability.means);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let sections = questions::sections(&known);
    if args.template {
        out::print!("{}", questions::template(&sections));
        return Ok(ExitCode::SUCCESS);
    }
    if args.out.exists() && !args.replace {
        return Err(Failure::usage(format_args!("{} is there already", args.out.display()))
            .help("name another file with --out, or add --replace"));
    }
    let mut source: Box<dyn Answers> = match &args.answers {
        Some(path) => Box::new(FromFile::read(path, &sections)?),
        None => Box::new(FromTerminal::new(args.out.display().to_string())),
    };
    let text = fill(&sections, source.as_mut())?;
    // What is written is what a run reads: it is read once before it is called done.
    let name = args.out.display().to_string();
    let ics = Ics::read(&name, &text).map_err(Failure::ours)?;
    fs::write(&args.out, &text).map_err(|error| Failure::file("write", &args.out, &error))?;
    out::println!(
        "{name}: {} capabilities claimed, {} denied",
        ics.capabilities.len(),
        known.len() - ics.capabilities.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// Asks everything, and puts the answers together as the statement.
fn fill(sections: &[Section], source: &mut dyn Answers) -> Result<String, Failure> {
    let mut text = String::from("format = 1\n");
    let mut claimed = String::new();
    let mut tables = String::new();
    for section in sections {
        source.begin(section);
        let mut table = String::new();
        for question in &section.questions {
            let value = source.answer(question)?;
            match (&section.table, question.claims) {
                (_, true) if value == "true" => claimed += &format!("    {:?}, # {}\n", question.key, question.text),
                (_, true) => {}
                (Some(_), false) => table += &format!("{} = {value}\n", question.name()),
                (None, false) => text += &format!("{} = {value}\n", question.name()),
            }
        }
        if let Some(name) = section.table.as_ref().filter(|_| !table.is_empty()) {
            tables += &format!("\n[{name}]\n{table}");
        }
    }
    Ok(format!("{text}capabilities = [\n{claimed}]\n{tables}"))
}

impl Question {
    /// The key as the statement has it, below its table.
    fn name(&self) -> &str {
        self.key.rsplit('.').next().unwrap_or(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_is_asked_once_and_the_template_fits_its_schema() {
        let known = capability::known().expect("the suite's own list");
        let sections = questions::sections(&known);
        let asked: Vec<&str> = sections
            .iter()
            .flat_map(|section| &section.questions)
            .filter(|one| one.claims)
            .map(|one| one.key.as_str())
            .collect();
        assert_eq!(asked.len(), known.len());
        assert!(known.keys().all(|name| asked.contains(&name.as_str())));
        let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schemas/answers-1.json"));
        let schema: serde_json::Value = serde_json::from_str(&schema.expect("the schema")).expect("json");
        let template: serde_json::Value = toml::from_str(&questions::template(&sections)).expect("toml");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&template), "{template}");
    }
}
