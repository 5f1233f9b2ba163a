//! Movement reference numbers as the suite makes and reads them: year, country, 13 characters, check digit.
//!
//! Layout of the EU (Delegated Regulation 2015/2446, annex B, data element 12 01), check digit of ISO 6346. Written
//! without a look at the node's own, which it is used to judge.

/// A number that begins with `prefix`, two digits of a year and a country first, and goes on with those characters.
#[must_use]
pub fn issue(prefix: &str, characters: &str) -> String {
    let room = 17_usize.saturating_sub(prefix.len());
    let body: String =
        format!("{prefix}{:0>room$}", characters.get(..room).unwrap_or(characters)).chars().take(17).collect();
    format!("{body}{}", check_digit(&body))
}

/// Whether a text is a number of 18 characters whose check digit is right.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    let plain = text.len() == 18 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let (body, last) = (text.get(..17).unwrap_or_default(), text.get(17..).unwrap_or_default());
    plain && last == check_digit(body).to_string()
}

fn check_digit(body: &str) -> u64 {
    let sum: u64 = body.chars().enumerate().map(|(place, c)| u64::from(letter_value(c)) << place).sum();
    sum % 11 % 10
}

/// ISO 6346: digits as they are, A is 10, multiples of 11 left out.
fn letter_value(c: char) -> u32 {
    match c.to_digit(10) {
        Some(digit) => digit,
        None => {
            let place = u32::from(c.to_ascii_uppercase()).saturating_sub(u32::from('A'));
            10 + place + place.div_ceil(10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that HM Revenue & Customs issued, from the declarations of the pack.
    #[test]
    fn real_numbers_are_well_formed_and_altered_ones_are_not() {
        for real in ["22GB37AEDQ0215GAR0", "23GBDFSUDLJ2X59AR7"] {
            assert!(is_well_formed(real), "{real}");
            assert!(!is_well_formed(&real.replace("GB", "GC")), "{real}");
            assert!(!is_well_formed(&real[..17]));
        }
    }

    #[test]
    fn what_is_issued_is_well_formed() {
        assert!(is_well_formed(&issue("26GB9", "0AB")) && is_well_formed(&issue("27FR", "ABCDEFGHIJKLMNO")));
    }
}
