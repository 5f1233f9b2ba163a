//! What the node says: lines on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use carnet_https::Chain;

use crate::config::{LogFormat, LogTable};

/// Starts writing log lines to standard error. A second start in one process changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(table: &LogTable) -> Result<(), ParseError> {
    let filter = filter(table.filter.get_ref())?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Refused only where a process already writes logs.
    let _ = match table.format {
        LogFormat::Text => lines.with_ansi(false).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    Ok(())
}

/// Which lines are written.
///
/// # Errors
/// When the text is no filter.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    text.parse()
}
