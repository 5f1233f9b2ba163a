//! One run, many readers: the terminal, and a file for each kind of reader.
//!
//! Reports decide nothing: every verdict, finding and number comes out of the judge's [`Run`]. What else a reader
//! needs (clauses, statements, the bytes on the wire, the claims) comes out of the evidence the run was judged from,
//! so the same evidence gives the same bytes. A format is one file of this crate and one line of [`FORMATS`].

pub mod terminal;

mod coverage;
mod html;
mod junit;
mod requirement;
mod sarif;
mod section;
mod source;
mod statement;
mod summary;
mod tap;
mod trl;
mod xml;

pub use carnet_harness::judge::run::Run;
pub use source::Source;

/// One kind of report file.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// The file it is written to.
    pub file: &'static str,
    /// Who reads it.
    pub reader: &'static str,
    render: fn(&Source<'_>) -> Result<String, ReportError>,
}

/// All formats, in the order in which they are written and listed.
pub const FORMATS: [Format; 10] = [
    html::FORMAT,
    summary::FORMAT,
    statement::PAGE,
    statement::FORMAT,
    coverage::FORMAT,
    JSON,
    junit::FORMAT,
    tap::FORMAT,
    sarif::FORMAT,
    trl::FORMAT,
];

/// `run.json` is the judge's own; its schema is `docs/schemas/run-1.json`.
const JSON: Format = Format {
    name: "json",
    file: "run.json",
    reader: "programs: every verdict with its findings",
    render: |source| Ok(source.run.to_json()),
};

impl Format {
    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The whole file.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub fn render(&self, source: &Source<'_>) -> Result<String, ReportError> {
        (self.render)(source)
    }
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A page's template did not render.
    #[error("the page cannot be rendered")]
    Page(#[from] askama::Error),
    /// A document did not serialise.
    #[error("the document cannot be written")]
    Json(#[from] serde_json::Error),
    /// What goes into the page could not be compressed.
    #[error("the wire view cannot be compressed")]
    Compress(#[from] std::io::Error),
    /// The evidence lacks something that reports need.
    #[error("the evidence cannot be read")]
    Evidence(#[from] carnet_harness::evidence::EvidenceError),
}
