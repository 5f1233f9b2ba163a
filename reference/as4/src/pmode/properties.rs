//! Message properties that a P-Mode asks for, on the way in and on the way out alike.
//! Leaves what the peer or the producer is told to `inbound` and `outbound`. Clauses: ebMS 3.0 core appendix D
//! (BusinessInfo.Properties), eDelivery AS4 1.15 section 1.5.1 (four corners).

use super::PMode;
use crate::header::Property;

/// Why the properties of a message are not what its P-Mode asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// One that is asked for is not there, or empty.
    #[error("message property {0} is missing")]
    Missing(String),
    /// One that is asked for is there more than once: which of them counts would depend on the reader.
    #[error("message property {0} is there more than once")]
    Repeated(String),
}

/// Whether each property that is asked for is there, once.
pub(crate) fn check_properties(pmode: &PMode, properties: &[Property]) -> Result<(), PropertyError> {
    for name in &pmode.properties {
        let mut found = properties.iter().filter(|property| property.name == *name);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => return Err(PropertyError::Repeated(name.clone())),
            (Some(one), None) if !one.value.trim().is_empty() => {}
            _ => return Err(PropertyError::Missing(name.clone())),
        }
    }
    Ok(())
}
