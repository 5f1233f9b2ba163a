//! Every file format that people or programs write for Carnet or read from it: versioned, with a published schema, and
//! with a page that says what it means.

use std::fs;
use std::path::Path;

fn texts(folder: &str, ending: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let named = entries.filter(|path| path.extension().is_some_and(|found| found == ending));
    named
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("its text"))
        })
        .collect()
}

#[test]
fn every_format_has_a_version_a_schema_and_a_page() {
    let schemas = texts("docs/schemas", "json");
    let pages = texts("docs", "md");
    assert!(schemas.len() > 25, "{} schemas", schemas.len());
    for (name, text) in &schemas {
        let schema: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let stem = name.trim_end_matches("-1.json");
        assert_eq!(schema["$id"].as_str().expect("an id").replace(':', "-"), format!("urn-carnet-schema-{stem}-1"));
        assert!(schema["title"].as_str().is_some_and(|title| !title.is_empty()), "{name} has no title");
        // A line of evidence is one of many; the first of them has the version.
        let versioned =
            if stem == "evidence" { text.contains("\"format\"") } else { schema["properties"]["format"]["const"] == 1 };
        assert!(versioned, "{name} has no version");
        assert!(
            pages.iter().any(|(_, page)| page.contains(&format!("schemas/{name}"))),
            "no page in docs/ speaks of {name}"
        );
    }
    for needed in ["node", "subject", "pack", "case", "mutant", "evidence", "run", "ics", "baseline", "kit", "pmode"] {
        assert!(schemas.iter().any(|(name, _)| *name == format!("{needed}-1.json")), "{needed} has no schema");
    }
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, pages) in [("docs", texts("docs", "md")), (".", texts(".", "md"))] {
        for (name, page) in pages {
            for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = link.split('#').next().unwrap_or_default();
                if path.is_empty() || link.contains("://") {
                    continue;
                }
                assert!(root.join(folder).join(path).exists(), "{folder}/{name}: {link} leads nowhere");
            }
        }
    }
}
