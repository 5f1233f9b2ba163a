//! Cases of the suite's own machinery, such as the doctor's: carried out and judged like all others, in no catalogue.

use carnet_catalogue::files::Files;
use carnet_catalogue::{Catalogue, CatalogueError};

/// The requirements of the suite with this one case: its id and its text.
pub(crate) fn catalogue(id: &str, text: &str) -> Result<Catalogue, CatalogueError> {
    let mut files = Files::default();
    for (path, bytes) in Files::embedded().iter().filter(|(path, _)| !path.starts_with("cases/")) {
        files.insert(path, bytes.to_vec());
    }
    files.insert(&format!("cases/{}.toml", id.replace('.', "/")), text.as_bytes().to_vec());
    carnet_catalogue::from_files(files)
}
