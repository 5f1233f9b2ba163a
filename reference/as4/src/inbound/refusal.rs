//! Every way a message fails, and what each is answered with: the row of the error table and the requirement.
//! Leaves writing the answer to `respond`. First by whose fault it is: how the message is packed, what was agreed, who
//! sends, what a part holds, and last what is this node's own.

use crate::error::Ebms;
use crate::header::HeaderError;
use crate::id::{ContentId, MessageId, Mpc, PartyId};
use crate::outbound::answer::AnswerError;
use crate::partner::BindingError;
use crate::pmode::{Mismatch, PropertyError};
use crate::secure::SecurityError;
use crate::soap::SoapError;
use carnet_wire::digest::DigestError;
use carnet_wire::encryption::EncryptionError;
use carnet_wire::gzip::GzipError;
use carnet_wire::mime::MimeError;
use carnet_wire::signature::SignatureError;

/// A requirement of the catalogue, by id.
pub type Requirement = &'static str;

/// Why a message was refused, and which message.
#[derive(Debug, thiserror::Error)]
#[error("message {} is refused", .message_id.as_ref().map_or("without readable id", MessageId::as_str))]
pub struct Refusal {
    /// The message, as far as it could be read. Of a refused message nothing is proven, its id included.
    pub message_id: Option<MessageId>,
    /// Why.
    #[source]
    pub fault: Fault,
}

