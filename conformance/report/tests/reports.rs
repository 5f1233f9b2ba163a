//! The reports of recorded runs: what people read is pinned, what programs read is read by another program's parser,
//! and every report counts as the judge does. Further readers (xmllint, prove, SARIF's own validator, a browser) are
//! in `ci/reports`.

#![expect(clippy::expect_used, reason = "tests stop where they fail")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use carnet_harness::evidence::{Evidence, Kind};
use carnet_harness::judge::judge;
use carnet_harness::judge::run::Run;
use carnet_harness::verdict::Verdict;
use carnet_report::terminal::{self, Detail};
use carnet_report::{FORMATS, Format, Source};
use serde_json::Value;

fn folder(check: &str, outcome: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/tests/evidence").join(check).join(outcome)
}

fn run(check: &str, outcome: &str) -> Run {
    judge(&folder(check, outcome)).expect("recorded evidence")
}

/// Every recorded folder: each named check where it passes and where it fails.
fn all() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/tests/evidence");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the evidence")
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|check| [check.join("pass"), check.join("fail")])
        .filter(|dir| dir.join("events.jsonl").exists())
        .collect();
    folders.sort();
    assert!(folders.len() > 50, "{} folders", folders.len());
    folders
}

/// A recorded run with verdicts of every kind: its one cell, again and again, as the judge could have left it.
fn every_verdict() -> (PathBuf, Run) {
    let dir = folder("receipt.digests-equal-sent", "fail");
    let mut run = run("receipt.digests-equal-sent", "fail");
    let cell = run.cells.pop().expect("a cell");
    for verdict in ALL {
        let mut cell = cell.clone();
        cell.cell = format!("verdict={verdict}");
        cell.verdict = verdict;
        match verdict {
            Verdict::Fail => {}
            Verdict::Warn => cell.findings[0].level = carnet_catalogue::Level::Should,
            _ => cell.findings.clear(),
        }
        if !matches!(verdict, Verdict::Pass | Verdict::Fail | Verdict::Warn) {
            cell.reason = Some(format!("a reason with <markup>, a | and a # for {verdict}"));
        }
        if !verdict.attempted() {
            cell.passed = None;
            cell.events.clear();
        }
        *run.count.by_verdict.entry(verdict.to_string()).or_default() = 1;
        run.cells.push(cell);
    }
    run.count.planned = 8;
    run.count.attempted = 6;
    run.count.excluded = 2;
    run.verdict = Verdict::Error;
    (dir, run)
}

const ALL: [Verdict; 8] = [
    Verdict::Pass,
    Verdict::Warn,
    Verdict::Fail,
    Verdict::Inconclusive,
    Verdict::Review,
    Verdict::Error,
    Verdict::Skipped,
    Verdict::NotApplicable,
];

/// Gives every recorded run, and the one with every verdict, to `check`, as one format.
fn each(format: &str, check: impl Fn(&Run, &str)) {
    let format = Format::named(format).expect("a format");
    let recorded = all().into_iter().map(|dir| {
        let run = judge(&dir).expect("recorded evidence");
        (dir, run)
    });
    for (dir, run) in recorded.chain([every_verdict()]) {
        check(&run, &render(format, &dir, &run));
    }
}

fn render(format: &Format, dir: &Path, run: &Run) -> String {
    let evidence = Evidence::open(dir).expect("recorded evidence");
    let source = Source::new(run, &evidence).expect("a source");
    format.render(&source).expect("a report")
}

fn count(run: &Run, verdicts: &[Verdict]) -> usize {
    run.cells.iter().filter(|cell| verdicts.contains(&cell.verdict)).count()
}

fn plain(styled: &str) -> String {
    let mut text = String::new();
    let mut rest = styled;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        text += before;
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    text + rest
}

