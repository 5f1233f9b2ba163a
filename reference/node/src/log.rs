//! What the node says: lines on standard error, and errors with all their causes.

use std::error::Error;
use std::fmt;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogTable};

/// Starts writing log lines to standard error. A second start in one process changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(table: &LogTable) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter: EnvFilter = table.filter.parse()?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Refused only where a process already writes logs.
    let _ = match table.format {
        LogFormat::Text => lines.with_ansi(false).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    Ok(())
}

/// An error followed by its causes.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            // Some errors say themselves what their source says.
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            next = error.source();
        }
        Ok(())
    }
}
