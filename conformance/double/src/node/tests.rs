//! The double on a clock that stands still: certificates are valid in their first and in their last second, and in no
//! other beyond, in both roles and over real handshakes.

use std::io::Write as _;

use carnet_certs::{Identity, Profile, zoo};
use carnet_harness::line::{ClientTls, ServerTls};
use carnet_harness::tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// What its kinds mean at the very second they are made, and whether they are good then.
const EDGES: [(&str, bool); 5] = [
    ("expired-by-a-second", false),
    ("valid-in-its-last-second", true),
    ("not-yet-valid-by-a-second", false),
    ("valid-from-this-second", true),
    ("valid", true),
];

fn shown(ground: &Ground, slug: &str, now: UnixTime) -> Identity {
    let profile = Profile::tls("SUITE").of(&ground.identities.tls);
    zoo::make(zoo::kind(slug).unwrap(), ground.authority(), &profile, now).unwrap()
}

/// Whether the double answers a client that presents this.
async fn serves(double: &Double, identity: Identity) -> bool {
    let tcp = TcpStream::connect(double.address()).await.unwrap();
    let server_name = "localhost".to_owned();
    let client = ClientTls { identity: Some(identity), versions: Vec::new(), suites: Vec::new(), server_name };
    let Ok(mut connected) = tls::connect(tcp, &client).await else { return false };
    let request = b"POST /as4 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx";
    let _ = connected.stream.write_all(request).await;
    connected.stream.read(&mut [0; 1]).await.is_ok_and(|length| length > 0)
}

/// Whether the double sends a message to a server that presents this.
async fn sends(double: &Double, identity: Identity) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    double.partner_at(listener.local_addr().unwrap());
    let mut hook = std::net::TcpStream::connect(double.hooks()).unwrap();
    hook.write_all(
        b"POST /submit?to=SUITE&action=a&agreement=&conversation=c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n<a/>",
    )
    .unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    let face = ServerTls { identity, versions: Vec::new(), suites: Vec::new() };
    let Ok(mut connected) = tls::accept(tcp, &face).await else { return false };
    connected.stream.read(&mut [0; 1]).await.is_ok_and(|length| length > 0)
}

#[test]
fn certificates_are_judged_to_the_second_in_both_roles() {
    let dir = tempfile::tempdir().unwrap();
    let now = UnixTime::now();
    let ground = Arc::new(Ground::new(dir.path(), now).unwrap());
    // Tasks of the double may outlive this function, and the threads that they run on must outlive them.
    std::mem::forget(Arc::clone(&ground));
    for (slug, good) in EDGES {
        let double = Double::start_at(&ground, Mutation::default(), Some(now)).unwrap();
        let runtime = ground.runtime();
        assert_eq!(runtime.block_on(serves(&double, shown(&ground, slug, now))), good, "{slug} as client");
        assert_eq!(runtime.block_on(sends(&double, shown(&ground, slug, now))), good, "{slug} as server");
    }
}
