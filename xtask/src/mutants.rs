//! Faults on purpose in the heap: each must be noticed by the verifier, the oracle or the statistics.

use std::ffi::OsString;

use crate::tool::{Failure, Tool, target_directory};

/// `cargo xtask mutants [--operations N] [--only NAME]`: a table of what noticed each fault, and after how many operations.
///
/// # Errors
///
/// A fault survives: status 1. A wrong option: status 2.
pub fn run(arguments: &[OsString]) -> Result<(), Failure> {
    // Beside the ordinary build: a heap with faults must never be taken for the heap.
    let directory = target_directory("mutants")?;
    Tool::cargo()
        .args(["run", "--release", "--package", "gcheap-check", "--features", "mutants", "--target-dir"])
        .arg(directory)
        .args(["--", "mutants"])
        .args(arguments)
        .run()
}
