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
//! real runs: from the least to the greatest, widened by 5 % of the median, and by 1 more for counts of
//! collections and the iteration of death. The location gets no such room. Real runs differ among themselves, so
//! the same measure is taken of each real run against the others of its cell: that is the mark to reach.
//!
//! The [`subject`]s are the shipped workloads, to which the simulation was brought near, and **unseen** ones, which are files.
//! Those have tables and summaries of their own, so that one sees how much of the nearness is general.
//!
//! What holds: every number of a comparison is a function of the recordings and of the simulation in virtual time, so
//! two runs of the command print the same.

pub mod compare;
mod document;
mod observe;
pub mod recording;
pub mod subject;
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
use crate::record::file::RecordFile;
use crate::settings::{Node, Settings, machine};
use crate::text::{Lang, Text};
use crate::workload::Workload;
use compare::{Comparison, among_themselves};
use recording::{Cell, Observed, RealRun};
use subject::{Library, Subject};

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

/// All that was measured; each library by itself.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Cells of shipped workloads.
    pub shipped: Vec<Measured>,
    /// Cells of files.
    pub unseen: Vec<Measured>,
}

impl Results {
    /// The libraries of which there are cells.
    pub fn libraries(&self) -> impl Iterator<Item = (Library, &[Measured])> {
        let both = [(Library::Shipped, &self.shipped[..]), (Library::Unseen, &self.unseen[..])];
        both.into_iter().filter(|(_, measured)| !measured.is_empty())
    }
}

/// What is compared, as far as the command line says so.
#[derive(Clone, Debug)]
pub struct Wanted {
    subjects: Vec<Subject>,
    /// Nothing was chosen: each recording has to find its workload.
    everything: bool,
    nodes: Vec<u32>,
    limits: Vec<Option<Mib>>,
}

impl Wanted {
    /// What `command` asks for.
    ///
    /// # Errors
    ///
    /// It names a workload that there is not, or a file that is none.
    pub fn resolve(command: &FidelityCommand) -> Result<Wanted, Text> {
        Ok(Wanted {
            subjects: subject::subjects(command)?,
            everything: command.workloads.is_empty(),
            nodes: command.node.clone(),
            limits: command.max_old_space.iter().map(|limit| limit.0).collect(),
        })
    }

    /// All cells to record: what was not said is taken in full.
    fn to_record(&self) -> Vec<(&Subject, Cell)> {
        let mut cells = Vec::new();
        for subject in &self.subjects {
            let limits = match (&self.limits[..], subject.workload.iterations().is_some()) {
                ([], true) => vec![None],
                ([], false) => LIMITS.map(|limit| Some(Mib(limit))).to_vec(),
                (limits, _) => limits.to_vec(),
            };
            for node in if self.nodes.is_empty() { Profile::supported() } else { &self.nodes } {
                cells.extend(limits.iter().map(|limit| {
                    (subject, Cell { workload: subject.workload.name.clone(), node: *node, max_old_space: *limit })
                }));
            }
        }
        cells
    }

    /// The recorded cells that are asked for, in the order of the workloads.
    fn of_recorded(&self) -> Result<Vec<(&Subject, Cell)>, RunError> {
        fn asked<T: PartialEq>(list: &[T], value: &T) -> bool {
            list.is_empty() || list.contains(value)
        }
        let mut recorded: BTreeMap<&Path, Vec<Cell>> = BTreeMap::new();
        let mut cells = Vec::new();
        for subject in &self.subjects {
            let there = match recorded.entry(&subject.recordings) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(recording::cells(&subject.recordings)?),
            };
            let of_it = there.iter().filter(|cell| {
                cell.workload == subject.workload.name
                    && asked(&self.nodes, &cell.node)
                    && asked(&self.limits, &cell.max_old_space)
            });
            cells.extend(of_it.map(|cell| (subject, cell.clone())));
        }
        let known = |cell: &Cell| self.subjects.iter().any(|subject| subject.workload.name == cell.workload);
        if self.everything
            && let Some(stray) = recorded.values().flatten().find(|cell| !known(cell))
        {
            let (file, workload) = (stray.file_name(), &stray.workload);
            return Err(RunError::failed(
                format!(
                    "{file} is a recording of {workload:?}, and there is no such workload: name it or remove the file"
                ),
                format!("{file} 是 {workload:?} 的录制,而没有这样的负载:请指定它或删除该文件"),
            ));
        }
        if cells.is_empty() {
            let directories: Vec<String> = recorded.keys().map(|directory| directory.display().to_string()).collect();
            return Err(RunError::failed(
                format!(
                    "{} has no recording of what was asked for: make it with --record 5",
                    directories.join(" and ")
                ),
                format!("{} 中没有所要求的录制:请用 --record 5 录制", directories.join(" 和 ")),
            ));
        }
        Ok(cells)
    }
}

