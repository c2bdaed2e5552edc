//! The node engine, against scripts that play back what real Nodes printed; and against a real Node where there is one.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use common::{Scratch, data, membench, snapshot};
use serde_json::Value;

/// Runs membench on the Node that `script` plays, from a copy: the scripts leave notes beside themselves.
fn play(scratch: &Scratch, script: &str, arguments: &[&str]) -> Output {
    let node = scratch.0.join(script);
    // Copied by another process: a file that a test holds open for writing cannot be run by any of them.
    let copied = std::process::Command::new("cp").arg("-p").arg(data(script)).arg(&node).status().unwrap();
    assert!(copied.success());
    let engine = format!("--engine=node={}", node.display());
    membench().args(arguments).arg(engine).output().unwrap()
}

fn records(text: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(text).lines().map(|line| serde_json::from_str(line).expect("a record a line")).collect()
}

fn types(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["type"].as_str().unwrap()).collect()
}

/// Without what differs from machine to machine and from run to run.
fn settled(text: &str, scratch: &Scratch) -> String {
    let mut settled = String::new();
    for line in text.replace(scratch.0.to_str().unwrap(), "DIR").lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(mut record) => {
                for key in ["memory", "wallMs", "peakRss"] {
                    if record[key].is_number() {
                        record[key] = Value::from(key);
                    }
                }
                settled.push_str(&record.to_string());
            }
            Err(_) => settled.push_str(line.split(", memory ").next().unwrap().split(" (").next().unwrap()),
        }
        settled.push('\n');
    }
    settled
}

#[test]
fn an_oom_gives_all_records_and_status_134() {
    let scratch = Scratch::new("oom");
    let target = scratch.0.join("records.jsonl");
    let target = target.to_str().unwrap();
    let mut arguments = vec!["heap", "--max_old_space_size=32", "--memory", "8Gi", "--expose-gc"];
    arguments.extend(["--format", "json", "--on-oom", "exit", "--output", target]);
    let output = play(&scratch, "node-oom.sh", &arguments);
    assert_eq!(output.status.code(), Some(134));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(types(&records(text.as_bytes())), ["config", "sample", "gc", "sample", "gc", "fatal", "end"]);
    assert_eq!(fs::read_to_string(target).unwrap(), text, "the file has the same records");
    for line in text.lines() {
        assert!(line.starts_with("{\"type\":\""), "type comes first: {line}");
    }
    snapshot("oom.jsonl", &settled(&text, &scratch));

    let flags = fs::read_to_string(scratch.0.join("node-oom.sh.flags")).unwrap();
    assert!(flags.starts_with("--max-old-space-size=32 --max-semi-space-size=64 --trace-gc --expose-gc /"), "{flags}");
    let script = flags.split(' ').next_back().unwrap().trim();
    assert!(!std::path::Path::new(script).exists(), "the script is gone");
}

#[test]
fn an_oom_is_told_to_people_after_the_words_of_node() {
    let scratch = Scratch::new("people");
    let output = play(&scratch, "node-oom.sh", &["heap", "--max-old-space", "32"]);
    assert_eq!(output.status.signal(), Some(6), "SIGABRT, as Node");
    let said = String::from_utf8(output.stderr).unwrap();
    let fatal =
        said.find("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n").unwrap();
    assert!(said.starts_with("\n<--- Last few GCs --->\n"));
    for part in ["When:", "in iteration 2", "Why:", "its limit of 32 MB", "What would have helped:"] {
        assert!(said[fatal..].contains(part), "{part} in {said}");
    }
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("=== heap test - iteration 1 ==="));
    assert!(!shown.contains("Scavenge 5.0"), "trace lines are shown only when asked for");
    assert!(!shown.contains("@membench"));

    let output = play(&scratch, "node-oom.sh", &["heap", "--max-old-space", "32", "--trace-gc", "--lang", "zh"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("\n[12:0x1b31c000]       42 ms: Scavenge 5.0 (6.0) -> 4.7 (7.0) MB, pooled"));
    assert!(shown.contains("=== 堆内存测试 - 第1次迭代 ==="));
    assert!(String::from_utf8(output.stderr).unwrap().contains("何时:"));
}

#[test]
fn the_last_words_of_classic_nodes_stay_on_standard_output() {
    let scratch = Scratch::new("classic");
    let output = play(&scratch, "node-classic-oom.sh", &["heap", "--max-old-space", "32", "--on-oom=exit"]);
    assert_eq!(output.status.code(), Some(134));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("\n<--- Last few GCs --->\n\n[12:0x55d0]"), "{shown}");
    assert!(shown.contains("==== JS stack trace ===="));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("FATAL ERROR: CALL_AND_RETRY_LAST"), "{said}");
}

