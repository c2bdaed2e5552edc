//! One collection, or one fatal message, in words. Pure.

use crate::engine::node::fatal_line::{Cause, FatalLine, Voice};
use crate::record::GcRecord;
use crate::report::summary;
use crate::report::text::mib;
use crate::text::Text;

/// V8's reasons for a collection and what they mean.
const REASONS: [(&str, &str, &str); 27] = [
    ("allocation failure", "there was no room for the next object", "没有空间分配下一个对象"),
    (
        "background allocation failure",
        "a background thread of V8 found no room for what it allocates",
        "V8 的后台线程没有空间分配",
    ),
    ("CppHeap allocation failure", "the heap of C++ objects had no room", "C++ 对象堆没有空间"),
    ("context disposal", "a context (a realm, an iframe, a vm) was thrown away", "有上下文(realm、iframe、vm)被丢弃"),
    ("idle context disposal", "a context was thrown away and the process was idle", "有上下文被丢弃且进程空闲"),
    ("counters extension", "a program asked for counters", "程序请求计数器"),
    ("debugger", "the debugger asked for it", "由调试器请求"),
    ("deserialize", "a snapshot is being read", "正在读取快照"),
    (
        "external memory pressure",
        "memory outside the heap (Buffers) grew past what V8 allows before it looks for dead owners",
        "堆外内存(Buffer)超过 V8 允许的量,需要查找已死的持有者",
    ),
    ("external finalize", "marking that Buffers had begun was ready to be finished", "由 Buffer 引发的标记可以结束了"),
    (
        "finalize incremental marking via stack guard",
        "marking beside the program was done and is finished here",
        "与程序并行的标记已完成,在此收尾",
    ),
    (
        "finalize incremental marking via task",
        "marking beside the program was done and is finished by a task of the event loop",
        "与程序并行的标记已完成,由事件循环任务收尾",
    ),
    (
        "finalize concurrent MinorMS",
        "young marking beside the program was done and is finished here",
        "与程序并行的年轻代标记已完成,在此收尾",
    ),
    ("full hash-table", "a hash table of weak entries was full", "弱引用哈希表已满"),
    (
        "global allocation limit",
        "heap and memory outside it together reached the limit for the next full collection",
        "堆与堆外内存合计达到下一次完整回收的阈值",
    ),
    ("heap profiler", "the heap profiler asked for it", "由堆分析器请求"),
    (
        "last resort",
        "an allocation still found no room: V8 collects all it can before it gives up",
        "分配仍无空间:V8 放弃之前尽可能回收",
    ),
    ("low memory notification", "the embedder said that memory is short", "宿主通知内存不足"),
    ("make heap iterable", "somebody wants to walk the heap", "需要遍历堆"),
    ("measure memory", "a program asked how much memory it has", "程序请求测量内存"),
    ("memory pressure", "the system said that memory is short", "系统通知内存不足"),
    ("memory reducer", "the process was idle: V8 gives memory back", "进程空闲:V8 归还内存"),
    ("runtime", "a function of the runtime asked for it", "由运行时函数请求"),
    ("sampling profiler", "the sampling profiler asked for it", "由采样分析器请求"),
    ("snapshot creator", "a snapshot is being made", "正在生成快照"),
    ("task", "a task of the event loop saw that it was time", "事件循环任务认为时机已到"),
    ("testing", "the program called gc()", "程序调用了 gc()"),
];

/// V8's reasons for the collector that was chosen.
const COLLECTOR_REASONS: [(&str, &str, &str); 6] = [
    (
        "scavenge might not succeed",
        "a full one, because the old generation might have no room for what a scavenge promotes",
        "改为完整回收:老生代可能容纳不下晋升的对象",
    ),
    (
        "GC in old space requested",
        "a full one, because the old generation was to be collected",
        "完整回收:需要回收老生代",
    ),
    ("GC in old space forced by flags", "a full one, because a flag wants it", "完整回收:由参数强制"),
    (
        "Incremental marking forced finalization",
        "a full one, because marking had to come to its end",
        "完整回收:标记必须结束",
    ),
    (
        "Incremental marking needs finalization",
        "a full one, because marking had to come to its end",
        "完整回收:标记必须结束",
    ),
    ("Minor GC needed", "a young one was enough", "年轻代回收即可"),
];

/// V8 words that are known to `table`, in words of people; others as they are.
fn meaning(table: &[(&str, &str, &str)], words: &str) -> Text {
    match table.iter().find(|(known, _, _)| *known == words) {
        Some((_, en, zh)) => Text::new(*en, *zh),
        None => Text::new(words, words),
    }
}

