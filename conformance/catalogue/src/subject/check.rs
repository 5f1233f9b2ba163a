//! What can be wrong with a `subject.toml` that reads well: a profile, token or curve that is none, a party without an id, an
//! address of revocation lists at which nobody can fetch them.
//!
//! Each would be read as another agreement than the one that was meant, and the subject blamed for it.

use super::{Agreement, Lists, Party, Subject};
use crate::error::Problem;
use crate::profile::{self, P256};
use crate::read;

/// The tokens that an agreement may name.
const TOKENS: [&str; 4] = ["x509-pkipath", "x509-v3", "ski", "issuer-serial"];

/// Sees to it that every word is one that can stand where it does.
pub(super) fn words(subject: &Subject, file: &str, text: &str) -> Result<(), Problem> {
    let suite = &subject.suite;
    party(&subject.party, &["party"], file, text)?;
    party(&suite.party, &["suite", "party"], file, text)?;
    if let Some(other) = &suite.other_party {
        party(other, &["suite", "other_party"], file, text)?;
    }
    if let Some(published) = &suite.lists {
        lists(published, file, text)?;
    }
    for (name, agreed) in subject.all_agreed() {
        match name {
            Some(name) => agreement(agreed, &["agreements", name], file, text)?,
            None => agreement(agreed, &["agreement"], file, text)?,
        }
    }
    Ok(())
}

fn party(party: &Party, table: &[&str], file: &str, text: &str) -> Result<(), Problem> {
    if !party.id.trim().is_empty() {
        return Ok(());
    }
    let what = format!("got id {:?} in [{}], expected a PartyId", party.id, table.join("."));
    let problem = read::at_value(file, text, &[table, &["id"]].concat(), what);
    Err(problem.with_help("write the PartyId by which the agreement knows the party"))
}

/// TLS would ask for the status of the very certificate whose list is wanted (RFC 5280, 8).
fn lists(lists: &Lists, file: &str, text: &str) -> Result<(), Problem> {
    let wrong = |key: &str, what: String, help: &str| {
        Err(read::at_value(file, text, &["suite", "lists", key], what).with_help(help))
    };
    let Lists { listen, public_url } = lists;
    if listen.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        let help = "write listen = \"0.0.0.0:8080\" to listen on every address";
        return wrong("listen", format!("got listen {listen:?}, expected host:port"), help);
    }
    match public_url {
        Some(url) if url.strip_prefix("http://").is_none_or(|rest| rest.trim_matches('/').is_empty()) => {
            let help = "write public_url = \"http://suite.example:8080\", as the subject's network knows it";
            wrong("public_url", format!("got public_url {url:?}, expected http://host:port"), help)
        }
        _ => Ok(()),
    }
}

fn agreement(agreed: &Agreement, table: &[&str], file: &str, text: &str) -> Result<(), Problem> {
    let known = profile::names();
    let named: [(&str, Option<&str>, &[&str]); 3] = [
        ("profile", Some(&agreed.profile), &known),
        ("token", Some(&agreed.token), &TOKENS),
        ("curve", agreed.curve.as_deref(), &[P256]),
    ];
    for (key, word, known) in named {
        let Some(word) = word.filter(|word| !known.contains(word)) else { continue };
        let what = format!("there is no {key} {word:?}, got it in [{}]", table.join("."));
        let problem = read::at_value(file, text, &[table, &[key]].concat(), what);
        return Err(match read::nearest(word, known.iter().copied()) {
            Some(near) => problem.with_help(read::did_you_mean(near)),
            None => problem.with_help(format!("known here: {}", known.join(", "))),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "format = 1\nname = \"Node\"\nurl = \"https://node.example/as4\"\n[party]\nid = \"TH\"\n\
        [suite.lists]\nlisten = \"0.0.0.0:80\"\npublic_url = \"http://lists.example\"\n\
        [suite.party]\nid = \"SUITE\"\n[suite.other_party]\nid = \"OTHER\"\n[agreement]\nprofile = \"customs-c2c\"\n\
        [agreements.\"edelivery-2.0\"]\nprofile = \"edelivery-2.0\"\ncurve = \"p-256\"\ntoken = \"x509-v3\"\n\
        [trust]\ntls = []\nsigning = []\n";

    #[test]
    fn a_word_that_is_none_is_named_with_its_place_and_the_nearest_that_is_one() {
        Subject::read("subject.toml", WHOLE).unwrap();
        for (right, wrong, line, help) in [
            ("profile = \"customs-c2c\"", "profile = \"customs-c2x\"", 14, "did you mean `customs-c2c`?"),
            ("profile = \"edelivery-2.0\"", "profile = \"edelivery-3.0\"", 16, "did you mean `edelivery-2.0`?"),
            ("curve = \"p-256\"", "curve = \"p-265\"", 17, "did you mean `p-256`?"),
            ("token = \"x509-v3\"", "token = \"saml\"", 18, "known here: x509-pkipath, x509-v3, ski, issuer-serial"),
            ("0.0.0.0:80", "80", 7, "write listen = \"0.0.0.0:8080\""),
            ("http://lists.example", "https://lists.example", 8, "write public_url = \"http://suite.example:8080\""),
            ("http://lists.example", "http://", 8, "write public_url"),
            ("id = \"TH\"", "id = \"\"", 5, "write the PartyId"),
            ("id = \"SUITE\"", "id = \" \"", 10, "write the PartyId"),
            ("id = \"OTHER\"", "id = \"\"", 12, "write the PartyId"),
        ] {
            let problem = Subject::read("subject.toml", &WHOLE.replace(right, wrong)).unwrap_err();
            assert_eq!(problem.line, line, "{wrong}: {problem}");
            assert!(problem.help.as_deref().unwrap().starts_with(help), "{wrong}: {problem}");
        }
    }
}
