//! The arithmetic of the comparison: one run against the real runs of its cell. Pure.
//!
//! The same functions measure a simulated run and, run by run against the others of its cell, the real ones: what real
//! runs reach among themselves is the mark that a simulation can reach. What holds: a share is from 0 to 1, and an
//! error is a share of the median of the real runs.

use std::collections::BTreeMap;

use super::recording::{Observed, Sample};
use crate::workload::Label;

/// What is compared lies inside the spread up to this share of the median beyond it.
const SLACK: f64 = 0.05;
/// Counts have so much more room: they are whole, and often small.
const COUNT_SLACK: f64 = 1.0;

/// Least, middle and greatest of the real runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The one in the middle, or the mean of the two.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; `None` when there are none.
    ///
    /// ```
    /// use membench::fidelity::compare::Spread;
    /// let spread = Spread::of([7, 1, 4, 2]).unwrap();
    /// assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 7.0));
    /// assert_eq!(Spread::of([]), None);
    /// ```
    pub fn of(values: impl IntoIterator<Item = u64>) -> Option<Spread> {
        // Sizes and counts stay far below 2^53.
        let mut values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
        values.sort_by(f64::total_cmp);
        Some(Spread { min: *values.first()?, median: median(&values)?, max: *values.last()? })
    }

    /// How far `value` is from the median, as a share of it.
    pub fn error(&self, value: u64) -> f64 {
        let off = (value as f64 - self.median).abs();
        if off == 0.0 { 0.0 } else { off / self.median.max(1.0) }
    }

    /// How far the real runs themselves are apart, as a share of the median.
    pub fn width(&self) -> f64 {
        (self.max - self.min) / self.median.max(1.0)
    }

    fn holds(&self, value: u64, slack: f64) -> bool {
        (self.min - slack..=self.max + slack).contains(&(value as f64))
    }

    /// Whether a size lies inside.
    pub fn holds_size(&self, size: u64) -> bool {
        self.holds(size, SLACK * self.median)
    }

    /// Whether a count, of collections or iterations, lies inside.
    pub fn holds_count(&self, count: u64) -> Inside {
        Inside { wide: self.holds(count, SLACK * self.median + COUNT_SLACK), narrow: self.holds(count, COUNT_SLACK) }
    }
}

/// Whether a count lies inside the spread of the real runs, widened in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// By 5 % of the median, and by 1.
    pub wide: bool,
    /// By 1 only.
    pub narrow: bool,
}

/// The middle of sorted `values`.
fn median(values: &[f64]) -> Option<f64> {
    let middle = values.len() / 2;
    Some(match values.len() {
        0 => return None,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    })
}

/// The middle of `values` in any order.
pub fn median_of(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    median(&values)
}

/// The sizes that are compared sample by sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Bytes of objects.
    HeapUsed,
    /// Memory of the heap.
    HeapTotal,
    /// Memory outside the heap.
    External,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Metric; 3] = [Metric::HeapUsed, Metric::HeapTotal, Metric::External];

    /// Node's name of it.
    pub fn key(self) -> &'static str {
        match self {
            Metric::HeapUsed => "heapUsed",
            Metric::HeapTotal => "heapTotal",
            Metric::External => "external",
        }
    }

    fn read(self, sample: &Sample) -> u64 {
        match self {
            Metric::HeapUsed => sample.heap_used,
            Metric::HeapTotal => sample.heap_total,
            Metric::External => sample.external,
        }
    }
}

/// One size of one sample beside the same of the real runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeAtSample {
    /// Which size.
    pub metric: Metric,
    /// Which sample.
    pub label: Label,
    /// Iterations that were finished then.
    pub iteration: u64,
    /// The size in the run that is compared.
    pub value: u64,
    /// The size in the real runs that came so far.
    pub real: Spread,
}

impl SizeAtSample {
    /// How far it is from the median of the real runs, as a share of it.
    pub fn error(&self) -> f64 {
        self.real.error(self.value)
    }

