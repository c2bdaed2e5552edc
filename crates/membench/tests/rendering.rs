//! What people and programs read, compared with files: sample blocks, the JavaScript of each workload, records.

mod common;

use std::collections::BTreeMap;

use common::{data, snapshot};
use membench::engine::node::{script, trace_line};
use membench::record::{ConfigRecord, EndRecord, FatalRecord, LimitsRecord, OutcomeKey, SampleRecord, fatal_line};
use membench::report::{Story, beside, summary, text};
use membench::text::{Lang, Text};
use membench::workload::{Label, Sizes, shipped};

fn mb(size: f64) -> u64 {
    (size * 1_048_576.0).round() as u64
}

/// The numbers of the contract.
fn sample() -> SampleRecord {
    SampleRecord {
        iteration: 10,
        label: Label::Iteration,
        time_ms: 1.0,
        rss: mb(156.23),
        heap_total: mb(134.25),
        heap_used: mb(128.45),
        external: mb(1.23),
        array_buffers: mb(0.01),
        modelled_rss: None,
    }
}

#[test]
fn samples_are_those_of_the_contract_in_both_languages() {
    let title = Text::new("heap test", "堆内存测试");
    snapshot("sample.en.txt", &text::sample(Lang::En, &title, &sample(), false));
    snapshot("sample.zh.txt", &text::sample(Lang::Zh, &title, &sample(), false));
}

#[test]
fn the_other_samples_say_what_they_show() {
    let title = Text::new("compare test", "对比测试");
    let first = |lang, label| {
        let block = text::sample(lang, &title, &SampleRecord { label, ..sample() }, false);
        block.lines().next().unwrap().to_owned()
    };
    assert_eq!(first(Lang::En, Label::Cleared), "=== compare test - cleared ===");
    assert_eq!(first(Lang::En, Label::AfterGc), "=== compare test - after gc ===");
    assert_eq!(first(Lang::Zh, Label::Cleared), "=== 对比测试 - 清除引用后 ===");
    assert_eq!(first(Lang::Zh, Label::AfterGc), "=== 对比测试 - GC 后 ===");
}

#[test]
fn large_numbers_push_the_column_and_not_each_other() {
    let huge = SampleRecord { rss: mb(1_234_567.89), ..sample() };
    let block = text::sample(Lang::En, &Text::new("t", "t"), &huge, false);
    assert!(block.contains("RSS:         1234567.89 MB\n"), "{block}");
}

#[test]
fn the_script_of_each_workload_is_as_a_person_would_write_it() {
    for workload in shipped::all() {
        snapshot(&format!("{}.cjs", workload.name), &script::javascript(&workload, 1));
    }
}

#[test]
fn trace_lines_of_all_dialects_are_read() {
    let lines = std::fs::read_to_string(data("trace-lines.txt")).unwrap();
    let mut records = String::new();
    for line in lines.lines() {
        records.push_str(&serde_json::to_string(&trace_line::parse(line)).unwrap());
        records.push('\n');
    }
    snapshot("trace-lines.jsonl", &records);
}

/// A run that died in the iteration after `done` ones that kept 12 MB each.
fn story(engine: &'static str, node: &str, done: u64) -> Story {
    let at = |iteration: u64, label| SampleRecord {
        iteration,
        label,
        heap_used: mb(4.0 + 12.0 * iteration as f64),
        modelled_rss: (engine == "sim").then_some(mb(99.0)),
        ..sample()
    };
    let location = "Reached heap limit".to_owned();
    Story {
        config: ConfigRecord {
            engine,
            node: node.into(),
            v8: None,
            workload: "heap".into(),
            parameters: BTreeMap::new(),
            flags: Vec::new(),
            memory: 8 << 30,
            limits: LimitsRecord { max_old_space: Some(64 << 20), ..LimitsRecord::default() },
            clock: "virtual",
            seed: 1,
        },
        samples: std::iter::once(at(0, Label::Start)).chain((1..=done).map(|i| at(i, Label::Iteration))).collect(),
        fatal: Some(FatalRecord { message: fatal_line(&location), location, iteration: done + 1, time_ms: 1234.0 }),
        end: Some(EndRecord {
            outcome: OutcomeKey::OutOfMemory,
            iterations: done,
            scavenges: 9,
            mark_compacts: 5,
            gc_ms: 321.0,
            time_ms: 1234.0,
            wall_ms: 99.5,
            peak_rss: Some(mb(99.0)),
            objects_allocated: Some(1_500_000),
            bytes_allocated: Some(mb(70.0)),
        }),
    }
}

#[test]
fn two_runs_stand_side_by_side() {
    let workload = shipped("heap", Sizes::default()).unwrap();
    let (sim, node) = (story("sim", "24", 4), story("node", "24.21.0", 5));
    let tables = [Lang::En, Lang::Zh].map(|lang| beside::table(lang, &workload, &sim, &node));
    snapshot("beside.txt", &tables.join("\n"));
}

#[test]
fn the_end_is_summed_up_in_both_languages() {
    let endless = shipped("heap", Sizes::default()).unwrap();
    let bounded = shipped("heap", Sizes { iterations: Some(8), ..Sizes::default() }).unwrap();
    let story = story("sim", "24", 4);
    let mut text = String::new();
    for lang in [Lang::En, Lang::Zh] {
        text.push_str(&summary::totals(lang, &endless, &story, false));
        text.push_str(&summary::out_of_memory(lang, &endless, &story));
        text.push_str(&summary::out_of_memory(lang, &bounded, &story));
    }
    snapshot("summary.txt", &text);
}
