//! A real Node as an engine: the workload becomes a JavaScript program ([`script`]), and what the process prints becomes
//! the same records that the simulation gives ([`trace_line`], [`fatal_line`]).
//!
//! Starts one child process, writes one script to the directory for temporary files, and removes both. What holds: the child leaves
//! no core dump, does not see `NODE_OPTIONS`, and never outlives the run.

pub mod fatal_line;
pub mod script;
mod told;
pub mod trace_line;

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::{Engine, Outcome, RunError, Sink};
use crate::settings::{MemoryOrigin, Node, Settings, machine};
use crate::workload::Workload;
use told::{Run, Totals};

/// Runs workloads on a real Node.
#[derive(Clone, Debug)]
pub struct NodeEngine {
    program: PathBuf,
    version: String,
    major: u32,
}

impl NodeEngine {
    /// The Node at `path`; or, without one, that which `cargo xtask fetch-node` brought for `node`, or that on `PATH`.
    ///
    /// # Errors
    ///
    /// There is none, it does not run, or it is not the version that was asked for.
    pub fn locate(path: Option<&Path>, node: Node) -> Result<NodeEngine, RunError> {
        if let Some(path) = path {
            return NodeEngine::probe(path);
        }
        let wanted = node.profile.node_major;
        if node.typed {
            if let Some(path) = fetched(wanted) {
                return NodeEngine::probe(&path);
            }
            let engine = NodeEngine::probe(Path::new("node"))?;
            if engine.major == wanted {
                return Ok(engine);
            }
            return Err(RunError::failed(
                format!(
                    "the node on PATH is {}, not {}: fetch one with `cargo xtask fetch-node {}`; a run also takes --engine node=PATH",
                    engine.version, wanted, wanted
                ),
                format!(
                    "PATH 上的 node 是 {},不是 {}:请用 `cargo xtask fetch-node {}` 获取;运行时也可用 --engine node=PATH 指定",
                    engine.version, wanted, wanted
                ),
            ));
        }
        NodeEngine::probe(Path::new("node")).or_else(|error| match fetched(wanted) {
            Some(path) => NodeEngine::probe(&path),
            None => Err(error),
        })
    }

    /// The full version, without `v`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    fn probe(program: &Path) -> Result<NodeEngine, RunError> {
        let output = Command::new(program).arg("--version").env_remove("NODE_OPTIONS").output().map_err(|error| {
            RunError::failed(
                format!("{} cannot be run: {error}; `cargo xtask fetch-node` brings a Node, and a run takes --engine node=PATH", program.display()),
                format!("无法运行 {}:{error};可用 `cargo xtask fetch-node` 获取 Node,运行时也可用 --engine node=PATH 指定", program.display()),
            )
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.lines().next().unwrap_or_default();
        let version = said.strip_prefix('v').unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse().ok());
        match major {
            Some(major) if output.status.success() => {
                Ok(NodeEngine { program: program.to_owned(), version: version.to_owned(), major })
            }
            _ => Err(RunError::failed(
                format!("{} is no Node: its --version says {said:?}", program.display()),
                format!("{} 不是 Node:--version 输出 {said:?}", program.display()),
            )),
        }
    }
}

/// The Node of `cargo xtask fetch-node`, looked for from here upwards.
fn fetched(major: u32) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|directory| directory.join(format!("target/node/{major}/bin/node")))
        .find(|path| path.is_file())
}

/// The flags that make a real Node run as `settings` say.
fn node_flags(settings: &Settings) -> Vec<String> {
    let heap = &settings.heap;
    let mut sizes = vec![
        ("max-old-space-size", heap.max_old_space.map(|size| size.0)),
        ("max-semi-space-size", heap.max_semi_space.map(|size| size.0)),
        ("min-semi-space-size", heap.min_semi_space.map(|size| size.0)),
        ("initial-old-space-size", heap.initial_old_space.map(|size| size.0)),
        ("max-heap-size", heap.max_heap.map(|size| size.0)),
    ];
    if settings.memory.origin == MemoryOrigin::Typed && heap.max_heap.is_none() {
        // A real Node asks the machine how much memory there is; only its consequences can be handed over.
        sizes[0].1 = Some(settings.limits.max_old_generation >> 20);
        sizes[1].1 = Some((settings.limits.max_semi_space >> 20).max(1));
    }
    if heap.max_old_space_percentage.is_some() {
        // Node turns the share into this flag itself.
        sizes[0].1 = Some(settings.limits.max_old_generation >> 20);
    }
    let mut flags: Vec<String> =
        sizes.into_iter().filter_map(|(name, size)| Some(format!("--{name}={}", size?))).collect();
    flags.push("--trace-gc".into());
    for (flag, given) in [
        ("--trace-gc-verbose", settings.trace.verbose),
        ("--trace-gc-nvp", settings.trace.nvp),
        ("--expose-gc", settings.expose_gc),
    ] {
        if given {
            flags.push(flag.into());
        }
    }
    flags
}

