//! The one table of ebMS errors: code, severity, category, short description and text for the peer.
//! Leaves which fault leads to which row to `inbound::Refusal`. Clauses: ebMS 3.0 core 6.7, AS4 profile 1.0 section 3.1
//! and 3.2 (0301 to 0303).

use std::fmt;

/// Whether the message failed or was only remarked upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The message was not processed.
    Failure,
    /// The message may have been processed.
    Warning,
}

impl Severity {
    /// As in the `severity` attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Warning => "warning",
        }
    }
}

/// The kind of work that failed, as in the `category` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// What the header or a payload says.
    Content,
    /// Getting the message across.
    Communication,
    /// Opening the envelope.
    Unpackaging,
    /// Handling what was opened.
    Processing,
}

impl Category {
    /// As in the `category` attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "Content",
            Self::Communication => "Communication",
            Self::Unpackaging => "Unpackaging",
            Self::Processing => "Processing",
        }
    }
}

macro_rules! table {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $severity:ident, $category:ident, $short:literal, $text:literal;)*) => {
        /// A row of the error table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Ebms {
            $($(#[$meta])* $variant,)*
        }
        impl Ebms {
            /// All rows, by code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The code, `EBMS:nnnn`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => concat!("EBMS:", $code),)* }
            }
            /// The severity the specification gives the code.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
            /// The category the specification gives the code.
            #[must_use]
            pub const fn category(self) -> Category {
                match self { $(Self::$variant => Category::$category,)* }
            }
            /// The short description the specification gives the code.
            #[must_use]
            pub const fn short_description(self) -> &'static str {
                match self { $(Self::$variant => $short,)* }
            }
            /// What the peer is told in words. The same for every message, so that nothing of this node is in it.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

table! {
    /// A value that means nothing here.
    ValueNotRecognized = "0001", Failure, Content, "ValueNotRecognized", "A value in the header is not known here.";
    /// A feature that is left out without harm.
    FeatureNotSupported = "0002", Warning, Content, "FeatureNotSupported", "A feature the header asks for is not supported.";
    /// Two values that cannot both be right.
    ValueInconsistent = "0003", Failure, Content, "ValueInconsistent", "A value in the header does not agree with another value or with its definition.";
    /// Anything no other row names.
    Other = "0004", Failure, Content, "Other", "The message could not be processed.";
    /// The other side cannot be reached.
    ConnectionFailure = "0005", Failure, Communication, "ConnectionFailure", "No connection could be kept to the other side.";
    /// Nothing to pull.
    EmptyMessagePartitionChannel = "0006", Warning, Communication, "EmptyMessagePartitionChannel", "No message waits in this channel.";
    /// The MIME packaging is wrong.
    MimeInconsistency = "0007", Failure, Unpackaging, "MimeInconsistency", "The MIME packaging does not agree with the message or with its definition.";
    /// A feature without which the message cannot be opened.
    FeatureNotSupportedUnpackaging = "0008", Failure, Unpackaging, "FeatureNotSupported", "A feature the message needs in order to be opened is not supported.";
    /// The header breaks its schema.
    InvalidHeader = "0009", Failure, Unpackaging, "InvalidHeader", "The header is not well-formed or breaks its definition.";
    /// The message is not what was agreed.
    ProcessingModeMismatch = "0010", Failure, Processing, "ProcessingModeMismatch", "The message does not match a processing mode agreed with this party.";
    /// A payload outside the message.
    ExternalPayloadError = "0011", Failure, Content, "ExternalPayloadError", "A payload is not in the message and is not fetched from elsewhere.";
    /// The signature or the signer is not right.
    FailedAuthentication = "0101", Failure, Processing, "FailedAuthentication", "The signature or its signer could not be authenticated.";
    /// What is encrypted cannot be read.
    FailedDecryption = "0102", Failure, Processing, "FailedDecryption", "Encrypted content could not be decrypted.";
    /// The security is not what was agreed.
    PolicyNoncompliance = "0103", Failure, Processing, "PolicyNoncompliance", "The security of the message is not what was agreed.";
    /// The reliability module is broken.
    DysfunctionalReliability = "0201", Failure, Processing, "DysfunctionalReliability", "Reliable messaging does not work.";
    /// Taken, but not handed on.
    DeliveryFailure = "0202", Failure, Communication, "DeliveryFailure", "The message could not be accepted for delivery.";
    /// No receipt came, all retries spent.
    MissingReceipt = "0301", Failure, Communication, "MissingReceipt", "No receipt came for a message that was sent.";
    /// A receipt came that proves nothing.
    InvalidReceipt = "0302", Failure, Communication, "InvalidReceipt", "A receipt came that does not match the message that was sent.";
    /// A compressed part does not decompress.
    DecompressionFailure = "0303", Failure, Communication, "DecompressionFailure", "A compressed payload could not be decompressed.";
}

impl Ebms {
    /// The row of a code as it came over the wire; `None` for codes of others.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|row| row.code() == code.trim())
    }
}

impl fmt::Display for Ebms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.short_description())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_read_back() {
        assert!(Ebms::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        for row in Ebms::ALL {
            assert_eq!(Ebms::from_code(row.code()), Some(*row));
        }
        assert_eq!(Ebms::from_code("EBMS:9999"), None);
    }

    #[test]
    fn warnings_are_only_those_of_the_specification() {
        let warnings: Vec<_> =
            Ebms::ALL.iter().filter(|row| row.severity() == Severity::Warning).map(|row| row.code()).collect();
        assert_eq!(warnings, ["EBMS:0002", "EBMS:0006"]);
    }
}
