//! The comparison as one aligned table, as rows for the document, and as JSON lines. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::{Comparison, Ends, Metric, Shares, Spread, Summary, frequencies};
use super::recording::{Cell, Observed};
use super::subject::Library;
use super::{Measured, Results};
use crate::engine::RunError;
use crate::record::OutcomeKey;
use crate::record::file::json_line;
use crate::report::summary::outcome;
use crate::report::text::{heading, pad_left, pad_right, width};
use crate::text::{Lang, Text};

/// What stands after a number that lies outside the spread of the real runs.
pub const OUTSIDE: &str = "*";

/// Cells of a table; the first row is its head.
pub type Rows = Vec<Vec<String>>;

/// All for people, a library at a time: the table of cells, what its marks mean, and the summary of each version.
pub fn text(lang: Lang, results: &Results) -> String {
    let legend = Text::new(
        format!(
            "In brackets: the real runs. Errors are medians over the samples, against the median of the real runs;\n\
             \"in\" is the share of samples inside the spread of the real runs. {OUTSIDE} lies outside it.\n\
             The real rows hold each real run against the others of its cell: the mark to reach. Counts may lie 5 % of\n\
             the median and 1 beyond the real runs; in brackets of the summary, 1 only."
        ),
        format!(
            "括号内为真实运行。误差为各采样相对真实运行中位数的误差的中位数;“in”为落在真实运行范围内的采样比例。\n\
             {OUTSIDE} 表示在范围之外。real 行是每次真实运行与同组其他真实运行的比较,即可达到的标准。\n\
             次数允许超出真实范围中位数的 5 % 再加 1;汇总中括号内只放宽 1。"
        ),
    );
    let mut parts = Vec::new();
    for (library, measured) in results.libraries() {
        if library == Library::Unseen {
            parts.push(heading(Text::new("unseen workloads", "未用于调校的负载").get(lang), false));
        }
        parts.push(format!("{}\n{}\n", aligned(&cells(lang, measured)), legend.get(lang)));
        parts.push(aligned(&summaries(lang, measured)));
    }
    parts.join("\n")
}

/// A row for each cell.
pub fn cells(lang: Lang, measured: &[Measured]) -> Rows {
    let head = [
        ("workload", "负载"),
        ("Node", "Node"),
        ("limit", "上限"),
        ("outcome", "结果"),
        ("iteration", "迭代"),
        ("location", "终止位置"),
        ("heapUsed", "heapUsed"),
        ("in", "in"),
        ("heapTotal", "heapTotal"),
        ("in", "in"),
        ("external", "external"),
        ("in", "in"),
        ("scavenges", "scavenge"),
        ("mark-compacts", "mark-compact"),
    ];
    let mut rows = vec![head.map(|(en, zh)| Text::new(en, zh).get(lang).to_owned()).to_vec()];
    rows.extend(measured.iter().filter_map(|measured| row(lang, measured)));
    rows
}

fn row(lang: Lang, measured: &Measured) -> Option<Vec<String>> {
    let Measured { cell, simulated, comparison, .. } = measured;
    let ends = Ends::of(&observed(measured))?;
    let mut row = vec![cell.workload.clone(), cell.node.to_string(), limit(cell)];
    row.push(format!("{}{}", outcome(simulated.outcome).get(lang), mark(comparison.outcome)));
    row.push(count(simulated.last_iteration(), comparison.death.wide, &ends.iteration));
    let real: Vec<String> =
        locations(measured).iter().map(|(name, count)| format!("{} {count}", short(name))).collect();
    row.push(match &simulated.location {
        Some(location) => format!("{}{} ({})", short(location), mark(comparison.location), real.join(", ")),
        None => format!("-{}", mark(comparison.location)),
    });
    for metric in Metric::ALL {
        row.push(comparison.error(metric).map_or("-".into(), error));
        row.push(comparison.inside(metric).map_or("-".into(), share));
    }
    row.push(count(simulated.scavenges, comparison.scavenges.wide, &ends.scavenges));
    row.push(count(simulated.mark_compacts, comparison.mark_compacts.wide, &ends.mark_compacts));
    Some(row)
}

/// Two rows for each version and two for all: the simulation, and the real runs among themselves.
pub fn summaries(lang: Lang, measured: &[Measured]) -> Rows {
    let head = [
        ("Node", "Node"),
        ("runs", "运行"),
        ("number", "数目"),
        ("outcome", "结果"),
        ("death", "终止迭代"),
        ("location", "终止位置"),
        ("heapUsed", "heapUsed"),
        ("in", "in"),
        ("heapTotal", "heapTotal"),
        ("in", "in"),
        ("external", "external"),
        ("in", "in"),
        ("scavenges", "scavenge"),
        ("mark-compacts", "mark-compact"),
    ];
    let mut rows = vec![head.map(|(en, zh)| Text::new(en, zh).get(lang).to_owned()).to_vec()];
    let mut versions: Vec<(String, Vec<&Measured>)> =
        by_version(measured).into_iter().map(|(node, cells)| (node.to_string(), cells)).collect();
    if versions.len() > 1 {
        versions.push((Text::new("all", "全部").get(lang).to_owned(), measured.iter().collect()));
    }
    for (name, cells) in &versions {
        for (who, summary) in [("sim", simulated(cells)), ("real", real(cells))] {
            rows.extend(summary.map(|summary| summary_row(name, who, &summary)));
        }
    }
    rows
}

