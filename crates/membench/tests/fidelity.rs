//! `membench fidelity`: the comparison with the recordings of the repository, and what is said of a bad recording.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Scratch, run};
use membench::cli::value::Mib;
use membench::fidelity::measure;
use membench::fidelity::recording::{self, Cell};
use membench::workload::{Sizes, from_file, shipped};
use serde_json::Value;

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fidelity/recordings")
}

/// The workloads of the repository that nobody tunes to.
fn unseen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fidelity/unseen")
}

/// A workload of twenty arrays, and one run of it that a Node could have done.
const FEW: &str = "about = 'a test'\ndescription = 'few'\n[keep]\nrows = 'array'\n[[phases]]\nrepeat = 2\n\
                   do = [{ make = { array = 100, of = 'n' }, count = 10, keep = 'rows' }]\n";
const FEW_RUN: &str = r#"{"workload":"few","parameters":{},"node":"24.1.0","v8":"13.6","maxOldSpace":64,"exposeGc":true,"cores":2,"memory":8589934592,"outcome":"completed","iterations":2,"location":null,"scavenges":0,"markCompacts":0,"samples":[["start",0,6000000,4000000,1500000,10000],["iteration",1,6000000,4100000,1500000,10000],["iteration",2,6000000,4200000,1500000,10000]]}"#;

/// A directory with the workload and its recording.
fn few(scratch: &Scratch) -> String {
    fs::write(scratch.0.join("few.toml"), FEW).unwrap();
    fs::create_dir_all(scratch.0.join("recordings")).unwrap();
    fs::write(scratch.0.join("recordings/few-node24-64.jsonl"), format!("{FEW_RUN}\n{FEW_RUN}\n")).unwrap();
    scratch.0.to_str().unwrap().to_owned()
}

