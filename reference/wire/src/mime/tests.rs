//! Framing in any pieces, floods, cuts, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::Limits;

const TYPE: &str = "multipart/related; type=\"application/soap+xml\"; boundary=b";

const BODY: &str = "preamble\r\n--b\r\nContent-Type: application/soap+xml\r\n\r\n<e/>\r\n--b \t\r\n\
    Content-Type: application/gzip\r\nContent-ID: <one@x>\r\ncontent-transfer-encoding: 8BIT\r\n\r\n\
    \r\n--not\r\n--\r\n\r\r\n\r\n--b\r\n\r\nno header\r\n--b--\r\nepilogue\r\n--b\r\n";

type Parts = Vec<(PartHead, Vec<u8>)>;

fn read_as(content_type: &str, body: &[u8], piece: usize, limits: &Limits) -> Result<Parts, MimeError> {
    let mut reader = Reader::new(&ContentType::parse(content_type)?, limits)?;
    let mut parts: Parts = Vec::new();
    let (mut open, mut ended) = (false, false);
    let mut take = |reader: &mut Reader| -> Result<(), MimeError> {
        while let Some(event) = reader.next()? {
            assert!(!ended, "something after the end");
            match event {
                Event::Part(head) => {
                    assert!(!open);
                    open = true;
                    parts.push((head, Vec::new()));
                }
                Event::Data(bytes) => {
                    assert!(open && !bytes.is_empty());
                    parts.last_mut().unwrap().1.extend_from_slice(&bytes);
                }
                Event::PartEnd => {
                    assert!(open);
                    open = false;
                }
                Event::End => ended = true,
            }
        }
        Ok(())
    };
    for chunk in body.chunks(piece.max(1)) {
        reader.feed(Bytes::copy_from_slice(chunk));
        take(&mut reader)?;
    }
    reader.eof();
    take(&mut reader)?;
    assert!(ended && !open);
    Ok(parts)
}

fn read(body: &str) -> Result<Parts, MimeError> {
    read_as(TYPE, body.as_bytes(), usize::MAX, &Limits::default())
}

#[test]
fn parts_and_heads() {
    let parts = read(BODY).unwrap();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[0].0.media(), "application/soap+xml");
    assert_eq!(parts[0].1, b"<e/>");
    assert_eq!(parts[1].0.content_id.as_deref(), Some("one@x"));
    assert_eq!(parts[1].1, b"\r\n--not\r\n--\r\n\r\r\n");
    assert_eq!(parts[2].0, PartHead { content_id: None, content_type: None, headers: vec![], base64: false });
    assert_eq!(parts[2].0.media(), "text/plain");
    assert_eq!(parts[2].1, b"no header");
}

