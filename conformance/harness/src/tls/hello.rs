//! ClientHellos as bytes: versions and suites that the library would never offer, and the first record of the answer.
//!
//! Written after RFC 6101 (SSL 3.0), RFC 2246 (TLS 1.0), RFC 4346 (1.1), RFC 5246 (1.2), RFC 8446 (1.3) and, for
//! SSL 2.0, RFC 5246 E.2.

/// Suites that servers of the old versions have in common (ECDHE, DHE and RSA with AES-CBC and 3DES), and the sound
/// ones of TLS 1.2, so that the version is the only thing to refuse.
const OLD: &[u16] = &[
    0xc02f, 0xc02b, 0xc030, 0xc02c, 0xc013, 0xc014, 0xc009, 0xc00a, 0x0033, 0x0039, 0x002f, 0x0035, 0xc012, 0x0016,
    0x000a,
];
/// Suites without encryption: RSA, ECDHE-RSA and ECDHE-ECDSA with NULL.
const NULL: &[u16] = &[0x0001, 0x0002, 0x003b, 0xc010, 0xc006];
/// Suites with RC4 (RFC 7465).
const RC4: &[u16] = &[0x0004, 0x0005, 0xc011, 0xc007];
/// Suites in which nobody shows a certificate: DH and ECDH anonymous.
const ANONYMOUS: &[u16] = &[0x0034, 0x003a, 0x006c, 0x006d, 0x00a6, 0x00a7, 0xc018, 0xc019];
/// Suites with keys of 40 bits, made for export.
const EXPORT: &[u16] = &[0x0003, 0x0006, 0x0008, 0x0014];
/// Numbers that IANA keeps for private use: no two implementations share them.
const PRIVATE: &[u16] = &[0xff01, 0xff02];
/// Sound suites of TLS 1.2: ECDHE with AES-GCM.
const SOUND: &[u16] = &[0xc02f, 0xc02b, 0xc030, 0xc02c];

/// A named hello: its version on the wire, its suites, whether it has extensions, whether it offers TLS 1.3.
struct Hello {
    name: &'static str,
    version: [u8; 2],
    suites: &'static [u16],
    extensions: bool,
    tls13: bool,
}

const fn hello(name: &'static str, version: [u8; 2], suites: &'static [u16]) -> Hello {
    Hello { name, version, suites, extensions: true, tls13: false }
}

const KNOWN: [Hello; 10] = [
    Hello { name: "ssl3", version: [3, 0], suites: OLD, extensions: false, tls13: false },
    hello("tls1.0", [3, 1], OLD),
    hello("tls1.1", [3, 2], OLD),
    hello("tls1.2-null", [3, 3], NULL),
    hello("tls1.2-rc4", [3, 3], RC4),
    hello("tls1.2-anonymous", [3, 3], ANONYMOUS),
    hello("tls1.2-export", [3, 3], EXPORT),
    hello("tls1.2-private-suites", [3, 3], PRIVATE),
    Hello { name: "tls1.3-private-suites", version: [3, 3], suites: PRIVATE, extensions: true, tls13: true },
    // Claims 1.3 in the field that is frozen at 1.2 and does not offer it properly: 1.2 is meant (RFC 8446 4.2.1).
    Hello { name: "tls1.3-version-field", version: [3, 4], suites: SOUND, extensions: true, tls13: false },
];

/// The names of all hellos.
pub const HELLOS: [&str; 11] = [
    "ssl2",
    "ssl3",
    "tls1.0",
    "tls1.1",
    "tls1.2-null",
    "tls1.2-rc4",
    "tls1.2-anonymous",
    "tls1.2-export",
    "tls1.2-private-suites",
    "tls1.3-private-suites",
    "tls1.3-version-field",
];

/// The bytes of a ClientHello by name, one of [`HELLOS`].
#[must_use]
pub fn client_hello(name: &str) -> Option<Vec<u8>> {
    if name == "ssl2" {
        return Some(ssl2());
    }
    KNOWN.iter().find(|hello| hello.name == name).map(Hello::bytes)
}

