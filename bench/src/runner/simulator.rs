//! Runs of the simulator: membench from process start to its end, beside the real Node that runs the same program.

use super::process::{Cost, Program, found};
use crate::measure::median;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Limits at which `heap` is run, MiB, each with the most rounds: the real Node needs half a minute for the last.
const LIMITS: [(u32, u32); 3] = [(256, u32::MAX), (1024, 3), (4096, 1)];

/// Majors that are run.
const MAJORS: [u32; 2] = [24, 20];

/// One program on one engine.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) program: String,
    /// `gcheap as Node 24`, `Node 24`.
    pub(super) engine: String,
    /// Medians.
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    /// Wall time to that of the real Node of the major.
    pub(super) ratio: Option<f64>,
    /// Most resident memory, MiB, as the records have it.
    pub(super) peak_rss_mib: Option<f64>,
    /// How often it was run.
    pub(super) runs: usize,
    /// Most of heapTotal and external together, MiB; of a simulated run.
    pub(super) accounted_mib: Option<f64>,
}

struct Case {
    program: String,
    engine: String,
    arguments: Vec<String>,
    real: bool,
    rounds: u32,
    costs: Vec<Cost>,
}

/// Runs `heap`, `compare` and the library as far as they are wanted.
pub(super) fn run(membench: &Path, node: Option<&Path>, rounds: u32, parts: [bool; 3]) -> Result<Vec<Row>, String> {
    let [heap, compare, library] = parts;
    let mut cases = Vec::new();
    let nodes: Vec<(u32, Option<PathBuf>)> = MAJORS.iter().map(|&major| (major, real_node(major, node))).collect();
    for (limit, most) in LIMITS.into_iter().filter(|_| heap) {
        for (major, path) in &nodes {
            // The largest limit once: what differs between the majors shows at the smaller ones.
            if limit < 4096 || *major == MAJORS[0] {
                let arguments = ["heap".to_owned(), "--max-old-space".to_owned(), limit.to_string()];
                pair(&mut cases, &format!("heap {limit} MiB"), &arguments, *major, path.as_deref(), rounds.min(most));
            }
        }
    }
    for (major, path) in nodes.iter().filter(|_| compare) {
        let arguments = ["compare".to_owned(), "--expose-gc".to_owned()];
        pair(&mut cases, "compare", &arguments, *major, path.as_deref(), rounds);
    }
    for round in 1..=cases.iter().map(|case| case.rounds).max().unwrap_or(0) {
        for case in cases.iter_mut().filter(|case| round <= case.rounds) {
            eprintln!("round {round}: {}, {}", case.program, case.engine);
            let cost = Program::new(membench).args(&case.arguments).cost()?;
            ended_as_meant(case, &cost)?;
            case.costs.push(cost);
        }
    }
    let mut rows: Vec<Row> = cases.iter().map(|case| row(case, &cases)).collect();
    if library {
        rows.push(all_workloads(membench)?);
    }
    Ok(rows)
}

/// The simulated run of a major and, where there is one, the real.
fn pair(cases: &mut Vec<Case>, program: &str, start: &[String], major: u32, real: Option<&Path>, rounds: u32) {
    let mut add = |engine: String, more: &[&str], real: bool| {
        let fixed = ["--on-oom", "exit", "--format", "json", "--lang", "en"];
        let arguments = start.iter().cloned().chain(more.iter().chain(&fixed).map(|text| (*text).to_owned())).collect();
        cases.push(Case { program: program.to_owned(), engine, arguments, real, rounds, costs: Vec::new() });
    };
    add(format!("gcheap as Node {major}"), &["--node", &major.to_string()], false);
    if let Some(path) = real {
        add(format!("Node {major}"), &["--engine", &format!("node={}", path.display())], true);
    }
}

