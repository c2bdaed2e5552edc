//! The shipped workloads and the language they are written in.

mod common;

use std::fs;
use std::process::Command;

use common::{Scratch, data, membench, run};
use membench::cli::value::Mib;
use membench::cli::{HeapFlags, RunOptions};
use membench::engine::node::script::javascript;
use membench::engine::sim::simulate;
use membench::engine::{FatalText, RunError, Sink};
use membench::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, SampleRecord};
use membench::settings::Settings;
use membench::text::{Lang, Text};
use membench::workload::random::Random;
use membench::workload::shipped::{self, NAMES};
use membench::workload::{Sizes, parse, shipped as by_name};
use serde_json::Value;

/// Blocks of a sentence and the file that gets it.
const BAD: &str = include_str!("data/bad-workloads.txt");
const SCHEMA: &str = include_str!("../../../docs/workload.schema.json");

#[test]
fn each_mistake_in_a_file_has_its_sentence_with_its_place() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for block in BAD.split("----\n").skip(1) {
        let (sentence, source) = block.split_once('\n').expect("a sentence and a file");
        let said = match parse("bad", "bad.toml", source, &Sizes::default()) {
            Ok(_) => "nothing".to_owned(),
            Err(text) => {
                assert!(!text.get(Lang::Zh).is_empty());
                text.get(Lang::En).to_owned()
            }
        };
        count += 1;
        if said != sentence {
            wrong.push(format!("{source}\n  expected: {sentence}\n  got:      {said}"));
        }
    }
    assert!(count > 70, "{count} mistakes are tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shapes_that_multiply_beyond_reason_are_refused() {
    let thousand = |name: &str| format!("[{}]", vec![format!("'{name}'"); 1000].join(", "));
    let source = format!(
        "description = 'd'\n[shapes]\na = {}\nb = {}\n[[phases]]\ndo = [{{ make = 'b' }}]\n",
        thousand("n"),
        thousand("a")
    );
    let said = parse("bad", "bad.toml", &source, &Sizes::default()).unwrap_err();
    let expected = "bad.toml:4:5: this writes out 1001001 values, at most 1000000 can be: let a loop make them";
    assert_eq!(said.get(Lang::En), expected);
}

