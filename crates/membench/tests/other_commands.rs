//! `list` and `limits`, and what is said before a run starts.

mod common;

use std::process::{Command, Stdio};

use common::{Scratch, membench, run};
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

#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_addresses_is_named_where_it_stops_the_heap() {
    if std::env::var_os("ASAN_OPTIONS").is_some() {
        // The sanitizer's own tables need more addresses than the limit gives.
        return;
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$0\" heap --max-old-space 64", env!("CARGO_BIN_EXE_membench")])
        .env("LC_ALL", "C")
        .output()
        .expect("a shell starts");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the operating system refused") && said.contains("ulimit -v unlimited"), "{said}");
    assert_eq!(output.status.code(), Some(1));
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

#[test]
fn help_is_there_in_both_languages_and_by_both_spellings() {
    let text = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(text(&["help", "limits"]), text(&["limits", "--help"]));
    assert_eq!(text(&["help"]), text(&["--help"]));
    let chinese = text(&["limits", "--help", "--lang", "zh"]);
    for part in ["用法:", "选项:", "堆(与 Node 相同):", "[别名: --max-old-space-size]", "可用值:", "老生代上限"]
    {
        assert!(chinese.contains(part), "{part} in {chinese}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_said_by_every_command() {
    for arguments in [&["--help"][..], &["--version"], &["list"], &["limits"], &["heap", "--iterations", "1"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = membench().args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("membench: the output cannot be written: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_closed_pipe_leaves_the_output_file_whole() {
    let scratch = Scratch::new("closed-pipe");
    let target = scratch.0.join("records.jsonl");
    let mut child = membench()
        .args(["heap", "--iterations", "2", "--output", target.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let records = std::fs::read_to_string(target).unwrap();
    assert!(records.lines().next_back().unwrap().starts_with(r#"{"type":"end","outcome":"completed""#), "{records}");
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let output = membench().arg("run").arg(std::ffi::OsStr::from_bytes(b"a\xffb")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "membench: \"a\u{fffd}b\" is not text in UTF-8\n");
}
