//! What the collections of one process say together. Pure.

use serde::Serialize;

use crate::record::GcRecord;
use crate::report::text::mib;
use crate::text::Text;

/// Fewer full collections say nothing of growth.
const FEWEST: usize = 3;
/// What is left after the last full collections is this much more than after the first ones: it grows.
const GROWTH: f64 = 1.2;
/// A full collection that frees less than this share of what it found is in vain.
const IN_VAIN: f64 = 0.03;

/// Totals of the collections of a process, and what becomes of the heap.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Young collections.
    pub scavenges: usize,
    /// Full collections.
    pub mark_compacts: usize,
    /// Sum of the pauses, milliseconds.
    pub paused_ms: f64,
    /// The longest pause, milliseconds.
    pub longest_ms: f64,
    /// From the first collection to the last, milliseconds.
    pub span_ms: f64,
    /// Bytes of objects left after the first and after the last full collection.
    pub left: Option<[u64; 2]>,
    /// Full collections at the end of the log, one behind the other, that freed next to nothing.
    pub in_vain: usize,
    /// How what is left goes on.
    pub trend: Trend,
}

/// How what full collections leave goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// There are too few full collections.
    Unknown,
    /// It stays, or rises and falls.
    Steady,
    /// It grows: a leak, a cache without a bound, or a program that is still loading.
    Growing,
    /// It shrinks.
    Shrinking,
}

impl Verdict {
    /// What `collections`, in order, say.
    ///
    /// ```
    /// use membench::explain::{Verdict, read};
    /// let line = |time, used| format!("[1:0x2] {time} ms: Mark-Compact {used}.0 (90.0) -> {used}.0 (90.0) MB, 5.00 / 0.00 ms  (average mu = 0.9, current mu = 0.9) task; \n");
    /// let log = read(&[line(10, 20), line(20, 30), line(30, 40)].concat());
    /// let verdict = Verdict::of(&log.processes[0].collections);
    /// assert_eq!((verdict.mark_compacts, verdict.in_vain, verdict.left), (3, 3, Some([20 << 20, 40 << 20])));
    /// ```
    pub fn of(collections: &[GcRecord]) -> Verdict {
        let full: Vec<&GcRecord> = collections.iter().filter(|gc| gc.kind == "mark-compact").collect();
        let left: Vec<u64> = full.iter().map(|gc| gc.used_after).collect();
        let vain = |gc: &&&GcRecord| {
            let freed = gc.used_before.saturating_sub(gc.used_after);
            (freed as f64) < IN_VAIN * gc.used_before as f64
        };
        Verdict {
            scavenges: collections.len() - full.len(),
            mark_compacts: full.len(),
            paused_ms: collections.iter().map(|gc| gc.pause_ms).sum(),
            longest_ms: collections.iter().map(|gc| gc.pause_ms).fold(0.0, f64::max),
            span_ms: collections.last().zip(collections.first()).map_or(0.0, |(last, first)| {
                // The first line tells of a pause that began before it.
                last.time_ms - first.time_ms + first.pause_ms
            }),
            left: left.first().zip(left.last()).map(|(first, last)| [*first, *last]),
            in_vain: full.iter().rev().take_while(vain).count(),
            trend: trend(&left),
        }
    }

    /// The same in words: a name and a sentence each.
    pub fn lines(&self) -> Vec<(Text, Text)> {
        let mut lines = vec![(
            Text::new("Collections:", "回收:"),
            Text::new(
                format!("{} young, {} full", self.scavenges, self.mark_compacts),
                format!("{} 次年轻代,{} 次完整", self.scavenges, self.mark_compacts),
            ),
        )];
        let (paused, longest, span) = (self.paused_ms, self.longest_ms, self.span_ms);
        lines.push((
            Text::new("Pauses:", "停顿:"),
            if span > 0.0 {
                let share = 100.0 * paused / span;
                Text::new(
                    format!("{paused:.1} ms of {span:.0} ms ({share:.1} %), the longest {longest:.1} ms"),
                    format!("{span:.0} ms 中停顿 {paused:.1} ms({share:.1} %),最长 {longest:.1} ms"),
                )
            } else {
                Text::new(
                    format!("{paused:.1} ms, the longest {longest:.1} ms"),
                    format!("{paused:.1} ms,最长 {longest:.1} ms"),
                )
            },
        ));
        lines.push((Text::new("What is left:", "剩余:"), self.growth()));
        if self.in_vain > 0 {
            let count = self.in_vain;
            lines.push((
                Text::new("In vain:", "徒劳:"),
                Text::new(
                    format!(
                        "full collections at the end that freed less than {:.0} % of what they found: {count}",
                        100.0 * IN_VAIN
                    ),
                    format!("最后 {count} 次完整回收释放的不到 {:.0} %", 100.0 * IN_VAIN),
                ),
            ));
        }
        lines
    }

    fn growth(&self) -> Text {
        let Some([first, last]) = self.left.map(|left| left.map(mib)) else {
            return Text::new("no full collection: nothing can be said of a leak", "没有完整回收:无法判断是否泄漏");
        };
        match self.trend {
            Trend::Unknown => Text::new(
                format!("{last:.1} MB after the last full collection; too few of them to say how it goes on"),
                format!("最后一次完整回收后 {last:.1} MB;次数太少,无法判断趋势"),
            ),
            Trend::Steady => Text::new(
                format!(
                    "{first:.1} MB after the first full collection, {last:.1} MB after the last: no growth that lasts"
                ),
                format!("首次完整回收后 {first:.1} MB,末次后 {last:.1} MB:没有持续增长"),
            ),
            Trend::Growing => Text::new(
                format!(
                    "{first:.1} MB after the first full collection, {last:.1} MB after the last: it grows, by a leak, a cache \
                     without a bound, or a program that is still loading"
                ),
                format!(
                    "首次完整回收后 {first:.1} MB,末次后 {last:.1} MB:持续增长,可能是泄漏、无上限的缓存,或程序仍在加载"
                ),
            ),
            Trend::Shrinking => Text::new(
                format!("{first:.1} MB after the first full collection, {last:.1} MB after the last: it shrinks"),
                format!("首次完整回收后 {first:.1} MB,末次后 {last:.1} MB:在减少"),
            ),
        }
    }
}

/// The least of the last third against the least of the first: one large temporary thing is no trend.
fn trend(left: &[u64]) -> Trend {
    if left.len() < FEWEST {
        return Trend::Unknown;
    }
    let third = left.len().div_ceil(3);
    let least = |part: &[u64]| part.iter().copied().min().unwrap_or(0) as f64;
    let (first, last) = (least(&left[..third]), least(&left[left.len() - third..]));
    match (last > first * GROWTH, last * GROWTH < first) {
        (true, _) => Trend::Growing,
        (_, true) => Trend::Shrinking,
        _ => Trend::Steady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trends() {
        let cases: [(&[u64], Trend); 7] = [
            (&[], Trend::Unknown),
            (&[10, 90], Trend::Unknown),
            (&[10, 20, 30], Trend::Growing),
            (&[30, 30, 33], Trend::Steady),
            (&[10, 11, 90, 12, 10, 11], Trend::Steady),
            (&[10, 50, 20, 60, 30, 90], Trend::Growing),
            (&[90, 20, 10], Trend::Shrinking),
        ];
        for (left, expected) in cases {
            assert_eq!(trend(left), expected, "{left:?}");
        }
    }
}
