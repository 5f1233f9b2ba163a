//! `carnet validate FILE`: one document against the pack that knows it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_fixtures::{Depth, Finding, Packs, Severity, Validator};

use crate::failure::Failure;
use crate::out;

/// Check one document against the pack that knows it: schema, code lists, element classes, rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 valid, 1 invalid, 2 wrong arguments or files, 3 not a message of any pack")]
pub struct Args {
    /// The document.
    file: PathBuf,
    /// Check the schema alone, without code lists, element classes and rules.
    #[arg(long)]
    schema_only: bool,
    /// A pack of your own beside those built in; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
    /// Check under this member profile of the pack.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// Not a message of any pack.
const UNKNOWN: u8 = 3;

/// Runs `carnet validate`.
///
/// # Errors
/// A file that cannot be read, a pack or profile that is wrong.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let packs = Packs::with_dirs(&args.packs).map_err(Failure::usage)?;
    let bytes = fs::read(&args.file).map_err(|error| Failure::file("read", &args.file, &error))?;
    let name = args.file.display();
    let read = packs.read(&bytes);
    if let Err(error) = &read {
        out::eprintln!("{name}: {error}");
        out::eprintln!("help: a message is an XML or JSON document in UTF-8, without a document type declaration");
        return Ok(ExitCode::from(UNKNOWN));
    }
    let Some(message_type) = read.ok().flatten() else {
        let known: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
        out::eprintln!("{name}: not a message of any known pack ({})", known.join(", "));
        out::eprintln!("help: a pack of your own is added with --pack DIR");
        return Ok(ExitCode::from(UNKNOWN));
    };
    let depth = if args.schema_only { Depth::Schema } else { Depth::Full };
    let mut validator = Validator::new();
    let verdict = match &args.profile {
        None => validator.validate(message_type, &bytes, depth),
        Some(profile) => validator.validate_as(message_type, &bytes, depth, Some(profile)),
    }
    .map_err(Failure::usage)?;

    out::println!("{name}: {} {} ({})", message_type.pack, message_type.name, message_type.title);
    for finding in &verdict.findings {
        show(finding);
    }
    let errors = verdict.errors().count();
    let warnings = verdict.findings.len() - errors;
    let outcome = if verdict.is_valid() { "valid" } else { "invalid" };
    let scope = if args.schema_only { ", schema only" } else { "" };
    out::println!("{outcome}{scope}: {errors} errors, {warnings} warnings");
    Ok(if verdict.is_valid() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(finding: &Finding) {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    out::println!("  {kind} {} at {}", finding.code, finding.pointer);
    out::println!("    {}", finding.reason);
    if let Some(original) = &finding.original {
        out::println!("    found: {original:?}");
    }
    out::println!("    by: {}", finding.rule);
}
