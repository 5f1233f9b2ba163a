//! On what terms a step talks: its TLS, and how long it waits, from the step, the ICS and the operator's patience.

use std::time::Duration;

use carnet_catalogue::step::{Awaited, NamedWait, Step, Wait};

use super::Running;
use crate::line::{ClientTls, TlsVersion};

impl Running<'_> {
    /// How the suite connects in a step; none where the subject is reached without TLS.
    pub(super) fn client_tls(&self, step: &Step) -> Result<Option<ClientTls>, String> {
        let setup = &self.runner.setup;
        if !setup.address.tls {
            return Ok(None);
        }
        let choice = step.tls.clone().unwrap_or_default();
        let name = choice.identity.as_deref().or(step.speaker.as_deref()).unwrap_or("partner");
        let mut versions = choice.versions;
        if versions.is_empty()
            && let Some(version) = self.cell.values.get("tls")
        {
            versions.push(version.clone());
        }
        let versions = TlsVersion::all_from(&versions)?;
        Ok(Some(ClientTls {
            identity: setup.identity(name, "tls")?,
            versions,
            suites: choice.suites,
            server_name: choice.server_name.unwrap_or_else(|| setup.address.host.clone()),
        }))
    }

    /// How long the answer on the same connection is waited for: what the next `await` says, else the ICS.
    pub(super) fn answer_within(&self, index: usize, step: &Step) -> Duration {
        let next = self.case.step.get(index + 1);
        let awaiting = next.filter(|next| {
            next.awaits
                .is_some_and(|awaited| !matches!(awaited, Awaited::Message | Awaited::Nothing | Awaited::Connection))
        });
        let said = step.within.or_else(|| awaiting.and_then(|next| next.within));
        said.unwrap_or(self.runner.setup.ics.answer_within).stretched(self.runner.patience)
    }

    /// How long a push is waited for: what the step says, else the longer of the business time and one retry.
    pub(super) fn push_within(&self, step: &Step) -> Duration {
        let ics = &self.runner.setup.ics;
        let awareness = ics.reception_awareness;
        let retry = awareness.retry_interval.0 * 2 + awareness.answer_timeout.0;
        let quiet = awareness.retry_interval.0 * 2 + Duration::from_millis(200);
        match (step.within, step.awaits) {
            (Some(within), _) => within.stretched(self.runner.patience),
            (None, Some(Awaited::Nothing)) => quiet.mul_f64(self.runner.patience),
            _ => ics.business_within.0.max(retry).mul_f64(self.runner.patience),
        }
    }

    /// How long a `wait` lasts.
    pub(super) fn wait(&self, wait: Wait) -> Duration {
        let awareness = self.runner.setup.ics.reception_awareness;
        let patience = self.runner.patience;
        match wait {
            Wait::Span(span) => span.stretched(patience),
            Wait::Named(NamedWait::RetryInterval) => (awareness.retry_interval.0 * 3 / 2).mul_f64(patience),
            Wait::Named(NamedWait::AllRetries) => ((awareness.retry_interval.0 + awareness.answer_timeout.0)
                * (awareness.retry_count + 1))
                .mul_f64(patience),
        }
    }
}
