//! Results that are kept, with the command and the machine that they came from.

use super::Results;
use super::process::Program;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a run was made.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) rustc: String,
    pub(super) node: Option<String>,
    pub(super) commit: Option<String>,
}

/// A name for a file: letters, digits, `-`, `_` and `.`.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if text.is_empty() || text.starts_with('.') || !text.chars().all(fits) {
        return Err("a name is made of letters, digits, -, _ and .".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn machine(node: Option<&Path>) -> Machine {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let first = |program: &Path, arguments: &[&str]| -> Option<String> {
        let cost = Program::new(program).args(arguments).cost().ok().filter(|cost| cost.status.success())?;
        Some(cost.output.lines().next()?.trim().to_owned())
    };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    Machine {
        cpu: model.trim_matches([' ', '\t', ':']).to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        rustc: first(Path::new("rustc"), &["--version"]).unwrap_or_default(),
        node: node.and_then(|node| first(node, &["--version"])),
        commit: first(Path::new("git"), &["-C", root, "describe", "--always", "--dirty"]),
    }
}

/// The command as typed, without what `cargo xtask bench` adds.
pub(super) fn command_line() -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        if word == "--membench" {
            arguments.next();
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

pub(super) fn json(path: &Path, results: &Results) -> Result<(), String> {
    let text = serde_json::to_string_pretty(results).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn both(name: &str, results: &Results, text: &str) -> Result<(), String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks"));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    json(&folder.join(format!("{name}.json")), results)?;
    let path = folder.join(format!("{name}.md"));
    fs::write(&path, format!("# {name}\n\n{text}")).map_err(|error| format!("{}: {error}", path.display()))
}
