//! The results as JSON lines: one for each workload and peer.

use super::Results;
use serde::Serialize;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "bench", rename_all = "camelCase")]
struct Line<'a> {
    workload: &'a str,
    peer: &'a str,
    /// CPU time of a workload, wall time of a run of the simulator.
    median_ns: u64,
    /// To V8 with a single-threaded collector; of the simulator, to the real Node of the major.
    ratio_to_node: Option<f64>,
    /// Bytes.
    peak_rss: Option<u64>,
    runs: usize,
}

/// All lines, each with its end.
///
/// # Errors
/// A number that JSON cannot have.
pub(super) fn lines(results: &Results) -> Result<String, String> {
    let of_cells = results.cells.iter().map(|cell| Line {
        workload: cell.workload,
        peer: cell.peer,
        median_ns: (cell.cpu_ms * 1e6).round() as u64,
        ratio_to_node: cell.ratio,
        peak_rss: Some((cell.peak_rss_kb * 1024.0) as u64),
        runs: cell.rounds_ms.len(),
    });
    let of_rows = results.simulator.iter().map(|row| Line {
        workload: &row.program,
        peer: &row.engine,
        median_ns: (row.wall_ms * 1e6).round() as u64,
        ratio_to_node: row.ratio,
        peak_rss: row.peak_rss_mib.map(|mib| (mib * f64::from(1 << 20)) as u64),
        runs: row.runs,
    });
    let of_heaps = results.heaps.iter().flat_map(|heaps| {
        let kinds = [
            ("setup: empty", heaps.empty_us),
            ("setup: first object", heaps.first_object_us),
            ("setup: baseline", heaps.baseline_us),
        ];
        kinds.map(|(workload, us)| Line {
            workload,
            peer: "gcheap",
            median_ns: (us * 1e3).round() as u64,
            ratio_to_node: None,
            peak_rss: None,
            runs: crate::heaps::HEAPS,
        })
    });
    let mut text = String::new();
    for line in of_cells.chain(of_rows).chain(of_heaps) {
        text += &serde_json::to_string(&line).map_err(|error| error.to_string())?;
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Results, save};
    use super::lines;

    #[test]
    fn a_cell_is_a_line_in_nanoseconds_and_bytes() {
        let cell = Cell {
            workload: "churn",
            peer: "gcheap",
            cpu_ms: 1.5,
            peak_rss_kb: 2.0,
            ratio: Some(0.5),
            rounds_ms: vec![1.0, 1.5, 2.0],
        };
        let machine = save::machine(None);
        let results =
            Results { command: String::new(), machine, rounds: 3, cells: vec![cell], simulator: vec![], heaps: None };
        let expected = "{\"type\":\"bench\",\"workload\":\"churn\",\"peer\":\"gcheap\",\"medianNs\":1500000,\
                        \"ratioToNode\":0.5,\"peakRss\":2048,\"runs\":3}\n";
        assert_eq!(lines(&results).unwrap(), expected);
    }
}
