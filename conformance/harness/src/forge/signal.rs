//! Writes receipts and errors of the suite's own endpoint (ebMS3 Core 5.2.3, AS4 5.1.8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use carnet_catalogue::step::Forge;

use super::envelope::{escape, head, tail};
use crate::root::text_of;

/// A row of the ebMS error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRow {
    /// `EBMS:nnnn`.
    pub code: &'static str,
    /// Severity.
    pub severity: &'static str,
    /// Category.
    pub category: &'static str,
    /// Short description.
    pub short: &'static str,
}

/// The ebMS and AS4 error table (ebMS3 Core 6.7, AS4 3.3 and 5.1).
const TABLE: [ErrorRow; 20] = [
    row("EBMS:0001", "failure", "Content", "ValueNotRecognized"),
    row("EBMS:0002", "warning", "Content", "FeatureNotSupported"),
    row("EBMS:0003", "failure", "Content", "ValueInconsistent"),
    row("EBMS:0004", "failure", "Content", "Other"),
    row("EBMS:0005", "failure", "Communication", "ConnectionFailure"),
    row("EBMS:0006", "warning", "Communication", "EmptyMessagePartitionChannel"),
    row("EBMS:0007", "failure", "Unpackaging", "MimeInconsistency"),
    row("EBMS:0008", "failure", "Unpackaging", "FeatureNotSupported"),
    row("EBMS:0009", "failure", "Unpackaging", "InvalidHeader"),
    row("EBMS:0010", "failure", "Processing", "ProcessingModeMismatch"),
    row("EBMS:0011", "failure", "Content", "ExternalPayloadError"),
    row("EBMS:0101", "failure", "Processing", "FailedAuthentication"),
    row("EBMS:0102", "failure", "Processing", "FailedDecryption"),
    row("EBMS:0103", "failure", "Processing", "PolicyNoncompliance"),
    row("EBMS:0201", "failure", "Processing", "DysfunctionalReliability"),
    row("EBMS:0202", "failure", "Communication", "DeliveryFailure"),
    row("EBMS:0301", "failure", "Communication", "MissingReceipt"),
    row("EBMS:0302", "failure", "Communication", "InvalidReceipt"),
    row("EBMS:0303", "failure", "Communication", "DecompressionFailure"),
    row("EBMS:0020", "failure", "Processing", "RoutingFailure"),
];

/// The row of a code.
#[must_use]
pub fn error_row(code: &str) -> Option<ErrorRow> {
    TABLE.iter().copied().find(|row| row.code == code)
}

/// A reference that a receipt repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// URI.
    pub uri: String,
    /// Algorithm of each transform.
    pub transforms: Vec<String>,
    /// Digest algorithm.
    pub method: String,
    /// Digest.
    pub digest: Vec<u8>,
}

/// A signal to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalDraft {
    /// MessageId of the signal.
    pub message_id: String,
    /// Timestamp, RFC 3339 UTC.
    pub timestamp: String,
    /// MessageId of the message it answers.
    pub refers_to: String,
    /// The references of the message's signature; for a receipt.
    pub references: Vec<Repeated>,
    /// The code; for an error.
    pub error: Option<ErrorRow>,
}

impl SignalDraft {
    /// A receipt for the message in `envelope`: repeats the references of its signature.
    #[must_use]
    pub fn receipt(message_id: String, timestamp: String, envelope: &str) -> Option<Self> {
        let document = roxmltree::Document::parse(envelope).ok()?;
        let refers_to = document.descendants().find(|node| node.tag_name().name() == "MessageId")?;
        let references = document.descendants().find(|node| node.tag_name().name() == "SignedInfo").map(|info| {
            info.children().filter(|node| node.tag_name().name() == "Reference").filter_map(repeated).collect()
        });
        Some(Self {
            message_id,
            timestamp,
            refers_to: text_of(refers_to).trim().to_owned(),
            references: references.unwrap_or_default(),
            error: None,
        })
    }

