//! The suite against the tests' own double, and evidence as it was recorded. In one program: each is linked with everything
//! that the suite counts on, and most of their time is waiting.

#![cfg(test)]

mod checks;
mod doctor;
mod double;
mod evidence;
mod hostile;
mod lists;
mod support;
mod verdicts;
