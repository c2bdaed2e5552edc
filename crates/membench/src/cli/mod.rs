//! The command line as typed. Nothing here looks at the machine: what a flag means is decided in
//! [`settings`](crate::settings).
//!
//! What holds: Node's spellings reach clap in one form ([`argv`]), every value is checked where it is read ([`value`]),
//! every mistake becomes one sentence ([`mistake`]), and every text of the help is
//! there in both languages ([`help`]).

pub mod argv;
pub mod help;
pub mod mistake;
pub mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::text::Lang;
use value::{Kib, Limit, Mib, Percent};

/// Everything on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "membench",
    version,
    about = "Memory workloads on a heap that behaves like V8's, or on a real Node.js",
    disable_help_subcommand = true,
    args_override_self = true,
    after_help = "Node's spellings are accepted: --max-old-space-size=256, --max_old_space_size 256.\n\
                  Exit status: 0 completed, 134 out of memory (SIGABRT), 2 wrong command line, 1 anything else."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Small records on an array that is never dropped, until the heap is exhausted
    Heap(HeapCommand),
    /// Large filled Buffers that are kept: memory outside the heap
    Buffer(BufferCommand),
    /// Records and Buffers together, then everything is dropped
    Compare(CompareCommand),
    /// A shipped workload by name, or a workload file by path
    Run(RunCommand),
    /// The shipped workloads, a line each
    List(ListCommand),
    /// The limits that flags, memory and Node version give, each with where it comes from
    Limits(LimitsCommand),
    /// A trace-gc line, a whole log or a fatal message, in words
    Explain(ExplainCommand),
    /// The same workloads on gcheap and on real Nodes, and how far apart they are
    Fidelity(FidelityCommand),
    /// Fits the cost model of the virtual clock to a Node on this machine
    Calibrate(CalibrateCommand),
}

/// `membench heap`.
#[derive(Debug, Args)]
pub struct HeapCommand {
    /// Records made in one iteration [default: 75000]
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub records: Option<u64>,
    /// Options of every run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `membench buffer`.
#[derive(Debug, Args)]
pub struct BufferCommand {
    /// Size of one Buffer, MiB [default: 100]
    #[arg(long, value_name = "MB", value_parser = value::mib, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub buffer_size: Option<Mib>,
    /// Options of every run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `membench compare`.
#[derive(Debug, Args)]
pub struct CompareCommand {
    /// Records made in one iteration [default: 50000]
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub records: Option<u64>,
    /// Size of one Buffer, MiB [default: 20]
    #[arg(long, value_name = "MB", value_parser = value::mib, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub buffer_size: Option<Mib>,
    /// Options of every run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `membench run`.
#[derive(Debug, Args)]
pub struct RunCommand {
    /// Name of a shipped workload (`membench list` names them), or path of a workload file
    pub workload: String,
    /// A parameter of the workload: `items=500`, `buffer-size="64 KB"`; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::setting, allow_hyphen_values = true, help_heading = SCENARIO)]
    pub set: Vec<(String, String)>,
    /// Write the JavaScript program of the workload to a file instead of running it
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub emit_js: Option<PathBuf>,
    /// Records made in one iteration, where the workload makes records
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub records: Option<u64>,
    /// Size of one Buffer, MiB, where the workload makes Buffers
    #[arg(long, value_name = "MB", value_parser = value::mib, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub buffer_size: Option<Mib>,
    /// Options of every run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `membench list`.
#[derive(Debug, Args)]
pub struct ListCommand {
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// `membench limits`.
#[derive(Debug, Args)]
pub struct LimitsCommand {
    /// Flags that size the heap.
    #[command(flatten)]
    pub heap: HeapFlags,
    /// What the process believes to run on.
    #[command(flatten)]
    pub platform: PlatformFlags,
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// `membench explain`.
#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// A file, or the line or message itself in quotes; nothing or - is standard input
    #[arg(value_name = "FILE|TEXT")]
    pub what: Vec<String>,
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// `membench fidelity`.
#[derive(Debug, Args)]
pub struct FidelityCommand {
    /// Names of shipped workloads, and workload files or directories of them by path [default: all shipped ones]
    #[arg(value_name = "WORKLOAD")]
    pub workloads: Vec<String>,
    /// Node versions [default: all that are recorded]
    #[arg(
        long,
        value_name = "MAJOR,…",
        value_parser = value::node_major,
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub node: Vec<u32>,
    /// Old generation limits, MiB, or `default` for V8's own [default: all that are recorded]
    #[arg(
        long,
        visible_alias = "max-old-space-size",
        value_name = "MB,…",
        value_parser = value::limit,
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub max_old_space: Vec<Limit>,
    /// Directory of the recordings [default: fidelity/recordings of the repository; of a file, recordings beside it]
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
    /// The unseen workloads too: the files in fidelity/unseen, which nobody tunes the simulation to
    #[arg(long)]
    pub unseen: bool,
    /// Record so many runs of each real Node first
    #[arg(long, value_name = "RUNS", value_parser = value::count, allow_negative_numbers = true)]
    pub record: Option<u64>,
    /// Compare with so many of the recorded runs [default: all]
    #[arg(long, value_name = "RUNS", value_parser = value::count, allow_negative_numbers = true)]
    pub runs: Option<u64>,
    /// The comparison also as a document, Markdown
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// `membench calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateCommand {
    /// The Node to measure
    #[arg(long, value_name = "PATH")]
    pub node: PathBuf,
    /// Write the cost model to a file that --cost-model reads, TOML
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

const SCENARIO: &str = "Size of the workload";
const RUN: &str = "What runs it, and its clock";
const HEAP: &str = "Heap (as in Node)";
const TRACE: &str = "Tracing (as in Node)";
const OUTPUT: &str = "Output";

/// The flags that size the heap; those of Node, and one that V8 dropped.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEAP)]
pub struct HeapFlags {
    /// Old generation limit, MiB
    #[arg(
        long,
        visible_alias = "max-old-space-size",
        value_name = "MB",
        value_parser = value::mib,
        allow_negative_numbers = true
    )]
    pub max_old_space: Option<Mib>,
    /// Limit of one semi-space of the young generation, MiB
    #[arg(
        long,
        visible_alias = "max-semi-space-size",
        value_name = "MB",
        value_parser = value::mib,
        allow_negative_numbers = true
    )]
    pub max_semi_space: Option<Mib>,
    /// First size of a semi-space, MiB
    #[arg(
        long,
        alias = "min-semi-space",
        value_name = "MB",
        value_parser = value::mib,
        allow_negative_numbers = true
    )]
    pub min_semi_space_size: Option<Mib>,
    /// First allocation limit of the old generation, MiB
    #[arg(
        long,
        alias = "initial-old-space",
        value_name = "MB",
        value_parser = value::mib,
        allow_negative_numbers = true
    )]
    pub initial_old_space_size: Option<Mib>,
    /// Old generation limit as a share of the memory, percent; wins over --max-old-space
    #[arg(long, value_name = "PERCENT", value_parser = value::percent, allow_negative_numbers = true)]
    pub max_old_space_size_percentage: Option<Percent>,
    /// Limit of both generations together, MiB
    #[arg(long, alias = "max-heap", value_name = "MB", value_parser = value::mib, allow_negative_numbers = true)]
    pub max_heap_size: Option<Mib>,
    /// Whole new space, KiB: the classic flag that V8 dropped; --max-semi-space-size replaced it
    #[arg(
        long,
        alias = "max-new-space",
        value_name = "KB",
        value_parser = value::kib,
        allow_negative_numbers = true,
        conflicts_with = "max_semi_space"
    )]
    pub max_new_space_size: Option<Kib>,
}

