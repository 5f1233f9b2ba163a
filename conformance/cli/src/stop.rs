//! Ctrl-C: a run stops after what is under way, and what was captured stays readable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// The exit code of a run that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
///
/// # Errors
/// When no thread or signal handler can be had.
pub(crate) fn on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::ours)?;
    let set = Arc::clone(&flag);
    let wait = move || {
        runtime.block_on(async {
            for again in [false, true] {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                if again {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                set.store(true, Ordering::Relaxed);
                anstream::eprintln!("\nstopping after what is under way; Ctrl-C again ends at once");
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
