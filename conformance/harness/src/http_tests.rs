//! HTTP as peers really write it, cut anywhere, and bytes that are none.

use proptest::prelude::*;

use super::*;

const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";

#[test]
fn lengths_chunks_and_interim_responses_are_read() {
    let message = read(CHUNKED).unwrap();
    assert_eq!((message.status(), message.body.as_slice(), message.complete), (Some(200), &b"hello world"[..], true));
    let message = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!((message.status(), message.complete), (Some(204), true));
    let message = read(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab").unwrap();
    assert!(!message.complete);
    assert_eq!(read(b"").unwrap_err(), HttpError::Empty);
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n").unwrap_err(), HttpError::Malformed);
    assert_eq!(progress(b"HTTP/1.1 200 OK\r\n\r\nuntil it ends"), Progress::UntilClose);
}

#[test]
fn nothing_is_found_nowhere() {
    assert_eq!((find(b"abc", b""), find(b"", b"a"), find(b"abc", b"c")), (None, None, Some(2)));
}

#[test]
fn what_is_written_is_read_back() {
    let request = Request::post("h:1", "/p", "text/plain", b"body".to_vec());
    let message = read(&request.to_bytes()).unwrap();
    assert_eq!((message.line.as_str(), message.body.as_slice()), ("POST /p HTTP/1.1", &b"body"[..]));
    assert_eq!(message.header("CONTENT-TYPE"), Some("text/plain"));
    assert_eq!(message.status(), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (read(&bytes), progress(&bytes));
    }

    #[test]
    fn a_message_cut_short_is_never_complete(at in 0..CHUNKED.len()) {
        prop_assert!(progress(&CHUNKED[..at]) != Progress::Complete);
    }
}
