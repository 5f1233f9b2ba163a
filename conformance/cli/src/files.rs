//! The files a user hands over: `subject.toml` with its `ics.toml`, both read whole or refused with file and line.

use std::fs;
use std::path::{Path, PathBuf};

use carnet_catalogue::subject::IdentityFiles;
use carnet_catalogue::{Ics, Subject, read};
use carnet_certs::Identity;

use crate::failure::Failure;

/// A subject file with what it names; relative paths count from its folder.
#[derive(Debug, Clone)]
pub(crate) struct SubjectFile {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Its content.
    pub subject: Subject,
    /// The statement it names.
    pub ics: Ics,
}

impl SubjectFile {
    /// Reads `path` and the ICS it names; `ics` replaces that one.
    ///
    /// # Errors
    /// A file that is missing or wrong, with file, line and what to write instead.
    pub(crate) fn read(path: &Path, ics: Option<&Path>) -> Result<Self, Failure> {
        let subject: Subject = toml_file(path)?;
        let ics_path = ics.map_or_else(|| beside(path, &subject.ics), Path::to_owned);
        let ics = toml_file(&ics_path)?;
        Ok(Self { path: path.to_owned(), subject, ics })
    }

    /// A path of the file, counted from the file's folder.
    #[must_use]
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        beside(&self.path, path)
    }

    /// The texts of several files, one after the other.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub(crate) fn read_all(&self, paths: &[PathBuf]) -> Result<String, Failure> {
        let mut text = String::new();
        for path in paths {
            let path = self.resolve(path);
            text += &fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// The certificate chain of an identity given as files: PEM, leaf first.
    ///
    /// # Errors
    /// A file that cannot be read or holds no such identity.
    pub(crate) fn chain_pem(&self, files: &IdentityFiles) -> Result<String, Failure> {
        if let Some(chain) = &files.chain {
            return self.read_all(std::slice::from_ref(chain));
        }
        let Some(pkcs12) = &files.pkcs12 else {
            return Err(Failure::usage(format_args!("{}: an identity names no file", self.path.display()))
                .help("write either chain and key, or pkcs12 and password_file"));
        };
        let path = self.resolve(pkcs12);
        let bytes = fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
        let password = match &files.password_file {
            Some(file) => self.read_all(std::slice::from_ref(file))?,
            None => String::new(),
        };
        let identity = Identity::from_pkcs12(&bytes, password.lines().next().unwrap_or_default())
            .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
        Ok(identity.chain_pem())
    }
}

/// `path` as named by a file: counted from that file's folder.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

fn toml_file<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    read::read(&path.display().to_string(), &text).map_err(Failure::usage)
}