#[test]
fn a_file_with_a_mistake_is_refused_with_status_2() {
    let scratch = Scratch::new("bad-workload");
    let path = scratch.0.join("leak.toml");
    fs::write(&path, "description = 'a leak'\n[[phases]]\ndo = [{ mak = 'n' }]\n").unwrap();
    let path = path.to_str().unwrap();
    let output = run(&["run", path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    let start = format!("membench: {path}:3:9: there is no key \"mak\" here: known are make, count, keep, ");
    assert!(said.starts_with(&start), "{said}");
    let said = String::from_utf8(run(&["run", path, "--lang", "zh"]).stderr).unwrap();
    assert!(said.contains(":3:9:此处没有键 \"mak\":可用的有 make"), "{said}");
    let output = run(&["run", "no/such.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no/such.toml cannot be read: "));
}

#[test]
fn a_file_runs_by_its_path_and_takes_its_parameters() {
    let scratch = Scratch::new("own-workload");
    let path = scratch.0.join("mine.toml");
    let source = "description = '{items} things of {size}'\n[parameters]\nitems = 10\nsize = '1 KB'\n\
                  [keep]\nkept = 'array'\n[[phases]]\nrepeat = 2\n\
                  do = [{ make = { buffer = 'size' }, count = 'items', keep = 'kept' }]\n";
    fs::write(&path, source).unwrap();
    let output = run(&["run", path.to_str().unwrap(), "--format", "json", "--set", "items=30", "--set", "size=2 KB"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[0]["workload"], "mine");
    assert_eq!(records[0]["parameters"], serde_json::json!({ "items": 30, "size": 2048 }));
    let samples: Vec<&Value> = records.iter().filter(|record| record["type"] == "sample").collect();
    let buffers = |at: usize| samples[at]["arrayBuffers"].as_u64().unwrap();
    assert_eq!(buffers(2) - buffers(0), 60 * 2048);
}

#[test]
fn every_shipped_workload_is_well_formed_and_explained() {
    for name in NAMES {
        let workload = by_name(name, Sizes::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(workload.about.len() > 150, "{name} says why it exists");
        assert_ne!(workload.description.get(Lang::En), workload.description.get(Lang::Zh), "{name}");
    }
    assert!(NAMES.len() >= 18);
    assert_eq!(shipped::all().len(), NAMES.len());
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workloads");
    let files = fs::read_dir(directory)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "toml"));
    assert_eq!(files.count(), NAMES.len(), "every file of workloads/ is listed in shipped.rs");
}

/// Writes down every record but what the machine decides.
#[derive(Default)]
struct Notes(String);

impl Notes {
    fn note(&mut self, record: &impl std::fmt::Debug) -> Result<(), RunError> {
        self.0.push_str(&format!("{record:?}\n"));
        Ok(())
    }
}

impl Sink for Notes {
    fn config(&mut self, record: ConfigRecord) -> Result<(), RunError> {
        self.note(&record)
    }
    fn sample(&mut self, record: SampleRecord) -> Result<(), RunError> {
        self.note(&SampleRecord { rss: 0, ..record })
    }
    fn gc(&mut self, record: GcRecord) -> Result<(), RunError> {
        self.note(&record)
    }
    fn trace(&mut self, lines: &str) -> Result<(), RunError> {
        self.note(&lines)
    }
    fn fatal(&mut self, record: FatalRecord, _: &FatalText) -> Result<(), RunError> {
        self.note(&record)
    }
    fn end(&mut self, record: EndRecord) -> Result<(), RunError> {
        self.note(&EndRecord { wall_ms: 0.0, peak_rss: None, ..record })
    }
    fn note(&mut self, text: &Text) -> Result<(), RunError> {
        Notes::note(self, text)
    }
}

/// The workload in a size that a test can wait for.
fn small(name: &str) -> membench::workload::Workload {
    let own = by_name(name, Sizes::default()).unwrap();
    let sizes = Sizes {
        iterations: own.parameters.iter().any(|parameter| parameter.name == "iterations").then_some(3),
        records: own.parameter("records").map(|records| records.div_ceil(20)),
        buffer_size: own.parameter("bufferSize").map(|_| Mib(1)),
        set: Vec::new(),
    };
    by_name(name, sizes).unwrap()
}

fn notes(name: &str, seed: u64) -> String {
    let heap = HeapFlags { max_old_space: Some(Mib(24)), max_semi_space: Some(Mib(1)), ..HeapFlags::default() };
    let mut options = RunOptions { heap, seed, expose_gc: true, ..RunOptions::default() };
    options.platform.memory = Some(4 << 30);
    let (settings, _) = Settings::resolve(Vec::new(), &options).unwrap();
    let mut notes = Notes::default();
    simulate(&small(name), &settings, &mut notes, true).unwrap_or_else(|error| panic!("{name}: {error}"));
    notes.0
}

#[test]
fn every_shipped_workload_runs_the_same_way_twice_on_a_heap_that_checks_itself() {
    for name in NAMES {
        let first = notes(name, 1);
        assert!(first.contains("EndRecord"), "{name}");
        assert_eq!(first, notes(name, 1), "{name}: replay with `membench run {name} --iterations 3 --seed 1`");
    }
}

#[test]
fn another_seed_draws_other_numbers() {
    assert_ne!(notes("cache-random", 1), notes("cache-random", 2));
}

/// Node, if there is one; told where it is missing.
fn node() -> Option<Command> {
    let found = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: there is no node on PATH\n");
    }
    found.then(|| Command::new("node"))
}

#[test]
fn the_generator_gives_the_same_numbers_in_javascript() {
    let Some(mut node) = node() else { return };
    let scratch = Scratch::new("generator");
    for seed in [0, 1, 42, u64::MAX] {
        let program = javascript(&by_name("cache-random", Sizes::default()).unwrap(), seed);
        let start = program.find("let random = ").expect("the generator is there");
        let end = start + program[start..].find("\n}\n").unwrap() + 3;
        let asks = "const seen = [];\nfor (let i = 1; i <= 5000; i++) seen.push(draw(i, i * 400000));\nconsole.log(seen.join(' '));\n";
        let path = scratch.0.join("draw.cjs");
        fs::write(&path, format!("{}{asks}", &program[start..end])).unwrap();
        let output = node.arg(&path).output().unwrap();
        node = Command::new("node");
        let mut random = Random::new(seed);
        let expected: Vec<String> = (1..=5000).map(|i| random.draw(i, i * 400_000).to_string()).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected.join(" "), "seed {seed}");
    }
}

