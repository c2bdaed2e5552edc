//! `list` and `limits`, and what is said before a run starts.

mod common;

use common::run;
use serde_json::Value;

#[test]
fn list_has_a_line_for_each_workload() {
    let output = run(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, membench::workload::shipped::NAMES);
    assert_eq!(names[..3], ["heap", "buffer", "compare"]);
    let json = String::from_utf8(run(&["list", "--format", "json"]).stdout).unwrap();
    for line in json.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["type"], "workload");
    }
}

#[test]
fn limits_come_with_their_origins() {
    let arguments = ["limits", "--max_old_space_size=256", "--node", "22", "--memory", "8Gi", "--format", "json"];
    let limits: Value = serde_json::from_slice(&run(&arguments).stdout).unwrap();
    assert_eq!(limits["type"], "limits");
    assert_eq!(limits["maxOldSpace"], 256 << 20);
    assert_eq!(limits["heapSizeLimit"], 304 << 20);
    assert_eq!(limits["origin"]["maxOldSpace"], "flag --max-old-space-size");
    assert_eq!(limits["origin"]["memory"], "flag --memory");
    for key in ["maxOldSpace", "maxSemiSpace", "heapSizeLimit", "initialOldSpace"] {
        assert!(limits[key].is_u64() && limits["origin"][key].is_string(), "{key}");
    }
    let text = String::from_utf8(run(&["limits", "--max-old-space", "256", "--lang", "zh"]).stdout).unwrap();
    assert!(text.contains("参数 --max-old-space-size"), "{text}");
}

#[test]
fn the_classic_flag_is_translated_and_said_once() {
    let output = run(&["limits", "--max-new-space-size", "32768", "--format", "json"]);
    let limits: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(limits["maxSemiSpace"], 16 << 20);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1);
    assert!(said.contains("--max-semi-space-size (MB, one semi-space) replaced it"), "{said}");
}

#[test]
fn a_machine_without_enough_memory_is_told_before_the_run() {
    for arguments in [&["buffer", "--buffer-size", "100000000"][..], &["heap", "--max-old-space", "100000000"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("membench: this machine has ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn beside_json_lines_standard_output_has_nothing_else() {
    // Node 10 prints its last collections on standard output, every Node its trace lines.
    for node in ["10", "24"] {
        let output = run(&["heap", "--max-old-space", "32", "--node", node, "--trace-gc", "--format", "json"]);
        assert!(!output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("Node {node}: {error}: {line}"));
        }
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("<--- Last few GCs --->") && said.contains(" ms: Scavenge "), "Node {node}: {said}");
    }
}
