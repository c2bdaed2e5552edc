//! How far the simulation is from real Nodes: the same workloads on both, and each number of one beside the other's.
//!
//! ```text
//! real Node ──record──▶ recording files ──▶ compare ──▶ table, JSON lines, document
//!                                              ▲
//!                          simulated heap ─────┘
//! ```
//!
//! A **cell** is a workload as one Node version below one limit. Its real runs lie in a [`recording`] of the
//! repository, so the comparison needs no Node; `--record` makes the recordings anew. The simulation runs the same
//! workload with the memory that the recording machine had, and [`compare`] says what lies inside the **spread** of the
//! real runs: from the least to the greatest, widened by 5 % of the median for sizes and by 1 for counts of
//! collections. The iteration of death and the location get no such room. Real runs differ among themselves, so
//! the same measure is taken of each real run against the others of its cell: that is the mark to reach.
//!
//! What holds: every number of a comparison is a function of the recordings and of the simulation in virtual time, so
//! two runs of the command print the same.

pub mod compare;
mod document;
mod observe;
pub mod recording;
mod table;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gcheap::profile::Profile;

use crate::cli::value::Mib;
use crate::cli::{FidelityCommand, Format, HeapFlags, PlatformFlags, RunOptions};
use crate::engine::node::NodeEngine;
use crate::engine::sim::SimEngine;
use crate::engine::{Engine, RunError};
use crate::record::OutcomeKey;
use crate::settings::{Node, Settings, machine};
use crate::text::{Lang, Text};
use crate::workload::shipped::NAMES;
use crate::workload::{Sizes, Workload, shipped};
use compare::{Comparison, among_themselves};
use recording::{Cell, Observed, RealRun};

/// Where recordings lie in the repository.
const RECORDINGS: &str = "fidelity/recordings";
/// What people should know of the recordings, beside them: it goes into the document as it is.
const NOTES: &str = "NOTES.md";
/// The limits of a cell that are recorded for a workload which only ends with the heap, MB.
const LIMITS: [u64; 4] = [64, 128, 256, 512];

/// One cell, measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Which cell.
    pub cell: Cell,
    /// The real runs.
    pub real: Vec<RealRun>,
    /// The simulated run.
    pub simulated: Observed,
    /// The simulated run against the real ones.
    pub comparison: Comparison,
    /// Each real run against the others.
    pub among: Vec<Comparison>,
}

/// What is compared, as far as the command line says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    workloads: Vec<String>,
    nodes: Vec<u32>,
    limits: Vec<Option<Mib>>,
}

impl Wanted {
    /// What `command` asks for.
    ///
    /// # Errors
    ///
    /// It names a workload that there is not.
    pub fn resolve(command: &FidelityCommand) -> Result<Wanted, Text> {
        command.workloads.iter().try_for_each(|name| shipped(name, Sizes::default()).map(drop))?;
        Ok(Wanted {
            workloads: command.workloads.clone(),
            nodes: command.node.clone(),
            limits: command.max_old_space.iter().map(|limit| limit.0).collect(),
        })
    }

    /// All cells to record: what was not said is taken in full.
    fn to_record(&self) -> Result<Vec<Cell>, Text> {
        let mut cells = Vec::new();
        let all: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        for workload in if self.workloads.is_empty() { &all } else { &self.workloads } {
            let ends = shipped(workload, Sizes::default())?.iterations().is_some();
            let limits = match (&self.limits[..], ends) {
                ([], true) => vec![None],
                ([], false) => LIMITS.map(|limit| Some(Mib(limit))).to_vec(),
                (limits, _) => limits.to_vec(),
            };
            for node in if self.nodes.is_empty() { Profile::supported() } else { &self.nodes } {
                let cell =
                    |limit: &Option<Mib>| Cell { workload: workload.clone(), node: *node, max_old_space: *limit };
                cells.extend(limits.iter().map(cell));
            }
        }
        Ok(cells)
    }

    /// Those of the recorded cells that are asked for, in the order of the listed workloads.
    fn of_recorded(&self, recorded: Vec<Cell>, directory: &Path) -> Result<Vec<Cell>, RunError> {
        fn asked<T: PartialEq>(list: &[T], value: &T) -> bool {
            list.is_empty() || list.contains(value)
        }
        let mut cells: Vec<Cell> = recorded
            .into_iter()
            .filter(|cell| {
                asked(&self.workloads, &cell.workload)
                    && asked(&self.nodes, &cell.node)
                    && asked(&self.limits, &cell.max_old_space)
            })
            .collect();
        if cells.is_empty() {
            return Err(RunError::failed(
                format!("{} has no recording of what was asked for: make it with --record 5", directory.display()),
                format!("{} 中没有所要求的录制:请用 --record 5 录制", directory.display()),
            ));
        }
        cells.sort_by_key(|cell| NAMES.iter().position(|name| *name == cell.workload));
        Ok(cells)
    }
}