/// What the first TLS record of an answer to a raw ClientHello says: the alert's name, or `server_hello VERSION`.
/// None when the bytes are no whole TLS record of either kind.
#[must_use]
pub fn first_record(bytes: &[u8]) -> Option<String> {
    let [kind, 3, _, high, low, rest @ ..] = bytes else { return None };
    let content = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    match (*kind, content) {
        (21, [_, alert]) => Some(super::alert::name(*alert)),
        (22, [2, _, _, _, major, minor, ..]) => {
            let version = if chose_tls13(content) { "1.3" } else { version(*major, *minor) };
            Some(format!("server_hello {version}"))
        }
        _ => None,
    }
}

fn version(major: u8, minor: u8) -> &'static str {
    match (major, minor) {
        (3, 0) => "ssl3",
        (3, 1) => "1.0",
        (3, 2) => "1.1",
        (3, 3) => "1.2",
        _ => "unknown",
    }
}

/// Whether a ServerHello carries supported_versions with 1.3.
fn chose_tls13(server_hello: &[u8]) -> bool {
    // Type and length, version, random, then the session id's length.
    let Some((session, rest)) = server_hello.get(38..).and_then(<[u8]>::split_first) else { return false };
    // Session id, suite, compression, length of the extensions.
    let Some(mut rest) = rest.get(usize::from(*session) + 5..) else { return false };
    while let [a, b, c, d, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        if [*a, *b] == [0, 43] {
            return after.get(..length) == Some([3, 4].as_slice());
        }
        rest = after.get(length..).unwrap_or_default();
    }
    false
}

impl Hello {
    fn bytes(&self) -> Vec<u8> {
        let mut body = self.version.to_vec();
        // The random need not be random: no handshake is brought to its end with it.
        body.extend((0..32_u8).map(|place| place.wrapping_mul(7).wrapping_add(0x21)));
        body.push(0);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        sized16(&mut body, &suites);
        body.extend([1, 0]);
        if self.extensions {
            sized16(&mut body, &self.extensions());
        }
        let length = (body.len() as u32).to_be_bytes();
        let handshake = [&[1], length.get(1..).unwrap_or_default(), &body].concat();
        // The record's own version: 3.1 at most, as old servers want it (RFC 8446 5.1).
        let mut record = vec![22, 3, self.version[1].min(1)];
        sized16(&mut record, &handshake);
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // secp256r1, secp384r1, x25519; uncompressed points.
        extension(&mut out, 10, &[0, 6, 0, 23, 0, 24, 0, 29]);
        extension(&mut out, 11, &[1, 0]);
        // ecdsa and rsa with SHA-256, rsa-pss with SHA-256, rsa with SHA-1.
        extension(&mut out, 13, &[0, 8, 4, 3, 4, 1, 8, 4, 2, 1]);
        if self.tls13 {
            extension(&mut out, 43, &[2, 3, 4]);
            // A share on x25519: any 32 bytes are a point.
            let mut share = vec![0, 36, 0, 29, 0, 32];
            share.extend((0..32_u8).map(|place| place.wrapping_mul(11).wrapping_add(9)));
            extension(&mut out, 51, &share);
        }
        out
    }
}

fn extension(out: &mut Vec<u8>, number: u16, value: &[u8]) {
    out.extend(number.to_be_bytes());
    sized16(out, value);
}

/// Appends the length in two bytes, then the bytes.
fn sized16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

/// An SSL 2.0 hello that offers SSL 2.0 only: RC4, RC2, DES and 3DES with MD5, and a challenge of 16 bytes.
fn ssl2() -> Vec<u8> {
    let suites = [[1, 0, 0x80], [3, 0, 0x80], [6, 0, 0x40], [7, 0, 0xc0]].concat();
    let mut body = vec![1, 0, 2, 0, suites.len() as u8, 0, 0, 0, 16];
    body.extend(suites);
    body.extend(0x30..0x40_u8);
    [vec![0x80, body.len() as u8], body].concat()
}
