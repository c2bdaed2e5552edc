//! What must hold before a change goes in: format, lints, tests, documentation, the main job itself, faults on purpose that must be
//! noticed, a short fuzzing run, and the benchmarks.

use crate::tool::{Failure, Tool, release_binary};
use crate::{fuzz, mutants};

/// All checks; the first that fails ends them.
///
/// # Errors
///
/// With the status of the check that failed.
pub fn run() -> Result<(), Failure> {
    Tool::cargo().args(["fmt", "--all", "--check"]).run()?;
    Tool::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    Tool::cargo().args(["test", "--workspace"]).run()?;
    docs()?;
    main_job()?;
    mutants::run(&[])?;
    fuzz::briefly(FUZZ_SECONDS)?;
    benchmarks()
}

/// Seconds that each fuzz target gets.
const FUZZ_SECONDS: u32 = 10;

/// The benchmarks are a workspace of their own: that they build, and that all peers do the same work.
fn benchmarks() -> Result<(), Failure> {
    for words in [
        &["fmt", "--manifest-path", "bench/Cargo.toml", "--check"][..],
        &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
        &["clippy", "--manifest-path", "bench/Cargo.toml", "--all-targets", "--", "-D", "warnings"],
        &["test", "--release", "--manifest-path", "bench/Cargo.toml"],
    ] {
        Tool::cargo().args(words).run()?;
    }
    Ok(())
}

/// The documentation of all crates; a warning is an error.
///
/// # Errors
///
/// A link leads nowhere, or something public says nothing.
pub fn docs() -> Result<(), Failure> {
    Tool::cargo().args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

/// The job that gcheap is for: a heap runs out of memory, and says so as Node does.
fn main_job() -> Result<(), Failure> {
    Tool::cargo().args(["build", "--release", "--package", "membench"]).run()?;
    let run = Tool::new(release_binary("membench")?).args(["heap", "--max-old-space", "64", "--lang", "en"]);
    match run.status()? {
        134 => Ok(()),
        other => Err(Failure::new(format!("membench heap --max-old-space 64 ended with status {other}, not 134"))),
    }
}
