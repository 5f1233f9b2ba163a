//! Has the suite's publisher say what a step wants of the party that this cell is about.

use carnet_catalogue::step::{Publish, Step};

use super::super::stop::Stop;
use super::Running;

impl Running<'_> {
    /// The party that only the publisher knows: each cell has its own.
    pub(super) fn receiver(&self) -> &str {
        self.values.value("fresh.receiver").unwrap_or_default()
    }

    /// Has the publisher say this from here on.
    pub(super) fn publish(&self, step: &Step, publish: &Publish) -> Result<(), Stop> {
        let publisher = self.runner.publisher.as_ref().ok_or("the suite has no publisher: [exchange.discovery]")?;
        let forge = self.values.forge(&step.forge)?;
        let chosen = step.sign.as_ref().and_then(|sign| sign.identity.as_deref()).unwrap_or("publisher");
        let signer = self.runner.setup.identity(chosen, "signing")?;
        Ok(publisher.publish(&self.room, self.receiver(), publish, signer.as_ref(), &forge)?)
    }
}
