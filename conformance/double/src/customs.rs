//! What customs do with a declaration, an amendment, a cancellation, a notice of presentation: hold it against rules
//! with names, keep its state, answer.
//!
//! The pack's engine finds what is wrong with a document; which of it counts is a rule that a mutant can leave out.
//! The suite's verdict on the answer comes from the case alone, so the double may use the engine.

mod response;

use carnet_fixtures::{Finding, MessageType, WcoPointer, facts};
use carnet_harness::{Fresh, mrn};

pub(crate) use response::{Answer, Function, Reason};

use crate::ground::Ground;
use crate::memory::Memory;
use crate::mutation::Mutation;
use crate::rule::{Habit, Rule};

/// The pack of which declarations are.
pub(crate) const PACK: &str = "declaration";

/// A declaration that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declaration {
    mrn: String,
    lrn: String,
    declarant: String,
    sender: String,
    closed: bool,
}

/// Works on a document, changes what is remembered, and says what is answered; none for what is no request.
pub(crate) fn process(
    document: &[u8],
    sender: &str,
    memory: &mut Memory,
    ground: &Ground,
    mutation: &Mutation,
    fresh: &Fresh,
) -> Option<Answer> {
    let Some(kind) = ground.packs.identify(document) else {
        return Some(Answer::refuse(String::new(), vec![Reason::bare("syntax", "this is no document of the pack")]));
    };
    let found = facts::read(kind, document).unwrap_or_default();
    let fact = |name: &str| found.get(name)?.first().cloned();
    let lrn = fact("lrn").unwrap_or_default();
    if mutation.does(Habit::RefusesDocuments) || (mutation.does(Habit::LineEnds) && document.contains(&b'\r')) {
        return Some(Answer::refuse(lrn, vec![Reason::bare("14", "this registry refuses it")]));
    }
    let about = |code: &str, name: &str, text: &str| {
        let pointer = facts::pointer(kind, document, name).map(|pointer| kind.wco(&pointer)).unwrap_or_default();
        Reason { code: code.to_owned(), text: text.to_owned(), pointer }
    };
    let faults = validate(document, kind, ground, mutation);
    let declarant = fact("declarant.id").unwrap_or_default();
    if !faults.is_empty() {
        if kind.name == "declaration" {
            memory.refused_references.push((declarant, lrn.clone()));
        }
        return Some(Answer::refuse(lrn, faults));
    }
    let refuse = |reason: Reason| Some(Answer::refuse(lrn.clone(), vec![reason]));
    if kind.name == "declaration" {
        let same = |who: &str, number: &str| number == lrn && (who == declarant || mutation.does(Habit::LrnOfAnyone));
        let used = memory.declarations.iter().any(|one| same(&one.declarant, &one.lrn));
        let poisoned = mutation.does(Habit::LrnOfRefused)
            && memory.refused_references.iter().any(|(who, number)| same(who, number));
        if (used && mutation.checks(Rule::LrnOnce)) || poisoned {
            return refuse(about("26", "lrn", "this local reference number is in use"));
        }
        let number = mrn::issue("26GB", &serial(fresh, &lrn));
        memory.declarations.push(Declaration {
            mrn: number.clone(),
            lrn: lrn.clone(),
            declarant,
            sender: sender.to_owned(),
            closed: false,
        });
        return Some(Answer::accept(Function::Accepted, lrn, number));
    }
    let function = match kind.name.as_str() {
        "amendment" => Function::Amended,
        "cancellation" => Function::Cancelled,
        "presentation" => Function::Released,
        _ => return None,
    };
    let number = fact("mrn").unwrap_or_default();
    if mutation.checks(Rule::MrnForm) && !mrn::is_well_formed(&number) {
        return refuse(about("93", "mrn", "this is no movement reference number"));
    }
    let found = memory.declarations.iter_mut().find(|one| one.mrn == number && one.sender == sender);
    match found {
        None if mutation.checks(Rule::MrnKnown) => {
            return refuse(about("90", "mrn", "no declaration of yours has this number"));
        }
        Some(one) if one.closed && mutation.checks(Rule::StateAllows) => {
            return refuse(about("92", "mrn", "the state of the declaration does not allow it"));
        }
        Some(one) => one.closed = function != Function::Amended,
        None => {}
    }
    Some(Answer::accept(function, lrn, number))
}

/// What is wrong with a document, as far as its rules are checked.
fn validate(document: &[u8], kind: &MessageType, ground: &Ground, mutation: &Mutation) -> Vec<Reason> {
    let common = mutation.does(Habit::NationalCodes);
    let found = ground.desks.validate(&ground.packs, kind, document, common);
    let Some(verdict) = found else { return vec![Reason::bare("50", "the pack cannot be applied")] };
    let counts = |finding: &&Finding| {
        mutation.checks(match finding.code.as_str() {
            "12" => Rule::DocumentCodes,
            "13" => Rule::DocumentMandatory,
            "15" => Rule::DocumentCondition,
            "93" => Rule::MrnForm,
            "syntax" | "schema" => Rule::DocumentSchema,
            _ => Rule::DocumentRules,
        })
    };
    let reason = |finding: &Finding| Reason {
        code: finding.code.clone(),
        text: finding.reason.clone(),
        pointer: kind.wco(&finding.pointer),
    };
    let unknown_list = |finding: &&Finding| mutation.does(Habit::NationalCodes) && finding.code == "12";
    verdict.errors().filter(counts).chain(verdict.findings.iter().filter(unknown_list)).map(reason).collect()
}

/// Characters of a number that nobody else has.
fn serial(fresh: &Fresh, lrn: &str) -> String {
    let id = fresh.uuid_for(lrn).simple().to_string().to_ascii_uppercase();
    id.get(19..).unwrap_or_default().to_owned()
}

/// A pointer that leads nowhere.
pub(crate) fn elsewhere() -> Vec<WcoPointer> {
    vec![WcoPointer { sequence: None, section: Some("42A".to_owned()), tag: Some("999".to_owned()) }]
}
