//! Where the operator sits: prompts are printed, and answered from the terminal one after the other.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::mpsc::{self, Sender};
use std::thread;

use carnet_harness::Prompt;

use crate::out;

/// Takes prompts; the thread that reads answers begins with the first.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    prompts: Option<Sender<Prompt>>,
}

impl Desk {
    /// Prints what is to be done. On a terminal the answer is read: Enter when it is done, `n` when it cannot be.
    /// Elsewhere a person may watch the output, so the run goes on and waits for the effect.
    pub(crate) fn ask(&mut self, prompt: Prompt) {
        if !std::io::stdin().is_terminal() {
            out::println!("please: {}", prompt.action);
            prompt.done();
            return;
        }
        let within = prompt.within.as_secs();
        out::println!("please: {}\n  then press Enter; n and Enter if it cannot be done ({within} s)", prompt.action);
        let prompts = self.prompts.get_or_insert_with(reader);
        // The reader ends with the terminal; then nobody is there who could act.
        if let Err(mpsc::SendError(prompt)) = prompts.send(prompt) {
            prompt.refuse();
        }
    }
}

fn reader() -> Sender<Prompt> {
    let (sender, prompts) = mpsc::channel::<Prompt>();
    thread::spawn(move || {
        for prompt in prompts {
            let mut line = String::new();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) | Err(_) => {
                    prompt.refuse();
                    return;
                }
                Ok(_) if line.trim().eq_ignore_ascii_case("n") => prompt.refuse(),
                Ok(_) => prompt.done(),
            }
        }
    });
    sender
}
