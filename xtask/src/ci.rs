//! What must hold before a change goes in: format, lints, tests, documentation, and the main job itself.

use crate::tool::{Failure, Tool, release_binary};

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
    main_job()
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