impl Engine for NodeEngine {
    fn run(&mut self, workload: &Workload, settings: &Settings, sink: &mut dyn Sink) -> Result<Outcome, RunError> {
        // The limits that a version gives are those of the version that really runs.
        let real = settings.for_node(self.major);
        let known = real.is_some();
        let settings = real.unwrap_or_else(|| settings.clone());
        let heap_size_limit = self.heap_size_limit(&settings);
        let script = Script::write(&script::javascript(workload, settings.seed))?;
        let begun = Instant::now();
        let mut child = Running(self.start(&script.path, &settings)?);
        let stdout = child.0.stdout.take().ok_or_else(lost)?;
        let stderr = child.0.stderr.take().ok_or_else(lost)?;
        let id = child.0.id();
        let errors = thread::spawn(move || read_errors(stderr, id));

        let mut run = Run {
            engine: self,
            workload,
            settings: &settings,
            known,
            heap_size_limit,
            sink,
            script: Some(script),
            told: Totals::default(),
        };
        run.read(stdout)?;

        let status = child.0.wait()?;
        let errors = errors.join().map_err(|_| lost())??;
        let wall_ms = begun.elapsed().as_secs_f64() * 1e3;
        run.finish(status, errors, wall_ms)
    }
}

impl NodeEngine {
    /// What V8 says of its limit under these flags, asked in a process of its own: asking loads a module.
    fn heap_size_limit(&self, settings: &Settings) -> Option<u64> {
        let output = Command::new(&self.program)
            .args(node_flags(settings))
            .args(["-p", "require('v8').getHeapStatistics().heap_size_limit"])
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        // Trace lines may come before and after the answer.
        String::from_utf8_lossy(&output.stdout).lines().find_map(|line| line.trim().parse().ok())
    }

    fn start(&self, script: &Path, settings: &Settings) -> Result<Child, RunError> {
        let mut command = Command::new(&self.program);
        command
            .args(node_flags(settings))
            .arg(script)
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        without_core_dump(|| command.spawn()).map_err(|error| {
            RunError::failed(
                format!("{} cannot be started: {error}", self.program.display()),
                format!("无法启动 {}:{error}", self.program.display()),
            )
        })
    }
}

/// A heap of gigabytes makes a core dump of gigabytes: a child started in `spawn` leaves none.
#[cfg(unix)]
fn without_core_dump<T>(spawn: impl FnOnce() -> T) -> T {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Core);
    // Only the soft limit moves, so it can be put back. If either call fails there may be a dump: no reason not to run.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: before.maximum });
    let result = spawn();
    let _ = setrlimit(Resource::Core, before);
    result
}

#[cfg(not(unix))]
fn without_core_dump<T>(spawn: impl FnOnce() -> T) -> T {
    spawn()
}

fn lost() -> RunError {
    RunError::failed("the output of node was lost", "node 的输出丢失")
}

/// Everything on the standard error of the child, and the memory it had when it gave up.
struct Errors {
    text: String,
    peak_rss: u64,
}

fn read_errors(stderr: impl Read, process: u32) -> io::Result<Errors> {
    let mut errors = Errors { text: String::new(), peak_rss: 0 };
    let mut line = Vec::new();
    let mut reader = BufReader::new(stderr);
    while reader.read_until(b'\n', &mut line)? > 0 {
        errors.text.push_str(&String::from_utf8_lossy(&line));
        line.clear();
        // The process is still there while it prints its last words.
        errors.peak_rss = errors.peak_rss.max(machine::peak_rss(Some(process)));
    }
    Ok(errors)
}

/// The script on disk, for as long as it is needed.
struct Script {
    directory: PathBuf,
    path: PathBuf,
}

impl Script {
    fn write(text: &str) -> Result<Script, RunError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("membench-{}-{number}", std::process::id()));
        let script = Script { path: directory.join("workload.cjs"), directory };
        // A directory that is there already is not ours to write in.
        let written = fs::create_dir(&script.directory).and_then(|()| fs::write(&script.path, text));
        written.map_err(|error| {
            RunError::failed(
                format!("the script for node cannot be written to {}: {error}", script.path.display()),
                format!("无法写入 node 脚本 {}:{error}", script.path.display()),
            )
        })?;
        Ok(script)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Left-over temporary files are a nuisance, not a failure.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.directory);
    }
}

/// A child that does not outlive the run.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail harmlessly when the child has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