/// The Node of a major: one that was fetched, or the one of the workloads.
fn real_node(major: u32, node: Option<&Path>) -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/node/{major}/bin/node"));
    let is_major = |path: &Path| {
        let version = Program::new(path).args(["--version"]).cost();
        version.is_ok_and(|cost| cost.output.starts_with(&format!("v{major}.")))
    };
    let known = found(&fetched).into_iter().chain(node.map(Path::to_owned));
    let path = known.into_iter().find(|path| is_major(path));
    if path.is_none() {
        eprintln!("there is no Node {major}: cargo xtask fetch-node {major}");
    }
    path
}

/// `heap` dies with 134, everything else ends well.
fn ended_as_meant(case: &Case, cost: &Cost) -> Result<(), String> {
    let meant = if case.program.starts_with("heap") { 134 } else { 0 };
    match cost.status.code() {
        Some(code) if code == meant => Ok(()),
        _ => Err(format!("{}, {}: ended with {}, not with status {meant}", case.program, case.engine, cost.status)),
    }
}

fn row(case: &Case, cases: &[Case]) -> Row {
    let wall = |case: &Case| median(&case.costs.iter().map(|cost| cost.wall_ms).collect::<Vec<_>>());
    let major = case.engine.rsplit(' ').next().unwrap_or_default();
    let real = cases.iter().find(|other| other.real && other.program == case.program && other.engine.ends_with(major));
    let memory = case.costs.last().map(|cost| memory(&cost.output)).unwrap_or_default();
    Row {
        program: case.program.clone(),
        engine: case.engine.clone(),
        wall_ms: wall(case),
        cpu_ms: median(&case.costs.iter().map(|cost| cost.cpu_ms).collect::<Vec<_>>()),
        ratio: real.map(|real| wall(case) / wall(real)),
        peak_rss_mib: memory.0,
        runs: case.costs.len(),
        accounted_mib: memory.1.filter(|_| !case.real),
    }
}

/// From the records: most resident memory, and most of heapTotal and external together, MiB.
fn memory(records: &str) -> (Option<f64>, Option<f64>) {
    let (mut resident, mut accounted, mut external) = (0.0_f64, 0.0_f64, 0.0_f64);
    for record in records.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let number = |key: &str| record[key].as_f64().unwrap_or(0.0);
        match record["type"].as_str() {
            Some("sample") => {
                resident = resident.max(number("rss"));
                external = number("external");
                accounted = accounted.max(number("heapTotal") + external);
            }
            Some("gc") => accounted = accounted.max(number("committedBefore").max(number("committedAfter")) + external),
            Some("end") => resident = resident.max(number("peakRss")),
            _ => {}
        }
    }
    let mib = |bytes: f64| (bytes > 0.0).then_some(bytes / f64::from(1 << 20));
    (mib(resident), mib(accounted))
}

/// Every shipped workload, simulated, one after the other.
fn all_workloads(membench: &Path) -> Result<Row, String> {
    let list = Program::new(membench).args(["list", "--format", "json"]).cost()?.output;
    let (mut wall_ms, mut cpu_ms, mut count) = (0.0, 0.0, 0);
    for record in list.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(name) = record["name"].as_str() else { continue };
        eprintln!("library: {name}");
        let arguments = ["run", name, "--max-old-space", "256", "--expose-gc", "--on-oom", "exit", "--format", "json"];
        let cost = Program::new(membench).args(arguments).cost()?;
        if !matches!(cost.status.code(), Some(0 | 134)) {
            return Err(format!("the workload {name} ended with {}", cost.status));
        }
        (wall_ms, cpu_ms, count) = (wall_ms + cost.wall_ms, cpu_ms + cost.cpu_ms, count + 1);
    }
    Ok(Row {
        program: format!("all {count} workloads, 256 MiB"),
        engine: "gcheap as Node 24".to_owned(),
        wall_ms,
        cpu_ms,
        ratio: None,
        peak_rss_mib: None,
        runs: 1,
        accounted_mib: None,
    })
}
