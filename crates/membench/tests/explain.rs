//! `membench explain`: what membench itself prints in each dialect is understood, and so is what people hand it.

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{Scratch, data, membench, run, snapshot};
use serde_json::Value;

const LINE: &str = "[1912:0x14affe30]      172 ms: Mark-Compact 33.8 (66.2) -> 30.7 (65.4) MB, 22.35 / 0.00 ms  (+ 1.7 ms in 12 steps since start of marking, biggest step 0.4 ms, walltime since start of marking 47 ms) (average mu = 1.000, current mu = 1.000) finalize incremental marking via stack guard; GC in old space requested";
const FATAL: &str = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";

/// What `membench explain` with `arguments` says about `input` on its standard input.
fn piped(input: &[u8], arguments: &[&str]) -> std::process::Output {
    let mut command = membench();
    command.arg("explain").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // What is said comes while the log is still being read.
        scope.spawn(move || {
            // Closed before it was read, where an argument says what is to be explained.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

fn lines(output: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(output).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_log_of_every_version_and_both_kinds_of_line_is_read_whole() {
    for node in ["10", "12", "18", "20", "22", "24", "26"] {
        for flag in ["--trace-gc", "--trace-gc-nvp"] {
            let scratch = Scratch::new(&format!("explain-{node}{flag}"));
            let records = scratch.0.join("records.jsonl");
            let options = ["--node", node, flag, "--max-old-space", "32", "--memory", "8Gi", "--on-oom", "exit"];
            let died = run(&[&["heap", "--output", records.to_str().unwrap()], &options[..]].concat());
            assert_eq!(died.status.code(), Some(134));
            let records = lines(&fs::read(&records).unwrap());
            let fatal = records.iter().find(|record| record["type"] == "fatal").expect("it died");
            // Up to the repetition of the last ones: a line each.
            let log = String::from_utf8_lossy(&died.stdout).into_owned();
            let log = log.split("<--- Last few GCs --->").next().unwrap();
            let collection = |line: &&str| [" -> ", " pause=", "GC: {"].iter().any(|mark| line.contains(mark));
            let expected = log.lines().filter(collection).count();
            let explained = piped(&[&died.stdout[..], &died.stderr].concat(), &["--format", "json"]);
            let said = lines(&explained.stdout);
            assert!(expected > 5, "{log}");
            assert_eq!(said.iter().filter(|line| line["type"] == "gc").count(), expected, "Node {node} {flag}");
            assert_eq!(said.iter().filter(|line| line["type"] == "explain").count(), 1, "Node {node} {flag}");
            let told = said.iter().find(|line| line["type"] == "fatal").expect("last words");
            assert_eq!(told["location"], fatal["location"], "Node {node} {flag}");
        }
    }
}

#[test]
fn what_is_said_is_that_of_the_contract_in_both_languages() {
    let log = fs::read_to_string(data("trace-lines.txt")).unwrap() + FATAL + "\n";
    let path = data("trace-lines.txt");
    for lang in ["en", "zh"] {
        let block = String::from_utf8(run(&["explain", LINE, "--lang", lang]).stdout).unwrap();
        let fatal = String::from_utf8(run(&["explain", FATAL, "--lang", lang]).stdout).unwrap();
        let whole = String::from_utf8(piped(log.as_bytes(), &["--lang", lang]).stdout).unwrap();
        snapshot(&format!("explain.{lang}.txt"), &format!("{block}\n{fatal}\n{whole}"));
    }
    assert_eq!(run(&["explain", path.to_str().unwrap()]).status.code(), Some(0));
}

#[test]
fn what_is_not_of_v8_is_an_error_in_one_sentence() {
    let cases: [(&[&str], &str); 4] = [
        (&["/nowhere/at/all.log"], "no file that can be read"),
        (&["one", "two"], "neither output of V8 nor one file"),
        (&[], "there is no trace line and no fatal message"),
        (&["-"], "there is no trace line and no fatal message"),
    ];
    for (arguments, expected) in cases {
        let output = piped(b"listening on port 8080\n\xff\n", arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn each_way_of_giving_up_has_its_cause_its_end_and_what_helps() {
    for (line, parts) in [
        (FATAL, ["above its limit", "SIGABRT", "a larger --max-old-space-size"]),
        (
            "# Fatal JavaScript out of memory: GC during deserialization",
            ["the program had not begun", "SIGTRAP", "a larger --max-old-space-size"],
        ),
        (
            "# Fatal process out of memory: Zone",
            ["no memory outside the heap", "SIGTRAP", "more memory for the process"],
        ),
        (
            "# Fatal JavaScript invalid size error 169220804 (see crbug.com/1201626)",
            ["beyond the longest that V8 allows", "SIGTRAP", "no larger limit"],
        ),
        (
            "FATAL ERROR: invalid table size Allocation failed - JavaScript heap out of memory",
            ["beyond the largest that V8 allows", "SIGABRT", "no larger limit"],
        ),
        ("FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal", ["does not speak of memory", "SIGABRT", "stack trace"]),
    ] {
        let output = run(&["explain", line]);
        assert_eq!(output.status.code(), Some(0), "{line}");
        let said = String::from_utf8(output.stdout).unwrap();
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn a_line_with_impossible_numbers_is_cut_off_not_explained() {
    for (was, is) in [("172 ms", "1e999 ms"), ("172 ms", "-5 ms"), ("33.8", "-3"), ("33.8", "1e30"), ("22.35", "inf")] {
        let line = LINE.replacen(was, is, 1);
        let output = piped(format!("{line}\n{FATAL}\n").as_bytes(), &[]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("cut off and left out: 1 "), "{line}: {said}");
    }
}

#[test]
fn a_long_log_is_shown_by_its_ends_and_counted_whole() {
    let log: String = (0..2500).map(|time| LINE.replace("172 ms", &format!("{time} ms")) + "\n").collect();
    let said = String::from_utf8(piped(log.as_bytes(), &[]).stdout).unwrap();
    for part in ["\n999 ms: ", "\n… 500 more, ", "\n1500 ms: ", "\n2499 ms: ", "0 young, 2500 full"] {
        assert!(said.contains(part), "{part}");
    }
    let json = lines(&piped(log.as_bytes(), &["--format", "json"]).stdout);
    assert_eq!(json.iter().filter(|line| line["type"] == "gc").count(), 2500);
    assert_eq!(json.last().unwrap()["markCompacts"], 2500);
}

#[test]
fn garbage_and_lines_without_an_end_are_read_and_refused() {
    for input in [vec![b'x'; 5 << 20], (0..=255).cycle().take(3 << 20).collect::<Vec<u8>>()] {
        let output = piped(&input, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("no trace line"));
    }
    let behind = [vec![b'x'; 5 << 20], format!("\n{FATAL}\n").into_bytes()].concat();
    assert_eq!(piped(&behind, &[]).status.code(), Some(0), "what follows a long line is read");
}
