//! The files of a party: what their names begin with.

use crate::CertError;

/// What the files of a party begin with: its name in lower case. What leads to another folder becomes a hyphen, so that
/// whatever a party calls itself, its files lie where they are asked for.
///
/// # Errors
/// [`CertError::Name`]: an empty name.
pub fn file_stem(name: &str) -> Result<String, CertError> {
    if name.trim().is_empty() {
        return Err(CertError::Name { name: name.to_owned() });
    }
    let hidden = name.chars().take_while(|c| *c == '.').count();
    let fit = |(at, c): (usize, char)| if at < hidden || matches!(c, '/' | '\\') || c.is_control() { '-' } else { c };
    Ok(name.to_lowercase().chars().enumerate().map(fit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_and_none_leads_out_of_its_folder() {
        for (name, stem) in [
            ("SUITE", "suite"),
            ("sti-taxud", "sti-taxud"),
            ("0088:7300010000001", "0088:7300010000001"),
            ("XI.Customs_2", "xi.customs_2"),
            ("../../../evil", "---..-..-evil"),
            ("..", "--"),
            ("/etc/x", "-etc-x"),
            ("a\\b\0", "a-b-"),
        ] {
            assert_eq!(file_stem(name).unwrap(), stem, "{name:?}");
        }
        for name in ["", " "] {
            assert!(file_stem(name).is_err(), "{name:?}");
        }
    }
}
