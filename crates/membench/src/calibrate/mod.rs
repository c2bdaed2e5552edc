//! Calibration: the cost model of the virtual clock, fitted to a Node on this machine.
//!
//! A few small programs (`programs`) run on the Node with `--trace-gc-nvp`; what it says of its collections (`collection`) is
//! fitted ([`fit`]) and becomes a [`CostFile`], which `--cost-model` of the run commands reads. It starts child processes and writes
//! nothing but the file it is asked for. What holds: a price that could not be measured keeps its reference value and is reported
//! as such.

pub mod collection;
pub mod file;
pub mod fit;
mod programs;
mod report;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use gcheap::time::CostModel;

use crate::engine::RunError;
use collection::{Collection, Kind};
pub use file::{CostFile, Measured};
use fit::{Fitted, line, ratio};
pub use report::{json, text};

/// One fitted price and how it came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Its field in [`CostModel`].
    pub name: &'static str,
    /// What came out, and from what; `None` where there was not enough to fit.
    pub fitted: Option<Fitted>,
    /// What it is without calibration.
    pub reference: f64,
}

/// What a calibration found.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The model, and where it was measured.
    pub file: CostFile,
    /// Each price that was tried.
    pub prices: Vec<Price>,
}

/// Runs the programs on the Node at `node` and fits the cost model.
///
/// # Errors
///
/// The Node cannot be run or ends with an error, or its lines cannot be read.
pub fn calibrate(node: &Path) -> Result<Calibration, RunError> {
    let version = run(node, ["-p", "process.versions.node"])?.trim().to_owned();
    let keep = collections(
        node,
        &["--no-allocation-site-pretenuring", "--max-old-space-size=256", "--max-semi-space-size=8"],
        programs::KEEP,
    )?;
    let churn = collections(node, &[], programs::CHURN)?;
    let live = collections(node, &["--expose-gc"], programs::LIVE)?;
    let fills = run(node, ["-e", programs::FILL])?;

    let mut cost = CostModel::REFERENCE;
    let mut prices = Vec::new();
    let mut set = |name, target: &mut f64, fitted: Option<Fitted>| {
        prices.push(Price { name, fitted, reference: *target });
        if let Some(fitted) = fitted {
            *target = fitted.value;
        }
    };

    let scavenges: Vec<(f64, f64)> = keep
        .iter()
        .chain(&churn)
        .filter(|gc| gc.kind == Kind::Scavenge)
        .map(|gc| (gc.survived + gc.promoted, gc.pause_ms * 1e6))
        .collect();
    let (base, slope) = line(&scavenges).unzip();
    set("scavenge_base_ms", &mut cost.scavenge_base_ms, base.map(Fitted::in_ms));
    set("scavenge_ns_per_byte", &mut cost.scavenge_ns_per_byte, slope);

    // Collections on request mark everything inside the pause.
    let atomic: Vec<(f64, f64)> = live
        .iter()
        .filter(|gc| gc.kind == Kind::MarkCompact && gc.marking_ms == 0.0)
        .map(|gc| (gc.live, gc.pause_ms * 1e6))
        .collect();
    let (base, slope) = line(&atomic).unzip();
    set("mark_compact_base_ms", &mut cost.mark_compact_base_ms, base.map(Fitted::in_ms));
    set("mark_compact_ns_per_byte", &mut cost.mark_compact_ns_per_byte, slope);

    // Those of a heap that only globals hold come after marking that the program did not wait for.
    let concurrent: Vec<&Collection> =
        keep.iter().filter(|gc| gc.kind == Kind::MarkCompact && gc.marking_ms > gc.pause_ms).collect();
    let pause = concurrent.iter().map(|gc| (gc.live, (gc.pause_ms - cost.mark_compact_base_ms).max(0.0) * 1e6));
    let pause = ratio(&pause.collect::<Vec<_>>());
    set("mark_compact_ns_per_marked_byte", &mut cost.mark_compact_ns_per_marked_byte, pause);
    let marking = concurrent.iter().map(|gc| (gc.live, (gc.marking_ms - gc.pause_ms) * 1e6));
    let marking = ratio(&marking.collect::<Vec<_>>());
    set("concurrent_marking_ns_per_byte", &mut cost.concurrent_marking_ns_per_byte, marking);

    // The first collections pay for start-up and for code that is not optimised yet.
    let program = churn.iter().skip(SKIPPED).filter(|gc| gc.kind == Kind::Scavenge);
    let program: Vec<(f64, f64)> = program.map(|gc| (gc.allocated, gc.mutator_ms * 1e6)).collect();
    set("mutator_ns_per_byte", &mut cost.mutator_ns_per_byte, ratio(&program));

    let fill: Vec<(f64, f64)> = fills
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(bytes, ns)| Some((bytes.parse().ok()?, ns.parse().ok()?)))
        .collect();
    set("backing_store_fill_ns_per_byte", &mut cost.backing_store_fill_ns_per_byte, ratio(&fill));

    let collections = keep.len() + churn.len() + live.len();
    let measured = Measured { node: version, machine: file::this_machine(), collections: collections as u64 };
    Ok(Calibration { file: CostFile { measured, cost }, prices })
}

/// Collections of a program that say nothing of its later speed.
const SKIPPED: usize = 8;

fn collections(node: &Path, flags: &[&str], program: &str) -> Result<Vec<Collection>, RunError> {
    let mut arguments = vec!["--trace-gc", "--trace-gc-nvp"];
    arguments.extend(flags);
    arguments.extend(["-e", program]);
    let output = run(node, arguments)?;
    let found: Vec<Collection> = output.lines().filter_map(Collection::parse).collect();
    if found.is_empty() {
        return Err(RunError::failed(
            format!("{} told of no collection that can be read: is it a Node?", node.display()),
            format!("{} 没有给出可识别的回收记录:它是 Node 吗?", node.display()),
        ));
    }
    Ok(found)
}

fn run<A: AsRef<OsStr>>(node: &Path, arguments: impl IntoIterator<Item = A>) -> Result<String, RunError> {
    let output = Command::new(node)
        .args(arguments)
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| {
            RunError::failed(
                format!("{} cannot be run: {error}; name a Node with --node PATH", node.display()),
                format!("无法运行 {}:{error};请用 --node PATH 指定 Node", node.display()),
            )
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing on standard error");
        return Err(RunError::failed(
            format!("{} ended with {}: {said}", node.display(), output.status),
            format!("{} 以 {} 结束:{said}", node.display(), output.status),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
