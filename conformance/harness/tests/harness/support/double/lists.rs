//! How the double tells whether a certificate still stands: it follows the distribution points of the chain, and refuses
//! what no list vouches for.

use std::time::Duration;

use carnet_certs::{Authority, distribution_points};
use carnet_harness::judge::ebms;
use carnet_harness::{Setup, plain};
use carnet_wire::trust::{Anchors, RevocationPolicy};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::{Fault, LISTS_AT, State};

impl State {
    /// Whether a chain leads to an anchor and nobody revoked any of it.
    pub(super) async fn trusts(&self, chain: Vec<CertificateDer<'static>>) -> bool {
        let stands = self.stands(&chain).await;
        stands && ebms::Signature { chain, ..Default::default() }.trusted(&self.anchors, Setup::now()).is_ok()
    }

    async fn stands(&self, chain: &[CertificateDer<'static>]) -> bool {
        let Ok(address) = std::fs::read_to_string(self.back_end.join(LISTS_AT)) else { return true };
        let mut lists: Vec<CertificateRevocationListDer<'static>> = Vec::new();
        if self.has(Fault::HoldsLists) {
            let authority = Authority::load(&self.pki.join("authority")).unwrap();
            lists.extend(authority.crls(Setup::now()).unwrap().into_iter().map(|crl| crl.der));
        } else if !self.has(Fault::FetchesNoList) {
            for named in chain.iter().flat_map(|certificate| distribution_points(certificate)) {
                let url = named.replacen("http://lists.example", &format!("http://{address}"), 1);
                let answer = plain::request("GET", &url, &[], b"", Duration::from_secs(5)).await;
                lists
                    .extend(answer.ok().filter(|answer| answer.status() == Some(200)).map(|answer| answer.body.into()));
            }
        }
        if self.has(Fault::FetchesNoList) || self.has(Fault::IgnoresLists) {
            return true;
        }
        let policy = RevocationPolicy { require_status: true, ..RevocationPolicy::default() };
        let anchors = Anchors::new(&self.anchors, &lists, policy);
        anchors.and_then(|anchors| anchors.verify(chain, Setup::now())).is_ok()
    }
}
