//! The machine as its driver sees it: whole HTTP bodies in, decisions and signed envelopes out.
//!
//! `phase4`: captures of an independent node. `recorded`: messages of this machine that phase4 receipted. `header`: signed
//! messages with one thing wrong. `legs`: P-Modes and who sends under them. `wrapping`: real envelopes rearranged. `answers`: what a sender believes. `oracle`: our
//! signatures under xmlsec1. `pipeline`: two machines over a line that loses and repeats. `mutation`: arbitrary and
//! mutated bytes. `encrypted`: profiles that encrypt. `tokens`: signers that are named only. `schema`: the published schemas against the files that are read.

#![expect(clippy::expect_used, clippy::panic, reason = "tests stop where they fail")]

mod answers;
mod driver;
mod encrypted;
mod forge;
mod header;
mod legs;
mod mutation;
mod oracle;
mod parties;
mod phase4;
mod pipeline;
mod recorded;
mod schema;
mod tokens;
mod wrapping;
