//! `carnet list`: the cases, by layer, with level, role and title.

use std::process::ExitCode;

use carnet_catalogue::case::{Case, CaseId};

use crate::catalogue::{self, Own};
use crate::failure::Failure;
use crate::out;

/// List the cases of the suite.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these: `as4.**`, `tls.*.expired`, `req:AS4-RECEIPT-*`, `tag:smoke`, `level:MUST`, `layer:tls`,
    /// `role:initiator`. Filters of one kind are alternatives, different kinds must all hold.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    own: Own,
}

/// Runs `carnet list`.
///
/// # Errors
/// A broken case of the user's own, a filter that matches nothing.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let catalogue = catalogue::load(&args.own)?;
    let chosen: Vec<(&CaseId, &Case)> = catalogue::cases(&catalogue, &args.filters)?;
    let mut layer = "";
    for (id, case) in &chosen {
        if id.layer() != layer {
            layer = id.layer();
            out::println!("{layer}");
        }
        let negative = if case.is_negative() { "refusal" } else { "" };
        out::println!("  {id:<52} {:<6} {:<9} {negative:<8}{}", case.level, case.role, case.title);
    }
    out::println!(
        "{} cases, {} of them judge a refusal",
        chosen.len(),
        chosen.iter().filter(|(_, c)| c.is_negative()).count()
    );
    Ok(ExitCode::SUCCESS)
}
