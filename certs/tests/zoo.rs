//! Each kind of the zoo differs from its control in the properties the table names and in no other, and two foreign
//! validators (rustls-webpki and openssl) answer what the table says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod oracle;

use std::collections::{BTreeMap, BTreeSet};

use carnet_certs::zoo::{self, Expect, Kind, Side};
use carnet_certs::{Authority, Identity, Profile, UnixTime, Usage};

use oracle::{openssl, properties, webpki};

/// 2027-01-15: certificates and validators are given this moment, never the calendar's.
pub(crate) const NOW: u64 = 1_800_000_000;

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW))
}

struct World {
    authority: Authority,
    profile: Profile,
    made: BTreeMap<&'static str, Identity>,
}

/// Where an authority says that its lists are.
const LISTS: &str = "http://lists.example/crl";

impl World {
    fn new() -> Self {
        Self::of(Authority::new("Zoo Test", now()).unwrap())
    }

    /// Whose certificates say where the lists are.
    fn with_lists() -> Self {
        Self::of(Authority::with_lists_at("Zoo Test", LISTS, now()).unwrap())
    }

    fn of(authority: Authority) -> Self {
        let base = Profile::tls("SUITE").organisation("Zoo Test").country("TH");
        let identity = authority.issue(&base, now()).unwrap();
        let profile = Profile::like(&identity, Usage::Tls).unwrap();
        assert_eq!(
            (&profile.common_name, &profile.organisation, &profile.country),
            (&base.common_name, &base.organisation, &base.country)
        );
        assert_eq!(profile.hosts, base.hosts);
        let made = zoo::kinds()
            .unwrap()
            .iter()
            .map(|kind| (kind.slug.as_str(), zoo::make(kind, &authority, &profile, now()).unwrap()))
            .collect();
        Self { authority, profile, made }
    }
}

#[test]
fn each_kind_has_its_named_fault_and_no_other() {
    differs(&World::new(), |_, _| false);
}

#[test]
fn where_lists_are_published_the_address_follows_from_the_issuer_as_its_key_identifier_does() {
    const ADDRESS: &str = "extension.2.5.29.31";
    let of_issuer = |name: &str| name.replace(ADDRESS, "extension.2.5.29.35");
    // Who imitates an authority gives its addresses.
    differs(&World::with_lists(), |kind, name| {
        name.ends_with(ADDRESS) && kind.differs.contains(&of_issuer(name)) && kind.slug != "namesake-root"
    });
}

#[test]
fn each_certificate_names_the_list_that_tells_of_it() {
    let world = World::with_lists();
    for (slug, names) in [
        ("valid", vec!["issuing.crl", "root.crl"]),
        ("valid-lower", vec!["lower.crl", "issuing.crl", "root.crl"]),
        ("revoked", vec!["issuing.crl", "root.crl"]),
        ("issuing-revoked", vec!["issuing.crl", "root.crl"]),
        ("crl-stale", vec!["lapsed.crl", "root.crl"]),
        ("crl-other-issuer", vec!["mislisted.crl", "root.crl"]),
        ("crl-unreachable", vec!["unlisted.crl", "root.crl"]),
        ("crl-none", vec!["root.crl"]),
        ("unknown-root", vec![]),
    ] {
        let chain: Vec<u8> = world.made[slug].chain.iter().flat_map(|der| der.to_vec()).collect();
        let found: Vec<_> = chain.windows(LISTS.len()).filter(|at| *at == LISTS.as_bytes()).collect();
        assert_eq!(found.len(), names.len(), "{slug}");
        for name in names {
            let address = format!("{LISTS}/{name}");
            assert!(chain.windows(address.len()).any(|at| at == address.as_bytes()), "{slug}: {name}");
        }
    }
    let list = |slug: &str| zoo::kind(slug).unwrap().list();
    assert_eq!((list("revoked"), list("issuing-revoked")), (Some("issuing"), Some("root")));
    assert_eq!((list("crl-stale"), list("crl-other-issuer")), (Some("lapsed"), Some("mislisted")));
    assert_eq!((list("valid"), list("crl-none"), list("crl-unreachable")), (None, None, None));
    let published: Vec<_> = world.authority.crls(now()).unwrap().iter().map(|crl| crl.name).collect();
    assert!(zoo::kinds().unwrap().iter().filter_map(Kind::list).all(|list| published.contains(&list)));
}

