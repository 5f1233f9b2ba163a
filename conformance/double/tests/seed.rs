//! A run is the same again from its seed and id: what the suite names is, whatever runs beside it; with another id it is new.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use carnet_catalogue::Filters;
use carnet_certs::UnixTime;
use carnet_double::{Double, Ground, Mutation};
use carnet_harness::evidence::{Direction, Evidence, Kind};
use carnet_harness::plan::Selection;
use carnet_harness::{Event, RunOptions, capture_in_memory, root};

/// What each execution of a run sent: case, cell, execution, MessageId, ConversationId.
type Names = BTreeSet<(String, String, u32, String, String)>;

fn names(ground: &Arc<Ground>, id: Option<&str>, jobs: usize) -> Names {
    let double = Double::start(ground, Mutation::default()).unwrap();
    let setup = ground.setup("node", double.address(), Some(double.hooks())).unwrap();
    let mut options = RunOptions::new(setup, Arc::new(carnet_catalogue::load().unwrap()), PathBuf::new());
    let only = ["as4.push", "as4.ping", "as4.duplicate"].map(str::to_owned);
    options.selection = Selection { only: Filters::parse(&only).unwrap(), ..Selection::default() };
    (options.repeat, options.jobs, options.id) = (1, jobs, id.map(str::to_owned));
    let recorder = capture_in_memory(&options, &mut |event| {
        if let Event::Listening(address) = event {
            double.partner_at(address);
        }
    })
    .unwrap();
    let evidence = Evidence::of(&recorder).unwrap();
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

#[test]
fn ids_and_conversations_follow_from_seed_and_run_id() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Arc::new(Ground::new(dir.path(), UnixTime::now()).unwrap());
    // Tasks of the double may outlive this function, and the threads that they run on must outlive them.
    std::mem::forget(Arc::clone(&ground));
    let first = names(&ground, Some("a-run"), 8);
    assert!(first.len() > 20, "{}", first.len());
    assert_eq!(first, names(&ground, Some("a-run"), 1));
    let other = names(&ground, None, 8);
    assert_eq!(first.len(), other.len());
    let ids = |names: &Names| names.iter().map(|(.., id, _)| id.clone()).collect::<BTreeSet<_>>();
    assert!(ids(&first).is_disjoint(&ids(&other)));
}
