//! The program as a user meets it: its demo, and what it says to wrong input.

#![expect(clippy::expect_used, clippy::panic, reason = "tests stop where they fail")]

mod demo;
mod support;
mod usage;
