//! Tokens that carry their signer's certificate, and tokens that only name it: looked up, trusted and bound alike.

use crate::driver::{receive, told};
use crate::forge::Forge;
use crate::parties::{anchored, chain, change, customs, now, vector};
use carnet_as4::inbound::{Agreements, Decision};
use carnet_as4::partner::SignerBinding;
use carnet_as4::pmode::{PMode, PModes};
use carnet_wire::token::TokenType;
use std::sync::Arc;

fn agreements() -> Agreements {
    let text = include_str!("ics2.toml").replace("\"customs-c2c\"", "\"edelivery-1.15\"");
    let mut agreements = customs();
    agreements.pmodes = PModes::new(vec![PMode::read("ics2.toml", &text).expect("P-Mode")]).expect("P-Modes");
    change(&mut agreements, |partner| partner.intermediates = chain(vector!("keys/inter.pem")));
    agreements
}

fn leaf(pem: &[u8]) -> rustls_pki_types::CertificateDer<'static> {
    chain(pem)[0].clone()
}

fn result(agreements: Agreements, forge: &Forge) -> Result<(), (&'static str, &'static str)> {
    let decision = receive(&Arc::new(agreements), &[], &forge.http(), now()).decision;
    if matches!(decision, Decision::Accept(_)) { Ok(()) } else { Err(told(&decision)) }
}

#[test]
fn a_named_certificate_is_looked_up_among_the_partners_own() {
    for token in [TokenType::Ski, TokenType::IssuerSerial] {
        let forge = Forge { token, ..Forge::new() };
        let mut known = agreements();
        change(&mut known, |partner| {
            partner.known = vec![leaf(vector!("keys/expired-chain.pem")), leaf(vector!("keys/blue-chain.pem"))];
        });
        assert_eq!(result(known.clone(), &forge), Ok(()), "{token:?}");
        // Known is not trusted: chain and binding are checked as for any other.
        change(&mut known, |partner| partner.signer = anchored("red", true));
        assert_eq!(result(known, &forge), Err(("EBMS:0101", "EDEL-TRUST-01")), "{token:?}");
        let mut unknown = agreements();
        change(&mut unknown, |partner| partner.known = vec![leaf(vector!("keys/red-chain.pem"))]);
        assert_eq!(result(unknown, &forge), Err(("EBMS:0101", "EDEL-TRUST-01")), "{token:?}");
    }
}

#[test]
fn a_token_that_was_not_agreed_is_refused() {
    for token in [TokenType::Ski, TokenType::IssuerSerial] {
        let mut agreements = customs();
        change(&mut agreements, |partner| partner.known = vec![leaf(vector!("keys/blue-chain.pem"))]);
        let forge = Forge { token, ..Forge::new() };
        assert_eq!(result(agreements, &forge), Err(("EBMS:0103", "EDEL-TOKEN-01")), "{token:?}");
    }
}

#[test]
fn a_path_that_holds_the_leaf_alone_is_told_apart_from_a_stranger() {
    let forge = Forge { certificates: 1, ..Forge::new() };
    let mut strict = customs();
    change(&mut strict, |partner| partner.signer = anchored("blue", false));
    assert_eq!(result(strict, &forge), Err(("EBMS:0101", "EDEL-TOKEN-02")));
    assert_eq!(result(customs(), &Forge::new()), Ok(()));
}

#[test]
fn both_pinned_certificates_sign_while_keys_roll_over() {
    let pinned = |certificates| SignerBinding::Pinned { certificates, anchors: None };
    let (old, new) = (leaf(vector!("keys/blue-chain.pem")), leaf(vector!("keys/red-chain.pem")));
    for (certificates, expected) in [
        (vec![old.clone()], Ok(())),
        (vec![new.clone(), old.clone()], Ok(())),
        (vec![new], Err(("EBMS:0101", "EDEL-TRUST-01"))),
    ] {
        let mut agreements = customs();
        change(&mut agreements, |partner| partner.signer = pinned(certificates));
        assert_eq!(result(agreements, &Forge::new()), expected);
    }
}