/// Why a message was refused.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The body is neither a SOAP envelope nor a multipart with one; the driver found out.
    #[error("content type is not one of SOAP 1.2 or multipart/related")]
    ContentType,
    /// The multipart is broken; the driver found out.
    #[error("multipart is refused")]
    Mime(#[from] MimeError),
    /// The root part does not come soon enough; the driver found out.
    #[error("root part comes behind more than {most} bytes of other parts")]
    LateRoot {
        /// Bytes that may come before it.
        most: u64,
    },
    /// The body ended before its end; the driver found out.
    #[error("body is cut short")]
    CutShort,
    /// The envelope.
    #[error("envelope is refused")]
    Soap(#[from] SoapError),
    /// The header.
    #[error("header is refused")]
    Header(#[from] HeaderError),
    /// Something in the SOAP Body, which the profile keeps empty.
    #[error("SOAP Body is not empty")]
    BodyNotEmpty,

    /// No P-Mode fits.
    #[error("no P-Mode fits")]
    Mismatch(#[from] Mismatch),
    /// The second leg of a Two-Way exchange that names no request.
    #[error("message answers no request, and its P-Mode is the reply of a two-way exchange")]
    NoRequest,
    /// The second leg of a Two-Way exchange whose request was never sent from here to its sender; the driver found out.
    #[error("message answers a request that was not sent to its sender")]
    UnknownRequest,
    /// The second leg of a Two-Way exchange in another conversation than its request; the driver found out.
    #[error("message is in another conversation than the request it answers")]
    OtherConversation,
    /// A message property that the P-Mode asks for.
    #[error("message properties are not what was agreed")]
    Property(#[source] PropertyError),
    /// A pull request for the default channel.
    #[error("nothing is pulled from the default channel")]
    DefaultChannel,
    /// A pull request for a channel that is not offered.
    #[error("channel {0} is not offered")]
    UnknownChannel(Mpc),
    /// A pull request of somebody who may not pull from the channel.
    #[error("channel {mpc} is not the requester's to pull from")]
    Channel {
        /// The channel.
        mpc: Mpc,
        /// Why its certificate is not the partner's.
        #[source]
        source: BindingError,
    },
    /// A pull request for a channel in which nothing waits.
    #[error("channel is empty")]
    EmptyChannel,
    /// A receipt that does not prove what was sent.
    #[error("receipt is refused")]
    Receipt(#[source] AnswerError),
    /// What came in answer to a pull request is of another party or channel than was asked.
    #[error("message was not asked for: from {from} in channel {mpc}")]
    NotAsked {
        /// The From party.
        from: PartyId,
        /// Its channel.
        mpc: Mpc,
    },
    /// A receipt that answers nothing on this connection.
    #[error("a receipt came as a message of its own")]
    LooseReceipt,
    /// An error that answers nothing on this connection. It is not answered: errors about errors would never end.
    #[error("an error came as a message of its own: {0}")]
    LooseError(String),
    /// More parts than agreed.
    #[error("message has too many parts: got {got}, expected at most {most}")]
    TooManyParts {
        /// How many.
        got: usize,
        /// How many are agreed.
        most: usize,
    },
    /// A part larger than agreed.
    #[error("part {part} is too large: expected at most {most} bytes")]
    PartTooLarge {
        /// The part.
        part: ContentId,
        /// Most bytes.
        most: u64,
    },

    /// Something is encrypted, which the profile does not agree on.
    #[error("{0} is encrypted, which is not agreed")]
    Encrypted(&'static str),
    /// Encryption is agreed, and a payload is not encrypted.
    #[error("part {0} is not encrypted, which was agreed")]
    NotEncrypted(ContentId),
    /// Something is encrypted that is no payload of the message.
    #[error("{0} is encrypted and no payload of the message")]
    NoPayload(String),
    /// Encryption in a way that is not agreed, or that fails.
    #[error("encryption is refused")]
    Encryption(#[from] EncryptionError),
    /// Signature, signer or coverage.
    #[error("security is refused")]
    Security(#[from] SecurityError),
    /// The connection is not the sender's.
    #[error("connection is refused")]
    Connection(#[source] BindingError),

    /// A part the header lists or the signature covers is not in the message.
    #[error("part {0} is missing")]
    PartMissing(ContentId),
    /// Two MIME parts have the same Content-ID.
    #[error("part {0} is there twice")]
    PartTwice(ContentId),
    /// A part has another digest than its sender signed.
    #[error("part {0} has another digest than was signed")]
    PartChanged(ContentId),
    /// A part cannot be brought into the form that is hashed.
    #[error("part {part} cannot be hashed")]
    PartUnreadable {
        /// The part.
        part: ContentId,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A compressed part does not say what it is when decompressed.
    #[error("part {0} is compressed and has no MimeType")]
    NoMimeType(ContentId),
    /// A character set that is not one.
    #[error("part {part} has the character set {got:?}, which is not one")]
    CharacterSet {
        /// The part.
        part: ContentId,
        /// The value.
        got: String,
    },
    /// A compressed part does not decompress.
    #[error("part {part} does not decompress")]
    Inflate {
        /// The part.
        part: ContentId,
        /// Why.
        #[source]
        source: GzipError,
    },
    /// A compressed part was never inflated: the driver left the step out.
    #[error("part {0} was not decompressed")]
    NotInflated(ContentId),

    /// The MessageId was received before, with another content.
    #[error("message id was received before with another content")]
    Conflict,
    /// This node cannot take the message now.
    #[error("message cannot be taken now")]
    Unavailable,
}

impl Fault {
    /// The row of the error table the peer is told.
    #[must_use]
    pub fn ebms(&self) -> Ebms {
        self.told().0
    }

    /// The requirement the peer is told.
    #[must_use]
    pub fn requirement(&self) -> Requirement {
        self.told().1
    }

    fn told(&self) -> (Ebms, Requirement) {
        match self {
            Self::ContentType => (Ebms::MimeInconsistency, "AS4-SOAP-01"),
            Self::Mime(_) | Self::LateRoot { .. } | Self::CutShort => (Ebms::MimeInconsistency, "AS4-SOAP-02"),
            Self::Soap(SoapError::NoMessaging) => (Ebms::InvalidHeader, "EBMS-HEADER-01"),
            Self::Soap(SoapError::Repeated(_)) => (Ebms::InvalidHeader, "EBMS-HEADER-02"),
            Self::Soap(SoapError::NotUnderstood(_)) => (Ebms::FeatureNotSupportedUnpackaging, "EBMS-SOAP-02"),
            Self::Soap(_) => (Ebms::InvalidHeader, "EBMS-SOAP-01"),
            Self::Header(error) => header(error),
            Self::BodyNotEmpty => (Ebms::ProcessingModeMismatch, "AS4-PAYLOAD-01"),
            Self::Mismatch(
                Mismatch::PMode { .. } | Mismatch::Role { .. } | Mismatch::Mpc { .. } | Mismatch::Binding { .. },
            ) => (Ebms::ProcessingModeMismatch, "EBMS-PMODE-01"),
            Self::Mismatch(_) => (Ebms::ValueNotRecognized, "EBMS-PMODE-02"),
            Self::NoRequest | Self::UnknownRequest => (Ebms::ValueInconsistent, "AS4-PUSH-02"),
            Self::OtherConversation => (Ebms::ValueInconsistent, "AS4-PUSH-03"),
            Self::Property(_) => (Ebms::ProcessingModeMismatch, "EDEL-FOURCORNER-01"),
            Self::DefaultChannel => (Ebms::ValueNotRecognized, "EDEL-PULL-02"),
            Self::UnknownChannel(_) => (Ebms::ValueNotRecognized, "EBMS-PULL-01"),
            Self::Channel { .. } => (Ebms::FailedAuthentication, "EDEL-PULL-01"),
            Self::EmptyChannel => (Ebms::EmptyMessagePartitionChannel, "EDEL-PULL-04"),
            Self::Receipt(_) => (Ebms::InvalidReceipt, "AS4-RECEIPT-05"),
            Self::NotAsked { .. } => (Ebms::ProcessingModeMismatch, "EBMS-PMODE-01"),
            Self::LooseReceipt => (Ebms::ProcessingModeMismatch, "AS4-RECEIPT-06"),
            Self::LooseError(_) => (Ebms::ProcessingModeMismatch, "AS4-ERROR-01"),
            Self::TooManyParts { .. }
            | Self::PartTooLarge { .. }
            | Self::PartUnreadable { source: DigestError::TooLarge { .. }, .. } => {
                (Ebms::ProcessingModeMismatch, "EBMS-PAYLOAD-03")
            }
            Self::Encrypted(_) => (Ebms::PolicyNoncompliance, "CARNET-ENCRYPT-01"),
            Self::NotEncrypted(_) => (Ebms::PolicyNoncompliance, "EDEL-ENCRYPT-01"),
            Self::NoPayload(_) | Self::Encryption(EncryptionError::Misplaced { .. }) => {
                (Ebms::PolicyNoncompliance, "EDEL-ENCRYPT-03")
            }
            Self::Encryption(EncryptionError::Failed | EncryptionError::OtherRecipient) => {
                (Ebms::FailedDecryption, "EDEL-ENCRYPT-05")
            }
            Self::Encryption(EncryptionError::Type | EncryptionError::Transform) => {
                (Ebms::PolicyNoncompliance, "EDEL-ENCRYPT-04")
            }
            Self::Encryption(_) => (Ebms::PolicyNoncompliance, "EDEL-ENCRYPT-02"),
            Self::Security(error) => security(error),
            Self::Connection(_) => (Ebms::FailedAuthentication, "EDEL-TLS-04"),
            Self::PartMissing(_) | Self::PartTwice(_) => (Ebms::MimeInconsistency, "EBMS-PAYLOAD-01"),
            Self::PartChanged(_) | Self::PartUnreadable { .. } => (Ebms::FailedAuthentication, "AS4-SIGN-04"),
            Self::NoMimeType(_) => (Ebms::ValueInconsistent, "AS4-COMPRESSION-04"),
            Self::CharacterSet { .. } => (Ebms::ValueInconsistent, "AS4-COMPRESSION-06"),
            Self::Inflate { .. } | Self::NotInflated(_) => (Ebms::DecompressionFailure, "AS4-COMPRESSION-07"),
            Self::Conflict => (Ebms::ValueInconsistent, "CARNET-DUPLICATE-01"),
            Self::Unavailable => (Ebms::DeliveryFailure, "EBMS-DELIVERY-01"),
        }
    }

    /// HTTP status of the answer. An ebMS error is an answer like any other; only what was no AS4 message at all, or
    /// what this node cannot do now, is a failure of HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::ContentType => 415,
            Self::Mime(_)
            | Self::LateRoot { .. }
            | Self::CutShort
            | Self::Soap(SoapError::Xml(_) | SoapError::Shape) => 400,
            Self::Soap(SoapError::Version | SoapError::NotUnderstood(_)) => 500,
            Self::LooseError(_) => 202,
            Self::Unavailable => 503,
            _ => 200,
        }
    }
}

fn header(error: &HeaderError) -> (Ebms, Requirement) {
    match error {
        HeaderError::External(_) => (Ebms::ExternalPayloadError, "AS4-PAYLOAD-04"),
        HeaderError::InBody => (Ebms::ProcessingModeMismatch, "AS4-PAYLOAD-01"),
        HeaderError::Parties { .. } => (Ebms::ProcessingModeMismatch, "AS4-PARTY-01"),
        HeaderError::SamePart(_) => (Ebms::ValueInconsistent, "EBMS-PAYLOAD-02"),
        HeaderError::SameProperty { .. } => (Ebms::ValueInconsistent, "AS4-PROPERTY-02"),
        HeaderError::Compression { .. } => (Ebms::ValueNotRecognized, "AS4-COMPRESSION-02"),
        HeaderError::Id(crate::id::IdError::NotAUri { .. }) => (Ebms::ValueInconsistent, "EBMS-HEADER-04"),
        _ => (Ebms::InvalidHeader, "EBMS-HEADER-03"),
    }
}

fn security(error: &SecurityError) -> (Ebms, Requirement) {
    match error {
        SecurityError::Unsigned => (Ebms::PolicyNoncompliance, "AS4-SIGN-01"),
        SecurityError::NotCovered(_) | SecurityError::PartNotCovered(_) => (Ebms::PolicyNoncompliance, "AS4-SIGN-02"),
        SecurityError::Token(_) => (Ebms::PolicyNoncompliance, "EDEL-TOKEN-01"),
        SecurityError::Signature(error) if beyond_policy(error) => (Ebms::PolicyNoncompliance, "EDEL-ALGORITHM-01"),
        SecurityError::Signature(_) => (Ebms::FailedAuthentication, "AS4-SIGN-03"),
        SecurityError::LeafAlone(_) => (Ebms::FailedAuthentication, "EDEL-TOKEN-02"),
        SecurityError::Signer(BindingError::SignerPolicy { .. }) => (Ebms::FailedAuthentication, "EDEL-DYNRECEIVER-02"),
        SecurityError::Signer(_) | SecurityError::Unknown(_) => (Ebms::FailedAuthentication, "EDEL-TRUST-01"),
    }
}

/// Whether a signature is refused for its algorithms and not for what it says.
fn beyond_policy(error: &SignatureError) -> bool {
    matches!(
        error,
        SignatureError::Algorithm
            | SignatureError::DigestAlgorithm
            | SignatureError::Canonicalization
            | SignatureError::Transform
    )
}
