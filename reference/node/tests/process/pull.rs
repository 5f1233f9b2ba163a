//! One-Way/Pull between processes: what waits in a channel is handed to its receiver alone, to each pull another, again
//! when no receipt comes, and never after one came.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails its test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_as4::id::MessageId;
use carnet_as4::inbound::{Agreements, Decision, Inbound, SignalInfo};
use carnet_as4::partner::{Partner, SignerBinding, Subject, TlsBinding};
use carnet_as4::pmode::{PMode, PModes};
use carnet_wire::trust::{Anchors, RevocationPolicy};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use crate::world::peer::{Peer, Reply, Wire};
use crate::world::{Agreement, Node, Party, World, pmode};

const CHANNEL: &str = "urn:test:mpc:TH";
const DEFAULT: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC";
const SUBMIT: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";

/// What TH pulls from PH.
fn pulled(agreement: &Agreement) -> String {
    let text = pmode("TH", "PH", agreement).replace("one-way-push", "one-way-pull");
    text.replace(".declaration\"", ".pull\"").replace(DEFAULT, CHANNEL)
}

/// PH offers, TH pulls.
fn pair(world: &World, agreement: &Agreement) -> (Party, Party) {
    let (ph, th) = world.pair(agreement);
    World::agree(&ph, &th, &pulled(agreement), &pmode("TH", "PH", agreement));
    World::agree(&th, &ph, &pmode("TH", "PH", agreement), &pulled(agreement));
    th.configure(th.port(), &["PH"], "[pull]\ninterval = \"100ms\"\n");
    (ph, th)
}

fn submit(node: &Node, body: &[u8]) -> i64 {
    let answer = node.post(SUBMIT, "application/xml", body);
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["key"].as_i64().unwrap()
}

fn received(node: &Node, messages: usize) -> Vec<Value> {
    let page = node.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == messages)
    });
    page["items"].as_array().unwrap().clone()
}

/// The MessageId of a user message that came in answer to a pull.
fn message_id(reply: &Reply) -> Option<&str> {
    let (_, message) = reply.text.split_once("<eb:UserMessage")?;
    message.split_once("<eb:MessageId>")?.1.split_once('<').map(|(id, _)| id)
}

/// Pulls until a message comes.
fn pull_one(peer: &Peer) -> Reply {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = peer.send(&peer.pull(&format!("{}@pull", uuid::Uuid::new_v4()), CHANNEL));
        if message_id(&reply).is_some() {
            return reply;
        }
        assert_eq!(reply.refusal(), "EBMS:0006", "{}", reply.text);
        assert!(Instant::now() < end, "no message came");
        std::thread::yield_now();
    }
}

#[test]
fn what_waits_is_pulled_receipted_and_delivered() {
    let world = World::new();
    let (ph, th) = pair(&world, &Agreement::default());
    let ph_node = ph.start();
    let large = crate::world::noise(3_000_000);
    let keys = [submit(&ph_node, b"<one/>"), submit(&ph_node, &large), submit(&ph_node, b"<three/>")];
    let waiting = ph_node.get(&format!("/v1/messages/{}", keys[0])).json();
    assert_eq!((&waiting["state"], &waiting["pull"]), (&json!("submitted"), &json!(true)), "it is not pushed");
    let th_node = th.start();
    let sent = keys.map(|key| ph_node.wait_state(key, "delivered"));
    let came = received(&th_node, 3);
    for (sent, came) in sent.iter().zip(came.iter().rev()) {
        assert_eq!(sent["attempts"], 1, "{sent:#}");
        assert_eq!(sent["message_id"], came["message_id"], "the oldest is pulled first");
        assert_eq!(came["pmode"], "customs-c2c.TH.PH.pull");
        let key = |message: &Value| message["key"].as_i64().unwrap();
        let ours = ph_node.get(&format!("/v1/messages/{}/receipt", key(sent))).body;
        assert_eq!(ours, th_node.get(&format!("/v1/messages/{}/receipt", key(came))).body);
    }
    assert!(th_node.get(&format!("/v1/messages/{}/parts/1", came[1]["key"])).body == large);
    // One that is submitted later is found by a later round, or at once when the back end asks.
    let key = submit(&ph_node, b"<four/>");
    assert_eq!(th_node.post("/v1/pulls", "text/plain", b"").status, 202);
    ph_node.wait_state(key, "delivered");
    assert_eq!((ph_node.stop(), th_node.stop()), (Some(0), Some(0)));
}