fn summary_row(name: &str, who: &str, summary: &Summary) -> Vec<String> {
    let mut row = vec![name.to_owned(), who.to_owned(), summary.cells.to_string()];
    row.extend([share(summary.outcome), shares(summary.death), share(summary.location)]);
    for (median, inside) in summary.errors.into_iter().zip(summary.inside) {
        row.push(median.map_or("-".into(), error));
        row.push(inside.map_or("-".into(), share));
    }
    row.extend([summary.scavenges, summary.mark_compacts].map(shares));
    row
}

/// The cells of each version.
fn by_version(measured: &[Measured]) -> BTreeMap<u32, Vec<&Measured>> {
    let mut versions: BTreeMap<u32, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        versions.entry(one.cell.node).or_default().push(one);
    }
    versions
}

fn simulated(cells: &[&Measured]) -> Option<Summary> {
    Summary::of(&cells.iter().map(|cell| &cell.comparison).collect::<Vec<&Comparison>>())
}

fn real(cells: &[&Measured]) -> Option<Summary> {
    Summary::of(&cells.iter().flat_map(|cell| &cell.among).collect::<Vec<&Comparison>>())
}

fn observed(measured: &Measured) -> Vec<&Observed> {
    measured.real.iter().map(|run| &run.observed).collect()
}

fn locations(measured: &Measured) -> Vec<(&str, usize)> {
    frequencies(measured.real.iter().filter_map(|run| run.observed.location.as_deref()))
}

/// `--max-old-space` of a cell.
pub fn limit(cell: &Cell) -> String {
    cell.max_old_space.map_or("default".into(), |limit| format!("{} MB", limit.0))
}

fn mark(inside: bool) -> &'static str {
    if inside { "" } else { OUTSIDE }
}

fn count(value: u64, inside: bool, real: &Spread) -> String {
    format!("{value}{} ({})", mark(inside), range(real.min, real.max, 0))
}

/// `12` or `11-14`.
pub fn range(min: f64, max: f64, decimals: usize) -> String {
    let (min, max) = (format!("{min:.decimals$}"), format!("{max:.decimals$}"));
    if min == max { min } else { format!("{min}-{max}") }
}

/// The first word of a location tells them apart.
fn short(location: &str) -> &str {
    location.split(' ').next().unwrap_or(location)
}

/// A small share, for an error.
pub fn error(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// A share, for what lies inside.
pub(super) fn share(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// Of counts: beside it the share with a spread widened by 1 only, where that is another.
fn shares(of: Shares) -> String {
    let [wide, narrow] = [of.wide, of.narrow].map(share);
    if wide == narrow { wide } else { format!("{wide} ({narrow})") }
}

/// `rows` in columns: numbers end where the column ends, words begin where it begins.
fn aligned(rows: &Rows) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| width(&cell(row, column))).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = (0..columns)
            .map(|column| {
                let (value, columns) = (cell(row, column), widths[column]);
                let numbers = rows.iter().skip(1).all(|row| cell(row, column).ends_with(['%', '-']));
                if numbers { pad_left(&value, columns) } else { pad_right(&value, columns) }
            })
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A line of `--format json` for a cell.
#[derive(Serialize)]
#[serde(tag = "type", rename = "cell", rename_all = "camelCase")]
struct CellLine<'a> {
    library: Library,
    workload: &'a str,
    node: u32,
    max_old_space: Option<u64>,
    outcome: OutcomeKey,
    real_outcome: Option<OutcomeKey>,
    iteration: u64,
    real_iterations: [u64; 2],
    location: Option<&'a str>,
    real_locations: BTreeMap<&'a str, usize>,
    heap_used_error: Option<f64>,
    heap_total_error: Option<f64>,
    external_error: Option<f64>,
    scavenges: u64,
    real_scavenges: [u64; 2],
    mark_compacts: u64,
    real_mark_compacts: [u64; 2],
    inside: InsideLine,
    by_one: ByOne<bool>,
}

/// The same, of counts, with the spread widened by 1 only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ByOne<T> {
    death: T,
    scavenges: T,
    mark_compacts: T,
}

