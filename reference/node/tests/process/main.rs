//! Nodes as real processes over real mutual TLS. One program for all of these tests, so that it is linked once.
//!
//! `world` makes certificates, kits and nodes; `exchange` sends between two nodes, `retry` over a bad line, `oracle` asks another tool, `bad_input`
//! as a partner that breaks its messages, `api` as the back end.

mod api;
mod bad_input;
mod exchange;
mod oracle;
mod retry;
mod world;
