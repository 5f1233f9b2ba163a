//! Where in which file something is wrong, what was expected, and what to do about it.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;

/// A file that was read, kept for pointing into it.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// From 1; 0 when no line can be named.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration itself cannot be read.
    #[error("failed to read {}: {source}\nhelp: --config names the node's configuration file, see docs/node.md", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Not TOML, an unknown or missing key, a value of the wrong kind.
    #[error("{place}: {found}\nhelp: {help}")]
    Shape {
        /// Where.
        place: Place,
        /// What was found and expected.
        found: String,
        /// What to write.
        help: String,
    },
    /// Another version of the format.
    #[error("{place}: got format {got}, expected 1\nhelp: this program reads `format = 1` only")]
    Format {
        /// Where.
        place: Place,
        /// The version found.
        got: u32,
    },
    /// A value that cannot be used.
    #[error("{place}: got {got:?}, expected {expected}\nhelp: {help}")]
    Value {
        /// Where.
        place: Place,
        /// The value.
        got: String,
        /// What it must be.
        expected: &'static str,
        /// What to write.
        help: String,
    },
    /// A key that another key makes necessary.
    #[error("{place}: {missing} is missing, expected it because {because}\nhelp: {help}")]
    Missing {
        /// Where the reason stands.
        place: Place,
        /// The key.
        missing: &'static str,
        /// Why.
        because: &'static str,
        /// What to write.
        help: String,
    },
    /// A file that the configuration names cannot be read.
    #[error("{place}: failed to read {}: {source}\nhelp: file names are relative to the folder of the file that holds them", file.display())]
    File {
        /// Where it is named.
        place: Place,
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file that the configuration names holds no usable certificate, key or list.
    #[error("{place}: {} cannot be used: {source}\nhelp: {help}", file.display())]
    Crypto {
        /// Where it is named.
        place: Place,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<CryptoError>,
        /// What to write.
        help: String,
    },
    /// A folder that the configuration names holds no usable pack; what is wrong names its own file and line.
    #[error("{place}: {} is no pack that can be used: {source}", folder.display())]
    Pack {
        /// Where it is named.
        place: Place,
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<carnet_fixtures::LoadError>,
    },
    /// A P-Mode file that cannot be used; it names its own line.
    #[error(transparent)]
    PMode(Box<carnet_as4::pmode::PModeError>),
}

/// What can be wrong with a file of certificates or keys.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// As TLS sees it.
    #[error(transparent)]
    Tls(#[from] carnet_https::TlsError),
    /// As the signature sees it.
    #[error(transparent)]
    Trust(#[from] carnet_wire::trust::TrustError),
    /// A signing key that this node cannot sign with.
    #[error("got a signing key of another kind, expected the leaf's: RSA of 2048 bits or more, Ed25519 or P-256")]
    SigningKey,
    /// A key that nothing can be encrypted for, or not the certificate's.
    #[error("got a decryption key of another kind, expected the leaf's: RSA of 2048 bits or more, X25519 or P-256")]
    DecryptionKey,
}

impl From<carnet_as4::pmode::PModeError> for ConfigError {
    fn from(error: carnet_as4::pmode::PModeError) -> Self {
        Self::PMode(Box::new(error))
    }
}

impl Source {
    /// Reads a file of the configuration itself.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { file: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Reads the text as `T`.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.format()?;
        toml::from_str(&self.text).map_err(|error| self.shape(&error))
    }

    /// The place of a value.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(1, |line| line.chars().count() + 1),
        }
    }

    pub(super) fn value(
        &self,
        value: &Spanned<String>,
        expected: &'static str,
        help: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Value {
            place: self.place(value.span()),
            got: value.get_ref().clone(),
            expected,
            help: help.into(),
        }
    }

    /// The path that a value names, relative to the folder of this file.
    pub(super) fn relative(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// The bytes of the file that a value names.
    pub(super) fn bytes(&self, name: &Spanned<String>) -> Result<Vec<u8>, ConfigError> {
        let file = self.relative(name.get_ref());
        std::fs::read(&file).map_err(|source| ConfigError::File { place: self.place(name.span()), file, source })
    }

    pub(super) fn crypto(
        &self,
        name: &Spanned<String>,
        source: impl Into<CryptoError>,
        help: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Crypto {
            place: self.place(name.span()),
            file: self.relative(name.get_ref()),
            source: Box::new(source.into()),
            help: help.into(),
        }
    }

    /// The version comes first: another version's keys would only be called unknown.
    fn format(&self) -> Result<(), ConfigError> {
        #[derive(serde::Deserialize)]
        struct Version {
            format: Option<Spanned<u32>>,
        }
        let version: Version = toml::from_str(&self.text).map_err(|error| self.shape(&error))?;
        match version.format {
            Some(format) if *format.get_ref() == 1 => Ok(()),
            Some(format) => Err(ConfigError::Format { place: self.place(format.span()), got: *format.get_ref() }),
            None => Err(ConfigError::Shape {
                place: self.place(0..0),
                found: "the key `format` is missing".to_owned(),
                help: "start the file with `format = 1`".to_owned(),
            }),
        }
    }

    fn shape(&self, error: &toml::de::Error) -> ConfigError {
        let found = error.message().trim_end_matches('.').replace('\n', ", ");
        ConfigError::Shape { place: self.place(error.span().unwrap_or(0..0)), help: proposal(&found), found }
    }
}

/// What to write instead.
fn proposal(found: &str) -> String {
    carnet_words::proposal(found).unwrap_or_else(|| "the keys are listed in docs/node.md and docs/kit.md".to_owned())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
