//! A run is the same again from its seed and id: what the suite names is, whatever runs beside it; with another id it is new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use carnet_catalogue::Filters;
use carnet_double::{Double, Ground, Mutation};
use carnet_harness::evidence::{Direction, Evidence, Kind};
use carnet_harness::plan::Selection;
use carnet_harness::{RunOptions, root};
use jiff::Timestamp;

use super::{capture, ground};

/// What each execution of a run sent: case, cell, execution, MessageId, ConversationId.
type Names = BTreeSet<(String, String, u32, String, String)>;

fn run(ground: &Arc<Ground>, id: Option<&str>, jobs: usize, time: Option<Timestamp>) -> Evidence {
    let double = Double::start(ground, Mutation::default()).unwrap();
    let setup = ground.setup("node", double.address(), Some(double.hooks())).unwrap();
    let mut options = RunOptions::new(setup, Arc::new(carnet_catalogue::load().unwrap()), PathBuf::new());
    let only = ["as4.push", "as4.ping", "as4.duplicate"].map(str::to_owned);
    options.selection = Selection { only: Filters::parse(&only).unwrap(), ..Selection::default() };
    (options.repeat, options.jobs, options.id, options.time) = (1, jobs, id.map(str::to_owned), time);
    capture(&options, &double)
}

fn names(evidence: &Evidence) -> Names {
    let sent = |event: &carnet_harness::evidence::Event| {
        let (Kind::Bytes { direction: Direction::Out, blob }, Some(scope)) = (&event.kind, &event.scope) else {
            return None;
        };
        let named = root::names(&root::envelope_text(evidence.blob(blob).unwrap())?);
        // A receipt is named after nothing but what it answers.
        let conversation = named.conversation?;
        Some((scope.case.clone(), scope.cell.clone(), scope.attempt, named.message_id?, conversation))
    };
    evidence.events.iter().filter_map(sent).collect()
}

/// Every envelope of each execution, of both sides, by what it is called there.
type Said = BTreeMap<(String, String, u32, String), BTreeSet<String>>;

fn envelopes(evidence: &Evidence) -> Said {
    let mut all = Said::new();
    for event in &evidence.events {
        let (Kind::Bytes { blob, .. }, Some(scope)) = (&event.kind, &event.scope) else { continue };
        let Some(envelope) = root::envelope_text(evidence.blob(blob).unwrap()) else { continue };
        let name = root::names(&envelope).message_id.unwrap_or_default();
        let of = all.entry((scope.case.clone(), scope.cell.clone(), scope.attempt, name)).or_default();
        of.insert(envelope);
    }
    all
}

/// Which envelopes of two runs differ, and how many there are of both. What the double sends by itself may come when its
/// case is over in the one, and earlier in the other.
fn compared(first: &Said, second: &Said) -> (Vec<String>, usize) {
    let common = first.iter().filter_map(|(name, said)| Some((name, said, second.get(name)?)));
    let differ = common.clone().filter(|(_, one, other)| one != other).map(|(name, ..)| format!("{name:?}"));
    (differ.collect(), common.count())
}

#[test]
fn ids_and_conversations_follow_from_seed_and_run_id() {
    let (_dir, ground) = ground();
    let first = names(&run(&ground, Some("a-run"), 8, None));
    assert!(first.len() > 20, "{}", first.len());
    assert_eq!(first, names(&run(&ground, Some("a-run"), 1, None)));
    let other = names(&run(&ground, None, 8, None));
    assert_eq!(first.len(), other.len());
    let ids = |names: &Names| names.iter().map(|(.., id, _)| id.clone()).collect::<BTreeSet<_>>();
    assert!(ids(&first).is_disjoint(&ids(&other)));
}

/// What a selftest rests on: it signs what two nodes are sent alike, and what they answer alike, once.
#[test]
fn with_one_time_two_runs_are_the_same_to_the_last_byte() {
    let (_dir, ground) = ground();
    let time = "2026-01-02T03:04:05Z".parse().ok();
    let said = |time| envelopes(&run(&ground, Some("a-run"), 8, time));
    let first = said(time);
    assert!(first.values().flatten().filter(|envelope| envelope.contains("SignatureValue")).count() > 40);
    let (differ, common) = compared(&first, &said(time));
    assert!(differ.is_empty() && common > 40, "{common}: {differ:#?}");
    let (differ, common) = compared(&first, &said(None));
    assert!(differ.len() > 40 && common > 40, "{common}: {differ:#?}");
}
