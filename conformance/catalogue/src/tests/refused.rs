//! Slips in a case that its file alone tells: each is refused with its place and what to write instead.

use super::{CASE, with_case};
use crate::case::Case;
use crate::mutant::Mutant;

/// The case with something in the place of `from`, and what is said of it.
fn said(from: &str, to: &str) -> String {
    assert!(CASE.contains(from), "{from}");
    Case::read("x.toml", &CASE.replacen(from, to, 1)).unwrap_err().to_string()
}

/// The case with a second step.
fn second(step: &str) -> String {
    said("[[check]]", &format!("[[step]]\nname = \"second\"\n{step}\n[[check]]"))
}

#[track_caller]
fn assert_said(said: &str, place: &str, what: &str, help: &str) {
    assert!(said.starts_with(&format!("x.toml:{place}: ")), "{said}");
    assert!(said.contains(what), "{said}");
    assert!(said.contains(&format!("\nhelp: {help}")), "{said}");
}

#[test]
fn a_step_that_a_message_refers_to_stands_before_it() {
    for key in ["again", "receipt_of", "reply_to", "message_id_of", "conversation_of"] {
        let what = if ["again", "receipt_of"].contains(&key) { "" } else { "ping = true, " };
        let slip = second(&format!("send = {{ {what}{key} = \"firs\" }}"));
        let column = format!("11:{}", 9 + what.len() + key.len() + 4);
        let told = format!("`{key}` names no earlier step: no step is named `firs`");
        assert_said(&slip, &column, &told, "did you mean `first`?");
        let itself = second(&format!("send = {{ {what}{key} = \"second\" }}"));
        assert_said(&itself, &column, "step `second` does not stand before this one", "a step comes after");
    }
    let later = said(
        "name = \"first\"\nsend = { ping = true }",
        "send = { again = \"second\" }\n[[step]]\nname = \"second\"\nsend = { ping = true }",
    );
    assert_said(&later, "7:18", "does not stand before this one", "a step comes after");
    let offered = second("offer = { again = \"frist\" }");
    assert_said(&offered, "11:19", "no step is named `frist`", "did you mean `first`?");
    let looked = said("\"receipt.signed\"", "\"receipt.signed\"\nstep = \"firts\"");
    assert_said(&looked, "11:8", "[[check]] looks at a step that is not there", "did you mean `first`?");
    let nowhere = second("send = { again = \"quite-another\" }");
    assert_said(&nowhere, "11:18", "no step is named", "it is one of first");
}

#[test]
fn a_variable_that_is_not_there_has_its_nearest() {
    for (slip, right) in [
        ("step.firs.message-id", "step.first.message-id"),
        ("step.first.messageid", "step.first.message-id"),
        ("fresh.lnr", "fresh.lrn"),
    ] {
        let property = format!("send = {{ ping = true, property = [{{ name = \"n\", value = \"${{{slip}}}\" }}] }}");
        let told = format!("unknown variable ${{{slip}}}");
        assert_said(&second(&property), "11:58", &told, &format!("did you mean `${{{right}}}`?"));
    }
}

#[test]
fn what_is_no_hexadecimal_is_refused() {
    for (step, column) in [
        ("connect = { hex = \"0g\" }", "11:19"),
        ("send = { ping = true, part = [{ mime = \"a/b\", hex = \"012\" }] }", "11:53"),
        ("send = { ping = true }\nforge = [{ at = \"mime\", op = \"bytes\", where = \"4\", hex = \"0x00\" }]", "12:58"),
    ] {
        assert_said(&second(step), column, "got hex ", "write two digits of 0-9 and a-f for each byte");
    }
}

/// The second step with one forge operation.
fn forged(at: &str, rest: &str) -> String {
    second(&format!("send = {{ ping = true }}\n[[step.forge]]\nat = \"{at}\"\n{rest}"))
}

