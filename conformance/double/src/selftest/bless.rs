//! Writes what the cases kill into their files.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use carnet_catalogue::Catalogue;
use carnet_catalogue::case::CaseId;

use super::Matrix;

/// Longest line of a list.
const WIDTH: usize = 110;

/// Rewrites the `kills` of every case whose set is another one; `root` is the workspace. Gives the files changed.
///
/// After a run of layers only what was run is changed: names of mutants that did not meet a case stay.
///
/// # Errors
/// A file that cannot be read or written.
pub fn bless(catalogue: &Catalogue, matrix: &Matrix, root: &Path) -> io::Result<Vec<PathBuf>> {
    let kills = matrix.kills();
    let mut changed = Vec::new();
    for (id, case) in &catalogue.cases {
        let met = |name: &String| {
            matrix.rows.iter().any(|row| row.name == *name && (matrix.full || row.cases.contains_key(id)))
        };
        let mut names: BTreeSet<String> = case.kills.iter().filter(|name| !met(name)).cloned().collect();
        names.retain(|name| catalogue.mutants.contains_key(name));
        names.extend(kills.get(id).cloned().unwrap_or_default());
        if names == case.kills.iter().cloned().collect() {
            continue;
        }
        let path = file(root, id);
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(&path, with_kills(&text, &names))?;
        changed.push(path);
    }
    Ok(changed)
}

fn file(root: &Path, id: &CaseId) -> PathBuf {
    let own = root.join("conformance/catalogue").join(id.path());
    let scenario = id.as_str().strip_prefix("process.").and_then(|rest| rest.split_once('.'));
    match scenario {
        Some((pack, slug)) if !own.exists() => {
            root.join("fixtures/packs").join(pack).join("scenarios").join(format!("{slug}.toml"))
        }
        _ => own,
    }
}

/// The text of a case file with another list of mutants; everything else stays as it is.
fn with_kills(text: &str, names: &BTreeSet<String>) -> String {
    let list = list(names);
    let Some(start) = find_key(text) else {
        // After the head, which ends with the first empty line.
        let end = text.find("\n\n").map_or(text.len(), |at| at + 1);
        let (head, rest) = text.split_at(end);
        return format!("{head}{list}{rest}");
    };
    let end = text.get(start..).and_then(|rest| rest.find(']')).map_or(text.len(), |at| start + at + 1);
    let after = text.get(end..).unwrap_or_default().strip_prefix('\n').unwrap_or_default();
    format!("{}{list}{after}", text.get(..start).unwrap_or_default())
}

/// Where the line with the key begins.
fn find_key(text: &str) -> Option<usize> {
    if text.starts_with("kills = ") { Some(0) } else { text.find("\nkills = ").map(|at| at + 1) }
}

fn list(names: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let short = format!("kills = [{}]\n", quoted.join(", "));
    if short.len() <= WIDTH {
        return short;
    }
    let mut out = "kills = [\n".to_owned();
    let mut line = String::new();
    for name in quoted {
        if !line.is_empty() && line.len() + name.len() + 6 > WIDTH {
            out.push_str(&format!("    {}\n", line.trim_end()));
            line.clear();
        }
        line.push_str(&format!("{name}, "));
    }
    out.push_str(&format!("    {}\n]\n", line.trim_end()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_the_list_changes() {
        let text = "format = 1\ntitle = \"x\"\nkills = [\"a\",\n  \"b\"]\n\n[[step]]\nsend = { ping = true }\n";
        let blessed = with_kills(text, &names(&["c"]));
        assert_eq!(blessed, "format = 1\ntitle = \"x\"\nkills = [\"c\"]\n\n[[step]]\nsend = { ping = true }\n");
        assert_eq!(with_kills(&blessed, &names(&["c"])), blessed);
    }

    #[test]
    fn a_case_without_a_list_gets_one_in_its_head() {
        let text = "format = 1\ntitle = \"x\"\n\n[[step]]\n";
        assert_eq!(with_kills(text, &names(&["c"])), "format = 1\ntitle = \"x\"\nkills = [\"c\"]\n\n[[step]]\n");
    }

    #[test]
    fn a_long_list_is_wrapped_and_reads_back() {
        let many: Vec<String> = (0..40).map(|number| format!("mutant-number-{number}")).collect();
        let set = many.iter().cloned().collect();
        let text = list(&set);
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let table: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(table["kills"].as_array().unwrap().len(), 40);
    }
}
