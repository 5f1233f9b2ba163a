//! What a case names of this crate, held against what there is: speakers, kinds of the zoo, checks and their arguments.
//!
//! The catalogue reads cases without knowing any of them, and holds them against its own files. Whoever loads cases of
//! somebody else's asks here, too, so that a slip is found before anything is sent.

use std::collections::BTreeSet;

use carnet_catalogue::case::{Case, CaseId, Check};
use carnet_catalogue::error::Problem;
use carnet_catalogue::step::Step;
use carnet_catalogue::{Catalogue, CatalogueError, matrix, read};

use crate::judge::checks;
use crate::setup::speaker_names;

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
            spoken.into_iter().chain(asked)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(CatalogueError { problems }) }
}

/// A speaker as a case writes it, and as a cell reads it.
type Spoken = (String, String);

fn spoken(case: &Case) -> BTreeSet<Spoken> {
    let written = case.step.iter().flat_map(speakers);
    let read = |text: &str| matrix::filled(case, text).into_iter().map(|name| (text.to_owned(), name)).collect();
    written.flat_map(|text| -> Vec<Spoken> { read(text) }).collect()
}

fn speakers(step: &Step) -> impl Iterator<Item = &str> {
    let tls = step.tls.as_ref().and_then(|tls| tls.identity.as_deref());
    let sign = step.sign.as_ref().and_then(|sign| sign.identity.as_deref());
    let face = step.listen.as_ref().and_then(|listen| listen.identity.as_deref());
    let published = step.publish.as_ref().and_then(|publish| publish.certificate.as_deref());
    [step.speaker.as_deref(), tls, sign, face, published].into_iter().flatten()
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
        let help =
            near.map_or_else(|| "docs/case.md says who speaks, `carnet zoo list` names the kinds".to_owned(), meant);
        // A kind may stand in the matrix, apart from what it is a kind of.
        let kind = name.split_once(':').map_or(name.as_str(), |(_, kind)| kind);
        let place = self.place("", &[name, kind, written]);
        Some(self.problem(place, format!("there is no speaker {name}")).with_help(help))
    }

    fn check(&self, check: &Check) -> Vec<Problem> {
        let name = check.name.as_str();
        let Some(named) = checks::named(name) else {
            let near = read::nearest(name, checks::all().map(|check| check.name));
            let help = near.map_or_else(|| "`carnet explain CASE` shows the checks of a case".to_owned(), meant);
            return vec![self.problem(self.place("", &[name]), format!("there is no check {name}")).with_help(help)];
        };
        let takes: Vec<&str> = named.with.iter().copied().chain(["requirement"]).collect();
        let unknown = check.with.keys().filter(|key| !takes.contains(&key.as_str()));
        let told = unknown.map(|key| {
            let near = read::nearest(key, takes.iter().copied());
            let help = near.map_or_else(|| format!("it takes {}", takes.join(", ")), meant);
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

fn meant(near: &str) -> String {
    format!("did you mean `{near}`?")
}

#[cfg(test)]
mod tests {
    use carnet_catalogue::files::Files;

    use super::*;

    #[test]
    fn every_case_of_the_suite_names_what_there_is() {
        let catalogue = carnet_catalogue::load().unwrap();
        check(&catalogue, &catalogue.cases).unwrap_or_else(|error| panic!("{error}"));
    }

    /// What is said of a case of the suite in which `from` is `to`, and the line of `to`.
    fn said(id: &str, from: &str, to: &str) -> (String, String) {
        let (mut files, path) = (Files::embedded(), CaseId::new(id).path());
        let text = String::from_utf8(files.bytes(&path).unwrap().to_vec()).unwrap();
        assert!(text.contains(from), "{from} is not in {path}");
        let text = text.replacen(from, to, 1);
        let line = text.lines().position(|line| line.contains(to)).unwrap() + 1;
        files.insert(&path, text.into_bytes());
        let catalogue = carnet_catalogue::from_files(files).unwrap();
        let error = check(&catalogue, &catalogue.cases).unwrap_err();
        (error.to_string(), format!("{path}:{line}:"))
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_with_its_place_and_the_nearest() {
        for (id, from, to, what, near) in [
            ("tls.server.dates", "\"expired\"", "\"expird\"", "no speaker zoo:expird", "zoo:expired"),
            ("tls.certificate.expired", "zoo:expired", "zoo:expird", "no speaker zoo:expird", "zoo:expired"),
            ("as4.trust.signer-expired", "zoo:expired", "stranjer", "no speaker stranjer", "stranger"),
            ("as4.discovery.certificate-untrusted", "stranger", "strangr", "no speaker strangr", "stranger"),
            ("as4.trust.signer-expired", "well-formed", "well-formd", "no check error.well-formd", "error.well-formed"),
            ("as4.trust.signer-expired", "{ requirement", "{ requirment", "takes no requirment", "requirement"),
        ] {
            let (said, place) = said(id, from, to);
            assert!(said.starts_with(&place) && said.contains(what), "{place} {said}");
            assert!(said.ends_with(&format!("\nhelp: did you mean `{near}`?")), "{said}");
        }
        let (said, _) = said("as4.trust.signer-expired", "zoo:expired", "somebody-whom-nobody-knows");
        assert!(said.ends_with("`carnet zoo list` names the kinds"), "{said}");
    }
}