/// Records if that is asked for, compares, and says what came out.
///
/// # Errors
///
/// There is no recording or no Node, one of them is not what it should be, or the output cannot be written.
pub fn run(command: &FidelityCommand, wanted: &Wanted, lang: Lang) -> Result<(), RunError> {
    let directory = command.recordings.clone().unwrap_or_else(recordings);
    if let Some(runs) = command.record {
        record_all(&directory, &wanted.to_record()?, runs)?;
    }
    let mut measured = Vec::new();
    for cell in wanted.of_recorded(recording::cells(&directory)?, &directory)? {
        let mut real = recording::read(&directory, &cell)?;
        if let Some(runs) = command.runs {
            real.truncate(usize::try_from(runs).unwrap_or(usize::MAX));
        }
        measured.push(measure(cell, real)?);
    }
    if let Some(path) = &command.write {
        // Notes are there or not; whatever else is wrong with the directory was found when the recordings were read.
        let notes = fs::read_to_string(directory.join(NOTES)).unwrap_or_default();
        fs::write(path, document::markdown(&measured, &notes)).map_err(|error| {
            RunError::failed(
                format!("--write: {} cannot be written: {error}", path.display()),
                format!("--write:无法写入 {}:{error}", path.display()),
            )
        })?;
    }
    let output = match command.format {
        Format::Text => table::text(lang, &measured).into_bytes(),
        Format::Json => table::json(&measured)?,
    };
    let mut out = io::stdout();
    out.write_all(&output)?;
    out.flush()?;
    Ok(())
}

/// The recordings of the repository, looked for from here upwards.
fn recordings() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|directory| directory.join(RECORDINGS)).find(|path| path.is_dir());
    found.unwrap_or_else(|| PathBuf::from(RECORDINGS))
}

/// Runs the simulation in the conditions of `real` and compares it with them.
///
/// # Errors
///
/// The simulation cannot be run, or the workload is no longer the one that was recorded.
pub fn measure(cell: Cell, real: Vec<RealRun>) -> Result<Measured, RunError> {
    let workload = shipped(&cell.workload, Sizes::default())?;
    let recorded = real.first().ok_or_else(|| nothing(&cell))?;
    if recorded.parameters != parameters(&workload) {
        return Err(RunError::failed(
            format!("{}: the sizes of the workload are others now: record it anew with --record 5", cell.file_name()),
            format!("{}:负载的大小已改变:请用 --record 5 重新录制", cell.file_name()),
        ));
    }
    let settings = settings(&cell, recorded.expose_gc, Some(recorded.memory))?;
    let (_, simulated) = observe::observe(&mut SimEngine, &workload, &settings)?;
    let ends: Vec<&Observed> = real.iter().map(|run| &run.observed).collect();
    let comparison = Comparison::of(&simulated, &ends).ok_or_else(|| nothing(&cell))?;
    let among = among_themselves(&ends);
    Ok(Measured { cell, simulated, comparison, among, real })
}

fn nothing(cell: &Cell) -> RunError {
    RunError::failed(
        format!("{} has no run to compare with", cell.file_name()),
        format!("{} 中没有可比较的运行", cell.file_name()),
    )
}

fn settings(cell: &Cell, expose_gc: bool, memory: Option<u64>) -> Result<Settings, RunError> {
    let options = RunOptions {
        heap: HeapFlags { max_old_space: cell.max_old_space, ..HeapFlags::default() },
        platform: PlatformFlags { node: Some(cell.node), memory },
        expose_gc,
        ..RunOptions::default()
    };
    Ok(Settings::resolve(Vec::new(), &options)?.0)
}

fn parameters(workload: &Workload) -> BTreeMap<String, Option<u64>> {
    workload.parameters.iter().map(|parameter| (parameter.name.to_owned(), parameter.value)).collect()
}

/// Records `cells` on the real Nodes that the node engine finds. All Nodes are looked for before the first one runs.
fn record_all(directory: &Path, cells: &[Cell], runs: u64) -> Result<(), RunError> {
    let mut engines: BTreeMap<u32, NodeEngine> = BTreeMap::new();
    for cell in cells {
        if let Entry::Vacant(place) = engines.entry(cell.node) {
            let profile = Profile::for_node(cell.node).ok_or_else(|| crate::cli::value::not_supported(cell.node))?;
            place.insert(NodeEngine::locate(None, Node { profile, typed: true })?);
        }
    }
    for cell in cells {
        let Some(engine) = engines.get_mut(&cell.node) else { continue };
        let mut recorded = Vec::new();
        for number in 1..=runs {
            // It takes minutes and should be seen to; where standard error is closed nobody looks.
            let _ = writeln!(io::stderr(), "{}: {number}/{runs}", cell.file_name());
            recorded.push(record(engine, cell)?);
        }
        recording::write(directory, cell, &recorded)?;
    }
    Ok(())
}

fn record(engine: &mut dyn Engine, cell: &Cell) -> Result<RealRun, RunError> {
    let workload = shipped(&cell.workload, Sizes::default())?;
    // A workload that ends by itself may ask for a collection; one that ends with the heap has no use for it.
    let expose_gc = workload.iterations().is_some();
    let settings = settings(cell, expose_gc, None)?;
    let (config, observed) = observe::observe(engine, &workload, &settings)?;
    if observed.outcome == OutcomeKey::Stopped {
        return Err(RunError::failed(
            format!("{}: the machine has not enough memory to record it", cell.file_name()),
            format!("{}:本机内存不足,无法录制", cell.file_name()),
        ));
    }
    Ok(RealRun {
        parameters: parameters(&workload),
        workload: workload.name,
        node: config.node,
        v8: config.v8.unwrap_or_default(),
        max_old_space: cell.max_old_space.map(|limit| limit.0),
        expose_gc,
        cores: machine::cores(),
        memory: machine::memory().bytes,
        observed,
    })
}