#[test]
fn a_place_that_no_message_has_is_refused() {
    for (at, place, help) in [
        ("envelope", "//ebx:Action", "did you mean `eb`?"),
        ("signed", "//soap:Envelope/@id", "it is one of env, eb"),
        ("signed-info", "ds:Reference", "a path goes from the root"),
        ("document", "//a[last()]", "a path goes from the root"),
        ("envelope", "part:0", "write `part:` and a number from 1"),
        ("mime", "boundry", "did you mean `boundary`?"),
        ("mime", "part:x", "write `part:` and a number from 0"),
        ("mime", "part:1/bdoy", "did you mean `body`?"),
        ("mime", "Content-Length", "it is one of boundary, content-type"),
        ("http", "reqest-line", "did you mean `request-line`?"),
        ("http", "Content Type", "it is an offset, the name of a header"),
    ] {
        let slip = forged(at, &format!("op = \"remove\"\nwhere = \"{place}\""));
        assert_said(&slip, "15:9", "", help);
    }
    let moved = forged("signed", "op = \"move\"\nwhere = \"//eb:Messaging\"\nto = \"//env:Body/[1]\"");
    assert_said(&moved, "16:6", "is not a path that can be read", "a path goes from the root");
}

#[test]
fn an_operation_has_what_it_needs_and_a_place_that_takes_it() {
    for (at, op, place, help) in [
        ("envelope", "insert", "//eb:Action", "add `with`; nothing at all is"),
        ("envelope", "replace", "//eb:Action/text()", "add `with`; nothing at all is"),
        ("http", "insert", "X-Flood", "add `with`; nothing at all is"),
        ("mime", "insert", "part:1", "add `with`, `hex` or `gzip_zeros`"),
        ("mime", "bytes", "12", "add `with`, `hex` or `gzip_zeros`"),
        ("signed", "insert", "start", "add `with`, `hex` or `gzip_zeros`"),
        ("signed", "move", "//eb:Messaging", "add `to`, the path of an element"),
        ("mime", "move", "part:1", "add `to = \"part:N\"`"),
        ("envelope", "bytes", "//eb:Action", "an element takes remove, insert, replace, move, duplicate, truncate"),
        ("envelope", "duplicate", "//eb:Action/@id", "an attribute takes remove, insert, replace"),
        ("mime", "replace", "close", "the closing boundary takes remove"),
        ("http", "insert", "request-line", "this place takes remove, replace"),
    ] {
        assert_said(&forged(at, &format!("op = \"{op}\"\nwhere = \"{place}\"")), "14:6", &format!("`{op}`"), help);
    }
    let zeros = forged("envelope", "op = \"insert\"\nwhere = \"//eb:Action\"\ngzip_zeros = 9");
    assert_said(&zeros, "14:6", "which text it puts there", "add `with`");
}

#[test]
fn a_place_is_read_in_each_cell() {
    let axis = |values: &str| {
        let step = "[[step.forge]]\nat = \"envelope\"\nop = \"remove\"\nwhere = \"//${matrix.what}\"\n[[check]]";
        let text = CASE.replacen("[[check]]", step, 1);
        Case::read("x.toml", &text.replacen("[[step]]", &format!("[matrix]\nwhat = [{values}]\n[[step]]"), 1))
    };
    axis("\"eb:Action\", \"eb:Service\"").unwrap();
    let slip = axis("\"eb:Action\", \"bb:Service\"").unwrap_err().to_string();
    assert!(slip.contains("a path has no prefix `bb`\nhelp: did you mean `eb`?"), "{slip}");
}

#[test]
fn a_mutant_forges_by_the_same_rules() {
    let text = "format = 1\ntitle = \"t\"\nlayer = \"as4\"\n[[forge.error]]\nat = \"envelope\"\nop = \"remove\"\n\
                where = \"//eb:Error/@code\"\n";
    Mutant::read("x.toml", text).unwrap();
    let slip = Mutant::read("x.toml", &text.replace("//eb:", "//be:")).unwrap_err().to_string();
    assert_said(&slip, "7:9", "a path has no prefix `be`", "did you mean `eb`?");
}

