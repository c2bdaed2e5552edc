//! The facts of a run as records: one JSON object a line, `type` first, camelCase keys, bytes and milliseconds.
//!
//! Plain data that can be made from gcheap's events; [`mod@file`] writes it to a file. What holds: what Node does not tell
//! is `null`, never a guess, and a key is never left out but for `modelledRss`, which only the simulation has.

pub mod file;

use std::collections::BTreeMap;

use gcheap::event::{Fatal, GcEvent};
use gcheap::policy::Limits;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::workload::{Label, Workload};

/// One line of the output.
///
/// ```
/// use membench::record::{FatalRecord, Record};
/// let fatal = FatalRecord { location: "Reached heap limit".into(), message: String::new(), iteration: 7, time_ms: 1.5 };
/// let line = serde_json::to_string(&Record::Fatal(fatal)).unwrap();
/// assert!(line.starts_with(r#"{"type":"fatal","location":"Reached heap limit""#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Record {
    /// The first line: what was asked, and what it means here.
    Config(ConfigRecord),
    /// The state of memory.
    Sample(SampleRecord),
    /// A collection.
    Gc(GcRecord),
    /// The heap has run out.
    Fatal(FatalRecord),
    /// The last line.
    End(EndRecord),
}

/// What was asked, and what it means here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigRecord {
    /// `sim` or `node`.
    pub engine: &'static str,
    /// Version of Node: the major for the simulation, the full version of a real one.
    pub node: String,
    /// Version of V8, where known.
    pub v8: Option<String>,
    /// Name of the workload.
    pub workload: String,
    /// Sizes of the workload; `null` for "without end".
    pub parameters: BTreeMap<String, Option<u64>>,
    /// The flags as typed.
    pub flags: Vec<String>,
    /// Memory that the process believes it has, bytes.
    pub memory: u64,
    /// The limits as resolved.
    pub limits: LimitsRecord,
    /// `virtual` or `real`.
    pub clock: &'static str,
    /// Seed of everything that is random.
    pub seed: u64,
}

/// Limits of a heap, bytes; `None` where Node does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsRecord {
    /// Limit of the old generation.
    pub max_old_space: Option<u64>,
    /// Limit of one semi-space.
    pub max_semi_space: Option<u64>,
    /// As `v8.getHeapStatistics()` has it.
    pub heap_size_limit: Option<u64>,
    /// First allocation limit of the old generation.
    pub initial_old_space: Option<u64>,
}

impl From<&Limits> for LimitsRecord {
    fn from(limits: &Limits) -> LimitsRecord {
        LimitsRecord {
            max_old_space: Some(limits.max_old_generation),
            max_semi_space: Some(limits.max_semi_space),
            heap_size_limit: Some(limits.heap_size_limit),
            initial_old_space: Some(limits.initial_old_generation),
        }
    }
}

impl ConfigRecord {
    /// The record of a simulated run.
    pub fn simulated(workload: &Workload, settings: &Settings) -> ConfigRecord {
        ConfigRecord {
            engine: "sim",
            node: settings.node.profile.node_major.to_string(),
            v8: Some(settings.node.profile.v8_version.to_owned()),
            workload: workload.name.clone(),
            parameters: workload.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.value)).collect(),
            flags: settings.flags.clone(),
            memory: settings.memory.bytes,
            limits: LimitsRecord::from(&settings.limits),
            clock: match settings.clock {
                crate::cli::ClockFlag::Virtual => "virtual",
                crate::cli::ClockFlag::Real => "real",
            },
            seed: settings.seed,
        }
    }
}

