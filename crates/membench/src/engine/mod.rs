//! Who does the work: gcheap ([`sim`]) or a real Node ([`node`]).
//!
//! An engine runs a [`Workload`] under [`Settings`] and tells a [`Sink`] what happens, in this order: `config` once,
//! samples, collections and trace lines as they come, at most one `fatal`, `end` once. What holds: an engine prints
//! nothing and ends no process; running out of memory is an [`Outcome`], not an error.

pub mod node;
pub mod sim;

use std::fmt;
use std::io;

use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, SampleRecord};
use crate::settings::Settings;
use crate::text::Text;
use crate::workload::Workload;

/// Runs workloads.
pub trait Engine {
    /// Runs `workload` to its end, or to the end of memory.
    ///
    /// # Errors
    ///
    /// The run could not be started or could not be told; a heap that ran out is no error.
    fn run(&mut self, workload: &Workload, settings: &Settings, sink: &mut dyn Sink) -> Result<Outcome, RunError>;
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were done.
    Completed,
    /// The heap ran out of memory.
    OutOfMemory,
    /// It stopped because the machine has not enough memory for the next step.
    Stopped(Text),
}

impl Outcome {
    /// The run stopped: the next iteration needs `needed` bytes of which `available` are there.
    pub fn stopped(iteration: u64, needed: u64, available: u64) -> Outcome {
        let (needed, available) = (needed >> 20, available >> 20);
        Outcome::Stopped(Text::new(
            format!(
                "stopped before iteration {iteration}: it takes {needed} MB and this machine has {available} MB available"
            ),
            format!("在第{iteration}次迭代前停止:需要 {needed} MB,而本机可用内存为 {available} MB"),
        ))
    }
}

/// Hears what happens in a run.
///
/// Each method may fail because nobody listens any more ([`RunError::Closed`]) or because a file cannot be written:
/// an engine then stops and hands the error on.
pub trait Sink {
    /// What was asked and what it means here; first, and once.
    fn config(&mut self, record: ConfigRecord) -> Result<(), RunError>;
    /// The state of memory.
    fn sample(&mut self, record: SampleRecord) -> Result<(), RunError>;
    /// A collection.
    fn gc(&mut self, record: GcRecord) -> Result<(), RunError>;
    /// Text of V8 for standard output: one or more whole lines, without the last line end. Only what was asked for.
    fn trace(&mut self, lines: &str) -> Result<(), RunError>;
    /// The heap has run out: the record, and all that Node would print.
    fn fatal(&mut self, record: FatalRecord, text: &FatalText) -> Result<(), RunError>;
    /// Totals; last, and once.
    fn end(&mut self, record: EndRecord) -> Result<(), RunError>;
    /// A sentence for people that belongs to no record.
    fn note(&mut self, text: &Text) -> Result<(), RunError>;
}

/// What Node prints when the heap has run out, each part with its line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FatalText {
    /// The part on standard output: empty but for Node 12 and older.
    pub stdout: String,
    /// The part on standard error.
    pub stderr: String,
}

/// Why a run could not be done.
#[derive(Debug)]
pub enum RunError {
    /// Nobody reads the output any more: the run ends without a word.
    Closed,
    /// Something failed, in one sentence that says what and what to do.
    Failed(Text),
}

impl RunError {
    /// A failure in both languages.
    pub fn failed(en: impl Into<String>, zh: impl Into<String>) -> RunError {
        RunError::Failed(Text::new(en, zh))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Closed => f.write_str("the output was closed"),
            RunError::Failed(text) => text.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}

impl From<Text> for RunError {
    fn from(text: Text) -> RunError {
        RunError::Failed(text)
    }
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> RunError {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return RunError::Closed;
        }
        RunError::failed(format!("the output cannot be written: {error}"), format!("无法写入输出:{error}"))
    }
}