#[test]
fn a_channel_is_for_its_receiver_alone() {
    let world = World::new();
    let (ph, th) = pair(&world, &Agreement::default());
    let node = ph.start();
    submit(&node, b"<one/>");
    let peer = Peer::new(&world, &th, &ph, node.as4);
    assert_eq!(peer.send(&peer.pull("unknown@pull", "urn:test:mpc:other")).refusal(), "EBMS:0001");
    assert_eq!(peer.send(&peer.pull("default@pull", DEFAULT)).refusal(), "EBMS:0001");
    let good = peer.pull("good@pull", CHANNEL);
    let bare = String::from_utf8(good.body.clone()).unwrap();
    assert_eq!(peer.send(&Wire { body: unsigned(&bare).into_bytes(), ..good.clone() }).refusal(), "EBMS:0103");
    assert_eq!(peer.send(&good.replace(CHANNEL, "urn:test:mpc:XX")).refusal(), "EBMS:0001");
    assert_eq!(peer.send(&good.replace("good@pull", "evil@pull")).refusal(), "EBMS:0101");
    // Another party under the same authority: with its own connection, and with the receiver's connection.
    let mut mallory = world.party("MY");
    world.kit(&mallory, &ph, &[], &Agreement::default());
    let other = Peer::new(&world, &mallory, &ph, node.as4);
    assert_eq!(other.send(&other.pull("m1@pull", CHANNEL)).refusal(), "EBMS:0101");
    assert_eq!(other.send(&good).refusal(), "EBMS:0101", "a request that was overheard");
    mallory.tls = crate::world::pki::Issued { chain: th.tls.chain.clone(), key: th.tls.key.clone() };
    let other = Peer::new(&world, &mallory, &ph, node.as4);
    assert_eq!(other.send(&other.pull("m2@pull", CHANNEL)).refusal(), "EBMS:0101");
    // None of these cost the message anything.
    assert_eq!(node.get("/v1/messages").json()["items"][0]["attempts"], 0);
    let reply = peer.send(&good);
    assert!(message_id(&reply).is_some(), "{}", reply.text);
    let empty = peer.send(&peer.pull("empty@pull", CHANNEL));
    assert_eq!(empty.refusal(), "EBMS:0006");
    assert_eq!(empty.status, Some(200));
    for text in ["severity=\"warning\"", "refToMessageInError=\"empty@pull\"", "<ds:SignatureValue"] {
        assert!(empty.text.contains(text), "{text} is not in {}", empty.text);
    }
}

#[test]
fn a_claim_outlives_the_process_and_ends_with_the_interval() {
    let world = World::new();
    let interval = Duration::from_secs(4);
    let agreement = Agreement { retry_interval: "4s", retry_count: 1, ..Agreement::default() };
    let (ph, th) = pair(&world, &agreement);
    let node = ph.start();
    let keys = [submit(&node, b"<one/>"), submit(&node, b"<two/>")];
    let peer = Peer::new(&world, &th, &ph, node.as4);
    let begun = Instant::now();
    let (first, second) = std::thread::scope(|scope| {
        let pulls = [(); 2].map(|()| scope.spawn(|| pull_one(&peer)));
        let [first, second] = pulls.map(|pull| pull.join().unwrap());
        (first, second)
    });
    let ids = [message_id(&first).unwrap().to_owned(), message_id(&second).unwrap().to_owned()];
    assert_ne!(ids[0], ids[1], "two pulls at once got the same message");
    node.kill();
    let node = ph.start();
    let peer = Peer::new(&world, &th, &ph, node.as4);
    let early = peer.send(&peer.pull("early@pull", CHANNEL));
    if begun.elapsed() < interval {
        assert_eq!(early.refusal(), "EBMS:0006", "a message was handed out twice within its interval");
    }
    // A machine that took longer than the interval to start the node again has one of them already.
    let mut again: Vec<Reply> = message_id(&early).is_some().then_some(early).into_iter().collect();
    while again.len() < 2 {
        again.push(pull_one(&peer));
    }
    assert!(begun.elapsed() >= interval);
    for reply in &again {
        let id = message_id(reply).unwrap();
        let before = if id == ids[0] { &first } else { &second };
        assert!(ids.iter().any(|known| known == id), "{id} was not pulled before");
        assert_eq!(envelope(reply), envelope(before), "the same message, signed once");
    }
    // Pulled as often as agreed: the producer is told, and it is never handed out again.
    for key in keys {
        let failed = node.wait_state(key, "failed");
        assert_eq!(failed["attempts"], 2, "{failed:#}");
    }
    let notices = node.get("/v1/notices").json();
    let codes: Vec<_> = notices["items"].as_array().unwrap().iter().map(|notice| &notice["code"]).collect();
    assert_eq!(codes, ["EBMS:0301", "EBMS:0301"], "{notices:#}");
    assert_eq!(peer.send(&peer.pull("late@pull", CHANNEL)).refusal(), "EBMS:0006");
}

