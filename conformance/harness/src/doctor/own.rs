//! Ourselves: keys that fit their certificates, certificates valid now, anchors that are no past, a port that is free.

use std::net::TcpListener;

use carnet_certs::{Authority, Identity, UnixTime, common_name};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use super::Break;
use crate::setup::{Setup, lists_url};

pub(super) fn look(setup: &Setup) -> Result<String, Break> {
    let now = Setup::now();
    for (usage, identity) in [("tls", &setup.partner.tls), ("signing", &setup.partner.signing)] {
        key_fits(usage, identity)?;
        for certificate in &identity.chain {
            in_time(&format!("our {usage} certificate"), certificate, now, &format!("[suite.{usage}]"))?;
        }
    }
    for (usage, anchors) in [("tls", &setup.tls_anchors), ("signing", &setup.signing_anchors)] {
        if anchors.is_empty() {
            return Err(Break::new(
                format!("trust.{usage} names no certificate: nothing they present could be trusted"),
                format!("name the PEM file of the authority that issues their {usage} certificate under trust.{usage}"),
            ));
        }
        for anchor in anchors {
            in_time(&format!("the anchor under trust.{usage}"), anchor, now, &format!("trust.{usage}"))?;
        }
    }
    if let Some(listen) = &setup.subject.suite.listen {
        free(listen, "suite.listen")?;
    }
    let lists = lists(setup)?;
    let until = setup.partner.tls.leaf().map(|leaf| validity(leaf).1).unwrap_or_default();
    let name = setup.partner.tls.leaf().and_then(common_name).unwrap_or_default();
    Ok(format!("keys fit, certificates valid ({name:?} until {}), clock {}{lists}", date(until), date_time(now)))
}

/// A time of a certificate, to the day.
pub(super) fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// Beginning and end of a certificate's validity, seconds since 1970.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> (i64, i64) {
    parsed(certificate)
        .map(|certificate| {
            let validity = certificate.validity();
            (validity.not_before.timestamp(), validity.not_after.timestamp())
        })
        .unwrap_or_default()
}

/// A certificate, read.
pub(super) fn parsed<'c>(certificate: &'c CertificateDer<'_>) -> Option<X509Certificate<'c>> {
    x509_parser::parse_x509_certificate(certificate).ok().map(|(_, certificate)| certificate)
}

/// The name of who issued a certificate.
pub(super) fn issuer(certificate: &CertificateDer<'_>) -> String {
    parsed(certificate).map(|certificate| certificate.issuer().to_string()).unwrap_or_else(|| "unreadable".to_owned())
}

/// The name of a certificate's holder.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> String {
    parsed(certificate).map(|certificate| certificate.subject().to_string()).unwrap_or_else(|| "unreadable".to_owned())
}

fn key_fits(usage: &str, identity: &Identity) -> Result<(), Break> {
    let Some(leaf) = identity.leaf() else {
        return Err(Break::new(
            format!("our {usage} identity has no certificate"),
            format!("put the chain, leaf first, into the file that [suite.{usage}] names"),
        ));
    };
    let Some(read) = parsed(leaf) else {
        return Err(Break::new(
            format!("our {usage} certificate cannot be read"),
            format!("put a certificate (PEM) into the file that [suite.{usage}] names"),
        ));
    };
    if read.public_key().raw == identity.key.spki() {
        return Ok(());
    }
    Err(Break::new(
        format!("our {usage} key does not belong to the first certificate of its chain ({})", subject(leaf)),
        format!("name key and chain of the same identity under [suite.{usage}], the chain leaf first"),
    ))
}

fn in_time(what: &str, certificate: &CertificateDer<'_>, now: UnixTime, place: &str) -> Result<(), Break> {
    let (from, to) = validity(certificate);
    let now_seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let name = subject(certificate);
    if now_seconds < from {
        return Err(Break::new(
            format!(
                "{what} ({name}) is valid from {} on, and this machine's clock says {}",
                date(from),
                date_time(now)
            ),
            "set the clock of this machine; if it is right, wait for the certificate or have another one issued",
        ));
    }
    if now_seconds > to {
        return Err(Break::new(
            format!("{what} ({name}) ended on {}, and this machine's clock says {}", date(to), date_time(now)),
            format!("have it issued anew and name the new file under {place}; `carnet kit` renews the suite's own"),
        ));
    }
    Ok(())
}

fn date_time(now: UnixTime) -> String {
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default()
}

/// An address that the subject is to reach is free for us.
fn free(listen: &str, key: &str) -> Result<(), Break> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) => Err(Break::new(
            format!("we cannot listen on {listen}: {}", error.kind()),
            format!("change {key} in subject.toml, or end what uses the port"),
        )),
    }
}

/// The revocation lists are where the certificates say, where they are published.
fn lists(setup: &Setup) -> Result<String, Break> {
    let Some(published) = &setup.subject.suite.lists else { return Ok(String::new()) };
    let url = lists_url(published);
    let named = setup.authority.as_ref().and_then(Authority::lists);
    if named != Some(url.as_str()) {
        let named = named.unwrap_or("no address of a revocation list");
        return Err(Break::new(
            format!("[suite.lists] is reached at {url}, and the certificates of our test CA name {named}"),
            "write suite.lists.public_url as they name it; or move the folder of suite.pki away, let `carnet kit` make the \
             test CA anew, and give its files to their operator again",
        ));
    }
    free(&published.listen, "suite.lists.listen")?;
    Ok(format!(", revocation lists at {url}"))
}
