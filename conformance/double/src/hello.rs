//! Tells old and unsound ClientHellos from sound ones, and answers them as a server without scruples would.

/// Suites that a sound server would choose from: TLS 1.3's, and ECDHE with AEAD.
const SOUND: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hello {
    /// A ClientHello of SSL 2.0.
    Ssl2,
    /// One below TLS 1.2.
    Old,
    /// One without a sound suite.
    Unsound,
    /// A sound one.
    Sound,
    /// None.
    None,
}

impl Hello {
    /// What the first bytes are.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x80, _, 1, ..] => Self::Ssl2,
            [22, 3, ..] => match (unsound_answer(bytes), bytes.get(10)) {
                (Some(_), Some(0..=2)) => Self::Old,
                (Some(_), _) => Self::Unsound,
                (None, _) => Self::Sound,
            },
            _ => Self::None,
        }
    }
}

/// A ServerHello for a ClientHello that no sound server would take; none for a sound one, or for other bytes.
pub(crate) fn unsound_answer(bytes: &[u8]) -> Option<Vec<u8>> {
    if let [0x80, _, 1, 0, 2, ..] = bytes {
        return Some(ssl2());
    }
    let [22, 3, _, _, _, 1, _, _, _, major, minor, rest @ ..] = bytes else { return None };
    let session = usize::from(*rest.get(32)?);
    let after = rest.get(33 + session..)?;
    let (length, after) = after.split_at_checked(2)?;
    let length = usize::from(u16::from_be_bytes([*length.first()?, *length.get(1)?]));
    let suites: Vec<u16> =
        after.get(..length)?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if *minor >= 3 && suites.iter().any(|suite| SOUND.contains(suite)) {
        return None;
    }
    Some(server_hello(*major, *minor, *suites.first()?))
}

fn server_hello(major: u8, minor: u8, suite: u16) -> Vec<u8> {
    let mut body = vec![2, 0, 0, 38, major, minor.min(3)];
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let mut record = vec![22, major, minor.min(3), 0, body.len() as u8];
    record.extend(body);
    record
}

/// SERVER-HELLO of SSL 2.0 without certificate: message 4, version 2, one cipher, a connection id of 16 bytes.
fn ssl2() -> Vec<u8> {
    let mut body = vec![4, 0, 1, 0, 2, 0, 0, 0, 3, 0, 16, 1, 0, 0x80];
    body.extend([0x5a; 16]);
    let mut record = vec![0x80, body.len() as u8];
    record.extend(body);
    record
}

#[cfg(test)]
mod tests {
    use carnet_harness::tls::{HELLOS, client_hello, first_record};

    use super::{Hello, unsound_answer};

    #[test]
    fn every_hello_of_the_suite_but_the_sound_one_is_answered() {
        for name in HELLOS {
            let answer = unsound_answer(&client_hello(name).unwrap());
            assert_eq!(answer.is_none(), name == "tls1.3-version-field", "{name}");
            if let Some(answer) = answer.filter(|_| name != "ssl2") {
                assert!(first_record(&answer).unwrap().starts_with("server_hello"), "{name}");
            }
        }
        assert_eq!(Hello::of(&client_hello("ssl2").unwrap()), Hello::Ssl2);
        assert_eq!(Hello::of(&client_hello("tls1.1").unwrap()), Hello::Old);
        assert_eq!(Hello::of(&client_hello("tls1.2-null").unwrap()), Hello::Unsound);
        assert_eq!(Hello::of(b"POST / HTTP/1.1"), Hello::None);
        assert_eq!(unsound_answer(b"POST / HTTP/1.1\r\n"), None);
        assert_eq!(unsound_answer(&[22, 3, 1, 0, 4, 1]), None);
    }
}
