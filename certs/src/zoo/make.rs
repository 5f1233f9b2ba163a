//! A kind of the table made into an identity.

use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Edit, Kind, MISLISTED, Place, Side, Signer};
use crate::edit::apply;
use crate::issue::{Ca, serial_for};
use crate::{Authority, CertError, Identity, Key, KeyKind, Profile, Usage};

/// Where lists are said to be by an authority that publishes none: nobody answers at this port.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How many CAs the long path has.
const LONG: usize = 12;

/// Makes the kind for a profile. The profile's key is used unless the fault lies in the key; where the fault lies
/// outside the leaf, the profile's own certificate is presented when it has one.
///
/// # Errors
/// [`CertError::Side`] when the profile's usage cannot show this fault, otherwise as [`Authority::issue`].
pub fn make(kind: &Kind, authority: &Authority, profile: &Profile, now: UnixTime) -> Result<Identity, CertError> {
    if !fits(kind.side, profile.usage) {
        return Err(CertError::Side { slug: kind.slug.clone(), side: kind.side.name() });
    }
    let key = match &profile.key {
        Some(key) => key.clone(),
        None => Key::generate(profile.key_kind)?,
    };
    let serial = serial_for(&[authority.name(), "zoo", &kind.slug]);
    let path = Path::new(kind.signer, authority, &key, now)?;
    let plain = match (&profile.issued, kind) {
        (Some(issued), Kind { signer: Signer::Issuing, revoked: None | Some(Place::Issuing), leaf, .. })
            if leaf.is_empty() =>
        {
            issued.clone()
        }
        _ => path.signer.issue(profile, &key, &serial, now)?,
    };
    let host = profile.hosts.first().map_or("", String::as_str);
    let lists = authority.lists().unwrap_or(NOWHERE);
    let filled = |edits| filled(edits, host, lists);
    let (leaf, fresh) = if kind.leaf.is_empty() {
        (plain, None)
    } else {
        let edited = apply(&plain, &filled(&kind.leaf), None, &path.signer.key, now)?;
        (edited.der, edited.key)
    };
    let issuing = if kind.issuing.is_empty() && kind.revoked != Some(Place::Issuing) {
        path.issuing.clone()
    } else {
        apply(&path.issuing, &filled(&kind.issuing), Some(&serial), &authority.root.key, now)?.der
    };
    let key = match fresh {
        Some(key) => key,
        None if kind.other_key => Key::generate(key.kind())?,
        None => key,
    };
    let chain = match &kind.present {
        None => std::iter::once(leaf).chain(path.between).chain(path.needs_issuing.then_some(issuing)).collect(),
        Some(places) => places
            .iter()
            .map(|place| match place {
                Place::Leaf => leaf.clone(),
                Place::Issuing => issuing.clone(),
                Place::Lower => authority.lower.der.clone(),
                Place::Root => authority.root.der.clone(),
            })
            .collect(),
    };
    Ok(Identity { chain, key })
}

/// Edits with the profile's first host in the place of `${host}`, and the address of the authority's lists in that of
/// `${lists}`.
fn filled(edits: &[Edit], host: &str, lists: &str) -> Vec<Edit> {
    let fill = |text: &String| text.replace("${host}", host).replace("${lists}", lists);
    let all = |texts: &[String]| texts.iter().map(fill).collect();
    edits
        .iter()
        .map(|edit| match edit {
            Edit::Subject { common_name } => Edit::Subject { common_name: fill(common_name) },
            Edit::Hosts { names } => Edit::Hosts { names: all(names) },
            Edit::NameConstraints { permitted, excluded } => {
                Edit::NameConstraints { permitted: all(permitted), excluded: all(excluded) }
            }
            Edit::CrlDistributionPoint { url } => Edit::CrlDistributionPoint { url: fill(url) },
            other => other.clone(),
        })
        .collect()
}

fn fits(side: Side, usage: Usage) -> bool {
    match side {
        Side::Any => true,
        Side::Tls => !matches!(usage, Usage::Signing | Usage::Encryption),
        Side::Client => matches!(usage, Usage::Tls | Usage::TlsClient),
        Side::Server => matches!(usage, Usage::Tls | Usage::TlsServer),
    }
}

