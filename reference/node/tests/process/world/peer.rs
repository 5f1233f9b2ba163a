//! A partner that is not a node: it makes real messages, and can break them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails its test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use carnet_as4::id::{Action, ContentId, ConversationId, MessageId, Mpc, Service};
use carnet_as4::inbound::SignalInfo;
use carnet_as4::outbound::{OutPart, Submission, package};
use carnet_as4::partner::Identity;
use carnet_as4::pmode::{PMode, Signs};
use carnet_as4::respond::Draft;
use carnet_wire::digest::{PartDigest, Transform};
use carnet_wire::mime::{PartHeader, Writer};
use carnet_wire::token::TokenType;
use carnet_wire::wss::{Digest, RsaSigner, SecurityIds, Signing, SigningToken, sign_document};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Party, World};

pub(crate) struct Peer {
    pmode: PMode,
    identity: Identity,
    chain: Vec<CertificateDer<'static>>,
    signer: Arc<RsaSigner>,
    config: Arc<ClientConfig>,
    port: u16,
}

/// A request: media type and body.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// What came back; no status when the connection was closed instead.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
}

impl Peer {
    /// Speaks as `us` to the node of `them` at `port`.
    pub(crate) fn new(world: &World, us: &Party, them: &Party, port: u16) -> Self {
        let text = std::fs::read_to_string(us.folder.join("kits").join(&them.id).join("out.toml")).unwrap();
        let signing = carnet_https::Identity::from_pem(us.signing.chain.as_bytes(), us.signing.key.as_bytes()).unwrap();
        let signer = Arc::new(RsaSigner::from_pkcs8(signing.key().secret_der()).unwrap());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(world.authority.pem().as_bytes()).unwrap()).unwrap();
        let chain = CertificateDer::pem_slice_iter(us.tls.chain.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(us.tls.key.as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        Self {
            pmode: PMode::read("out.toml", &text).unwrap(),
            identity: Identity::new(signing.chain(), Arc::clone(&signer) as Arc<_>).unwrap(),
            chain: signing.chain().to_vec(),
            signer,
            config: Arc::new(config),
            port,
        }
    }

    /// A genuine message.
    pub(crate) fn message(&self, id: &str, payload: &[u8]) -> Wire {
        self.packed(id, &carnet_wire::gzip::deflate(payload))
    }

    /// A message whose part travels as these octets, whatever they are, and is signed as they are.
    pub(crate) fn packed(&self, id: &str, octets: &[u8]) -> Wire {
        let digest = PartDigest { sha256: carnet_wire::digest::sha256(octets), length: octets.len() as u64 };
        let part = OutPart {
            id: ContentId::parse("part-1@test").unwrap(),
            mime_type: "application/xml".to_owned(),
            character_set: None,
            compressed: true,
            filename: None,
            properties: vec![],
            digest,
        };
        let header = part.header();
        let envelope = self.envelope(id, vec![part], ("urn:test:service", "anything"), None);
        multipart(&envelope, &[(header, octets)])
    }

    /// The envelope of a message with these parts, which travel as they are, and the parts with their headers.
    pub(crate) fn uncompressed<'a>(
        &self,
        id: &str,
        parts: &[(&str, &'a [u8])],
    ) -> (Vec<u8>, Vec<(PartHeader, &'a [u8])>) {
        let limits = carnet_wire::Limits::default();
        let part = |(number, (media, octets)): (usize, &(&str, &[u8]))| OutPart {
            id: ContentId::parse(&format!("part-{number}@test")).unwrap(),
            mime_type: (*media).to_owned(),
            character_set: None,
            compressed: false,
            filename: None,
            properties: vec![],
            digest: carnet_wire::digest::part(Transform::of(media), octets, &limits).unwrap(),
        };
        let out: Vec<_> = parts.iter().enumerate().map(part).collect();
        let headers = out.iter().map(OutPart::header).zip(parts.iter().map(|(_, octets)| *octets)).collect();
        (self.envelope(id, out, ("urn:test:service", "anything"), None), headers)
    }

    /// A ping: no parts, so plain SOAP.
    pub(crate) fn ping(&self, id: &str) -> Wire {
        let test = (carnet_as4::ns::TEST_SERVICE, carnet_as4::ns::TEST_ACTION);
        Wire {
            content_type: "application/soap+xml; charset=UTF-8".to_owned(),
            body: self.envelope(id, vec![], test, None),
        }
    }

    /// A message without parts that says it answers another.
    pub(crate) fn reply(&self, id: &str, ref_to: Option<&str>) -> Wire {
        let body = self.envelope(id, vec![], ("urn:test:service", "anything"), ref_to);
        Wire { content_type: "application/soap+xml; charset=UTF-8".to_owned(), body }
    }

    /// A pull request.
    pub(crate) fn pull(&self, id: &str, mpc: &str) -> Wire {
        let signal = SignalInfo { message_id: MessageId::parse(id).unwrap(), timestamp: jiff::Timestamp::now() };
        self.signed(&Draft::pull(Mpc::parse(mpc).unwrap(), Signs::default(), signal))
    }

    /// A signal, signed.
    pub(crate) fn signed(&self, draft: &Draft) -> Wire {
        let answer = draft.sign(&self.identity).unwrap();
        Wire { content_type: answer.content_type.to_owned(), body: answer.body }
    }

    /// An envelope without Security signed anew, whatever it holds.
    pub(crate) fn sealed(&self, envelope: &str) -> Wire {
        let token = SigningToken::new(TokenType::X509PkiPath, &self.chain).unwrap();
        let ids = SecurityIds { token: "t", signature: "s" };
        let limits = carnet_wire::Limits::default();
        let signing = Signing { token: &token, ids, signer: &*self.signer, digest: Digest::Sha256, limits };
        let body = sign_document(envelope, &["as4-messaging", "as4-body"], &[], &signing).unwrap().into_bytes();
        Wire { content_type: "application/soap+xml; charset=UTF-8".to_owned(), body }
    }

    fn envelope(
        &self,
        id: &str,
        parts: Vec<OutPart>,
        (service, action): (&str, &str),
        ref_to: Option<&str>,
    ) -> Vec<u8> {
        let submission = Submission {
            message_id: MessageId::parse(id).unwrap(),
            timestamp: jiff::Timestamp::now(),
            conversation: ConversationId::parse("c1").unwrap(),
            ref_to: ref_to.map(|id| MessageId::parse(id).unwrap()),
            service: Service::new(service, None).unwrap(),
            action: Action::parse(action).unwrap(),
            properties: vec![],
            parts,
        };
        package(&self.pmode, &submission).unwrap().sign(&self.identity).unwrap().envelope
    }

    pub(crate) fn open(&self) -> Stream {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let name = "localhost".try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.config), name).unwrap(), tcp)
    }

