//! How a run ended, why, and what would have helped. Pure.

use std::fmt::Write;

use super::Story;
use super::text::{heading, mib, pad_right, short, width};
use crate::record::OutcomeKey;
use crate::text::{Lang, Text};
use crate::workload::{Label, Workload};

/// Totals of a run as a block.
pub fn totals(lang: Lang, workload: &Workload, story: &Story, colour: bool) -> String {
    let Some(end) = &story.end else { return String::new() };
    let word = match lang {
        Lang::En => "summary",
        Lang::Zh => "总结",
    };
    let mut block = heading(&format!("{} - {word}", workload.title.get(lang)), colour);
    let mut lines = vec![
        (Text::new("Outcome:", "结果:"), outcome(end.outcome)),
        (Text::new("Iterations:", "迭代次数:"), both(end.iterations)),
        (
            Text::new("Collections:", "垃圾回收:"),
            Text::new(
                format!("{} scavenges, {} mark-compacts, {:.1} ms", end.scavenges, end.mark_compacts, end.gc_ms),
                format!("{} 次 scavenge,{} 次 mark-compact,共 {:.1} ms", end.scavenges, end.mark_compacts, end.gc_ms),
            ),
        ),
        (
            Text::new("Time:", "时间:"),
            Text::new(
                format!("{:.1} ms ({:.1} ms on the wall)", end.time_ms, end.wall_ms),
                format!("{:.1} ms(实际 {:.1} ms)", end.time_ms, end.wall_ms),
            ),
        ),
    ];
    if let Some(peak) = end.peak_rss {
        lines.push((Text::new("Peak RSS:", "RSS 峰值:"), both(format!("{:.2} MB", mib(peak)))));
    }
    if let (Some(objects), Some(bytes)) = (end.objects_allocated, end.bytes_allocated) {
        lines.push((
            Text::new("Allocated:", "分配总量:"),
            Text::new(
                format!("{objects} objects, {:.2} MB", mib(bytes)),
                format!("{objects} 个对象,{:.2} MB", mib(bytes)),
            ),
        ));
    }
    if let Some(kept) = kept_after_gc(story) {
        lines.push((
            Text::new("Left after gc:", "GC 后剩余:"),
            Text::new(format!("{kept:+.2} MB compared with the start"), format!("与开始相比 {kept:+.2} MB")),
        ));
    }
    let column = lines.iter().map(|(name, _)| width(name.get(lang))).max().unwrap_or(0) + 1;
    for (name, value) in &lines {
        let _ = writeln!(block, "{}{}", pad_right(name.get(lang), column), value.get(lang));
    }
    block
}

/// What became of the memory that was dropped, MB.
fn kept_after_gc(story: &Story) -> Option<f64> {
    let find = |label| story.samples.iter().find(|sample| sample.label == label);
    Some(mib(find(Label::AfterGc)?.heap_used) - mib(find(Label::Start)?.heap_used))
}

/// An outcome in words.
pub fn outcome(outcome: OutcomeKey) -> Text {
    match outcome {
        OutcomeKey::Completed => Text::new("completed", "完成"),
        OutcomeKey::OutOfMemory => Text::new("out of memory", "内存不足"),
        OutcomeKey::Stopped => Text::new("stopped", "已停止"),
    }
}

fn both(value: impl ToString) -> Text {
    let value = value.to_string();
    Text::new(value.clone(), value)
}

/// When, why, and what would have helped; for after the fatal text.
pub fn out_of_memory(lang: Lang, workload: &Workload, story: &Story) -> String {
    let Some(fatal) = &story.fatal else { return String::new() };
    let seconds = fatal.time_ms / 1e3;
    let done = fatal.iteration.saturating_sub(1);
    let when = Text::new(
        format!("in iteration {}, {seconds:.2} s after the start; {done} iterations were finished", fatal.iteration),
        format!("第{}次迭代中,启动后 {seconds:.2} 秒;已完成 {done} 次迭代", fatal.iteration),
    );
    let why = why(&fatal.location, story.config.limits.max_old_space);
    let helped = helped(workload, story);
    let names = match lang {
        Lang::En => ["When:", "Why:", "What would have helped:"],
        Lang::Zh => ["何时:", "为何:", "如何避免:"],
    };
    let column = names.iter().map(|name| width(name)).max().unwrap_or(0) + 2;
    let mut text = "\n".to_owned();
    for (name, sentence) in names.into_iter().zip([when, why, helped]) {
        let _ = writeln!(text, "{}{}", pad_right(name, column), sentence.get(lang));
    }
    text
}

