//! Coverage-guided fuzzing by libFuzzer: the targets of `fuzz/`, which is a workspace of its own because it needs nightly.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::asan::nightly_host;
use crate::tool::{Failure, Tool, host_in, root, target_directory};

/// `cargo xtask fuzz [--minutes N | --seconds N] [TARGET…]`: every target, or those that are named, each for N minutes (1).
///
/// Inputs start from `fuzz/seeds/TARGET`; what is found on the way stays in the target directory. Ends with a table of the
/// edges and features that each target has covered.
///
/// # Errors
///
/// No nightly Rust, no cargo-fuzz and none to be had, or a target that found something.
pub fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let (minutes, chosen) = parse(arguments)?;
    let all = targets()?;
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(Failure::usage(format!("there is no target {unknown}: there are {}", all.join(", "))));
    }
    nightly_host()?;
    let present = Command::new("cargo-fuzz").arg("--version").output().is_ok_and(|output| output.status.success());
    if !present {
        Tool::cargo().args(["install", "cargo-fuzz", "--locked"]).run()?;
    }
    let mut table =
        format!("{:<16}{:>9}{:>10}{:>10}{:>10}{:>12}\n", "target", "minutes", "edges", "features", "inputs", "runs");
    for target in if chosen.is_empty() { all } else { chosen } {
        let Covered { edges, features, inputs, runs } = fuzz(&target, minutes)?;
        table += &format!("{target:<16}{minutes:>9.2}{edges:>10}{features:>10}{inputs:>10}{runs:>12}\n");
    }
    super::say(&table);
    Ok(())
}

/// What libFuzzer needs of the compiler, in flags that stable Rust has: no sanitizer, but coverage.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table";

/// Every target for so many seconds, on stable Rust and without a sanitizer: what `.ci/run` has time for.
///
/// # Errors
///
/// A target cannot be built, or has found something.
pub fn briefly(seconds: u32) -> Result<(), Failure> {
    let host = stable_host()?;
    let directory = target_directory("fuzz-brief")?;
    Tool::cargo()
        // The target is named so that build scripts and macros, which run inside the compiler, are built without coverage.
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host, "--target-dir"])
        .arg(&directory)
        .env("RUSTFLAGS", COVERAGE)
        .run()?;
    for target in targets()? {
        let corpus = directory.join("corpus").join(&target);
        fs::create_dir_all(&corpus)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}", corpus.display())))?;
        super::say(&format!("fuzzing {target} for {seconds} seconds\n"));
        let output = Command::new(directory.join(&host).join("release").join(&target))
            .arg(&corpus)
            .arg(root().join("fuzz").join("seeds").join(&target))
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=60", "-rss_limit_mb=4096", "-max_len=4096"])
            .arg(format!("-artifact_prefix={}/", directory.display()))
            .output()
            .map_err(|error| Failure::new(format!("{target} cannot be run: {error}")))?;
        if !output.status.success() {
            super::say(&String::from_utf8_lossy(&output.stderr));
            return Err(Failure::new(format!("{target} has found something: it stands above")));
        }
    }
    Ok(())
}

/// The target that the compiler in use compiles for when it is told none.
fn stable_host() -> Result<String, Failure> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .current_dir(root())
        .output()
        .map_err(|error| Failure::new(format!("rustc cannot be run: {error}")))?;
    host_in(&output.stdout).ok_or_else(|| Failure::new("rustc does not say which target it is for".to_owned()))
}

fn parse(arguments: &[OsString]) -> Result<(f64, Vec<String>), Failure> {
    let (mut minutes, mut chosen) = (1.0, Vec::new());
    let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&word[..], None),
        };
        if name == "--minutes" || name == "--seconds" {
            let value = attached.or_else(|| words.next()).unwrap_or_default();
            let number: Option<f64> = value.parse().ok().filter(|number| *number > 0.0 && f64::is_finite(*number));
            let number = number.ok_or_else(|| Failure::usage(format!("{name} needs a number, not {value:?}")))?;
            minutes = if name == "--seconds" { number / 60.0 } else { number };
        } else if word.starts_with('-') {
            return Err(Failure::usage(format!("there is no option {word}: there are --minutes and --seconds")));
        } else {
            chosen.push(word);
        }
    }
    Ok((minutes, chosen))
}

