//! The exchange that the demo shows: declaration out, receipt back, document delivered, business response back.

use std::time::Duration;

use carnet_fixtures::{Packs, facts};

use super::backend::Backend;
use super::process::Node;
use super::world::World;
use crate::failure::Failure;
use crate::out;

const WITHIN: Duration = Duration::from_secs(20);

/// Sends the sample from PH to TH and shows what became of it; whether everything was as it should be.
///
/// # Errors
/// When a step does not happen in time.
pub(super) async fn declaration(world: &World, packs: &Packs, ph: &Node, th: &Node) -> Result<bool, Failure> {
    let ph = Backend::new(&ph.api, &world.ph.token())?;
    let th = Backend::new(&th.api, &world.th.token())?;
    let sample = packs.message("declaration", super::SAMPLE).map_err(Failure::ours)?;
    let sample = sample.ok_or_else(|| Failure::ours("the declaration pack lacks the demo's sample"))?;
    let document = sample.bytes().map_err(Failure::ours)?;
    let kind = packs.identify(&document).ok_or_else(|| Failure::ours("no pack knows the demo's sample"))?;
    let lrn = facts::read(kind, &document).map_err(Failure::ours)?;
    let lrn = kind.business_id.as_ref().and_then(|fact| lrn.get(fact)).and_then(|values| values.first());
    show("document", &format!("{} ({} bytes), LRN {}", sample.file(), document.len(), lrn.map_or("-", String::as_str)));

    let sent = ph.submit("TH", &document).await?;
    show("submitted", &format!("MessageId {}", sent.message_id));
    let done = ph.wait_for("the receipt", "out", WITHIN, |m| m.key == sent.key && m.state == "delivered").await?;
    let receipt = ph.receipt(sent.key).await?;
    show("receipt", &format!("verified and stored, {} bytes; message is {}", receipt.len(), done.state));
    for digest in digests(&receipt)? {
        show("", &digest);
    }

    let arrived = th
        .wait_for("the declaration", "in", WITHIN, |m| m.message_id == sent.message_id && m.state == "delivered")
        .await?;
    let delivered = th.payload(arrived.key).await?;
    let same = delivered == *document;
    show(
        "delivered",
        &format!(
            "to TH as {}, {}",
            arrived.action,
            if same { "byte for byte what PH submitted" } else { "ALTERED on the way" }
        ),
    );

    let answer = ph
        .wait_for("the business response", "in", WITHIN, |m| {
            m.conversation == sent.conversation && m.state == "delivered"
        })
        .await?;
    let response = ph.payload(answer.key).await?;
    let kind = packs.identify(&response).ok_or_else(|| Failure::ours("no pack knows TH's response"))?;
    show("response", &format!("{} from TH ({} bytes)", answer.action, response.len()));
    for (fact, values) in facts::read(kind, &response).map_err(Failure::ours)? {
        show("", &format!("{fact} = {}", values.join(", ")));
    }
    Ok(same && answer.action == "response")
}

/// One line for each reference in the receipt's non-repudiation information.
fn digests(receipt: &[u8]) -> Result<Vec<String>, Failure> {
    let text = std::str::from_utf8(receipt).map_err(Failure::ours)?;
    let tree = roxmltree::Document::parse(text).map_err(Failure::ours)?;
    let within = |node: &roxmltree::Node<'_, '_>| {
        node.ancestors().any(|above| above.tag_name().name() == "NonRepudiationInformation")
    };
    let references = tree.descendants().filter(|node| node.tag_name().name() == "Reference" && within(node));
    Ok(references
        .map(|reference| {
            let digest = reference.descendants().find(|node| node.tag_name().name() == "DigestValue");
            format!(
                "{} {}",
                digest.and_then(|node| node.text()).unwrap_or_default(),
                reference.attribute("URI").unwrap_or_default()
            )
        })
        .collect())
}

fn show(name: &str, what: &str) {
    out::println!("    {name:<10} {what}");
}
