//! Sanity first: while no good certificate passes, nothing that a subject does with a bad one is judged.

use std::path::PathBuf;
use std::sync::Arc;

use carnet_catalogue::case::{CaseId, Role};
use carnet_catalogue::{Filters, zoo};
use carnet_double::{Double, Mutation, Serving, peer};
use carnet_harness::judge::Judge;
use carnet_harness::plan::Selection;
use carnet_harness::{RunOptions, Verdict, capture_in_memory};

use super::{capture, ground};

/// The node that answers 403 to everything refuses every bad certificate, and every good one; it never sends.
#[test]
fn without_a_good_certificate_the_zoo_is_inconclusive_in_both_roles() {
    let catalogue = Arc::new(carnet_catalogue::load().unwrap());
    let (_dir, ground) = ground();
    let serving = Serving::start(peer("null-403").unwrap(), ground.identities().clone(), "127.0.0.1:0").unwrap();
    let setup = ground.setup("node", serving.address(), None).unwrap();
    let mut options = RunOptions::new(setup, Arc::clone(&catalogue), PathBuf::new());
    options.selection = Selection { only: Filters::parse(&["layer:tls".to_owned()]).unwrap(), ..Selection::default() };
    (options.repeat, options.patience) = (1, 0.3);
    let recorder = capture_in_memory(&options, &mut |_| {}).unwrap();
    let evidence = carnet_harness::evidence::Evidence::of(&recorder).unwrap();
    let run = Judge::new(&evidence, None).unwrap().all(&evidence);

    let controls = ["tls.certificate.accepted", "tls.certificate.another", "tls.server.accepted"].map(CaseId::new);
    for control in &controls {
        let mut cells = run.cells.iter().filter(|cell| cell.case == *control).peekable();
        assert!(cells.peek().is_some() && cells.all(|cell| cell.verdict != Verdict::Pass), "{control}");
    }
    // The case that ends with a good certificate is its own control.
    let own = CaseId::new("tls.server.recovers");
    let kinds = zoo::presented(&catalogue);
    for role in [Role::Responder, Role::Initiator] {
        let presents = |id: &CaseId| {
            let cases =
                kinds.values().map(|kind| if role == Role::Responder { &kind.to_server } else { &kind.to_client });
            !controls.contains(id) && *id != own && cases.into_iter().any(|cases| cases.contains(id))
        };
        let zoo: Vec<_> = run.cells.iter().filter(|cell| cell.verdict.attempted() && presents(&cell.case)).collect();
        let judged: Vec<_> = zoo.iter().filter(|cell| cell.verdict != Verdict::Inconclusive).collect();
        assert!(zoo.len() >= 60 && judged.is_empty(), "{role}: {} cells, {judged:#?}", zoo.len());
    }
}

/// A control stands for the cells that are not at another of its values: over TLS 1.2 all is judged where TLS 1.3 is not spoken.
#[test]
fn what_fails_over_one_version_of_tls_leaves_the_other_judged() {
    let catalogue = Arc::new(carnet_catalogue::load().unwrap());
    let (_dir, ground) = ground();
    let double = Double::start(&ground, Mutation::of(&catalogue.mutants["tls-without-1.3"])).unwrap();
    let setup = ground.setup("node", double.address(), Some(double.hooks())).unwrap();
    let mut options = RunOptions::new(setup, Arc::clone(&catalogue), PathBuf::new());
    let only = Filters::parse(&["tls.certificate.*".to_owned()]).unwrap();
    options.selection = Selection { only, ..Selection::default() };
    options.repeat = 1;
    let evidence = capture(&options, &double);
    let run = Judge::new(&evidence, None).unwrap().all(&evidence);
    let said = |case: &str, version: &str| {
        let cell = run.cells.iter().find(|cell| cell.case.as_str() == case && cell.cell.contains(version)).unwrap();
        (cell.verdict, cell.reason.clone().unwrap_or_default())
    };
    for case in ["tls.certificate.accepted", "tls.certificate.another", "tls.certificate.expired"] {
        assert_eq!(said(case, "tls=1.2"), (Verdict::Pass, String::new()), "{case}");
    }
    assert_eq!(said("tls.certificate.accepted", "tls=1.3").0, Verdict::Fail);
    let (verdict, reason) = said("tls.certificate.expired", "tls=1.3");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(reason.contains("its control tls.certificate.another [tls=1.3] did not pass"), "{reason}");
    let disproved: Vec<&str> = run.contradictions.iter().map(|claim| claim.capability.as_str()).collect();
    assert!(disproved.is_empty(), "{disproved:?}");
}
