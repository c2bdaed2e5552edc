//! `cargo xtask bench`: builds membench and the benchmarks, and runs them.
//!
//! The benchmarks are a workspace of their own under `bench/`, so that the collectors that gcheap is laid beside are
//! dependencies of nothing else. What they measure and print is theirs.

use crate::tool::{Failure, Tool, release_binary, root};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Builds what is needed, then runs the benchmarks with the arguments of the user.
///
/// # Errors
///
/// A build failed, or a run did.
pub fn run(rest: &[OsString]) -> Result<(), Failure> {
    if let Some(place) = rest.iter().position(|word| word == "--micro") {
        return micro(&rest[place + 1..]);
    }
    let program = build()?;
    if rest.iter().any(|word| word == "--help" || word == "-h" || word == "--instructions") {
        return Tool::new(program).args(rest).silent().run();
    }
    Tool::cargo().args(["build", "--release", "--package", "membench"]).run()?;
    Tool::new(program).args(rest).arg("--membench").arg(release_binary("membench")?).silent().run()
}

/// The benchmark program, built.
fn build() -> Result<PathBuf, Failure> {
    let target = target()?;
    cargo(&["build", "--release"], &target).run()?;
    Ok(target.join("release").join("gcheap-bench").with_extension(std::env::consts::EXE_EXTENSION))
}

/// The micro-benchmarks of single phases; the arguments behind `--micro` are the harness's, a filter for one.
fn micro(rest: &[OsString]) -> Result<(), Failure> {
    cargo(&["bench", "--bench", "phases"], &target()?).arg("--").args(rest).run()
}

fn cargo(command: &[&str], target: &Path) -> Tool {
    let manifest = root().join("bench").join("Cargo.toml");
    Tool::cargo().args(command).args(["--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target)
}

/// Where the benchmarks are built: in the target directory of the workspace, wherever that is.
fn target() -> Result<PathBuf, Failure> {
    let beside = release_binary("gcheap-bench")?;
    Ok(beside.parent().and_then(Path::parent).unwrap_or(&beside).join("bench"))
}
