//! `carnet sign`, `verify`, `redact`, `bundle`: evidence that is handed over, vouched for, and checked offline.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carnet_harness::ExitCode as Exit;
use carnet_harness::evidence::archive;
use carnet_harness::evidence::bundle::{self, BundleError, Verified};

use crate::failure::Failure;
use crate::out;
use crate::recorded;
use crate::stop;

/// Sign a folder of evidence with an Ed25519 key.
///
/// Writes manifest.json, which names every file with its SHA-256, manifest.sig, the signature of that file, and
/// signer.pem, the public key. Any tool verifies it, for example
/// `openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in manifest.json -sigfile manifest.sig`.
/// A folder in which a private key lies is refused.
#[derive(Debug, clap::Args)]
pub struct SignArgs {
    /// Folder that `carnet run --out` wrote.
    dir: PathBuf,
    /// Private key: PEM, PKCS#8, as `openssl genpkey -algorithm ed25519` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Verify signed evidence, offline: a folder, or the file that `carnet bundle` wrote.
///
/// Names every file that was changed, is missing or was added since it was signed, and every blob that was redacted
/// with its reason. Exit code 0: as it was signed; 5: not so.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// Folder of signed evidence, or a bundle.
    path: PathBuf,
    /// Only this signer counts: public key in PEM. Without it, compare the printed fingerprint with the signer's own.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Take bytes out of evidence, leaving their digest and a reason; a signature over the folder still holds.
///
/// The cells that the bytes belong to are INCONCLUSIVE from then on, with the reason: evidence that is not there
/// proves nothing.
#[derive(Debug, clap::Args)]
pub struct RedactArgs {
    /// Folder of evidence.
    dir: PathBuf,
    /// SHA-256 of a blob, or as much of its beginning as no other has; repeatable.
    #[arg(long, value_name = "SHA256", required = true)]
    blob: Vec<String>,
    /// Why; verification and reports show it.
    #[arg(long)]
    reason: String,
}

/// Write a folder of evidence into one file, the same bytes each time.
///
/// With `--key` the folder is signed first. `carnet verify` takes the file as it is.
#[derive(Debug, clap::Args)]
pub struct BundleArgs {
    /// Folder of evidence.
    dir: PathBuf,
    /// File to write.
    #[arg(long, value_name = "FILE", default_value = "evidence.tar.gz")]
    out: PathBuf,
    /// Sign with this key first: PEM, PKCS#8.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Runs `carnet sign`.
///
/// # Errors
/// No evidence, no key, a private key among the evidence.
pub(crate) fn sign(args: &SignArgs) -> Result<ExitCode, Failure> {
    recorded::evidence(&args.dir)?;
    let signed = bundle::sign(&args.dir, &args.key).map_err(failure)?;
    out::println!("signed {} files of run {}", signed.files, signed.run);
    out::println!("signer {}", signed.signer);
    Ok(ExitCode::SUCCESS)
}

/// Runs `carnet verify`.
///
/// # Errors
/// What is no bundle, or is not as it was signed.
pub(crate) fn verify(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let path = &args.path;
    let metadata = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    let verified = if metadata.is_dir() {
        bundle::verify(path, args.key.as_deref())
    } else {
        let stop = stop::on_interrupt()?;
        let dir = tempfile::tempdir().map_err(Failure::ours)?;
        archive::unpack(path, dir.path(), &stop).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => interrupted(),
            _ => Failure::of(Exit::Evidence, format_args!("{} does not unpack: {error}", path.display()))
                .help("take the bundle from whoever made it once more; it was changed or cut short"),
        })?;
        bundle::verify(dir.path(), args.key.as_deref())
    };
    tell(&verified.map_err(|error| unverified(error, path, metadata.is_file()))?);
    Ok(ExitCode::SUCCESS)
}

