//! Whole runs of the suite against the double and nodes made of it. In one program, since most of their time is waiting.

#![cfg(test)]

mod pulled;
mod sanity;
mod seed;
mod selftest;

use std::sync::Arc;

use carnet_certs::UnixTime;
use carnet_double::{Double, Ground};
use carnet_harness::evidence::Evidence;
use carnet_harness::{Event, RunOptions, capture_in_memory};
use tempfile::TempDir;

/// What nodes are made of, with the folder of its files. Their tasks may outlive a test, and the threads that these run on
/// must outlive them.
fn ground() -> (TempDir, Arc<Ground>) {
    let dir = tempfile::tempdir().unwrap();
    let ground = Arc::new(Ground::new(dir.path(), UnixTime::now()).unwrap());
    std::mem::forget(Arc::clone(&ground));
    (dir, ground)
}

/// Runs the cases of the options against a double, which learns where its partner listens.
fn capture(options: &RunOptions, double: &Double) -> Evidence {
    let recorder = capture_in_memory(options, &mut |event| {
        if let Event::Listening(address) = event {
            double.partner_at(address);
        }
    })
    .unwrap();
    Evidence::of(&recorder).unwrap()
}
