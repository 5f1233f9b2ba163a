//! The program `carnet`: arguments and dispatch, nothing else.
fn main() {}
