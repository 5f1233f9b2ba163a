//! Plans, forges, sends, listens, captures evidence and judges it.
//!
//! The suite knows a node only through the network. What it does is a case's, what it may expect is the catalogue's;
//! this crate carries cases out, writes down every byte, and judges what was written down. Capturing and judging are
//! apart: a verdict is a pure function of the evidence.

pub mod line;
pub mod tls;
