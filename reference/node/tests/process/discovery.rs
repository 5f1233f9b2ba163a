//! A Dynamic Sender: a party that no kit names is sent to where a publisher of service metadata says; whatever is wrong
//! with the answer, or with what it names, the producer hears of it.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use carnet_smp::AS4_TRANSPORT;

use crate::world::pki::{Authority, Issued};
use crate::world::smp::{Entry, Publisher, Says, redirect};
use crate::world::{Agreement, Node, Party, World, endpoint, free_ports, pmode};

const ANYTHING: &str = "/v1/messages?to=VN&service=urn:test:service&action=anything";

/// PH, which knows VN by name alone, the publisher that it asks, and VN.
struct Pair {
    world: World,
    publisher: Publisher,
    smp: Issued,
    ph: Party,
    vn: Party,
}

impl Pair {
    fn new(profile: &str, agreement: &Agreement, more: &str) -> Self {
        let world = World::new();
        let (mut ph, mut vn) = (world.party("PH"), world.party("VN"));
        for party in [&mut ph, &mut vn] {
            party.signing = world.authority.signing_and_encryption(&format!("{} signing", party.id));
            std::fs::write(party.folder.join("signing.pem"), &party.signing.chain).unwrap();
            std::fs::write(party.folder.join("signing.key"), &party.signing.key).unwrap();
        }
        let text = pmode("PH", "VN", agreement).replace("\"customs-c2c\"", &format!("\"{profile}\""));
        let token = "token = \"x509-pkipath\"";
        let text = if profile == "customs-c2c" { text } else { text.replace(token, "token = \"x509-v3\"") };
        world.kit(&vn, &ph, &[], agreement);
        let backwards = text.replace("PH", "\u{0}").replace("VN", "PH").replace('\u{0}', "VN");
        let end = "-----END CERTIFICATE-----\n";
        let leaf = ph.signing.chain.split_inclusive(end).next().unwrap();
        std::fs::write(vn.folder.join("kits/PH/encryption.pem"), leaf).unwrap();
        let kit = std::fs::read_to_string(vn.folder.join("kits/PH/kit.toml")).unwrap();
        let kit = kit.replace("pmodes = ", "encryption_certificate = \"encryption.pem\"\npmodes = ");
        std::fs::write(vn.folder.join("kits/PH/kit.toml"), kit).unwrap();
        World::agree(&vn, &ph, &backwards, &text);
        let decryption = "[[decryption]]\nchain = \"signing.pem\"\nkey = \"signing.key\"\n";
        vn.configure(0, &["PH"], decryption);
        std::fs::write(ph.folder.join("found.toml"), text.replacen("party = \"VN\"\n", "", 1)).unwrap();
        std::fs::write(ph.folder.join("anchors.pem"), world.authority.pem()).unwrap();
        let publisher = Publisher::start();
        let table = format!(
            "[[discovery]]\nsmp = \"{}\"\nsmp_signing_anchors = \"anchors.pem\"\nsmp_signing_subject = \"CN=SMP\"\n\
             tls_anchors = \"anchors.pem\"\nsigning_anchors = \"anchors.pem\"\npmodes = [\"found.toml\"]\n{more}",
            publisher.url()
        );
        ph.configure(0, &[], &table);
        let smp = world.authority.signing("SMP");
        Self { world, publisher, smp, ph, vn }
    }

    /// What the publisher rightly says of VN.
    fn entry(&self, port: u16) -> Entry {
        Entry {
            participant: "VN".to_owned(),
            document: "anything".to_owned(),
            process: "urn:test:service".to_owned(),
            transport: AS4_TRANSPORT.to_owned(),
            endpoint: endpoint(port),
            certificate: self.vn.signing.chain.clone(),
        }
    }
}

fn submit(node: &Node) -> i64 {
    let submitted = node.post(ANYTHING, "application/octet-stream", b"a document");
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    submitted.json()["key"].as_i64().unwrap()
}

