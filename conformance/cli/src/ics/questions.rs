//! The questions: a few about the product, one for each capability of the suite's list, then times and bindings.

use std::collections::BTreeMap;

use carnet_catalogue::Span;
use carnet_catalogue::capability::Capability;
use carnet_catalogue::ics::{LONGEST, MOST_RETRIES};
use carnet_catalogue::read::nearest;

/// Questions on one subject.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Its heading.
    pub(super) title: &'static str,
    /// The table of the statement that the answers stand in; none at its top.
    pub(super) table: Option<&'static str>,
    /// The questions in order.
    pub(super) questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The key of its answer.
    pub(super) key: String,
    /// The question.
    pub(super) text: String,
    /// What can be answered.
    pub(super) kind: Kind,
    /// The answer when none is given, as it is written in TOML; none when one must be given.
    pub(super) default: Option<String>,
    /// A yes claims the capability of that name.
    pub(super) claims: bool,
}

/// What can be answered.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// Yes or no.
    YesNo,
    /// One of these.
    Choice(&'static [&'static str]),
    /// One of these roles, written as a list.
    Roles,
    /// A length of time.
    Span,
    /// A whole number up to this.
    Number(u32),
}

/// The sections of the list of capabilities: what their names begin with.
const CLAIMS: [(&str, &[&str]); 6] = [
    ("Patterns and messages", &["as4."]),
    ("Tokens", &["as4.token."]),
    ("TLS", &["tls."]),
    ("Trust between suite and node", &["trust."]),
    ("Message packs", &["pack."]),
    ("Hooks of subject.toml", &["hook."]),
];

/// All questions, for the capabilities that the suite knows.
pub(super) fn sections(known: &BTreeMap<String, Capability>) -> Vec<Section> {
    let ask = |key: &str, text: &str, kind: Kind, default: Option<&str>| Question {
        key: key.to_owned(),
        text: text.to_owned(),
        kind,
        default: default.map(str::to_owned),
        claims: false,
    };
    let mut sections = vec![Section {
        title: "The product",
        table: None,
        questions: vec![
            ask("product", "What is the product called?", Kind::Text, None),
            ask("version", "Which version of it?", Kind::Text, Some("\"\"")),
            ask("profile", "Which profile does it claim?", Kind::Text, Some("\"customs-c2c\"")),
            ask("roles", "Which roles does it play: responder, initiator, both?", Kind::Roles, Some("[\"both\"]")),
        ],
    }];
    let mut left: Vec<&Capability> = known.values().collect();
    // The longest beginning takes a name; what none takes is asked at the end.
    let section_of = |name: &str| {
        CLAIMS
            .iter()
            .flat_map(|(title, begins)| begins.iter().map(move |begin| (*title, *begin)))
            .filter(|(_, begin)| name.starts_with(begin))
            .max_by_key(|(_, begin)| begin.len())
            .map(|(title, _)| title)
    };
    for title in CLAIMS.iter().map(|(title, _)| *title).chain(["Further capabilities"]) {
        let mine = |capability: &&Capability| section_of(&capability.name).unwrap_or("Further capabilities") == title;
        let (own, rest): (Vec<&Capability>, Vec<&Capability>) = left.into_iter().partition(|one| mine(one));
        left = rest;
        let questions: Vec<Question> = own
            .into_iter()
            .map(|one| Question { claims: true, ..ask(&one.name, &one.means, Kind::YesNo, Some("false")) })
            .collect();
        if !questions.is_empty() {
            sections.push(Section { title, table: None, questions });
        }
    }
    sections.push(Section {
        title: "What the agreement binds to the party",
        table: Some("binding"),
        questions: vec![
            ask(
                "binding.signer",
                "How is a signer bound to its party: that very certificate, a chain and a matching subject, or not?",
                Kind::Choice(&["pinned", "anchored", "off"]),
                Some("\"anchored\""),
            ),
            ask(
                "binding.tls",
                "How is a TLS certificate bound to its party: that very one, any under the anchor, or by a proxy?",
                Kind::Choice(&["exact", "anchor", "off"]),
                Some("\"anchor\""),
            ),
        ],
    });
    sections.push(Section {
        title: "Resending",
        table: Some("reception_awareness"),
        questions: vec![
            ask(
                "reception_awareness.retry_interval",
                "How long from one attempt to the next?",
                Kind::Span,
                Some("\"5s\""),
            ),
            ask(
                "reception_awareness.retry_count",
                "How many attempts after the first?",
                Kind::Number(MOST_RETRIES),
                Some("3"),
            ),
            ask(
                "reception_awareness.answer_timeout",
                "How long does it wait for the answer of one attempt?",
                Kind::Span,
                Some("\"10s\""),
            ),
        ],
    });
    // Top-level keys must stand before any table.
    sections.insert(
        1,
        Section {
            title: "Limits",
            table: None,
            questions: vec![
                ask(
                    "answer_within",
                    "The longest it takes to answer on the same connection?",
                    Kind::Span,
                    Some("\"10s\""),
                ),
                ask(
                    "business_within",
                    "The longest it takes until a business answer is pushed?",
                    Kind::Span,
                    Some("\"30s\""),
                ),
            ],
        },
    );
    sections
}

/// A file of answers with every question and its default.
pub(super) fn template(sections: &[Section]) -> String {
    let mut text = String::from("# Answers for `carnet ics --answers FILE`.\nformat = 1\n\n[answers]\n");
    for section in sections {
        text += &format!("\n# {}\n", section.title);
        for question in &section.questions {
            text += &format!("# {}\n", question.text);
            let default = question.default.as_deref().unwrap_or("\"\"");
            text += &format!("{:?} = {default}\n", question.key);
        }
    }
    text
}

impl Question {
    /// The answer as TOML.
    ///
    /// # Errors
    /// What is expected instead.
    pub(super) fn read(&self, given: &str) -> Result<String, String> {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let word = given.to_ascii_lowercase();
        match &self.kind {
            Kind::Text if given.is_empty() && self.default.is_none() => Err("expected a text".to_owned()),
            Kind::Text => Ok(quoted(given)),
            Kind::YesNo => match word.as_str() {
                "y" | "yes" | "true" => Ok("true".to_owned()),
                "n" | "no" | "false" => Ok("false".to_owned()),
                _ => Err("expected yes or no".to_owned()),
            },
            Kind::Choice(words) if words.contains(&word.as_str()) => Ok(quoted(&word)),
            Kind::Choice(words) => {
                let near = nearest(&word, words.iter().copied()).map(|near| format!("; did you mean {near}?"));
                Err(format!("expected one of {}{}", words.join(", "), near.unwrap_or_default()))
            }
            Kind::Roles => match word.as_str() {
                "responder" | "initiator" | "both" => Ok(format!("[{word:?}]")),
                _ => Err("expected responder, initiator or both".to_owned()),
            },
            Kind::Span => match word.parse::<Span>() {
                Ok(span) if span > LONGEST => Err(format!("expected at most {LONGEST}")),
                Ok(span) => Ok(quoted(&span.to_string())),
                Err(_) => Err("expected a length of time such as 500ms, 10s or 2m".to_owned()),
            },
            Kind::Number(most) => match word.parse::<u32>() {
                Ok(number) if number <= *most => Ok(number.to_string()),
                _ => Err(format!("expected a whole number up to {most}")),
            },
        }
    }
}
