//! A small public-key infrastructure and an echoing server for the tests.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of tests fails its test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_https::{
    Body, Client, ClientLimits, ClientTls, Clock, Endpoint, Handler, Identity, Peer, Reload, Response, Revocation,
    SentBody, Server, ServerLimits, ServerTls, Stop, Trust, Versions,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use tokio::task::JoinHandle;

/// 2026-06-01, the moment at which the tests' certificates are judged.
pub(crate) const NOW: u64 = 1_780_272_000;

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn anchor(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn issue(&self, name: &str, serial: u64) -> Identity {
        self.issue_with(name, serial, |_| {})
    }

    pub(crate) fn issue_with(&self, name: &str, serial: u64, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let leaf = params.signed_by(&key, &*self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Identity::new(vec![leaf.der().clone()], key).unwrap()
    }

    pub(crate) fn list(&self, revoked: &[u64], next_update: (i32, u8, u8)) -> CertificateRevocationListDer<'static> {
        CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 2),
            next_update: date_time_ymd(next_update.0, next_update.1, next_update.2),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: date_time_ymd(2026, 1, 2),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&*self.0)
        .unwrap()
        .der()
        .clone()
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust_with(vec![])
    }

    pub(crate) fn trust_with(&self, lists: Vec<CertificateRevocationListDer<'static>>) -> Trust {
        Trust { anchors: vec![self.anchor()], lists, revocation: Revocation::default() }
    }
}

pub(crate) fn clock() -> Clock {
    Clock::new(|| UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
}

pub(crate) fn server_tls(identity: &Identity, trust: Trust) -> ServerTls {
    ServerTls { identity: identity.clone(), trust, versions: Versions::Both, suites: vec![], clock: clock() }
}

pub(crate) fn client_tls(identity: &Identity, trust: Trust) -> ClientTls {
    ClientTls {
        identity: identity.clone(),
        trust,
        pinned: None,
        versions: Versions::Both,
        suites: vec![],
        clock: clock(),
    }
}

/// Answers with connection number, protocol and what it read; `x-wait` makes it tell `entered` and wait for `go`.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) entered: tokio::sync::Notify,
    pub(crate) go: tokio::sync::Notify,
}

impl Handler for Echo {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Body>) -> Response {
        let waits = request.headers().contains_key("x-wait");
        let mut body = request.into_body();
        if waits {
            self.entered.notify_one();
            self.go.notified().await;
        }
        let mut read = 0;
        let ended = loop {
            match body.next().await {
                Ok(Some(bytes)) => read += bytes.len(),
                Ok(None) => break "whole".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        let text = format!("{} {} {read} {ended}", peer.connection, peer.protocol);
        http::Response::new(carnet_https::whole(Bytes::from(text)))
    }
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) echo: Arc<Echo>,
    pub(crate) reload: Reload,
    pub(crate) stop: Stop,
    pub(crate) served: JoinHandle<()>,
}

impl Running {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("https://localhost:{}/as4", self.address.port())).unwrap()
    }

    pub(crate) fn client(&self, tls: &ClientTls) -> Client {
        Client::new(vec![self.endpoint()], tls, ClientLimits::default()).unwrap()
    }
}

pub(crate) fn start(tls: &ServerTls, limits: ServerLimits) -> Running {
    start_at(([127, 0, 0, 1], 0).into(), tls, limits)
}

pub(crate) fn start_at(address: SocketAddr, tls: &ServerTls, limits: ServerLimits) -> Running {
    let server = Server::bind(address, tls, limits).unwrap();
    let echo = Arc::new(Echo::default());
    Running {
        address: server.local_addr().unwrap(),
        reload: server.reload(),
        stop: server.stop(),
        served: tokio::spawn(server.serve(Arc::clone(&echo))),
        echo,
    }
}

pub(crate) fn body(bytes: &'static [u8]) -> impl Fn() -> std::io::Result<SentBody> + Sync {
    move || Ok(carnet_https::whole(Bytes::from_static(bytes)))
}

pub(crate) async fn post(client: &Client) -> String {
    let sent = client.post(&http::HeaderMap::new(), body(b"hello")).await.unwrap();
    assert_eq!(sent.answer.status, 200);
    String::from_utf8(sent.answer.body.to_vec()).unwrap()
}

pub(crate) async fn refused(client: &Client) -> carnet_https::ClientError {
    client.post(&http::HeaderMap::new(), body(b"hello")).await.expect_err("expected a refusal")
}