/// The state of memory: `process.memoryUsage()`, bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleRecord {
    /// Iterations that are done.
    pub iteration: u64,
    /// What the sample shows.
    pub label: Label,
    /// Milliseconds since the heap was made.
    pub time_ms: f64,
    /// Resident memory of the process, as the operating system has it.
    pub rss: u64,
    /// Memory of the heap.
    pub heap_total: u64,
    /// Bytes of objects.
    pub heap_used: u64,
    /// Memory outside the heap that objects hold.
    pub external: u64,
    /// The part of it that belongs to array buffers.
    pub array_buffers: u64,
    /// What a Node process would show as resident; only the simulation has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modelled_rss: Option<u64>,
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcRecord {
    /// `scavenge` or `mark-compact`.
    pub kind: &'static str,
    /// Why it was asked for, in V8's words.
    pub reason: String,
    /// Why this collector was chosen, in V8's words; empty for the default.
    pub collector_reason: String,
    /// It finished incremental marking.
    pub incremental: bool,
    /// It carried the reduce-memory flag.
    pub reduce_memory: bool,
    /// When it ended, milliseconds since the heap was made.
    pub time_ms: f64,
    /// Length of the pause, milliseconds.
    pub pause_ms: f64,
    /// Bytes of objects at its start; from a Node trace line, to 0.1 MB.
    pub used_before: u64,
    /// The same at its end.
    pub used_after: u64,
    /// Mapped bytes at its start.
    pub committed_before: Option<u64>,
    /// The same at its end.
    pub committed_after: Option<u64>,
    /// Bytes moved to the old generation.
    pub promoted: Option<u64>,
    /// Bytes copied within the new space.
    pub survived: Option<u64>,
    /// Mutator utilisation of the last mark-compact cycle, 0 to 1.
    pub mutator_utilization: Option<f64>,
    /// Its running average.
    pub average_mutator_utilization: Option<f64>,
    /// Old-generation allocation limit after it.
    pub old_generation_limit: Option<u64>,
}

impl From<&GcEvent> for GcRecord {
    fn from(gc: &GcEvent) -> GcRecord {
        GcRecord {
            kind: gc.collector.key(),
            reason: gc.reason.to_string(),
            collector_reason: gc.collector_reason.to_string(),
            incremental: gc.incremental.is_some(),
            reduce_memory: gc.reduce_memory,
            time_ms: gc.time_ms,
            pause_ms: gc.pause_ms,
            used_before: gc.used_before,
            used_after: gc.used_after,
            committed_before: Some(gc.committed_before),
            committed_after: Some(gc.committed_after),
            promoted: Some(gc.promoted),
            survived: Some(gc.survived),
            mutator_utilization: Some(gc.mutator_utilization),
            average_mutator_utilization: Some(gc.average_mutator_utilization),
            old_generation_limit: Some(gc.old_generation_limit),
        }
    }
}

/// The heap has run out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FatalRecord {
    /// Where V8 gave up.
    pub location: String,
    /// The full FATAL ERROR line.
    pub message: String,
    /// The iteration that was not finished.
    pub iteration: u64,
    /// Milliseconds since the heap was made.
    pub time_ms: f64,
}

impl FatalRecord {
    /// The record of `fatal`, met in `iteration`.
    pub fn from_event(fatal: &Fatal, iteration: u64) -> FatalRecord {
        let location = fatal.location.to_string();
        FatalRecord { message: fatal_line(&location), location, iteration, time_ms: fatal.time_ms }
    }
}

/// The FATAL ERROR line of V8 for `location`.
pub fn fatal_line(location: &str) -> String {
    format!("FATAL ERROR: {location} Allocation failed - JavaScript heap out of memory")
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKey {
    /// All steps were done.
    Completed,
    /// The heap ran out.
    OutOfMemory,
    /// It ended before memory of the machine did.
    Stopped,
}

/// The last line: totals.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndRecord {
    /// How the run ended.
    pub outcome: OutcomeKey,
    /// Iterations that were finished.
    pub iterations: u64,
    /// Young collections.
    pub scavenges: u64,
    /// Full collections.
    pub mark_compacts: u64,
    /// Sum of all pauses, milliseconds.
    pub gc_ms: f64,
    /// Length of the run by the heap's clock, milliseconds.
    pub time_ms: f64,
    /// Length of the run by the clock on the wall, milliseconds.
    pub wall_ms: f64,
    /// The most resident memory that the process ever had, bytes.
    pub peak_rss: Option<u64>,
    /// Objects allocated.
    pub objects_allocated: Option<u64>,
    /// Bytes allocated.
    pub bytes_allocated: Option<u64>,
}
