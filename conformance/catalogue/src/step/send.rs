//! What a step sends to the subject: a message, or bytes of the case's own.

use serde::{Deserialize, Serialize};

/// A message to the subject: `ping`, `sample`, a pack's message, or one that was sent before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The ebMS test service, without payload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ping: bool,
    /// The subject's own sample document, as `subject.toml` names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sample: bool,
    /// The pack that `message` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// A message of the pack, for example `valid/export-sea`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Facts set in a copy of the document; the fixture stays byte-equal.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub set: std::collections::BTreeMap<String, String>,
    /// The name of a step whose request is sent again, byte for byte but for what `forge` changes of its envelope at `signed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// A pull request, for the agreed channel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// The channel to pull from, where it is not the agreed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mpc: Option<String>,
    /// Two pull requests at once, on connections of their own, each with its own MessageId.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twice: bool,
    /// The name of a step whose pulled message is receipted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_of: Option<String>,
    /// The name of an `await` step whose message this one replies to, in its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The name of a step whose MessageId is taken for this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id_of: Option<String>,
    /// The name of a step whose ConversationId is taken for this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_of: Option<String>,
    /// Further payloads after the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub part: Vec<Part>,
    /// Message properties beside those of `subject.toml`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub property: Vec<Property>,
    /// Gzip the payloads; without it, what the agreement says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
}

/// A further payload: its text stands in the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Media type.
    pub mime: String,
    /// The content as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content as hexadecimal bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Content of this many zero bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
    /// Gzip it; without it, as the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
}

/// A message property.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type attribute.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its value.
    pub value: String,
}

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// Plain TCP.
    Tcp,
    /// TLS, with the step's identity.
    #[default]
    Tls,
}

/// A connection with bytes of the case's own; with none of the byte keys set, a handshake and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Plain TCP or TLS.
    #[serde(default)]
    pub over: Over,
    /// A ClientHello the TLS library would never send, by name (`tls1.0`, `tls1.1`, ...); goes over TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<String>,
    /// Bytes as text; `\r\n` must be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// This many zero bytes, after `text` or `hex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
}

impl Send {
    /// The keys that name an earlier step, each with the name.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("again", &self.again),
            ("receipt_of", &self.receipt_of),
            ("reply_to", &self.reply_to),
            ("message_id_of", &self.message_id_of),
            ("conversation_of", &self.conversation_of),
        ];
        all.into_iter().filter_map(|(key, name)| Some((key, name.as_deref()?)))
    }

    /// How many of the ways to name a message are used; exactly one is meant.
    pub(super) fn sources(&self) -> usize {
        let pack = self.pack.is_some() && self.message.is_some();
        let named = [self.again.is_some(), self.receipt_of.is_some()];
        [self.ping, self.sample, pack, self.pull].into_iter().chain(named).filter(|set| *set).count()
    }
}
