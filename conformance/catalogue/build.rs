//! Rebuilds the crate when a data file is added or removed; the embedding macro alone notices only changed ones.

fn main() {
    for folder in ["cases", "requirements", "mutants", "capabilities.toml", "../../fixtures/packs"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
