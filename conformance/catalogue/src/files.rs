//! The files the suite is made of, from the program itself or from a folder.

use std::collections::BTreeMap;
use std::path::Path;

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
        Self { content: suite.chain(packs).collect() }
    }

    /// Adds or replaces one file.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.content.insert(path.to_owned(), bytes);
    }

    /// Adds every file below `dir` as if it lay under `cases/`.
    ///
    /// # Errors
    /// A folder or file that cannot be read.
    pub fn overlay_cases(&mut self, dir: &Path) -> Result<(), Problem> {
        for (path, bytes) in below(dir, "cases")? {
            self.content.insert(path, bytes);
        }
        Ok(())
    }

    /// All files in order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.content.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The TOML files in order of their paths; one that is not UTF-8 is left out, and its case is then missing.
    pub fn toml(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .filter(|(path, _)| path.ends_with(".toml"))
            .filter_map(|(path, bytes)| std::str::from_utf8(bytes).ok().map(|text| (path, text)))
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

fn below(dir: &Path, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let unreadable = |error: &std::io::Error| Problem {
        file: dir.display().to_string(),
        line: 0,
        column: 0,
        what: format!("cannot be read: {error}"),
        help: Some("name a folder of case files, laid out as LAYER/TOPIC/SLUG.toml".to_owned()),
    };
    let mut files = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).map_err(|e| unreadable(&e))?.collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files.extend(below(&entry.path(), &path)?);
        } else {
            files.push((path, std::fs::read(entry.path()).map_err(|e| unreadable(&e))?));
        }
    }
    Ok(files)
}
