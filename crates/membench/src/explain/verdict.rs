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

/// A [`Verdict`] in the making: a log may be of any length, this is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    scavenges: usize,
    mark_compacts: usize,
    paused_ms: f64,
    longest_ms: f64,
    /// When the first collection ended, and how long its pause was.
    first: Option<(f64, f64)>,
    last_ms: f64,
    /// Bytes left after the first and after the last full collection.
    left: Option<[u64; 2]>,
    in_vain: usize,
    course: Course,
}

impl Tally {
    /// The next collection.
    pub fn add(&mut self, gc: &GcRecord) {
        self.paused_ms += gc.pause_ms;
        self.longest_ms = self.longest_ms.max(gc.pause_ms);
        self.first.get_or_insert((gc.time_ms, gc.pause_ms));
        self.last_ms = gc.time_ms;
        if gc.kind != "mark-compact" {
            self.scavenges += 1;
            return;
        }
        self.mark_compacts += 1;
        self.left = Some([self.left.map_or(gc.used_after, |[first, _]| first), gc.used_after]);
        let freed = gc.used_before.saturating_sub(gc.used_after);
        let in_vain = (freed as f64) < IN_VAIN * gc.used_before as f64;
        self.in_vain = if in_vain { self.in_vain + 1 } else { 0 };
        self.course.add(gc.used_after);
    }

    /// What the collections so far say together.
    ///
    /// ```
    /// use membench::explain::read;
    /// let line = |time, used| format!("[1:0x2] {time} ms: Mark-Compact {used}.0 (90.0) -> {used}.0 (90.0) MB, 5.00 / 0.00 ms  (average mu = 0.9, current mu = 0.9) task; \n");
    /// let log = read(&[line(10, 20), line(20, 30), line(30, 40)].concat());
    /// let verdict = log.processes[0].verdict();
    /// assert_eq!((verdict.mark_compacts, verdict.in_vain, verdict.left), (3, 3, Some([20 << 20, 40 << 20])));
    /// ```
    pub fn verdict(&self) -> Verdict {
        Verdict {
            scavenges: self.scavenges,
            mark_compacts: self.mark_compacts,
            paused_ms: self.paused_ms,
            longest_ms: self.longest_ms,
            // The first line tells of a pause that began before it.
            span_ms: self.first.map_or(0.0, |(first, pause)| self.last_ms - first + pause),
            left: self.left,
            in_vain: self.in_vain,
            trend: trend(&self.course.least, self.mark_compacts),
        }
    }
}

/// What full collections left, one behind the other: each one while they are few, the least of so many at a time when they
/// are many.
#[derive(Clone, Debug, Default, PartialEq)]
struct Course {
    least: Vec<u64>,
    /// Collections behind each of them, and behind the last.
    each: usize,
    behind_last: usize,
}

/// Where a course gets half as many numbers.
const LONGEST_COURSE: usize = 1 << 12;

impl Course {
    fn add(&mut self, left: u64) {
        self.each = self.each.max(1);
        match self.least.last_mut() {
            Some(least) if self.behind_last < self.each => *least = left.min(*least),
            _ => {
                if self.least.len() == LONGEST_COURSE {
                    self.least = self.least.chunks(2).map(|pair| pair[0].min(pair[1])).collect();
                    self.each *= 2;
                }
                self.least.push(left);
                self.behind_last = 0;
            }
        }
        self.behind_last += 1;
    }
}

impl Verdict {
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
fn trend(left: &[u64], collections: usize) -> Trend {
    if collections < FEWEST {
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
            assert_eq!(trend(left, left.len()), expected, "{left:?}");
        }
    }

    #[test]
    fn a_course_stays_short_and_keeps_the_least_of_each_stretch() {
        let mut course = Course::default();
        let collections = 10 * LONGEST_COURSE;
        for left in 0..collections as u64 {
            course.add(left);
        }
        assert!(course.least.len() <= LONGEST_COURSE, "{}", course.least.len());
        assert!(course.least.iter().enumerate().all(|(at, least)| *least == (at * course.each) as u64));
        assert_eq!(trend(&course.least, collections), Trend::Growing);
    }
}