    /// It lies inside the spread of the real runs.
    pub fn inside(&self) -> bool {
        self.real.holds_size(self.value)
    }
}

/// A run against the real runs of its cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// A real run ended this way too.
    pub outcome: bool,
    /// The iteration in which it died lies inside the spread.
    pub death: Inside,
    /// A real run died at this location too.
    pub location: bool,
    /// Young collections lie inside the spread.
    pub scavenges: Inside,
    /// Full collections lie inside the spread.
    pub mark_compacts: Inside,
    /// Each size of each sample that a real run has too.
    pub sizes: Vec<SizeAtSample>,
}

impl Comparison {
    /// `run` against `real`; `None` when there are no real runs.
    pub fn of(run: &Observed, real: &[&Observed]) -> Option<Comparison> {
        let ends = Ends::of(real)?;
        let mut sizes = Vec::new();
        for sample in &run.samples {
            let there: Vec<&Sample> =
                real.iter().filter_map(|real| real.sample(sample.label, sample.iteration)).collect();
            for metric in Metric::ALL {
                let values = there.iter().map(|sample| metric.read(sample));
                sizes.extend(Spread::of(values).map(|real| SizeAtSample {
                    metric,
                    label: sample.label,
                    iteration: sample.iteration,
                    value: metric.read(sample),
                    real,
                }));
            }
        }
        Some(Comparison {
            outcome: real.iter().any(|real| real.outcome == run.outcome),
            death: ends.iteration.holds_count(run.last_iteration()),
            location: real.iter().any(|real| real.location == run.location),
            scavenges: ends.scavenges.holds_count(run.scavenges),
            mark_compacts: ends.mark_compacts.holds_count(run.mark_compacts),
            sizes,
        })
    }

    /// All samples of one size.
    pub fn of_metric(&self, metric: Metric) -> impl Iterator<Item = &SizeAtSample> {
        self.sizes.iter().filter(move |size| size.metric == metric)
    }

    /// The error of one size: the median over the samples. `None` when the runs have no sample in common.
    pub fn error(&self, metric: Metric) -> Option<f64> {
        median_of(self.of_metric(metric).map(SizeAtSample::error))
    }

    /// Share of the samples whose size lies inside the spread.
    pub fn inside(&self, metric: Metric) -> Option<f64> {
        share(self.of_metric(metric).map(SizeAtSample::inside))
    }
}

/// How the real runs of a cell end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// Iterations in which they died, or the last one of those that completed.
    pub iteration: Spread,
    /// Young collections.
    pub scavenges: Spread,
    /// Full collections.
    pub mark_compacts: Spread,
}

impl Ends {
    /// The ends of `real`; `None` when there are none.
    pub fn of(real: &[&Observed]) -> Option<Ends> {
        let spread = |read: fn(&Observed) -> u64| Spread::of(real.iter().map(|real| read(real)));
        Some(Ends {
            iteration: spread(Observed::last_iteration)?,
            scavenges: spread(|real| real.scavenges)?,
            mark_compacts: spread(|real| real.mark_compacts)?,
        })
    }
}

/// How many of `values` there are of each, the most frequent first.
pub fn frequencies<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Each real run of a cell against the others of it. Empty when there is only one.
pub fn among_themselves(real: &[&Observed]) -> Vec<Comparison> {
    (0..real.len())
        .filter_map(|index| {
            let others: Vec<&Observed> = [&real[..index], &real[index + 1..]].concat();
            Comparison::of(real[index], &others)
        })
        .collect()
}

/// Many comparisons in one line: shares of those inside, and medians of the errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Comparisons.
    pub cells: usize,
    /// Share with an outcome of the real runs.
    pub outcome: f64,
    /// Share that died in an iteration of the real runs.
    pub death: Shares,
    /// Share that died at a location of the real runs.
    pub location: f64,
    /// Median of the errors of the sizes, in the order of [`Metric::ALL`].
    pub errors: [Option<f64>; 3],
    /// Share of all samples inside the spread, in the same order.
    pub inside: [Option<f64>; 3],
    /// Share with as many young collections as the real runs.
    pub scavenges: Shares,
    /// Share with as many full collections.
    pub mark_compacts: Shares,
}

