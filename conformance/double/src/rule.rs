//! What the double checks, each rule with its name: a mutant names those it leaves out.
//!
//! The rules of certificate paths are checked at four places (the TLS client, the TLS server, the signer of a message,
//! the signer of a receipt) and are named `PLACE.RULE`. What a mutant does wrong beyond leaving something out is a
//! [`Habit`].

/// Makes a closed list of named things, each with one sentence.
macro_rules! named {
    ($(#[$about:meta])* $list:ident { $($variant:ident = $name:literal, $says:literal;)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $list {
            $(#[doc = $says] $variant,)+
        }

        impl $list {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, as mutants write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it is, in one sentence.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)+ }
            }
        }
    };
}

named! {
    /// A rule of the double beside those of certificate paths.
    Rule {
        HelloSsl2 = "hello.ssl2", "A ClientHello of SSL 2.0 is not answered.";
        HelloVersion = "hello.version", "A ClientHello below TLS 1.2 is not answered.";
        HelloSuite = "hello.suite", "A ClientHello that offers no sound suite is not answered.";
        TlsOnly = "tls.only", "What does not begin with a ClientHello is not answered.";
        TlsParty = "tls.party", "The client certificate belongs to the party that the message names.";

        HttpFields = "http.fields", "A request has a bearable number of header fields.";
        HttpCoding = "http.coding", "A request has no content coding.";
        MimeParts = "mime.parts", "A message has a bearable number of parts.";
        MimeReads = "mime.reads", "The multipart body reads to its end.";
        EnvelopeXml = "envelope.xml", "The envelope is well-formed XML within limits.";
        EnvelopeDoctype = "envelope.doctype", "The envelope has no document type declaration.";
        EnvelopeSoap = "envelope.soap", "The envelope is SOAP 1.2 with one Header and one Body.";
        EnvelopeMessaging = "envelope.messaging", "The Header has one Messaging, and that one is read.";
        HeaderText = "header.text", "A MessageId is the whole text of its element, over comments.";
        HeaderMustUnderstand = "header.must-understand", "Every block that must be understood is.";

        SignaturePresent = "signature.present", "There is a signature.";
        SignaturePlace = "signature.place", "There is one signature, below wsse:Security.";
        SignatureForm = "signature.form", "The signature has the shape, references and transforms of the profile.";
        SignatureAlgorithm = "signature.algorithm", "It is made with RSA and SHA-256.";
        SignatureDigestMethod = "signature.digest-method", "Its digests are SHA-256.";
        SignatureIds = "signature.ids", "Each identifier is used once, and each reference has its element.";
        SignatureToken = "signature.token", "The token reads and carries the signer's certificate.";
        SignatureValue = "signature.value", "The signature value verifies with the signer's key.";
        SignatureDigest = "signature.digest", "Each signed element has the digest that was signed.";
        CoverageMessaging = "coverage.messaging", "The signature covers Messaging.";
        CoverageBody = "coverage.body", "The signature covers the Body.";
        CoverageParts = "coverage.parts", "The signature covers every part that the header lists.";
        PartDigest = "part.digest", "Each part has the digest that was signed.";
        SignerParty = "signer.party", "The signer is the party that the message names.";
        TokenAgreed = "token.agreed", "A token that only names its certificate is taken where that is agreed.";
        EncryptionAgreed = "encryption.agreed", "Nothing is encrypted where no encryption is agreed.";
        EncryptionDemanded = "encryption.demanded", "Every payload is encrypted where that is agreed.";
        EncryptionPlace = "encryption.place", "Messaging is read where it stands, and not from a ciphertext.";
        EncryptionKey = "encryption.key", "The key of a message is handed over as agreed.";
        EncryptionContent = "encryption.content", "Payloads are encrypted with AES-128-GCM.";
        EncryptionForm = "encryption.form", "Encrypted data say by a reference which part they are about.";
        EncryptionDecrypts = "encryption.decrypts", "The key and every payload decrypt, and are authentic.";
        EncryptionOrder = "encryption.order", "What was signed is what was there before encryption.";
        EncryptionFirst = "encryption.first", "Nothing is compressed after it was encrypted.";

        PullChannel = "pull.channel", "A pull is answered from an offered channel only.";
        PullDefault = "pull.default", "The default channel is not pulled from.";
        PullParty = "pull.party", "A channel is pulled from by its party alone.";
        VisitorPolicy = "visitor.policy", "A party that nobody registered signs under the agreed policy.";
        CornersThere = "corners.there", "The outer corners are both named where that was agreed.";
        CornersOnce = "corners.once", "Each outer corner is named once.";
        CornersFilled = "corners.filled", "Each outer corner has a value.";
        HeaderUserMessage = "header.user-message", "Messaging carries one user message.";
        HeaderMessageId = "header.message-id", "The message has a MessageId.";
        HeaderServiceUri = "header.service-uri", "A Service without type is a URI.";
        PModeFrom = "pmode.from", "The sender is a known party.";
        PModeTo = "pmode.to", "The receiver is this party.";
        PModeAgreement = "pmode.agreement", "The agreement is a known one.";
        PModeService = "pmode.service", "The service is an agreed one.";
        PModeAction = "pmode.action", "The action is an agreed one of its service.";

        PayloadReference = "payload.reference", "Each payload is a part of the message, none lies elsewhere.";
        PayloadThere = "payload.there", "Each payload that the header lists is there.";
        PayloadOnce = "payload.once", "Each part is listed once.";
        PayloadMimeType = "payload.mime-type", "A compressed part names its MimeType.";
        PayloadCharacterSet = "payload.character-set", "A CharacterSet is the name of one.";
        PayloadGzip = "payload.gzip", "A compressed part inflates whole, with the right checksum.";
        PayloadMeasure = "payload.measure", "A part inflates to a bearable size.";

        DuplicateContent = "duplicate.content", "A MessageId that is used again for other content is refused.";
        DuplicateHeader = "duplicate.header", "A MessageId that is used again under another header is refused.";
        DuplicateDetected = "duplicate.detected", "A message that was received before is not delivered again.";
        PingDelivery = "ping.delivery", "A test message is not delivered.";

        DiscoverySize = "discovery.size", "What a publisher says has a bearable size.";
        DiscoverySignature = "discovery.signature", "What a publisher says is signed, and the signature holds.";
        DiscoverySigner = "discovery.signer", "It is signed by the publisher.";
        DiscoveryParticipant = "discovery.participant", "It is about the party that was asked for.";
        DiscoveryDocument = "discovery.document", "It is about the document that was asked for.";
        DiscoveryProcess = "discovery.process", "The endpoint is one of the process that was asked for.";
        DiscoveryTransport = "discovery.transport", "The endpoint speaks the agreed transport.";
        DiscoveryEndpoint = "discovery.endpoint", "The endpoint is reached over TLS.";
        DiscoveryDates = "discovery.dates", "The endpoint is in service now.";
        DiscoveryRedirects = "discovery.redirects", "A second redirection is not followed.";

        ReceiptReads = "receipt.reads", "The answer is there to its end.";
        ReceiptReference = "receipt.reference", "The receipt refers to the message that was sent.";
        ReceiptSigned = "receipt.signed", "The receipt carries a signature that verifies.";
        ReceiptCoverage = "receipt.coverage", "The receipt's signature covers Messaging and Body.";
        ReceiptDigests = "receipt.digests", "The receipt repeats every reference that was sent, and no other.";
        ReceiptParty = "receipt.party", "The receipt's signer is the party that was sent to.";
        ReceiptCertificate = "receipt.certificate", "The receipt's signer is the certificate that was looked up.";

        DocumentSchema = "document.schema", "The document is valid by its schema.";
        DocumentCodes = "document.codes", "Its codes stand in their lists (12).";
        DocumentMandatory = "document.mandatory", "What is mandatory is there (13).";
        DocumentRules = "document.rules", "Its rules hold (14).";
        DocumentCondition = "document.condition", "Nothing is there that its condition excludes (15).";
        MrnForm = "mrn.form", "A movement reference number has its form and its check digit (93).";
        MrnKnown = "mrn.known", "A movement reference number is one that was issued to this sender (90).";
        LrnOnce = "lrn.once", "A local reference number is used once by a declarant (26).";
        StateAllows = "state.allows", "The state of a declaration allows what is asked (92).";
    }
}

