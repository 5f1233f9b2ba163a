//! A folder of evidence as one file to hand over: a gzipped tar in a fixed order, so the same folder gives the same
//! bytes. Reading it back trusts nothing: no path leads out of the folder, and what it may unpack to is bounded.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The most that a bundle unpacks to, in bytes.
pub const MOST_BYTES: u64 = 16 << 30;
/// The most files that it holds.
pub const MOST_FILES: usize = 200_000;

/// Paths of all files below `dir`, `/` between folders, in order.
///
/// # Errors
/// A folder that cannot be read.
pub fn files(dir: &Path) -> io::Result<Vec<String>> {
    fn below(dir: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                below(&entry.path(), &format!("{path}/"), found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    below(dir, "", &mut found)?;
    found.sort();
    Ok(found)
}

/// Writes the folder as one file.
///
/// # Errors
/// A file that cannot be read or written; [`io::ErrorKind::Interrupted`] once `stop` is set.
pub fn pack(dir: &Path, to: impl io::Write, stop: &AtomicBool) -> io::Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
    for path in files(dir)? {
        goes_on(stop)?;
        let bytes = fs::read(dir.join(&path))?;
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        archive.append_data(&mut header, &path, bytes.as_slice())?;
    }
    archive.into_inner()?.finish().map(drop)
}

/// Unpacks such a file into `dir`.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] once `stop` is set; what is no such file, leads out of the folder, or unpacks to more than [`MOST_BYTES`] or [`MOST_FILES`].
pub fn unpack(from: &Path, dir: &Path, stop: &AtomicBool) -> io::Result<()> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let plain = GzDecoder::new(fs::File::open(from)?).take(MOST_BYTES);
    let mut archive = tar::Archive::new(plain);
    for (number, entry) in archive.entries()?.enumerate() {
        goes_on(stop)?;
        let mut entry = entry?;
        if number >= MOST_FILES {
            return Err(refused("it holds too many files"));
        }
        let path = entry.path()?.into_owned();
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        // Another tool's archive names folders, too; they are made for their files.
        let kind = entry.header().entry_type();
        if inside && kind.is_dir() {
            continue;
        }
        if !inside || !kind.is_file() {
            return Err(refused(&format!("{} is no file inside its folder", path.display())));
        }
        let to = dir.join(&path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut fs::OpenOptions::new().write(true).create_new(true).open(&to)?)?;
    }
    Ok(())
}

fn goes_on(stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
}