fn kind(gc: &GcRecord) -> Text {
    let (en, zh) = match (gc.kind, gc.incremental) {
        ("scavenge", _) => ("young collection (scavenge)", "年轻代回收(scavenge)"),
        (_, true) => {
            ("full collection (mark-compact) after marking beside the program", "并行标记后的完整回收(mark-compact)")
        }
        (_, false) => ("full collection (mark-compact), all in one pause", "完整回收(mark-compact),一次停顿内完成"),
    };
    Text::new(en, zh)
}

/// The difference in MB, in words.
fn freed(before: u64, after: u64) -> Text {
    let (from, to) = (mib(before), mib(after));
    if after <= before {
        Text::new(format!("{:.1} MB freed", from - to), format!("释放 {:.1} MB", from - to))
    } else {
        Text::new(format!("{:.1} MB more than before", to - from), format!("比之前多 {:.1} MB", to - from))
    }
}

/// A collection in one sentence.
pub fn sentence(gc: &GcRecord) -> Text {
    use crate::text::Lang::{En, Zh};
    let (kind, freed) = (kind(gc), freed(gc.used_before, gc.used_after));
    // name=value pairs of older versions give no reason.
    let reason = (!gc.reason.is_empty()).then(|| meaning(&REASONS, &gc.reason));
    let because =
        |lang, colon: &str| reason.as_ref().map_or(String::new(), |text| format!("{colon}{}", text.get(lang)));
    let (time, pause, after) = (gc.time_ms, gc.pause_ms, mib(gc.used_after));
    Text::new(
        format!(
            "{time:.0} ms: {}, {pause:.2} ms, {}, {after:.1} MB left{}",
            kind.get(En),
            freed.get(En),
            because(En, ": ")
        ),
        format!("{time:.0} ms:{},{pause:.2} ms,{},剩余 {after:.1} MB{}", kind.get(Zh), freed.get(Zh), because(Zh, ":")),
    )
}

/// A collection in a block: a name and a sentence a line.
pub fn block(gc: &GcRecord) -> Vec<(Text, Text)> {
    use crate::text::Lang::{En, Zh};
    let kind = kind(gc);
    let mut lines = vec![
        (Text::new("What:", "类型:"), kind),
        (
            Text::new("When:", "时间:"),
            Text::new(
                format!("{:.0} ms after the start; the program stood still for {:.2} ms", gc.time_ms, gc.pause_ms),
                format!("启动后 {:.0} ms;程序停顿 {:.2} ms", gc.time_ms, gc.pause_ms),
            ),
        ),
    ];
    let difference = freed(gc.used_before, gc.used_after);
    let (before, after) = (mib(gc.used_before), mib(gc.used_after));
    lines.push((
        Text::new("Objects:", "对象:"),
        Text::new(
            format!("{before:.1} MB before, {after:.1} MB after: {}", difference.get(En)),
            format!("之前 {before:.1} MB,之后 {after:.1} MB:{}", difference.get(Zh)),
        ),
    ));
    if let (Some(before), Some(after)) = (gc.committed_before.map(mib), gc.committed_after.map(mib)) {
        lines.push((
            Text::new("Mapped:", "已映射:"),
            Text::new(
                format!("{before:.1} MB of the system before, {after:.1} MB after (heapTotal)"),
                format!("之前占用系统 {before:.1} MB,之后 {after:.1} MB(heapTotal)"),
            ),
        ));
    }
    if let Some(promoted) = gc.promoted.map(mib) {
        lines.push((
            Text::new("Promoted:", "晋升:"),
            Text::new(format!("{promoted:.1} MB grew old"), format!("{promoted:.1} MB 进入老生代")),
        ));
    }
    if !gc.reason.is_empty() {
        lines.push((Text::new("Why:", "原因:"), meaning(&REASONS, &gc.reason)));
    }
    if !gc.collector_reason.is_empty() {
        lines.push((Text::new("This collector:", "选择:"), meaning(&COLLECTOR_REASONS, &gc.collector_reason)));
    }
    if gc.reduce_memory {
        lines.push((
            Text::new("Reduce:", "缩减:"),
            Text::new("it was to give back as much memory as it could", "尽可能归还内存"),
        ));
    }
    if let (Some(current), Some(average)) = (gc.mutator_utilization, gc.average_mutator_utilization) {
        let (current, average) = (current * 100.0, average * 100.0);
        lines.push((
            Text::new("Utilisation:", "利用率:"),
            Text::new(
                format!(
                    "{current:.0} % of the time since the last full collection was the program's, {average:.0} % on average; below 40 % near \
                     the limit V8 counts towards giving up"
                ),
                format!("自上次完整回收以来 {current:.0} % 的时间属于程序,平均 {average:.0} %;接近上限且低于 40 % 时,V8 会累计直至放弃"),
            ),
        ));
    }
    if let Some(limit) = gc.old_generation_limit.map(mib) {
        lines.push((
            Text::new("Next full one:", "下次完整回收:"),
            Text::new(format!("when the old generation reaches {limit:.1} MB"), format!("老生代达到 {limit:.1} MB 时")),
        ));
    }
    lines
}

