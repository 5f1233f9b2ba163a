//! What an operator writes: `node.toml`, and the `kit.toml` of each partner.
//!
//! `node` and `kit` are the files as they stand; `place` says where in a file something is wrong; `install` and
//! `partner` read what the files name (certificates, keys, lists, P-Modes), `discovery` and `dynamic` those of
//! parties that no kit names, and `secured` checks that the keys do what is agreed. Nothing is
//! opened for network or store here, so `--check` is this module alone.

mod discovery;
mod dynamic;
mod install;
mod kit;
mod node;
mod partner;
mod place;
mod secured;

pub use discovery::{Discovery, DiscoveryTable};
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
