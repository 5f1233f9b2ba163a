//! Mutual-TLS server and client: identities, trust, revocation, reload.
