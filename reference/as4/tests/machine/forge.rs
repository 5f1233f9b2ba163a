//! Messages with something wrong in them and a signature that holds all the same: written by hand, signed by the
//! trader's real key.

use crate::driver::Http;
use crate::parties::{chain, vector};
use carnet_wire::Limits;
use carnet_wire::digest::{Transform, part};
use carnet_wire::mime::{PartHeader, Writer};
use carnet_wire::signature::PartReference;
use carnet_wire::token::TokenType;
use carnet_wire::wss::{Digest, RsaSigner, SecurityIds, Signing, SigningToken, sign_document};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

/// A message to be signed: its texts are edited before.
#[derive(Clone)]
pub(crate) struct Forge {
    /// The whole envelope, without Security.
    pub(crate) envelope: String,
    /// Content-ID, transported media type, bytes.
    pub(crate) parts: Vec<(String, String, Vec<u8>)>,
    /// Ids of the elements that are signed.
    pub(crate) signed: Vec<&'static str>,
    /// Content-IDs that are signed.
    pub(crate) signed_parts: Vec<String>,
    /// How elements are hashed.
    pub(crate) digest: Digest,
    /// The token that is sent.
    pub(crate) token: TokenType,
    /// How many certificates of the chain go into it.
    pub(crate) certificates: usize,
}

pub(crate) const DOCUMENT: &[u8] = b"<Declaration>one</Declaration>";

impl Forge {
    /// A message that is right in every way.
    pub(crate) fn new() -> Self {
        let compressed = carnet_wire::gzip::deflate(DOCUMENT);
        Self {
            envelope: ENVELOPE.to_owned(),
            parts: vec![("doc@trader".to_owned(), "application/gzip".to_owned(), compressed)],
            signed: vec!["msg", "body"],
            signed_parts: vec!["doc@trader".to_owned()],
            digest: Digest::Sha256,
            token: TokenType::X509PkiPath,
            certificates: usize::MAX,
        }
    }

    /// Replaces a text of the envelope that must be there.
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        assert!(self.envelope.contains(from), "{from:?} is not in the envelope");
        self.envelope = self.envelope.replacen(from, to, 1);
        self
    }

    /// Signs and packs.
    pub(crate) fn http(&self) -> Http {
        let key = PrivatePkcs8KeyDer::from_pem_slice(vector!("keys/blue.key")).expect("key");
        let signer = RsaSigner::from_pkcs8(key.secret_pkcs8_der()).expect("RSA key");
        let mut chain = chain(vector!("keys/blue-chain.pem"));
        chain.truncate(self.certificates);
        let token = SigningToken::new(self.token, &chain).expect("token");
        let limits = Limits::default();
        let references: Vec<PartReference> = self
            .signed_parts
            .iter()
            .map(|cid| {
                let found = self.parts.iter().find(|(id, _, _)| id == cid);
                let sha256 = found.map_or([7; 32], |(_, media, bytes)| {
                    part(Transform::of(media), bytes, &limits).expect("digest").sha256
                });
                PartReference { cid: cid.clone(), digest: sha256.to_vec() }
            })
            .collect();
        let ids = SecurityIds { token: "token", signature: "signature" };
        let signing = Signing { token: &token, ids, signer: &signer, digest: self.digest, limits };
        let envelope = sign_document(&self.envelope, &self.signed, &references, &signing).expect("signed");
        self.packed(envelope.into_bytes())
    }

    fn packed(&self, envelope: Vec<u8>) -> Http {
        if self.parts.is_empty() {
            return Http { content_type: "application/soap+xml; charset=UTF-8".to_owned(), body: envelope };
        }
        let mut writer = Writer::new("forged-boundary").expect("boundary");
        let content_type = writer.content_type("application/soap+xml", None).expect("content type");
        let mut body = Vec::new();
        let root = PartHeader {
            content_type: "application/soap+xml; charset=UTF-8".to_owned(),
            content_id: "root@trader".to_owned(),
            headers: Vec::new(),
        };
        body.extend_from_slice(&writer.part(&root).expect("head"));
        body.extend_from_slice(&envelope);
        for (cid, media, bytes) in &self.parts {
            let header = PartHeader { content_type: media.clone(), content_id: cid.clone(), headers: Vec::new() };
            body.extend_from_slice(&writer.part(&header).expect("head"));
            body.extend_from_slice(bytes);
        }
        body.extend_from_slice(&writer.close());
        Http { content_type, body }
    }
}

const ENVELOPE: &str = r#"<S12:Envelope xmlns:S12="http://www.w3.org/2003/05/soap-envelope" xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"><S12:Header><eb:Messaging S12:mustUnderstand="true" wsu:Id="msg"><eb:UserMessage><eb:MessageInfo><eb:Timestamp>2026-11-23T15:59:00Z</eb:Timestamp><eb:MessageId>forged-1@trader</eb:MessageId></eb:MessageInfo><eb:PartyInfo><eb:From><eb:PartyId type="urn:oasis:names:tc:ebcore:partyid-type:unregistered:eu-customs:EORI">trader</eb:PartyId><eb:Role>Trader</eb:Role></eb:From><eb:To><eb:PartyId type="urn:oasis:names:tc:ebcore:partyid-type:unregistered:eu-customs:auth">sti-taxud</eb:PartyId><eb:Role>Customs</eb:Role></eb:To></eb:PartyInfo><eb:CollaborationInfo><eb:AgreementRef type="ics2-interface-version">EU-ICS2-TI-V2.0</eb:AgreementRef><eb:Service type="eu-customs-service-type">eu_ics2_t2c</eb:Service><eb:Action>IE3F26</eb:Action><eb:ConversationId>1</eb:ConversationId></eb:CollaborationInfo><eb:PayloadInfo><eb:PartInfo href="cid:doc@trader"><eb:PartProperties><eb:Property name="MimeType">application/xml</eb:Property><eb:Property name="CharacterSet">UTF-8</eb:Property><eb:Property name="CompressionType">application/gzip</eb:Property></eb:PartProperties></eb:PartInfo></eb:PayloadInfo></eb:UserMessage></eb:Messaging></S12:Header><S12:Body wsu:Id="body"></S12:Body></S12:Envelope>"#;
