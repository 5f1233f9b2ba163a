//! Ctrl-C: a run stops after what is under way, and what was captured stays readable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::out;

/// The exit code of a run that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// The two ways in which a person or a pipeline ends a command.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Heeds them from now on instead of dying of them; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When no handler can be had.
    pub(crate) fn heed() -> Result<Self, Failure> {
        let heed = |kind| signal(kind).map_err(Failure::ours);
        Ok(Self { interrupt: heed(SignalKind::interrupt())?, terminate: heed(SignalKind::terminate())? })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A flag that Ctrl-C sets, or a request to terminate; a second one ends the process at once. It is heeded from the
/// moment that this returns.
///
/// # Errors
/// When no thread or signal handler can be had.
pub(crate) fn on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::ours)?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::heed()?
    };
    let set = Arc::clone(&flag);
    let wait = move || {
        runtime.block_on(async {
            for again in [false, true] {
                signals.next().await;
                if again {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                set.store(true, Ordering::Relaxed);
                out::eprintln!("\nstopping after what is under way; Ctrl-C again ends at once");
            }
        });
    };
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(wait).map_err(Failure::ours)?;
    Ok(flag)
}

/// Whether Ctrl-C came.
pub(crate) fn was_interrupted(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}