#[test]
fn every_program_is_javascript() {
    if node().is_none() {
        return;
    }
    let scratch = Scratch::new("javascript");
    for name in NAMES {
        let path = scratch.0.join(format!("{name}.cjs"));
        let emitted = membench().args(["run", name, "--emit-js"]).arg(&path).output().unwrap();
        assert_eq!(emitted.status.code(), Some(0), "{emitted:?}");
        let checked = Command::new("node").arg("--check").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn both_engines_keep_as_much() {
    if node().is_none() {
        return;
    }
    // What is kept after a full collection is the same number of bytes, whenever the collections before it were.
    let scratch = Scratch::new("both-keep");
    let path = scratch.0.join("keep.toml");
    fs::write(&path, fs::read_to_string(data("keep.toml")).unwrap()).unwrap();
    let kept = |engine: &str| {
        let output = run(&[
            "run",
            path.to_str().unwrap(),
            "--expose-gc",
            "--format",
            "json",
            "--node",
            "20",
            "--seed",
            "7",
            "--engine",
            engine,
        ]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let used: Vec<u64> = records
            .iter()
            .filter(|record| record["label"] == "after gc")
            .map(|record| record["heapUsed"].as_u64().unwrap())
            .collect();
        used[1] - used[0]
    };
    let major = Command::new("node").arg("--version").output().unwrap();
    if !String::from_utf8_lossy(&major.stdout).starts_with("v20.") {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: the node on PATH is not 20\n");
        return;
    }
    let (sim, node) = (kept("sim"), kept("node"));
    assert!(sim.abs_diff(node) * 50 < node, "kept bytes: sim {sim}, node {node}");
}

/// The words that the sentence about an unknown one lists.
fn known(source: &str) -> Vec<String> {
    let text = parse("t", "t", source, &Sizes::default()).expect_err(source);
    let sentence = text.get(Lang::En).to_owned();
    let list = sentence.split("known are ").nth(1).unwrap_or_else(|| panic!("{sentence}"));
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_keys_and_words_of_the_language() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let step = |step: &str| format!("description = 'd'\n[[phases]]\ndo = [{step}]\n");
    let keep = |keep: &str| format!("description = 'd'\n[keep]\nk = {keep}\n[[phases]]\ndo = []\n");
    let keys = [
        ("/properties", "?? = 1\n".replace("??", "x")),
        ("/$defs/phase/properties", "description = 'd'\n[[phases]]\nx = 1\n".into()),
        ("/$defs/step/properties", step("{ x = 1 }")),
        ("/$defs/table/properties", step("{ make = { x = 1 } }")),
        ("/$defs/keep/anyOf/1/properties", keep("{ x = 1 }")),
        ("/$defs/words/anyOf/1/properties", "description = { x = 1 }".into()),
        ("/$defs/quantity/anyOf/1/properties", step("{ make = { set = { x = 1 } } }")),
    ];
    for (place, source) in keys {
        let there = schema.pointer(place).unwrap_or_else(|| panic!("{place}")).as_object().unwrap();
        let mut there: Vec<String> = there.keys().cloned().collect();
        let mut known: Vec<String> =
            known(&source).iter().flat_map(|key| key.split(" or ").map(str::to_owned).collect::<Vec<_>>()).collect();
        there.sort();
        known.sort();
        assert_eq!(there, known, "{place}");
    }
    let words = [
        ("/$defs/keep/anyOf/0/enum", keep("'x'")),
        ("/$defs/keep/anyOf/1/properties/in/enum", keep("{ in = 'x' }")),
        ("/$defs/keep/anyOf/1/properties/until/enum", keep("{ until = 'x' }")),
        ("/$defs/step/properties/gc/enum", step("{ gc = 'x' }")),
        ("/$defs/step/properties/sample/enum", step("{ sample = 'x' }")),
        ("/$defs/table/properties/by/enum", step("{ make = { doubles = 1, by = 'x' } }")),
        ("/$defs/table/properties/promise/enum", step("{ make = { promise = 'x' } }")),
    ];
    for (place, source) in words {
        let there = schema.pointer(place).unwrap_or_else(|| panic!("{place}")).as_array().unwrap();
        let there: Vec<&str> = there.iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(there, known(&source), "{place}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_workloads() {
    let text = include_str!("../../../docs/workloads.md");
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(examples.len() >= 4);
    for example in &examples {
        parse("example", "docs/workloads.md", example, &Sizes::default())
            .unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
    let first = javascript(&parse("example", "example", examples[0], &Sizes::default()).unwrap(), 1);
    let shown = text.split("```js\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines() {
        assert!(first.lines().any(|made| made == line), "{line:?} stands in the program:\n{first}");
    }
}
