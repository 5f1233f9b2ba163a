//! A message's way out: packaged, signed, and its answer checked.
//!
//! `package` makes the header from a P-Mode and a submission, `sign` the envelope, `encrypt` the parts of what was signed,
//! `answer` judges what came back.
//! Leaves compressing, hashing and framing parts to the driver, and when to send again to `carnet-exchange`: a retry sends
//! the same envelope, so MessageId and digests stay the same (AS4 profile 1.0 section 3.2).

pub mod answer;
mod encrypt;
mod package;
mod sign;

pub use encrypt::{EncryptError, Encryption};
pub use package::{OutPart, Package, PackageError, Submission, package};
pub use sign::{Sent, Signed};
