//! A publisher of service metadata on a loopback port: it says what the test has it say, in turn, the last for ever.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::digest::sha256;
use carnet_wire::wss::{RsaSigner, Signer as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::pki::Issued;

const NS: &str = "http://docs.oasis-open.org/bdxr/ns/SMP/2016/05";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// What a publisher says to a request.
#[derive(Clone)]
pub(crate) enum Says {
    /// Service metadata.
    Metadata(String),
    /// A status with header lines.
    Status(u16, String),
    /// Nothing, on a connection that stays open.
    Nothing,
}

pub(crate) struct Publisher {
    pub(crate) port: u16,
    says: Arc<Mutex<Vec<Says>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What an answer is about.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) participant: String,
    pub(crate) document: String,
    pub(crate) process: String,
    pub(crate) transport: String,
    pub(crate) endpoint: String,
    /// PEM; the first certificate is named.
    pub(crate) certificate: String,
}

impl Publisher {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, asked) = (Arc::<Mutex<Vec<Says>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let publisher = Self { port, says: Arc::clone(&says), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                held.extend(serve(stream.unwrap(), &says, &asked));
            }
        });
        publisher
    }

    /// Has it say this from now on.
    pub(crate) fn say(&self, says: &[Says]) {
        *self.says.lock().unwrap() = says.to_vec();
        self.asked.lock().unwrap().clear();
    }

    /// What it was asked since it was last told what to say.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}/smp", self.port)
    }
}

/// Answers one request; gives the stream back where it is to stay open.
fn serve(mut stream: TcpStream, says: &Mutex<Vec<Says>>, asked: &Mutex<Vec<String>>) -> Option<TcpStream> {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    asked.lock().unwrap().push(first.split(' ').nth(1)?.to_owned());
    let says = {
        let mut says = says.lock().unwrap();
        if says.len() > 1 { says.remove(0) } else { says[0].clone() }
    };
    let (head, body) = match says {
        Says::Metadata(body) => ("HTTP/1.1 200 OK\r\n".to_owned(), body),
        Says::Status(status, more) => (format!("HTTP/1.1 {status} So\r\n{more}"), String::new()),
        Says::Nothing => return Some(stream),
    };
    let head = format!("{head}Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n", body.len());
    // Whoever asked may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    None
}

impl Entry {
    /// The metadata, signed.
    pub(crate) fn signed(&self, signer: &Issued) -> String {
        let Self { participant, document, process, transport, endpoint, certificate } = self;
        let kind = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
        let certificate = STANDARD.encode(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap());
        signed(
            &format!(
                "<ServiceInformation><ParticipantIdentifier scheme=\"{kind}\">{participant}</ParticipantIdentifier>\
                 <DocumentIdentifier scheme=\"\">{document}</DocumentIdentifier><ProcessList><Process>\
                 <ProcessIdentifier>{process}</ProcessIdentifier><ServiceEndpointList>\
                 <Endpoint transportProfile=\"{transport}\"><EndpointURI>{endpoint}</EndpointURI>\
                 <Certificate>{certificate}</Certificate></Endpoint></ServiceEndpointList></Process></ProcessList>\
                 </ServiceInformation>"
            ),
            signer,
        )
    }
}

/// Metadata that name another publisher, signed.
pub(crate) fn redirect(href: &str, signer: &Issued) -> String {
    signed(&format!("<Redirect href=\"{href}\"><CertificateUID>CN=SMP</CertificateUID></Redirect>"), signer)
}

/// Written in canonical form, so that what is hashed is what is written.
fn signed(metadata: &str, signer: &Issued) -> String {
    let (begin, end) = (
        format!("<SignedServiceMetadata xmlns=\"{NS}\"><ServiceMetadata>{metadata}</ServiceMetadata>"),
        "</SignedServiceMetadata>",
    );
    let empty = |name: &str, algorithm: &str| format!("<{name} Algorithm=\"{algorithm}\"></{name}>");
    let info = [
        empty("CanonicalizationMethod", EXC),
        empty("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        "<Reference URI=\"\"><Transforms>".to_owned(),
        empty("Transform", &format!("{DS}enveloped-signature")),
        empty("Transform", EXC),
        "</Transforms>".to_owned(),
        empty("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
        format!(
            "<DigestValue>{}</DigestValue></Reference>",
            STANDARD.encode(sha256(format!("{begin}{end}").as_bytes()))
        ),
    ]
    .concat();
    let key = PrivateKeyDer::from_pem_slice(signer.key.as_bytes()).unwrap();
    let key = RsaSigner::from_pkcs8(key.secret_der()).unwrap();
    let value = key.sign(format!("<SignedInfo xmlns=\"{DS}\">{info}</SignedInfo>").as_bytes()).unwrap();
    let leaf = CertificateDer::from_pem_slice(signer.chain.as_bytes()).unwrap();
    format!(
        "{begin}<Signature xmlns=\"{DS}\"><SignedInfo>{info}</SignedInfo><SignatureValue>{}</SignatureValue><KeyInfo>\
         <X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></Signature>{end}",
        STANDARD.encode(value),
        STANDARD.encode(leaf)
    )
}
