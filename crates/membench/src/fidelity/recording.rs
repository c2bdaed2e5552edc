//! Recordings of real runs: what a run is compared by, as one line of JSON a run, in one file a cell.
//!
//! Reads and writes files of a directory of recordings, nothing else. What holds: sizes and counts are integers, a file
//! is written whole or not at all, and a line that is not understood is named with its file and number.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::value::Mib;
use crate::engine::RunError;
use crate::record::OutcomeKey;
use crate::record::file::RecordFile;
use crate::workload::Label;

/// One cell of the comparison: what is run, as which Node, below which limit.
///
/// ```
/// use membench::cli::value::Mib;
/// use membench::fidelity::recording::Cell;
/// let cell = Cell { workload: "heap".into(), node: 24, max_old_space: Some(Mib(64)) };
/// assert_eq!(cell.file_name(), "heap-node24-64.jsonl");
/// assert_eq!(Cell::from_file_name("heap-node24-64.jsonl"), Some(cell));
/// assert_eq!(Cell::from_file_name("notes.txt"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Name of the workload.
    pub workload: String,
    /// Major version of Node.
    pub node: u32,
    /// `--max-old-space`; `None` leaves V8's default.
    pub max_old_space: Option<Mib>,
}

impl Cell {
    /// The name of its recording.
    pub fn file_name(&self) -> String {
        match self.max_old_space {
            Some(limit) => format!("{}-node{}-{}.jsonl", self.workload, self.node, limit.0),
            None => format!("{}-node{}-default.jsonl", self.workload, self.node),
        }
    }

    /// The cell whose recording has this name.
    pub fn from_file_name(name: &str) -> Option<Cell> {
        let (workload, rest) = name.strip_suffix(".jsonl")?.rsplit_once("-node")?;
        let (node, limit) = rest.split_once('-')?;
        let max_old_space = match limit {
            "default" => None,
            limit => Some(Mib(limit.parse().ok()?)),
        };
        Some(Cell { workload: workload.to_owned(), node: node.parse().ok()?, max_old_space })
    }
}

/// What a run is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// How it ended.
    pub outcome: OutcomeKey,
    /// Iterations that were finished.
    pub iterations: u64,
    /// Where V8 gave up, if it did.
    pub location: Option<String>,
    /// Young collections.
    pub scavenges: u64,
    /// Full collections.
    pub mark_compacts: u64,
    /// The samples, in order.
    pub samples: Vec<Sample>,
}

impl Observed {
    /// The iteration in which the run died; of a run that completed, the last one.
    pub fn last_iteration(&self) -> u64 {
        self.iterations + u64::from(self.outcome != OutcomeKey::Completed)
    }

    /// The sample of `label` and `iteration`, if the run came so far.
    pub fn sample(&self, label: Label, iteration: u64) -> Option<&Sample> {
        self.samples.iter().find(|sample| sample.label == label && sample.iteration == iteration)
    }
}

/// Sizes at one moment; in a recording the array `[label, iteration, heapTotal, heapUsed, external, arrayBuffers]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SampleRow", into = "SampleRow")]
pub struct Sample {
    /// What it shows.
    pub label: Label,
    /// Iterations that were finished.
    pub iteration: u64,
    /// Memory of the heap.
    pub heap_total: u64,
    /// Bytes of objects.
    pub heap_used: u64,
    /// Memory outside the heap that objects hold.
    pub external: u64,
    /// The part of it that belongs to array buffers.
    pub array_buffers: u64,
}

type SampleRow = (Label, u64, u64, u64, u64, u64);

impl From<SampleRow> for Sample {
    fn from((label, iteration, heap_total, heap_used, external, array_buffers): SampleRow) -> Sample {
        Sample { label, iteration, heap_total, heap_used, external, array_buffers }
    }
}

impl From<Sample> for SampleRow {
    fn from(sample: Sample) -> SampleRow {
        let Sample { label, iteration, heap_total, heap_used, external, array_buffers } = sample;
        (label, iteration, heap_total, heap_used, external, array_buffers)
    }
}