fn lines(output: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(output).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn the_simulation_dies_in_an_iteration_in_which_real_nodes_die() {
    for node in [22, 24] {
        let cell = Cell { workload: "heap".into(), node, max_old_space: Some(Mib(64)) };
        let real = recording::read(&recordings(), &cell).unwrap();
        let measured = measure(&shipped("heap", Sizes::default()).unwrap(), cell, real).unwrap();
        let deaths: Vec<u64> = measured.real.iter().map(|run| run.observed.last_iteration()).collect();
        let died = measured.simulated.last_iteration();
        assert!(
            measured.comparison.outcome && measured.comparison.death.narrow,
            "Node {node}: {died}, real {deaths:?}"
        );
        assert!(measured.comparison.sizes.len() >= 3 * 4, "Node {node}");
        assert_eq!(measured.among.len(), measured.real.len());
    }
}

#[test]
fn every_recording_is_read() {
    for directory in [recordings(), unseen().join("recordings")] {
        let cells = recording::cells(&directory).unwrap();
        assert!(!cells.is_empty());
        for cell in cells {
            recording::read(&directory, &cell).unwrap();
        }
    }
}

#[test]
fn each_unseen_workload_says_why_it_exists_and_is_recorded_like_the_others() {
    let mut files: Vec<PathBuf> = fs::read_dir(unseen()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    assert!(files.len() >= 12, "{}", files.len());
    for file in files {
        let workload = from_file(&file, &Sizes::default()).unwrap();
        assert!(workload.about.len() > 150, "{}", workload.name);
        assert!(shipped(&workload.name, Sizes::default()).is_err(), "{} has a name of its own", workload.name);
        for node in [20, 22, 24, 26] {
            for limit in [64, 128, 256] {
                let cell = Cell { workload: workload.name.clone(), node, max_old_space: Some(Mib(limit)) };
                let real = recording::read(&unseen().join("recordings"), &cell).unwrap();
                assert!(real.len() >= 5, "{}", cell.file_name());
            }
        }
    }
}

#[test]
fn a_file_is_compared_with_the_recordings_beside_it_in_lines_of_its_own() {
    let scratch = Scratch::new("fidelity-file");
    let directory = few(&scratch);
    let file = format!("{directory}/few.toml");
    // The file, the directory that it is in, and both: always one cell.
    for words in [&[&file[..]][..], &[&directory[..]], &[&directory[..], &file[..]]] {
        let output = run(&[&["fidelity"], words, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let lines = lines(&output.stdout);
        let types: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
        assert_eq!(types, ["cell", "fidelity", "mark"]);
        assert!(lines.iter().all(|line| line["library"] == "unseen"), "{lines:?}");
        assert_eq!((&lines[0]["workload"], &lines[0]["outcome"]), (&"few".into(), &"completed".into()));
    }
}

#[test]
fn shipped_and_unseen_workloads_have_tables_and_summaries_of_their_own() {
    let scratch = Scratch::new("fidelity-both");
    let directory = few(&scratch);
    let document = scratch.0.join("fidelity.md");
    let recorded = format!("{directory}/recordings");
    fs::copy(recordings().join("churn-node24-64.jsonl"), format!("{recorded}/churn-node24-64.jsonl")).unwrap();
    fs::write(format!("{recorded}/NOTES.md"), "Recorded by hand.\n").unwrap();
    let arguments = ["fidelity", &directory, "churn", "--node", "24", "--recordings", &recorded];
    let json = lines(&run(&[&arguments[..], &["--format", "json"]].concat()).stdout);
    let libraries: Vec<&Value> = json.iter().map(|line| &line["library"]).collect();
    assert_eq!(libraries, ["shipped", "shipped", "shipped", "unseen", "unseen", "unseen"]);
    let output = run(&[&arguments[..], &["--write", document.to_str().unwrap()]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let (before, behind) = text.split_once("=== unseen workloads ===\n").expect("a heading");
    assert!(before.contains("churn") && !before.contains("few "), "{text}");
    assert!(behind.contains("few ") && !behind.contains("churn"), "{text}");
    let document = fs::read_to_string(document).unwrap();
    let (before, behind) = document.split_once("## Unseen workloads\n").expect("a section");
    assert!(before.contains("| churn | 24 |") && !before.contains("| few |"), "{document}");
    assert!(behind.contains("| few | 24 |") && behind.contains("### Summary of the unseen workloads"), "{document}");
    assert!(behind.contains("Recorded by hand."), "{document}");
}

#[cfg(unix)]
#[test]
fn a_file_is_recorded_beside_it_and_what_is_there_stays() {
    let scratch = Scratch::new("fidelity-record");
    let directory = few(&scratch);
    let there = fs::read(scratch.0.join("recordings/few-node24-64.jsonl")).unwrap();
    // A Node that plays back what a real one printed.
    let node = scratch.0.join("target/node/22/bin");
    fs::create_dir_all(&node).unwrap();
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg("-p").arg(common::data("node-completed.sh")).arg(node.join("node")).status().unwrap();
    assert!(copied.success());
    let arguments = ["fidelity", "./few.toml", "--record", "2", "--max-old-space", "64", "--format", "json"];
    let output = common::membench().args(arguments).args(["--node", "22"]).current_dir(&directory).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lines(&output.stdout)[0]["workload"], "few");
    let cell = Cell { workload: "few".into(), node: 22, max_old_space: Some(Mib(64)) };
    let recorded = recording::read(&scratch.0.join("recordings"), &cell).unwrap();
    assert_eq!((recorded.len(), recorded[0].observed.iterations), (2, 1));
    assert_eq!(fs::read(scratch.0.join("recordings/few-node24-64.jsonl")).unwrap(), there);
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
    let nothing = scratch.0.join("nothing/here");
    fs::create_dir_all(&nothing).unwrap();
    let nothing = nothing.to_str().unwrap();
    let stray = scratch.0.join("stray");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("jump-node24-64.jsonl"), "").unwrap();
    let stray = stray.to_str().unwrap();
    let lone = scratch.0.join("lone.toml");
    fs::write(&lone, FEW).unwrap();
    // Arguments, status, and what standard error holds.
    let cases: [(&[&str], i32, &str); 11] = [
        (&["--recordings", directory], 1, "heap-node24-64.jsonl, line 1: invalid type: integer `7`"),
        (&["--recordings", directory, "--node", "22"], 1, "has no recording of what was asked for"),
        (&["--recordings", "/nowhere/at/all"], 1, "make some with --record 5"),
        (&["jump"], 2, "there is no workload \"jump\""),
        (&["--max-old-space", "64,0"], 2, "0 is no size"),
        (&["no/such.toml"], 2, "the workload file no/such.toml cannot be read"),
        (&["no/such"], 2, "the workload files in no/such cannot be read"),
        (&[nothing], 2, "there is no workload file in"),
        (&["--recordings", stray], 1, "jump-node24-64.jsonl is a recording of \"jump\", and there is no such workload"),
        (&[lone.to_str().unwrap()], 1, "make some with --record 5"),
        (&[lone.to_str().unwrap(), "--recordings", nothing], 1, "has no recording of what was asked for"),
    ];
    for (arguments, status, expected) in cases {
        let output = run(&[&["fidelity"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}