/// The code that the producer is told at last.
fn told(node: &Node, key: i64) -> String {
    let notices = node.get("/v1/notices?after=0").json();
    let items = notices["items"].as_array().unwrap();
    items.iter().find(|item| item["key"] == key).unwrap()["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_party_is_found_and_the_answer_kept() {
    for profile in ["customs-c2c", "edelivery-1.15-encrypted"] {
        let pair = Pair::new(profile, &Agreement::default(), "");
        let (vn, ph) = (pair.vn.start(), pair.ph.start());
        pair.publisher.say(&[Says::Metadata(pair.entry(vn.as4).signed(&pair.smp))]);
        for _ in 0..2 {
            let sent = ph.wait_state(submit(&ph), "delivered");
            assert_eq!(sent["attempts"], 1, "{sent:#} {}", pair.ph.log());
        }
        let participant = "urn%3Aoasis%3Anames%3Atc%3Aebcore%3Apartyid-type%3Aunregistered%3Acustoms%3A%3AVN";
        assert_eq!(pair.publisher.asked(), [format!("/smp/{participant}/services/%3A%3Aanything")]);
        let page = vn.wait("/v1/messages?direction=in&state=delivered", |page| {
            page["items"].as_array().is_some_and(|items| items.len() == 2)
        });
        assert_eq!(page["items"][0]["from"]["id"], "PH");
        // A test message goes where the P-Mode's first service is received, which is not what was found.
        pair.publisher.say(&[Says::Status(404, String::new())]);
        let ping = ph.post("/v1/pings?to=VN", "text/plain", b"").json()["key"].as_i64().unwrap();
        ph.wait(&format!("/v1/messages/{ping}"), |message| message["attempts"].as_u64() >= Some(1));
        assert_eq!(pair.publisher.asked()[0], format!("/smp/{participant}/services/%3A%3Adeclaration"));
        assert_eq!(ph.stop(), Some(0));
    }
}

#[test]
fn an_answer_counts_for_as_long_as_it_may() {
    let pair = Pair::new("customs-c2c", &Agreement::default(), "cache = \"1ms\"\n");
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    pair.publisher.say(&[Says::Metadata(pair.entry(vn.as4).signed(&pair.smp))]);
    for asked in 1..=2 {
        ph.wait_state(submit(&ph), "delivered");
        assert_eq!(pair.publisher.asked().len(), asked);
    }
}

#[test]
fn a_publisher_may_name_another_once() {
    let pair = Pair::new("customs-c2c", &Agreement::default(), "");
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    let next = redirect(&format!("http://localhost:{}/next", pair.publisher.port), &pair.smp);
    pair.publisher.say(&[Says::Metadata(next), Says::Metadata(pair.entry(vn.as4).signed(&pair.smp))]);
    ph.wait_state(submit(&ph), "delivered");
    assert_eq!(pair.publisher.asked()[1], "/next");
}

#[test]
fn what_does_not_take_the_message_is_looked_up_again() {
    let pair = Pair::new("customs-c2c", &Agreement::default(), "");
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    let [closed] = free_ports();
    let right = Says::Metadata(pair.entry(vn.as4).signed(&pair.smp));
    pair.publisher.say(&[Says::Metadata(pair.entry(closed).signed(&pair.smp)), right.clone()]);
    assert_eq!(ph.wait_state(submit(&ph), "delivered")["attempts"], 2);
    assert_eq!(pair.publisher.asked().len(), 2);
    // What is kept serves until it fails: a moved party is found again.
    drop(vn);
    let vn = pair.vn.start();
    pair.publisher.say(&[Says::Metadata(pair.entry(vn.as4).signed(&pair.smp))]);
    assert_eq!(ph.wait_state(submit(&ph), "delivered")["attempts"], 2);
    assert_eq!(pair.publisher.asked().len(), 1);
}

#[test]
fn a_lookup_that_fails_is_tried_again_and_told() {
    let agreement = Agreement { retry_interval: "20ms", retry_count: 1, ..Agreement::default() };
    let pair = Pair::new("customs-c2c", &agreement, "timeout = \"500ms\"\nmax_bytes = 16384\n");
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    let right = pair.entry(vn.as4);
    let with = |change: &dyn Fn(&mut Entry)| {
        let mut entry = right.clone();
        change(&mut entry);
        Says::Metadata(entry.signed(&pair.smp))
    };
    let good = right.signed(&pair.smp);
    let own = format!("http://localhost:{}/again", pair.publisher.port);
    let stranger = Authority::new("another root");
    let wrong = [
        ("an unknown participant", Says::Status(404, String::new())),
        ("a publisher in trouble", Says::Status(500, String::new())),
        ("a redirection of HTTP", Says::Status(302, format!("Location: {own}\r\n"))),
        ("a loop of publishers", Says::Metadata(redirect(&own, &pair.smp))),
        ("a wrong signature", Says::Metadata(good.replace("<EndpointURI>https", "<EndpointURI>HTTPS"))),
        ("an untrusted signer", Says::Metadata(right.signed(&stranger.signing("SMP")))),
        ("another signer", Says::Metadata(right.signed(&pair.world.authority.signing("another")))),
        ("another participant", with(&|entry| entry.participant = "TH".to_owned())),
        ("another document", with(&|entry| entry.document = "something".to_owned())),
        ("another process", with(&|entry| entry.process = "urn:other:service".to_owned())),
        ("another transport", with(&|entry| entry.transport = "bdxr-transport-ebms3-as4-v9p9".to_owned())),
        ("an endpoint without TLS", with(&|entry| entry.endpoint = entry.endpoint.replace("https", "http"))),
        (
            "an expired certificate",
            with(&|entry| {
                entry.certificate = pair.world.authority.signing_expired("VN signing").chain;
            }),
        ),
        ("an untrusted certificate", with(&|entry| entry.certificate = stranger.signing("VN signing").chain)),
        ("too large an answer", Says::Metadata(format!("{good}{}", " ".repeat(20_000)))),
        ("no answer", Says::Nothing),
    ];
    for (what, says) in wrong {
        pair.publisher.say(&[says]);
        let key = submit(&ph);
        let failed = ph.wait_state(key, "failed");
        assert_eq!(failed["attempts"], 2, "{what}: {failed:#}");
        assert_eq!(told(&ph, key), "EBMS:0005", "{what}");
        assert!(pair.publisher.asked().len() >= 2, "{what}: {:?}", pair.publisher.asked());
    }
    assert!(vn.get("/v1/messages").json()["items"].as_array().unwrap().is_empty());
    pair.publisher.say(&[Says::Metadata(good)]);
    ph.wait_state(submit(&ph), "delivered");
}

#[test]
fn a_receipt_of_another_certificate_than_was_found_is_told() {
    let agreement = Agreement { retry_interval: "20ms", retry_count: 1, ..Agreement::default() };
    let pair = Pair::new("customs-c2c", &agreement, "");
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    // Of the same name, by the same authority.
    let certificate = pair.world.authority.signing("VN signing").chain;
    pair.publisher.say(&[Says::Metadata(Entry { certificate, ..pair.entry(vn.as4) }.signed(&pair.smp))]);
    let key = submit(&ph);
    ph.wait_state(key, "failed");
    assert_eq!(told(&ph, key), "EBMS:0302");
}

#[test]
fn a_party_under_another_authority_is_not_sent_to() {
    let agreement = Agreement { retry_interval: "20ms", retry_count: 0, ..Agreement::default() };
    let mut pair = Pair::new("customs-c2c", &agreement, "");
    // What the publisher signs does not make a server trusted.
    pair.vn.tls = Authority::new("another root").tls("VN tls");
    std::fs::write(pair.vn.folder.join("tls.pem"), &pair.vn.tls.chain).unwrap();
    std::fs::write(pair.vn.folder.join("tls.key"), &pair.vn.tls.key).unwrap();
    let (vn, ph) = (pair.vn.start(), pair.ph.start());
    pair.publisher.say(&[Says::Metadata(pair.entry(vn.as4).signed(&pair.smp))]);
    let key = submit(&ph);
    ph.wait_state(key, "failed");
    assert!(vn.get("/v1/messages").json()["items"].as_array().unwrap().is_empty());
}

#[test]
fn nobody_is_looked_up_for_what_is_not_agreed() {
    let pair = Pair::new("customs-c2c", &Agreement::default(), "");
    let ph = pair.ph.start();
    let refused = ph.post(&ANYTHING.replace("anything", "nothing"), "application/octet-stream", b"a");
    assert_eq!(refused.status, 422, "{}", String::from_utf8_lossy(&refused.body));
    assert!(pair.publisher.asked().is_empty());
}