#[test]
fn a_value_of_several_kinds_says_what_it_may_be() {
    let slip = second("wait = \"retry-intervall\"");
    assert_said(&slip, "11:8", "expected a length of time such as \"2s\", or one of", "did you mean `retry-interval`?");
    let slip = second("wait = \"soon\"");
    assert_said(&slip, "11:8", "unknown time `soon`", "known here: retry-interval, all-retries, business-within");
    assert_said(&second("wait = 2"), "11:8", "expected a length of time such as \"2s\"", "");
    Case::read("x.toml", &CASE.replace("[[check]]", "[[step]]\nwait = \"2s\"\n[[check]]")).unwrap();
    let of = |value: &str| said("role = ", &format!("exclusive = {value}\nrole = "));
    assert_said(
        &of("\"true\""),
        "5:13",
        "expected `true` or `false` without quotes, or a word",
        "did you mean `true`?",
    );
    assert_said(&of("\"The channel\""), "5:13", "unknown word `The channel`", "known here: true, false");
    assert_said(&of("1"), "5:13", "expected `true` or `false` without quotes, or a word", "");
    for value in ["true", "false", "\"channel\""] {
        Case::read("x.toml", &CASE.replace("role = ", &format!("exclusive = {value}\nrole = "))).unwrap();
    }
    let slip = second("send = { ping = true }\nfault = { kind = \"flip\", at = 1.5 }");
    assert_said(&slip, "12:31", "expected an offset, or one of tls-hello, ", "");
}

#[test]
fn a_code_is_one_of_its_layer() {
    let allow = |layer: &str, code: &str| {
        let row = format!("[[allow]]\nlayer = \"{layer}\"\ncode = [\"*\", \"{code}\"]\nclause = \"c\"\n[explain]");
        Case::read("x.toml", &CASE.replacen("[explain]", &row, 1)).map_err(|problem| problem.to_string())
    };
    for (layer, code) in [
        ("tls", "close"),
        ("tls", "handshake_failure"),
        ("tls", "*"),
        ("tls", "certificate_*"),
        ("http", "4xx"),
        ("http", "500"),
        ("http", "40*"),
        ("as4", "EBMS:0004"),
        ("as4", "EBMS:01*"),
        ("business", "schema"),
    ] {
        allow(layer, code).unwrap();
    }
    for (layer, code, help) in [
        ("tls", "bad-certificate", "did you mean `bad_certificate`?"),
        ("tls", "closed", "did you mean `close`?"),
        ("tls", "EBMS:0004", "it is the name of an alert"),
        ("http", "4XX", "did you mean `4xx`?"),
        ("http", "4xxx", "it is three digits"),
        ("http", "EBMS:0004", "it is three digits"),
        ("as4", "ebms:0101", "did you mean `EBMS:0101`?"),
        ("as4", "0004", "did you mean `EBMS:0004`?"),
        ("as4", "EBMS:101", "it is `EBMS:` and four digits"),
        ("business", "", "it is a code of the pack"),
    ] {
        assert_said(&allow(layer, code).unwrap_err(), "13:14", "", help);
    }
    let answered = second("answer = { with = \"error\", code = \"EMBS:0004\" }");
    assert_said(&answered, "11:35", "is no ebMS error code", "did you mean `EBMS:0004`?");
}

#[test]
fn an_axis_that_nothing_uses_is_refused() {
    let axis = |name: &str| said("[[step]]", &format!("[matrix]\n{name} = [\"1.2\", \"1.3\"]\n[[step]]"));
    assert_said(&axis("token"), "7:9", "nothing uses the axis `token`", "write ${matrix.token} where");
    assert_said(&axis("tsl"), "7:7", "nothing uses the axis `tsl`", "did you mean `tls`?");
}

#[test]
fn a_former_id_is_one_that_no_case_has() {
    for (alias, what) in [("as4.x", "is the id of this very case"), ("as4.push.accepted", "is the id of another case")]
    {
        let text = CASE.replacen("role = ", &format!("aliases = [\"{alias}\"]\nrole = "), 1);
        let said = with_case("cases/as4/x.toml", &text).unwrap_err().to_string();
        assert!(said.starts_with(&format!("cases/as4/x.toml:5:12: alias {alias} {what}\nhelp: ")), "{said}");
    }
}

#[test]
fn a_text_that_is_no_requirement_id_has_its_nearest() {
    let text = CASE.replacen("AS4-PUSH-01", "EBMS-TEST-2", 1);
    let said = with_case("cases/as4/x.toml", &text).unwrap_err().to_string();
    assert!(said.contains("expected SET-TOPIC-nn"), "{said}");
    assert!(said.contains("\nhelp: did you mean `EBMS-TEST-02`?"), "{said}");
}