/// Shares of those that lie [`Inside`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// By 5 % of the median, and by 1.
    pub wide: f64,
    /// By 1 only.
    pub narrow: f64,
}

impl Summary {
    /// The summary of `comparisons`; `None` when there are none.
    pub fn of(comparisons: &[&Comparison]) -> Option<Summary> {
        let part = |read: fn(&Comparison) -> bool| share(comparisons.iter().map(|comparison| read(comparison)));
        let parts = |read: fn(&Comparison) -> Inside| {
            let inside = || comparisons.iter().map(|comparison| read(comparison));
            Some(Shares {
                wide: share(inside().map(|inside| inside.wide))?,
                narrow: share(inside().map(|inside| inside.narrow))?,
            })
        };
        Some(Summary {
            cells: comparisons.len(),
            outcome: part(|comparison| comparison.outcome)?,
            death: parts(|comparison| comparison.death)?,
            location: part(|comparison| comparison.location)?,
            errors: Metric::ALL
                .map(|metric| median_of(comparisons.iter().filter_map(|comparison| comparison.error(metric)))),
            inside: Metric::ALL.map(|metric| {
                share(comparisons.iter().flat_map(|comparison| comparison.of_metric(metric)).map(SizeAtSample::inside))
            }),
            scavenges: parts(|comparison| comparison.scavenges)?,
            mark_compacts: parts(|comparison| comparison.mark_compacts)?,
        })
    }
}

