//! What the double takes of what it is sent, and the code of what it does not.

use carnet_harness::judge::ebms::{self, Ebms, User};
use carnet_harness::root::{self, Package};
use carnet_harness::{Setup, http, sealed};
use carnet_wire::{Limits, gzip};

use super::{ENCRYPTED, Fault, MAIN, State, common_name};

/// A code, and what was read of the message that it is about.
type Refusal = (&'static str, Option<Box<Ebms>>);

impl State {
    /// Takes a message, or says with which code it does not. `None` inside is a duplicate or a ping: nothing to do.
    pub(super) fn accept(&self, request: &[u8]) -> Result<Option<(Ebms, Package)>, Refusal> {
        let message = http::read(request).map_err(|_| ("EBMS:0004", None))?;
        if message.headers.len() > 100 {
            return Err(("EBMS:0004", None));
        }
        let mut package = root::package(&message).ok_or(("EBMS:0007", None))?;
        if package.fault.is_some() {
            return Err(("EBMS:0007", None));
        }
        let agreement = package.text().and_then(|envelope| root::names(&envelope).agreement).unwrap_or_default();
        if let Some(key) = sealed::reveal(&package.envelope, [&self.decryption]).filter(|_| agreement == ENCRYPTED) {
            sealed::open(&mut package, &key);
        }
        let envelope = package.envelope.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&package.envelope).to_vec();
        let ebms = match ebms::read(&envelope) {
            Ok(ebms) => ebms,
            Err(_) if self.has(Fault::AcceptsAnything) => return Ok(None),
            Err(_) => return Err(("EBMS:0009", None)),
        };
        if self.has(Fault::AcceptsAnything) {
            return Ok(self.fresh(&ebms).unwrap_or(false).then_some((ebms, package)));
        }
        let boxed = Some(Box::new(ebms.clone()));
        let refuse = |code: &'static str| Err((code, boxed.clone()));
        let signature = &ebms.signature;
        if !signature.present {
            return refuse("EBMS:0103");
        }
        if signature.fault.is_some() || !signature.messaging || !signature.body {
            return refuse("EBMS:0101");
        }
        if signature.trusted(&self.anchors, Setup::now()).is_err() {
            return refuse("EBMS:0101");
        }
        let Some(user) = &ebms.user else { return refuse("EBMS:0009") };
        let messages = String::from_utf8_lossy(&envelope).matches("<eb:UserMessage>").count();
        if messages != 1 || ebms.message_id.is_empty() {
            return refuse("EBMS:0009");
        }
        if demands_unknown_header(&envelope) {
            return refuse("EBMS:0009");
        }
        let twice = |at: usize| user.parts.iter().take(at).any(|earlier| earlier.0 == user.parts[at].0);
        if (0..user.parts.len()).any(twice) {
            return refuse("EBMS:0009");
        }
        if agreement != ENCRYPTED && String::from_utf8_lossy(&envelope).contains("<xenc:Encrypted") {
            return refuse("EBMS:0103");
        }
        // No Service of this agreement has a type, and without one it is a URI.
        if !user.service.contains(':') {
            return refuse("EBMS:0003");
        }
        let Some(leaf) = signature.chain.first() else { return refuse("EBMS:0101") };
        if common_name(leaf) != user.from.0 {
            return refuse("EBMS:0101");
        }
        if user.to.0 != "DOUBLE" || user.from.0 != "SUITE" || ![MAIN, ENCRYPTED].contains(&agreement.as_str()) {
            return refuse("EBMS:0010");
        }
        let ping = user.action.ends_with("/test");
        if !ping
            && (user.service != "urn:carnet:service:declaration:1"
                || !["declaration", "cancellation"].contains(&user.action.as_str()))
        {
            return refuse("EBMS:0001");
        }
        for (href, properties) in &user.parts {
            let Some(cid) = href.strip_prefix("cid:") else { return refuse("EBMS:0011") };
            let Some(part) = package.parts.iter().find(|part| part.cid.as_deref() == Some(cid)) else {
                return refuse("EBMS:0007");
            };
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            if value("CompressionType").is_some() {
                if value("MimeType").is_none() || value("CharacterSet").is_some_and(|set| set.contains(' ')) {
                    return refuse("EBMS:0003");
                }
                if signature.parts.iter().all(|(covered, _)| covered != cid) {
                    return refuse("EBMS:0101");
                }
            }
            let _ = part;
        }
        let listed = Package {
            // In the order of PartInfo, whatever the order of the parts: the first is the leading document.
            parts: user
                .parts
                .iter()
                .filter_map(|(href, _)| {
                    package.parts.iter().find(|part| part.cid.as_deref() == href.strip_prefix("cid:"))
                })
                .cloned()
                .collect(),
            ..package.clone()
        };
        if signature.covers_parts(&listed).is_err() {
            return refuse("EBMS:0101");
        }
        for (href, properties) in &user.parts {
            let part = listed
                .parts
                .iter()
                .find(|part| Some(href.as_str()) == part.cid.as_ref().map(|c| format!("cid:{c}")).as_deref());
            if properties.iter().any(|(name, _)| name == "CompressionType")
                && part.is_none_or(|part| {
                    gzip::inflate(&part.body, &Limits { inflated: 16 << 20, ..Limits::default() }).is_err()
                })
            {
                return refuse("EBMS:0303");
            }
        }
        match self.fresh(&ebms) {
            None => refuse("EBMS:0004"),
            Some(true) if !ping => {
                if !self.has(Fault::DeliversNothing) {
                    self.tell("delivered.txt", &ebms.message_id);
                }
                Ok(Some((ebms, listed)))
            }
            Some(again) => {
                if (!again && self.has(Fault::DeliversTwice)) || (ping && self.has(Fault::DeliversPing)) {
                    self.tell("delivered.txt", &ebms.message_id);
                }
                Ok(None)
            }
        }
    }

    /// Whether the message is new; none when its id was used for something else.
    fn fresh(&self, ebms: &Ebms) -> Option<bool> {
        let digests: Vec<Vec<u8>> =
            ebms.signature.references.iter().filter(|r| r.uri.starts_with("cid:")).map(|r| r.digest.clone()).collect();
        let header = ebms.user.clone().map(|user| User { parts: Vec::new(), ..user });
        let mut seen = self.seen.lock().unwrap();
        match seen.get(&ebms.message_id) {
            None => {
                seen.insert(ebms.message_id.clone(), (header, digests));
                Some(true)
            }
            Some(before) if *before == (header, digests) => Some(false),
            Some(_) => None,
        }
    }
}

/// Whether a header block that is neither Messaging nor Security must be understood.
fn demands_unknown_header(envelope: &[u8]) -> bool {
    const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
    let Some(text) = std::str::from_utf8(envelope).ok() else { return false };
    let Ok(tree) = roxmltree::Document::parse(text) else { return false };
    let header = tree.root_element().children().find(|node| node.has_tag_name((SOAP, "Header")));
    header.is_some_and(|header| {
        header.children().filter(roxmltree::Node::is_element).any(|block| {
            let known = matches!(block.tag_name().name(), "Messaging" | "Security");
            !known && matches!(block.attribute((SOAP, "mustUnderstand")), Some("true" | "1"))
        })
    })
}
