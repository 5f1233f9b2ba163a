//! What the back end hands over comes out at the other end: properties, file names, order; and what the P-Mode asks for
//! is asked for on both sides.

use base64::Engine as _;
use serde_json::json;

use crate::world::http::request;
use crate::world::peer::{Peer, Wire};
use crate::world::{Agreement, World, pmode};

const EXPORT: &[u8] = include_bytes!("../../../../fixtures/packs/declaration/messages/valid/export-sea.xml");
const PATH: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";

#[test]
fn properties_and_names_travel_with_and_without_type() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, th_node) = (ph.start(), th.start());
    let body = "--b\r\nContent-Type: application/xml\r\nPart-Property: name=Page; value=1\r\nPart-Property: name=Ort; type=\"urn:t\"; value=\"Köln\"\r\n\r\n<a/>\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename*=UTF-8''%C3%A9.txt\r\n\r\nnote\r\n--b--\r\n";
    let headers = [
        ("content-type", "multipart/related; boundary=b"),
        ("message-property", "name=plain; value=\"a; b\""),
        ("Message-Property", "name=typed; type=\"urn:x\"; value=\"ünï\""),
    ];
    let submitted = request(ph_node.api, "POST", PATH, &headers, body.as_bytes());
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    let key = submitted.json()["key"].as_i64().unwrap();
    let sent = ph_node.wait_state(key, "delivered");
    let page = th_node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    let came = th_node.get(&format!("/v1/messages/{}", page["items"][0]["key"])).json();
    for message in [&sent, &came] {
        let header = &message["header"];
        assert_eq!(
            header["properties"],
            json!([{"name": "plain", "value": "a; b"}, {"name": "typed", "type": "urn:x", "value": "ünï"}]),
            "{message:#}"
        );
        assert_eq!(header["agreement"], "urn:carnet:agreement:PH-TH:1");
        let parts = &message["parts"];
        assert_eq!(
            parts[0]["properties"],
            json!([{"name": "Page", "value": "1"}, {"name": "Ort", "type": "urn:t", "value": "Köln"}]),
            "{message:#}"
        );
        assert_eq!(parts[0]["mime_type"], "application/xml");
        assert_eq!(parts[1]["filename"], "é.txt", "{message:#}");
    }
    let one = [("content-type", "application/xml"), ("content-disposition", "attachment; filename=\"one.xml\"")];
    let key = request(ph_node.api, "POST", PATH, &one, b"<a/>").json()["key"].as_i64().unwrap();
    assert_eq!(ph_node.wait_state(key, "delivered")["parts"][0]["filename"], "one.xml");
    for wrong in ["name=x", "value=x", "name=x; value=\"\"", "name=x; value=y; colour=red", "nonsense"] {
        let headers = [("content-type", "application/xml"), ("message-property", wrong)];
        assert_eq!(request(ph_node.api, "POST", PATH, &headers, b"<a/>").status, 400, "{wrong}");
    }
    let own = [("content-type", "application/xml"), ("part-property", "name=MimeType; value=text/html")];
    assert_eq!(request(ph_node.api, "POST", PATH, &own, b"<a/>").status, 400);
}

#[test]
fn an_agreement_need_not_be_named() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let without = |from, to| pmode(from, to, &Agreement::default()).replace("agreement = ", "# agreement = ");
    World::agree(&ph, &th, &without("PH", "TH"), &without("TH", "PH"));
    World::agree(&th, &ph, &without("TH", "PH"), &without("PH", "TH"));
    let (ph_node, th_node) = (ph.start(), th.start());
    let path = format!("{PATH}&conversation=c7");
    let refused = ph_node.post(&format!("{path}&ref_to=earlier@test"), "application/xml", b"<a/>");
    assert_eq!((refused.status, &refused.json()["type"]), (422, &json!("urn:carnet:problem:not-agreed")));
    let refused = ph_node.post(&format!("{path}&agreement=urn:x"), "application/xml", b"<a/>");
    assert_eq!(refused.status, 422, "no P-Mode has an agreement of that name");
    let key = ph_node.post(&path, "application/xml", b"<a/>").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
    let page = th_node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    let came = th_node.get(&format!("/v1/messages/{}", page["items"][0]["key"])).json();
    assert_eq!(came["conversation"], "c7");
    assert!(came["header"].get("agreement").is_none(), "{came:#}");
}