/// Records if that is asked for, compares, and says what came out, in `file` too.
///
/// # Errors
///
/// There is no recording or no Node, one of them is not what it should be, or the output cannot be written.
pub fn run(command: &FidelityCommand, wanted: &Wanted, file: Option<RecordFile>, lang: Lang) -> Result<(), RunError> {
    if let Some(runs) = command.record {
        record_all(&wanted.to_record(), runs)?;
    }
    let mut results = Results::default();
    for (subject, cell) in wanted.of_recorded()? {
        let mut real = recording::read(&subject.recordings, &cell)?;
        if let Some(runs) = command.runs {
            real.truncate(usize::try_from(runs).unwrap_or(usize::MAX));
        }
        let measured = measure(&subject.workload, cell, real)?;
        match subject.library {
            Library::Shipped => results.shipped.push(measured),
            Library::Unseen => results.unseen.push(measured),
        }
    }
    if let Some(file) = file {
        let document = document::markdown(&results, &|library| notes(wanted, library));
        file.whole(&document).map_err(|error| {
            RunError::failed(
                format!("--write: the document could not be written and is not there: {error}"),
                format!("--write:无法写入文档,文档未生成:{error}"),
            )
        })?;
    }
    let output = match command.format {
        Format::Text => table::text(lang, &results).into_bytes(),
        Format::Json => table::json(&results)?,
    };
    let mut out = io::stdout();
    out.write_all(&output)?;
    out.flush()?;
    Ok(())
}

/// What is to be known of the recordings of `library`. Notes are there or not; whatever else is wrong with a directory was
/// found when the recordings were read.
fn notes(wanted: &Wanted, library: Library) -> String {
    let mut directories: Vec<&PathBuf> = wanted
        .subjects
        .iter()
        .filter(|subject| subject.library == library)
        .map(|subject| &subject.recordings)
        .collect();
    directories.dedup();
    directories.into_iter().filter_map(|directory| fs::read_to_string(directory.join(NOTES)).ok()).collect()
}

/// Runs the simulation of `workload` in the conditions of `real` and compares it with them.
///
/// # Errors
///
/// The simulation cannot be run, or the workload is no longer the one that was recorded.
pub fn measure(workload: &Workload, cell: Cell, real: Vec<RealRun>) -> Result<Measured, RunError> {
    let recorded = real.first().ok_or_else(|| nothing(&cell))?;
    if recorded.parameters != parameters(workload) {
        return Err(RunError::failed(
            format!("{}: the sizes of the workload are others now: record it anew with --record 5", cell.file_name()),
            format!("{}:负载的大小已改变:请用 --record 5 重新录制", cell.file_name()),
        ));
    }
    let settings = settings(&cell, recorded.expose_gc, Some(recorded.memory))?;
    let (_, simulated) = observe::observe(&mut SimEngine, workload, &settings)?;
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
fn record_all(cells: &[(&Subject, Cell)], runs: u64) -> Result<(), RunError> {
    let mut engines: BTreeMap<u32, NodeEngine> = BTreeMap::new();
    for (_, cell) in cells {
        if let Entry::Vacant(place) = engines.entry(cell.node) {
            let profile = Profile::for_node(cell.node).ok_or_else(|| crate::cli::value::not_supported(cell.node))?;
            place.insert(NodeEngine::locate(None, Node { profile, typed: true })?);
        }
    }
    for (subject, cell) in cells {
        let Some(engine) = engines.get_mut(&cell.node) else { continue };
        let mut recorded = Vec::new();
        for number in 1..=runs {
            // It takes minutes and should be seen to; where standard error is closed nobody looks.
            let _ = writeln!(io::stderr(), "{}: {number}/{runs}", cell.file_name());
            recorded.push(record(engine, &subject.workload, cell)?);
        }
        recording::write(&subject.recordings, cell, &recorded)?;
    }
    Ok(())
}

fn record(engine: &mut dyn Engine, workload: &Workload, cell: &Cell) -> Result<RealRun, RunError> {
    // A workload that ends by itself may ask for a collection; one that ends with the heap has no use for it.
    let expose_gc = workload.iterations().is_some();
    let settings = settings(cell, expose_gc, None)?;
    let (config, observed) = observe::observe(engine, workload, &settings)?;
    if observed.outcome == OutcomeKey::Stopped {
        return Err(RunError::failed(
            format!("{}: the machine has not enough memory to record it", cell.file_name()),
            format!("{}:本机内存不足,无法录制", cell.file_name()),
        ));
    }
    Ok(RealRun {
        parameters: parameters(workload),
        workload: workload.name.clone(),
        node: config.node,
        v8: config.v8.unwrap_or_default(),
        max_old_space: cell.max_old_space.map(|limit| limit.0),
        expose_gc,
        cores: machine::cores(),
        memory: machine::memory().bytes,
        observed,
    })
}
