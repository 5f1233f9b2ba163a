//! The zoo against the rules: what a sound peer must refuse is refused, and passes once its rules are left out.

use carnet_certs::zoo::{self, Expect, Side};
use carnet_certs::{Authority, CertError, Identity, Profile, UnixTime};

use super::{Question, Trust};
use crate::rule::{PathRule, Place};

fn authority() -> &'static Authority {
    static AUTHORITY: std::sync::OnceLock<Authority> = std::sync::OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("Path", UnixTime::now()).unwrap())
}

fn trust() -> Trust {
    let authority = authority();
    Trust {
        anchors: vec![authority.root().clone()],
        held: vec![authority.issuing().clone()],
        lists: authority.crls(UnixTime::now()).unwrap().into_iter().map(|crl| crl.der).collect(),
    }
}

fn broken(identity: &Identity, place: Place, skip: &[PathRule]) -> Option<PathRule> {
    let checks = |rule: PathRule| !skip.contains(&rule);
    let host = (place == Place::Server).then_some("localhost");
    let question = Question { place, host, now: UnixTime::now(), checks: &checks, completes: false, in_order: false };
    trust().verify(&identity.chain, &question).err()
}

#[test]
fn a_good_certificate_passes_everywhere() {
    let tls = authority().issue(&Profile::tls("A"), UnixTime::now()).unwrap();
    let signing = authority().issue(&Profile::signing("A"), UnixTime::now()).unwrap();
    for place in [Place::Client, Place::Server] {
        assert_eq!(broken(&tls, place, &[]), None, "{place:?}");
    }
    for place in [Place::Signer, Place::ReceiptSigner] {
        assert_eq!(broken(&signing, place, &[]), None, "{place:?}");
    }
}

/// Every kind that must be refused is refused, by rules of which leaving them out lets it pass.
#[test]
fn the_zoo_is_refused_rule_by_rule() {
    let sides = [(Place::Client, Side::Client), (Place::Server, Side::Server), (Place::Signer, Side::Any)];
    for (place, side) in sides {
        let profile = if place == Place::Signer { Profile::signing("A") } else { Profile::tls("A") };
        let own = authority().issue(&profile, UnixTime::now()).unwrap();
        let profile = profile.of(&own);
        for kind in zoo::kinds().unwrap() {
            let shown = kind.side == Side::Any || kind.side == side || (kind.side == Side::Tls && side != Side::Any);
            if !shown {
                continue;
            }
            let identity = match zoo::make(kind, authority(), &profile, UnixTime::now()) {
                Err(CertError::Side { .. }) => continue,
                made => made.unwrap(),
            };
            let mut skip = Vec::new();
            while let Some(rule) = broken(&identity, place, &skip) {
                assert!(!skip.contains(&rule), "{place:?} {}: {rule:?} is not left out", kind.slug);
                skip.push(rule);
            }
            match kind.expect {
                Expect::Accepted => assert!(skip.is_empty(), "{place:?} {}: {skip:?}", kind.slug),
                // The proof that a key is held is the handshake's, and the signature's.
                Expect::Refused if kind.other_key => assert!(skip.is_empty(), "{place:?} {}", kind.slug),
                Expect::Refused => assert!(!skip.is_empty(), "{place:?} {} passes", kind.slug),
                Expect::Either => {}
            }
        }
    }
}
