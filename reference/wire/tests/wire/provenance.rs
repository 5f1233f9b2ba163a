//! Every vector names the foreign tool that made it.

use super::support::{vector, vectors};

/// Tools whose work may stand here, as `SOURCE.md` writes them. Our own program is none of them.
const TOOLS: [&str; 4] = ["phase4", "openssl", "xmlsec1", "xmllint"];

#[test]
fn every_folder_of_vectors_names_the_tool_that_made_it() {
    let source = String::from_utf8(vector("SOURCE.md")).unwrap();
    let rows: Vec<Vec<&str>> = source
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    for entry in std::fs::read_dir(vectors()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "SOURCE.md" {
            continue;
        }
        let row = rows.iter().find(|row| row[1] == format!("`{name}/`"));
        let row = row.unwrap_or_else(|| panic!("{name} has no row in SOURCE.md"));
        assert!(TOOLS.iter().any(|tool| row[2].contains(tool)), "{name} names no foreign tool: {}", row[2]);
        assert!(row[3].chars().any(|c| c.is_ascii_digit()), "{name} names no version: {}", row[3]);
    }
}

#[test]
fn every_vector_is_told_about() {
    let source = String::from_utf8(vector("SOURCE.md")).unwrap();
    for folder in ["phase4", "xmlsec1", "encryption", "smp", "xmllint"] {
        for entry in std::fs::read_dir(vectors().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let stem = name.split_once('.').map_or(name.as_str(), |(stem, _)| stem);
            // phase4 numbers its exchanges; a row may tell of several.
            assert!(source.contains(stem), "SOURCE.md does not tell of {folder}/{name}");
        }
    }
}