/// Runs `carnet redact`.
///
/// # Errors
/// A blob that is not there or cannot be taken out, an empty reason.
pub(crate) fn redact(args: &RedactArgs) -> Result<ExitCode, Failure> {
    recorded::evidence(&args.dir)?;
    if args.reason.trim().is_empty() {
        return Err(Failure::usage("got an empty --reason").help("say why: whoever verifies the evidence reads it"));
    }
    if let Some(short) = args.blob.iter().find(|text| text.len() < 8 || !text.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(Failure::usage(format_args!("got --blob {short:?}, expected at least 8 hexadecimal digits"))
            .help("the digest is the blob's name below blobs/sha256"));
    }
    let redactions = bundle::redact(&args.dir, &args.blob, args.reason.trim()).map_err(failure)?;
    for (sha256, redaction) in &redactions.redacted {
        out::println!("redacted {sha256}, {} bytes: {}", redaction.length, redaction.reason);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `carnet bundle`.
///
/// # Errors
/// No evidence, a file that cannot be written.
pub(crate) fn pack(args: &BundleArgs) -> Result<ExitCode, Failure> {
    recorded::evidence(&args.dir)?;
    if inside(&args.out, &args.dir) {
        return Err(Failure::usage(format_args!("{} lies inside the folder it is made from", args.out.display()))
            .help("name a file elsewhere with --out"));
    }
    if let Some(key) = &args.key {
        bundle::sign(&args.dir, key).map_err(failure)?;
    }
    write(&args.dir, &args.out)?;
    let signed = if args.dir.join(bundle::SIGNATURE).exists() { "signed" } else { "not signed" };
    out::println!("{} ({signed})", args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the bundle under another name first: it is there whole or not at all, also after Ctrl-C.
fn write(dir: &Path, out: &Path) -> Result<(), Failure> {
    let stop = stop::on_interrupt()?;
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = fs::File::create(&part)
        .and_then(|mut file| archive::pack(dir, &mut file, &stop).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, out));
    written.map_err(|error| {
        // Where it was never made there is nothing to remove.
        let _ = fs::remove_file(&part);
        match error.kind() {
            io::ErrorKind::Interrupted => interrupted(),
            _ => Failure::file("write", out, &error),
        }
    })
}

fn interrupted() -> Failure {
    Failure::of(Exit::Interrupted, "interrupted").help("run it again")
}

fn tell(verified: &Verified) {
    for (sha256, redaction) in &verified.redacted {
        out::println!("redacted {sha256}, {} bytes: {}", redaction.length, redaction.reason);
    }
    out::println!("run {}: {} files are as they were signed", verified.run, verified.files);
    out::println!("signer {}", verified.signer);
}

fn inside(file: &Path, dir: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), dir.canonicalize()) {
        (Ok(folder), Ok(dir)) => folder.starts_with(dir),
        _ => false,
    }
}

/// Why the folder or the bundle at `path` does not verify: what is named is what the user named.
fn unverified(error: BundleError, path: &Path, bundled: bool) -> Failure {
    let path = path.display();
    match error {
        BundleError::Unsigned(_) if bundled => Failure::usage(format_args!("{path} holds evidence that is not signed"))
            .help("`carnet bundle DIR --key key.pem` signs the folder and writes the file anew"),
        BundleError::Lacking(_) => Failure::of(Exit::Evidence, format_args!("{path} does not verify: {error}"))
            .help("take it from whoever signed it once more"),
        BundleError::OtherSigner { .. } => Failure::of(Exit::Evidence, format_args!("{path} does not verify: {error}"))
            .help("ask whoever signed it for the fingerprint of their key; where it is another, the evidence is not theirs"),
        other => failure(other),
    }
}

fn failure(error: BundleError) -> Failure {
    match error {
        BundleError::Broken(broken) => {
            Failure::of(Exit::Evidence, format_args!("the evidence is not what was signed:\n{broken}"))
                .help("take it from whoever signed it once more")
        }
        BundleError::Evidence(error) => {
            Failure::of(Exit::Evidence, format_args!("the evidence does not verify: {error}"))
        }
        BundleError::File { path, doing, source } => {
            let doing = if doing == "read" { "read" } else { "write" };
            Failure::file(doing, &path, &source)
        }
        other => Failure::usage(other),
    }
}
