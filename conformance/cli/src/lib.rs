//! The suite's commands.
