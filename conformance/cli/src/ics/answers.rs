//! Where answers come from: a person, or a file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

use carnet_catalogue::read;
use serde::Deserialize;

use super::questions::{Kind, Question, Section};
use crate::failure::Failure;
use crate::out;

/// Gives an answer to each question, in order.
pub(super) trait Answers {
    /// A section begins.
    fn begin(&mut self, section: &Section);

    /// The answer as TOML.
    ///
    /// # Errors
    /// There is none, or none that can be.
    fn answer(&mut self, question: &Question) -> Result<String, Failure>;
}

/// A person at the terminal, or lines that are piped in: one line to the question, an empty one takes the default.
#[derive(Debug)]
pub(super) struct FromTerminal {
    out: String,
}

impl FromTerminal {
    pub(super) fn new(out: String) -> Self {
        Self { out }
    }
}

impl Answers for FromTerminal {
    fn begin(&mut self, section: &Section) {
        out::println!("\n{}", section.title);
    }

    fn answer(&mut self, question: &Question) -> Result<String, Failure> {
        let shown = question.default.as_deref().map(|default| match (&question.kind, default) {
            (Kind::YesNo, _) => "no",
            (_, default) => default.trim_matches(['"', '[', ']']),
        });
        loop {
            let default = shown.filter(|shown| !shown.is_empty()).map(|shown| format!(" [{shown}]"));
            let ask =
                if question.claims { format!("{}: {}?", question.key, question.text) } else { question.text.clone() };
            out::print!("  {ask}{} ", default.unwrap_or_default());
            std::io::stdout().flush().map_err(Failure::ours)?;
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line).map_err(Failure::ours)? == 0 {
                return Err(Failure::usage(format_args!("no answer to {}: {} is not written", question.key, self.out))
                    .help("answer every question, or name a file with --answers"));
            }
            match (line.trim(), &question.default) {
                ("", Some(default)) => return Ok(default.clone()),
                (given, _) => match question.read(given.trim_matches('"')) {
                    Ok(value) => return Ok(value),
                    Err(expected) => out::println!("    got {given:?}, {expected}"),
                },
            }
        }
    }
}

/// A file of answers.
#[derive(Debug)]
pub(super) struct FromFile {
    file: String,
    text: String,
    answers: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerFile {
    #[serde(rename = "format")]
    _format: u32,
    answers: BTreeMap<String, toml::Value>,
}

impl FromFile {
    /// Reads the file; every answer in it must be to a question.
    ///
    /// # Errors
    /// A file that does not read, an answer to no question.
    pub(super) fn read(path: &Path, sections: &[Section]) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        let file = path.display().to_string();
        let AnswerFile { answers, .. } = read::read(&file, &text).map_err(Failure::usage)?;
        let keys = || sections.iter().flat_map(|section| &section.questions).map(|question| question.key.as_str());
        if let Some(stray) = answers.keys().find(|key| !keys().any(|known| known == *key)) {
            let problem = read::at_text(&file, &text, stray, format!("nothing is asked as {stray:?}"));
            return Err(Failure::usage(match read::nearest(stray, keys()) {
                Some(near) => problem.with_help(format!("did you mean {near:?}?")),
                None => problem.with_help("`carnet ics --template` shows every question"),
            }));
        }
        Ok(Self { file, text, answers })
    }
}

impl Answers for FromFile {
    fn begin(&mut self, _: &Section) {}

    fn answer(&mut self, question: &Question) -> Result<String, Failure> {
        let wrong = |what: String| read::at_text(&self.file, &self.text, &question.key, what);
        let given = match (self.answers.get(&question.key), &question.default) {
            (Some(value), _) => value,
            (None, Some(default)) => return Ok(default.clone()),
            (None, None) => {
                let problem = wrong(format!("no answer to {:?}: {}", question.key, question.text));
                return Err(Failure::usage(problem.with_help("`carnet ics --template` shows every question")));
            }
        };
        let plain = match given {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(words) if words.len() == 1 => {
                words.first().and_then(toml::Value::as_str).unwrap_or_default().to_owned()
            }
            other => other.to_string(),
        };
        question.read(&plain).map_err(|expected| {
            let problem = wrong(format!("got {} = {given}, {expected}", question.key));
            Failure::usage(problem.with_help("`carnet ics --template` shows every question with what it takes"))
        })
    }
}
