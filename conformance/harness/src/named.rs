//! What a case names of this crate, held against what there is: speakers, kinds of the zoo, checks and their arguments, and
//! the words that its steps choose from.
//!
//! The catalogue reads cases without knowing any of them, and holds them against its own files. Whoever loads cases of
//! somebody else's asks here, too, so that a slip is found before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use carnet_catalogue::case::{Case, CaseId, Check};
use carnet_catalogue::error::Problem;
use carnet_catalogue::step::Step;
use carnet_catalogue::{Catalogue, CatalogueError, matrix, read};
use carnet_fixtures::Packs;

use crate::forge::{CONTENTS, KEYS, ORDERS, TOKENS};
use crate::judge::checks;
use crate::line::VERSIONS;
use crate::runner::{ALGORITHMS, FOR_SUITE, OMITTED, WEAK};
use crate::setup::speaker_names;
use crate::tls;

/// Holds cases of a catalogue against the speakers and the checks of the harness.
///
/// # Errors
/// Every name that does not exist, with file, line and the nearest one that does.
pub fn check<'a>(
    catalogue: &Catalogue,
    cases: impl IntoIterator<Item = (&'a CaseId, &'a Case)>,
) -> Result<(), CatalogueError> {
    let speakers = speaker_names();
    let problems: Vec<Problem> = cases
        .into_iter()
        .flat_map(|(id, case)| {
            let file = File::of(catalogue, id);
            let spoken = spoken(case).into_iter().filter_map(|said| file.speaker(&said, &speakers)).collect::<Vec<_>>();
            let asked = case.check.iter().flat_map(|check| file.check(check)).collect::<Vec<_>>();
            // A step that says nothing else offers the version of its cell.
            let versions = case.matrix.get("tls").into_iter().flatten();
            let versions = versions.map(|version| ((VERSIONS.key, version.as_str()), VERSION_NAMES));
            let chosen: BTreeMap<_, _> = case.step.iter().flat_map(chosen).chain(versions).collect();
            let chosen =
                chosen.into_iter().flat_map(|(word, known)| file.choice(case, word, known)).collect::<Vec<_>>();
            spoken.into_iter().chain(asked).chain(chosen)
        })
        .collect();
    CatalogueError::of(problems)
}

/// Holds cases of a catalogue against the messages of the packs that a run has, and against their facts.
///
/// # Errors
/// Every name that does not exist, with file, line and the nearest one that does; a pack that does not read.
pub fn check_messages<'a>(
    catalogue: &Catalogue,
    cases: impl IntoIterator<Item = (&'a CaseId, &'a Case)>,
    packs: &Packs,
) -> Result<(), CatalogueError> {
    let mut problems = Vec::new();
    for (id, case) in cases {
        let file = File::of(catalogue, id);
        for send in case.step.iter().flat_map(|step| step.send.iter().chain(&step.offer)) {
            if let (Some(pack), Some(message)) = (&send.pack, &send.message) {
                let facts: Vec<&str> = send.set.keys().map(String::as_str).collect();
                let messages = matrix::filled(case, message);
                let found = messages.iter().find_map(|name| file.message(packs, pack, (message, name), &facts));
                problems.extend(found);
            }
        }
    }
    CatalogueError::of(problems)
}

/// A speaker as a case writes it, and as a cell reads it.
type Spoken = (String, String);

fn spoken(case: &Case) -> BTreeSet<Spoken> {
    let written = case.step.iter().flat_map(speakers);
    let read = |text: &str| matrix::filled(case, text).into_iter().map(|name| (text.to_owned(), name)).collect();
    written.flat_map(|text| -> Vec<Spoken> { read(text) }).collect()
}

/// Every speaker that a step names, as it is written.
pub(crate) fn speakers(step: &Step) -> impl Iterator<Item = &str> {
    let tls = step.tls.as_ref().and_then(|tls| tls.identity.as_deref());
    let sign = step.sign.as_ref().and_then(|sign| sign.identity.as_deref());
    let face = step.listen.as_ref().and_then(|listen| listen.identity.as_deref());
    let published = step.publish.as_ref().and_then(|publish| publish.certificate.as_deref());
    [step.speaker.as_deref(), tls, sign, face, published].into_iter().flatten()
}

/// A key, and the word that a step chooses there.
type Chosen<'s> = (&'static str, &'s str);

/// Gives the words that there are.
type Known = fn() -> Vec<String>;

const VERSION_NAMES: Known = || VERSIONS.all();

/// The words that a step chooses, each with those that it may choose.
fn chosen<'s>(step: &'s Step) -> Vec<(Chosen<'s>, Known)> {
    let mut words = Vec::new();
    let mut take = |key, said: &'s [String], known: Known| {
        words.extend(said.iter().map(|word| ((key, word.as_str()), known)));
    };
    let tls = step.tls.iter().map(|tls| (&tls.versions, &tls.suites));
    let listen = step.listen.iter().map(|listen| (&listen.versions, &listen.suites));
    for (versions, suites) in tls.chain(listen) {
        take(VERSIONS.key, versions, VERSION_NAMES);
        take("suites", suites, tls::suites);
    }
    if let Some(sign) = &step.sign {
        take(TOKENS.key, sign.token.as_slice(), || TOKENS.all());
        take(OMITTED.key, &sign.omit, || OMITTED.all());
        take(ALGORITHMS.key, sign.algorithm.as_slice(), || ALGORITHMS.all());
        take(WEAK.key, sign.digest.as_slice(), || WEAK.all());
    }
    if let Some(encrypt) = &step.encrypt {
        take(KEYS.key, encrypt.key.as_slice(), || [KEYS.all(), vec!["none".to_owned()]].concat());
        take(CONTENTS.key, encrypt.content.as_slice(), || CONTENTS.all());
        take(FOR_SUITE.key, encrypt.recipient.as_slice(), || FOR_SUITE.all());
        take(ORDERS.key, encrypt.order.as_slice(), || ORDERS.all());
    }
    if let Some(connect) = &step.connect {
        take("hello", connect.hello.as_slice(), || tls::HELLOS.map(str::to_owned).to_vec());
    }
    words
}