/// What lies inside the spread of the real runs; of sizes, the share of the samples that do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InsideLine {
    outcome: bool,
    death: bool,
    location: bool,
    heap_used: Option<f64>,
    heap_total: Option<f64>,
    external: Option<f64>,
    scavenges: bool,
    mark_compacts: bool,
}

/// A line of `--format json` for a version: the simulation, or the real runs among themselves.
#[derive(Serialize)]
struct VersionLine {
    r#type: &'static str,
    library: Library,
    node: u32,
    #[serde(flatten)]
    summary: SummaryLine,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryLine {
    cells: usize,
    outcome: f64,
    death: f64,
    location: f64,
    heap_used_error: Option<f64>,
    heap_total_error: Option<f64>,
    external_error: Option<f64>,
    scavenges: f64,
    mark_compacts: f64,
    by_one: ByOne<f64>,
}

impl From<Summary> for SummaryLine {
    fn from(summary: Summary) -> SummaryLine {
        let [heap_used_error, heap_total_error, external_error] = summary.errors.map(|error| error.map(rounded));
        SummaryLine {
            cells: summary.cells,
            outcome: rounded(summary.outcome),
            death: rounded(summary.death.wide),
            location: rounded(summary.location),
            heap_used_error,
            heap_total_error,
            external_error,
            scavenges: rounded(summary.scavenges.wide),
            mark_compacts: rounded(summary.mark_compacts.wide),
            by_one: ByOne {
                death: rounded(summary.death.narrow),
                scavenges: rounded(summary.scavenges.narrow),
                mark_compacts: rounded(summary.mark_compacts.narrow),
            },
        }
    }
}

/// For each library a line a cell (`cell`), then two a version: the simulation (`fidelity`) and the mark to reach (`mark`).
///
/// # Errors
///
/// Never.
pub fn json(results: &Results) -> Result<Vec<u8>, RunError> {
    let mut lines = Vec::new();
    for (library, measured) in results.libraries() {
        for one in measured {
            let Some(ends) = Ends::of(&observed(one)) else { continue };
            lines.extend(json_line(&cell_line(library, one, &ends))?);
        }
        for (node, cells) in by_version(measured) {
            for (kind, summary) in [("fidelity", simulated(&cells)), ("mark", real(&cells))] {
                let Some(summary) = summary else { continue };
                lines.extend(json_line(&VersionLine { r#type: kind, library, node, summary: summary.into() })?);
            }
        }
    }
    Ok(lines)
}

fn cell_line<'a>(library: Library, measured: &'a Measured, ends: &Ends) -> CellLine<'a> {
    let Measured { cell, simulated, comparison, real, .. } = measured;
    let [heap_used_error, heap_total_error, external_error] =
        Metric::ALL.map(|metric| comparison.error(metric).map(rounded));
    let [heap_used, heap_total, external] = Metric::ALL.map(|metric| comparison.inside(metric).map(rounded));
    let real_outcome = frequencies(real.iter().map(|run| run.observed.outcome)).first().map(|most| most.0);
    CellLine {
        library,
        workload: &cell.workload,
        node: cell.node,
        max_old_space: cell.max_old_space.map(|limit| limit.0),
        outcome: simulated.outcome,
        real_outcome,
        iteration: simulated.last_iteration(),
        real_iterations: whole(&ends.iteration),
        location: simulated.location.as_deref(),
        real_locations: locations(measured).into_iter().collect(),
        heap_used_error,
        heap_total_error,
        external_error,
        scavenges: simulated.scavenges,
        real_scavenges: whole(&ends.scavenges),
        mark_compacts: simulated.mark_compacts,
        real_mark_compacts: whole(&ends.mark_compacts),
        inside: InsideLine {
            outcome: comparison.outcome,
            death: comparison.death.wide,
            location: comparison.location,
            heap_used,
            heap_total,
            external,
            scavenges: comparison.scavenges.wide,
            mark_compacts: comparison.mark_compacts.wide,
        },
        by_one: ByOne {
            death: comparison.death.narrow,
            scavenges: comparison.scavenges.narrow,
            mark_compacts: comparison.mark_compacts.narrow,
        },
    }
}

/// Least and greatest; both came from whole numbers.
fn whole(spread: &Spread) -> [u64; 2] {
    [spread.min as u64, spread.max as u64]
}

/// To five digits behind the point: more is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_end_and_columns_of_words_begin_together() {
        let rows = [["limit", "in"], ["64 MB", "5 %"], ["default", "100 %"]];
        let rows: Rows = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        assert_eq!(aligned(&rows), "limit       in\n64 MB      5 %\ndefault  100 %\n");
    }

    #[test]
    fn ranges() {
        assert_eq!(range(3.0, 3.0, 0), "3");
        assert_eq!(range(3.0, 4.0, 0), "3-4");
        assert_eq!(range(3.04, 3.05, 1), "3.0");
    }
}
