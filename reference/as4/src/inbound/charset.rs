//! Names of character sets as XML 1.0 section 4.3.3 takes them: registered names, or private ones that begin with `x-`.
//! Leaves decoding to whoever reads the document. Source: IANA character-sets registry, names and aliases in use.

/// Whether the name is one. Case does not matter.
pub(super) fn is_known(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let private = name.strip_prefix("x-").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_name));
    private || NAMES.contains(&name.as_str()) || numbered(&name)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// The families that differ by a number.
fn numbered(name: &str) -> bool {
    const FAMILIES: &[(&str, &[u16])] = &[
        ("iso-8859-", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16]),
        ("windows-", &[874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258]),
        (
            "ibm",
            &[
                37, 273, 277, 278, 280, 284, 285, 290, 297, 420, 423, 424, 437, 500, 775, 850, 851, 852, 855, 857, 860,
                861, 862, 863, 864, 865, 866, 868, 869, 870, 871, 880, 891, 903, 904, 905, 918, 1026, 1047,
            ],
        ),
    ];
    FAMILIES.iter().any(|(family, numbers)| {
        let digits = name.strip_prefix(family).filter(|digits| !digits.starts_with('0') || *digits == "037");
        digits.and_then(|digits| digits.parse().ok()).is_some_and(|number| numbers.contains(&number))
    })
}

const NAMES: &[&str] = &[
    "ascii",
    "ansi_x3.4-1968",
    "big5",
    "big5-hkscs",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "gb2312",
    "gbk",
    "hz-gb-2312",
    "iso-10646-ucs-2",
    "iso-10646-ucs-4",
    "iso-10646-utf-1",
    "iso-2022-cn",
    "iso-2022-cn-ext",
    "iso-2022-jp",
    "iso-2022-jp-2",
    "iso-2022-kr",
    "iso-8859-6-e",
    "iso-8859-6-i",
    "iso-8859-8-e",
    "iso-8859-8-i",
    "iso_8859-1",
    "iso_8859-15",
    "koi7-switched",
    "koi8-r",
    "koi8-u",
    "ks_c_5601-1987",
    "latin1",
    "latin2",
    "macintosh",
    "shift_jis",
    "tis-620",
    "tscii",
    "us-ascii",
    "utf-16",
    "utf-16be",
    "utf-16le",
    "utf-32",
    "utf-32be",
    "utf-32le",
    "utf-7",
    "utf-8",
    "viscii",
    "windows-31j",
];

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn takes_names_in_use_and_refuses_inventions() {
        for good in
            ["UTF-8", "utf-16", "ISO-8859-15", "Shift_JIS", "GB18030", "TIS-620", "windows-1252", "x-customs", "IBM037"]
        {
            assert!(is_known(good), "{good}");
        }
        for bad in
            ["", "UTF 8", "utf-99", "iso-8859-12", "iso-8859-", "iso-8859-01", "x-", "x-a b", "unknown", "<utf-8>"]
        {
            assert!(!is_known(bad), "{bad}");
        }
    }
}