/// What the process believes to be and to run on.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEAP)]
pub struct PlatformFlags {
    /// Node version to behave as.
    #[arg(
        long,
        value_name = "MAJOR",
        value_parser = value::node_major,
        allow_negative_numbers = true,
        help = format!("Node version to behave as: {} [default: {}]", value::node_majors(", "), value::DEFAULT_NODE)
    )]
    pub node: Option<u32>,
    /// Memory the process believes it has: 512Mi, 4Gi [default: this machine's, container limit included]
    #[arg(long, value_name = "SIZE", value_parser = value::memory, allow_hyphen_values = true)]
    pub memory: Option<u64>,
}

/// Options of every run.
#[derive(Clone, Debug, Default, Args)]
pub struct RunOptions {
    /// Flags that size the heap.
    #[command(flatten)]
    pub heap: HeapFlags,
    /// What the process believes to run on.
    #[command(flatten)]
    pub platform: PlatformFlags,
    /// Execute the gc() steps of the workload; without it they are skipped, as `global.gc?.()` would be
    #[arg(long, help_heading = HEAP)]
    pub expose_gc: bool,
    /// A line for each collection, in the words of V8
    #[arg(long, help_heading = TRACE)]
    pub trace_gc: bool,
    /// Sizes of all spaces after each collection
    #[arg(long, help_heading = TRACE)]
    pub trace_gc_verbose: bool,
    /// Each collection as name=value pairs
    #[arg(long, help_heading = TRACE)]
    pub trace_gc_nvp: bool,
    /// Iterations of the workload [default: the workload's own]
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub iterations: Option<u64>,
    /// Seed of everything that is random
    #[arg(long, value_name = "N", value_parser = value::seed, default_value_t = 1, allow_negative_numbers = true, help_heading = SCENARIO)]
    pub seed: u64,
    /// What runs the workload: sim, node, node=PATH, both or both=PATH
    #[arg(long, value_name = "ENGINE", value_parser = value::engine, default_value = "sim", help_heading = RUN)]
    pub engine: EngineFlag,
    /// Virtual time makes every run reproducible
    #[arg(long, value_enum, default_value_t, help_heading = RUN)]
    pub clock: ClockFlag,
    /// What work costs in virtual time: a file that `calibrate --write` wrote [default: the shipped costs of the Node version]
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    pub cost_model: Option<PathBuf>,
    /// For people or JSON lines
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    pub format: Format,
    /// The records also to a file, as JSON lines
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,
    /// How to end when memory runs out: SIGABRT as Node does, or status 134 without a core dump
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    pub on_oom: OnOom,
    /// Language of the output [default: from the locale]
    #[arg(long, value_enum, help_heading = OUTPUT)]
    pub lang: Option<Lang>,
}

/// `--engine`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineFlag {
    /// gcheap.
    #[default]
    Sim,
    /// A real Node; the path when one was given.
    Node(Option<PathBuf>),
    /// One after the other; the path when one was given.
    Both(Option<PathBuf>),
}

/// `--clock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClockFlag {
    /// Time advances by the cost model: the same on every machine.
    #[default]
    Virtual,
    /// Time of this machine.
    Real,
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `--on-oom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnOom {
    /// Raise SIGABRT as Node does.
    #[default]
    Abort,
    /// Leave with status 134.
    Exit,
}
