use super::*;
#[test]
fn the_embedded_catalogue_loads() {
    if let Err(error) = load() {
        panic!("{error}");
    }
}
