//! Requirements, cases and mutants: TOML data and the code that loads and checks it.
//!
//! This crate knows formats, not protocols: it reads every file the suite is made of, says file, line and
//! the nearest known key when one is wrong, and hashes them into a [`lock`]. What a check does, how a step is
//! carried out and what a verdict is are left to `carnet-harness`.

pub mod baseline;
pub mod capability;
pub mod case;
pub mod error;
pub mod exchange;
pub mod files;
pub mod filter;
pub mod ics;
pub mod lock;
pub mod matrix;
pub mod mutant;
pub mod path;
pub mod profile;
pub mod read;
pub mod requirement;
pub mod span;
pub mod step;
pub mod subject;
pub mod variable;
pub mod zoo;

mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use case::{Case, CaseId, Level, Role, Safety};
pub use error::{CatalogueError, Problem};
pub use filter::Filters;
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

impl Catalogue {
    /// The user's own cases, which came from a folder.
    pub fn own_cases(&self) -> impl Iterator<Item = (&CaseId, &Case)> {
        self.cases.iter().filter(|(id, _)| self.files.is_own(&id.path()))
    }

    /// Whether a case verifies the requirement, as a whole or by a check of its own.
    #[must_use]
    pub fn verifies(&self, id: &RequirementId) -> bool {
        self.cases.values().any(|case| {
            case.verifies.contains(id)
                || case
                    .check
                    .iter()
                    .any(|check| check.with.get("requirement").is_some_and(|named| named == id.as_str()))
        })
    }
}

/// The catalogue embedded in the program.
///
/// # Errors
/// Every problem found, in file order, never only the first.
pub fn load() -> Result<Catalogue, CatalogueError> {
    from_files(Files::embedded())
}

/// The embedded catalogue with the cases below `dir` added.
///
/// # Errors
/// As [`load`], and as [`Files::add_cases`].
pub fn load_with(dir: &Path) -> Result<Catalogue, CatalogueError> {
    load_own(Some(dir), &[])
}

/// The embedded catalogue with a folder of cases and the scenarios of packs in folders added.
///
/// # Errors
/// As [`load`], as [`Files::add_cases`], and as [`Files::add_scenarios`].
pub fn load_own(cases: Option<&Path>, packs: &[PathBuf]) -> Result<Catalogue, CatalogueError> {
    let mut files = Files::embedded();
    for pack in packs {
        files.add_scenarios(pack)?;
    }
    if let Some(dir) = cases {
        files.add_cases(dir)?;
    }
    from_files(files)
}

/// A catalogue from files already in memory, as they come out of recorded evidence.
///
/// # Errors
/// As [`load`].
pub fn from_files(files: Files) -> Result<Catalogue, CatalogueError> {
    let (catalogue, mut problems) = read_all(files);
    check::cross_check(&catalogue, &mut problems);
    CatalogueError::of(problems).map(|()| catalogue)
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
        let file = files.shown(path);
        let read = match text {
            Ok(text) => read_one(&mut catalogue, path, file, text),
            Err(error) => {
                let what = format!("is not UTF-8 from byte {} on", error.valid_up_to());
                Err(Problem::of_file(file, what).with_help("save the file as UTF-8"))
            }
        };
        problems.extend(read.err());
    }
    catalogue.files = files;
    for problem in &mut problems {
        check::near_requirement(&catalogue, problem);
    }
    (catalogue, problems)
}

/// Reads the file at `path` of the catalogue, which messages call `file`.
fn read_one(catalogue: &mut Catalogue, path: &str, file: &str, text: &str) -> Result<(), Problem> {
    if path == "capabilities.toml" {
        catalogue.capabilities = read::read::<capability::CapabilityFile>(file, text)?.by_name();
    } else if path.starts_with("requirements/") {
        for row in read::read::<requirement::RequirementFile>(file, text)?.requirement {
            let id = row.id.clone();
            if catalogue.requirements.insert(id.clone(), row).is_some() {
                return Err(read::at_text(file, text, id.as_str(), format!("requirement {id} is defined twice")));
            }
        }
    } else if path.starts_with("mutants/") {
        catalogue.mutants.insert(mutant::name_of(path), mutant::Mutant::read(file, text)?);
    } else if let Some(id) = CaseId::from_path(path) {
        catalogue.cases.insert(id, Case::read(file, text)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
