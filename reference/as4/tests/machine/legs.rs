//! Who sends under which exchange pattern, what a P-Mode file may leave open, and that many P-Modes stay apart.

use carnet_as4::id::{Action, Mpc, PartyId, Service};
use carnet_as4::pmode::{Leg, Mep, PMode, PModes};

const EXAMPLE: &str = include_str!("../../examples/customs-c2c.toml");
const PUSH: &str = "mep = \"one-way-push\"";
const DEFAULT: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC";

fn read(edits: &[(&str, &str)]) -> Result<PMode, String> {
    let mut text = EXAMPLE.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from:?} is not in the example");
        text = text.replacen(from, to, 1);
    }
    PMode::read("a.toml", &text).map_err(|error| error.to_string())
}

#[test]
fn the_pattern_and_the_leg_say_who_sends() {
    let two_way = |leg: &str| format!("mep = \"two-way-push-and-push\"\nleg = \"{leg}\"");
    for (mep, channel, sender) in [
        (PUSH.to_owned(), DEFAULT, "PH"),
        (two_way("request"), DEFAULT, "PH"),
        (two_way("reply"), DEFAULT, "TH"),
        ("mep = \"one-way-pull\"".to_owned(), "urn:channel", "TH"),
    ] {
        let pmode = read(&[(PUSH, &mep), (DEFAULT, channel)]).expect(&mep);
        assert_eq!(pmode.sender().id.value(), sender, "{mep}");
        assert_ne!(pmode.receiver().id, pmode.sender().id, "{mep}");
        assert_eq!(pmode.initiator.id.value(), "PH", "{mep}");
    }
    let request = read(&[(PUSH, "mep = \"two-way-push-and-push\"")]).expect("a request");
    assert_eq!((request.mep, request.leg), (Mep::TwoWayPushAndPush, Leg::Request));
}

#[test]
fn what_does_not_go_together_is_refused_with_its_line() {
    for (edits, says) in [
        (vec![(PUSH, "mep = \"one-way-push\"\nleg = \"reply\"")], "a.toml:6: leg: got"),
        (vec![(PUSH, "mep = \"one-way-pull\"")], "mpc.name: got"),
        (vec![(PUSH, "mep = \"one-way-pull\""), ("[mpc]\nname = ", "# ")], "expected a channel under [mpc]"),
        (vec![(PUSH, "mep = \"one-way-push\"\nproperties = [\"a\", \"a\"]")], "properties: got"),
        (vec![(PUSH, "mep = \"one-way-push\"\nproperties = [\"\"]")], "properties: got"),
    ] {
        let error = read(&edits).expect_err(says);
        assert!(error.contains(says) && error.contains("\nhelp: "), "{error}");
    }
}

#[test]
fn ten_thousand_partners_are_told_apart() {
    let kind = Some("urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs");
    let party = |n: usize| PartyId::new(&format!("P{n}"), kind).expect("party");
    let example = read(&[]).expect("example");
    let all = (0..10_000).map(|n| {
        let mut pmode = example.clone();
        pmode.id = carnet_as4::id::PModeId::parse(&format!("to-{n}")).expect("id");
        pmode.responder.id = party(n);
        pmode
    });
    let pmodes = PModes::new(all.collect()).expect("P-Modes");
    let service = Service::new("urn:carnet:service:declaration:1", None).expect("service");
    let action = Action::parse("declaration").expect("action");
    for n in [0, 1, 4_999, 9_999] {
        let found = pmodes.leg(&example.initiator.id, &party(n), &service, &action);
        assert_eq!(found.map(|pmode| pmode.id.as_str().to_owned()), Some(format!("to-{n}")));
        assert!(pmodes.named(&format!("to-{n}")).is_some());
    }
    assert!(pmodes.leg(&party(1), &party(2), &service, &action).is_none());
    assert_eq!(
        pmodes.channel(&Mpc::parse(DEFAULT).expect("mpc")).count(),
        0,
        "nothing is pulled from the default channel"
    );
}