#[test]
fn what_a_clause_left_open_is_said_alike_on_the_terminal_and_on_the_page() {
    let check = "receipt.digests-equal-sent";
    for (taken, word) in [(None, ""), (Some(true), "taken"), (Some(false), "refused")] {
        let mut run = run(check, "fail");
        run.cells[0].taken = taken;
        let terminal = plain(&terminal::render(&run, Detail::Full));
        let page = render(Format::named("html").expect("a format"), &folder(check, "fail"), &run);
        assert_eq!(terminal.split_once("left open: ").map_or("", |(_, rest)| rest.lines().next().unwrap_or("")), word);
        assert_eq!(page.split_once("<dt>Left open</dt><dd>").map_or("", |(_, rest)| &rest[..word.len()]), word);
        assert_eq!(page.contains("Left open"), taken.is_some());
    }
}

#[test]
fn a_failure_on_the_terminal_says_what_to_fix() {
    let run = run("receipt.digests-equal-sent", "fail");
    assert_eq!(run.verdict, Verdict::Fail);
    insta::assert_snapshot!("terminal_short", plain(&terminal::render(&run, Detail::Short)));
    insta::assert_snapshot!("terminal_full", plain(&terminal::render(&run, Detail::Full)));
}

#[test]
fn every_finding_is_shown_with_its_fix() {
    for dir in all() {
        let run = judge(&dir).expect("recorded evidence");
        let text = plain(&terminal::render(&run, Detail::Short));
        for finding in run.cells.iter().flat_map(|cell| &cell.findings) {
            for part in [finding.requirement.as_str(), &finding.expected, &finding.actual, &finding.fix] {
                assert!(text.contains(part), "{}: {part:?} is not shown", dir.display());
            }
        }
        assert!(text.contains("planned ="), "{}", dir.display());
    }
}

#[test]
fn every_failure_has_the_signature_that_a_baseline_names() {
    let (dir, run) = (folder("receipt.signed", "fail"), run("receipt.signed", "fail"));
    let signature = run.cells[0].signature.as_deref().expect("a signature");
    let shown = plain(&terminal::render(&run, Detail::Short));
    assert!(shown.contains(&format!("\n    signature {signature}\n")), "{shown}");
    let page = render(Format::named("html").expect("a format"), &dir, &run);
    assert!(page.contains(&format!("<dt>Signature</dt><dd><code>{signature}</code></dd>")));
    let summary = render(Format::named("summary").expect("a format"), &dir, &run);
    assert!(summary.contains(&format!("\n  - signature `{signature}`\n")), "{summary}");
}

#[test]
fn what_a_baseline_accepted_is_on_the_page() {
    let (dir, mut run) = (folder("receipt.signed", "fail"), run("receipt.signed", "fail"));
    let row = serde_json::json!({
        "case": "fixture.check", "verdict": "FAIL", "signature": "0", "reason": "a <reason>", "owner": "operations",
        "expires": "2027-01-31",
    });
    let baseline = serde_json::json!({ "accepted": [row], "stale": [], "expired": [], "exit": 0 });
    run.baseline = Some(serde_json::from_value(baseline).expect("a baseline"));
    let page = render(Format::named("html").expect("a format"), &dir, &run);
    assert!(page.contains("With the baseline: 1 accepted, 0 stale, 0 expired; exit code 0."));
    let summary = render(Format::named("summary").expect("a format"), &dir, &run);
    assert!(summary.contains("With the baseline: 1 accepted, 0 stale, 0 expired; exit code 0."), "{summary}");
    assert!(page.contains("Accepted: fixture.check: FAIL accepted until 2027-01-31 by operations: a &#60;reason&#62;"));
}

/// Each format says what stands beside its name.
fn says(dir: &Path, run: &Run, expected: &[(&str, &str)]) {
    for (format, shown) in expected {
        let text = render(Format::named(format).expect("a format"), dir, run);
        assert!(text.contains(shown), "{format} does not say {shown:?}: {text}");
    }
}

