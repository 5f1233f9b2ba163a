//! On what terms a step talks: its TLS, and how long it waits.

use carnet_catalogue::step::Step;

use super::super::timing::Timing;
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

    /// How long each step waits.
    pub(super) fn timing(&self) -> Timing<'_> {
        self.runner.timing()
    }
}
