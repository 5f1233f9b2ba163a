//! `--report`: which report files are written beside the evidence, or elsewhere.

use std::fs;
use std::path::Path;

use carnet_harness::Run;
use carnet_harness::evidence::Evidence;
use carnet_report::{FORMATS, Format, Source};

use crate::failure::Failure;

/// Writes the reports named, or all of them, into `out`; `dir` holds the evidence that `run` was judged from.
///
/// # Errors
/// Evidence that does not read, a file that cannot be written.
pub(crate) fn write(run: &Run, dir: &Path, out: &Path, formats: &[&Format]) -> Result<(), Failure> {
    let evidence = Evidence::open(dir).map_err(Failure::ours)?;
    let source = Source::new(run, &evidence).map_err(Failure::ours)?;
    let all: Vec<&Format> = FORMATS.iter().collect();
    for format in if formats.is_empty() { &all } else { formats } {
        let path = out.join(format.file);
        let text = format.render(&source).map_err(Failure::ours)?;
        fs::write(&path, text).map_err(|error| Failure::file("write", &path, &error))?;
    }
    Ok(())
}

/// A name on the command line.
///
/// # Errors
/// No format has it; the message lists those there are.
pub(crate) fn named(name: &str) -> Result<&'static Format, String> {
    Format::named(name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        format!("got {name:?}, expected one of {}", names.join(", "))
    })
}
