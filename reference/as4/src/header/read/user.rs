//! A user message read from its element.
//! Leaves what the values mean to the steps of `inbound`. Clauses: ebMS 3.0 core 5.2.2, AS4 profile 1.0 section 3.1.

use super::{Fields, HeaderError, message_info, text};
use crate::header::{Collaboration, PartInfo, Party, Property, UserMessage};
use crate::id::{Action, AgreementRef, ContentId, ConversationId, Mpc, PModeId, PartyId, Role, Service};
use crate::ns;
use carnet_wire::mime::content_id_of;
use carnet_wire::xml::Element;

pub(super) fn user_message(element: Element<'_>) -> Result<UserMessage, HeaderError> {
    const NAMES: &[&str] = &["MessageInfo", "PartyInfo", "CollaborationInfo", "MessageProperties", "PayloadInfo"];
    let fields = Fields::of(element, "UserMessage", NAMES, &[])?;
    let parties = Fields::of(fields.need("PartyInfo")?, "PartyInfo", &["From", "To"], &[])?;
    let properties = match fields.one("MessageProperties") {
        None => Vec::new(),
        Some(element) => properties(element, "MessageProperties")?,
    };
    let parts = match fields.one("PayloadInfo") {
        None => Vec::new(),
        Some(element) => payload_info(element)?,
    };
    Ok(UserMessage {
        info: message_info(fields.need("MessageInfo")?)?,
        mpc: Mpc::parse(element.attribute("", "mpc").unwrap_or(ns::DEFAULT_MPC))?,
        from: party(parties.need("From")?, "From")?,
        to: party(parties.need("To")?, "To")?,
        collaboration: collaboration(fields.need("CollaborationInfo")?)?,
        properties,
        parts,
    })
}

//= AS4-PARTY-01
fn party(element: Element<'_>, side: &'static str) -> Result<Party, HeaderError> {
    let fields = Fields::of(element, side, &["PartyId", "Role"], &["PartyId"])?;
    let mut ids = fields.all("PartyId");
    let id = match (ids.next(), ids.next()) {
        (Some(id), None) => id,
        (None, _) => return Err(HeaderError::Missing { parent: side, name: "PartyId" }),
        _ => return Err(HeaderError::Parties { side, count: fields.all("PartyId").count() }),
    };
    Ok(Party {
        id: PartyId::new(&text(id, "PartyId")?, id.attribute("", "type"))?,
        role: Role::parse(&text(fields.need("Role")?, "Role")?)?,
    })
}

fn collaboration(element: Element<'_>) -> Result<Collaboration, HeaderError> {
    const NAMES: &[&str] = &["AgreementRef", "Service", "Action", "ConversationId"];
    let fields = Fields::of(element, "CollaborationInfo", NAMES, &[])?;
    let (mut agreement, mut pmode) = (None, None);
    if let Some(element) = fields.one("AgreementRef") {
        agreement = Some(AgreementRef::new(&text(element, "AgreementRef")?, element.attribute("", "type"))?);
        pmode = element.attribute("", "pmode").map(PModeId::parse).transpose()?;
    }
    let service = fields.need("Service")?;
    Ok(Collaboration {
        agreement,
        pmode,
        service: Service::new(&text(service, "Service")?, service.attribute("", "type"))?,
        action: Action::parse(&text(fields.need("Action")?, "Action")?)?,
        //= AS4-COLLABORATION-03
        conversation: ConversationId::parse(&text(fields.need("ConversationId")?, "ConversationId")?)?,
    })
}

fn properties(element: Element<'_>, parent: &'static str) -> Result<Vec<Property>, HeaderError> {
    let fields = Fields::of(element, parent, &["Property"], &["Property"])?;
    fields
        .all("Property")
        .map(|property| {
            let name = property.attribute("", "name").map(str::trim).filter(|name| !name.is_empty());
            Ok(Property {
                name: name.ok_or(HeaderError::Missing { parent: "Property", name: "name" })?.to_owned(),
                kind: property.attribute("", "type").map(ToOwned::to_owned),
                value: property.simple_text().map_err(|_| HeaderError::NotText("Property"))?.into_owned(),
            })
        })
        .collect()
}

fn payload_info(element: Element<'_>) -> Result<Vec<PartInfo>, HeaderError> {
    let fields = Fields::of(element, "PayloadInfo", &["PartInfo"], &["PartInfo"])?;
    let parts = fields.all("PartInfo").map(part_info).collect::<Result<Vec<_>, _>>()?;
    // Sorted, as a header may list thousands before it is authenticated.
    let mut ids: Vec<&ContentId> = parts.iter().map(|part| &part.id).collect();
    ids.sort_unstable();
    if let Some([same, _]) = ids.windows(2).find(|pair| pair.first() == pair.get(1)) {
        return Err(HeaderError::SamePart((*same).clone()));
    }
    Ok(parts)
}

fn part_info(element: Element<'_>) -> Result<PartInfo, HeaderError> {
    let fields = Fields::of(element, "PartInfo", &["Schema", "Description", "PartProperties"], &["Schema"])?;
    let id = match element.attribute("", "href").map(str::trim) {
        None => return Err(HeaderError::InBody),
        Some(href) if href.starts_with('#') => return Err(HeaderError::InBody),
        //= AS4-PAYLOAD-04
        Some(href) if !href.starts_with("cid:") => {
            return Err(HeaderError::External(href.chars().take(200).collect()));
        }
        Some(href) => ContentId::parse(&content_id_of(href).unwrap_or_default())?,
    };
    let mut part = PartInfo { id, mime_type: None, character_set: None, compressed: false, properties: Vec::new() };
    let mut compression = None;
    let all = match fields.one("PartProperties") {
        None => Vec::new(),
        Some(element) => properties(element, "PartProperties")?,
    };
    for property in all {
        let (slot, name) = match property.name.as_str() {
            "MimeType" => (&mut part.mime_type, "MimeType"),
            "CharacterSet" => (&mut part.character_set, "CharacterSet"),
            "CompressionType" => (&mut compression, "CompressionType"),
            _ => {
                part.properties.push(property);
                continue;
            }
        };
        if slot.replace(property.value.trim().to_owned()).is_some() {
            return Err(HeaderError::SameProperty { part: part.id, name });
        }
    }
    match compression {
        None => {}
        Some(value) if value.trim().eq_ignore_ascii_case(ns::GZIP_MEDIA) => part.compressed = true,
        Some(got) => return Err(HeaderError::Compression { part: part.id, got }),
    }
    Ok(part)
}
