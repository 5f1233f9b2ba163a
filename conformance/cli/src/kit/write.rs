//! Writes a kit's folder: every file whole or an error that names it.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{Kit, Written, agreement};
use crate::failure::Failure;

/// The certificate with which the suite's publisher signs.
const PUBLISHER: &str = "publisher-signing.pem";

/// Writes the kit into `dir`, which is made when it is not there; files of an earlier kit are replaced.
///
/// # Errors
/// A file that cannot be written, by name.
pub(crate) fn write(kit: &Kit, dir: &Path) -> Result<Written, Failure> {
    let mut folder = Folder { written: Written::new(dir) };
    folder.file("agreement.md", agreement::sheet(kit).as_bytes())?;
    folder.file("tls-anchors.pem", kit.tls_anchors.as_bytes())?;
    folder.file("signing-anchors.pem", kit.signing_anchors.as_bytes())?;
    let tls_certificate = folder.optional("partner-tls.pem", kit.tls_certificate.as_deref())?;
    let signing_intermediates = folder.optional("signing-intermediates.pem", kit.signing_intermediates.as_deref())?;
    let signing_certificate = folder.optional("partner-signing.pem", kit.signing_certificate.as_deref())?;
    let encryption_certificate = folder.optional("partner-encryption.pem", kit.encryption_certificate.as_deref())?;
    folder.optional(PUBLISHER, kit.publisher_certificate.as_deref())?;
    let mut crls = Vec::new();
    for crl in &kit.crls {
        let file = crl.file();
        folder.file(&file, &crl.der)?;
        crls.push(file);
    }
    let mut pmodes = Vec::new();
    for leg in kit.legs().into_iter().chain(kit.further_legs()) {
        let file = format!("pmodes/{}.toml", leg.slug());
        folder.file(&file, leg.to_toml().map_err(Failure::ours)?.as_bytes())?;
        pmodes.push(file);
    }
    for (file, text) in kit.further_pmodes().map_err(Failure::ours)? {
        folder.file(&file, text.as_bytes())?;
        pmodes.push(file);
    }
    for (file, text) in kit.open_pmodes().map_err(Failure::ours)?.into_iter().chain(kit.tables("")) {
        folder.file(file, text.as_bytes())?;
    }
    let text = toml::to_string(&File {
        format: 1,
        own: Own { party: &kit.own.id },
        partner: Partner {
            party: &kit.partner.id,
            party_type: &kit.partner.kind,
            endpoints: &kit.endpoints,
            tls_anchors: "tls-anchors.pem",
            tls_certificate,
            tls_binding: kit.tls_binding(),
            signing_anchors: "signing-anchors.pem",
            signing_intermediates,
            signing_certificate,
            signing_binding: kit.signing_binding(),
            signing_subject: kit.signing_subject.as_deref(),
            encryption_certificate,
            crls,
            pmodes,
        },
    });
    folder.file("kit.toml", text.map_err(Failure::ours)?.as_bytes())?;
    Ok(folder.written)
}

/// Adds files to a kit, in a folder of their own below it. They hold keys and passwords: the owner alone may read them.
///
/// # Errors
/// A file that cannot be written, by name.
pub(crate) fn add(written: &mut Written, below: &str, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let mut folder = Folder { written: written.clone() };
    for (name, bytes) in files {
        folder.put(&format!("{below}/{name}"), |path| {
            carnet_certs::write_secret(path, bytes).map_err(crate::certs::failure)
        })?;
    }
    *written = folder.written;
    Ok(())
}

struct Folder {
    written: Written,
}

impl Folder {
    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.put(name, |path| fs::write(path, bytes).map_err(|error| Failure::file("write", path, &error)))
    }

    fn put(&mut self, name: &str, write: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
        let path = self.written.dir.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file("make the folder", parent, &error))?;
        }
        write(&path)?;
        self.written.files.push(name.to_owned());
        Ok(())
    }

    fn optional(&mut self, name: &'static str, text: Option<&str>) -> Result<Option<&'static str>, Failure> {
        let Some(text) = text else { return Ok(None) };
        self.file(name, text.as_bytes())?;
        Ok(Some(name))
    }
}

#[derive(Serialize)]
struct File<'a> {
    format: u32,
    #[serde(rename = "self")]
    own: Own<'a>,
    partner: Partner<'a>,
}

#[derive(Serialize)]
struct Own<'a> {
    party: &'a str,
}

#[derive(Serialize)]
struct Partner<'a> {
    party: &'a str,
    party_type: &'a str,
    endpoints: &'a [String],
    tls_anchors: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_certificate: Option<&'static str>,
    tls_binding: &'static str,
    signing_anchors: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_intermediates: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_certificate: Option<&'static str>,
    signing_binding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_certificate: Option<&'static str>,
    crls: Vec<String>,
    pmodes: Vec<String>,
}