#[test]
fn what_a_baseline_accepts_does_not_fail_a_pipeline_and_a_row_that_holds_no_more_does() {
    let (dir, mut run) = (folder("receipt.signed", "fail"), run("receipt.signed", "fail"));
    let row = |cell: &str| {
        serde_json::json!({
            "case": "fixture.check", "cell": cell, "verdict": "FAIL", "signature": "0", "reason": "a #known <reason>",
            "owner": "operations", "expires": "2027-01-31",
        })
    };
    let baseline = |accepted: &[Value], stale: &[Value], expired: &[Value]| {
        let held = serde_json::json!({ "accepted": accepted, "stale": stale, "expired": expired, "exit": 0 });
        Some(serde_json::from_value(held).expect("a baseline"))
    };
    run.baseline = baseline(&[row("-")], &[], &[]);
    says(
        &dir,
        &run,
        &[
            ("junit", "failures=\"0\" errors=\"0\""),
            ("junit", "<skipped message=\"FAIL accepted until 2027-01-31 by operations: a #known &lt;reason&gt;\""),
            (
                "tap",
                "not ok 1 - fixture.check # todo FAIL accepted until 2027-01-31 by operations: a \\#known <reason>",
            ),
            ("sarif", "\"justification\": \"FAIL accepted until 2027-01-31 by operations: a #known <reason>\""),
        ],
    );
    run.baseline = baseline(&[], &[row("-")], &[row("tls=1.3")]);
    says(
        &dir,
        &run,
        &[
            (
                "html",
                "fixture.check [tls=1.3]: the row of operations (a #known &#60;reason&#62;) expired on 2027-01-31",
            ),
            ("summary", "**fixture.check**: it is no longer FAIL 0, but FAIL"),
            ("junit", "tests=\"3\" failures=\"3\" errors=\"0\""),
            ("junit", "classname=\"carnet.baseline\""),
            ("tap", "1..3"),
            ("tap", "not ok 2 - baseline: fixture.check\n"),
            ("sarif", "baseline, fixture.check [tls=1.3]: the row of operations"),
        ],
    );
}

#[test]
fn two_captures_of_the_same_verdict_read_the_same() {
    for dir in all() {
        let run = judge(&dir).expect("recorded evidence");
        let mut later = run.clone();
        later.run = "another".to_owned();
        for cell in &mut later.cells {
            cell.events.iter_mut().for_each(|(begin, end)| (*begin, *end) = (*begin + 100, *end + 100));
            for finding in &mut cell.findings {
                finding.events.iter_mut().for_each(|event| *event += 100);
                finding.range.iter_mut().for_each(|range| range.event += 100);
            }
        }
        let shown = |run| plain(&terminal::render(run, Detail::Short));
        assert_eq!(shown(&run), shown(&later));
        let summary = Format::named("summary").expect("a format");
        assert_eq!(render(summary, &dir, &run), render(summary, &dir, &later));
    }
}

#[test]
fn the_summary_is_short_and_says_what_to_fix() {
    let summary = Format::named("summary").expect("a format");
    let (dir, run) = every_verdict();
    insta::assert_snapshot!("summary", render(summary, &dir, &run));
}

#[test]
fn tap_is_pinned_and_counts_as_the_judge_does() {
    let (dir, run) = every_verdict();
    insta::assert_snapshot!("tap", render(Format::named("tap").expect("a format"), &dir, &run));
    each("tap", |run, text| {
        let starts = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
        assert!(text.contains(&format!("\n1..{}\n", run.cells.len())));
        let skipped = text.lines().filter(|line| line.starts_with("ok ") && line.contains(" # SKIP ")).count();
        assert_eq!(skipped, count(run, &[Verdict::NotApplicable, Verdict::Skipped]));
        assert_eq!(starts("ok ") - skipped, count(run, &[Verdict::Pass, Verdict::Warn]));
        assert_eq!(starts("not ok "), run.cells.len() - starts("ok "));
    });
}

#[test]
fn junit_counts_as_the_judge_does() {
    each("junit", |run, text| {
        let tree = roxmltree::Document::parse(text).expect("well-formed");
        let elements = |name: &str| tree.descendants().filter(|node| node.has_tag_name(name)).count();
        let failed = count(run, &[Verdict::Fail]);
        let errors = count(run, &[Verdict::Inconclusive, Verdict::Review, Verdict::Error]);
        let skipped = count(run, &[Verdict::NotApplicable, Verdict::Skipped]);
        assert_eq!(elements("testcase"), run.cells.len());
        assert_eq!((elements("failure"), elements("error"), elements("skipped")), (failed, errors, skipped));
        let told = |name| tree.root_element().attribute(name).and_then(|n| n.parse::<usize>().ok());
        assert_eq!(
            (told("tests"), told("failures"), told("errors")),
            (Some(run.cells.len()), Some(failed), Some(errors))
        );
    });
}

