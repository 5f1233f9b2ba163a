//! `suite.lock`: a hash of every case, payload, requirement and mutant, and one over them all.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

use crate::files::Files;

/// The text of `suite.lock`: `format = 1`, then one line per file.
#[must_use]
pub fn text(files: &Files) -> String {
    let mut text = String::from("format = 1\n\n[files]\n");
    for (path, bytes) in files.iter() {
        let _ = writeln!(text, "\"{path}\" = \"sha256:{}\"", hex::encode(digest(&SHA256, bytes)));
    }
    text
}

/// SHA-256 of the lock's text in hexadecimal: the suite's version as reports print it.
#[must_use]
pub fn hash(files: &Files) -> String {
    hex::encode(digest(&SHA256, text(files).as_bytes()))
}
