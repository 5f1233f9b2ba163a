//! One run, many readers: terminal, JUnit, one self-contained HTML page.
//!
//! Reports decide nothing: every verdict, finding and number comes out of the judge's [`Run`]. `run.json` itself is
//! the judge's; the wire view in the page reads the evidence that the run was judged from.

pub mod html;
pub mod junit;
pub mod terminal;

mod section;
mod wire;

pub use carnet_harness::judge::run::Run;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page's template did not render.
    #[error("the page cannot be rendered")]
    Page(#[from] askama::Error),
    /// The JUnit document did not serialise.
    #[error("junit.xml cannot be written")]
    JUnit(#[from] quick_junit::SerializeError),
}
