//! The reports of recorded runs: what people read is pinned, what programs read is read by another program's parser.

#![expect(clippy::expect_used, reason = "tests stop where they fail")]

use std::path::{Path, PathBuf};

use carnet_harness::evidence::Evidence;
use carnet_harness::judge::judge;
use carnet_harness::judge::run::Run;
use carnet_harness::verdict::Verdict;
use carnet_report::terminal::{self, Detail};
use carnet_report::{html, junit};

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
fn a_failure_on_the_terminal_says_what_to_fix() {
    let run = run("receipt.digests-equal-sent", "fail");
    assert_eq!(run.verdict, Verdict::Fail);
    insta::assert_snapshot!(plain(&terminal::render(&run, Detail::Short)));
}

#[test]
fn every_finding_is_shown_with_its_fix() {
    for dir in all() {
        let run = judge(&dir).expect("recorded evidence");
        let text = plain(&terminal::render(&run, Detail::Full));
        for finding in run.cells.iter().flat_map(|cell| &cell.findings) {
            for part in [finding.requirement.as_str(), &finding.expected, &finding.actual, &finding.fix] {
                assert!(text.contains(part), "{}: {part:?} is not shown", dir.display());
            }
        }
        assert!(text.contains("planned ="), "{}", dir.display());
    }
}

#[test]
fn junit_counts_as_the_judge_does() {
    for dir in all() {
        let run = judge(&dir).expect("recorded evidence");
        let text = junit::render(&run).expect("junit");
        let tree = roxmltree::Document::parse(&text).expect("well-formed");
        let count = |name: &str| tree.descendants().filter(|node| node.has_tag_name(name)).count();
        let of = |verdicts: &[Verdict]| run.cells.iter().filter(|cell| verdicts.contains(&cell.verdict)).count();
        assert_eq!(count("testcase"), run.cells.len());
        assert_eq!(count("failure"), of(&[Verdict::Fail]));
        assert_eq!(count("error"), of(&[Verdict::Inconclusive, Verdict::Review, Verdict::Error]));
        assert_eq!(count("skipped"), of(&[Verdict::NotApplicable, Verdict::Skipped]));
    }
}

#[test]
fn the_page_is_complete_in_itself_and_shows_every_cell() {
    for dir in all() {
        let evidence = Evidence::open(&dir).expect("recorded evidence");
        let run = judge(&dir).expect("recorded evidence");
        let catalogue = carnet_catalogue::from_files(evidence.files().expect("files")).expect("catalogue");
        let page = html::render(&run, &catalogue, &evidence).expect("a page");
        for reference in ["<link", "src=\"", "@import", "url(", "href=\"http"] {
            assert!(!page.contains(reference), "{}: the page fetches: {reference}", dir.display());
        }
        for cell in &run.cells {
            assert!(page.contains(cell.case.as_str()), "{}: {} is not shown", dir.display(), cell.case);
        }
    }
}

#[test]
fn what_a_subject_sends_cannot_become_markup() {
    let evidence = Evidence::open(&folder("receipt.digests-equal-sent", "fail")).expect("recorded evidence");
    let mut run = run("receipt.digests-equal-sent", "fail");
    run.subject.name = "<script>alert(1)</script>".to_owned();
    for finding in run.cells.iter_mut().flat_map(|cell| &mut cell.findings) {
        finding.actual = "\"><img onerror=alert(2)>".to_owned();
    }
    let catalogue = carnet_catalogue::from_files(evidence.files().expect("files")).expect("catalogue");
    let page = html::render(&run, &catalogue, &evidence).expect("a page");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "markup came through");
}