#[test]
fn the_trl_counts_as_the_judge_does() {
    each("trl", |run, text| {
        let tree = roxmltree::Document::parse(text).expect("well-formed");
        let summary = tree.descendants().find(|node| node.has_tag_name("summary")).expect("a summary");
        let told = |name: &str| {
            let node = summary.children().find(|node| node.tag_name().name() == name).expect("a count");
            node.text().and_then(|n| n.parse::<usize>().ok()).expect("a number")
        };
        assert_eq!(told("succeeded"), count(run, &[Verdict::Pass, Verdict::Warn]));
        assert_eq!(told("failed"), count(run, &[Verdict::Fail]));
        assert_eq!(told("incomplete"), count(run, &[Verdict::Inconclusive, Verdict::Review, Verdict::Error]));
        assert_eq!(told("incompleteIgnored"), run.count.excluded);
        let details = tree.descendants().filter(|node| node.has_tag_name("startTime")).count();
        assert_eq!(details, run.cells.len());
        let assertions = tree.descendants().filter(|node| node.has_tag_name("assertionID")).count();
        assert_eq!(assertions, run.cells.iter().map(|cell| cell.findings.len()).sum::<usize>());
    });
}

#[test]
fn sarif_counts_as_the_judge_does() {
    each("sarif", |run, text| {
        let log: Value = serde_json::from_str(text).expect("JSON");
        let one = &log["runs"][0];
        let results = one["results"].as_array().expect("results");
        let kind = |kind: &str| results.iter().filter(|result| result["kind"] == kind).count();
        let findings = |cell: &&carnet_harness::judge::run::CellResult| cell.findings.len();
        let failed = run.cells.iter().filter(|cell| matches!(cell.verdict, Verdict::Fail | Verdict::Warn));
        assert_eq!(kind("fail"), failed.map(|cell| findings(&cell)).sum::<usize>());
        assert_eq!(kind("open"), count(run, &[Verdict::Inconclusive]));
        assert_eq!(kind("review"), count(run, &[Verdict::Review]));
        let told = one["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications").len();
        assert_eq!(told, count(run, &[Verdict::Error]));
        assert_eq!(one["properties"]["count"], serde_json::to_value(&run.count).expect("JSON"));
        let rules = one["tool"]["driver"]["rules"].as_array().expect("rules");
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("an index");
            assert_eq!(rules[usize::try_from(index).expect("small")]["id"], result["ruleId"]);
        }
    });
}

#[test]
fn the_statement_fits_its_schema_and_its_numbers_add_up() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/schemas/statement-1.json")).expect("the schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    each("statement", |run, text| {
        let statement: Value = serde_json::from_str(text).expect("JSON");
        let errors: Vec<String> = schema.iter_errors(&statement).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(statement["count"], serde_json::to_value(&run.count).expect("JSON"));
        assert_eq!(statement["run_json"], hex::encode(carnet_wire::digest::sha256(run.to_json().as_bytes())));
        let number = |name: &str| statement["requirement_count"][name].as_u64().expect("a number");
        let parts: u64 = ["judged", "left_out", "not_chosen", "no_case"].iter().map(|name| number(name)).sum();
        assert_eq!(number("total"), parts);
        let rows = statement["requirements"].as_array().expect("rows");
        assert_eq!(rows.len() as u64, number("total"));
        let judged: BTreeMap<&str, &Value> = rows
            .iter()
            .filter(|row| row.get("not_tested_because").is_none())
            .map(|row| (row["id"].as_str().expect("an id"), &row["verdict"]))
            .collect();
        assert_eq!(judged.len() as u64, number("judged"));
        for (id, verdict) in &run.requirements {
            assert!(!verdict.attempted() || judged[id.as_str()] == verdict.as_str(), "{id}");
        }
    });
    for wrong in ["verdict", "count", "run_json", "claims"] {
        let (dir, run) = every_verdict();
        let text = render(Format::named("statement").expect("a format"), &dir, &run);
        let mut statement: Value = serde_json::from_str(&text).expect("JSON");
        statement[wrong] = Value::Null;
        assert!(!schema.is_valid(&statement), "{wrong}");
    }
}

