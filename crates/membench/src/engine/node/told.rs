//! What a Node process tells, as records: its lines are read one by one, and its end is judged.
//!
//! What holds: the `config` record is the first one. V8 may collect, and may even run out, before the script says that it
//! has begun; what is heard until then waits.

use std::io::{BufRead, BufReader, Read};
use std::process::ExitStatus;

use serde::Deserialize;

use super::fatal_line::{self, Cause, FatalLine};
use super::{Errors, NodeEngine, Script, script, trace_line};
use crate::engine::{FatalText, Outcome, RunError, Sink};
use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, LimitsRecord, OutcomeKey, SampleRecord};
use crate::settings::Settings;
use crate::workload::{Label, Workload};

/// A line that the script prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Told {
    Start(Start),
    Sample(Sample),
    Stopped(Stopped),
    End(End),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    node: String,
    v8: String,
    #[serde(default)]
    heap_size_limit: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    iteration: u64,
    label: Label,
    time_ms: f64,
    rss: u64,
    heap_total: u64,
    heap_used: u64,
    external: u64,
    array_buffers: u64,
}

#[derive(Debug, Deserialize)]
struct Stopped {
    iteration: u64,
    needed: u64,
    available: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct End {
    time_ms: f64,
}

/// What V8 can print before the script says that it has begun.
enum Early {
    Gc(GcRecord),
    Trace(String),
}

/// What was heard so far.
#[derive(Default)]
pub(super) struct Totals {
    /// The config record is out.
    begun: bool,
    /// What was heard before that.
    early: Vec<Early>,
    iterations: u64,
    scavenges: u64,
    mark_compacts: u64,
    gc_ms: f64,
    time_ms: f64,
    peak_rss: u64,
    stopped: Option<Stopped>,
    ended: bool,
    /// Node 12 and older print a part of their last words on standard output.
    last_words: String,
}

pub(super) struct Run<'a> {
    pub(super) engine: &'a NodeEngine,
    pub(super) workload: &'a Workload,
    pub(super) settings: &'a Settings,
    /// There is a profile of this version: its limits are expected to be those of the settings.
    pub(super) known: bool,
    /// Asked beforehand.
    pub(super) heap_size_limit: Option<u64>,
    pub(super) sink: &'a mut dyn Sink,
    /// On disk until node has read it.
    pub(super) script: Option<Script>,
    pub(super) told: Totals,
}

