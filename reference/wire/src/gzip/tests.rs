//! Bombs, damage, members, pieces.

use std::io::Read as _;

use proptest::prelude::*;

use super::*;

fn small() -> Limits {
    Limits { inflated: 100_000, ratio: 50, ratio_floor: 1_000, ..Limits::default() }
}

/// Made with `printf 'customs' | gzip -n -9`.
const BY_GZIP: [u8; 27] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x2e, 0x2d, 0x2e, 0xc9, 0xcf, 0x2d, 0x06, 0x00,
    0xd1, 0x01, 0x26, 0x7c, 0x07, 0x00, 0x00, 0x00,
];

#[test]
fn what_gzip_wrote_inflates() {
    assert_eq!(inflate(&BY_GZIP, &small()), Ok(b"customs".to_vec()));
}

#[test]
fn deflating_is_deterministic_and_tells_nothing() {
    let bytes = deflate(b"customs customs customs");
    assert_eq!(bytes, deflate(b"customs customs customs"));
    assert_eq!(bytes.get(..10), Some(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..]));
    assert_eq!(inflate(&bytes, &small()), Ok(b"customs customs customs".to_vec()));
}

#[test]
fn bombs() {
    let bomb = deflate(&vec![0; 2_000_000]);
    assert!(bomb.len() < 3_000);
    let high = Limits { inflated: u64::MAX, ..small() };
    assert_eq!(inflate(&bomb, &high), Err(GzipError::Ratio { limit: 50 }));
    let wide = Limits { ratio: u32::MAX, ..small() };
    assert_eq!(inflate(&bomb, &wide), Err(GzipError::TooLarge { limit: 100_000 }));
    // The default limits stop it by its ratio soon after the floor.
    let large = deflate(&vec![0; 3 << 20]);
    assert_eq!(inflate(&large, &Limits::default()), Err(GzipError::Ratio { limit: 1000 }));
    // Just under the floor, no ratio applies.
    assert_eq!(inflate(&deflate(&[0; 1_000]), &small()).map(|b| b.len()), Ok(1_000));
}

#[test]
fn members_count_together() {
    let member = deflate(&[7; 900]);
    let two: Vec<u8> = [member.clone(), member.clone()].concat();
    assert_eq!(inflate(&two, &Limits { ratio: 1_000, ..small() }).map(|b| b.len()), Ok(1_800));
    let many = member.repeat(200);
    assert_eq!(inflate(&many, &Limits { ratio: 1_000, ..small() }), Err(GzipError::TooLarge { limit: 100_000 }));
    let trailing: Vec<u8> = [member.as_slice(), b"garbage that is long enough to be a header"].concat();
    assert_eq!(inflate(&trailing, &small()), Err(GzipError::Corrupt));
}

#[test]
fn damage() {
    assert_eq!(inflate(b"", &small()), Err(GzipError::Empty));
    assert_eq!(inflate(b"<xml/>", &small()), Err(GzipError::Corrupt));
    for at in 1..BY_GZIP.len() {
        let found = inflate(&BY_GZIP[..at], &small());
        // Without the whole checksum the decoder calls it wrong.
        let expected = if at < BY_GZIP.len() - 8 { GzipError::Truncated } else { GzipError::Corrupt };
        assert_eq!(found, Err(expected), "cut at {at}");
    }
    let mut wrong = BY_GZIP;
    wrong[20] ^= 1;
    assert_eq!(inflate(&wrong, &small()), Err(GzipError::Corrupt));
}

#[test]
fn a_sink_that_fails_says_so() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut inflate = Inflate::new(&small(), Full);
    let result = inflate.push(&BY_GZIP).and_then(|()| inflate.finish().map(|_| ()));
    assert_eq!(result, Err(GzipError::Sink));
}

proptest! {
    #[test]
    fn any_bytes_come_back_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..5_000), piece in 1usize..300) {
        let mut encoder = Deflate::new(Vec::new());
        for chunk in bytes.chunks(piece) {
            encoder.push(chunk).unwrap();
        }
        let packed = encoder.finish().unwrap();
        let mut decoder = Inflate::new(&Limits::default(), Vec::new());
        for chunk in packed.chunks(piece) {
            decoder.push(chunk).unwrap();
        }
        let (length, found) = decoder.finish().unwrap();
        prop_assert_eq!(length, bytes.len() as u64);
        prop_assert_eq!(found, bytes);
    }

    #[test]
    fn noise_is_refused_not_fatal(noise in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        body.extend_from_slice(&noise);
        let _ = inflate(&body, &small());
        let _ = inflate(&noise, &small());
    }
}

proptest! {
    /// The tables of one part never show in the next, and another implementation reads each.
    #[test]
    fn parts_do_not_mix(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 1..5), broken in 0usize..5) {
        for (number, part) in parts.iter().enumerate() {
            if number == broken {
                // A part given up half way.
                let mut half = Deflate::new(Vec::new());
                half.push(part).unwrap();
            }
            let mut pieces = Deflate::new(Vec::new());
            part.chunks(700).for_each(|piece| pieces.push(piece).unwrap());
            let bytes = pieces.finish().unwrap();
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, part);
        }
    }
}

#[test]
fn large_parts_leave_in_pieces() {
    let large: Vec<u8> = (0u32..400_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let bytes = deflate(&large);
    assert_eq!(inflate(&bytes, &Limits::default()).unwrap(), large);
}
