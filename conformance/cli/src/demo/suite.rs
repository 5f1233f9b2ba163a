//! The demo's last step: the whole suite against TH, reached as every subject is.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet_catalogue::Safety;
use carnet_fixtures::Packs;
use carnet_harness::{RunOptions, Setup};

use super::world::World;
use crate::failure::Failure;
use crate::reports;
use crate::running;

/// Runs the suite against TH and writes the reports to `out`.
///
/// # Errors
/// When the run cannot be carried out or `out` cannot be written.
pub(super) async fn run(world: &World, packs: Packs, out: &Path, verbose: bool) -> Result<ExitCode, Failure> {
    let setup = Setup::load_with(&world.th.subject(), packs).map_err(Failure::ours)?;
    let catalogue = crate::catalogue::load(&crate::catalogue::Own::default())?;
    running::clear(out)?;
    let mut options = RunOptions::new(Arc::new(setup), Arc::new(catalogue), out.to_owned());
    // The node is ours: it may be restarted.
    options.selection.safety = Safety::Destructive;
    // Dropped with this future, so that Ctrl-C stops the run's own thread, too.
    let _stop = StopOnDrop(Arc::clone(&options.stop));
    let (done, wait) = tokio::sync::oneshot::channel();
    let work = move || {
        // The receiver is gone only when the demo was interrupted.
        let _ = done.send(running::execute(&options));
    };
    std::thread::Builder::new().name("suite".to_owned()).spawn(work).map_err(Failure::ours)?;
    let run = wait.await.map_err(|_| Failure::ours("the suite ended without a result"))??;
    reports::write(&run, out, out, &[])?;
    Ok(ExitCode::from(running::conclude(&run, verbose, true).code()))
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
