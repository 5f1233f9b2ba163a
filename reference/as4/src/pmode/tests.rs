//! Tests of P-Mode files, profiles and the choice of a P-Mode.

use super::*;
use crate::header::{Collaboration, MessageInfo, Party, UserMessage};
use crate::id::{ConversationId, MessageId, PartyId};
use carnet_wire::signature::{DigestAlgorithm, SignatureAlgorithm};

const EXAMPLE: &str = include_str!("../../examples/customs-c2c.toml");

fn example() -> PMode {
    PMode::read("example.toml", EXAMPLE).expect("example")
}

fn wrong(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "{from}");
    PMode::read("dir/a.toml", &EXAMPLE.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn the_example_is_read_whole() {
    let pmode = example();
    assert_eq!(pmode.id.as_str(), "customs-c2c.PH.TH.declaration");
    assert_eq!(pmode.initiator.id.value(), "PH");
    assert_eq!(pmode.services[0].actions.len(), 3);
    assert_eq!(pmode.reception_awareness.retry_interval, Duration::from_secs(5));
    assert_eq!(pmode.security.token, TokenForm::PkiPath);
}

#[test]
fn what_a_file_leaves_out_comes_from_the_profile() {
    let cut = EXAMPLE.find("[security]").expect("tables");
    let short = PMode::read("short.toml", &EXAMPLE[..cut]).expect("short");
    let long = example();
    assert_eq!(short.security, long.security);
    assert_eq!(short.payload, long.payload);
    assert_eq!(short.reception_awareness, long.reception_awareness);
    assert_eq!(short.mpc, long.mpc);
}

#[test]
fn a_wrong_value_is_named_with_line_and_help() {
    for (from, to, says) in [
        ("format = 1", "format = 2", "dir/a.toml:2: got format = 2"),
        (
            "profile = \"customs-c2c\"",
            "profile = \"other\"",
            "dir/a.toml:4: profile: got \"other\", expected one of: customs-c2c",
        ),
        (
            "duplicate_detection = true",
            "duplicate_detection = false",
            "dir/a.toml:34: reception_awareness.duplicate_detection: got \"false\", expected true",
        ),
        ("mep = \"one-way-push\"", "mep = \"two-way\"", "dir/a.toml:5"),
        (
            "agreement = \"urn:carnet:agreement:PH-TH:1\"",
            "agreement = \"PH-TH\"",
            "dir/a.toml:6: agreement: AgreementRef has no type",
        ),
        ("party = \"TH\"", "party = \"PH\"", "responder.party: got \"PH\", expected another party"),
        ("party = \"PH\"", "party = \"\"", "initiator.party: PartyId is empty"),
        ("actions = [", "action = [", "dir/a.toml:20"),
        (
            "[\"declaration\", \"amendment\", \"cancellation\"]",
            "[]",
            "service.actions: got \"[]\", expected at least one action",
        ),
        ("\"amendment\"", "\"declaration\"", "service.actions"),
        ("token = \"x509-pkipath\"", "token = \"saml\"", "dir/a.toml:23"),
        ("accept_tokens = [\"x509-pkipath\", \"x509-v3\"]", "accept_tokens = []", "security.accept_tokens"),
        ("max_bytes = 1073741824", "max_bytes = 0", "payload.max_bytes"),
        ("max_parts = 32", "max_parts = 0", "payload.max_parts"),
        ("retry_interval = \"5s\"", "retry_interval = \"0s\"", "reception_awareness.retry_interval: got \"0s\""),
        ("retry_interval = \"5s\"", "retry_interval = \"soon\"", "expected a length of time over zero"),
        ("retry_count = 3", "retry_count = -3", "dir/a.toml:33"),
        ("id = \"customs-c2c.PH.TH.declaration\"", "", "missing field `id`"),
        ("[mpc]", "[mpcs]", "unknown field `mpcs`"),
        ("format = 1", "format = ", "dir/a.toml:2"),
    ] {
        let error = wrong(from, to);
        assert!(error.contains(says) && error.contains("\nhelp: "), "{to}: {error}");
    }
}

#[test]
fn each_profile_can_be_read_and_names_only_what_wire_knows() {
    assert!(Profile::names().count() >= 1);
    for name in Profile::names() {
        let profile = Profile::named(name).expect(name);
        assert_eq!((profile.format, profile.id.as_str()), (1, name));
        assert!(profile.security.accept_tokens.contains(&profile.security.token));
        assert!(profile.security.signatures.iter().all(|uri| SignatureAlgorithm::from_uri(uri).is_some()));
        assert!(profile.security.digests.iter().all(|uri| DigestAlgorithm::from_uri(uri).is_some()));
        let interval: jiff::SignedDuration = profile.reception_awareness.retry_interval.parse().expect("interval");
        assert!(interval.is_positive());
    }
    assert!(Profile::named("none").is_none());
}

#[test]
fn two_pmodes_of_one_name_or_one_message_are_refused() {
    assert!(matches!(PModes::new(vec![example(), example()]), Err(PModeError::SameId { .. })));
    let mut other = example();
    other.id = PModeId::parse("other").expect("id");
    assert!(matches!(PModes::new(vec![example(), other.clone()]), Err(PModeError::Overlap { .. })));
    other.agreement = Some(AgreementRef::new("urn:another", None).expect("agreement"));
    assert!(PModes::new(vec![example(), other]).is_ok());
}

fn message(pmode: &PMode) -> UserMessage {
    UserMessage {
        info: MessageInfo {
            timestamp: jiff::Timestamp::UNIX_EPOCH,
            message_id: MessageId::parse("a@b").expect("id"),
            ref_to: None,
        },
        mpc: pmode.mpc.clone(),
        from: pmode.initiator.clone(),
        to: pmode.responder.clone(),
        collaboration: Collaboration {
            agreement: pmode.agreement.clone(),
            pmode: None,
            service: pmode.services[0].service.clone(),
            action: pmode.services[0].actions[0].clone(),
            conversation: ConversationId::parse("1").expect("conversation"),
        },
        properties: Vec::new(),
        parts: Vec::new(),
    }
}

#[test]
fn the_pmode_is_chosen_by_everything_the_header_names() {
    let pmode = example();
    let us = pmode.responder.id.clone();
    let pmodes = PModes::new(vec![pmode.clone()]).expect("P-Modes");
    let right = message(&pmode);
    assert_eq!(pmodes.of(&right, &us, false).map(|found| found.id.clone()), Ok(pmode.id.clone()));
    type Edit = fn(&mut UserMessage);
    type Says = fn(&Mismatch) -> bool;
    let edits: [(Edit, Says); 8] = [
        (|m| m.to.id = PartyId::new("XX", Some("t")).expect("party"), |e| matches!(e, Mismatch::NotForUs { .. })),
        (|m| m.from.id = PartyId::new("XX", Some("t")).expect("party"), |e| matches!(e, Mismatch::Sender { .. })),
        (|m| m.collaboration.agreement = None, |e| matches!(e, Mismatch::Agreement { .. })),
        (|m| m.collaboration.pmode = PModeId::parse("x").ok(), |e| matches!(e, Mismatch::PMode { .. })),
        (|m| m.from.role = m.to.role.clone(), |e| matches!(e, Mismatch::Role { .. })),
        (|m| m.mpc = Mpc::parse("urn:x").expect("mpc"), |e| matches!(e, Mismatch::Mpc { .. })),
        (
            |m| m.collaboration.service = Service::new("urn:x", None).expect("service"),
            |e| matches!(e, Mismatch::Service { .. }),
        ),
        (|m| m.collaboration.action = Action::parse("x").expect("action"), |e| matches!(e, Mismatch::Action { .. })),
    ];
    for (edit, expected) in edits {
        let mut other = right.clone();
        edit(&mut other);
        let found = pmodes.of(&other, &us, false).map(|found| found.id.clone());
        assert!(found.as_ref().is_err_and(expected), "{found:?}");
    }
    let mut named = right.clone();
    named.collaboration.pmode = Some(pmode.id.clone());
    assert!(pmodes.of(&named, &us, false).is_ok());
}

#[test]
fn the_test_service_runs_under_any_pmode_between_the_two() {
    let pmode = example();
    let pmodes = PModes::new(vec![pmode.clone()]).expect("P-Modes");
    let mut ping = message(&pmode);
    ping.collaboration.service = Service::new(crate::ns::TEST_SERVICE, None).expect("service");
    ping.collaboration.action = Action::parse(crate::ns::TEST_ACTION).expect("action");
    assert!(pmodes.of(&ping, &pmode.responder.id, false).is_ok());
    let leg = |to: &Party| {
        let collaboration = &ping.collaboration;
        pmodes.leg(&pmode.initiator.id, &to.id, &collaboration.service, &collaboration.action).is_some()
    };
    assert!(leg(&pmode.responder) && !leg(&pmode.initiator));
}

#[test]
fn an_answer_goes_under_the_agreement_of_what_it_answers() {
    let back = |id: &str, agreement: &str, turned: bool| {
        let mut pmode = example();
        pmode.id = PModeId::parse(id).expect("id");
        pmode.agreement = AgreementRef::new(agreement, None).ok();
        if turned {
            std::mem::swap(&mut pmode.initiator.id, &mut pmode.responder.id);
        }
        pmode
    };
    let asked = back("asked", "urn:test:second", false);
    let (service, action) = (asked.services[0].service.clone(), asked.services[0].actions[0].clone());
    let pmodes = vec![asked.clone(), back("first", "urn:test:first", true), back("second", "urn:test:second", true)];
    let found = |pmodes: &PModes| pmodes.answer(&asked, &service, &action).map(|pmode| pmode.id.to_string());
    let all = PModes::new(pmodes.clone()).expect("P-Modes");
    assert_eq!(found(&all).as_deref(), Some("second"));
    // Where that agreement does not allow it, as any other message.
    let without = PModes::new(pmodes[..2].to_vec()).expect("P-Modes");
    assert_eq!(found(&without).as_deref(), Some("first"));
}

#[test]
fn a_producer_may_name_the_agreement_where_several_allow_the_same() {
    let of = |id: &str, agreement: Option<&str>| {
        let mut pmode = example();
        pmode.id = PModeId::parse(id).expect("id");
        pmode.agreement = agreement.and_then(|agreement| AgreementRef::new(agreement, None).ok());
        pmode
    };
    let pmodes = vec![of("first", Some("urn:test:first")), of("second", Some("urn:test:second"))];
    let (from, to) = (pmodes[0].sender().id.clone(), pmodes[0].receiver().id.clone());
    let (service, action) = (pmodes[0].services[0].service.clone(), pmodes[0].services[0].actions[0].clone());
    let pmodes = PModes::new(pmodes).expect("P-Modes");
    let under =
        |agreement: &str| pmodes.leg_under(agreement, &from, &to, &service, &action).map(|pmode| pmode.id.to_string());
    assert_eq!(pmodes.leg(&from, &to, &service, &action).map(|pmode| pmode.id.to_string()).as_deref(), Some("first"));
    assert_eq!(under("urn:test:second").as_deref(), Some("second"));
    assert_eq!(under("urn:test:third"), None);
    // One that names none cannot be said in a message to be meant.
    let silent = PModes::new(vec![of("silent", None)]).expect("P-Modes");
    assert!(silent.leg_under("urn:test:first", &from, &to, &service, &action).is_none());
}

#[test]
fn a_key_signs_as_agreed_by_its_algorithm() {
    let mut pmode = example();
    let rsa = pmode.signs();
    assert!(rsa.agrees(carnet_wire::namespace::RSA_SHA256) && !rsa.agrees(carnet_wire::namespace::ED25519));
    pmode.profile = Profile::named("edelivery-2.0").expect("profile");
    let second = pmode.signs();
    assert!(second.agrees(carnet_wire::namespace::ED25519) && second.agrees(carnet_wire::namespace::ECDSA_SHA256));
    assert!(!second.agrees(carnet_wire::namespace::RSA_SHA256));
    assert!(Signs::default().agrees(carnet_wire::namespace::ED25519), "nothing was agreed");
}
