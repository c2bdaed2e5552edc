//! The comparison as a document: how it is measured, the tables, and where a cell stays outside. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::compare::{self, Comparison, Metric, SizeAtSample};
use super::subject::Library;
use super::table::{self, OUTSIDE, Rows, cells, error, limit, range, summaries};
use super::{Measured, Results};
use crate::report::text::{label, mib};
use crate::text::Lang;

/// Samples that are further off than this share are named one by one.
const BOUNDS: [(Metric, f64); 2] = [(Metric::HeapUsed, 0.03), (Metric::HeapTotal, 0.06)];
/// The most samples of one cell and one size that are named.
const NAMED: usize = 1;
/// What the unseen workloads are for, in words.
const UNSEEN: &str = include_str!("unseen.md");
/// Why samples differ, in words.
const WHY: &str = include_str!("why.md");

/// The whole document; `notes` say what else is to be known of the recordings of a library.
pub fn markdown(results: &Results, notes: &dyn Fn(Library) -> String) -> String {
    let far = Far::all(&results.shipped);
    let mut parts = vec![how(), conditions(results, &notes(Library::Shipped)), comparison(&results.shipped)];
    if !results.unseen.is_empty() {
        parts.push(unseen(&results.unseen, &notes(Library::Unseen)));
    }
    parts.extend([near(&results.shipped), samples(&far), why(&far)]);
    parts.join("\n")
}

fn how() -> String {
    format!(
        "# How far the simulation is from real Nodes\n\
         \n\
         Made by\n\
         \n    cargo xtask fidelity --unseen --write docs/fidelity.md\n\
         \n\
         from the recordings in `fidelity/recordings` and `fidelity/unseen/recordings`, and not edited by hand. The recordings are real runs; they are\n\
         made anew with `cargo xtask fidelity --record 5`, which needs the real Nodes (`cargo xtask fetch-node 20 22 24 26`)\n\
         and a machine that does nothing else.\n\
         \n\
         ## How it is measured\n\
         \n\
         A cell is a workload as one Node version below one limit. Its real runs were recorded with what a run is compared\n\
         by: how it ended, in which iteration and where, how many collections there were, and `process.memoryUsage()` at\n\
         each sample. The simulation runs the same workload with the same flags and the memory of the recording machine, in\n\
         virtual time.\n\
         \n\
         * The **error** of a size at a sample is its distance from the median of the real runs, as a share of that median.\n  \
         A cell shows the median over its samples.\n\
         * A size lies **inside** when it is in the spread of the real runs, least to greatest, widened by 5 % of the median;\n  \
         a count of collections and the iteration of death, when they are in the spread widened by 5 % of the median and by 1;\n  \
         the location, when a real run had it. What lies outside is marked {OUTSIDE}. The summary has, in brackets, the same share with\n  \
         counts widened by 1 only, where that is another.\n\
         * Real runs differ among themselves. The **mark to reach** is the same measure, taken of each real run against the\n  \
         others of its cell; rows `real` of the summary.\n"
    )
}

fn conditions(results: &Results, notes: &str) -> String {
    let runs = || results.shipped.iter().chain(&results.unseen).flat_map(|cell| &cell.real);
    let versions: BTreeSet<_> = runs()
        .map(|run| {
            let major = run.node.split('.').next().and_then(|major| major.parse::<u32>().ok());
            (major, format!("* Node {}, V8 {}", run.node, run.v8))
        })
        .collect();
    let machines: BTreeSet<_> =
        runs().map(|run| format!("* {} cores, {:.1} GB of memory", run.cores, mib(run.memory) / 1024.0)).collect();
    let mut text = "The real runs are of\n\n".to_owned();
    for line in versions.iter().map(|(_, line)| line).chain(&machines) {
        let _ = writeln!(text, "{line}");
    }
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}");
    }
    text
}

fn comparison(measured: &[Measured]) -> String {
    format!(
        "## Cells\n\nThe number of the simulation, and in brackets those of the real runs.\n\n{}\n\
         ## Summary\n\n{}",
        table(&cells(Lang::En, measured)),
        table(&summaries(Lang::En, measured)),
    )
}

fn unseen(measured: &[Measured], notes: &str) -> String {
    let mut text = format!("## Unseen workloads\n\n{UNSEEN}");
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}");
    }
    let _ = write!(
        text,
        "\n{}\n### Summary of the unseen workloads\n\n{}",
        table(&cells(Lang::En, measured)),
        table(&summaries(Lang::En, measured)),
    );
    text
}

/// Samples of one cell and one size that are far off.
struct Far<'a> {
    measured: &'a Measured,
    metric: Metric,
    /// All samples of the size in the cell.
    samples: usize,
    /// The worst first.
    sizes: Vec<&'a SizeAtSample>,
}