/// Holds each kind against its control; `also` is what may differ beside what the table names.
fn differs(world: &World, also: impl Fn(&Kind, &str) -> bool) {
    let mut wrong = Vec::new();
    for kind in zoo::kinds().unwrap() {
        let control = properties(&world.made[kind.control.as_str()], &world.authority);
        let found = properties(&world.made[kind.slug.as_str()], &world.authority);
        let names: BTreeSet<_> = control.keys().chain(found.keys()).cloned().collect();
        // What is cut short or not there can be read no further: its own property is the one that counts.
        let one = match (found.get("leaf.encoding").map(String::as_str), kind.slug.as_str()) {
            (Some("cut short"), _) => Some("leaf.encoding"),
            (None, "no-certificate") => Some("chain"),
            _ => None,
        };
        let differs: BTreeSet<_> = names
            .into_iter()
            .filter(|name| control.get(name) != found.get(name) && one.is_none_or(|one| one == name))
            .collect();
        let mut expected: BTreeSet<_> = kind.differs.iter().cloned().collect();
        expected.extend(control.keys().chain(found.keys()).filter(|name| also(kind, name)).cloned());
        if differs != expected {
            wrong.push(format!("{}: differs in {differs:?}, expected {expected:?}", kind.slug));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn webpki_answers_what_the_table_says() {
    let mut wrong = Vec::new();
    let worlds = [World::new(), World::with_lists()];
    for (kind, world) in worlds.iter().flat_map(|world| zoo::kinds().unwrap().iter().map(move |kind| (kind, world))) {
        let answer = webpki(&world.made[kind.slug.as_str()], &world.authority, kind.side, now());
        if answer != kind.webpki {
            wrong.push(format!("{}: {answer}, expected {}", kind.slug, kind.webpki));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn openssl_answers_what_the_table_says() {
    let mut wrong = Vec::new();
    let worlds = [World::new(), World::with_lists()];
    for (kind, world) in worlds.iter().flat_map(|world| zoo::kinds().unwrap().iter().map(move |kind| (kind, world))) {
        let (answer, said) = openssl(&world.made[kind.slug.as_str()], &world.authority, kind.side, now());
        if answer != kind.openssl {
            wrong.push(format!("{}: {answer}, expected {}\n{said}", kind.slug, kind.openssl));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_kind_that_must_be_refused_is_refused_by_one_of_the_two_validators() {
    for kind in zoo::kinds().unwrap() {
        let refused = kind.webpki != "ok" || kind.openssl != 0;
        match kind.expect {
            Expect::Refused => assert!(refused, "{} is accepted by both", kind.slug),
            Expect::Accepted => assert!(!refused, "{} is refused", kind.slug),
            Expect::Either => {}
        }
    }
}

#[test]
fn the_table_is_sound() {
    let kinds = zoo::kinds().unwrap();
    assert!(kinds.len() >= 60, "{} kinds", kinds.len());
    let slugs: BTreeSet<_> = kinds.iter().map(|kind| &kind.slug).collect();
    assert_eq!(slugs.len(), kinds.len(), "a slug is given twice");
    let recipe = |kind: &Kind| {
        format!(
            "{:?}{:?}{:?}{:?}{:?}{}",
            kind.leaf, kind.issuing, kind.signer, kind.present, kind.revoked, kind.other_key
        )
    };
    let recipes: BTreeSet<_> = kinds.iter().map(recipe).collect();
    assert_eq!(recipes.len(), kinds.len(), "two kinds are made alike");
    for kind in kinds {
        assert!(slugs.contains(&kind.control), "{}: no control {}", kind.slug, kind.control);
        assert!(kind.slug == "valid" || !kind.differs.is_empty(), "{} differs in nothing", kind.slug);
        assert!(kind.fault.ends_with('.'), "{}: a sentence ends with a full stop", kind.slug);
    }
}

#[test]
fn kinds_fit_message_signing_too_where_their_side_says_so() {
    let world = World::new();
    let profile = Profile::signing("SUITE").key(world.profile.key.clone().unwrap());
    for kind in zoo::kinds().unwrap() {
        let made = zoo::make(kind, &world.authority, &profile, now());
        assert_eq!(made.is_ok(), kind.side == Side::Any, "{}: {made:?}", kind.slug);
    }
    assert_eq!(profile.usage, Usage::Signing);
}

#[test]
fn an_unknown_kind_is_named_with_its_nearest() {
    let error = zoo::kind("expird").unwrap_err().to_string();
    assert_eq!(error, "zoo has no kind \"expird\"\nhelp: did you mean \"expired\"?");
}
