//! What an operator writes: `node.toml`, and the `kit.toml` of each partner.
//!
//! `node` and `kit` are the files as they stand; `place` says where in a file something is wrong; `install` and
//! `partner` read what the files name (certificates, keys, lists, P-Modes) and check that it fits together. Nothing is
//! opened for network or store here, so `--check` is this module alone.

mod dynamic;
mod install;
mod kit;
mod node;
mod partner;
mod place;

pub use install::Installed;
pub use kit::{KitFile, SigningBinding, TlsBinding};
pub use node::{
    ApiTable, DynamicTable, IdentityTable, LimitsTable, ListenTable, LogFormat, LogTable, NodeFile, PartyTable,
    PullTable, RegistryTable, RevocationTable, Rule, StoreTable, TlsTable, TlsVersions, WorkersTable,
};
pub use partner::Partner;
pub use place::{ConfigError, Place};

#[cfg(test)]
mod tests;
