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
    // Closed before it was read, where an argument says what is to be explained.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
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
