//! The transfer encoding base64 undone while it streams (RFC 2045, 6.8): white space is passed over, anything else that
//! is not base64 is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::MimeError;

/// What is left over between two pieces.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
    padded: bool,
}

impl Decoder {
    /// The bytes that a piece completes; maybe none.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Bytes, MimeError> {
        self.pending.extend(piece.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t')));
        let rest = self.pending.split_off(self.pending.len() / 4 * 4);
        let whole = std::mem::replace(&mut self.pending, rest);
        // What is padded is the end; the engine itself refuses padding inside of `whole`.
        if self.padded && !(whole.is_empty() && self.pending.is_empty()) {
            return Err(MimeError::Base64);
        }
        self.padded |= whole.ends_with(b"=");
        STANDARD.decode(whole).map(Bytes::from).map_err(|_| MimeError::Base64)
    }

    /// Whether nothing is left over.
    pub(super) fn finish(&self) -> Result<(), MimeError> {
        if self.pending.is_empty() { Ok(()) } else { Err(MimeError::Base64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8], size: usize) -> Result<Vec<u8>, MimeError> {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        for piece in text.chunks(size) {
            all.extend_from_slice(&decoder.push(piece)?);
        }
        decoder.finish().map(|()| all)
    }

    #[test]
    fn every_length_in_pieces_of_every_size() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(151)).collect();
            let text = STANDARD.encode(&bytes);
            let lines = text.as_bytes().chunks(10).collect::<Vec<_>>().join(&b"\r\n"[..]);
            for size in [1, 2, 3, 5, 64] {
                assert_eq!(decoded(&lines, size), Ok(bytes.clone()), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in ["A", "AA", "AAA", "AAA=A", "AA=", "A===", "=", "====", "AA==AA==", "AA==A", "AA*A", "AA\0A"] {
            for size in [1, 3, 4, 64] {
                assert_eq!(decoded(text.as_bytes(), size), Err(MimeError::Base64), "{text}");
            }
        }
    }
}