impl Far<'_> {
    fn all(measured: &[Measured]) -> Vec<Far<'_>> {
        let mut all = Vec::new();
        for one in measured {
            for (metric, bound) in BOUNDS {
                let samples = one.comparison.of_metric(metric).count();
                let mut sizes: Vec<_> = one.comparison.of_metric(metric).filter(|size| size.error() > bound).collect();
                sizes.sort_by(|a, b| b.error().partial_cmp(&a.error()).unwrap_or(Ordering::Equal));
                if !sizes.is_empty() {
                    all.push(Far { measured: one, metric, samples, sizes });
                }
            }
        }
        all
    }
}

/// How many single samples are near the median, a workload and version at a time, and how many of real runs are.
fn near(measured: &[Measured]) -> String {
    let [used, total] = BOUNDS.map(|(_, bound)| bound * 100.0);
    let mut groups: BTreeMap<(&str, u32), Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        groups.entry((&one.cell.workload, one.cell.node)).or_default().push(one);
    }
    let head = ["workload", "Node", "heapUsed", "real", "heapTotal", "real"];
    let mut rows: Rows = vec![head.map(str::to_owned).to_vec()];
    for ((workload, node), cells) in groups {
        let mut row = vec![workload.to_owned(), node.to_string()];
        for (metric, bound) in BOUNDS {
            let simulated = cells.iter().map(|cell| &cell.comparison);
            let real = cells.iter().flat_map(|cell| &cell.among);
            row.push(share_within(simulated, metric, bound));
            row.push(share_within(real, metric, bound));
        }
        rows.push(row);
    }
    format!(
        "## Single samples\n\n\
         Share of the samples at which `heapUsed` is at most {used:.0} % and `heapTotal` at most {total:.0} % from the median of the real\n\
         runs, over all limits; beside it the same share of the real runs, each against the median of the others.\n\n{}",
        table(&rows)
    )
}

fn share_within<'c>(runs: impl Iterator<Item = &'c Comparison>, metric: Metric, bound: f64) -> String {
    let near = runs.flat_map(|run| run.of_metric(metric)).map(|size| size.error() <= bound);
    compare::share(near).map_or_else(|| "-".to_owned(), table::share)
}

fn samples(far: &[Far<'_>]) -> String {
    let [used, total] = BOUNDS.map(|(_, bound)| bound * 100.0);
    let mut text = format!(
        "## Samples that are further off\n\n\
         Samples of the shipped workloads at which `heapUsed` is more than {used:.0} % or `heapTotal` more than {total:.0} % from the median of the\n\
         real runs: how many of the cell's there are, and the worst {NAMED} of them. \"Apart\" is how far the real runs\n\
         themselves are apart at that sample.\n\n"
    );
    let head = [
        "workload",
        "Node",
        "limit",
        "size",
        "samples",
        "worst",
        "simulation",
        "error",
        "real runs",
        "apart",
        "inside",
    ];
    let mut rows: Rows = vec![head.map(str::to_owned).to_vec()];
    for one in far {
        for (place, size) in one.sizes.iter().take(NAMED).enumerate() {
            let cell = &one.measured.cell;
            let many = if place == 0 { format!("{} of {}", one.sizes.len(), one.samples) } else { String::new() };
            rows.push(vec![
                cell.workload.clone(),
                cell.node.to_string(),
                limit(cell),
                one.metric.key().to_owned(),
                many,
                label(size.label, size.iteration).get(Lang::En).to_owned(),
                format!("{:.1} MB", mib(size.value)),
                error(size.error()),
                format!("{} MB", range(size.real.min / 1_048_576.0, size.real.max / 1_048_576.0, 1)),
                error(size.real.width()),
                if size.inside() { "yes" } else { "no" }.to_owned(),
            ]);
        }
    }
    if rows.len() == 1 {
        text.push_str("There are none.\n");
    } else {
        text.push_str(&table(&rows));
    }
    text
}

fn why(far: &[Far<'_>]) -> String {
    let sizes: Vec<&SizeAtSample> = far.iter().flat_map(|one| one.sizes.iter().copied()).collect();
    let inside = sizes.iter().filter(|size| size.inside()).count();
    let apart = |size: &SizeAtSample| {
        let bound = BOUNDS.iter().find(|(metric, _)| *metric == size.metric).map_or(0.0, |(_, bound)| *bound);
        size.real.width() > bound
    };
    let differ = sizes.iter().filter(|size| !size.inside() && apart(size)).count();
    let own = sizes.len() - inside - differ;
    format!(
        "## Where a cell stays outside, why\n\n{WHY}\n\
         Of the {} samples that are further off than these bounds, {inside} lie inside the spread of the real runs. Of\n\
         the others, real runs too are apart by more than the bound at {differ}; at the remaining {own} real runs agree\n\
         among themselves, and time does not explain the difference.\n",
        sizes.len(),
    )
}

/// `rows` as a table of Markdown.
fn table(rows: &Rows) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        // A lone asterisk would begin emphasis.
        let _ = writeln!(text, "| {} |", row.join(" | ").replace('*', "\\*"));
        if number == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_rule_under_their_head() {
        let rows = vec![vec!["a".to_owned(), "b".to_owned()], vec!["1*".to_owned(), String::new()]];
        assert_eq!(table(&rows), "| a | b |\n|---|---|\n| 1\\* |  |\n");
    }
}