/// The file of a case, for saying where in it a name stands.
struct File<'a> {
    shown: String,
    text: &'a str,
}

impl<'a> File<'a> {
    fn of(catalogue: &'a Catalogue, id: &CaseId) -> Self {
        let path = id.path();
        let bytes = catalogue.files.bytes(&path).unwrap_or_default();
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        Self { shown: catalogue.files.shown(&path).to_owned(), text }
    }

    fn speaker(&self, (written, name): &Spoken, known: &[String]) -> Option<Problem> {
        if known.contains(name) {
            return None;
        }
        let near = read::nearest(name, known.iter().map(String::as_str));
        let help = near.map_or_else(
            || "docs/case.md says who speaks, `carnet zoo list` names the kinds".to_owned(),
            read::did_you_mean,
        );
        // A kind may stand in the matrix, apart from what it is a kind of.
        let kind = name.split_once(':').map_or(name.as_str(), |(_, kind)| kind);
        let place = self.place("", &[name, kind, written]);
        Some(self.problem(place, format!("there is no speaker {name}")).with_help(help))
    }

    /// What is wrong with a word, in any cell of its case.
    fn choice(&self, case: &Case, (key, written): Chosen<'_>, known: Known) -> Option<Problem> {
        let known = known();
        let word = matrix::filled(case, written).into_iter().find(|word| !known.contains(word))?;
        let help = proposed(&word, &known.iter().map(String::as_str).collect::<Vec<_>>());
        let place = self.place("", &[&word, written]);
        Some(self.problem(place, format!("{key} is never {word}")).with_help(help))
    }

    /// What is wrong with a message of a pack, as a case writes it and as a cell reads it, or with the facts set in it.
    fn message(&self, packs: &Packs, pack: &str, message: (&str, &str), facts: &[&str]) -> Option<Problem> {
        let (written, name) = message;
        let unknown = |words: &[&str], what: String, known: Vec<&str>| {
            let help = proposed(words.first()?, &known);
            Some(self.problem(self.place("", words), what).with_help(help))
        };
        let Some(found) = packs.pack(pack) else {
            let known: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
            let help = match read::nearest(pack, known.iter().copied()) {
                Some(near) => read::did_you_mean(near),
                None => format!("it is one of {}; a pack of your own is named with --pack DIR", known.join(", ")),
            };
            return Some(self.problem(self.place("", &[pack]), format!("there is no pack {pack}")).with_help(help));
        };
        let messages = match found.messages() {
            Ok(messages) => messages,
            Err(error) => return Some(Problem::of_file(&self.shown, format!("pack {pack} does not read: {error}"))),
        };
        let Some(entry) = messages.iter().find(|message| message.path == name) else {
            let known = messages.iter().map(|message| message.path.as_str()).collect();
            return unknown(&[name, written], format!("pack {pack} has no message {name}"), known);
        };
        let kind = found.message_type(&entry.message_type)?;
        let fact = facts.iter().find(|fact| kind.fact(fact).is_none())?;
        let known = kind.facts().map(|fact| fact.name.as_str()).collect();
        unknown(&[fact], format!("{} has no fact {fact}", kind.name), known)
    }

    fn check(&self, check: &Check) -> Vec<Problem> {
        let name = check.name.as_str();
        let Some(named) = checks::named(name) else {
            let near = read::nearest(name, checks::all().map(|check| check.name));
            let help =
                near.map_or_else(|| "`carnet explain CASE` shows the checks of a case".to_owned(), read::did_you_mean);
            return vec![self.problem(self.place("", &[name]), format!("there is no check {name}")).with_help(help)];
        };
        let takes: Vec<&str> = named.with.iter().copied().chain(["requirement"]).collect();
        let unknown = check.with.keys().filter(|key| !takes.contains(&key.as_str()));
        let told = unknown.map(|key| {
            let near = read::nearest(key, takes.iter().copied());
            let help = near.map_or_else(|| format!("it takes {}", takes.join(", ")), read::did_you_mean);
            self.problem(self.place(name, &[key]), format!("check {name} takes no {key}")).with_help(help)
        });
        told.collect()
    }

    /// Where the first of `words` stands that stands anywhere behind `after`: in quotes, else as it is.
    fn place(&self, after: &str, words: &[&str]) -> Option<usize> {
        let from = self.text.find(&format!("\"{after}\"")).unwrap_or_default();
        let rest = self.text.get(from..)?;
        let quoted = words.iter().find_map(|word| rest.find(&format!("\"{word}\"")));
        quoted.or_else(|| words.iter().find_map(|word| rest.find(word))).map(|offset| from + offset)
    }

    fn problem(&self, place: Option<usize>, what: String) -> Problem {
        match place {
            Some(offset) => read::at(&self.shown, self.text, offset, what),
            None => Problem::of_file(&self.shown, what),
        }
    }
}

/// The nearest word; without one all of them, or one of them where they are too many to read.
fn proposed(word: &str, known: &[&str]) -> String {
    match (read::nearest(word, known.iter().copied()), known) {
        (Some(near), _) => read::did_you_mean(near),
        (None, [first, ..]) if known.len() > 20 => format!("it is one of {}, such as {first}", known.len()),
        (None, _) => format!("it is one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
