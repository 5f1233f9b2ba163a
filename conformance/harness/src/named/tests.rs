//! Names that do not exist, in cases that are otherwise the suite's own.

use carnet_catalogue::files::Files;

use super::*;

fn both(catalogue: &Catalogue) -> Result<(), CatalogueError> {
    check(catalogue, &catalogue.cases)?;
    check_messages(catalogue, &catalogue.cases, &Packs::embedded().unwrap())
}

#[test]
fn every_case_of_the_suite_names_what_there_is() {
    let catalogue = carnet_catalogue::load().unwrap();
    both(&catalogue).unwrap_or_else(|error| panic!("{error}"));
}

/// What is said of a case of the suite in which `from` is `to`, and the line of `to`.
fn said(id: &str, from: &str, to: &str) -> (String, String) {
    let (mut files, path) = (Files::embedded(), CaseId::new(id).path());
    let text = String::from_utf8(files.bytes(&path).unwrap().to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in {path}");
    let text = text.replacen(from, to, 1);
    let line = text.lines().position(|line| line.contains(to)).unwrap() + 1;
    files.insert(&path, text.into_bytes());
    let catalogue = carnet_catalogue::from_files(files).unwrap();
    let error = both(&catalogue).unwrap_err();
    (error.to_string(), format!("{path}:{line}:"))
}

#[test]
fn a_name_that_does_not_exist_is_told_with_its_place_and_the_nearest() {
    for (id, from, to, what, near) in [
        ("tls.server.dates", "\"expired\"", "\"expird\"", "no speaker zoo:expird", "zoo:expired"),
        ("tls.certificate.expired", "zoo:expired", "zoo:expird", "no speaker zoo:expird", "zoo:expired"),
        ("as4.trust.signer-expired", "zoo:expired", "stranjer", "no speaker stranjer", "stranger"),
        ("as4.discovery.certificate-untrusted", "stranger", "strangr", "no speaker strangr", "stranger"),
        ("as4.trust.signer-expired", "well-formed", "well-formd", "no check error.well-formd", "error.well-formed"),
        ("as4.signature.rsa-sha1", "\"rsa-sha1\"", "\"rsa-sha2\"", "sign.algorithm is never rsa-sha2", "rsa-sha1"),
        ("tls.suite.rc4", "\"tls1.2-rc4\"", "\"tls1.2-rc5\"", "hello is never tls1.2-rc5", "tls1.2-rc4"),
        ("tls.certificate.accepted", "\"1.3\"", "\"1.4\"", "versions is never 1.4", "1.2"),
        ("process.declaration.unknown-mrn", "\"declaration\"", "\"declaratio\"", "no pack declaratio", "declaration"),
        (
            "process.declaration.unknown-mrn",
            "export-sea\"",
            "export-se\"",
            "no message",
            "valid/cancellation-export-sea",
        ),
        ("process.declaration.unknown-mrn", ", mrn = ", ", mrm = ", "has no fact mrm", "mrn"),
        ("as4.trust.signer-expired", "{ requirement", "{ requirment", "takes no requirment", "requirement"),
    ] {
        let (said, place) = said(id, from, to);
        assert!(said.starts_with(&place) && said.contains(what), "{place} {said}");
        assert!(said.ends_with(&format!("\nhelp: did you mean `{near}`?")), "{said}");
    }
    let (nobody, _) = said("as4.trust.signer-expired", "zoo:expired", "somebody-whom-nobody-knows");
    assert!(nobody.ends_with("`carnet zoo list` names the kinds"), "{nobody}");
    let (nothing, _) = said("process.declaration.unknown-mrn", "valid/cancellation-export-sea", "nowhere");
    assert!(nothing.contains("help: it is one of ") && nothing.ends_with(", such as valid/export-sea"), "{nothing}");
}
