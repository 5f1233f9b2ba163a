//! What goes wrong around a run: subjects that mean no good, means that are missing, lists that nobody fetches, messages that
//! are lost or doubled.

#![cfg(test)]

mod hostile;
mod lists;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;