#[test]
fn the_four_corners_are_asked_for_on_both_sides_and_turned_in_the_answer() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let corners = |from, to| {
        let text = pmode(from, to, &Agreement::default());
        text.replace("agreement = ", "properties = [\"originalSender\", \"finalRecipient\"]\nagreement = ")
    };
    World::agree(&ph, &th, &pmode("PH", "TH", &Agreement::default()), &corners("TH", "PH"));
    World::agree(&th, &ph, &corners("TH", "PH"), &corners("PH", "TH"));
    let th_node = th.start();
    // A partner that leaves the corners out, and one that names a corner twice.
    let peer = Peer::new(&world, &ph, &th, th_node.as4);
    assert_eq!(peer.send(&peer.message("bare@test", b"<a/>")).refusal(), "EBMS:0010");
    World::agree(&ph, &th, &corners("PH", "TH"), &corners("TH", "PH"));
    let ph_node = ph.start();
    let refused = ph_node.post("/v1/messages?to=TH", "application/xml", EXPORT);
    assert_eq!(refused.status, 422);
    assert!(refused.json()["detail"].as_str().unwrap().contains("originalSender is missing"), "{:#}", refused.json());
    let headers = [
        ("content-type", "application/xml"),
        ("message-property", "name=originalSender; type=\"urn:c\"; value=\"trader\""),
        ("message-property", "name=finalRecipient; type=\"urn:c\"; value=\"office\""),
        ("message-property", "name=trackingIdentifier; value=\"t-1\""),
    ];
    let twice = [&headers[..], &[headers[1]]].concat();
    assert_eq!(request(ph_node.api, "POST", "/v1/messages?to=TH", &twice, EXPORT).status, 422);
    let submitted = request(ph_node.api, "POST", "/v1/messages?to=TH", &headers, EXPORT);
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    let answers = ph_node.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| !items.is_empty())
    });
    let answer = ph_node.get(&format!("/v1/messages/{}", answers["items"][0]["key"])).json();
    assert_eq!(
        answer["header"]["properties"],
        json!([
            {"name": "originalSender", "type": "urn:c", "value": "office"},
            {"name": "finalRecipient", "type": "urn:c", "value": "trader"}
        ]),
        "{answer:#}"
    );
    assert_eq!((answer["from"]["id"].as_str(), answer["to"]["id"].as_str()), (Some("TH"), Some("PH")));
    let key = ph_node.post("/v1/pings?to=TH", "text/plain", b"").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
}

#[test]
fn base64_parts_and_a_byte_order_mark_are_taken() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    let payload = crate::world::noise(5000);
    let octets = carnet_wire::gzip::deflate(&payload);
    let good = peer.packed("base64@test", &octets);
    let at = good.body.windows(octets.len()).position(|window| window == octets).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(&octets);
    let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
    let body = [&good.body[..at], &lines.join(&b"\r\n"[..]), &good.body[at + octets.len()..]].concat();
    let part = "Content-Type: application/gzip\r\nContent-Transfer-Encoding: ";
    let wire = Wire { body, ..good.clone() }.replace(&format!("{part}binary"), &format!("{part}base64"));
    assert!(peer.send(&wire).is_receipt(), "{}", th.log());
    assert!(peer.raw(&wire.chunked(7)).is_receipt(), "in small pieces, as a duplicate: {}", th.log());
    let page = node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    let key = page["items"][0]["key"].as_i64().unwrap();
    assert!(node.get(&format!("/v1/messages/{key}/parts/1")).body == payload);
    let quoted = good.replace(&format!("{part}binary"), &format!("{part}quoted-printable"));
    assert_eq!(peer.send(&quoted).refusal(), "EBMS:0007");
    let ping = peer.ping("bom@test");
    let marked = Wire { body: [b"\xef\xbb\xbf", &ping.body[..]].concat(), ..ping };
    assert!(peer.send(&marked).is_receipt(), "{}", th.log());
}
