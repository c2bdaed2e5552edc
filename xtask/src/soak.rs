//! The oracle over millions of random operations, and over faults on purpose (`crates/gcheap-check`).

use std::ffi::OsString;

use crate::tool::{Failure, Tool, release_binary};

/// `cargo xtask soak [--operations N] [--seed S] …`; `--replay FILE` runs a failing program again, `--faults` refuses memory at
/// each place where a program asks for it.
///
/// # Errors
///
/// Heap and model do not agree: status 1. A wrong option: status 2.
pub fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let program = release_binary("gcheap-check")?;
    Tool::cargo().args(["build", "--release", "--package", "gcheap-check"]).run()?;
    match arguments {
        [replay, file] if replay == "--replay" => Tool::new(program).arg("replay").arg(file).silent().run(),
        [faults, rest @ ..] if faults == "--faults" => Tool::new(program).arg("faults").args(rest).silent().run(),
        _ => Tool::new(program).arg("soak").args(arguments).silent().run(),
    }
}