#[test]
fn a_lost_receipt_is_posted_again_for_the_duplicate() {
    let world = World::new();
    let agreement = Agreement { retry_interval: "300ms", retry_count: 50, ..Agreement::default() };
    let (ph, th) = pair(&world, &agreement);
    let node = ph.start();
    let key = submit(&node, b"<one/>");
    let th_node = th.start();
    node.wait_state(key, "delivered");
    // PH forgets the receipt: its store is put back to where the message waits.
    received(&th_node, 1);
    node.kill();
    let store = rusqlite::Connection::open(ph.folder.join("store/carnet.sqlite")).unwrap();
    store.execute_batch("UPDATE message SET state = 2, due = 0, attempts = 0; DELETE FROM history").unwrap();
    drop(store);
    let node = ph.start();
    node.wait_state(key, "delivered");
    assert_eq!(received(&th_node, 1).len(), 1, "it was delivered once");
    assert!(th.log().contains("receipted a duplicate again"), "{}", th.log());
}

#[test]
fn a_receipt_that_was_lost_with_the_process_is_posted_at_the_next_start() {
    let world = World::new();
    let agreement = Agreement { retry_interval: "60s", retry_count: 0, ..Agreement::default() };
    let (ph, th) = pair(&world, &agreement);
    let node = ph.start();
    let key = submit(&node, b"<one/>");
    let th_node = th.start();
    node.wait_state(key, "delivered");
    th_node.kill();
    node.kill();
    // PH handed the message out for the last time, and never got the receipt.
    let store = rusqlite::Connection::open(ph.folder.join("store/carnet.sqlite")).unwrap();
    let waits =
        "UPDATE message SET state = 2, attempts = 1, pull = 2, due = created + created / 2; DELETE FROM history";
    store.execute_batch(waits).unwrap();
    drop(store);
    let node = ph.start();
    let th_node = th.start();
    node.wait_state(key, "delivered");
    assert_eq!(received(&th_node, 1).len(), 1, "it was delivered once");
    assert_eq!(node.get("/v1/notices").json(), json!({"items": []}));
}

#[test]
fn receipts_come_by_themselves_or_with_the_next_pull() {
    let world = World::new();
    let agreement = Agreement { retry_interval: "60s", ..Agreement::default() };
    let (ph, th) = pair(&world, &agreement);
    let node = ph.start();
    let peer = Peer::new(&world, &th, &ph, node.as4);
    let ping = || node.post("/v1/pings?to=TH", "text/plain", b"").json()["key"].as_i64().unwrap();
    // A push that asks for a receipt is not settled by one that comes by itself.
    let keys = [ping(), ping(), ping()];
    let drafts = [(); 3].map(|()| receipt(&world, &peer, &th, &ph));
    let [first, second, third] = &drafts;
    assert_eq!(
        peer.send(&first.replace("as4-messaging\"><ds:Transforms", "as4-massaging\"><ds:Transforms")).refusal(),
        "EBMS:0302"
    );
    assert_eq!(node.get(&format!("/v1/messages/{}", keys[0])).json()["state"], "retrying");
    let taken = peer.send(first);
    assert_eq!((taken.status, taken.body()), (Some(202), ""), "{}", taken.text);
    node.wait_state(keys[0], "delivered");
    assert_eq!(peer.send(first).status, Some(202), "a receipt that comes again changes nothing");
    // Bundled with a pull request, and with a user message.
    let signal = |wire: &Wire| between(wire, "<eb:SignalMessage>", "</eb:SignalMessage>");
    let with = |wire: &Wire, more: &str| {
        let text = unsigned(&String::from_utf8(wire.body.clone()).unwrap());
        peer.sealed(&text.replace("</eb:Messaging>", &format!("{more}</eb:Messaging>")))
    };
    let pull = with(&peer.pull("bundle@pull", CHANNEL), &signal(second));
    assert_eq!(peer.send(&pull).refusal(), "EBMS:0006", "{}", ph.log());
    node.wait_state(keys[1], "delivered");
    let message = with(&peer.reply("bundle@push", None), &signal(third));
    assert!(peer.send(&message).is_receipt(), "{}", ph.log());
    node.wait_state(keys[2], "delivered");
    received(&node, 1);
    // What may not stand together, and what is about nothing.
    let twice = with(&peer.reply("twice@push", None), &signal(&peer.pull("twice@pull", CHANNEL)));
    assert_eq!(peer.send(&twice).refusal(), "EBMS:0009");
    let about = between(first, "<eb:RefToMessageId>", "</eb:RefToMessageId>");
    let text = unsigned(&String::from_utf8(first.body.clone()).unwrap());
    let nothing = text.replace(&about, "<eb:RefToMessageId>nothing@test</eb:RefToMessageId>");
    assert_eq!(peer.send(&peer.sealed(&nothing)).refusal(), "EBMS:0010");
}