named! {
    /// A rule of a certificate path (RFC 5280, 6).
    PathRule {
        Present = "present", "A certificate is presented.";
        Encoding = "encoding", "The certificate is DER and nothing follows it.";
        Version = "version", "A certificate with extensions is of version 3.";
        ExtensionsOnce = "extensions-once", "No extension comes twice.";
        Critical = "critical", "Every critical extension of the path is understood.";
        Expired = "expired", "The certificate has not expired.";
        NotYetValid = "not-yet-valid", "The certificate is valid already.";
        IssuerExpired = "issuer-expired", "No issuer of the path has expired.";
        IssuerNotYetValid = "issuer-not-yet-valid", "Every issuer of the path is valid already.";
        KeyUsage = "key-usage", "The key may sign.";
        Purpose = "purpose", "The certificate is for this purpose.";
        IssuerPurpose = "issuer-purpose", "Every issuer may issue for this purpose.";
        IssuerKeyUsage = "issuer-key-usage", "Every issuer's key may sign certificates.";
        IssuerIsCa = "issuer-is-ca", "Every issuer is an authority.";
        PathLength = "path-length", "No authority allows fewer authorities below it than there are.";
        Names = "names", "No name breaks a constraint of an authority above it.";
        IssuerName = "issuer-name", "Each certificate names its issuer.";
        Anchor = "anchor", "The path ends at an anchor.";
        Signature = "signature", "Each certificate is signed by its issuer.";
        AlgorithmTwice = "algorithm-twice", "The signature algorithm is the same inside and outside.";
        WeakHash = "weak-hash", "No certificate is signed with SHA-1.";
        KeySize = "key-size", "RSA keys have 2048 bits at least.";
        Revoked = "revoked", "The certificate is not revoked.";
        IssuerRevoked = "issuer-revoked", "No issuer of the path is revoked.";
        Listed = "listed", "Every authority of the path has published a revocation list.";
        ListCurrent = "list-current", "The revocation list of an authority is in date and signed by it.";
        Possession = "possession", "Whoever presents the certificate holds its key.";
        Host = "host", "The certificate is for the host that was asked for.";
    }
}

