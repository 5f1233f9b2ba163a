//! Step 5: what a compressed part says about itself, and what inflating it found.
//! Leaves inflating under limits to the driver and `carnet_wire::gzip`; the transported bytes are what is kept.
//! Clauses: AS4 profile 1.0 section 3.1.

use super::{Fault, charset};
use crate::header::PartInfo;
use carnet_wire::gzip::GzipError;

/// Whether the properties of a part make sense, before any of its bytes is looked at.
//= AS4-COMPRESSION-04
//= AS4-COMPRESSION-06
pub(super) fn check_properties(part: &PartInfo) -> Result<(), Fault> {
    let empty = |value: &Option<String>| value.as_deref().is_none_or(|value| value.trim().is_empty());
    if part.compressed && empty(&part.mime_type) {
        return Err(Fault::NoMimeType(part.id.clone()));
    }
    match &part.character_set {
        Some(got) if !charset::is_known(got) => {
            Err(Fault::CharacterSet { part: part.id.clone(), got: got.chars().take(80).collect() })
        }
        _ => Ok(()),
    }
}

/// What inflating came to: the length, or the refusal.
//= AS4-COMPRESSION-07
pub(super) fn check_inflated(part: &PartInfo, result: Result<u64, GzipError>, most: u64) -> Result<u64, Fault> {
    match result {
        Ok(length) if length > most => Err(Fault::PartTooLarge { part: part.id.clone(), most }),
        Ok(length) => Ok(length),
        Err(source) => Err(Fault::Inflate { part: part.id.clone(), source }),
    }
}
