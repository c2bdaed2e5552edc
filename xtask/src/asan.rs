//! The whole test suite under AddressSanitizer, which only nightly Rust has.

use std::ffi::OsString;
use std::process::Command;

use crate::tool::{Failure, Tool, host_in, target_directory};

/// `cargo xtask asan [ARGUMENTS of cargo test]`.
///
/// The sanitizer sees what leaves the heap's memory and its tables. What lies inside the reservation of a heap is one allocation
/// to it; there the verifier watches.
///
/// # Errors
///
/// There is no nightly toolchain, or a test fails or is stopped by the sanitizer.
pub fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let host = nightly_host()?;
    let directory = target_directory("asan")?;
    Tool::nightly_cargo()
        // The target is named so that build scripts and macros, which run inside the compiler, are built without it.
        .args(["test", "--workspace", "--no-fail-fast", "--target", &host, "--target-dir"])
        .arg(directory)
        .args(arguments)
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("RUSTDOCFLAGS", "-Zsanitizer=address")
        // What no allocator can give is refused, as without the sanitizer: the heap has to bear that.
        .env("ASAN_OPTIONS", "allocator_may_return_null=1")
        .run()
}

/// The target that nightly compiles for when it is told none.
pub fn nightly_host() -> Result<String, Failure> {
    let missing = "there is no nightly Rust, and sanitizers and fuzzing need one: rustup toolchain install nightly";
    let output = Command::new("rustup")
        .args(["run", "nightly", "rustc", "-vV"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .ok_or_else(|| Failure::new(missing.to_owned()))?;
    host_in(&output.stdout).ok_or_else(|| Failure::new("nightly rustc does not say which target it is for".to_owned()))
}
