//! Between the header's view of a part and the store's: properties, file names, and what is needed to send again.

use std::collections::BTreeMap;

use bytes::Bytes;
use carnet_as4::header::{PartInfo, UserMessage};
use carnet_as4::outbound::Sent;
use serde::{Deserialize, Serialize};

/// What the store keeps of a header beside its columns. A form of this node's own, read by nobody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The whole user message.
    pub(crate) message: UserMessage,
    /// File names by Content-ID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) filenames: BTreeMap<String, String>,
    /// For an outgoing message: what its receipt must prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<Sent>,
}

impl Header {
    pub(crate) fn bytes(&self) -> Bytes {
        // Strings, numbers and lists always serialize; an empty header is read as none.
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The properties as they stand in the header.
pub(crate) fn properties(info: &PartInfo) -> Vec<(String, String)> {
    let own = [
        ("MimeType", info.mime_type.clone()),
        ("CharacterSet", info.character_set.clone()),
        ("CompressionType", info.compressed.then(|| carnet_as4::ns::GZIP_MEDIA.to_owned())),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    own.chain(info.properties.iter().map(|property| (property.name.clone(), property.value.clone()))).collect()
}

/// The value of a property.
pub(crate) fn property<'a>(part: &'a carnet_exchange::Part, name: &str) -> Option<&'a str> {
    part.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Whether the transported octets are gzip.
pub(crate) fn is_compressed(part: &carnet_exchange::Part) -> bool {
    property(part, "CompressionType") == Some(carnet_as4::ns::GZIP_MEDIA)
}