#[test]
fn an_error_of_the_puller_is_told_to_the_producer() {
    let world = World::new();
    let (ph, th) = pair(&world, &Agreement::default());
    // The puller never agreed to the action.
    let theirs = pulled(&Agreement::default()).replace("\"anything\"", "\"nothing\"");
    World::agree(&th, &ph, &pmode("TH", "PH", &Agreement::default()), &theirs);
    let (ph_node, th_node) = (ph.start(), th.start());
    let key = submit(&ph_node, b"<one/>");
    let failed = ph_node.wait_state(key, "failed");
    assert_eq!(failed["attempts"], 1, "{failed:#}");
    assert_eq!(ph_node.get("/v1/notices").json()["items"][0]["code"], "EBMS:0001");
    assert_eq!(th_node.get("/v1/messages").json(), json!({"items": []}));
}

/// Pulls a ping and drafts its receipt as the puller would, with the machine of the puller.
fn receipt(world: &World, peer: &Peer, th: &Party, ph: &Party) -> Wire {
    let reply = pull_one(peer);
    let text = std::fs::read_to_string(th.folder.join("kits/PH/in.toml")).unwrap();
    let pmode = PMode::read("in.toml", &text).unwrap();
    let root = CertificateDer::from_pem_slice(world.authority.pem().as_bytes()).unwrap();
    let signer = SignerBinding::Anchored {
        anchors: Arc::new(Anchors::new(&[root], &[], RevocationPolicy::default()).unwrap()),
        subject: Subject::parse(&format!("CN={} signing", ph.id)).unwrap(),
        policies: Vec::new(),
    };
    let sender = pmode.sender().id.clone();
    let partner = Partner {
        party: sender.clone(),
        tls: TlsBinding::Off,
        signer,
        intermediates: Vec::new(),
        known: Vec::new(),
        recipients: Vec::new(),
    };
    let agreements = Agreements {
        us: pmode.receiver().id.clone(),
        partners: std::iter::once(partner).collect(),
        pmodes: PModes::new(vec![pmode.clone()]).unwrap(),
        limits: carnet_wire::Limits::default(),
        decryption: Vec::new(),
    };
    let mut inbound = Inbound::pulled(Arc::new(agreements), sender, pmode.mpc.clone());
    inbound.envelope(reply.body().as_bytes(), jiff::Timestamp::now());
    let message_id = MessageId::parse(&format!("{}@receipt", uuid::Uuid::new_v4())).unwrap();
    let signal = SignalInfo { message_id, timestamp: jiff::Timestamp::now() };
    match inbound.finish(signal) {
        Decision::Accept(accepted) => peer.signed(&accepted.receipt),
        other => panic!("{other:?}"),
    }
}

fn between(wire: &Wire, from: &str, to: &str) -> String {
    let text = String::from_utf8(wire.body.clone()).unwrap();
    let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap());
    text[start..end + to.len()].to_owned()
}

fn envelope(reply: &Reply) -> &str {
    let (start, end) = (reply.text.find("<S12:Envelope").unwrap(), reply.text.find("</S12:Envelope>").unwrap());
    &reply.text[start..end]
}

/// The envelope without its security header.
fn unsigned(envelope: &str) -> String {
    let (from, to) = (envelope.find("<wsse:Security").unwrap(), envelope.find("</wsse:Security>").unwrap());
    format!("{}{}", &envelope[..from], &envelope[to + "</wsse:Security>".len()..])
}