/// The names of the targets: the files of `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>, Failure> {
    let directory = root().join("fuzz").join("fuzz_targets");
    let entries = fs::read_dir(&directory)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", directory.display())))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}

/// What libFuzzer said last.
#[derive(Default)]
struct Covered {
    edges: u64,
    features: u64,
    inputs: u64,
    runs: u64,
}

fn fuzz(target: &str, minutes: f64) -> Result<Covered, Failure> {
    let directory = target_directory("fuzz")?;
    let corpus = directory.join("corpus").join(target);
    let seeds = root().join("fuzz").join("seeds").join(target);
    fs::create_dir_all(&corpus)
        .map_err(|error| Failure::new(format!("{} cannot be made: {error}", corpus.display())))?;
    super::say(&format!("$ cargo fuzz run {target} ({minutes} minutes)\n"));
    let mut child = Command::new("rustup")
        .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir"])
        .arg(root().join("fuzz"))
        .arg("--target-dir")
        .arg(&directory)
        .arg(target)
        .arg(&corpus)
        .arg(&seeds)
        .arg("--")
        .arg(format!("-max_total_time={}", (minutes * 60.0).ceil()))
        .args(["-timeout=60", "-rss_limit_mb=4096", "-max_len=4096"])
        .current_dir(root())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("cargo fuzz cannot be run: {error}")))?;
    let mut covered = Covered::default();
    let mut told = 0;
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
    {
        let is_progress = read(&line, &mut covered);
        // Progress is told when there is more to tell; everything else, findings above all, as it is.
        if !is_progress || covered.edges > told + told / 20 {
            told = if is_progress { covered.edges } else { told };
            super::say(&format!("{line}\n"));
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(covered),
        Ok(_) => Err(Failure::new(format!("{target} has found something: the input and how to replay it stand above"))),
        Err(error) => Err(Failure::new(format!("cargo fuzz cannot be waited for: {error}"))),
    }
}

/// A line such as `#2048 REDUCE cov: 411 ft: 1204 corp: 86/5kb …`: true if it is one.
fn read(line: &str, covered: &mut Covered) -> bool {
    let Some(runs) = line.strip_prefix('#').and_then(|rest| rest.split_whitespace().next()?.parse().ok()) else {
        return false;
    };
    let number_after = |name: &str| {
        let rest = line.split_once(name)?.1.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    covered.runs = runs;
    for (name, value) in [("cov:", &mut covered.edges), ("ft:", &mut covered.features), ("corp:", &mut covered.inputs)]
    {
        *value = number_after(name).unwrap_or(*value);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_libfuzzer_is_read() {
        let mut covered = Covered::default();
        assert!(read("#2048\tREDUCE cov: 411 ft: 1204 corp: 86/5kb exec/s: 12 rss: 90Mb", &mut covered));
        assert_eq!((covered.runs, covered.edges, covered.features, covered.inputs), (2048, 411, 1204, 86));
        assert!(!read("INFO: Seed: 1", &mut covered));
    }

    #[test]
    fn the_time_is_minutes_or_seconds_and_a_number() {
        for wrong in ["x", "0", "-1", "inf"] {
            assert_eq!(parse(&["--minutes".into(), wrong.into()]).unwrap_err().status, 2);
            assert_eq!(parse(&["--seconds".into(), wrong.into()]).unwrap_err().status, 2);
        }
        assert_eq!(parse(&["text".into(), "--seconds".into(), "30".into()]).unwrap(), (0.5, vec!["text".to_owned()]));
        assert_eq!(parse(&["--seconds=90".into()]).unwrap(), (1.5, Vec::new()));
        assert_eq!(parse(&["--minutes".into(), "2".into(), "heap".into()]).unwrap(), (2.0, vec!["heap".to_owned()]));
    }
}
