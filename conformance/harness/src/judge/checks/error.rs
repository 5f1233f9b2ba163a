//! Checks on ebMS errors. Where another layer refused, there is no error signal, and these checks have nothing against it.

use super::look::{Look, settle};
use super::{Named, Outcome};
use crate::forge::error_row;

const ERROR: &str = "/env:Envelope/env:Header/eb:Messaging/eb:SignalMessage/eb:Error";

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "error.refers-to-sent",
        says: "the error names the MessageId that was sent",
        with: &[],
        judge: refers,
    },
    Named {
        name: "error.signed",
        says: "the error carries one signature that verifies and covers Messaging and Body",
        with: &[],
        judge: signed,
    },
    Named {
        name: "error.well-formed",
        says: "the error has errorCode and severity, and its code is of the form EBMS:nnnn",
        with: &[],
        judge: well_formed,
    },
    Named {
        name: "error.matches-table",
        says: "severity and short description of the error are those of the table",
        with: &[],
        judge: table,
    },
];

fn refers(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, signal) = look.error()?;
        let (sent, _) = look.sent(exchange)?;
        let named = [signal.refers_to.clone()]
            .into_iter()
            .chain(signal.errors.iter().map(|error| error.in_error.clone()))
            .flatten()
            .collect::<Vec<_>>();
        Ok(if named.contains(&sent.message_id) {
            Outcome::Holds
        } else {
            look.at(
                exchange,
                format!("RefToMessageId or refToMessageInError {}", sent.message_id),
                format!("{named:?}"),
                Some(ERROR),
                named.first().map(String::as_str),
            )
        })
    })())
}

fn signed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, signal) = look.error()?;
        let signature = &signal.signature;
        let actual = match (&look.fault(signature), signature.present) {
            (Some(fault), _) => fault.clone(),
            (None, false) => "an error without a signature".to_owned(),
            (None, true) if !signature.messaging => "eb:Messaging is not covered".to_owned(),
            (None, true) if !signature.body => "the Body is not covered".to_owned(),
            (None, true) => match signature.trusted(&look.judge.signing_anchors, look.judge.clock) {
                Ok(()) => return Ok(Outcome::Holds),
                Err(why) => why,
            },
        };
        Ok(look.at(exchange, "a signed error", actual, Some(ERROR), None))
    })())
}

fn well_formed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, signal) = look.error()?;
        for error in &signal.errors {
            let number = error.code.strip_prefix("EBMS:").unwrap_or_default();
            let coded = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
            if !coded || !matches!(error.severity.as_str(), "failure" | "warning") {
                let actual = format!("errorCode {:?}, severity {:?}", error.code, error.severity);
                return Ok(look.at(
                    exchange,
                    "errorCode EBMS:nnnn and severity failure or warning",
                    actual,
                    Some(ERROR),
                    Some(&error.code),
                ));
            }
        }
        Ok(Outcome::Holds)
    })())
}

fn table(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, signal) = look.error()?;
        for error in &signal.errors {
            let Some(row) = error_row(&error.code) else { continue };
            let shown = error.short.is_empty() || error.short.replace(' ', "").eq_ignore_ascii_case(row.short);
            if error.severity != row.severity || !shown {
                let actual = format!("severity {:?}, shortDescription {:?}", error.severity, error.short);
                let expected = format!("severity {}, shortDescription {} for {}", row.severity, row.short, row.code);
                return Ok(look.at(exchange, expected, actual, Some(ERROR), Some(&error.code)));
            }
        }
        Ok(Outcome::Holds)
    })())
}
