//! The files the suite is made of, from the program itself or from a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use crate::case::CaseId;
use crate::error::{CatalogueError, Problem};

#[derive(RustEmbed)]
#[folder = "."]
#[include = "cases/**/*"]
#[include = "requirements/*.toml"]
#[include = "mutants/*.toml"]
#[include = "capabilities.toml"]
struct Embedded;

/// Scenarios of the message packs: process cases that travel with the pack they are about.
#[derive(RustEmbed)]
#[folder = "../../fixtures/packs"]
#[include = "*/scenarios/*.toml"]
struct Scenarios;

/// Content by path, for example `cases/as4/push/accepted.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    content: BTreeMap<String, Vec<u8>>,
    /// What messages call a file that came from a folder: the path the user can open.
    shown: BTreeMap<String, String>,
}

impl Files {
    /// The files of the program.
    #[must_use]
    pub fn embedded() -> Self {
        let suite = Embedded::iter()
            .filter_map(|path| Embedded::get(&path).map(|file| (path.replace('\\', "/"), file.data.into_owned())));
        let packs = Scenarios::iter().filter_map(|path| {
            let scenario = scenario_path(&path.replace('\\', "/"))?;
            Scenarios::get(&path).map(|file| (scenario, file.data.into_owned()))
        });
        Self { content: suite.chain(packs).collect(), shown: BTreeMap::new() }
    }

    /// The text of the program's `capabilities.toml`.
    #[must_use]
    pub fn capabilities() -> String {
        let file = Embedded::get("capabilities.toml");
        file.map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
    }

    /// Adds or replaces one file.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.content.insert(path.to_owned(), bytes);
    }

    /// Adds the cases below `dir` to those there are.
    ///
    /// # Errors
    /// As [`Files::overlay_cases`]; a case at another depth than LAYER/TOPIC/SLUG.toml; one that would take the place of another.
    pub fn add_cases(&mut self, dir: &Path) -> Result<(), CatalogueError> {
        let found = cases(dir)?;
        let own = found.iter().filter(|(path, ..)| path.ends_with(".toml"));
        CatalogueError::of(own.filter_map(|(path, file, _)| misplaced(dir, path, file)).collect())?;
        self.put_new(found)
    }

    /// Adds every file below `dir` as if it lay under `cases/`; a case takes the place of the one of its id.
    ///
    /// # Errors
    /// A folder or file that cannot be read, a folder without any case.
    pub fn overlay_cases(&mut self, dir: &Path) -> Result<(), CatalogueError> {
        let found = cases(dir)?;
        self.put(found);
        Ok(())
    }

    /// Adds the scenarios of the pack in the folder `dir`; they take the place of those of an earlier pack of its id, as the
    /// pack does. A pack without an id is left to who reads packs.
    ///
    /// # Errors
    /// A folder or file that cannot be read; a scenario that would take the place of a case of the suite.
    pub fn add_scenarios(&mut self, dir: &Path) -> Result<(), CatalogueError> {
        let manifest = std::fs::read_to_string(dir.join("pack.toml")).unwrap_or_default();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap_or_default();
        let Some(id) = manifest.get("id").and_then(toml::Value::as_str) else { return Ok(()) };
        let home = format!("cases/process/{id}");
        let embedded: Vec<String> =
            Scenarios::iter().filter_map(|path| scenario_path(&path.replace('\\', "/"))).collect();
        let replaced = |path: &String| path.starts_with(&format!("{home}/")) && embedded.contains(path);
        self.content.retain(|path, _| !replaced(path));
        let folder = dir.join("scenarios");
        if !folder.is_dir() {
            return Ok(());
        }
        let found = below(&folder, &home)?;
        self.put_new(found.into_iter().filter(|(path, ..)| path.ends_with(".toml")).collect())
    }

    /// Puts files where none of their name is yet, as far as they are cases.
    fn put_new(&mut self, found: Vec<Found>) -> Result<(), CatalogueError> {
        let taken = found.iter().filter(|(path, ..)| path.ends_with(".toml") && self.content.contains_key(path));
        CatalogueError::of(taken.map(|(path, file, _)| is_taken(path, file)).collect())?;
        self.put(found);
        Ok(())
    }

    fn put(&mut self, found: Vec<Found>) {
        for (path, file, bytes) in found {
            self.shown.insert(path.clone(), file.display().to_string());
            self.content.insert(path, bytes);
        }
    }

    /// What messages call a file: where the user has it, or its path in the catalogue.
    #[must_use]
    pub fn shown<'a>(&'a self, path: &'a str) -> &'a str {
        self.shown.get(path).map_or(path, String::as_str)
    }

    /// Whether the file came from a folder of the user's.
    #[must_use]
    pub fn is_own(&self, path: &str) -> bool {
        self.shown.contains_key(path)
    }

    /// All files in order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.content.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The TOML files in order of their paths; what is not UTF-8 is no text.
    pub fn toml(&self) -> impl Iterator<Item = (&str, Result<&str, std::str::Utf8Error>)> {
        self.iter().filter(|(path, _)| path.ends_with(".toml")).map(|(path, bytes)| (path, std::str::from_utf8(bytes)))
    }

    /// One file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.content.get(path).map(Vec::as_slice)
    }
}

