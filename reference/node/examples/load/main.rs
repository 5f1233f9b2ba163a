//! Two node processes under load: how fast they are, what large payloads cost them, and whether they keep their word when
//! killed.
//!
//! `load rate` is run by `ci/bench`, `load large` by `ci/large`, `load kill` by `ci/kill9`.

mod client;
mod files;
mod kill;
mod large;
mod pair;
mod rate;

use clap::{Parser, Subcommand};

/// Puts two nodes on this machine under load.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Messages a second, as a share of what the signatures alone would allow
    Rate(rate::Arguments),
    /// Send payloads of a gigabyte, several at once, in little memory; cut one off on its way
    Large(large::Arguments),
    /// Kill the nodes again and again, then look for what was lost or doubled
    Kill(kill::Arguments),
}

fn main() -> Result<(), pair::Failure> {
    match Arguments::parse().command {
        Command::Rate(arguments) => rate::run(arguments),
        Command::Large(arguments) => large::run(arguments),
        Command::Kill(arguments) => kill::run(arguments),
    }
}
