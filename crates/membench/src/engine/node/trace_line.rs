//! Reads the lines that `--trace-gc` and `--trace-gc-nvp` print, in the dialects of Node 10 to 26. Pure.
//!
//! Sizes on a trace line are megabytes with one decimal, so the bytes made from them are right to 0.1 MB.

use crate::cli::value::{ADDRESS_SPACE, MIB};
use crate::record::GcRecord;

/// The collection that `line` tells of; `None` for any other line.
///
/// ```
/// # use membench::engine::node::trace_line::parse;
/// let gc = parse("[12:0x3a] 26 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.22 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ").unwrap();
/// assert_eq!((gc.kind, gc.pause_ms, gc.reason.as_str()), ("scavenge", 1.22, "allocation failure"));
/// ```
pub fn parse(line: &str) -> Option<GcRecord> {
    let (time_ms, rest) = after_prefix(line)?;
    if let Some(json) = rest.strip_prefix("GC: ") {
        return Pairs::Json(serde_json::from_str(json).ok()?).record(time_ms);
    }
    if rest.starts_with("pause=") {
        return Pairs::Names(rest).record(time_ms);
    }
    plain(time_ms, rest)
}

/// The time and the rest of a line that starts with V8's `[pid:isolate] N ms: `.
fn after_prefix(line: &str) -> Option<(f64, &str)> {
    let (process, rest) = line.strip_prefix('[')?.split_once(']')?;
    if !process.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = rest.split_once(" ms: ")?;
    Some((milliseconds(time)?, rest))
}

/// A time that can be: a number from 0 up.
fn milliseconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|ms: &f64| ms.is_finite() && *ms >= 0.0)
}

/// Names of collections and what they are; a name that starts with another one comes first.
const NAMES: [(&str, &str); 8] = [
    ("Scavenge", "scavenge"),
    ("Mark-Compact", "mark-compact"),
    ("Incremental Mark-Compact", "mark-compact"),
    ("Mark-sweep", "mark-compact"),
    ("Mark-Sweep", "mark-compact"),
    ("Incremental Minor Mark-Sweep", "scavenge"),
    ("Minor Mark-Sweep", "scavenge"),
    ("Minor Mark-Compact", "scavenge"),
];

fn plain(time_ms: f64, text: &str) -> Option<GcRecord> {
    let (name, kind) = NAMES.into_iter().find(|(name, _)| text.starts_with(name))?;
    let mut rest = text[name.len()..].trim_start();
    let mut reduce_memory = false;
    while let Some((flag, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        reduce_memory |= flag == "reduce";
        rest = after.trim_start();
    }
    let (before, rest) = rest.split_once(" -> ")?;
    let (after, rest) = rest.split_once(" MB, ")?;
    let (used_before, committed_before) = pair(before)?;
    let (used_after, committed_after) = pair(after)?;
    let rest = match rest.strip_prefix("pooled: ") {
        Some(pooled) => pooled.split_once(" MB, ")?.1,
        None => rest,
    };
    let (pause, rest) = rest.split_once(" / ")?;
    let (_, rest) = rest.split_once(" ms")?;
    let mut rest = rest.trim_start();
    let mut incremental = name.starts_with("Incremental");
    if rest.starts_with("(+ ") {
        incremental = true;
        rest = rest.split_once(')')?.1.trim_start();
    }
    let (mut average, mut current) = (None, None);
    if let Some((utilization, after)) = rest.strip_prefix("(average mu = ").and_then(|rest| rest.split_once(')')) {
        let (first, second) = utilization.split_once(", current mu = ")?;
        (average, current) = (first.parse().ok(), second.parse().ok());
        rest = after;
    }
    let (reason, collector_reason) = reasons(rest.trim());
    Some(GcRecord {
        kind,
        reason,
        collector_reason,
        incremental,
        reduce_memory,
        time_ms,
        pause_ms: milliseconds(pause)?,
        used_before,
        used_after,
        committed_before: Some(committed_before),
        committed_after: Some(committed_after),
        promoted: None,
        survived: None,
        mutator_utilization: current,
        average_mutator_utilization: average,
        old_generation_limit: None,
    })
}

/// `3.9 (4.0)` in bytes.
fn pair(text: &str) -> Option<(u64, u64)> {
    let (used, committed) = text.trim().strip_suffix(')')?.split_once(" (")?;
    Some((megabytes(used)?, megabytes(committed)?))
}

fn megabytes(text: &str) -> Option<u64> {
    let number: f64 = text.trim().parse().ok()?;
    let bytes = (number * MIB as f64).round();
    (0.0..=ADDRESS_SPACE as f64).contains(&bytes).then_some(bytes as u64)
}

/// The reasons: `a; b` since Node 16, `[a] [b]` or `a b` before it.
fn reasons(text: &str) -> (String, String) {
    if let Some((reason, collector)) = text.split_once(';') {
        return (reason.trim().to_owned(), collector.trim().to_owned());
    }
    let mut bracketed = text.split(['[', ']']).map(str::trim).filter(|part| !part.is_empty());
    if text.starts_with('[') {
        return (bracketed.next().unwrap_or_default().to_owned(), bracketed.next().unwrap_or_default().to_owned());
    }
    const COLLECTOR_REASONS: [&str; 5] = [
        "GC in old space requested",
        "GC in old space forced by flags",
        "scavenge might not succeed",
        "Incremental marking needs finalization",
        "Incremental marking forced finalization",
    ];
    for collector in COLLECTOR_REASONS {
        if let Some(reason) = text.strip_suffix(collector) {
            return (reason.trim().to_owned(), collector.to_owned());
        }
    }
    (text.to_owned(), String::new())
}

/// A collection as names and values.
enum Pairs<'a> {
    Names(&'a str),
    Json(serde_json::Value),
}

impl Pairs<'_> {
    fn text(&self, name: &str) -> Option<String> {
        match self {
            Pairs::Names(pairs) => pairs
                .split_whitespace()
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .map(|value| value.trim_end_matches(',').to_owned()),
            Pairs::Json(object) => match object.get(name)? {
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        }
    }

    fn number<T: std::str::FromStr>(&self, names: [&str; 2]) -> Option<T> {
        names.into_iter().find_map(|name| self.text(name)?.parse().ok())
    }

    fn record(&self, time_ms: f64) -> Option<GcRecord> {
        Some(GcRecord {
            kind: match self.text("gc")?.as_str() {
                // `ms` was the full collector before there was a young mark-sweep, which is `mms`.
                "mc" | "ms" => "mark-compact",
                _ => "scavenge",
            },
            reason: self.text("reason").unwrap_or_default(),
            collector_reason: self.text("collector_reason").unwrap_or_default(),
            incremental: self.number(["incremental_steps_count", "incremental.steps_count"]).unwrap_or(0_u64) > 0,
            reduce_memory: self.text("reduce_memory").is_some_and(|value| value == "1" || value == "true"),
            time_ms,
            pause_ms: milliseconds(&self.text("pause")?)?,
            used_before: self.number(["start_object_size", "total_size_before"])?,
            used_after: self.number(["end_object_size", "total_size_after"])?,
            committed_before: self.number(["start_memory_size", "start_memory_size"]),
            committed_after: self.number(["end_memory_size", "end_memory_size"]),
            promoted: self.number(["promoted", "promoted"]),
            survived: self.number(["new_space_survived", "semi_space_copied"]),
            mutator_utilization: None,
            average_mutator_utilization: None,
            old_generation_limit: self.number(["old_gen_allocation_limit", "old_gen_allocation_limit"]),
        })
    }
}