/// A fatal message: a name and a sentence a line.
pub fn fatal(fatal: &FatalLine) -> Vec<(Text, Text)> {
    let location = fatal.location.as_str();
    let helps = match fatal.cause {
        Cause::Heap => Text::new(
            "a larger --max-old-space-size, if the program needs so much; if what is left after full collections only grows, \
             what holds it has to be found (heap snapshot)",
            "若程序确实需要,增大 --max-old-space-size;若完整回收后的剩余只增不减,应找出持有者(堆快照)",
        ),
        Cause::Process => Text::new(
            "more memory for the process, or smaller Buffers and --max-old-space-size, so that both fit",
            "给进程更多内存,或减小 Buffer 与 --max-old-space-size",
        ),
        Cause::Size => Text::new(
            "no larger limit: several smaller arrays, Maps or Sets in the place of one",
            "增大上限无济于事:用多个较小的数组、Map 或 Set 代替一个",
        ),
        Cause::Other => {
            Text::new("the native stack trace behind the message says who called", "信息之后的本地调用栈会指出调用者")
        }
    };
    let ends = match fatal.voice {
        Voice::Node => Text::new(
            "SIGABRT, status 134 in a shell; as process 1 of a container 139. Status 137 without any text is the kernel's doing",
            "SIGABRT,在 shell 中状态码 134;作为容器的 1 号进程时为 139。若为 137 且没有任何文本,则是内核所为",
        ),
        Voice::V8 => Text::new(
            "V8 traps by itself, Node is not asked: SIGTRAP, status 133 in a shell, or SIGILL, status 132, up to Node 12",
            "V8 自行中断,不经过 Node:SIGTRAP,在 shell 中状态码 133;Node 12 及以前为 SIGILL,状态码 132",
        ),
    };
    vec![
        (Text::new("Fatal:", "致命错误:"), Text::new(location, location)),
        (Text::new("Why:", "原因:"), cause(fatal)),
        (Text::new("How it ends:", "结束方式:"), ends),
        (Text::new("What helps:", "对策:"), helps),
    ]
}

/// Why V8 gave up.
pub fn cause(fatal: &FatalLine) -> Text {
    let location = &fatal.location;
    match fatal.cause {
        Cause::Heap | Cause::Size => summary::why(location, None),
        Cause::Process => Text::new(
            format!("the system gave V8 no memory outside the heap ({location}): the heap limit has no part in it"),
            format!("系统没有给 V8 堆外内存({location}):与堆上限无关"),
        ),
        Cause::Other => Text::new(
            format!("V8 or an addon gave up at {location}; the message does not speak of memory"),
            format!("V8 或插件在 {location} 处放弃;信息与内存无关"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::node::{fatal_line, trace_line};
    use crate::text::Lang;

    #[test]
    fn every_reason_of_the_trace_lines_that_were_recorded_is_known() {
        let lines = include_str!("../../tests/data/trace-lines.txt");
        for gc in lines.lines().filter_map(trace_line::parse) {
            let known = |table: &[(&str, &str, &str)], words: &str| table.iter().any(|(known, _, _)| *known == words);
            assert!(gc.reason.is_empty() || known(&REASONS, &gc.reason), "{}", gc.reason);
            let collector = &gc.collector_reason;
            assert!(collector.is_empty() || known(&COLLECTOR_REASONS, collector), "{collector}");
            assert!(!sentence(&gc).get(Lang::Zh).is_empty() && block(&gc).len() >= 3);
        }
    }

    #[test]
    fn the_kinds_of_fatal_message_have_causes_of_their_own() {
        let cases = [
            (
                "Reached heap limit",
                "Reached heap limit Allocation failed - JavaScript heap out of memory",
                "above its limit",
            ),
            ("Zone", "Zone Allocation failed - process out of memory", "no memory outside the heap"),
            ("v8::ToLocalChecked Empty MaybeLocal", "v8::ToLocalChecked Empty MaybeLocal", "does not speak of memory"),
        ];
        for (location, message, expected) in cases {
            let lines = fatal(&fatal_line::parse(&format!("FATAL ERROR: {message}")).unwrap());
            assert_eq!(lines[0].1.get(Lang::En), location);
            assert!(lines[1].1.get(Lang::En).contains(expected), "{}", lines[1].1);
        }
    }
}
