//! The movement reference number: year, country, 13 characters, check digit; 18 in all.
//!
//! Layout of the EU (Delegated Regulation 2015/2446, annex B, data element 12 01): two digits of the year, ISO 3166-1 code of the issuing
//! country, 12 letters or digits, a letter for the procedure, a check digit. The check digit is that of ISO 6346 over the 17 characters
//! before it; real numbers of the UK and the EU bear it out.

use std::fmt;
use std::str::FromStr;

/// A movement reference number that is well-formed and whose check digit is right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mrn(String);

/// Why a text is not a movement reference number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMrn {
    /// Another length than 18.
    #[error("got {0} characters, expected 18")]
    Length(usize),
    /// The year is not two digits.
    #[error("got year `{0}`, expected two digits")]
    Year(String),
    /// The country is not two capital letters.
    #[error("got country `{0}`, expected two letters")]
    Country(String),
    /// A character that is neither a capital letter nor a digit.
    #[error("got `{0}`, expected letters A to Z and digits")]
    Character(char),
    /// The check digit is wrong.
    #[error("got check digit `{got}`, expected {expected}")]
    CheckDigit {
        /// The last character.
        got: char,
        /// What it should be.
        expected: u8,
    },
}

impl Mrn {
    /// Numbers that can be issued in a year by one country for one procedure: twelve characters of 36.
    pub const PER_YEAR: u64 = 36u64.pow(12);

    /// Issues the number of a serial.
    ///
    /// `year` is the full year, `country` an ISO 3166-1 alpha-2 code, `procedure` a capital letter. `None` for a serial past
    /// [`Mrn::PER_YEAR`], or a country or procedure that is not letters.
    #[must_use]
    pub fn issue(year: i16, country: &str, serial: u64, procedure: char) -> Option<Self> {
        if serial >= Self::PER_YEAR {
            return None;
        }
        let mut characters = [b'0'; 12];
        let mut rest = serial;
        for place in characters.iter_mut().rev() {
            *place = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[usize::try_from(rest % 36).ok()?];
            rest /= 36;
        }
        let body = format!("{:02}{country}{}{procedure}", year.rem_euclid(100), String::from_utf8_lossy(&characters));
        let digit = check_digit(&body).ok()?;
        format!("{body}{digit}").parse().ok()
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mrn {
    type Err = InvalidMrn;

    fn from_str(text: &str) -> Result<Self, InvalidMrn> {
        let count = text.chars().count();
        if count != 18 {
            return Err(InvalidMrn::Length(count));
        }
        if let Some(other) = text.chars().find(|c| value(*c).is_none()) {
            return Err(InvalidMrn::Character(other));
        }
        let (year, country) = (&text[..2], &text[2..4]);
        if !year.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidMrn::Year(year.to_owned()));
        }
        if !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidMrn::Country(country.to_owned()));
        }
        let expected = check_digit(&text[..17])?;
        match text.chars().last() {
            Some(got) if got.to_digit(10) == Some(u32::from(expected)) => Ok(Self(text.to_owned())),
            got => Err(InvalidMrn::CheckDigit { got: got.unwrap_or(' '), expected }),
        }
    }
}

impl fmt::Display for Mrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// ISO 6346: each character's value times a power of two, modulo 11, modulo 10.
fn check_digit(body: &str) -> Result<u8, InvalidMrn> {
    let mut sum = 0u32;
    for (place, c) in body.chars().enumerate() {
        sum += value(c).ok_or(InvalidMrn::Character(c))? << place;
    }
    Ok(u8::try_from(sum % 11 % 10).unwrap_or_default())
}

/// Digits are themselves; letters count from 10 and leave out the multiples of 11.
fn value(c: char) -> Option<u32> {
    match c {
        '0'..='9' => c.to_digit(10),
        'A' => Some(10),
        'B'..='K' => Some(u32::from(c) - u32::from('B') + 12),
        'L'..='U' => Some(u32::from(c) - u32::from('L') + 23),
        'V'..='Z' => Some(u32::from(c) - u32::from('V') + 34),
        _ => None,
    }
}
