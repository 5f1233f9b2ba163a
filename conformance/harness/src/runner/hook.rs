//! Runs hooks of `subject.toml`: a command, or a plain HTTP request made from a template.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_catalogue::step::Property;
use carnet_catalogue::subject::{Hook, HttpHook};
use carnet_catalogue::variable;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::values::Values;
use crate::plain;
use crate::setup::{Document, Setup};

/// What a hook gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Exit status 0, or HTTP 2xx.
    pub(crate) success: bool,
    /// Standard output, or the body.
    pub(crate) output: Vec<u8>,
}

/// Runs a hook; whatever goes wrong is an unsuccessful outcome with the reason as output.
pub(crate) async fn run(
    setup: &Setup,
    hook: &Hook,
    values: &Values,
    document: Option<&Document>,
    within: Duration,
) -> Outcome {
    let outcome = if let Some(http) = &hook.http {
        request(setup, http, values, document, within).await
    } else {
        command(setup, &hook.command, values, document, within).await
    };
    outcome.unwrap_or_else(|reason| Outcome { success: false, output: reason.into_bytes() })
}

/// Message properties as the value of one HTTP header field: a list (RFC 9110, 5.6.1) of `name=N; type="T"; value="V"`.
pub(crate) fn properties(properties: &[Property]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let one = |property: &Property| {
        let kind = property.kind.as_deref().map(|kind| format!("; type={}", quoted(kind))).unwrap_or_default();
        format!("name={}{kind}; value={}", quoted(&property.name), quoted(&property.value))
    };
    properties.iter().map(one).collect::<Vec<_>>().join(", ")
}

async fn request(
    setup: &Setup,
    hook: &HttpHook,
    values: &Values,
    document: Option<&Document>,
    within: Duration,
) -> Result<Outcome, String> {
    let url = fill(&hook.url, values, document)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &hook.headers {
        let value = fill(value, values, document)?;
        // A field for what a message does not have is left out.
        if !value.is_empty() {
            headers.push((name.clone(), value));
        }
    }
    if let Some(file) = &hook.token_file {
        let token = std::fs::read_to_string(setup.base.join(file)).map_err(|error| format!("token file: {error}"))?;
        headers.push(("Authorization".to_owned(), format!("Bearer {}", token.lines().next().unwrap_or_default())));
    }
    let body = match (&hook.body, document) {
        (Some(body), Some(document)) if body == "${document}" => document.bytes.clone(),
        (Some(body), _) => fill(body, values, document)?.into_bytes(),
        (None, _) => Vec::new(),
    };
    let answer =
        plain::request(&hook.method, &url, &headers, &body, within).await.map_err(|error| error.to_string())?;
    let success = answer.status().is_some_and(|status| (200..300).contains(&status));
    Ok(Outcome { success, output: answer.body })
}

async fn command(
    setup: &Setup,
    words: &[String],
    values: &Values,
    document: Option<&Document>,
    within: Duration,
) -> Result<Outcome, String> {
    let words = words.iter().map(|word| fill(word, values, document)).collect::<Result<Vec<_>, _>>()?;
    let (program, arguments) = words.split_first().ok_or("the hook names neither command nor http")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    if !setup.base.as_os_str().is_empty() {
        command.current_dir(&setup.base);
    }
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    if let (Some(mut stdin), Some(document)) = (child.stdin.take(), document) {
        let _ = stdin.write_all(&document.bytes).await;
    }
    match timeout(within, child.wait_with_output()).await {
        Err(_) => Err(format!("{program} did not end within {within:?}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Ok(Ok(output)) => Ok(Outcome { success: output.status.success(), output: output.stdout }),
    }
}

fn fill(text: &str, values: &Values, document: Option<&Document>) -> Result<String, String> {
    variable::fill(text, |name| match (name, document) {
        ("document.base64", Some(document)) => Some(STANDARD.encode(&document.bytes)),
        ("document.service", Some(document)) => Some(document.service.clone()),
        ("document.action", Some(document)) => Some(document.action.clone()),
        ("document", Some(document)) => String::from_utf8(document.bytes.clone()).ok(),
        _ => values.value(name).map(str::to_owned),
    })
    .map_err(|name| format!("${{{name}}} has no value"))
}
