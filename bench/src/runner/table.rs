//! The results as tables in Markdown.

use super::{Cell, Results};
use crate::peers::Peer;
use crate::workload::Workload;
use std::fmt::Write;

/// Most microseconds of a heap without and with baseline.
const SETUP_TARGETS_US: (f64, f64) = (20.0, 5_000.0);

/// All tables of a run, under the command and the machine.
pub(super) fn render(results: &Results) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, results);
    text
}

fn write_all(text: &mut String, results: &Results) -> std::fmt::Result {
    let machine = &results.machine;
    writeln!(
        text,
        "`{}`, {} rounds; {}, {} cores, Linux {}; {}; node {}; at {}.\n",
        results.command,
        results.rounds,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.rustc,
        machine.node.as_deref().unwrap_or("none"),
        machine.commit.as_deref().unwrap_or("no commit")
    )?;
    if !results.cells.is_empty() {
        write_workloads(text, &results.cells)?;
    }
    if !results.simulator.is_empty() {
        write_simulator(text, results)?;
    }
    if let Some(heaps) = results.heaps {
        let (empty, baseline) = SETUP_TARGETS_US;
        writeln!(text, "Making and dropping a heap, wall time, medians:\n")?;
        writeln!(text, "| heap | µs | at most |\n|---|--:|--:|")?;
        writeln!(text, "| empty | {:.1} | {empty} |", heaps.empty_us)?;
        writeln!(text, "| with a first object | {:.1} | – |", heaps.first_object_us)?;
        writeln!(text, "| with the baseline of Node 24 | {:.0} | {baseline} |\n", heaps.baseline_us)?;
    }
    Ok(())
}

fn write_workloads(text: &mut String, cells: &[Cell]) -> std::fmt::Result {
    let workloads: Vec<Workload> = Workload::ALL
        .into_iter()
        .filter(|workload| cells.iter().any(|cell| cell.workload == workload.name()))
        .collect();
    let peers = Peer::ALL.into_iter().filter(|peer| cells.iter().any(|cell| cell.peer == peer.name()));
    let ratios = cells.iter().any(|cell| cell.ratio.is_some());
    let what = if ratios { "as a ratio to V8 with a single-threaded GC" } else { "milliseconds" };
    writeln!(text, "CPU time, {what}, medians (peak RSS in MB):\n")?;
    let names: Vec<&str> = workloads.iter().map(|workload| workload.name()).collect();
    writeln!(text, "| peer | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()))?;
    for peer in peers {
        write!(text, "| {} |", peer.title())?;
        for workload in &workloads {
            match cells.iter().find(|cell| cell.peer == peer.name() && cell.workload == workload.name()) {
                Some(cell) => {
                    let rss = cell.peak_rss_kb * 1024.0 / 1e6;
                    match cell.ratio {
                        Some(ratio) => write!(text, " {ratio:.2} ({rss:.0}) |")?,
                        None => write!(text, " {:.0} ms ({rss:.0}) |", cell.cpu_ms)?,
                    }
                }
                None => write!(text, " – |")?,
            }
        }
        writeln!(text)?;
    }
    if ratios {
        let targets: Vec<String> = workloads.iter().map(|workload| format!("{:.2}", workload.target())).collect();
        writeln!(text, "| *gcheap, at most* | {} |", targets.join(" | "))?;
        let base = |workload: &Workload| {
            let cell = cells.iter().find(|cell| cell.peer == Peer::NodeSt.name() && cell.workload == workload.name());
            cell.map_or("–".to_owned(), |cell| format!("{:.0}", cell.cpu_ms))
        };
        writeln!(
            text,
            "| *V8, single-threaded GC, ms* | {} |",
            workloads.iter().map(base).collect::<Vec<_>>().join(" | ")
        )?;
    }
    writeln!(text)
}

fn write_simulator(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        text,
        "The simulator from process start to its end, medians; the ratio is of wall times, to the real Node:\n"
    )?;
    writeln!(
        text,
        "| program | run by | wall ms | CPU ms | ratio | peak RSS MiB | heapTotal + external MiB | RSS allowed |"
    )?;
    writeln!(text, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    let one = |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
    for row in &results.simulator {
        // What a run may hold: 1.08 of what the heap accounts for, and 8 MiB.
        let allowed = row.accounted_mib.map(|accounted| accounted * 1.08 + 8.0);
        writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {} | {} | {} | {} |",
            row.program,
            row.engine,
            row.wall_ms,
            row.cpu_ms,
            one(row.ratio, 3),
            one(row.peak_rss_mib, 0),
            one(row.accounted_mib, 0),
            one(allowed, 0)
        )?;
    }
    writeln!(text)
}