    pub(crate) fn send(&self, wire: &Wire) -> Reply {
        self.raw(&wire.request(""))
    }

    /// Sends octets and reads to the end.
    pub(crate) fn raw(&self, octets: &[u8]) -> Reply {
        let mut stream = self.open();
        // The node may answer and close before it has read everything.
        let _ = stream.write_all(octets).and_then(|()| stream.flush());
        read(&mut stream)
    }
}

impl Wire {
    /// The whole HTTP request.
    pub(crate) fn request(&self, more: &str) -> Vec<u8> {
        let head = format!(
            "POST /as4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {}\r\n{more}Content-Length: {}\r\n\r\n",
            self.content_type,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }

    /// The request in chunks, so that its length is not known beforehand.
    pub(crate) fn chunked(&self, size: usize) -> Vec<u8> {
        let mut request = format!(
            "POST /as4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.content_type
        )
        .into_bytes();
        for chunk in self.body.chunks(size) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        request
    }

    /// With one text of the body replaced by another; it must be there.
    pub(crate) fn replace(&self, old: &str, new: &str) -> Self {
        let at = self.body.windows(old.len()).position(|window| window == old.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{old:?} is not in the body"));
        let body = [&self.body[..at], new.as_bytes(), &self.body[at + old.len()..]].concat();
        Self { body, ..self.clone() }
    }
}

impl Reply {
    /// The ebMS code or HTTP status of a refusal; `closed` when there was no answer.
    pub(crate) fn refusal(&self) -> String {
        assert!(!self.is_receipt(), "a receipt: {}", self.text);
        match (self.text.find("errorCode=\""), self.status) {
            (Some(at), _) => self.text[at + 11..].split('"').next().unwrap().to_owned(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "closed".to_owned(),
        }
    }

    /// What stands behind the HTTP head.
    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    pub(crate) fn is_receipt(&self) -> bool {
        self.status == Some(200) && self.text.contains("NonRepudiationInformation")
    }
}

pub(crate) fn read(stream: &mut Stream) -> Reply {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Reply { status, text }
}

pub(crate) fn multipart(envelope: &[u8], parts: &[(PartHeader, &[u8])]) -> Wire {
    in_order(&[&[(root(), envelope)][..], parts].concat())
}

/// The header of the root part.
pub(crate) fn root() -> PartHeader {
    PartHeader {
        content_type: "application/soap+xml; charset=UTF-8".to_owned(),
        content_id: "root@test".to_owned(),
        headers: vec![],
    }
}

/// A multipart of these parts, of which one is the root.
pub(crate) fn in_order(parts: &[(PartHeader, &[u8])]) -> Wire {
    let mut writer = Writer::new("test-boundary").unwrap();
    let content_type = writer.content_type("application/soap+xml", Some("root@test")).unwrap();
    let mut body = Vec::new();
    for (header, octets) in parts {
        body.extend_from_slice(&writer.part(header).unwrap());
        body.extend_from_slice(octets);
    }
    body.extend_from_slice(&writer.close());
    Wire { content_type, body }
}
