//! The agreement sheet: the same facts as the P-Modes, in words for the person who configures another product.

use std::fmt::Write as _;

use super::{Kit, Leg};
use carnet_catalogue::exchange::{Discovery, Exchanges};
use carnet_catalogue::ics::{SignerBinding, TlsBinding};
use carnet_catalogue::profile::RSA;
use carnet_catalogue::subject::Party;
use carnet_harness::setup::publisher_url;

/// The sheet as Markdown.
#[must_use]
pub(crate) fn sheet(kit: &Kit) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = fill(&mut text, kit);
    text
}

fn fill(text: &mut String, kit: &Kit) -> std::fmt::Result {
    let (own, partner) = (&kit.own.id, &kit.partner.id);
    writeln!(text, "# Agreement: {own} with {partner}\n")?;
    writeln!(
        text,
        "To be installed at **{}** (party `{own}`). Everything it needs lies beside this file.\n",
        kit.own_name
    )?;

    writeln!(text, "## What to install\n")?;
    writeln!(text, "1. Trust `tls-anchors.pem` for the partner's TLS certificates, as server and as client.")?;
    writeln!(text, "2. Trust `signing-anchors.pem` for the signatures of the partner's messages and receipts.")?;
    if kit.signing_intermediates.is_some() {
        let what = "`signing-intermediates.pem` completes a token that carries the signer's certificate alone (X509v3)";
        writeln!(text, "   {what}; a PKIPath must be complete by itself.")?;
    }
    match kit.binding.tls {
        TlsBinding::Exact => {
            writeln!(text, "3. Accept as TLS client certificate of `{partner}` only `partner-tls.pem`.")?;
        }
        TlsBinding::Anchor => {
            writeln!(text, "3. Any TLS client certificate under those anchors may speak for `{partner}`.")?;
        }
        TlsBinding::Off => {
            writeln!(text, "3. TLS ends at a proxy; the TLS certificate is not compared with the party.")?;
        }
    }
    match (kit.binding.signer, &kit.signing_subject) {
        (SignerBinding::Pinned, _) => writeln!(text, "4. Accept only `partner-signing.pem` as signer of `{partner}`.")?,
        (SignerBinding::Anchored, Some(subject)) => {
            writeln!(text, "4. The signer of `{partner}` must carry the subject `{subject}`.")?;
        }
        (SignerBinding::Anchored, None) | (SignerBinding::Off, _) => {
            writeln!(text, "4. Any signer under those anchors may sign for `{partner}`.")?;
        }
    }
    if kit.crls.is_empty() {
        writeln!(text, "5. There is no revocation list.")?;
    } else {
        let names: Vec<String> = kit.crls.iter().map(|crl| format!("`{}`", crl.file())).collect();
        let names = names.join(", ");
        match &kit.lists_at {
            None => writeln!(text, "5. Load the revocation lists {names}; there is no other way to reach them.")?,
            Some(url) => writeln!(
                text,
                "5. Check revocation by distribution points: the certificates name `{url}/NAME.crl`, plain HTTP, where \
                 the lists are to be had while the suite runs. Allow your node to reach that address, and keep no list \
                 from one run to the next. Or load them: {names}."
            )?,
        }
        let wrong = kit.crls.iter().filter_map(|crl| Some(format!("`{}` ({})", crl.file(), crl.fault?)));
        let wrong: Vec<String> = wrong.collect();
        if !wrong.is_empty() {
            writeln!(
                text,
                "   Wrong on purpose: {}. They are of CAs that issue nothing but the suite's bad certificates, and show \
                 what your node makes of such a list; where it does not load one, leave it out.",
                wrong.join(", ")
            )?;
        }
    }
    for endpoint in &kit.endpoints {
        writeln!(text, "6. Send to `{endpoint}`; present your own TLS client certificate.")?;
    }
    writeln!(text, "\nA node that reads `kit.toml` (the Carnet node: `kits = [\"kit.toml\"]`) needs nothing else.\n")?;

    writeln!(text, "## What is exchanged\n")?;
    for leg in kit.legs() {
        direction(text, leg)?;
    }

    further(text, kit)?;

    writeln!(text, "## How\n")?;
    writeln!(text, "| | |\n|---|---|")?;
    row(text, "Exchange pattern", "One-Way/Push, SOAP 1.2 with attachments, over HTTPS with client certificates")?;
    let agreement =
        if kit.agreement.0.is_empty() { "none: leave AgreementRef out".to_owned() } else { code(&kit.agreement.0) };
    row(text, "AgreementRef", &agreement)?;
    if let Some(kind) = &kit.agreement.1 {
        row(text, "AgreementRef type", &code(kind))?;
    }
    row(text, "MPC", &kit.mpc.as_deref().map_or_else(|| "the default; leave the attribute out".to_owned(), code))?;
    row(
        text,
        "Signature",
        "RSA-SHA256 over Messaging, Body and every part; digests SHA-256; exclusive canonical form",
    )?;
    row(text, "Token", &format!("{}; x509-pkipath and x509-v3 are taken", code(&kit.token)))?;
    row(text, "Encryption", "none but TLS")?;
    row(text, "Compression", if kit.compress { "AS4 gzip on every payload" } else { "none" })?;
    row(text, "Receipt", "synchronous, signed (Body too), with the digests of what was received")?;
    row(text, "Errors", "synchronous, signed")?;
    let retry = &kit.reception_awareness;
    row(
        text,
        "Without a receipt",
        &format!(
            "send again every {}, {} times, same MessageId and same bytes",
            retry.retry_interval, retry.retry_count
        ),
    )?;
    agreements(text, kit)
}

