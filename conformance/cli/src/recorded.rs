//! Runs that were captured before, as commands take them: a folder of evidence, or a `run.json` by itself.

use std::fs;
use std::path::Path;

use carnet_harness::evidence::EvidenceError;
use carnet_harness::judge;
use carnet_harness::{ExitCode, Run};

use crate::failure::Failure;

/// The run in `path`: a folder is judged again, with `cases` where they are given; a file is read as `run.json`.
///
/// # Errors
/// Nothing of the kind there (exit 2), evidence that does not verify (exit 5).
pub(crate) fn run(path: &Path, cases: Option<&Path>) -> Result<Run, Failure> {
    let metadata = fs::metadata(path)
        .map_err(|error| Failure::file("read", path, &error).help("name the folder that `carnet run --out` wrote"))?;
    if metadata.is_file() {
        let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        return serde_json::from_str(&text).map_err(|error| {
            let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
            Failure::usage(format_args!("{place}: is no run.json: {error}"))
                .help("name a run.json, or the folder that `carnet run --out` wrote")
        });
    }
    evidence(path)?;
    judge::judge_with(path, cases).map_err(|error| match error {
        EvidenceError::Cases(error) => Failure::usage(error),
        error => Failure::of(ExitCode::Evidence, format_args!("the evidence does not verify: {error}"))
            .help("take the folder from whoever captured it once more; it was changed or is incomplete"),
    })
}

/// Sees to it that `dir` holds evidence.
///
/// # Errors
/// It does not: exit 2.
pub(crate) fn evidence(dir: &Path) -> Result<(), Failure> {
    let events = dir.join("events.jsonl");
    match fs::metadata(&events) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::file("read", &events, &error).help("name the folder that `carnet run --out` wrote")),
    }
}
