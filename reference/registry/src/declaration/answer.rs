//! The WCO Response document that answers a declaration, an amendment, a cancellation or a presentation.
//!
//! Written as text, element by element in the order of `WCO_RES_2_DMS.xsd`; lengths are those of its types. A fault is an `Error` with code,
//! reason and WCO pointer; the value that was found goes into an `AdditionalInformation` of the same pointer, as the Response has no
//! other place for it.

mod xml;

use super::refusal::Refusal;
use carnet_fixtures::{MessageType, WcoPointer};
use jiff::Timestamp;
use xml::Xml;

/// Faults reported at most; the rest would only repeat them.
const FAULTS: usize = 99;
/// `an..512`: descriptions.
const TEXT: usize = 512;
/// `StatementCode` of an original value.
const ORIGINAL: &str = "ORIGINAL-VALUE";

/// What a response says, in the function codes of the UK's notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Accepted,
    Refused,
    Amended,
    Released,
    Cancelled,
}

impl Function {
    fn code(self) -> &'static str {
        match self {
            Self::Accepted => "01",
            Self::Refused => "03",
            Self::Amended => "07",
            Self::Released => "09",
            Self::Cancelled => "10",
        }
    }

    /// The message type in the pack.
    pub(super) fn message_type(self) -> &'static str {
        match self {
            Self::Released => "release",
            Self::Accepted | Self::Refused | Self::Amended | Self::Cancelled => "response",
        }
    }
}

/// A response yet to be written.
pub(super) struct Response<'a> {
    pub(super) function: Function,
    pub(super) reference: &'a str,
    pub(super) country: &'a str,
    pub(super) now: Timestamp,
    pub(super) lrn: Option<&'a str>,
    pub(super) mrn: Option<&'a str>,
    pub(super) version: Option<u32>,
    pub(super) faults: &'a [Refusal],
}

impl Response<'_> {
    /// The document; `asked` is the type of the document that is answered.
    pub(super) fn write(&self, asked: &MessageType) -> Vec<u8> {
        let faults: Vec<(&Refusal, Vec<WcoPointer>)> =
            self.faults.iter().take(FAULTS).map(|fault| (fault, asked.wco(&fault.pointer))).collect();
        let mut xml = Xml::default();
        xml.open_in(
            "md:MetaData",
            &[
                ("md", "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"),
                ("res", "urn:wco:datamodel:WCO:RES-DMS:2"),
                ("rds", "urn:wco:datamodel:WCO:Response_DS:DMS:2"),
            ],
        );
        xml.leaf("md:WCODataModelVersionCode", "3.6");
        xml.leaf("md:WCOTypeName", "RES");
        xml.leaf("md:ResponsibleCountryCode", self.country);
        xml.open("res:Response");
        xml.leaf("res:FunctionCode", self.function.code());
        xml.leaf("res:FunctionalReferenceID", &shorten(self.reference, 35));
        self.moment(&mut xml, "res:IssueDateTime");
        for (fault, pointers) in &faults {
            original(&mut xml, fault, pointers);
        }
        for (fault, pointers) in &faults {
            error(&mut xml, fault, pointers);
        }
        self.declaration(&mut xml);
        xml.close("res:Response");
        xml.close("md:MetaData");
        xml.into_bytes()
    }

    fn declaration(&self, xml: &mut Xml) {
        let on = |function: Function| self.function == function;
        xml.open("res:Declaration");
        if on(Function::Accepted) {
            self.moment(xml, "res:AcceptanceDateTime");
        }
        if on(Function::Cancelled) {
            self.moment(xml, "res:CancellationDateTime");
        }
        if let Some(lrn) = self.lrn {
            xml.leaf("res:FunctionalReferenceID", &shorten(lrn, 35));
        }
        if let Some(mrn) = self.mrn {
            xml.leaf("res:ID", &shorten(mrn, 70));
        }
        if on(Function::Refused) {
            self.moment(xml, "res:RejectionDateTime");
        }
        if let Some(version) = self.version {
            xml.leaf("res:VersionID", &version.to_string());
        }
        xml.close("res:Declaration");
    }

    /// A moment in format 304: date, time, zone.
    fn moment(&self, xml: &mut Xml, name: &str) {
        let moment = self.now.strftime("%Y%m%d%H%M%SZ").to_string();
        xml.open(name);
        xml.leaf_with("rds:DateTimeString", &[("formatCode", "304")], &moment);
        xml.close(name);
    }
}

fn original(xml: &mut Xml, fault: &Refusal, pointers: &[WcoPointer]) {
    let Some(original) = fault.original.as_deref().filter(|original| !original.trim().is_empty()) else { return };
    xml.open("res:AdditionalInformation");
    xml.leaf("res:StatementCode", ORIGINAL);
    xml.leaf("res:StatementDescription", &shorten(original, TEXT));
    pointers.iter().for_each(|pointer| place(xml, pointer));
    xml.close("res:AdditionalInformation");
}

fn error(xml: &mut Xml, fault: &Refusal, pointers: &[WcoPointer]) {
    xml.open("res:Error");
    xml.leaf("res:Description", &shorten(&fault.reason, TEXT));
    xml.leaf("res:ValidationCode", &shorten(&fault.code, 8));
    pointers.iter().for_each(|pointer| place(xml, pointer));
    xml.close("res:Error");
}

fn place(xml: &mut Xml, pointer: &WcoPointer) {
    xml.open("res:Pointer");
    if let Some(sequence) = pointer.sequence {
        xml.leaf("res:SequenceNumeric", &sequence.to_string());
    }
    if let Some(section) = &pointer.section {
        xml.leaf("res:DocumentSectionCode", section);
    }
    if let Some(tag) = &pointer.tag {
        xml.leaf("res:TagID", tag);
    }
    xml.close("res:Pointer");
}

/// The first `most` characters.
fn shorten(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
