//! Processes: started, waited for, and what they cost.

use crate::measure::Sample;
use crate::workload::{Scale, Workload};
use nix::sys::resource::{UsageWho, getrusage};
use serde::de::DeserializeOwned;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// A program with its arguments.
#[derive(Debug)]
pub(super) struct Program(Command);

/// What a process and its children cost.
#[derive(Debug)]
pub(super) struct Cost {
    pub(super) status: ExitStatus,
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    pub(super) output: String,
}

impl Program {
    pub(super) fn new(program: impl AsRef<OsStr>) -> Program {
        Program(Command::new(program))
    }

    /// This program, as it is started for one run.
    pub(super) fn own<const N: usize>(arguments: [&str; N]) -> Program {
        Program::new(env::current_exe().unwrap_or_else(|_| "gcheap-bench".into())).args(arguments)
    }

    pub(super) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Program {
        self.0.args(arguments);
        self
    }

    fn words(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end, whatever that is; the error stream is dropped.
    pub(super) fn cost(mut self) -> Result<Cost, String> {
        let (start, before) = (Instant::now(), children_cpu_ms());
        let output = self.0.stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", self.words()))?;
        Ok(Cost {
            status: output.status,
            wall_ms: start.elapsed().as_secs_f64() * 1e3,
            cpu_ms: children_cpu_ms() - before,
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    /// Runs it and reads the JSON line that it prints.
    pub(super) fn json<T: DeserializeOwned>(mut self) -> Result<T, String> {
        let words = self.words();
        let output = self.0.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("{words}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{words}: ended with {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{words}: {error}"))
    }
}

/// A workload in node.
pub(super) fn node(node: &Path, workload: Workload, scale: Scale, single_threaded: bool) -> NodeRun {
    let scale = serde_json::json!({
        "depth": scale.depth,
        "churn": scale.churn,
        "live": scale.live,
        "old": scale.old,
        "stores": scale.stores,
        "nodes": scale.nodes,
        "replacements": scale.replacements,
    });
    let flags = if single_threaded { &["--expose-gc", "--single-threaded-gc"][..] } else { &["--expose-gc"] };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/js/workloads.cjs");
    NodeRun(Program::new(node).args(flags).args([script, workload.name(), &scale.to_string()]), single_threaded)
}

/// A run of node; it does not know under which name it runs.
#[derive(Debug)]
pub(super) struct NodeRun(Program, bool);

impl NodeRun {
    pub(super) fn json(self) -> Result<Sample, String> {
        let peer = if self.1 { crate::peers::Peer::NodeSt } else { crate::peers::Peer::Node };
        self.0.json().map(|sample: Sample| Sample { peer: peer.name().to_owned(), ..sample })
    }
}

/// Where a program is; a name without a slash is looked for on `PATH`.
pub(super) fn found(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn children_cpu_ms() -> f64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(f64::NAN, |usage| {
        let ms = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
        ms(usage.user_time()) + ms(usage.system_time())
    })
}
