//! What the bytes of an exchange are, read once however many checks ask.

use std::sync::OnceLock;

use rustls_pki_types::CertificateDer;

use super::answer::{self, Answer};
use super::ebms::{self, Ebms, EbmsError};
use super::view::Exchange;
use crate::arrival::Arrival;
use crate::http;
use crate::root::{Package, Seen};
use crate::sealed;

/// What was read of an exchange so far. It follows from the bytes, so that two of them never differ.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    answer: OnceLock<Answer>,
    sent: OnceLock<Option<Read>>,
    pushed: OnceLock<Option<Read>>,
    arrival: OnceLock<Arrival>,
}

impl PartialEq for Readings {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Readings {}

/// An envelope with its parts, and what it says.
#[derive(Debug, Clone)]
pub struct Read {
    /// The envelope and its parts.
    pub package: Package,
    /// What the envelope says; why it cannot be read.
    pub ebms: Result<Ebms, EbmsError>,
}

impl Read {
    fn of(package: Package, known: &[CertificateDer<'static>]) -> Self {
        Self { ebms: ebms::read_knowing(&package.envelope, known), package }
    }
}

impl Exchange {
    /// What came back on it, when the suite opened it.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        self.readings.answer.get_or_init(|| answer::read(self))
    }

    /// What it carried to the subject, as far as that has an envelope; `known` are certificates that a token may name.
    pub(crate) fn sent(&self, known: &[CertificateDer<'static>]) -> Option<&Read> {
        let read = || {
            let package = answer::package(&http::read(&self.sent.as_ref()?.bytes).ok()?)?;
            Some(Read::of(package, known))
        };
        self.readings.sent.get_or_init(read).as_ref()
    }

    /// What the subject pushed on it, as far as that has an envelope; what is encrypted for the suite is decrypted.
    pub(crate) fn pushed(&self, known: &[CertificateDer<'static>]) -> Option<&Read> {
        let read = || {
            let mut package = self.pushed_as_it_came()?;
            if let Some(key) = &self.content_key {
                sealed::open(&mut package, key);
            }
            Some(Read::of(package, known))
        };
        self.readings.pushed.get_or_init(read).as_ref()
    }

    /// The envelope and parts that the subject pushed, as they were transported.
    pub(crate) fn pushed_as_it_came(&self) -> Option<Package> {
        answer::package(&http::read(&self.received.as_ref()?.bytes).ok()?)
    }

    /// What the subject pushed, read as far as it says which `await` it is for.
    pub(crate) fn arrival(&self) -> &Arrival {
        self.readings.arrival.get_or_init(|| {
            let envelope = self.pushed_as_it_came().and_then(|package| package.text()).map(Seen::of);
            Arrival::new(self.step, envelope.as_ref())
        })
    }
}
