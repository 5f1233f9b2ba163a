//! What the double answers: a receipt, an error, a message to whoever pulls.

use carnet_harness::forge::{self, SignalDraft, Signing};
use carnet_harness::judge::ebms::Ebms;
use carnet_harness::root;

use super::{Fault, MAIN, State};

impl State {
    /// A message for whoever pulls, another each time.
    pub(super) fn hand_out(&self) -> Vec<u8> {
        let same = self.has(Fault::HandsOutTheSame);
        let id = if same { "same@double".to_owned() } else { format!("{}@double", uuid::Uuid::now_v7()) };
        let signing = Signing::new(&self.signing, "x509-pkipath");
        let draft = self.draft(&id, ("pulled", MAIN), None, "<pulled/>");
        forge::pulled(draft, Some(&signing), None, &[]).unwrap().bytes
    }

    pub(super) fn receipt(&self, envelope: &str) -> Vec<u8> {
        let id = format!("{}@double", uuid::Uuid::now_v7());
        let mut draft = SignalDraft::receipt(id, jiff::Timestamp::now().to_string(), envelope).unwrap();
        let again = !self.receipted.lock().unwrap().insert(draft.refers_to.clone());
        if self.has(Fault::ReceiptWrongDigest) || (again && self.has(Fault::DuplicateOtherReceipt)) {
            draft.references[0].digest = vec![7; 32];
        }
        if self.has(Fault::ReceiptSentId) {
            draft.message_id = draft.refers_to.clone();
        }
        if self.has(Fault::ReceiptWrongRef) {
            draft.refers_to = "other@double".to_owned();
        }
        self.sign(&draft, self.has(Fault::ReceiptUnsigned))
    }

    pub(super) fn error(&self, code: &'static str, about: Option<&Ebms>, envelope: Option<&str>) -> Vec<u8> {
        let refers_to =
            about.map(|ebms| ebms.message_id.clone()).or_else(|| envelope.and_then(|e| root::names(e).message_id));
        let mut row = forge::error_row(code).unwrap();
        if self.has(Fault::ErrorCodeMalformed) {
            row.code = "0101";
        }
        if self.has(Fault::ErrorSeverity) {
            row.severity = "warning";
        }
        let draft = SignalDraft {
            message_id: format!("{}@double", uuid::Uuid::now_v7()),
            timestamp: jiff::Timestamp::now().to_string(),
            refers_to: if self.has(Fault::ErrorWithoutRef) { String::new() } else { refers_to.unwrap_or_default() },
            references: Vec::new(),
            error: Some(row),
        };
        self.sign(&draft, self.has(Fault::ErrorUnsigned))
    }

    fn sign(&self, draft: &SignalDraft, unsigned: bool) -> Vec<u8> {
        let identity = if self.has(Fault::ReceiptOtherSigner) { &self.other_signing } else { &self.signing };
        let token = if self.has(Fault::ReceiptLeafToken) { "x509-v3" } else { "x509-pkipath" };
        let mut signing = Signing::new(identity, token);
        signing.omit.body = self.has(Fault::ReceiptBodyUnsigned);
        signing.omit.messaging = self.has(Fault::ReceiptMessagingUnsigned);
        forge::signal(draft, (!unsigned).then_some(&signing), &[]).unwrap()
    }
}
