//! Parties that no kit names: a `[[dynamic]]` table read and put together.

use carnet_as4::partner::{Stranger, Subject, TlsBinding};
use carnet_as4::pmode::{Open, PMode};
use carnet_https::{Revocation, Trust};

use super::node::DynamicTable;
use super::partner::{anchors, certificates, lists, pmodes};
use super::place::{ConfigError, Source};

/// A table as it was read.
pub(super) struct Admitted {
    pub(super) stranger: Stranger,
    /// Whose clients may connect.
    pub(super) clients: Trust,
    pub(super) pmodes: Vec<PMode>,
}

impl Admitted {
    /// Reads a table and what it names.
    pub(super) fn read(source: &Source, table: &DynamicTable, revocation: Revocation) -> Result<Self, ConfigError> {
        let lists = lists(source, &table.crls)?;
        let text = &table.signing_subject;
        let subject = Subject::parse(text.get_ref()).filter(Subject::has_place).ok_or_else(|| {
            let help = "write it like \"CN={party} signing\": the certificate then names the party";
            source.value(text, "a subject of RFC 4514 with {party} in it", help)
        })?;
        for policy in &table.signing_policies {
            let oid = policy.get_ref();
            if oid.is_empty() || !oid.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit())) {
                return Err(source.value(policy, "an object identifier", "write it like \"1.3.6.1.4.1.99999.1\""));
            }
        }
        let pmodes = pmodes(source, &table.pmodes)?;
        if let (Some(_), Some(first)) =
            (pmodes.iter().find(|pmode| pmode.open != Some(Open::Initiator)), table.pmodes.first())
        {
            let help = "leave `party` under [initiator] out in these P-Modes; one with a party belongs in a kit";
            return Err(source.value(first, "P-Modes that leave their initiator open", help));
        }
        let kind = table.party_type.get_ref();
        Ok(Self {
            stranger: Stranger {
                party_type: (!kind.is_empty()).then(|| kind.clone()),
                tls: TlsBinding::Anchor(anchors(source, &table.tls_anchors, &lists, revocation)?),
                anchors: anchors(source, &table.signing_anchors, &lists, revocation)?,
                policies: table.signing_policies.iter().map(|policy| policy.get_ref().clone()).collect(),
                subject,
            },
            clients: Trust { anchors: certificates(source, &table.tls_anchors)?, lists, revocation },
            pmodes,
        })
    }
}