named! {
    /// Where a certificate path is checked.
    Place {
        Client = "client", "The client certificate of a connection that was accepted.";
        Server = "server", "The server certificate of a connection that was opened.";
        Signer = "signer", "The signer of a message.";
        ReceiptSigner = "receipt-signer", "The signer of a receipt.";
        Publisher = "publisher", "The signer of what a publisher says.";
        Found = "found", "The certificate that was looked up.";
    }
}

named! {
    /// Something a mutant does that a conformant node does not do.
    Habit {
        TlsNo12 = "tls-no-1.2", "It does not speak TLS 1.2.";
        TlsNo13 = "tls-no-1.3", "It does not speak TLS 1.3.";
        ShowsStackTrace = "shows-stack-trace", "Its refusals show its internals.";
        RefusesWithoutAnswer = "refuses-without-answer", "It closes the connection in the place of an error.";
        AnswersEmpty = "answers-empty", "It answers with an empty body where a receipt is due.";
        NoContinue = "no-continue", "It refuses a request that asks whether to continue.";
        FirstMessaging = "reads-first-messaging", "It reads the first Messaging of the Header, signed or not.";
        LastMessaging = "reads-last-messaging", "It reads the last Messaging of the Header, signed or not.";
        SecurityFirst = "security-first", "It refuses messages whose Security header is not the first block.";
        NoByteOrderMark = "no-byte-order-mark", "It refuses an envelope with a byte order mark.";
        NoPlainSoap = "no-plain-soap", "It takes multipart bodies only.";
        MediaTypeCase = "media-type-case", "It compares media types by their letters.";
        NeedsStart = "needs-start", "It refuses multipart bodies without a start parameter.";
        NeedsCompression = "needs-compression", "It refuses uncompressed payloads.";
        OnePayload = "one-payload", "It refuses messages with several payloads.";
        NoPropertyType = "no-property-type", "It refuses properties with a type attribute.";
        NoMessageProperties = "no-message-properties", "It refuses message properties.";
        RefusesUnlisted = "refuses-unlisted", "It refuses messages with a part that the header does not list.";
        PartsInOrder = "parts-in-order", "It takes parts in the order of the body, whatever the header says.";
        PathTokenOnly = "path-token-only", "It refuses the token X509v3.";
        LeafTokenOnly = "leaf-token-only", "It refuses the token X509PKIPathv1.";
        NoNamedToken = "no-named-token", "It refuses tokens that only name their certificate.";
        NoP256 = "no-p-256", "It refuses messages that are secured on the curve P-256.";
        NoEncryption = "no-encryption", "It refuses encrypted messages.";
        CompletesChain = "completes-chain", "It completes chains from certificates it holds.";
        NoCaOrder = "no-ca-order", "It takes the CAs of a chain in the order in which they come.";
        RefusesRoot = "refuses-root", "It refuses chains that carry the root.";
        RefusesBy500 = "refuses-by-500", "It refuses a client certificate behind TLS, by HTTP 500.";
        TripsOnSerials = "trips-on-serials", "A client certificate with an odd serial number makes it answer HTTP 500.";
        PinsClient = "pins-client", "It takes the client certificates that it was told of and no other.";
        PinsServer = "pins-server", "It takes the server certificate that it was told of and no other.";
        PinsSigner = "pins-signer", "It takes the signers that it was told of and no other.";
        SendsFirst = "sends-first", "It begins to send before it has verified the server.";
        RefusesDuplicates = "refuses-duplicates", "It answers a duplicate with an error.";
        PoisonsRefused = "poisons-refused", "It remembers the MessageId of a message it refused.";
        ReceiptsByPush = "receipts-by-push", "It sends receipts by a push of their own as well.";
        AnswersPing = "answers-ping-as-business", "It has no test service.";
        Forgets = "forgets", "A restart makes it forget everything.";
        DropsOutbox = "drops-outbox", "A restart makes it forget what it had to send.";

        AnswersNothing = "answers-nothing", "It sends no business answer.";
        AnswersRefusalsOnly = "answers-refusals-only", "It sends no answer to what it accepts.";
        AnswersTwice = "answers-twice", "It sends each business answer twice, under two MessageIds.";
        RefusesDocuments = "refuses-documents", "It refuses every document.";
        OtherReference = "other-reference", "Its business answers name another local reference number.";
        OtherConversation = "other-conversation", "Its business answers open a conversation of their own.";
        NoMrn = "no-mrn", "Its acceptances carry no movement reference number.";
        OtherCode = "other-code", "Its refusals carry another error code.";
        OtherPointer = "other-pointer", "Its refusals point elsewhere.";
        OtherFunction = "other-function", "Its acceptances carry another function code.";
        LrnOfAnyone = "lrn-of-anyone", "It takes a local reference number as used, whoever used it.";
        LrnOfRefused = "lrn-of-refused", "It takes the local reference number of a refused declaration as used.";
        NationalCodes = "national-codes", "It does not know national document codes.";
        LineEnds = "line-ends", "It refuses documents with Windows line ends.";

        RefusesReplies = "refuses-replies", "It refuses messages that refer to another.";
        KnownPartiesOnly = "known-parties-only", "It takes messages of registered parties only.";
        NoDiscovery = "no-discovery", "It asks no publisher, and sends what is for others to the suite.";
        FallsBack = "falls-back", "It sends to the suite what is for a party that it did not find.";
        NoRedirection = "no-redirection", "It does not ask the publisher that another one names.";
        BelievesHttpRedirects = "believes-http-redirects", "It believes what a redirect of HTTP leads to, signed or not.";
        NoSignalBody = "no-signal-body", "It refuses signals whose Body is not empty.";
        NoBundles = "no-bundles", "It passes over a receipt that comes with a pull request.";
        NoRedelivery = "no-redelivery", "It hands a message out once, receipted or not.";
        HandsOutTwice = "hands-out-twice", "It hands a message out again before its interval is over.";
        EmptyIsSuccess = "empty-is-success", "It answers a pull from an empty channel with an empty body.";
        PullsNothing = "pulls-nothing", "It does not pull.";
        PullsUnsigned = "pulls-unsigned", "Its pull requests are not signed.";
        FailsAtReceipts = "fails-at-receipts", "It answers a receipt that it took with a failure.";
        RefusesReceipts = "refuses-receipts", "It answers a receipt that it took with an error.";
        ReceiptsNothingPulled = "receipts-nothing-pulled", "It sends no receipt for what it pulled.";
        NoClientCertificate = "no-client-certificate", "It sends without a client certificate.";
        RetriesUnderFreshId = "retries-under-fresh-id", "A retry has a MessageId of its own.";
        RetriesChanged = "retries-changed", "A retry carries other bytes.";
        RetriesAtOnce = "retries-at-once", "It retries without a pause.";
        RetriesForever = "retries-forever", "It retries more often than it claims.";
        NoRetry = "no-retry", "It sends once and never again.";
        NoRetryAfterRefused = "no-retry-after-refused-connection", "It gives up when it cannot connect.";
        NoRetryAfterStatus = "no-retry-after-status", "It gives up on an HTTP status.";
        NoRetryAfterRedirect = "no-retry-after-redirect", "It gives up on a redirect.";
        IgnoresErrors = "ignores-errors", "It retries after an error that is final.";
        IgnoresReceipts = "ignores-receipts", "It retries after a good receipt.";
        TellsNothing = "tells-nothing", "It does not tell the producer that no receipt came.";
        StatusIsReceipt = "status-is-receipt", "It takes any status 2xx for a receipt.";
        RedirectIsReceipt = "redirect-is-receipt", "It takes a redirect for a receipt.";
    }
}

impl PathRule {
    /// `client.expired` and the like.
    #[must_use]
    pub fn at(self, place: Place) -> String {
        format!("{}.{}", place.name(), self.name())
    }
}

/// The names of all rules that a mutant may leave out.
#[must_use]
pub fn rules() -> Vec<String> {
    let plain = Rule::ALL.iter().map(|rule| rule.name().to_owned());
    let paths = Place::ALL.iter().flat_map(|place| PathRule::ALL.iter().map(|rule| rule.at(*place)));
    plain.chain(paths).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let mut names = rules();
        names.extend(Habit::ALL.iter().map(|habit| habit.name().to_owned()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn each_says_what_it_is_in_one_sentence() {
        let all = Rule::ALL.iter().map(|rule| rule.says()).chain(PathRule::ALL.iter().map(|rule| rule.says()));
        for says in all.chain(Habit::ALL.iter().map(|habit| habit.says())) {
            assert!(says.ends_with('.') && says.len() < 100, "{says}");
        }
    }
}