#[test]
fn a_part_may_be_empty_in_both_ways() {
    for body in
        ["--b\r\nA: b\r\n\r\n\r\n--b--", "--b\r\nA: b\r\n\r\n--b--", "--b\r\n\r\n--b--", "--b\r\n\r\n\r\n--b--\r\n"]
    {
        let parts = read(body).unwrap();
        assert_eq!((parts.len(), parts[0].1.len()), (1, 0), "{body:?}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let whole = BODY.find("--b--").unwrap() + 5;
    for cut in 0..whole {
        let found = read(&BODY[..cut]);
        assert!(matches!(found, Err(MimeError::Truncated | MimeError::NoBoundary)), "cut at {cut}: {found:?}");
    }
    for cut in whole..BODY.len() {
        assert_eq!(read(&BODY[..cut]).map(|p| p.len()), Ok(3), "cut at {cut}");
    }
}

#[test]
fn pieces_of_one_byte() {
    assert_eq!(read_as(TYPE, BODY.as_bytes(), 1, &Limits::default()), read(BODY));
}

#[test]
fn content_types() {
    let parse = |text: &str| ContentType::parse(text);
    let found = parse("Multipart/Related ; Boundary=\"a \\\"b\" ;type=application/soap+xml; charset=UTF-8").unwrap();
    assert_eq!(found.media(), "multipart/related");
    assert_eq!(found.param("BOUNDARY"), Some("a \"b"));
    assert_eq!(found.param("type"), Some("application/soap+xml"));
    assert_eq!(found.charset(), Some("UTF-8"));
    for text in [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain; a",
        "text/plain; a=",
        "text/plain; a=\"b",
        "a b/c",
        "text/plain; a=1; A=2",
        "text/plain; a=\"b\"c",
        "text/plain; =b",
    ] {
        assert_eq!(parse(text), Err(MimeError::ContentType), "{text}");
    }
}

#[test]
fn boundaries() {
    let start = |text: &str| Reader::new(&ContentType::parse(text).unwrap(), &Limits::default()).map(drop);
    assert_eq!(start("text/xml; boundary=b"), Err(MimeError::NotMultipart));
    assert_eq!(start("multipart/related"), Err(MimeError::Boundary));
    assert_eq!(start("multipart/related; boundary=\"\""), Err(MimeError::Boundary));
    assert_eq!(start(&format!("multipart/related; boundary={}", "b".repeat(71))), Err(MimeError::Boundary));
    assert_eq!(start("multipart/related; boundary=\"b \""), Err(MimeError::Boundary));
    assert_eq!(start("multipart/related; boundary=\"b\u{1}\""), Err(MimeError::Boundary));
    let other = read_as("multipart/related; boundary=other", BODY.as_bytes(), 7, &Limits::default());
    assert_eq!(other, Err(MimeError::NoBoundary));
    // A longer boundary that begins with ours is not ours; a reader that took it would see other parts.
    assert_eq!(read("--b\r\n\r\nx\r\n--bc\r\n\r\ny\r\n--b--"), Err(MimeError::Delimiter));
    assert_eq!(read("--b\r\n\r\nx\r\n--b-\r\n--b--"), Err(MimeError::Delimiter));
    assert_eq!(read(&format!("--b{}\r\n\r\nx\r\n--b--", " ".repeat(100))), Err(MimeError::Delimiter));
    assert_eq!(read("--b--"), Ok(vec![]));
}

#[test]
fn floods() {
    let limits = Limits { parts: 4, part_header: 200, ..Limits::default() };
    let parts = |count: usize| "--b\r\n\r\nx\r\n".repeat(count) + "--b--";
    assert_eq!(read_as(TYPE, parts(4).as_bytes(), 3, &limits).map(|p| p.len()), Ok(4));
    assert_eq!(read_as(TYPE, parts(5).as_bytes(), 3, &limits), Err(MimeError::TooManyParts { limit: 4 }));
    let too_large = Err(MimeError::HeaderTooLarge { limit: 200 });
    let preamble = format!("{}\r\n--b\r\n\r\nx\r\n--b--", "p".repeat(300));
    assert_eq!(read_as(TYPE, preamble.as_bytes(), 3, &limits), too_large);
    assert_eq!(read_as(TYPE, &vec![0; 1 << 20], 1000, &limits), too_large);
    let header = format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "h".repeat(300));
    assert_eq!(read_as(TYPE, header.as_bytes(), 3, &limits), too_large);
    let endless = format!("--b\r\nA: {}", "h".repeat(3000));
    assert_eq!(read_as(TYPE, endless.as_bytes(), 3, &limits), too_large);
}

#[test]
fn heads_that_are_refused() {
    let head = |lines: &str| read(&format!("--b\r\n{lines}\r\n\r\nx\r\n--b--")).map(|p| p[0].0.headers.len());
    assert_eq!(head("A: b\r\n folded\r\n\ttwice"), Ok(1));
    assert_eq!(head(" A: b"), Err(MimeError::Header));
    assert_eq!(head("A b"), Err(MimeError::Header));
    assert_eq!(head("A : b"), Err(MimeError::Header));
    assert_eq!(head(": b"), Err(MimeError::Header));
    assert_eq!(head("A: b\nContent-ID: <x>"), Err(MimeError::Header));
    assert_eq!(head("A: b\rContent-ID: <x>"), Err(MimeError::Header));
    assert_eq!(head("A: \0"), Err(MimeError::Header));
    assert_eq!(head("Content-ID: <a> <b>"), Err(MimeError::Header));
    assert_eq!(head("Content-ID: <>"), Err(MimeError::Header));
    assert_eq!(head("Content-ID: <a>\r\ncontent-id: <b>"), Err(MimeError::RepeatedHeader("Content-ID")));
    assert_eq!(head("Content-Type: a/b\r\nContent-Type: a/b"), Err(MimeError::RepeatedHeader("Content-Type")));
    assert_eq!(head("Content-Type: x"), Err(MimeError::ContentType));
    for encoding in ["quoted-printable", "x-uuencode"] {
        assert_eq!(head(&format!("Content-Transfer-Encoding: {encoding}")), Err(MimeError::TransferEncoding));
    }
    let latin1 = b"--b\r\nA: \xe9\r\n\r\nx\r\n--b--";
    assert_eq!(read_as(TYPE, latin1, 5, &Limits::default()), Err(MimeError::Header));
    let twice = "--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b\r\nContent-ID: <a>\r\n\r\ny\r\n--b--";
    assert_eq!(read(twice), Err(MimeError::DuplicateContentId));
}

#[test]
fn an_error_stays() {
    let mut reader = Reader::new(&ContentType::parse(TYPE).unwrap(), &Limits::default()).unwrap();
    reader.feed(Bytes::from_static(b"--bad"));
    assert_eq!(reader.next(), Err(MimeError::Delimiter));
    reader.feed(Bytes::from_static(b"\r\n--b--"));
    assert_eq!(reader.next(), Err(MimeError::Delimiter));
}

#[test]
fn content_ids_in_uris() {
    assert_eq!(content_id_of("cid:a%40b@c").as_deref(), Some("a@b@c"));
    assert_eq!(content_id_of("cid:a"), Some("a".to_owned()));
    for uri in ["a", "CID:a", "cid:%", "cid:%4", "cid:%zz", "cid:%ff"] {
        assert_eq!(content_id_of(uri), None, "{uri}");
    }
}

#[test]
fn base64_is_undone_whatever_the_pieces() {
    let body = b"--b\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGVs\r\nbG8=\r\n\r\n--b\r\n\r\naGVsbG8=\r\n--b--";
    for piece in 1..body.len() {
        let parts = read_as(TYPE, body, piece, &Limits::default()).unwrap();
        assert_eq!((parts[0].1.as_slice(), parts[1].1.as_slice()), (&b"hello"[..], &b"aGVsbG8="[..]));
    }
    let broken = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nno base64!\r\n--b--";
    assert_eq!(read_as(TYPE, broken, 7, &Limits::default()), Err(MimeError::Base64));
    let short = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8\r\n--b--";
    assert_eq!(read_as(TYPE, short, 7, &Limits::default()), Err(MimeError::Base64));
}

#[test]
fn file_names() {
    let head = |value: &str| PartHead {
        content_id: None,
        content_type: None,
        headers: vec![("Content-Disposition".to_owned(), value.to_owned())],
        base64: false,
    };
    assert_eq!(head("attachment; filename=\"a b.pdf\"").filename().as_deref(), Some("a b.pdf"));
    assert_eq!(head("attachment; filename=a.pdf").filename().as_deref(), Some("a.pdf"));
    assert_eq!(head("attachment").filename(), None);
}

#[test]
fn headers_cannot_be_broken_out_of() {
    let mut writer = Writer::new("b").unwrap();
    let header = |content_type: &str, id: &str| PartHeader {
        content_type: content_type.to_owned(),
        content_id: id.to_owned(),
        headers: vec![],
    };
    assert_eq!(writer.part(&header("text/xml\r\nX: y", "i")), Err(MimeError::Unwritable));
    assert_eq!(writer.part(&header("text/xml", "i>\r\nX: y")), Err(MimeError::Unwritable));
    assert_eq!(writer.part(&header("text/xml", "a b")), Err(MimeError::Unwritable));
    let named = PartHeader { headers: vec![("A b".to_owned(), String::new())], ..header("text/xml", "i") };
    assert_eq!(writer.part(&named), Err(MimeError::Unwritable));
    assert_eq!(Writer::new("a\r\nb").map(drop), Err(MimeError::Boundary));
    assert_eq!(writer.content_type("a\"b", None), Err(MimeError::Unwritable));
}

fn part() -> impl Strategy<Value = (String, Vec<u8>)> {
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "[-b\r\n]{0,60}".prop_map(String::into_bytes),];
    ("[a-z0-9.]{1,12}@x", bytes)
}

