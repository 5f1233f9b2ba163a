//! Why a run cannot begin.

use std::path::PathBuf;

use carnet_catalogue::error::Problem;
use carnet_certs::CertError;
use carnet_fixtures::LoadError;

/// A file that is missing or wrong; the command line's exit code is 2.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A configuration file is wrong.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A file that the configuration names cannot be read.
    #[error("{path} cannot be read: {source}\nhelp: {help}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What to do.
        help: &'static str,
    },
    /// An identity or anchor cannot be used.
    #[error("{what}: {source}")]
    Certificate {
        /// What it was to be.
        what: String,
        /// Why.
        source: CertError,
    },
    /// A pack does not load.
    #[error(transparent)]
    Pack(#[from] LoadError),
}
