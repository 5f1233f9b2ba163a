//! The registry of customs declarations: takes them in, numbers them, keeps their state, answers.
//!
//! A declaration without fault is accepted and given an MRN; the same LRN of the same declarant is accepted once. Amendment, cancellation and
//! presentation name an MRN and move the declaration along [`State`]; each step names the message that brought it. What an amendment changes is
//! not written into the declaration: its document says by WCO pointers what it puts where, and is kept beside the first. Whatever is refused is answered with pointer, code, reason and
//! original value, the codes being the functional errors of NCTS (12 to 15 from validation; 26, 90, 92, 93 from here).

mod answer;
mod record;
mod refusal;
mod state;

pub use record::{Entry, Step};
pub use state::{Act, State};

use crate::{Answer, DecideError, Decision, Mrn, Outcome};
use answer::{Function, Response};
use carnet_exchange::{Key, Record, RecordWrite};
use carnet_fixtures::{MessageType, Verdict, facts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use record::{Numbered, Serial};
use refusal::Refusal;
use std::collections::BTreeMap;

/// Name under which the records are kept.
pub const REGISTRY: &str = "declaration";

/// Id of the pack whose messages it acts on.
pub const PACK: &str = "declaration";

/// The registry of one administration.
#[derive(Debug, Clone)]
pub struct Registry {
    country: String,
}

/// A document that arrived, with all that its decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// What the document is.
    pub message_type: &'a MessageType,
    /// The document.
    pub document: &'a [u8],
    /// The message that brought it, by which the back end finds it again.
    pub message: Key,
    /// What full validation found in it.
    pub verdict: &'a Verdict,
    /// Party id of the administration that sent it.
    pub sender: &'a str,
    /// Now.
    pub now: Timestamp,
    /// A fresh reference for the answer, of at most 35 characters.
    pub reference: &'a str,
}

impl Registry {
    /// The registry of the administration of `country`, an ISO 3166-1 alpha-2 code; it stands in every number that is issued.
    #[must_use]
    pub fn new(country: &str) -> Self {
        Self { country: country.to_owned() }
    }

    /// Whether documents of that type are acted on; others are for the back end alone.
    #[must_use]
    pub fn acts_on(message_type: &MessageType) -> bool {
        message_type.pack == PACK && Act::of(&message_type.name).is_some()
    }

    /// Decides on a document. `read` gives the record under a key of [`REGISTRY`].
    ///
    /// `None` for a message type that is not acted on.
    ///
    /// # Errors
    /// When records cannot be read or all numbers of the year are issued; nothing is then decided.
    pub fn decide<E>(
        &self,
        arrival: &Arrival<'_>,
        mut read: impl FnMut(&str) -> Result<Option<Record>, E>,
    ) -> Result<Option<Decision>, DecideError<E>> {
        let act = Act::of(&arrival.message_type.name).filter(|_| arrival.message_type.pack == PACK);
        let Some(act) = act else { return Ok(None) };
        let document = Document::read(arrival);
        let refusals: Vec<Refusal> = arrival.verdict.errors().map(Refusal::from_finding).collect();
        if !refusals.is_empty() {
            return Ok(Some(self.refuse(arrival, &document, refusals)));
        }
        let taken = match act {
            Act::Declare => self.declare(arrival, &document, &mut read)?,
            Act::Amend | Act::Cancel | Act::Present => self.change(act, arrival, &document, &mut read)?,
        };
        Ok(Some(taken.unwrap_or_else(|refusal| self.refuse(arrival, &document, vec![refusal]))))
    }

    fn declare<E>(
        &self,
        arrival: &Arrival<'_>,
        document: &Document,
        read: &mut impl FnMut(&str) -> Result<Option<Record>, E>,
    ) -> Result<Result<Decision, Refusal>, DecideError<E>> {
        let Some(lrn) = &document.lrn else { return Ok(Err(document.without(arrival, "lrn"))) };
        //= PROC-LRN-01
        let by_lrn = record::lrn_key(&document.declarant, lrn);
        if let Some((_, known)) = record::read::<Numbered, E>(&by_lrn, read)? {
            return Ok(Err(Refusal::duplicate(arrival, lrn, &known.mrn)));
        }
        let year = TimeZone::UTC.to_datetime(arrival.now).year();
        let serial_key = record::serial_key(year);
        let (version, serial) = record::read::<Serial, E>(&serial_key, read)?.unwrap_or_default();
        //= PROC-MRN-01
        let mrn =
            Mrn::issue(year, &self.country, serial.next, document.procedure()).ok_or(DecideError::Exhausted(year))?;
        let entry = Entry::accepted(&mrn, lrn, &document.declarant, arrival);
        let records = vec![
            record::write(serial_key, version, &serial.following())?,
            record::write(by_lrn, 0, &Numbered::of(&mrn))?,
            record::write(record::mrn_key(&mrn), 0, &entry)?,
        ];
        //= PROC-ANSWER-01
        Ok(Ok(self.accept(Function::Accepted, arrival, document, &entry, records)))
    }