/// Share of `values` that are true; `None` when there are none.
pub(super) fn share(values: impl Iterator<Item = bool>) -> Option<f64> {
    let (count, inside) = values.fold((0_u32, 0_u32), |(count, inside), value| (count + 1, inside + u32::from(value)));
    (count > 0).then(|| f64::from(inside) / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::OutcomeKey;

    fn run(iterations: u64, location: &str, scavenges: u64, mark_compacts: u64, used: &[u64]) -> Observed {
        let sample = |(iteration, heap_used): (u64, &u64)| Sample {
            label: Label::Iteration,
            iteration,
            heap_total: 2 * heap_used,
            heap_used: *heap_used,
            external: 7,
            array_buffers: 0,
        };
        Observed {
            outcome: OutcomeKey::OutOfMemory,
            iterations,
            location: Some(location.into()),
            scavenges,
            mark_compacts,
            samples: (1..).zip(used).map(sample).collect(),
        }
    }

    #[test]
    fn spreads() {
        // Values, then least, median, greatest and width.
        let cases: [(&[u64], [f64; 4]); 4] = [
            (&[5], [5.0, 5.0, 5.0, 0.0]),
            (&[3, 1, 2], [1.0, 2.0, 3.0, 1.0]),
            (&[4, 1, 2, 3], [1.0, 2.5, 4.0, 1.2]),
            (&[0, 0], [0.0, 0.0, 0.0, 0.0]),
        ];
        for (values, [min, median, max, width]) in cases {
            let spread = Spread::of(values.iter().copied()).unwrap();
            assert_eq!((spread, spread.width()), (Spread { min, median, max }, width), "{values:?}");
        }
    }

    #[test]
    fn a_size_is_inside_up_to_five_percent_of_the_median_beyond_the_spread() {
        // Real values, value, error, inside.
        let cases: [(&[u64], u64, f64, bool); 7] = [
            (&[100], 100, 0.0, true),
            (&[100], 105, 0.05, true),
            (&[100], 106, 0.06, false),
            (&[100], 94, 0.06, false),
            (&[90, 100, 120], 125, 0.25, true),
            (&[90, 100, 120], 84, 0.16, false),
            (&[0, 0, 0], 0, 0.0, true),
        ];
        for (real, value, error, inside) in cases {
            let spread = Spread::of(real.iter().copied()).unwrap();
            assert!((spread.error(value) - error).abs() < 1e-12, "{real:?} {value}");
            assert_eq!(spread.holds_size(value), inside, "{real:?} {value}");
        }
    }

    #[test]
    fn a_count_is_inside_up_to_five_percent_of_the_median_and_one_beyond_the_spread() {
        // Real counts, then the least and the greatest that are inside, and the same with one only.
        let cases: [(&[u64], [u64; 2], [u64; 2]); 3] =
            [(&[10, 12], [9, 13], [9, 13]), (&[100], [94, 106], [99, 101]), (&[40, 50, 60], [37, 63], [39, 61])];
        for (real, wide, narrow) in cases {
            let spread = Spread::of(real.iter().copied()).unwrap();
            let ends = |inside: fn(Inside) -> bool| {
                let mut inside = (0..200).filter(|count| inside(spread.holds_count(*count)));
                [inside.next().unwrap(), inside.next_back().unwrap()]
            };
            assert_eq!((ends(|inside| inside.wide), ends(|inside| inside.narrow)), (wide, narrow), "{real:?}");
        }
    }

    #[test]
    fn a_run_is_compared_with_all_real_runs_that_came_so_far() {
        let real = [run(2, "a", 10, 5, &[100, 200]), run(3, "b", 14, 5, &[110, 220, 330])];
        let real: Vec<&Observed> = real.iter().collect();
        // Iterations, location, counts and samples of a run; then what lies inside and the error of heapUsed.
        let cases = [
            (run(2, "a", 9, 6, &[105, 210]), [true, true, true, true], 0.0, 2),
            (run(1, "c", 8, 7, &[105]), [true, false, false, false], 0.0, 1),
            (run(3, "b", 15, 4, &[105, 210, 396, 1]), [true, true, true, true], 0.0, 3),
            (run(5, "a", 16, 5, &[210]), [false, true, false, true], 1.0, 1),
        ];
        for (run, [death, location, scavenges, mark_compacts], error, samples) in cases {
            let comparison = Comparison::of(&run, &real).unwrap();
            let counts = [comparison.death, comparison.scavenges, comparison.mark_compacts].map(|count| count.narrow);
            let got = [counts[0], comparison.location, counts[1], counts[2]];
            assert_eq!(got, [death, location, scavenges, mark_compacts], "{run:?}");
            assert!(comparison.outcome);
            assert_eq!(comparison.error(Metric::HeapUsed), Some(error), "{run:?}");
            assert_eq!(comparison.of_metric(Metric::HeapTotal).count(), samples, "{run:?}");
        }
        assert_eq!(Comparison::of(real[0], &[]), None);
    }

    #[test]
    fn real_runs_are_held_against_the_others_only() {
        let real = [run(2, "a", 10, 5, &[100]), run(2, "a", 10, 5, &[100]), run(5, "b", 20, 5, &[150])];
        let real: Vec<&Observed> = real.iter().collect();
        let among = among_themselves(&real);
        let inside: Vec<[bool; 3]> =
            among.iter().map(|one| [one.death.wide, one.location, one.scavenges.wide]).collect();
        assert_eq!(inside, [[true, true, true], [true, true, true], [false, false, false]]);
        let summary = Summary::of(&among.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(summary.cells, 3);
        assert!((summary.death.wide - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(summary.mark_compacts, Shares { wide: 1.0, narrow: 1.0 });
        // Errors: 100 against 125 twice, 150 against 100.
        assert_eq!(summary.errors[0], Some(0.2));
        assert_eq!(summary.inside[0], Some(2.0 / 3.0));
        assert!(among_themselves(&real[..1]).is_empty());
    }

    #[test]
    fn the_most_frequent_comes_first() {
        assert_eq!(frequencies(["b", "a", "b"]), [("b", 2), ("a", 1)]);
    }
}