#[test]
fn coverage_has_a_line_for_each_requirement_and_a_reason_where_it_was_not_judged() {
    each("coverage", |run, text| {
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(
            lines[0],
            "requirement,source,clause,level,actor,statement,assertion,cases,verdict,not tested because"
        );
        for (id, verdict) in &run.requirements {
            let line = lines.iter().find(|line| line.starts_with(&format!("{id},"))).expect("a line");
            assert!(line.contains(&format!(",{verdict},")), "{line}");
        }
        let judged = run.requirements.values().filter(|verdict| verdict.attempted()).count();
        let bare = lines.iter().skip(1).filter(|line| line.ends_with(',')).count();
        assert_eq!(bare, judged, "a requirement that was not judged says why, the others do not");
    });
}

#[test]
fn pages_are_complete_in_themselves_and_show_every_cell() {
    for format in ["html", "statement-page"] {
        each(format, |run, page| {
            for reference in ["<link", "src=\"", "@import", "url(", "href=\"http", "fetch(", "XMLHttpRequest"] {
                assert!(!page.contains(reference), "the page fetches: {reference}");
            }
            let stacked = page.matches("<table class=\"table\"").count();
            assert_eq!(page.matches("<table").count(), stacked, "a table that a narrow screen cuts off");
            assert!(page.contains("@page { size: A4;"), "the pages print on one size of paper");
            if format == "html" {
                assert_eq!(page.matches("<details class=\"case\"").count(), run.cells.len());
                assert!(page.contains("\" cells shown\""), "the page counts cells, and says so");
                for finding in run.cells.iter().flat_map(|cell| &cell.findings).filter(|f| f.range.is_some()) {
                    assert!(page.contains("<mark>"), "{} shows no bytes", finding.check);
                }
            }
        });
    }
}

#[test]
fn what_a_subject_sends_cannot_become_markup() {
    let dir = folder("receipt.digests-equal-sent", "fail");
    let mut run = run("receipt.digests-equal-sent", "fail");
    run.subject.name = "<script>alert(1)</script>".to_owned();
    run.subject.product = "`|<img>".to_owned();
    for finding in run.cells.iter_mut().flat_map(|cell| &mut cell.findings) {
        finding.actual = "\"><img onerror=alert(2)>\n# not ok\n| x |\u{1b}[31m".to_owned();
    }
    for format in &FORMATS {
        let text = render(format, &dir, &run);
        let json = format.file.ends_with("json") || format.file.ends_with("sarif") || format.file.ends_with("tap");
        assert!(
            json || !(text.contains("<script>alert") || text.contains("<img")),
            "{}: markup came through",
            format.file
        );
        assert!(format.name == "html" || !text.contains('\u{1b}'), "{}: a control character came through", format.file);
        let lines = !matches!(format.name, "html" | "junit" | "trl" | "coverage");
        assert!(!lines || !text.lines().any(|line| line == "# not ok"), "{}: a line came through", format.file);
    }
    let shown = terminal::render(&run, Detail::Full);
    assert!(!shown.contains("\u{1b}[31m\n") && !shown.lines().any(|line| line == "# not ok"), "{shown}");
}

#[test]
fn a_message_that_is_lost_is_missed_by_no_reader() {
    let dir = folder("receipt.digests-equal-sent", "pass");
    let mut run = run("receipt.digests-equal-sent", "pass");
    assert_eq!(run.verdict, Verdict::Pass);
    run.verdict = Verdict::Fail;
    let requirement = run.cells[0].verifies[0].clone();
    run.ledger.get_or_insert_default().findings.push(carnet_harness::judge::LedgerFinding {
        message: "id@suite".to_owned(),
        what: "receipted and never delivered".to_owned(),
        requirement,
        level: carnet_catalogue::Level::Must,
        events: vec![1],
    });
    says(
        &dir,
        &run,
        &[
            ("html", "receipted and never delivered"),
            ("summary", "message id@suite: receipted and never delivered"),
            ("junit", "failures=\"1\""),
            ("tap", "not ok 1 - ledger.conservation"),
            ("sarif", "\"kind\": \"fail\""),
            ("trl", "<failed>1</failed>"),
            ("json", "receipted and never delivered"),
        ],
    );
    assert!(terminal::render(&run, Detail::Short).contains("receipted and never delivered"));
}

