//! The first look at a subject: ourselves, name, TCP, TLS, clocks, the way back, our ping, their message, one document.
//!
//! It stops at the first break, which has one cause and one fix. The last three points are small cases, carried out and
//! judged like all others, with the evidence kept in memory. Printing is left to the command line.

mod alert;
mod back;
mod cause;
mod clock;
mod error;
mod own;
mod push;
mod reach;
mod speak;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::evidence::Recorder;
use crate::plan;
use crate::runner::Lists;
use crate::setup::Setup;
use crate::{Prompt, RunError};

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Our own keys, certificates, clock and port.
    Own,
    /// The name resolves.
    Name,
    /// TCP opens, through the proxy where there is one.
    Tcp,
    /// The handshake, their certificate, and whether ours was accepted.
    Tls,
    /// Their clock and ours.
    Clock,
    /// The address that the subject is told leads to the suite.
    Back,
    /// Our ping is receipted.
    OurPing,
    /// A message of the subject reaches the suite.
    TheirMessage,
    /// One document is receipted, and answered where that is claimed.
    Document,
}

/// What came of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It works; what was seen.
    Ok(String),
    /// It could not be looked at, because of this.
    NotTried(String),
    /// It breaks here.
    Broken(Break),
}

/// A break: its one cause and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The cause.
    pub cause: String,
    /// What to change.
    pub fix: String,
}

/// What would break a run before anything reaches the subject, and would then look like the subject's fault: our keys,
/// certificates, anchors and ports, and an address that is no `https` one.
///
/// # Errors
/// The first of them.
pub fn before_a_run(setup: &Setup) -> Result<(), Break> {
    own::look(setup)?;
    if setup.address.tls {
        return Ok(());
    }
    Err(Break::new(
        format!("the url in subject.toml is {}, and messages go over TLS", setup.subject.url),
        "write the https:// address at which the subject takes AS4 messages",
    ))
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What was looked at.
    pub point: Point,
    /// What came of it.
    pub finding: Finding,
    /// How long it took.
    pub took: Duration,
}

/// What is told while the doctor works.
#[derive(Debug, Clone)]
pub enum Told {
    /// The suite's endpoint takes pushes at this address, until the point is done.
    Listening(SocketAddr),
    /// The operator is asked to do something.
    Prompt(Prompt),
    /// A point is done.
    Line(Line),
}

impl Point {
    /// All points in their order.
    pub const ALL: [Self; 9] = [
        Self::Own,
        Self::Name,
        Self::Tcp,
        Self::Tls,
        Self::Clock,
        Self::Back,
        Self::OurPing,
        Self::TheirMessage,
        Self::Document,
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Own => "ourselves",
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Clock => "clocks",
            Self::OurPing => "our ping",
            Self::Back => "way back",
            Self::TheirMessage => "their message",
            Self::Document => "one document",
        })
    }
}

impl Break {
    pub(crate) fn new(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { cause: cause.into(), fix: fix.into() }
    }
}

impl From<Result<String, Break>> for Finding {
    fn from(looked: Result<String, Break>) -> Self {
        match looked {
            Ok(seen) => Self::Ok(seen),
            Err(broken) => Self::Broken(broken),
        }
    }
}

/// Looks at a subject; true when nothing breaks. Every waiting time is multiplied by `patience`.
///
/// Blocks; must not be called from inside a tokio runtime.
///
/// # Errors
/// The suite itself cannot work: see [`RunError`].
pub fn examine(setup: &Arc<Setup>, patience: f64, tell: &mut dyn FnMut(Told)) -> Result<bool, RunError> {
    for point in Point::ALL {
        let began = Instant::now();
        let finding = look(setup, point, patience, tell)?;
        let broken = matches!(finding, Finding::Broken(_));
        tell(Told::Line(Line { point, finding, took: began.elapsed() }));
        if broken {
            return Ok(false);
        }
    }
    Ok(true)
}

fn look(setup: &Arc<Setup>, point: Point, patience: f64, tell: &mut dyn FnMut(Told)) -> Result<Finding, RunError> {
    let within = setup.ics.answer_within.stretched(patience);
    Ok(match point {
        Point::Own => own::look(setup).into(),
        Point::Name => block_on(reach::name(setup))?.into(),
        Point::Tcp => block_on(reach::tcp(setup, within))?.into(),
        Point::Tls if !setup.address.tls => block_on(reach::tls_all_the_same(setup, within))?,
        Point::Tls => block_on(beside_lists(setup, reach::tls(setup, within)))?.into(),
        Point::Clock => block_on(beside_lists(setup, clock::look(setup, within)))?,
        Point::Back => block_on(back::look(setup, within))?,
        Point::OurPing => speak::look(setup, speak::OUR_PING, patience, tell)?,
        Point::TheirMessage => speak::look(setup, speak::THEIR_MESSAGE, patience, tell)?,
        Point::Document if plan::obliges(setup) && setup.subject.suite.listen.is_some() => {
            speak::look(setup, speak::DOCUMENT_ANSWERED, patience, tell)?
        }
        Point::Document => speak::look(setup, speak::DOCUMENT, patience, tell)?,
    })
}

/// Looks while the revocation lists are to be had that their side may want before it trusts us. That they can be, the first
/// point has seen.
async fn beside_lists<T>(setup: &Setup, looks: impl Future<Output = T>) -> T {
    let _served = Lists::serve(setup, Arc::new(Recorder::nowhere()), Arc::default()).await;
    looks.await
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)?;
    Ok(runtime.block_on(future))
}
