//! What a message of the subject says of its payloads.

use super::super::Outcome;
use super::super::look::{Look, settle};
use super::USER;

pub(super) fn properties(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let parts = push.ebms.user.as_ref().map(|user| user.parts.clone()).unwrap_or_default();
        if parts.len() != push.package.parts.len() {
            let actual = format!("{} PartInfo for {} parts", parts.len(), push.package.parts.len());
            return Ok(look.at(push.exchange, "one PartInfo for each MIME part", actual, Some(USER), None));
        }
        for (href, properties) in &parts {
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let cid = href.strip_prefix("cid:").unwrap_or(href);
            let Some(part) = push.package.parts.iter().find(|part| part.cid.as_deref() == Some(cid)) else {
                return Ok(look.at(
                    push.exchange,
                    "a MIME part for each href",
                    format!("no part for {href}"),
                    Some(USER),
                    Some(href),
                ));
            };
            let compressed = part.content_type.starts_with("application/gzip");
            let says = value("CompressionType") == Some("application/gzip");
            if compressed != says || (compressed && value("MimeType").is_none()) {
                let actual = format!("content type {:?} with properties {properties:?}", part.content_type);
                return Ok(look.at(
                    push.exchange,
                    "CompressionType application/gzip and MimeType on a part of type application/gzip, and only there",
                    actual,
                    Some(USER),
                    Some(href),
                ));
            }
        }
        Ok(Outcome::Holds)
    })())
}

pub(super) fn character_set(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let parts = push.ebms.user.as_ref().map(|user| user.parts.clone()).unwrap_or_default();
        for (href, properties) in &parts {
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let media = value("MimeType").unwrap_or_default();
            let xml = matches!(media, "application/xml" | "text/xml") || media.ends_with("+xml");
            if xml && value("CompressionType").is_some() && value("CharacterSet").is_none_or(str::is_empty) {
                return Ok(look.at(
                    push.exchange,
                    "a part property CharacterSet on a compressed XML part",
                    format!("none among {properties:?}"),
                    Some(USER),
                    Some(href),
                ));
            }
        }
        Ok(Outcome::Holds)
    })())
}
