//! The runner: starts every run as a process of its own, in rounds, and lays the results side by side.
//!
//! Interleaving is what makes ratios mean something on a shared machine: a round does everything once, so what disturbs
//! the machine disturbs all peers alike. What holds: two peers with different checksums at one workload fail the whole
//! run.

mod instructions;
mod lines;
mod process;
mod save;
mod simulator;
mod table;

use crate::heaps::Heaps;
use crate::measure::{Sample, median};
use crate::peers::Peer;
use crate::workload::{Scale, Workload};
use clap::{Args, ValueEnum};
use process::{Program, found};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// Only these [default: all].
    #[arg(value_name = "NAME")]
    names: Vec<Part>,
    /// How often everything is done.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The same, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Only these peers, separated by commas; node-st is what the ratios are to.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// For people, or a line of JSON for each workload and peer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The results as JSON to a file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keeps table and JSON under docs/benchmarks with this name.
    #[arg(long, value_name = "NAME", value_parser = save::name)]
    save: Option<String>,
    /// The micro-benchmarks of single phases instead; what follows is a filter (cargo xtask takes this option).
    #[arg(long, exclusive = true)]
    micro: bool,
    /// Counts instructions of short runs instead (needs valgrind) and compares them with the committed figures.
    #[arg(long, conflicts_with_all = ["save", "json", "peers"])]
    instructions: bool,
    /// With --instructions: writes the figures down instead of comparing.
    #[arg(long, requires = "instructions")]
    update: bool,
    /// With --instructions: percent more than committed that is still accepted.
    #[arg(long, requires = "instructions", default_value_t = 5.0)]
    tolerance: f64,
    /// The node of the workloads; the one that the ratios are to.
    #[arg(long, default_value = "node")]
    node: PathBuf,
    /// membench, for the runs of the simulator; built by cargo xtask bench.
    #[arg(long, hide = true)]
    membench: Option<PathBuf>,
}

/// How the results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people.
    #[default]
    Text,
    /// JSON lines.
    Json,
}

/// What names and `--only` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Bt16,
    Bt18,
    Churn,
    MarkList,
    MarkGraph,
    MarkTree,
    Oldnew,
    Splay,
    /// membench heap at 256, 1024 and 4096 MiB, beside real Nodes.
    Heap,
    /// membench compare, beside real Nodes.
    Compare,
    /// Every shipped workload of membench, one after the other.
    Library,
    /// Making and dropping heaps.
    Setup,
}

impl Part {
    fn workload(self) -> Option<Workload> {
        Workload::ALL
            .into_iter()
            .find(|workload| self.to_possible_value().is_some_and(|own| own.get_name() == workload.name()))
    }
}

impl Options {
    fn everything(&self) -> bool {
        self.names.is_empty() && self.only.is_empty()
    }

    fn chosen(&self) -> impl Iterator<Item = Part> {
        self.names.iter().chain(&self.only).copied()
    }

    fn wants(&self, part: Part) -> bool {
        self.everything() || self.chosen().any(|chosen| chosen == part)
    }

    fn workloads(&self) -> Vec<Workload> {
        let wanted =
            |workload: &Workload| self.everything() || self.chosen().any(|part| part.workload() == Some(*workload));
        Workload::ALL.into_iter().filter(wanted).collect()
    }

    fn peers(&self) -> Vec<Peer> {
        Peer::ALL.into_iter().filter(|peer| self.peers.is_empty() || self.peers.contains(peer)).collect()
    }
}

/// One cell of the table.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    workload: &'static str,
    peer: &'static str,
    /// Medians over the rounds.
    cpu_ms: f64,
    peak_rss_kb: f64,
    /// To node with a single-threaded collector.
    ratio: Option<f64>,
    /// Every round, in order.
    rounds_ms: Vec<f64>,
}

/// Everything that a run found.
#[derive(Debug, Serialize)]
struct Results {
    command: String,
    machine: save::Machine,
    rounds: u32,
    cells: Vec<Cell>,
    simulator: Vec<simulator::Row>,
    heaps: Option<Heaps>,
}