/// `declaration/scenarios/x.toml` is the case `process.declaration.x`.
fn scenario_path(path: &str) -> Option<String> {
    let (pack, slug) = path.split_once("/scenarios/")?;
    Some(format!("cases/process/{pack}/{slug}"))
}

/// Path in the catalogue, path on disk and content of a file.
type Found = (String, PathBuf, Vec<u8>);

/// The files below a folder of cases.
fn cases(dir: &Path) -> Result<Vec<Found>, CatalogueError> {
    let found = below(dir, "cases")?;
    if !found.iter().any(|(path, ..)| path.ends_with(".toml")) {
        return Err(of_folder(dir, "holds no case file".to_owned()).into());
    }
    Ok(found)
}

/// What is wrong with a path that is not `cases/LAYER/TOPIC/SLUG.toml`, or has a dot that an id would take for a folder.
fn misplaced(dir: &Path, path: &str, file: &Path) -> Option<Problem> {
    let parts: Vec<&str> = path.strip_suffix(".toml").unwrap_or(path).split('/').collect();
    if parts.len() == 4 && parts.iter().all(|part| !part.is_empty() && !part.contains('.')) {
        return None;
    }
    let name = path.strip_prefix("cases/").unwrap_or(path);
    let what = format!("got {name} in {}, expected LAYER/TOPIC/SLUG.toml", dir.display());
    let problem = Problem::of_file(&file.display().to_string(), what);
    Some(problem.with_help("its id is its path: as4/house/two-pings.toml is the case as4.house.two-pings"))
}

fn is_taken(path: &str, file: &Path) -> Problem {
    let id = CaseId::from_path(path).map_or_else(|| path.to_owned(), |id| id.to_string());
    let what = format!("has the id of a case of the suite, {id} ({path})");
    Problem::of_file(&file.display().to_string(), what)
        .with_help("give it a name of its own; --skip leaves the suite's case out, with a reason that reports show")
}

/// Every file below `dir`.
fn below(dir: &Path, prefix: &str) -> Result<Vec<Found>, Problem> {
    let unreadable = |error: &std::io::Error| of_folder(dir, format!("cannot be read: {error}"));
    let mut files = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).map_err(|e| unreadable(&e))?.collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files.extend(below(&entry.path(), &path)?);
        } else {
            let bytes = std::fs::read(entry.path()).map_err(|e| unreadable(&e))?;
            files.push((path, entry.path(), bytes));
        }
    }
    Ok(files)
}

fn of_folder(dir: &Path, what: String) -> Problem {
    Problem {
        file: dir.display().to_string(),
        line: 0,
        column: 0,
        what,
        help: Some("name a folder of case files, laid out as LAYER/TOPIC/SLUG.toml".to_owned()),
    }
}
