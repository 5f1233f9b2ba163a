//! The files the suite is made of, from the program itself or from a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use crate::error::Problem;

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

    /// Adds every file below `dir` as if it lay under `cases/`.
    ///
    /// # Errors
    /// A folder or file that cannot be read, a folder without any case.
    pub fn overlay_cases(&mut self, dir: &Path) -> Result<(), Problem> {
        let found = below(dir, "cases")?;
        if !found.iter().any(|(path, ..)| path.ends_with(".toml")) {
            return Err(of_folder(dir, "holds no case file".to_owned()));
        }
        for (path, file, bytes) in found {
            self.shown.insert(path.clone(), file.display().to_string());
            self.content.insert(path, bytes);
        }
        Ok(())
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

/// Path in the catalogue, path on disk and content of every file below `dir`.
fn below(dir: &Path, prefix: &str) -> Result<Vec<(String, PathBuf, Vec<u8>)>, Problem> {
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