/// One real run, with all that it depended on: a line of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RealRun {
    /// Name of the workload.
    pub workload: String,
    /// Sizes of the workload.
    pub parameters: BTreeMap<String, Option<u64>>,
    /// Full version of Node.
    pub node: String,
    /// Version of V8.
    pub v8: String,
    /// `--max-old-space`, MB.
    pub max_old_space: Option<u64>,
    /// `--expose-gc`.
    pub expose_gc: bool,
    /// Cores of the machine.
    pub cores: u64,
    /// Memory of the machine, or of its container, bytes.
    pub memory: u64,
    /// What it is compared by.
    #[serde(flatten)]
    pub observed: Observed,
}

/// All recordings of `directory`, in the order of workload, version and limit. Files of other names are not looked at.
///
/// # Errors
///
/// The directory cannot be read.
pub fn cells(directory: &Path) -> Result<Vec<Cell>, RunError> {
    let failed = |error| {
        RunError::failed(
            format!("the recordings in {} cannot be read: {error}; make some with --record 5", directory.display()),
            format!("无法读取 {} 中的录制:{error};请用 --record 5 录制", directory.display()),
        )
    };
    let mut cells = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        cells.extend(Cell::from_file_name(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    cells.sort();
    Ok(cells)
}

/// The real runs of `cell`, at least one.
///
/// # Errors
///
/// The file cannot be read, or holds something else than runs of this cell.
pub fn read(directory: &Path, cell: &Cell) -> Result<Vec<RealRun>, RunError> {
    let path = directory.join(cell.file_name());
    let text = fs::read_to_string(&path).map_err(|error| {
        RunError::failed(
            format!("the recording {} cannot be read: {error}; make it with --record 5", path.display()),
            format!("无法读取录制 {}:{error};请用 --record 5 录制", path.display()),
        )
    })?;
    parse(&path, cell, &text)
}

/// The real runs of `cell` in the `text` of the file `path`.
///
/// # Errors
///
/// A line is no run of this cell, or there is none; the sentence names file and line.
pub fn parse(path: &Path, cell: &Cell, text: &str) -> Result<Vec<RealRun>, RunError> {
    let mut runs: Vec<RealRun> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let run = serde_json::from_str(line).map_err(|error| error.to_string());
        let run = run.and_then(|run| belongs(run, cell, runs.first()));
        runs.push(run.map_err(|wrong| bad_line(path, number, &wrong))?);
    }
    if runs.is_empty() {
        return Err(bad_line(path, 1, "the file is empty"));
    }
    Ok(runs)
}

/// All runs of a file are of its cell and of the same conditions: one simulated run is held against all of them.
fn belongs(run: RealRun, cell: &Cell, first: Option<&RealRun>) -> Result<RealRun, String> {
    if run.workload != cell.workload {
        return Err(format!("workload is {:?}, and the file is that of {:?}", run.workload, cell.workload));
    }
    if !run.node.starts_with(&format!("{}.", cell.node)) {
        return Err(format!("node is {:?}, and the file is that of Node {}", run.node, cell.node));
    }
    if run.max_old_space.map(Mib) != cell.max_old_space {
        return Err(format!("maxOldSpace is {:?}, and the name of the file says otherwise", run.max_old_space));
    }
    let conditions = |run: &RealRun| (run.parameters.clone(), run.node.clone(), run.expose_gc, run.cores, run.memory);
    if first.is_some_and(|first| conditions(first) != conditions(&run)) {
        return Err("parameters, node, exposeGc, cores or memory are not those of line 1".into());
    }
    Ok(run)
}

fn bad_line(path: &Path, number: u64, wrong: &str) -> RunError {
    // What serde says of a place counts from the line that it was given: always line 1.
    let wrong = wrong.split(" at line 1 column").next().unwrap_or(wrong);
    let expected = r#"{"workload":"heap","parameters":{…},"node":"24.1.0","v8":"…","maxOldSpace":64,"exposeGc":false,"cores":2,"memory":8589934592,"outcome":"out-of-memory","iterations":6,"location":"…","scavenges":9,"markCompacts":6,"samples":[["start",0,heapTotal,heapUsed,external,arrayBuffers],…]}"#;
    RunError::failed(
        format!("{}, line {number}: {wrong}; expected a run: {expected}", path.display()),
        format!("{} 第 {number} 行:{wrong};应为一次运行:{expected}", path.display()),
    )
}

/// Writes the recording of `cell`, whole or not at all.
///
/// # Errors
///
/// The directory or the file cannot be written.
pub fn write(directory: &Path, cell: &Cell, runs: &[RealRun]) -> Result<PathBuf, RunError> {
    let path = directory.join(cell.file_name());
    let written = fs::create_dir_all(directory).and_then(|()| {
        let mut file = RecordFile::create(&path)?;
        runs.iter().try_for_each(|run| file.line(run))?;
        file.finish()
    });
    written.map_err(|error| {
        RunError::failed(
            format!("the recording {} cannot be written: {error}", path.display()),
            format!("无法写入录制 {}:{error}", path.display()),
        )
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"workload":"heap","parameters":{"iterations":null,"records":75000},"node":"24.1.0","v8":"13.6","maxOldSpace":64,"exposeGc":false,"cores":2,"memory":1024,"outcome":"out-of-memory","iterations":1,"location":"Reached heap limit","scavenges":2,"markCompacts":3,"samples":[["start",0,40,30,20,10],["iteration",1,80,70,20,10]]}"#;

    fn cell() -> Cell {
        Cell { workload: "heap".into(), node: 24, max_old_space: Some(Mib(64)) }
    }

    fn read(text: &str) -> Result<Vec<RealRun>, String> {
        parse(Path::new("r/heap-node24-64.jsonl"), &cell(), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_read_and_written_as_it_was() {
        let runs = read(&format!("{LINE}\n{LINE}\n")).unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].observed.last_iteration(), 2);
        assert_eq!(runs[0].observed.sample(Label::Iteration, 1).unwrap().heap_used, 70);
        assert_eq!(serde_json::to_string(&runs[0]).unwrap(), LINE);
    }

    #[test]
    fn a_bad_line_is_named_with_file_line_and_what_was_expected() {
        let cases = [
            ("", "line 1: the file is empty"),
            ("nothing", "line 1: expected ident"),
            (&format!("{LINE}\n\n"), "line 2: EOF while parsing a value"),
            (&LINE.replace(r#""scavenges":2,"#, ""), "line 1: missing field `scavenges`"),
            (
                &LINE.replace(r#""cores":2"#, r#""cores":2.5"#),
                "line 1: invalid type: floating point `2.5`, expected u64",
            ),
            (&LINE.replace("out-of-memory", "tired"), "line 1: unknown variant `tired`"),
            (&LINE.replace(",20,10]", ",20]"), "line 1: invalid length 5"),
            (
                &LINE.replace(r#""heap""#, r#""buffer""#),
                r#"line 1: workload is "buffer", and the file is that of "heap""#,
            ),
            (
                &format!("{LINE}\n{}", LINE.replace("1024", "2048")),
                "line 2: parameters, node, exposeGc, cores or memory are not",
            ),
            (&LINE.replace("24.1.0", "22.1.0"), r#"line 1: node is "22.1.0", and the file is that of Node 24"#),
            (&LINE.replace(r#""maxOldSpace":64"#, r#""maxOldSpace":65"#), "line 1: maxOldSpace is Some(65)"),
        ];
        for (text, expected) in cases {
            let said = read(text).unwrap_err();
            let start = format!("r/heap-node24-64.jsonl, {expected}");
            assert!(said.starts_with(&start), "{said}");
            assert!(said.contains("; expected a run: {\"workload\""), "{said}");
        }
    }

    #[test]
    fn names_of_files_and_cells_are_each_others_inverse() {
        for max_old_space in [None, Some(Mib(512))] {
            let cell = Cell { workload: "a-b".into(), node: 26, max_old_space };
            assert_eq!(Cell::from_file_name(&cell.file_name()), Some(cell));
        }
        for name in ["heap-node24-64.jsonl.12.partial", "heap-24-64.jsonl", "heap-node24.jsonl", "heap-nodeX-64.jsonl"]
        {
            assert_eq!(Cell::from_file_name(name), None, "{name}");
        }
    }
}