#[test]
fn a_completed_run_ends_with_0() {
    let scratch = Scratch::new("completed");
    let output = play(&scratch, "node-completed.sh", &["compare", "--expose-gc", "--iterations", "1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    snapshot("completed.txt", &settled(&String::from_utf8(output.stdout).unwrap(), &scratch));
    assert!(output.stderr.is_empty());
}

#[test]
fn the_config_record_comes_before_collections_of_the_start() {
    let scratch = Scratch::new("early");
    let output = play(&scratch, "node-collects-early.sh", &["heap", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(types(&records(&output.stdout)), ["config", "gc", "sample", "end"]);
    let output = play(&scratch, "node-collects-early.sh", &["heap", "--trace-gc"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("node 12.22.12") && shown.contains(" ms: Scavenge 2.1 (3.0)"), "{shown}");
}

#[test]
fn a_node_that_dies_before_the_program_begins_is_out_of_memory_with_all_records() {
    let scratch = Scratch::new("dies");
    let arguments = ["heap", "--max-old-space", "1", "--on-oom", "exit", "--format", "json"];
    let output = play(&scratch, "node-dies-early.sh", &arguments);
    assert_eq!(output.status.code(), Some(134), "{output:?}");
    let records = records(&output.stdout);
    assert_eq!(types(&records), ["config", "gc", "fatal", "end"]);
    assert_eq!((&records[0]["node"], &records[0]["v8"]), (&"24.21.0".into(), &Value::Null));
    assert_eq!(records[2]["location"], "GC during deserialization");
    assert_eq!(records[2]["message"], "Fatal JavaScript out of memory: GC during deserialization");
    assert_eq!(records[3]["outcome"], "out-of-memory");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the program had not begun"), "{said}");
}

#[test]
fn a_node_that_fails_is_quoted() {
    let scratch = Scratch::new("failed");
    let target = scratch.0.join("records.jsonl");
    let output =
        play(&scratch, "node-bad-option.sh", &["heap", "--max-heap-size", "512", "--output", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "membench: node 10.24.1 failed (exit status: 9): node: bad option: --max-heap-size=512\n");
    let left: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["node-bad-option.sh"], "no output file, whole or in part");
}

#[test]
fn where_the_node_beside_it_fails_the_simulated_run_is_told_alone() {
    let scratch = Scratch::new("one-of-both");
    let node = scratch.0.join("node-bad-option.sh");
    assert!(
        std::process::Command::new("cp")
            .arg("-p")
            .arg(data("node-bad-option.sh"))
            .arg(&node)
            .status()
            .unwrap()
            .success()
    );
    let output = membench()
        .args(["compare", "--node", "10", "--records", "100", "--buffer-size", "1"])
        .arg(format!("--engine=both={}", node.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("iteration 5") && said.contains("Collections:"), "{said}");
    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(failed.ends_with("node: bad option: --max-heap-size=512\n"), "{failed}");
}

#[test]
fn a_closed_pipe_ends_the_run_without_a_word() {
    let scratch = Scratch::new("pipe");
    let node = scratch.0.join("node-oom.sh");
    assert!(std::process::Command::new("cp").arg("-p").arg(data("node-oom.sh")).arg(&node).status().unwrap().success());
    let mut child = membench()
        .args(["heap", "--format", "json", "--on-oom", "exit", &format!("--engine=node={}", node.display())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// The Node on `PATH`, if there is one.
fn real_node() -> bool {
    let found =
        std::process::Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        // Not an assertion: a machine without Node is no fault of membench.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: there is no node on PATH\n");
    }
    found
}

#[test]
fn a_real_node_runs_out_of_memory() {
    if !real_node() {
        return;
    }
    let output = membench()
        .args(["heap", "--max-old-space", "24", "--engine", "node", "--format", "json", "--on-oom", "exit"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(134), "{output:?}");
    let records = records(&output.stdout);
    let types = types(&records);
    assert_eq!((types[0], types[types.len() - 2], types[types.len() - 1]), ("config", "fatal", "end"));
    let end = records.last().unwrap();
    assert_eq!(end["outcome"], "out-of-memory");
    assert!(end["markCompacts"].as_u64().unwrap() > 0);
    assert!(end["peakRss"].as_u64().unwrap() > 24 << 20);
}

#[test]
fn a_real_node_gives_dropped_memory_back() {
    if !real_node() {
        return;
    }
    let mut child = membench()
        .args(["compare", "--expose-gc", "--buffer-size", "2", "--engine", "node", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let samples: Vec<Value> = lines
        .map(|line| serde_json::from_str(&line).unwrap())
        .filter(|record: &Value| record["type"] == "sample")
        .collect();
    assert!(child.wait().unwrap().success());
    let used =
        |label: &str| samples.iter().find(|sample| sample["label"] == label).unwrap()["heapUsed"].as_u64().unwrap();
    assert!(used("cleared") > used("start"));
    assert!(used("after gc") < used("start") + (1 << 20), "back within 1 MiB");
}

#[test]
fn a_run_that_would_exhaust_the_machine_stops_with_1() {
    let scratch = Scratch::new("stopped");
    let output = play(&scratch, "node-stopped.sh", &["buffer", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let end = records(&output.stdout).pop().unwrap();
    assert_eq!((&end["type"], &end["outcome"], &end["iterations"]), (&"end".into(), &"stopped".into(), &1.into()));
    let said = String::from_utf8(output.stderr).unwrap();
    let sentence = "membench: stopped before iteration 2: it takes 100 MB and this machine has 70 MB available\n";
    assert!(said.ends_with(sentence), "{said}");
}
