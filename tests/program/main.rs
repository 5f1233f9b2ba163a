//! The program as a user meets it: its demo, its commands on captured runs and absent subjects, what it says to wrong
//! input.

#![expect(clippy::expect_used, clippy::panic, reason = "tests stop where they fail")]

mod day_one;
mod demo;
mod evidence;
mod formats;
mod interrupts;
mod ledgers;
mod output;
mod planning;
mod support;
mod usage;
