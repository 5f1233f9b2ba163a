//! The signature of a message, its token, and the certificate of the connection that it comes on.

use carnet_certs::common_name;

use super::super::Outcome;
use super::super::look::{Look, Push, settle};
use super::MESSAGING;

pub(super) fn signed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        let actual = match (&look.fault(signature), signature.present) {
            (Some(fault), _) => fault.clone(),
            (None, false) => "a message without a signature".to_owned(),
            (None, true) => match signature.trusted(&look.judge.signing_anchors, look.judge.clock) {
                Ok(()) => return Ok(subject_fits(look, &push)),
                Err(why) => why,
            },
        };
        Ok(look.at(
            push.exchange,
            "a signature by a trusted signer that verifies",
            actual,
            Some(MESSAGING),
            Some("<ds:Signature"),
        ))
    })())
}

fn subject_fits(look: &Look<'_>, push: &Push<'_>) -> Outcome {
    let Some(wanted) = &look.judge.subject.trust.signing_subject else { return Outcome::Holds };
    let name = push.ebms.signature.chain.first().and_then(common_name).unwrap_or_default();
    if name == wanted.trim_start_matches("CN=") {
        Outcome::Holds
    } else {
        look.deviation(push.exchange, format!("a signer with common name {wanted}"), format!("common name {name:?}"))
    }
}

pub(super) fn covered(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        let actual = match (signature.messaging, signature.body, signature.covers_parts(&push.package)) {
            (false, ..) => "eb:Messaging is not covered".to_owned(),
            (_, false, _) => "the Body is not covered".to_owned(),
            (_, _, Err(why)) => why,
            (true, true, Ok(())) => return Ok(Outcome::Holds),
        };
        Ok(look.at(push.exchange, "a signature over Messaging, Body and every part", actual, Some(MESSAGING), None))
    })())
}

pub(super) fn path(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        Ok(if signature.token == Some("x509-pkipath") && signature.chain.len() > 1 {
            Outcome::Holds
        } else {
            let actual =
                format!("token {} with {} certificate(s)", signature.token.unwrap_or("none"), signature.chain.len());
            look.at(
                push.exchange,
                "X509PKIPathv1 with the chain of the signer",
                actual,
                Some(MESSAGING),
                Some("BinarySecurityToken"),
            )
        })
    })())
}

pub(super) fn token(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let (signature, agreed) = (&push.ebms.signature, &look.agreed().token);
        let actual = match &look.fault(signature) {
            None if signature.token == Some(agreed.as_str()) => return Ok(Outcome::Holds),
            None => format!("token {}", signature.token.unwrap_or("none")),
            Some(fault) => format!("token {}: {fault}", signature.token.unwrap_or("none")),
        };
        let expected = format!("a signature that verifies by a token {agreed}");
        Ok(look.at(push.exchange, expected, actual, Some(MESSAGING), Some("SecurityTokenReference")))
    })())
}

pub(super) fn client(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let chain: Vec<_> =
            push.exchange.peer_chain.iter().map(|der| rustls_pki_types::CertificateDer::from(der.to_vec())).collect();
        let signature = crate::judge::ebms::Signature { chain, ..Default::default() };
        Ok(match signature.trusted(&look.judge.tls_anchors, look.judge.clock) {
            Ok(()) => Outcome::Holds,
            Err(why) => look.deviation(push.exchange, "a client certificate under the agreed anchors", why),
        })
    })())
}
