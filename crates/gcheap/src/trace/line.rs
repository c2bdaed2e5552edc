//! One `--trace-gc` line: V8 `GCTracer::Print` (src/heap/gc-tracer.cc).

use super::{Dialect, Process, mb};
use crate::event::{Collector, GcEvent};

/// The line of a collection, newline included.
///
/// ```
/// use gcheap::event::*;
/// use gcheap::trace::{Dialect, Process, trace_gc_line};
/// # let gc = GcEvent { number: 1, collector: Collector::Scavenge, reason: GcReason::AllocationFailure,
/// #     collector_reason: CollectorReason::None, reduce_memory: false, interleaved: false, incremental: None, time_ms: 22.4, pause_ms: 0.96,
/// #     mutator_ms: 21.0, used_before: 4_948_680, used_after: 4_700_000, committed_before: 6_070_272, committed_after: 7_118_848,
/// #     holes_before: 0, holes_after: 0, pooled: 0, young_before: 1_048_512, promoted: 0, survived: 791_000, allocated: 4_948_680,
/// #     average_survival_ratio: 75.4, new_space_capacity: 1 << 20, old_generation_limit: 0, global_limit: 0, mutator_utilization: 1.0,
/// #     average_mutator_utilization: 1.0, speeds: Speeds::default(), spaces: vec![], external_reported: 0, backing_stores: 0,
/// #     total_gc_ms: 0.96, available: 0, sweeping: false, controller: None };
/// assert_eq!(
///     trace_gc_line(Dialect::V8_13_6, &Process { pid: 2052, isolate: 0x3fa93000 }, &gc),
///     "[2052:0x3fa93000]       22 ms: Scavenge 4.7 (5.8) -> 4.5 (6.8) MB, pooled: 0 MB, 0.96 / 0.00 ms  \
///      (average mu = 1.000, current mu = 1.000) allocation failure; \n"
/// );
/// ```
pub fn trace_gc_line(dialect: Dialect, process: &Process, gc: &GcEvent) -> String {
    let name = match gc.collector {
        Collector::Scavenge => "Scavenge",
        Collector::MarkCompact if dialect == Dialect::V8_14_6 && gc.incremental.is_some() => "Incremental Mark-Compact",
        Collector::MarkCompact if dialect.says_mark_sweep() => "Mark-sweep",
        Collector::MarkCompact => "Mark-Compact",
    };
    // 7.8 and earlier kept it to themselves.
    let reduce = if gc.reduce_memory && dialect >= Dialect::V8_10_2 { " (reduce)" } else { "" };
    let interleaved = match (gc.interleaved, dialect) {
        (false, _) => "",
        (true, Dialect::V8_6_8 | Dialect::V8_7_8 | Dialect::V8_10_2 | Dialect::V8_11_3) => "",
        (true, Dialect::V8_12_4 | Dialect::V8_13_6) => " (interleaved)",
        (true, Dialect::V8_14_6) => " (during sweeping)",
    };
    let pooled = match dialect {
        Dialect::V8_6_8 | Dialect::V8_7_8 | Dialect::V8_10_2 | Dialect::V8_11_3 => String::new(),
        Dialect::V8_12_4 | Dialect::V8_13_6 => format!("pooled: {:.0} MB, ", mb(gc.pooled)),
        Dialect::V8_14_6 => format!("pooled: {:.1} MB, ", mb(gc.pooled)),
    };
    // Up to 13.6 the format has a space before and after the incremental part, which stays when that part is empty.
    let gap = if dialect == Dialect::V8_14_6 { "" } else { " " };
    let decimals = if dialect.says_mark_sweep() { 1 } else { 2 };
    // 7.8 and earlier put nothing but a space between the reasons.
    let separator = if dialect >= Dialect::V8_10_2 { ";" } else { "" };
    format!(
        "{process} {:8.0} ms: {name}{reduce}{interleaved} {:.1} ({:.1}) -> {:.1} ({:.1}) MB, {pooled}{:.decimals$} / {:.decimals$} ms{gap}{} \
         (average mu = {:.3}, current mu = {:.3}) {}{separator} {}\n",
        gc.time_ms,
        mb(gc.used_before),
        mb(gc.committed_before),
        mb(gc.used_after),
        mb(gc.committed_after),
        gc.pause_ms,
        0.0,
        incremental_part(dialect, gc),
        gc.average_mutator_utilization,
        gc.mutator_utilization,
        gc.reason,
        gc.collector_reason,
    )
}

fn incremental_part(dialect: Dialect, gc: &GcEvent) -> String {
    let Some(part) = gc.incremental.filter(|_| gc.collector == Collector::MarkCompact) else { return String::new() };
    // 12.4 resets its step counters before it prints them.
    let (steps, biggest) = if dialect == Dialect::V8_12_4 { (0, 0.0) } else { (part.steps, part.biggest_step_ms) };
    format!(
        " (+ {:.1} ms in {steps} steps since start of marking, biggest step {biggest:.1} ms, walltime since start of marking {:.0} ms)",
        part.main_thread_ms, part.walltime_ms
    )
}
