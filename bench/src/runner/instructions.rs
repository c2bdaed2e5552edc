//! Instruction counts of short runs by callgrind: they show a regression where the clock of a noisy machine does not.

use super::process::{Program, found};
use crate::workload::Workload;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The committed figures.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Figures {
    /// What was counted, and how.
    about: String,
    /// Instructions of the process by workload.
    instructions: BTreeMap<String, u64>,
}

const ABOUT: &str = "Instructions of one short run of each workload on gcheap, \
    as valgrind --tool=callgrind counts them; written by cargo xtask bench --instructions --update";

/// Workloads that are counted: bt18 is bt16 with deeper trees.
fn counted(workload: &Workload) -> bool {
    *workload != Workload::Bt18
}

/// Counts, and compares with the committed figures or writes them.
///
/// # Errors
/// No valgrind; no figures; more instructions than the tolerance allows.
pub(super) fn run(workloads: &[Workload], update: bool, tolerance: f64) -> Result<(), String> {
    let valgrind = found(Path::new("valgrind")).ok_or("there is no valgrind on PATH, which counts the instructions")?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks/instructions.json");
    let mut figures = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(_) if update => Figures::default(),
        Err(error) => return Err(format!("{}: {error}; --update writes it", path.display())),
    };
    println!("| workload | instructions | committed | change |\n|---|--:|--:|--:|");
    let mut worse = Vec::new();
    for workload in workloads.iter().filter(|workload| counted(workload)) {
        let (name, now) = (workload.name(), count(&valgrind, *workload)?);
        let committed = figures.instructions.get(name).copied();
        let change = committed.map(|before| (now as f64 / before as f64 - 1.0) * 100.0);
        let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let (before, percent) =
            (committed.map(|before| before.to_string()), change.map(|change| format!("{change:+.2} %")));
        println!("| {name} | {now} | {} | {} |", text(before), text(percent));
        if change.is_none_or(|change| change > tolerance) {
            worse.push(name);
        }
        figures.instructions.insert(name.to_owned(), now);
    }
    if update {
        ABOUT.clone_into(&mut figures.about);
        let text = serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())?;
        return fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()));
    }
    if worse.is_empty() {
        return Ok(());
    }
    let names = worse.join(", ");
    Err(format!("over {tolerance} % more instructions than committed, or no figure: {names}. If meant: --update"))
}

fn count(valgrind: &Path, workload: Workload) -> Result<u64, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let out = own.with_file_name(format!("callgrind.{}.out", workload.name()));
    let to = format!("--callgrind-out-file={}", out.display());
    let arguments = [PathBuf::from("--tool=callgrind"), to.into(), own, "one".into(), workload.name().into()];
    let cost = Program::new(valgrind).args(arguments).args(["gcheap", "--short"]).cost()?;
    if !cost.status.success() {
        return Err(format!("valgrind of {} ended with {}", workload.name(), cost.status));
    }
    let text = fs::read_to_string(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| format!("{}: no line with the total", out.display()))
}