/// Who signs the leaf, and what stands between the leaf and the root.
struct Path {
    signer: Ca,
    between: Vec<CertificateDer<'static>>,
    issuing: CertificateDer<'static>,
    needs_issuing: bool,
}

impl Path {
    fn new(signer: Signer, authority: &Authority, leaf_key: &Key, now: UnixTime) -> Result<Self, CertError> {
        let name = authority.name();
        let issuing = authority.issuing.der.clone();
        let under = |ca: &Ca, between: Vec<CertificateDer<'static>>, needs_issuing| Self {
            signer: ca.clone(),
            between,
            issuing: issuing.clone(),
            needs_issuing,
        };
        Ok(match signer {
            Signer::Issuing => under(&authority.issuing, Vec::new(), true),
            Signer::Lower => under(&authority.lower, vec![authority.lower.der.clone()], true),
            Signer::Lapsed => under(&authority.lapsed, vec![authority.lapsed.der.clone()], false),
            Signer::Unlisted | Signer::Mislisted => {
                let word = if signer == Signer::Unlisted { "Unlisted CA" } else { MISLISTED };
                let key = Key::generate(KeyKind::P256)?;
                let list = (signer == Signer::Mislisted).then(|| authority.list("mislisted")).flatten();
                let ca = Ca::new(name, &format!("{name} {word}"), key, list, Some(&authority.root), now)?;
                under(&ca, vec![ca.der.clone()], false)
            }
            Signer::Itself => {
                // A CA certificate is needed only to tell the issuer's name, which `make` takes from its subject.
                let own = Ca::new(name, &format!("{name} Itself"), leaf_key.clone(), None, None, now)?;
                under(&own, Vec::new(), false)
            }
            Signer::Foreign => {
                let foreign = format!("{name} Unknown");
                let (root, ca) = pair(&foreign, None, now)?;
                under(&ca, vec![ca.der.clone(), root.der], false)
            }
            Signer::Namesake => {
                let (_, ca) = pair(name, Some(authority), now)?;
                under(&ca, vec![ca.der.clone()], false)
            }
            Signer::AnotherLeaf => {
                let key = Key::generate(KeyKind::Rsa2048)?;
                let profile = Profile::tls(format!("{name} Another Leaf"));
                let der = authority.issuing.issue(&profile, &key, &serial_for(&[name, "another leaf"]), now)?;
                under(&Ca { key, der: der.clone(), list: None }, vec![der], true)
            }
            Signer::Loop => {
                let [first, second] = ["Loop A", "Loop B"].map(|word| format!("{name} {word}"));
                let a = Ca::new(name, &first, Key::generate(KeyKind::P256)?, None, None, now)?;
                let b = Ca::new(name, &second, Key::generate(KeyKind::P256)?, None, Some(&a), now)?;
                let a = Ca::new(name, &first, a.key, None, Some(&b), now)?;
                under(&a, vec![a.der.clone(), b.der], false)
            }
            Signer::LongPath => {
                let mut path = Vec::new();
                let mut ca = authority.issuing.clone();
                for step in 1..LONG {
                    ca = Ca::new(
                        name,
                        &format!("{name} CA {step}"),
                        Key::generate(KeyKind::P256)?,
                        None,
                        Some(&ca),
                        now,
                    )?;
                    path.insert(0, ca.der.clone());
                }
                under(&ca, path, true)
            }
        })
    }
}

/// A root and an issuing CA of that name, over fresh RSA keys, as ours are; those that imitate `whom` point to its lists.
fn pair(name: &str, whom: Option<&Authority>, now: UnixTime) -> Result<(Ca, Ca), CertError> {
    let list = |of: &str| whom.and_then(|whom| whom.list(of));
    let key = || Key::generate(KeyKind::Rsa2048);
    let root = Ca::new(name, &format!("{name} Root CA"), key()?, list("root"), None, now)?;
    let issuing = Ca::new(name, &format!("{name} Issuing CA"), key()?, list("issuing"), Some(&root), now)?;
    Ok((root, issuing))
}
