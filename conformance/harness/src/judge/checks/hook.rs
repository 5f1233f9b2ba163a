//! Checks on what hooks observe: delivery and what the producer was told.

use super::look::{Look, settle};
use super::{Named, Outcome, broken};
use crate::judge::view::HookSeen;

/// The check that wants a message delivered.
pub(crate) const DELIVERED_ONCE: &str = "delivered.once";

pub(crate) const CHECKS: &[Named] = &[
    Named { name: DELIVERED_ONCE, says: "the message was delivered exactly once", with: &["of"], judge: once },
    Named { name: "delivered.not", says: "the message was not delivered", with: &["of"], judge: not },
    Named {
        name: "notified.missing-receipt",
        says: "the producer was told EBMS:0301 for the message it submitted",
        with: &[],
        judge: missing_receipt,
    },
];

fn once(look: &Look<'_>) -> Outcome {
    count(look, 1, "delivered exactly once")
}

fn not(look: &Look<'_>) -> Outcome {
    count(look, 0, "not delivered")
}

fn count(look: &Look<'_>, wanted: usize, words: &str) -> Outcome {
    settle((|| {
        let hook = hook(look, "delivered")?;
        let (sent, _) = look.sent_in(look.with("of"))?;
        let output = String::from_utf8_lossy(&hook.output);
        let seen = occurrences(&output, &sent.message_id);
        Ok(if seen == wanted {
            Outcome::Holds
        } else {
            broken(format!("message {} {words}", sent.message_id), format!("delivered {seen} times"), vec![hook.seq])
        })
    })())
}

fn missing_receipt(look: &Look<'_>) -> Outcome {
    settle((|| {
        let hook = hook(look, "notified")?;
        let message = look.messages().into_iter().next();
        let exchange = message.ok_or_else(|| broken("a message from the subject", "none came", look.wait_events()))?;
        let id = look.read_push(exchange)?.ebms.message_id;
        let output = String::from_utf8_lossy(&hook.output);
        let told = told(&output, &id);
        Ok(if told {
            Outcome::Holds
        } else {
            broken(
                format!("an entry with {id} and EBMS:0301"),
                "no such entry in the hook's output".to_owned(),
                vec![hook.seq],
            )
        })
    })())
}

/// Whether one entry names the message together with EBMS:0301.
fn told(output: &str, id: &str) -> bool {
    entries(output).iter().any(|text| text.contains(id) && text.contains("EBMS:0301"))
}

/// The entries of a hook's output: the innermost objects of a JSON answer, else the lines.
pub(crate) fn entries(output: &str) -> Vec<String> {
    match serde_json::from_str::<serde_json::Value>(output) {
        Ok(value) => innermost(&value),
        Err(_) => output.lines().map(str::to_owned).collect(),
    }
}

/// The objects of a JSON value that hold no object themselves, as text.
fn innermost(value: &serde_json::Value) -> Vec<String> {
    let inside: Vec<String> = match value {
        serde_json::Value::Array(items) => items.iter().flat_map(innermost).collect(),
        serde_json::Value::Object(map) => map.values().flat_map(innermost).collect(),
        _ => Vec::new(),
    };
    if inside.is_empty() && value.is_object() { vec![value.to_string()] } else { inside }
}

fn hook<'l>(look: &Look<'l>, name: &str) -> Result<&'l HookSeen, Outcome> {
    let hook = look.attempt.hooks.iter().rev().find(|hook| hook.name == name);
    let hook = hook.ok_or_else(|| Outcome::Unclear(format!("hook {name} was not run")))?;
    if hook.success { Ok(hook) } else { Err(Outcome::Unclear(hook.failure())) }
}

/// How often an id stands in the output as a word of its own.
fn occurrences(output: &str, id: &str) -> usize {
    words(output).filter(|word| *word == id).count()
}

/// The words of a hook's output, JSON or plain text.
pub(crate) fn words(output: &str) -> impl Iterator<Item = &str> {
    output.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '[' | ']' | '{' | '}'))
}

/// The words of a hook's output that are MessageIds (RFC 5322, 3.6.4: they have an at sign).
pub(crate) fn message_ids(output: &str) -> Vec<String> {
    words(output).filter(|word| word.contains('@') && word.len() > 2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_code_must_stand_in_one_entry() {
        let of = |a: &str, b: &str| format!(r#"{{"items":[{{"id":"x","code":"{a}"}},{{"id":"y","code":"{b}"}}]}}"#);
        assert!(told(&of("EBMS:0301", "EBMS:0004"), "x"));
        assert!(!told(&of("EBMS:0004", "EBMS:0301"), "x"));
        assert!(told("y EBMS:0004\nx EBMS:0301", "x") && !told("x EBMS:0004\ny EBMS:0301", "x"));
    }

    #[test]
    fn an_id_counts_as_a_word_of_its_own() {
        assert_eq!(occurrences(r#"[{"id":"a@b"},{"id":"a@bc"},{"id":"a@b"}]"#, "a@b"), 2);
    }

    #[test]
    fn a_message_id_is_found_in_json_and_in_text() {
        assert_eq!(message_ids("{\"key\":1,\"message_id\":\"a@b\"}"), ["a@b"]);
        assert_eq!(message_ids("id a@b\n"), ["a@b"]);
    }
}