#[test]
fn a_claim_that_the_run_disproves_and_the_ledger_are_in_every_report_for_people_and_in_the_statement() {
    let (dir, mut run) = every_verdict();
    let probe = run.cells.iter().find(|cell| cell.verdict == Verdict::Fail).expect("a failure").case.clone();
    run.contradictions.push(carnet_harness::judge::run::Contradiction {
        capability: "as4.gzip".to_owned(),
        means: "it takes <compressed> payloads".to_owned(),
        probe: probe.clone(),
        actual: "ebMS error EBMS:0303".to_owned(),
    });
    run.ledger.get_or_insert_default().from_subject.messages = 7;
    for name in ["html", "summary", "statement-page", "statement"] {
        let text = render(Format::named(name).expect("a format"), &dir, &run);
        for part in ["as4.gzip", probe.as_str(), "EBMS:0303"] {
            assert!(text.contains(part), "{name}: {part}");
        }
        let ledger = if name == "statement" { "\"messages\": 7" } else { "from the subject: 7 messages" };
        assert!(text.contains(ledger), "{name}");
    }
    let page = render(Format::named("html").expect("a format"), &dir, &run);
    let at = page.find("id=\"contradictions\"").expect("the section");
    let link = page[at..].split("href=\"#").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    assert!(page.contains(&format!("id=\"{link}\"")), "nothing is at #{link}");
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/schemas/statement-1.json")).expect("the schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let text = render(Format::named("statement").expect("a format"), &dir, &run);
    let mut statement: Value = serde_json::from_str(&text).expect("JSON");
    assert!(schema.is_valid(&statement), "{text}");
    statement["contradictions"][0]["why"] = Value::Null;
    assert!(!schema.is_valid(&statement));
}

#[test]
fn formats_have_names_and_files_of_their_own() {
    for format in &FORMATS {
        assert_eq!(Format::named(format.name).expect("its own name").file, format.file);
        assert_eq!(FORMATS.iter().filter(|other| other.file == format.file || other.name == format.name).count(), 1);
    }
    assert!(Format::named("html5").is_none());
}

#[test]
fn a_list_that_was_fetched_stands_where_it_was_and_before_all_where_a_finding_names_it() {
    let dir = folder("receipt.signed", "fail");
    let mut run = run("receipt.signed", "fail");
    let mut evidence = Evidence::open(&dir).expect("recorded evidence");
    let answer = evidence.start.plan.clone();
    let fetched = |evidence: &mut Evidence, list: &str, seq: u64| {
        let (list, request) = (Some(list.to_owned()), answer.clone());
        let event = evidence.events.iter_mut().find(|event| event.seq == seq).expect("an event");
        (event.scope, event.step, event.connection) = (None, None, None);
        event.kind = Kind::Fetched { list, request, answer: answer.clone() };
    };
    let cell = run.cells.iter_mut().find(|cell| !cell.findings.is_empty()).expect("a finding");
    let (begin, _) = cell.events[0];
    let step = evidence.events.iter().find(|event| event.seq > begin && matches!(event.kind, Kind::Step));
    let step = step.expect("a step").seq;
    fetched(&mut evidence, "issuing", step);
    // What happened before the execution began: the event of the run is the only other one there.
    fetched(&mut evidence, "root", 1);
    let page = |run: &Run| {
        let source = Source::new(run, &evidence).expect("a source");
        Format::named("html").expect("a format").render(&source).expect("a page")
    };
    let plain = page(&run);
    assert!(plain.contains("fetched list issuing at 20") && !plain.contains("fetched list root"));
    run.cells.iter_mut().flat_map(|cell| &mut cell.findings).for_each(|finding| finding.events.push(1));
    let named = page(&run);
    let places = ["root", "issuing"].map(|list| named.find(&format!("fetched list {list} at 20")));
    assert!(places[0].is_some() && places[0] < places[1], "{places:?}");
}