impl Run<'_> {
    pub(super) fn read(&mut self, stdout: impl Read) -> Result<(), RunError> {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            self.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']))?;
            line.clear();
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), RunError> {
        if !self.told.last_words.is_empty() || line == "<--- Last few GCs --->" {
            let blank = if self.told.last_words.is_empty() { "\n" } else { "" };
            self.told.last_words.push_str(blank);
            self.told.last_words.push_str(line);
            self.told.last_words.push('\n');
            return Ok(());
        }
        if let Some(json) = line.strip_prefix(script::MARK) {
            let told = serde_json::from_str(json).map_err(|error| {
                RunError::failed(
                    format!("the script under node said {json:?}, which is not understood: {error}"),
                    format!("无法理解 node 脚本的输出 {json:?}:{error}"),
                )
            })?;
            return self.told(told);
        }
        let gc = trace_line::parse(line);
        let shown = match &gc {
            Some(_) => self.settings.trace.gc || self.settings.trace.nvp,
            None => self.settings.trace.any() && !line.is_empty(),
        };
        if let Some(gc) = gc {
            self.told.time_ms = self.told.time_ms.max(gc.time_ms);
            self.told.gc_ms += gc.pause_ms;
            match gc.kind {
                "scavenge" => self.told.scavenges += 1,
                _ => self.told.mark_compacts += 1,
            }
            self.hear(Early::Gc(gc))?;
        }
        if shown {
            self.hear(Early::Trace(line.to_owned()))?;
        }
        Ok(())
    }

    /// Hands on what was heard, or keeps it until there is a config record in front of it.
    fn hear(&mut self, heard: Early) -> Result<(), RunError> {
        if !self.told.begun {
            self.told.early.push(heard);
            return Ok(());
        }
        match heard {
            Early::Gc(gc) => self.sink.gc(gc),
            Early::Trace(line) => self.sink.trace(&line),
        }
    }

    /// The config record, and what was heard before it. `None`: the process ended without a word of the script.
    fn begin(&mut self, start: Option<Start>) -> Result<(), RunError> {
        if self.told.begun {
            return Ok(());
        }
        self.told.begun = true;
        self.sink.config(self.config(start))?;
        std::mem::take(&mut self.told.early).into_iter().try_for_each(|heard| self.hear(heard))
    }

    fn told(&mut self, told: Told) -> Result<(), RunError> {
        match told {
            Told::Start(start) => {
                // It runs, so it is read; whatever ends us now leaves no file behind.
                self.script = None;
                self.begin(Some(start))
            }
            Told::Sample(sample) => {
                self.told.iterations = self.told.iterations.max(sample.iteration);
                self.told.time_ms = self.told.time_ms.max(sample.time_ms);
                self.told.peak_rss = self.told.peak_rss.max(sample.rss);
                self.sink.sample(SampleRecord {
                    iteration: sample.iteration,
                    label: sample.label,
                    time_ms: sample.time_ms,
                    rss: sample.rss,
                    heap_total: sample.heap_total,
                    heap_used: sample.heap_used,
                    external: sample.external,
                    array_buffers: sample.array_buffers,
                    modelled_rss: None,
                })
            }
            Told::Stopped(stopped) => {
                self.told.stopped = Some(stopped);
                Ok(())
            }
            Told::End(end) => {
                self.told.time_ms = self.told.time_ms.max(end.time_ms);
                self.told.ended = true;
                Ok(())
            }
        }
    }

    fn config(&self, start: Option<Start>) -> ConfigRecord {
        let resolved = &self.settings.limits;
        let (node, v8, told) = match start {
            Some(start) => (start.node, Some(start.v8), start.heap_size_limit),
            None => (self.engine.version.clone(), None, None),
        };
        // Node tells one sum. Where it is the one that we expect, its parts are too.
        let told = told.or(self.heap_size_limit);
        let as_expected = self.known && Some(resolved.heap_size_limit) == told;
        let limits = if as_expected { LimitsRecord::from(resolved) } else { LimitsRecord::default() };
        ConfigRecord {
            engine: "node",
            node,
            v8,
            clock: "real",
            limits: LimitsRecord { heap_size_limit: told, ..limits },
            ..ConfigRecord::simulated(self.workload, self.settings)
        }
    }

    pub(super) fn finish(mut self, status: ExitStatus, errors: Errors, wall_ms: f64) -> Result<Outcome, RunError> {
        let fatal = errors.text.lines().find_map(fatal_line::parse).filter(|fatal| fatal.cause != Cause::Other);
        let (key, outcome) = if let Some(FatalLine { location, message, .. }) = fatal.filter(|_| !status.success()) {
            self.begin(None)?;
            let record =
                FatalRecord { location, message, iteration: self.told.iterations + 1, time_ms: self.told.time_ms };
            let stdout = std::mem::take(&mut self.told.last_words);
            self.sink.fatal(record, &FatalText { stdout, stderr: errors.text.clone() })?;
            (OutcomeKey::OutOfMemory, Outcome::OutOfMemory)
        } else if let Some(Stopped { iteration, needed, available }) = self.told.stopped {
            (OutcomeKey::Stopped, Outcome::stopped(iteration, needed, available))
        } else if status.success() && self.told.ended {
            (OutcomeKey::Completed, Outcome::Completed)
        } else {
            return Err(self.failure(status, &errors.text));
        };
        let peak_rss = errors.peak_rss.max(self.told.peak_rss);
        self.sink.end(EndRecord {
            outcome: key,
            iterations: self.told.iterations,
            scavenges: self.told.scavenges,
            mark_compacts: self.told.mark_compacts,
            gc_ms: self.told.gc_ms,
            time_ms: self.told.time_ms,
            wall_ms,
            peak_rss: Some(peak_rss),
            objects_allocated: None,
            bytes_allocated: None,
        })?;
        Ok(outcome)
    }

    fn failure(&self, status: ExitStatus, errors: &str) -> RunError {
        #[cfg(unix)]
        if std::os::unix::process::ExitStatusExt::signal(&status) == Some(9) {
            return RunError::failed(
                "node was killed from outside (SIGKILL), most likely by the kernel or a container because memory ran out",
                "node 被外部终止(SIGKILL),很可能是内核或容器因内存耗尽所为",
            );
        }
        // An uncaught exception puts its name behind the place and the source line.
        let said = errors.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = said.clone().find(|line| line.contains("Error")).or_else(|| said.clone().next()).unwrap_or_default();
        let version = &self.engine.version;
        if said.is_empty() {
            return RunError::failed(
                format!("node {version} failed without a word ({status})"),
                format!("node {version} 运行失败({status}),没有任何输出"),
            );
        }
        RunError::failed(
            format!("node {version} failed ({status}): {said}"),
            format!("node {version} 运行失败({status}):{said}"),
        )
    }
}
