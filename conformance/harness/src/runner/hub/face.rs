//! The face that the suite's endpoint shows: what it presents, what it speaks, whether it takes connections at all.

use std::sync::Arc;

use carnet_catalogue::step::{FaultKind, Listen};
use rustls_pki_types::CertificateDer;

use super::Room;
use crate::line::{ServerTls, TlsVersion};
use crate::setup::Setup;

/// A face, and the case that chose it; without one it is the suite's own.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    pub(super) accepts: bool,
    pub(super) tls: ServerTls,
    /// Disturbs the suite's first flight.
    pub(super) fault: Option<(FaultKind, u64)>,
    pub(super) room: Option<Arc<Room>>,
}

impl Face {
    /// The suite's own face.
    pub(crate) fn own(setup: &Setup) -> Self {
        let tls = ServerTls { identity: setup.partner.tls.clone(), versions: Vec::new(), suites: Vec::new() };
        Self { accepts: true, tls, fault: None, room: None }
    }

    /// The face of a `listen` step.
    ///
    /// # Errors
    /// In words: the identity or a version is unknown.
    pub(crate) fn of(
        setup: &Setup,
        listen: &Listen,
        fault: Option<(FaultKind, u64)>,
        room: &Arc<Room>,
    ) -> Result<Self, String> {
        let name = listen.identity.as_deref().unwrap_or("partner");
        let identity = setup.identity(name, "tls")?.ok_or("a server presents a certificate")?;
        let versions = TlsVersion::all_from(&listen.versions)?;
        let tls = ServerTls { identity, versions, suites: listen.suites.clone() };
        // What connects to the suite's own face belongs to no case until it says to which.
        let other = *listen != Listen { accept: true, ..Listen::default() } || fault.is_some();
        Ok(Self { accepts: listen.accept, tls, fault, room: other.then(|| Arc::clone(room)) })
    }

    /// What it presents, leaf first; nothing when it takes no connections.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        if self.accepts { &self.tls.identity.chain } else { &[] }
    }
}
