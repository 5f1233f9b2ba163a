//! A mutant's data, held against the rules and habits that the double knows.

use std::collections::BTreeSet;

use carnet_catalogue::error::Problem;
use carnet_catalogue::mutant::{Forges, Mutant, Signs};
use carnet_catalogue::step::EncryptChoice;
use carnet_catalogue::{Catalogue, CatalogueError, read};

use crate::rule::{Habit, PathRule, Place, Rule, rules};

/// What is wrong with a double; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct Mutation {
    skip: BTreeSet<String>,
    does: BTreeSet<String>,
    pub(crate) presents: Option<String>,
    pub(crate) sign: Signs,
    pub(crate) encrypt: Option<EncryptChoice>,
    pub(crate) forge: Forges,
}

impl Mutation {
    /// The mutation that a mutant's data describe.
    #[must_use]
    pub fn of(mutant: &Mutant) -> Self {
        Self {
            skip: mutant.skip.iter().cloned().collect(),
            does: mutant.does.iter().cloned().collect(),
            presents: mutant.presents.clone(),
            sign: mutant.sign.clone(),
            encrypt: mutant.encrypt.clone(),
            forge: mutant.forge.clone(),
        }
    }

    pub(crate) fn checks(&self, rule: Rule) -> bool {
        !self.skip.contains(rule.name())
    }

    pub(crate) fn checks_path(&self, place: Place, rule: PathRule) -> bool {
        self.skip.is_empty() || !self.skip.contains(&rule.at(place))
    }

    pub(crate) fn does(&self, habit: Habit) -> bool {
        self.does.contains(habit.name())
    }
}

/// Holds every mutant of a catalogue against the double.
///
/// # Errors
/// A rule, a habit or a null node that does not exist, with file, line and the nearest name; a mutant that changes
/// nothing.
pub fn check(catalogue: &Catalogue) -> Result<(), CatalogueError> {
    let rules = rules();
    let habits: Vec<&str> = Habit::ALL.iter().map(|habit| habit.name()).collect();
    let nulls: Vec<&str> = crate::peers().unwrap_or_default().iter().map(|peer| peer.name.as_str()).collect();
    let mut problems = Vec::new();
    for (name, mutant) in &catalogue.mutants {
        let path = format!("mutants/{name}.toml");
        let text = catalogue.files.bytes(&path).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let mut add = |word: &str, what: String, near: Option<&str>| {
            let help = near.map(read::did_you_mean);
            problems.push(Problem { help, ..read::at_text(&path, text, &format!("\"{word}\""), what) });
        };
        for word in mutant.skip.iter().filter(|word| !rules.contains(word)) {
            add(word, format!("the double has no rule {word}"), read::nearest(word, rules.iter().map(String::as_str)));
        }
        for word in mutant.does.iter().filter(|word| !habits.contains(&word.as_str())) {
            add(word, format!("the double has no habit {word}"), read::nearest(word, habits.iter().copied()));
        }
        match &mutant.null {
            Some(null) if !nulls.contains(&null.as_str()) => {
                add(null, format!("there is no null node {null}"), read::nearest(null, nulls.iter().copied()));
            }
            None if *mutant == blank(mutant) => {
                add("title", "a mutant leaves out a rule, or does, signs or forges something".to_owned(), None);
            }
            _ => {}
        }
    }
    CatalogueError::of(problems)
}

/// The same without its fault.
fn blank(mutant: &Mutant) -> Mutant {
    Mutant {
        skip: Vec::new(),
        does: Vec::new(),
        presents: None,
        sign: Signs::default(),
        encrypt: None,
        forge: Forges::default(),
        ..mutant.clone()
    }
}

#[cfg(test)]
mod tests {
    use carnet_catalogue::files::Files;

    use super::*;

    fn with(text: &str) -> Result<(), String> {
        let mut files = Files::embedded();
        files.insert("mutants/x.toml", text.as_bytes().to_vec());
        check(&carnet_catalogue::from_files(files).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_mutant_names_what_the_double_knows() {
        check(&carnet_catalogue::load().unwrap()).unwrap_or_else(|error| panic!("{error}"));
    }

    /// A habit that no mutant has is code that nobody needs.
    #[test]
    fn every_habit_is_some_mutants() {
        let catalogue = carnet_catalogue::load().unwrap();
        let idle: Vec<&str> = Habit::ALL
            .iter()
            .map(|habit| habit.name())
            .filter(|name| !catalogue.mutants.values().any(|mutant| mutant.does.iter().any(|does| does == name)))
            .collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    /// A case that catches no known-bad node has not been shown to catch anything; what it names, `carnet selftest`
    /// tries. A case that needs what the double does not claim is left to the null nodes.
    #[test]
    fn every_case_that_the_double_can_be_asked_names_a_mutant() {
        let catalogue = carnet_catalogue::load().unwrap();
        let ics: carnet_catalogue::Ics =
            read::read("ics.toml", include_str!("ground/ics.toml")).unwrap_or_else(|error| panic!("{error}"));
        let claimed = |case: &carnet_catalogue::Case| case.needs.iter().all(|need| ics.capabilities.contains(need));
        let mutant = |name: &String| catalogue.mutants.get(name).is_some_and(|mutant| mutant.null.is_none());
        let idle = catalogue.cases.iter().filter(|(_, case)| claimed(case) && !case.kills.iter().any(mutant));
        let idle: Vec<&str> = idle.map(|(id, _)| id.as_str()).collect();
        assert!(idle.is_empty(), "write a mutant for each, see docs/mutant.md: {idle:?}");
    }

    #[test]
    fn an_unknown_name_gets_file_line_and_the_nearest_name() {
        let head = "format = 1\ntitle = \"x\"\nlayer = \"as4\"\n";
        let error = with(&format!("{head}skip = [\"signature.valeu\"]\n")).unwrap_err();
        assert!(error.contains("mutants/x.toml:4") && error.contains("did you mean `signature.value`?"), "{error}");
        let error = with(&format!("{head}does = [\"no-mrm\"]\n")).unwrap_err();
        assert!(error.contains("did you mean `no-mrn`?"), "{error}");
        assert!(with(head).unwrap_err().contains("leaves out a rule"));
        assert_eq!(with(&format!("{head}skip = [\"client.expired\"]\n")), Ok(()));
    }
}
