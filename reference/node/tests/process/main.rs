//! Nodes as real processes over real mutual TLS. One program for all of these tests, so that it is linked once.
//!
//! `world` makes certificates, kits and nodes; `exchange` sends between two nodes, `dynamic` as a party that no kit
//! names, `header` what the back end and the header say to each other, `two_way` a request and its reply, `encrypted`
//! profiles that encrypt, `pull` from a channel on both sides, `discovery` to a party that is looked up, `retry` over a
//! bad line, `oracle` asks another tool, `bad_input` as a partner that breaks its messages, `busy` as many at once,
//! `large` with payloads of many megabytes, `parts` with parts that travel uncompressed, `api` as the back end, `keys` in every form of openssl, `revocation` with
//! lists that are past their time, `signals` when it is told to reload or to stop.

mod api;
mod bad_input;
mod busy;
mod discovery;
mod dynamic;
mod encrypted;
mod exchange;
mod header;
mod keys;
mod large;
mod oracle;
mod parts;
mod pull;
mod retry;
mod revocation;
mod signals;
mod two_way;
mod world;
