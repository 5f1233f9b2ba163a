//! Every way a P-Mode file, or a set of them, cannot be used: file, line, what was found, what was expected, help.
//! Leaves finding them to `read` and `select`.

use crate::id::{IdError, PModeId};

/// Why a P-Mode file, or a set of them, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PModeError {
    /// Not TOML, a key that does not exist, a key that is missing, a value of another type.
    #[error("{file}:{line}: {reason}\nhelp: the keys of a P-Mode file are listed in docs/pmode.md")]
    Syntax {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What the TOML reader says.
        reason: String,
    },
    /// A format version this program does not know.
    #[error(
        "{file}:{line}: got format = {got}, expected format = 1\nhelp: this program reads version 1 of the P-Mode format"
    )]
    Format {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The version in the file.
        got: u32,
    },
    /// A value that is not what its key takes.
    #[error("{file}:{line}: {key}: got {got:?}, expected {expected}\nhelp: {help}")]
    Value {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The key, with its table.
        key: &'static str,
        /// The value in the file.
        got: String,
        /// What the key takes.
        expected: String,
        /// What to do.
        help: &'static str,
    },
    /// An identifier that is not one.
    #[error("{file}:{line}: {key}: {source}\nhelp: {help}")]
    Id {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The key, with its table.
        key: &'static str,
        /// Why not.
        source: IdError,
        /// What to do.
        help: &'static str,
    },
    /// Two P-Modes of one name.
    #[error("two P-Modes are named {id}\nhelp: give each P-Mode file an id of its own")]
    SameId {
        /// The name.
        id: PModeId,
    },
    /// Two P-Modes that one message would match.
    #[error(
        "P-Modes {first} and {second} both match action {action} of service {service}\nhelp: remove the action from one of them, or give them different agreements"
    )]
    Overlap {
        /// One of them.
        first: PModeId,
        /// The other.
        second: PModeId,
        /// The service both allow.
        service: String,
        /// The action both allow.
        action: String,
    },
}
