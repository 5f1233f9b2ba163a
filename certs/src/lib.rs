//! Test certificates and the zoo of broken ones.
//!
//! An [`Authority`] is a small PKI (root, issuing CA, and two CAs that only the zoo needs). It issues an
//! [`Identity`] from a [`Profile`] and publishes its revocation lists. The [`zoo`] is a table of kinds: each takes
//! what the authority would have issued and puts exactly one fault into it, signed again by the right key, so that
//! a refusal can have one cause only.
//!
//! Time comes in as an argument; the sockets that present these certificates are the caller's. Nothing here is fit
//! for production: keys are written unencrypted unless PKCS#12 is asked for.

mod authority;
mod der;
mod edit;
mod error;
mod folder;
mod identity;
mod issue;
mod key;
mod legacy;
mod name;
mod pkcs12;
mod profile;
pub mod zoo;

pub use authority::{Authority, Crl, list_file, write_secret};
pub use error::CertError;
pub use folder::{FolderPlan, Written, write_folder, write_further, write_zoo};
pub use identity::{Identity, certificates_from_pem, common_name, crl_to_pem, distribution_points, to_pem};
pub use key::{Key, KeyKind, Scheme};
pub use name::file_stem;
pub use pkcs12::{fresh_password, key_store, trust_store};
pub use profile::{Profile, Usage};
pub use rustls_pki_types::UnixTime;