    /// Whether edits find something to change: a receipt for an unsigned message repeats nothing.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn can_be_spoilt(&self, forge: &[Forge]) -> Result<(), String> {
        if self.error.is_none() && self.references.is_empty() && !forge.is_empty() {
            return Err(
                "its message is not signed, so a receipt for it repeats nothing that could be changed".to_owned()
            );
        }
        Ok(())
    }
}

/// The envelope of a pull request without its security header (ebMS3 Core 5.2.3.1).
pub(crate) fn pull_request(message_id: &str, timestamp: &str, mpc: &str) -> String {
    format!(
        "{}<eb:SignalMessage><eb:MessageInfo><eb:Timestamp>{}</eb:Timestamp><eb:MessageId>{}</eb:MessageId></eb:MessageInfo>\
         <eb:PullRequest mpc=\"{}\"></eb:PullRequest></eb:SignalMessage>{}",
        head(),
        escape(timestamp),
        escape(message_id),
        escape(mpc),
        tail()
    )
}

/// The envelope without its security header.
pub(crate) fn envelope(draft: &SignalDraft) -> String {
    let mut out = head();
    out.push_str(&format!(
        "<eb:SignalMessage><eb:MessageInfo><eb:Timestamp>{}</eb:Timestamp><eb:MessageId>{}</eb:MessageId>\
         <eb:RefToMessageId>{}</eb:RefToMessageId></eb:MessageInfo>",
        escape(&draft.timestamp),
        escape(&draft.message_id),
        escape(&draft.refers_to)
    ));
    match draft.error {
        Some(row) => out.push_str(&format!(
            "<eb:Error category=\"{}\" errorCode=\"{}\" origin=\"ebMS\" refToMessageInError=\"{}\" severity=\"{}\" shortDescription=\"{}\">\
             <eb:Description xml:lang=\"en\">{}</eb:Description></eb:Error>",
            row.category, row.code, escape(&draft.refers_to), row.severity, row.short, row.short
        )),
        None => receipt(&mut out, &draft.references),
    }
    out.push_str("</eb:SignalMessage>");
    out.push_str(&tail());
    out
}

fn receipt(out: &mut String, references: &[Repeated]) {
    out.push_str(&format!(
        "<eb:Receipt><ebbp:NonRepudiationInformation xmlns:ebbp=\"http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0\" xmlns:ds=\"{}\">",
        carnet_wire::namespace::DS
    ));
    for reference in references {
        out.push_str(&format!(
            "<ebbp:MessagePartNRInformation><ds:Reference URI=\"{}\"><ds:Transforms>",
            escape(&reference.uri)
        ));
        for transform in &reference.transforms {
            out.push_str(&format!("<ds:Transform Algorithm=\"{}\"></ds:Transform>", escape(transform)));
        }
        out.push_str(&format!(
            "</ds:Transforms><ds:DigestMethod Algorithm=\"{}\"></ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference></ebbp:MessagePartNRInformation>",
            escape(&reference.method),
            STANDARD.encode(&reference.digest)
        ));
    }
    out.push_str("</ebbp:NonRepudiationInformation></eb:Receipt>");
}

fn repeated(reference: roxmltree::Node<'_, '_>) -> Option<Repeated> {
    let find = |local: &str| reference.descendants().find(|node| node.tag_name().name() == local);
    let digest: String = find("DigestValue")?.text().unwrap_or_default().split_whitespace().collect();
    Some(Repeated {
        uri: reference.attribute("URI")?.to_owned(),
        transforms: reference
            .descendants()
            .filter(|node| node.tag_name().name() == "Transform")
            .filter_map(|node| node.attribute("Algorithm").map(str::to_owned))
            .collect(),
        method: find("DigestMethod")?.attribute("Algorithm")?.to_owned(),
        digest: STANDARD.decode(digest).ok()?,
    })
}

const fn row(code: &'static str, severity: &'static str, category: &'static str, short: &'static str) -> ErrorRow {
    ErrorRow { code, severity, category, short }
}