proptest! {
    /// What the writer frames the reader gives back, in pieces of any size, and the length was known before.
    #[test]
    fn written_is_read(parts in prop::collection::vec(part(), 0..6), piece in 1usize..80) {
        let boundary = "--=_unlikely.0123456789";
        let mut writer = Writer::new(boundary).unwrap();
        let content_type = writer.content_type("application/soap+xml", Some("root@x")).unwrap();
        let heads: Vec<PartHeader> = parts.iter().enumerate().map(|(at, (id, _))| PartHeader {
            content_type: "application/octet-stream".to_owned(),
            content_id: format!("{at}.{id}"),
            headers: vec![("Content-Disposition".to_owned(), "attachment; filename=\"f\"".to_owned())],
        }).collect();
        let lengths: Vec<(&PartHeader, u64)> =
            heads.iter().zip(&parts).map(|(h, (_, bytes))| (h, bytes.len() as u64)).collect();
        let expected = writer.content_length(&lengths).unwrap();
        let mut body = Vec::new();
        for (head, (_, bytes)) in heads.iter().zip(&parts) {
            body.extend_from_slice(&writer.part(head).unwrap());
            body.extend_from_slice(bytes);
        }
        body.extend_from_slice(&writer.close());
        prop_assert_eq!(body.len() as u64, expected);
        let found = read_as(&content_type, &body, piece, &Limits::default()).unwrap();
        prop_assert_eq!(found.len(), parts.len());
        for ((head, bytes), (written, (_, sent))) in found.iter().zip(heads.iter().zip(&parts)) {
            prop_assert_eq!(head.content_id.as_deref(), Some(written.content_id.as_str()));
            prop_assert_eq!(head.filename(), Some("f".to_owned()));
            prop_assert_eq!(bytes, sent);
        }
    }

    /// Any bytes end in events or an error, and the pieces they come in do not matter.
    #[test]
    fn pieces_do_not_matter(noise in "[-b\r\n:A <>]{0,200}", piece in 1usize..50) {
        let body = format!("--b\r\n{noise}");
        let whole = read_as(TYPE, body.as_bytes(), usize::MAX, &Limits::default());
        let pieces = read_as(TYPE, body.as_bytes(), piece, &Limits::default());
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn noise_is_refused_not_fatal(noise in prop::collection::vec(any::<u8>(), 0..500), piece in 1usize..50) {
        let _ = read_as(TYPE, &noise, piece, &Limits::default());
        let _ = ContentType::parse(&String::from_utf8_lossy(&noise));
        let _ = header::part_head(&noise);
    }
}