/// What a location of V8 means.
pub fn why(location: &str, limit: Option<u64>) -> Text {
    let (limit_en, limit_zh) = match limit {
        // A number stands apart from the characters before it.
        Some(limit) => (format!("its limit of {} MB", short(limit)), format!(" {} MB 的上限", short(limit))),
        None => ("its limit".to_owned(), "上限".to_owned()),
    };
    match location {
        "Reached heap limit" => Text::new(
            format!("after a collection the old generation was still above {limit_en}"),
            format!("一次回收之后,老生代仍超过{limit_zh}"),
        ),
        "Ineffective mark-compacts near heap limit" => Text::new(
            format!(
                "near {limit_en}, one full collection after the other freed next to nothing and took most of the time"
            ),
            format!("接近{limit_zh}时,连续多次完整回收几乎没有释放内存,且占去了大部分时间"),
        ),
        "CALL_AND_RETRY_LAST" => Text::new(
            format!("an allocation found no room below {limit_en}, even after the last-resort collections"),
            format!("在{limit_zh}之内,即使经过最后的回收,分配仍然失败"),
        ),
        "invalid table size" => Text::new(
            "a hash table would have grown beyond the largest that V8 allows",
            "哈希表将超过 V8 允许的最大容量",
        ),
        "invalid array length" => {
            Text::new("an array would have grown beyond the longest that V8 allows", "数组将超过 V8 允许的最大长度")
        }
        "invalid size error" => Text::new(
            "an array, a Map or a Set would have grown beyond the longest that V8 allows",
            "数组、Map 或 Set 将超过 V8 允许的最大长度",
        ),
        "GC during deserialization" | "insufficient memory to create an Isolate" => Text::new(
            format!("what Node itself needs did not fit below {limit_en}: the program had not begun"),
            format!("Node 自身所需已超出{limit_zh}:程序尚未开始"),
        ),
        _ => Text::new(
            format!("the collector found no room for an object that had to be moved ({location})"),
            format!("回收器找不到空间来移动对象({location})"),
        ),
    }
}

/// Locations that say that one thing is too large, however large the heap may be.
pub const SIZES: [&str; 3] = ["invalid table size", "invalid array length", "invalid size error"];

/// What would have helped, from how the samples grew.
fn helped(workload: &Workload, story: &Story) -> Text {
    if story.fatal.as_ref().is_some_and(|fatal| SIZES.contains(&fatal.location.as_str())) {
        return Text::new(
            "no larger limit: several smaller arrays, Maps or Sets in the place of one",
            "增大上限无济于事:用多个较小的数组、Map 或 Set 代替一个",
        );
    }
    let limit = story.config.limits.max_old_space;
    let (Some(growth), Some(limit)) = (growth(story), limit) else {
        return Text::new(
            "a larger --max-old-space, or keeping less alive at a time",
            "更大的 --max-old-space,或减少同时存活的对象",
        );
    };
    let (start, growth, limit) = (growth.start, growth.per_iteration, mib(limit));
    match workload.iterations() {
        Some(iterations) => {
            // V8 gives up before the last byte is taken, and a mark-compact needs room to work in.
            let needed = (start + growth * iterations as f64) * 1.15;
            let needed = ((needed / 32.0).ceil() as u64).saturating_mul(32).max(limit as u64 + 32);
            Text::new(
                format!(
                    "--max-old-space {needed}: all {iterations} iterations keep about {:.0} MB",
                    start + growth * iterations as f64
                ),
                format!(
                    "--max-old-space {needed}:全部 {iterations} 次迭代约需 {:.0} MB",
                    start + growth * iterations as f64
                ),
            )
        }
        None => {
            let doubled = limit * 2.0;
            let lasts = ((doubled - start) / growth).floor().max(0.0);
            Text::new(
                format!(
                    "nothing for good: each iteration keeps {growth:.1} MB more and drops none; --max-old-space {doubled:.0} lasts to about iteration {lasts:.0}"
                ),
                format!(
                    "无法根本避免:每次迭代多保留 {growth:.1} MB 且从不释放;--max-old-space {doubled:.0} 大约可运行到第 {lasts:.0} 次迭代"
                ),
            )
        }
    }
}

struct Growth {
    /// MB before the first iteration.
    start: f64,
    /// MB that an iteration keeps.
    per_iteration: f64,
}

fn growth(story: &Story) -> Option<Growth> {
    let first = story.samples.iter().find(|sample| matches!(sample.label, Label::Start | Label::Iteration))?;
    let last = story.samples.iter().rfind(|sample| sample.label == Label::Iteration)?;
    let rounds = last.iteration.checked_sub(first.iteration).filter(|rounds| *rounds > 0)?;
    let per_iteration = (mib(last.heap_used) - mib(first.heap_used)) / rounds as f64;
    (per_iteration > 0.01).then_some(Growth { start: mib(first.heap_used), per_iteration })
}
