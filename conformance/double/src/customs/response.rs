//! The WCO Response that answers a document, as text.

use carnet_fixtures::WcoPointer;
use carnet_harness::forge::escape;

use super::elsewhere;
use crate::mutation::Mutation;
use crate::rule::Habit;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Accepted,
    Refused,
    Amended,
    Released,
    Cancelled,
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) pointer: Vec<WcoPointer>,
}

/// A business answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    function: Function,
    lrn: String,
    mrn: Option<String>,
    reasons: Vec<Reason>,
}

impl Reason {
    /// One that points at the document as a whole.
    pub(super) fn bare(code: &str, text: &str) -> Self {
        let whole = WcoPointer { sequence: None, section: Some("42A".to_owned()), tag: None };
        Self { code: code.to_owned(), text: text.to_owned(), pointer: vec![whole] }
    }
}

impl Function {
    const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "01",
            Self::Refused => "03",
            Self::Amended => "07",
            Self::Released => "09",
            Self::Cancelled => "10",
        }
    }
}

impl Answer {
    pub(super) fn accept(function: Function, lrn: String, mrn: String) -> Self {
        Self { function, lrn, mrn: Some(mrn), reasons: Vec::new() }
    }

    pub(super) fn refuse(lrn: String, reasons: Vec<Reason>) -> Self {
        Self { function: Function::Refused, lrn, mrn: None, reasons }
    }

    /// Whether it says that something was done.
    pub(crate) fn accepts(&self) -> bool {
        self.function != Function::Refused
    }

    /// The message type of the pack that carries it.
    pub(crate) const fn message_type(&self) -> &'static str {
        match self.function {
            Function::Released => "release",
            _ => "response",
        }
    }

    /// The document with that reference, and with what the mutant does to it.
    pub(crate) fn document(&self, reference: &str, mutation: &Mutation) -> String {
        let function = match self.accepts() && mutation.does(Habit::OtherFunction) {
            true => "16",
            false => self.function.code(),
        };
        let lrn = if mutation.does(Habit::OtherReference) { "SOMEBODY ELSE'S" } else { &self.lrn };
        let mrn = self.mrn.as_deref().filter(|_| !mutation.does(Habit::NoMrn));
        let mrn = mrn.map(|mrn| format!("<ID>{mrn}</ID>")).unwrap_or_default();
        let errors: String = self.reasons.iter().map(|reason| error(reason, mutation)).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <md:MetaData xmlns:md=\"urn:wco:datamodel:WCO:DocumentMetaData-DMS:2\">\
             <Response xmlns=\"urn:wco:datamodel:WCO:RES-DMS:2\"><FunctionCode>{function}</FunctionCode>\
             <FunctionalReferenceID>{reference}</FunctionalReferenceID>{errors}\
             <Declaration><FunctionalReferenceID>{}</FunctionalReferenceID>{mrn}</Declaration></Response></md:MetaData>",
            escape(lrn),
        )
    }
}

fn error(reason: &Reason, mutation: &Mutation) -> String {
    let code = if mutation.does(Habit::OtherCode) { "99" } else { &reason.code };
    let moved = elsewhere();
    let steps = if mutation.does(Habit::OtherPointer) { &moved } else { &reason.pointer };
    let pointer: String = steps.iter().map(pointer).collect();
    let text: String = reason.text.chars().take(512).collect();
    format!(
        "<Error><Description>{}</Description><ValidationCode>{}</ValidationCode>{pointer}</Error>",
        escape(&text),
        escape(code)
    )
}

fn pointer(step: &WcoPointer) -> String {
    let element = |name: &str, value: Option<String>| {
        value.map(|value| format!("<{name}>{}</{name}>", escape(&value))).unwrap_or_default()
    };
    format!(
        "<Pointer>{}{}{}</Pointer>",
        element("SequenceNumeric", step.sequence.map(|sequence| sequence.to_string())),
        element("DocumentSectionCode", step.section.clone()),
        element("TagID", step.tag.clone())
    )
}
