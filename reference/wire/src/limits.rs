//! What a message may cost its reader, in one place.
//!
//! The values bound memory and time before anything is authenticated. They are this project's choice: no
//! specification names any.

/// Upper bounds for everything that is read from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a SOAP envelope.
    pub envelope: usize,
    /// Nesting of elements, the root being 1.
    pub depth: usize,
    /// Tags, texts, comments, processing instructions and attributes of an envelope, together.
    pub nodes: usize,
    /// Attributes and namespace declarations of one element.
    pub attributes: usize,
    /// MIME parts, the root part included.
    pub parts: usize,
    /// Bytes of one part's header block, and of the preamble.
    pub part_header: usize,
    /// Bytes of the parts that come before the root part, together.
    pub before_root: u64,
    /// `ds:Reference` elements of one signature.
    pub references: usize,
    /// Certificates of one token.
    pub certificates: usize,
    /// Bytes of an XML part that must be brought into canonical form before it is hashed.
    pub xml_part: usize,
    /// As `nodes`, for such a part.
    pub xml_part_nodes: usize,
    /// Bytes of an encrypted part's content: it is decrypted in memory.
    pub encrypted: u64,
    /// Bytes that one gzip part may inflate to.
    pub inflated: u64,
    /// Inflated bytes per transported byte.
    pub ratio: u32,
    /// Inflated bytes up to which `ratio` is not applied.
    pub ratio_floor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            envelope: 1 << 20,
            depth: 64,
            nodes: 20_000,
            attributes: 128,
            parts: 64,
            part_header: 8 << 10,
            before_root: 16 << 20,
            references: 128,
            certificates: 10,
            xml_part: 16 << 20,
            xml_part_nodes: 400_000,
            encrypted: 64 << 20,
            inflated: 2 << 30,
            ratio: 1000,
            ratio_floor: 1 << 20,
        }
    }
}