/// Runs what the options ask for and prints it.
///
/// # Errors
/// A run failed, two peers disagree, or a file could not be written.
pub fn run(options: &Options) -> Result<(), String> {
    if options.micro {
        return Err(
            "the micro-benchmarks are started by cargo xtask bench --micro, or cargo bench in bench/".to_owned()
        );
    }
    if options.instructions {
        return instructions::run(&options.workloads(), options.update, options.tolerance);
    }
    let node = found(&options.node);
    if node.is_none() {
        eprintln!("there is no {}: its columns are left out, and with them the ratios", options.node.display());
    }
    let cells = workloads(options, node.as_deref())?;
    let mut simulator = Vec::new();
    match &options.membench {
        Some(membench) => {
            let parts = [Part::Heap, Part::Compare, Part::Library].map(|part| options.wants(part));
            simulator = simulator::run(membench, node.as_deref(), options.rounds, parts)?;
        }
        None if options.everything() => eprintln!("no membench was given: the runs of the simulator are left out"),
        None => {}
    }
    let heaps = if options.wants(Part::Setup) { Some(Program::own(["heaps"]).json()?) } else { None };
    let results = Results {
        command: save::command_line(),
        machine: save::machine(node.as_deref()),
        rounds: options.rounds,
        cells,
        simulator,
        heaps,
    };
    let text = table::render(&results);
    match options.format {
        Format::Text => print!("{text}"),
        Format::Json => print!("{}", lines::lines(&results)?),
    }
    if let Some(path) = &options.json {
        save::json(path, &results)?;
    }
    if let Some(name) = &options.save {
        save::both(name, &results, &text)?;
    }
    Ok(())
}

fn workloads(options: &Options, node: Option<&Path>) -> Result<Vec<Cell>, String> {
    let pairs: Vec<(Workload, Peer)> = options
        .workloads()
        .into_iter()
        .flat_map(|workload| options.peers().into_iter().map(move |peer| (workload, peer)))
        .filter(|(workload, peer)| peer.can(*workload) && (node.is_some() || !peer.is_node()))
        .collect();
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); pairs.len()];
    for round in 1..=options.rounds {
        for (&(workload, peer), samples) in pairs.iter().zip(&mut samples) {
            eprintln!("round {round}: {} {}", workload.name(), peer.name());
            samples.push(sample(workload, peer, node)?);
        }
    }
    for (index, &(workload, peer)) in pairs.iter().enumerate() {
        let first = pairs.iter().position(|(other, _)| *other == workload).unwrap_or(index);
        let expected = samples[first][0].checksum;
        if let Some(wrong) = samples[index].iter().find(|sample| sample.checksum != expected) {
            let (one, other) = (peer.name(), pairs[first].1.name());
            let found = wrong.checksum;
            return Err(format!("{}: {one} ends with checksum {found}, {other} with {expected}", workload.name()));
        }
    }
    let middle = |index: usize| median(&samples[index].iter().map(|sample| sample.cpu_ms).collect::<Vec<_>>());
    let cell = |(index, &(workload, peer)): (usize, &(Workload, Peer))| Cell {
        workload: workload.name(),
        peer: peer.name(),
        cpu_ms: middle(index),
        peak_rss_kb: median(&samples[index].iter().map(|sample| sample.peak_rss_kb as f64).collect::<Vec<_>>()),
        ratio: pairs.iter().position(|pair| *pair == (workload, Peer::NodeSt)).map(|to| middle(index) / middle(to)),
        rounds_ms: samples[index].iter().map(|sample| sample.cpu_ms).collect(),
    };
    Ok(pairs.iter().enumerate().map(cell).collect())
}

fn sample(workload: Workload, peer: Peer, node: Option<&Path>) -> Result<Sample, String> {
    match node.filter(|_| peer.is_node()) {
        Some(node) => process::node(node, workload, Scale::new(workload, false), peer == Peer::NodeSt).json(),
        None => Program::own(["one", workload.name(), peer.name()]).json(),
    }
}
