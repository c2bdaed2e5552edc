//! `membench fidelity`: the comparison with the recordings of the repository, and what is said of a bad recording.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Scratch, run};
use membench::cli::value::Mib;
use membench::fidelity::measure;
use membench::fidelity::recording::{self, Cell};
use serde_json::Value;

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fidelity/recordings")
}

#[test]
fn the_simulation_dies_in_an_iteration_in_which_real_nodes_die() {
    for node in [22, 24] {
        let cell = Cell { workload: "heap".into(), node, max_old_space: Some(Mib(64)) };
        let real = recording::read(&recordings(), &cell).unwrap();
        let measured = measure(cell, real).unwrap();
        let deaths: Vec<u64> = measured.real.iter().map(|run| run.observed.last_iteration()).collect();
        let died = measured.simulated.last_iteration();
        assert!(measured.comparison.outcome && measured.comparison.death, "Node {node}: {died}, real {deaths:?}");
        assert!(measured.comparison.sizes.len() >= 3 * 4, "Node {node}");
        assert_eq!(measured.among.len(), measured.real.len());
    }
}

#[test]
fn every_recording_is_read() {
    let cells = recording::cells(&recordings()).unwrap();
    assert!(!cells.is_empty());
    for cell in cells {
        recording::read(&recordings(), &cell).unwrap();
    }
}

#[test]
fn json_has_a_line_a_cell_and_two_a_version() {
    let directory = recordings();
    let directory = directory.to_str().unwrap();
    let scratch = Scratch::new("fidelity-json");
    let document = scratch.0.join("fidelity.md");
    let arguments = ["fidelity", "heap", "--node", "24", "--max_old_space_size=64", "--recordings", directory];
    let more = ["--format", "json", "--write", document.to_str().unwrap()];
    let output = run(&[&arguments[..], &more].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(types, ["cell", "fidelity", "mark"]);
    assert_eq!((&lines[0]["node"], &lines[0]["maxOldSpace"]), (&24.into(), &64.into()));
    for key in ["heapUsedError", "heapTotalError", "externalError"] {
        assert!(lines.iter().all(|line| line[key].is_f64()), "{key}");
    }
    assert!(lines[0]["realIterations"].as_array().is_some_and(|range| range.len() == 2));
    assert!(lines[1..].iter().all(|line| line["death"].is_f64() && line["cells"].is_u64()));
    let document = fs::read_to_string(document).unwrap();
    assert!(document.contains("| heap | 24 | 64 MB |") && document.contains("stays outside, why"), "{document}");
}

#[test]
fn a_bad_recording_and_one_that_is_not_there_are_named() {
    let scratch = Scratch::new("fidelity-bad");
    let directory = scratch.0.to_str().unwrap();
    fs::write(scratch.0.join("heap-node24-64.jsonl"), "{\"workload\":7}\n").unwrap();
    // Arguments, status, and what standard error holds.
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--recordings", directory], 1, "heap-node24-64.jsonl, line 1: invalid type: integer `7`"),
        (&["--recordings", directory, "--node", "22"], 1, "has no recording of what was asked for"),
        (&["--recordings", "/nowhere/at/all"], 1, "make some with --record 5"),
        (&["jump"], 2, "there is no workload \"jump\""),
        (&["--max-old-space", "64,0"], 2, "0 is no size"),
    ];
    for (arguments, status, expected) in cases {
        let output = run(&[&["fidelity"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}