/// What differs under the further agreements.
fn agreements(text: &mut String, kit: &Kit) -> std::fmt::Result {
    if kit.further.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n## Further agreements\n")?;
    writeln!(
        text,
        "The same parties, services and actions under another AgreementRef and profile; their P-Modes lie beside the \
         others. An answer goes under the agreement of what it answers.\n"
    )?;
    writeln!(text, "| AgreementRef | Profile | Signature | Token | Encryption |\n|---|---|---|---|---|")?;
    for (_, agreement) in &kit.further {
        let profile = agreement.secured();
        let (signature, key) = match profile.signing {
            RSA => ("RSA-SHA256", "RSA-OAEP (SHA-256 twice)"),
            "p-256" => ("ECDSA on P-256, SHA-256", "ECDH on P-256, HKDF, AES-128 key wrap"),
            _ => ("Ed25519", "X25519, HKDF, AES-128 key wrap"),
        };
        let encryption = match profile.encryption {
            None => "none".to_owned(),
            Some(_) => format!("every payload, for `partner-encryption.pem`: {key}, AES-128-GCM"),
        };
        let (name, profile, token) = (code(&agreement.name), code(&agreement.profile), code(&agreement.token));
        writeln!(text, "| {name} | {profile} | {signature} | {token} | {encryption} |")?;
    }
    Ok(())
}

fn direction(text: &mut String, leg: Leg<'_>) -> std::fmt::Result {
    writeln!(text, "### {} to {} (`pmodes/{}.toml`)\n", leg.initiator.id, leg.responder.id, leg.slug())?;
    writeln!(text, "| | |\n|---|---|")?;
    party(text, "From", leg.initiator, &leg.initiator.initiator_role)?;
    party(text, "To", leg.responder, &leg.responder.responder_role)?;
    for service in &leg.kit.services {
        let kind = service.kind.as_deref().map_or_else(String::new, |kind| format!(", type {}", code(kind)));
        row(text, "Service", &format!("{}{kind}", code(&service.name)))?;
        let actions: Vec<String> = service.actions.iter().map(code).collect();
        row(text, "its Actions", &actions.join(", "))?;
    }
    writeln!(text)
}

