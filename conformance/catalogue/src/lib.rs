//! Requirements, cases and mutants: TOML data and the code that loads and checks it.
