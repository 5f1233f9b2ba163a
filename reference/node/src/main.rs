//! The node by itself: what `carnet node` runs, without the conformance suite in the program.

use std::process::ExitCode;

use clap::Parser;

/// A reference exchange node for customs-to-customs data sharing over AS4 and mutual TLS.
#[derive(Parser)]
#[command(name = "carnet-node", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    node: carnet_node::Args,
}

fn main() -> ExitCode {
    carnet_node::run(Arguments::parse().node)
}