    fn change<E>(
        &self,
        act: Act,
        arrival: &Arrival<'_>,
        document: &Document,
        read: &mut impl FnMut(&str) -> Result<Option<Record>, E>,
    ) -> Result<Result<Decision, Refusal>, DecideError<E>> {
        let Some(written) = &document.mrn else { return Ok(Err(document.without(arrival, "mrn"))) };
        let mrn: Mrn = match written.parse() {
            Ok(mrn) => mrn,
            Err(error) => return Ok(Err(Refusal::invalid_mrn(arrival, written, &error))),
        };
        let key = record::mrn_key(&mrn);
        //= PROC-MRN-02
        // Another administration's declaration is as unknown to the sender as none.
        let known = record::read::<Entry, E>(&key, read)?.filter(|(_, entry)| entry.sender == arrival.sender);
        let Some((version, entry)) = known else { return Ok(Err(Refusal::unknown_mrn(arrival, &mrn))) };
        let Some(next) = entry.state.after(act) else {
            return Ok(Err(Refusal::out_of_sequence(arrival, &mrn, act, entry.state)));
        };
        let entry = entry.moved(next, act, arrival);
        let function = match act {
            Act::Cancel => Function::Cancelled,
            Act::Present => Function::Released,
            Act::Amend | Act::Declare => Function::Amended,
        };
        let records = vec![record::write(key, version, &entry)?];
        Ok(Ok(self.accept(function, arrival, document, &entry, records)))
    }

    fn accept(
        &self,
        function: Function,
        arrival: &Arrival<'_>,
        document: &Document,
        entry: &Entry,
        records: Vec<RecordWrite>,
    ) -> Decision {
        let warnings: Vec<Refusal> = arrival.verdict.findings.iter().map(Refusal::from_finding).collect();
        let response = Response {
            function,
            reference: arrival.reference,
            country: &self.country,
            now: arrival.now,
            // The reference of the document that is answered: an amendment has one of its own.
            lrn: document.lrn.as_deref(),
            mrn: Some(&entry.mrn),
            version: Some(entry.version),
            faults: &warnings,
        };
        Decision {
            result: Outcome::Accepted,
            records,
            note: format!("{}: {} {}", arrival.message_type.name, entry.state.name(), entry.mrn),
            answer: Answer { message_type: function.message_type(), document: response.write(arrival.message_type) },
        }
    }

    fn refuse(&self, arrival: &Arrival<'_>, document: &Document, refusals: Vec<Refusal>) -> Decision {
        let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
        let note = format!("{}: refused, {}", arrival.message_type.name, codes.join(" "));
        let response = Response {
            function: Function::Refused,
            reference: arrival.reference,
            country: &self.country,
            now: arrival.now,
            lrn: document.lrn.as_deref(),
            mrn: document.mrn.as_deref(),
            version: None,
            faults: &refusals,
        };
        let document = response.write(arrival.message_type);
        Decision {
            result: Outcome::Refused,
            records: Vec::new(),
            note,
            answer: Answer { message_type: Function::Refused.message_type(), document },
        }
    }
}

/// What a decision needs from a document.
struct Document {
    lrn: Option<String>,
    mrn: Option<String>,
    declarant: String,
    kind: Option<String>,
}

impl Document {
    fn read(arrival: &Arrival<'_>) -> Self {
        let mut facts: BTreeMap<String, Vec<String>> =
            facts::read(arrival.message_type, arrival.document).unwrap_or_default();
        let mut first = |name: &str| {
            facts.remove(name).and_then(|values| values.into_iter().next()).filter(|value| !value.is_empty())
        };
        let (lrn, mrn, kind) = (first("lrn"), first("mrn"), first("declaration-type"));
        let declarant =
            first("declarant.id").or_else(|| first("submitter.id")).unwrap_or_else(|| arrival.sender.to_owned());
        Self { lrn, mrn, declarant, kind }
    }

    /// The procedure letter of the MRN: A for export, R for import and the rest.
    fn procedure(&self) -> char {
        match self.kind.as_deref() {
            Some(kind) if kind.starts_with("EX") => 'A',
            _ => 'R',
        }
    }

    fn without(&self, arrival: &Arrival<'_>, fact: &str) -> Refusal {
        Refusal::missing(arrival, fact)
    }
}
