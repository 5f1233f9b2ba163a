//! What a user meets who gets something wrong: one clear message, a `help:` line, exit code 2, nothing run.

use std::fs;

use crate::support::{carnet, ends, message, said, world};

const ICS: &str = "format = 1\nproduct = \"x\"\nprofile = \"customs-c2c\"\nroles = [\"both\"]\ncapabilities = []\n";

fn refused(arguments: &[&str], files: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("written");
    }
    let (code, out, err) = said(&carnet(dir.path(), arguments));
    assert_eq!(code, 2, "{arguments:?}\n{out}\n{err}");
    assert!(out.is_empty(), "{arguments:?} did something: {out}");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("the folder").collect();
    assert_eq!(left.len(), files.len(), "{arguments:?} left something behind");
    err
}

#[test]
fn a_wrong_flag_is_named() {
    let err = refused(&["run", "--subjekt", "x.toml"], &[]);
    assert!(err.contains("--subjekt") && err.contains("--subject"), "{err}");
}

/// Every command of the program: those that its help lists.
fn commands() -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, out, _) = said(&carnet(dir.path(), &["--help"]));
    let list = out.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("the commands");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 20, "{names:?}");
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn every_command_names_a_wrong_flag_and_says_what_to_do() {
    for command in commands() {
        let err = refused(&[&command, "--no-such-flag"], &[]);
        assert!(err.starts_with("error: ") && err.contains("--no-such-flag"), "{command}: {err}");
        assert_eq!(err.matches("\nhelp: ").count(), 1, "{command}: {err}");
    }
    let err = refused(&["exploin"], &[]);
    assert!(err.contains("'exploin'") && err.contains("help: ") && err.contains("'explain'"), "{err}");
    let err = refused(&["run", "--subject", "x.toml", "--jobs", "many"], &[]);
    assert!(err.contains("--jobs") && err.contains("help: `carnet run --help`"), "{err}");
    let err = refused(&["explain"], &[]);
    assert!(err.contains("<CASE>") && err.contains("help: `carnet explain --help`"), "{err}");
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    for arguments in [
        ["run", "--subject", "absent.toml"].as_slice(),
        &["kit", "--subject", "absent.toml"],
        &["doctor", "--subject", "absent.toml"],
        &["plan", "--subject", "absent.toml"],
        &["load", "--subject", "absent.toml"],
        &["rerun", "--failed", "absent.toml", "--subject", "absent.toml"],
        &["validate", "absent.toml"],
        &["judge", "absent.toml"],
        &["diff", "absent.toml", "absent.toml"],
        &["coverage", "absent.toml"],
        &["watch", "absent.toml"],
        &["sign", "absent.toml", "--key", "absent.pem"],
        &["verify", "absent.toml"],
        &["redact", "absent.toml", "--blob", "00000000", "--reason", "x"],
        &["bundle", "absent.toml"],
        &["ics", "--answers", "absent.toml"],
        &["list", "--cases", "absent.toml"],
        &["zoo", "show", "absent.toml"],
        &["selftest", "absent.toml"],
        &["node", "--config", "absent.toml"],
    ] {
        let err = refused(arguments, &[]);
        assert!(err.contains("absent.toml") && err.contains("help:"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_wrong_key_is_named_with_file_line_and_the_nearest_right_one() {
    let subject = "format = 1\nname = \"x\"\nurl = \"https://localhost:1/as4\"\n[party]\nid = \"TH\"\nrol = \"y\"\n";
    let err = refused(&["run", "--subject", "subject.toml"], &[("subject.toml", subject)]);
    assert!(err.contains("subject.toml:6") && err.contains("help:"), "{err}");
    let err = refused(&["node", "--config", "node.toml"], &[("node.toml", "format = 1\nlisten_ = 1\n")]);
    assert!(err.contains("node.toml:2") && err.contains("help:"), "{err}");
}

#[test]
fn a_broken_file_is_named_with_its_line_and_what_to_write_whatever_reads_it() {
    let subject = "format = 1\nname = \"x\"\nurl = \"https://localhost:1/as4\"\n[party]\nid = \"TH\"\n\
                   [agreement]\nname = \"a\"\n[trust]\ntls = []\nsigning = []\n[suite.party]\nid = \"S\"\n";
    for (text, line, told) in [
        ("format = 1\nname = \n".to_owned(), 2, "text in quotes"),
        ("format = 2\n".to_owned(), 1, "format = 1"),
        ("name = \"x\"\n".to_owned(), 1, "format = 1"),
        ("format = 1\n".to_owned(), 1, "add `name`"),
        (subject.replace("\"x\"", "3"), 2, "docs/"),
        (subject.replace("https:", "ftp:"), 3, "the address at which the subject takes"),
        (format!("{subject}[suite]\npublic_url = \"elsewhere\"\n"), 14, "public_url = \"https://"),
    ] {
        for command in ["run", "plan", "load", "doctor", "kit"] {
            let files = [("subject.toml", text.as_str()), ("ics.toml", ICS)];
            let err = refused(&[command, "--subject", "subject.toml"], &files);
            assert!(err.contains(&format!("subject.toml:{line}:")), "{command} {text}: {err}");
            assert!(err.contains("\nhelp: ") && err.contains(told), "{command} {text}: {err}");
        }
    }
}

#[test]
fn a_file_that_a_subject_names_is_missed_at_the_line_that_names_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let whole = crate::support::subject("");
    fs::write(dir.join("ics.toml"), ICS).expect("written");
    fs::write(dir.join("subject.toml"), &whole).expect("written");
    ends(dir, 0, &["kit", "--subject", "subject.toml"]);
    let missing = whole.replace("signing = [\"suite-pki/anchors.pem\"]", "signing = [\"absent.pem\"]");
    let line = missing.lines().position(|line| line.contains("absent.pem")).expect("the line") + 1;
    fs::write(dir.join("subject.toml"), &missing).expect("written");
    let err = ends(dir, 2, &["plan", "--subject", "subject.toml"]);
    assert!(err.contains(&format!("subject.toml:{line}:")) && err.contains("absent.pem cannot be read"), "{err}");
    assert!(err.contains("\nhelp: name a PEM file that is there"), "{err}");
    fs::write(dir.join("subject.toml"), [whole.as_bytes(), b"# \xff\n"].concat()).expect("written");
    let err = ends(dir, 2, &["plan", "--subject", "subject.toml"]);
    assert!(err.contains(&format!("subject.toml: is not UTF-8 from byte {} on", whole.len() + 2)), "{err}");
    assert!(err.contains("\nhelp: save the file as UTF-8"), "{err}");
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_what_to_do() {
    let world = world("");
    let dir = world.path();
    fs::write(dir.join("file"), "x").expect("written");
    for arguments in [
        ["run", "--subject", "subject.toml", "as4.ping.receipted", "--out", "file"].as_slice(),
        &["run", "--subject", "subject.toml", "as4.ping.receipted", "--out", "/proc/nothing"],
        &["kit", "--subject", "subject.toml", "--out", "file"],
        &["certs", "make", "/proc/nothing", "--party", "X"],
        &["certs", "make", "file", "--party", "X"],
        &["zoo", "make", "made", "--pki", "suite-pki", "nothing-of-the-kind"],
    ] {
        let err = ends(dir, 2, arguments);
        assert_eq!(err.matches("\nhelp: ").count(), 1, "{arguments:?}: {err}");
        assert!(!err.contains("does not hold a run yet"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_case_that_does_not_exist_is_answered_with_the_nearest_that_does() {
    let err = refused(&["explain", "as4.push.acepted"], &[]);
    assert!(err.contains("as4.push.accepted"), "{err}");
    let err = refused(&["explain", "as4.ping"], &[]);
    assert!(err.contains("`carnet list as4.ping` shows the cases below it, such as as4.ping."), "{err}");
    let err = refused(&["list", "as4.push.acepted"], &[]);
    assert!(err.contains("as4.push.accepted"), "{err}");
    let err = refused(&["list", "tag:smok"], &[]);
    assert!(err.contains("no case matches tag:smok\nhelp: did you mean tag:smoke?"), "{err}");
}

#[test]
fn leaving_a_case_out_takes_a_reason() {
    let err = refused(&["run", "--subject", "subject.toml", "--skip", "as4.push.accepted"], &[]);
    assert!(err.contains("CASE=REASON"), "{err}");
}

#[test]
fn validate_tells_valid_invalid_unknown_and_unreadable_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("other.xml"), "<other/>").expect("written");
    let code = |arguments: &[&str]| said(&carnet(dir.path(), arguments)).0;
    let valid = message("valid/export-sea.xml");
    let valid = valid.to_str().expect("a path");
    assert_eq!(code(&["validate", valid]), 0);
    assert_eq!(code(&["validate", "--schema-only", valid]), 0);
    assert_eq!(code(&["validate", "other.xml"]), 3);
    assert_eq!(code(&["validate", "absent.xml"]), 2);
}

#[test]
fn schema_only_leaves_code_lists_and_rules_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut full, mut schema_only) = (0, 0);
    let folder = message("invalid");
    for entry in fs::read_dir(folder).expect("the invalid messages") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "xml") {
            let path = path.to_str().expect("a path");
            full += usize::from(said(&carnet(dir.path(), &["validate", path])).0 == 1);
            schema_only += usize::from(said(&carnet(dir.path(), &["validate", "--schema-only", path])).0 == 1);
            if full >= 12 {
                break;
            }
        }
    }
    assert!(full >= 12, "only {full} invalid messages were refused");
    assert!(schema_only < full, "the schema alone refuses as much as all layers together");
}

#[test]
fn help_reads_like_a_manual() {
    let dir = tempfile::tempdir().expect("a folder");
    let (code, out, _) = said(&carnet(dir.path(), &["--help"]));
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn every_case_can_be_explained() {
    let dir = tempfile::tempdir().expect("a folder");
    let (code, out, _) = said(&carnet(dir.path(), &["list"]));
    assert_eq!(code, 0);
    let ids: Vec<&str> =
        out.lines().filter(|line| line.starts_with("  ")).filter_map(|l| l.split_whitespace().next()).collect();
    assert!(ids.len() >= 80, "{} cases", ids.len());
    for id in ids {
        let (code, out, err) = said(&carnet(dir.path(), &["explain", id]));
        assert_eq!(code, 0, "{id}: {err}");
        for part in ["Verifies", "Steps", "Right is", "Why", "Fix"] {
            assert!(out.contains(part), "{id} explains no {part}");
        }
    }
}
