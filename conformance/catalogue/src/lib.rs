//! Requirements, cases and mutants: TOML data and the code that loads and checks it.
//!
//! This crate knows formats, not protocols: it reads every file the suite is made of, says file, line and
//! the nearest known key when one is wrong, and hashes them into a [`lock`]. What a check does, how a step is
//! carried out and what a verdict is are left to `carnet-harness`.

pub mod baseline;
pub mod capability;
pub mod case;
pub mod error;
pub mod files;
pub mod ics;
pub mod lock;
pub mod matrix;
pub mod mutant;
pub mod read;
pub mod requirement;
pub mod span;
pub mod step;
pub mod subject;
pub mod variable;

mod check;

use std::collections::BTreeMap;
use std::path::Path;

pub use case::{Case, CaseId, Level, Role, Safety};
pub use error::{CatalogueError, Problem};
pub use ics::Ics;
pub use requirement::{Requirement, RequirementId};
pub use span::Span;
pub use step::Step;
pub use subject::Subject;

use files::Files;

/// Everything the suite is made of, read and cross-checked.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The cases by id; the id is the path below `cases/`.
    pub cases: BTreeMap<CaseId, Case>,
    /// The requirement rows by id.
    pub requirements: BTreeMap<RequirementId, Requirement>,
    /// The known-bad nodes by name.
    pub mutants: BTreeMap<String, mutant::Mutant>,
    /// What a subject may claim, by name.
    pub capabilities: BTreeMap<String, capability::Capability>,
    /// The files all of it was read from, byte for byte.
    pub files: Files,
}

/// The catalogue embedded in the program.
///
/// # Errors
/// Every problem found, in file order, never only the first.
pub fn load() -> Result<Catalogue, CatalogueError> {
    from_files(Files::embedded())
}

/// The embedded catalogue with the cases below `dir` added; a case of the same id replaces the embedded one.
///
/// # Errors
/// As [`load`], and when the folder cannot be read.
pub fn load_with(dir: &Path) -> Result<Catalogue, CatalogueError> {
    let mut files = Files::embedded();
    files.overlay_cases(dir)?;
    from_files(files)
}

/// A catalogue from files already in memory, as they come out of recorded evidence.
///
/// # Errors
/// As [`load`].
pub fn from_files(files: Files) -> Result<Catalogue, CatalogueError> {
    let (catalogue, mut problems) = read_all(files);
    check::cross_check(&catalogue, &mut problems);
    if problems.is_empty() { Ok(catalogue) } else { Err(CatalogueError { problems }) }
}

fn read_all(files: Files) -> (Catalogue, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut catalogue = Catalogue {
        cases: BTreeMap::new(),
        requirements: BTreeMap::new(),
        mutants: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        files: Files::default(),
    };
    for (path, text) in files.toml() {
        if path == "capabilities.toml" {
            match read::read::<capability::CapabilityFile>(path, text) {
                Ok(file) => catalogue.capabilities = file.by_name(),
                Err(problem) => problems.push(problem),
            }
        } else if path.starts_with("requirements/") {
            match read::read::<requirement::RequirementFile>(path, text) {
                Ok(file) => {
                    for row in file.requirement {
                        let id = row.id.clone();
                        if catalogue.requirements.insert(id.clone(), row).is_some() {
                            problems.push(read::at_text(
                                path,
                                text,
                                id.as_str(),
                                format!("requirement {id} is defined twice"),
                            ));
                        }
                    }
                }
                Err(problem) => problems.push(problem),
            }
        } else if path.starts_with("mutants/") {
            match read::read::<mutant::Mutant>(path, text) {
                Ok(mutant) => {
                    catalogue.mutants.insert(mutant::name_of(path), mutant);
                }
                Err(problem) => problems.push(problem),
            }
        } else if let Some(id) = CaseId::from_path(path) {
            match Case::read(path, text) {
                Ok(case) => {
                    catalogue.cases.insert(id, case);
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
    catalogue.files = files;
    (catalogue, problems)
}

#[cfg(test)]
mod tests;
