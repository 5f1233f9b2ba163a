//! Reads a payload file and refuses its end when it is not what was taken in.

use std::{
    fs::File,
    io::{self, Read},
};

use aws_lc_rs::digest::{Context, SHA256};
use carnet_exchange::{Digest, SpoolError};

/// A payload file that proves itself at its end.
pub(super) struct Verified {
    file: File,
    name: String,
    expected: Digest,
    hash: Option<Context>,
}

impl Verified {
    pub(super) fn new(file: File, name: &str, expected: Digest) -> Self {
        Self { file, name: name.to_owned(), expected, hash: Some(Context::new(&SHA256)) }
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(hash) = self.hash.take() else {
            return Ok(());
        };
        let got = finish(hash);
        if got == self.expected {
            return Ok(());
        }
        let altered = SpoolError::Altered { name: self.name.clone(), got, expected: self.expected };
        Err(io::Error::new(io::ErrorKind::InvalidData, altered))
    }
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        match (count, &mut self.hash) {
            (0, _) if !buffer.is_empty() => self.end()?,
            (_, Some(hash)) => hash.update(buffer.get(..count).unwrap_or_default()),
            (_, None) => {}
        }
        Ok(count)
    }
}

/// The digest of what was hashed.
pub(super) fn finish(hash: Context) -> Digest {
    let mut octets = [0; 32];
    octets.copy_from_slice(hash.finish().as_ref());
    Digest(octets)
}
