//! Tests of the whole crate against what other tools made, and against what an attacker would make.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests stop where they fail")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read vectors and run other tools")]

mod algorithms;
mod canonical;
mod encryption;
mod golden;
mod interop;
mod properties;
mod provenance;
mod support;
mod wrapping;
