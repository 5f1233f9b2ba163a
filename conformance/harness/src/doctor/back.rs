//! The way back: whether the address that the subject is told leads to the suite's own endpoint, as far as that can be
//! seen from here. Whether it does from theirs, the next point shows.

use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use webpki::EndEntityCert;

use super::{Break, Finding};
use crate::local;
use crate::setup::{Address, Setup};

/// Listens where the suite listens, connects to the public address, and looks whether the two are one.
pub(super) async fn look(setup: &Setup, within: Duration) -> Finding {
    let Some(listen) = &setup.subject.suite.listen else {
        return Finding::NotTried(
            "subject.toml names no suite.listen, so the subject cannot reach the suite".to_owned(),
        );
    };
    let Some(url) = setup.suite_url() else { return Finding::NotTried("there is no address to try".to_owned()) };
    let Some(address) = Address::parse(&url) else {
        return Finding::Broken(Break::new(
            format!("suite.public_url {url:?} is no address"),
            "write https://host:port/path as your network's name server and firewall know it",
        ));
    };
    if address.tls && !carries(setup, &address.host) {
        return Finding::Broken(Break::new(
            format!("our server certificate does not carry the name {:?} of {url}: they will refuse it", address.host),
            format!(
                "name an identity with {:?} among its host names under [suite.tls], or another suite.public_url",
                address.host
            ),
        ));
    }
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) => {
            return Finding::Broken(Break::new(
                format!("we cannot listen on {listen}: {}", error.kind()),
                "change suite.listen in subject.toml, or end what uses the port",
            ));
        }
    };
    // Port 0 is whatever the system gave.
    let port = match address.port {
        0 => listener.local_addr().map_or(0, |bound| bound.port()),
        port => port,
    };
    let Ok(secret) = local::secret() else { return Finding::NotTried("this machine has no randomness".to_owned()) };
    let heard = async {
        let (mut stream, _) = listener.accept().await.ok()?;
        let mut bytes = vec![0; secret.len()];
        stream.read_exact(&mut bytes).await.ok()?;
        Some(bytes)
    };
    let said = async {
        let mut stream = TcpStream::connect((address.host.as_str(), port)).await.map_err(|error| error.kind())?;
        stream.write_all(secret.as_bytes()).await.map_err(|error| error.kind())?;
        Ok::<_, std::io::ErrorKind>(stream)
    };
    // A dial that fails ends it; one that succeeds waits for what the listener heard.
    let both = async {
        tokio::pin!(heard);
        let said = async {
            let _open = said.await?;
            std::future::pending::<Result<(), std::io::ErrorKind>>().await
        };
        tokio::select! {
            heard = &mut heard => Ok(heard),
            failed = said => Err(failed.err()),
        }
    };
    let not_here =
        |why: String| Finding::NotTried(format!("{url} does not lead back from here ({why}); it may from theirs"));
    match timeout(within.min(Duration::from_secs(5)), both).await {
        Ok(Ok(Some(bytes))) if bytes == secret.as_bytes() => Finding::Ok(format!("{url} leads to our endpoint")),
        Ok(Err(Some(kind))) => not_here(kind.to_string()),
        Ok(_) | Err(_) => not_here("something else answers there, or nothing".to_owned()),
    }
}

/// Whether our server certificate is one for that host.
fn carries(setup: &Setup, host: &str) -> bool {
    let leaf = setup.partner.tls.leaf().and_then(|leaf| EndEntityCert::try_from(leaf).ok());
    let name = ServerName::try_from(host);
    leaf.zip(name.ok()).is_some_and(|(leaf, name)| leaf.verify_is_valid_for_subject_name(&name).is_ok())
}
