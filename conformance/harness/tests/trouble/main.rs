//! What goes wrong around a run: subjects that mean no good, means that are missing, messages that are lost or doubled.

#![cfg(test)]

mod hostile;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;