/// The exchanges beside the plain one; nothing where there are none.
fn further(text: &mut String, kit: &Kit) -> std::fmt::Result {
    let all = &kit.exchanges;
    if *all == Exchanges::default() {
        return Ok(());
    }
    writeln!(text, "### Further exchanges, between the same two parties\n")?;
    writeln!(text, "| | |\n|---|---|")?;
    if let Some(one) = &all.two_way {
        let both = format!("{}: {}, then {}", code(&one.service), code(&one.request), code(&one.reply));
        row(text, "Two-Way/Push-and-Push, begun by either", &both)?;
    }
    if let Some(one) = &all.pull {
        row(text, "One-Way/Pull", &format!("{}: {}", code(&one.service), code(&one.action)))?;
        row(text, &format!("{} pulls from channel", kit.partner.id), &code(&one.channel))?;
        row(text, &format!("{} pulls from channel", kit.own.id), &code(&one.offers))?;
    }
    if let Some(one) = &all.four_corner {
        row(text, "Four corners", &format!("{}: {}", code(&one.service), code(&one.action)))?;
        row(text, "its message properties", "`originalSender` and `finalRecipient`, each once; others may be added")?;
    }
    if let Some(one) = &all.dynamic {
        row(text, "From any party with a good certificate", &format!("{}: {}", code(&one.service), code(&one.action)))?;
        row(text, "whom its certificate names", &code("CN={PartyId}"))?;
        if let Some(policy) = &one.policy {
            row(text, "under the certificate policy", &code(policy))?;
        }
    }
    if let Some(one) = &all.discovery {
        looked_up(text, kit, one)?;
    }
    let tables: Vec<String> = kit.tables("").iter().map(|(name, _)| code(name)).collect();
    if !tables.is_empty() {
        writeln!(text, "\nFor the Carnet node, put {} into `node.toml`.", tables.join(" and "))?;
    }
    writeln!(text)
}

/// Whom a sender asks where parties receive that it does not know.
fn looked_up(text: &mut String, kit: &Kit, one: &Discovery) -> std::fmt::Result {
    let scheme = |scheme: &str| if scheme.is_empty() { "none".to_owned() } else { code(scheme) };
    let own = |scheme_of: &Option<String>, kind: &str| scheme(scheme_of.as_deref().unwrap_or(kind));
    row(text, "To any party that the publisher knows", &format!("{}: {}", code(&one.service), code(&one.action)))?;
    row(text, "whose PartyIds begin with", &code(&one.party))?;
    row(text, "Publisher (OASIS BDXR SMP 1.0)", &code(publisher_url(one)))?;
    let name = code(kit.publisher.as_deref().unwrap_or_default());
    row(text, "whose answers are signed by", &format!("common name {name} (`publisher-signing.pem`)"))?;
    row(text, "Scheme of participants", &own(&one.participant_scheme, &kit.partner.kind))?;
    row(text, "Document identifier", &format!("the Action, scheme {}", scheme(&one.document_scheme)))?;
    let process = own(&one.process_scheme, one.service_type.as_deref().unwrap_or_default());
    row(text, "Process identifier", &format!("the Service, scheme {process}"))?;
    row(text, "Transport profile", &code(&one.transport_profile))?;
    row(text, "Endpoint and its certificate", "what the publisher says; both under the anchors above")
}

fn party(text: &mut String, place: &str, party: &Party, role: &str) -> std::fmt::Result {
    row(text, &format!("{place} PartyId"), &code(&party.id))?;
    let kind = if party.kind.is_empty() { "none: leave the attribute out".to_owned() } else { code(&party.kind) };
    row(text, &format!("{place} PartyId type"), &kind)?;
    row(text, &format!("{place} Role"), &code(role))
}

fn row(text: &mut String, name: &str, value: &str) -> std::fmt::Result {
    writeln!(text, "| {name} | {value} |")
}

fn code(text: impl AsRef<str>) -> String {
    format!("`{}`", text.as_ref().replace('|', "\\|"))
}
