//! gcheap laid beside other collectors: the same work, one process a run, interleaved.
//!
//! `cargo xtask bench` builds and starts this program. Without a command it is the runner, which starts itself with
//! `one` for each workload and peer. What holds: a process does one workload for one peer, so that CPU time and peak
//! memory are that work's.

mod heaps;
mod measure;
mod peers;
mod runner;
mod workload;

use clap::{Parser, Subcommand};
use measure::Sample;
use peers::Peer;
use std::process::ExitCode;
use workload::{Scale, Workload};

/// Stack of the thread that works: rust-gc traces by recursion.
const STACK: usize = 4 << 30;

/// Lays gcheap beside other collectors and real Nodes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: runner::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Does one workload for one peer and prints what it cost as JSON.
    #[command(hide = true)]
    One {
        workload: Workload,
        peer: Peer,
        /// A short piece of the work.
        #[arg(long)]
        short: bool,
    },
    /// Makes and drops heaps and prints what one costs as JSON.
    #[command(hide = true)]
    Heaps,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Some(Command::One { workload, peer, short }) => one(workload, peer, short),
        Some(Command::Heaps) => heaps::run(),
        None => runner::run(&cli.options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn one(workload: Workload, peer: Peer, short: bool) -> Result<(), String> {
    let work = move || peer.run(workload, Scale::new(workload, short));
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(work).map_err(|error| error.to_string())?;
    let outcome = match worker.join() {
        Ok(Ok(Some(outcome))) => outcome,
        Ok(Ok(None)) => return Err(format!("{} cannot do {}", peer.name(), workload.name())),
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("{} failed at {}", peer.name(), workload.name())),
    };
    let cpu_ms = if workload.times_collections() {
        measure::median(outcome.collections_ms.get(1..).unwrap_or_default())
    } else {
        measure::cpu_ms()
    };
    let sample = Sample {
        workload: workload.name().to_owned(),
        peer: peer.name().to_owned(),
        checksum: outcome.checksum,
        cpu_ms,
        peak_rss_kb: measure::peak_rss_kb(),
    };
    println!("{}", serde_json::to_string(&sample).map_err(|error| error.to_string())?);
    Ok(())
}
