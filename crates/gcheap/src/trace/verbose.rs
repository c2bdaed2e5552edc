//! What `--trace-gc-verbose` adds: V8 `Heap::PrintShortHeapStatistics` (src/heap/heap.cc) and the lines of `MemoryController`
//! (src/heap/heap-controller.cc).

use super::{Dialect, Process, kb};
use crate::event::{Collector, GcEvent, LimitUpdate, SpaceName, SpaceSize};

/// Spaces of the block, with V8's labels. Up to 13.6 the labels are padded by hand, and not all alike.
const SPACES: [(SpaceName, &str, &str); 9] = [
    (SpaceName::New, "New space,              ", "New space,"),
    (SpaceName::NewLargeObject, "New large object space, ", "New large object space,"),
    (SpaceName::Old, "Old space,              ", "Old space,"),
    (SpaceName::Code, "Code space,             ", "Code space,"),
    (SpaceName::Map, "Map space,              ", "Map space,"),
    (SpaceName::LargeObject, "Large object space,     ", "Large object space,"),
    (SpaceName::CodeLargeObject, "Code large object space,     ", "Code large object space,"),
    (SpaceName::Trusted, "Trusted space,              ", "Trusted space,"),
    (SpaceName::TrustedLargeObject, "Trusted large object space,     ", "Trusted large object space,"),
];

/// The lines of the heap controller for the limits that it set after a collection; empty when it set none. They come before the
/// collection's line or after its block: [`Dialect::controller_comes_first`].
///
/// ```
/// use gcheap::event::LimitUpdate;
/// use gcheap::trace::{Dialect, Process, controller_lines};
/// let update = LimitUpdate {
///     old_size: 3_783 << 10, new_limit: 14_023 << 10, global_size: 3_783 << 10, new_global_limit: 14_023 << 10,
///     factor: 1.3, dynamic_factor: 1.3, gc_speed: 849_103.0, mutator_speed: 29_403.0,
/// };
/// let text = controller_lines(Dialect::V8_13_6, &Process { pid: 3537, isolate: 0x42d94000 }, 37.0, &update);
/// assert!(text.starts_with("[3537:0x42d94000:0]       37 ms: [HeapController] factor 1.3 based on mu=0.970, speed_ratio=29 (gc=849103, mutator=29403)\n"));
/// ```
pub fn controller_lines(dialect: Dialect, process: &Process, time_ms: f64, update: &LimitUpdate) -> String {
    let prefix = format!("{} {time_ms:8.0} ms:", process.with_id(dialect));
    let ratio = match (update.gc_speed == 0.0, update.mutator_speed == 0.0) {
        // Nothing by nothing is no number, and V8 prints it as C does.
        (true, true) => "-nan".to_owned(),
        (false, true) => "0".to_owned(),
        _ => format!("{:.0}", update.gc_speed / update.mutator_speed),
    };
    let factor = if dialect.controller_comes_first() { format!(" ({:.1})", update.factor) } else { String::new() };
    if dialect == Dialect::V8_6_8 {
        return format!(
            "{prefix} Heap growing factor {:.1} based on mu=0.970, speed_ratio={ratio} (gc={:.0}, mutator={:.0})\n\
             {prefix} Grow: old size: {} KB, new limit: {} KB{factor}\n",
            update.dynamic_factor,
            update.gc_speed,
            update.mutator_speed,
            kb(update.old_size),
            kb(update.new_limit)
        );
    }
    let mut text = format!(
        "{prefix} [HeapController] factor {:.1} based on mu=0.970, speed_ratio={ratio} (gc={:.0}, mutator={:.0})\n",
        update.dynamic_factor, update.gc_speed, update.mutator_speed
    );
    for (name, size, limit) in [
        ("HeapController", update.old_size, update.new_limit),
        ("GlobalMemoryController", update.global_size, update.new_global_limit),
    ] {
        text.push_str(&format!(
            "{prefix} [{name}] Limit: old size: {} KB, new limit: {} KB{factor}\n",
            kb(size),
            kb(limit)
        ));
    }
    text
}

/// The block after a collection's line. `read_only_used` are the bytes of the read-only space, which no statistics show.
///
/// ```
/// # use gcheap::event::*;
/// # let gc = GcEvent { number: 1, collector: Collector::Scavenge, reason: GcReason::AllocationFailure,
/// #     collector_reason: CollectorReason::None, reduce_memory: false, interleaved: false, incremental: None, time_ms: 22.4, pause_ms: 0.96,
/// #     mutator_ms: 21.0, used_before: 0, used_after: 0, committed_before: 0, committed_after: 5_096 << 10,
/// #     holes_before: 0, holes_after: 0, pooled: 0, young_before: 0, promoted: 0, survived: 0, allocated: 0,
/// #     average_survival_ratio: 75.4, new_space_capacity: 1 << 20, old_generation_limit: 0, global_limit: 0, mutator_utilization: 1.0,
/// #     average_mutator_utilization: 1.0, speeds: Speeds::default(), spaces: vec![], external_reported: 0, backing_stores: 0,
/// #     total_gc_ms: 2.0, available: 306_200 << 10, sweeping: false, controller: None };
/// use gcheap::trace::{Dialect, Process, verbose_block};
/// let text = verbose_block(Dialect::V8_11_3, &Process { pid: 3497, isolate: 0x2240b840 }, &gc, 48 << 10);
/// assert!(text.starts_with("[3497:0x2240b840] Memory allocator,       used:   5096 KB, available: 306200 KB\n"));
/// assert!(text.ends_with("[3497:0x2240b840] Total time spent in GC  : 2.0 ms\n"));
/// ```
pub fn verbose_block(dialect: Dialect, process: &Process, gc: &GcEvent, read_only_used: u64) -> String {
    let mut block = Block { dialect, prefix: process.to_string(), text: String::new() };
    // 11.3 and earlier do not mark figures that sweeping makes inaccurate.
    let sweeping = gc.sweeping && dialect > Dialect::V8_11_3;

    let size =
        |space| gc.spaces.iter().copied().find(|size| size.space == space).unwrap_or(SpaceSize { space, ..EMPTY });
    block.line(format!(
        "{}used: {:6} KB, available: {} KB",
        block.label("Memory allocator,       ", "Memory allocator,"),
        kb(gc.committed_after),
        block.wide(kb(gc.available))
    ));
    // Where read-only space is the heap's own, it is among the spaces.
    let read_only = size(SpaceName::ReadOnly);
    let read_only = if read_only.committed > 0 { read_only } else { SpaceSize { used: read_only_used, ..read_only } };
    // 6.8 has bytes to give out of the page of its read-only space; 7.8 has sealed it.
    let rest = if dialect == Dialect::V8_6_8 { read_only.available } else { 0 };
    block.space("Read-only space,        ", "Read-only space,", read_only.used, rest, read_only.committed, false);
    // In 6.8 what can be mapped is what the large-object space can give; later it is counted beside the spaces.
    let mappable = if dialect == Dialect::V8_6_8 { rest } else { gc.available };
    let mut all = SpaceSize { used: read_only.used, available: mappable, ..EMPTY };
    for (name, padded, label) in SPACES {
        if !block.has(name) {
            continue;
        }
        let space = size(name);
        all.used += space.used;
        all.available += space.available;
        let swept_lazily = matches!(name, SpaceName::Old | SpaceName::Code | SpaceName::Trusted);
        block.space(padded, label, space.used, space.available, space.committed, sweeping && swept_lazily);
    }
    block.space("All spaces,             ", "All spaces,", all.used, all.available, gc.committed_after, sweeping);

    let chunks = gc.pooled / (256 << 10);
    match dialect {
        Dialect::V8_6_8 => {}
        Dialect::V8_7_8 | Dialect::V8_10_2 | Dialect::V8_11_3 => {
            block.line(format!("Unmapper buffering {chunks} chunks of committed: {:6} KB", kb(gc.pooled)));
        }
        Dialect::V8_12_4 | Dialect::V8_13_6 => {
            block.line(format!("Pool buffering {chunks} chunks of committed: {:6} KB", kb(gc.pooled)));
        }
        Dialect::V8_14_6 => {
            block.line(format!("Pool buffering {chunks:4} chunk(s) of committed: {:7} KB", kb(gc.pooled)));
        }
    }
    if dialect == Dialect::V8_14_6 {
        block.line(format!("External memory reported:{:25} KB", kb(gc.external_reported)));
        block.line(format!("Backing store memory:{:29} KB", kb(gc.backing_stores)));
        block.line(format!("External memory global:{:27} KB", 0));
        block.line(format!("Total time spent in GC:{:27.1} ms", gc.total_gc_ms));
    } else {
        block.line(format!("External memory reported: {:6} KB", kb(gc.external_reported)));
        if dialect != Dialect::V8_6_8 {
            block.line(format!("Backing store memory: {:6} KB", kb(gc.backing_stores)));
        }
        block.line("External memory global 0 KB".to_owned());
        block.line(format!("Total time spent in GC  : {:.1} ms", gc.total_gc_ms));
    }
    if sweeping {
        block.line("(*) Sweeping is still in progress, making available sizes inaccurate.".to_owned());
    }
    block.text
}

/// What `--trace-gc-verbose` says before a collection's line on a mode that Node never enters: V8 `Heap::ComputeFastPromotionMode`
/// (src/heap/heap.cc), the survivors as a share of the new space.
pub(super) fn fast_promotion_line(dialect: Dialect, process: &Process, gc: &GcEvent) -> String {
    if !dialect.tells_fast_promotion() {
        return String::new();
    }
    let new = gc.spaces.iter().find(|size| size.space == SpaceName::New);
    let capacity = new.map_or(0, |size| size.used + size.available).max(1);
    let survived = match gc.collector {
        Collector::Scavenge => gc.promoted + gc.survived,
        // Full collections leave the counter of the last scavenge alone; it was set back at their start, but 6.8 counts promotion.
        Collector::MarkCompact if dialect == Dialect::V8_6_8 => gc.promoted,
        Collector::MarkCompact => 0,
    };
    format!("{process} Fast promotion mode: false survival rate: {}%\n", survived * 100 / capacity)
}

const EMPTY: SpaceSize = SpaceSize { space: SpaceName::ReadOnly, used: 0, available: 0, committed: 0, physical: 0 };

struct Block {
    dialect: Dialect,
    prefix: String,
    text: String,
}

impl Block {
    fn line(&mut self, line: String) {
        self.text.push_str(&self.prefix);
        self.text.push(' ');
        self.text.push_str(&line);
        self.text.push('\n');
    }

    fn label(&self, padded: &str, label: &str) -> String {
        match self.dialect {
            Dialect::V8_14_6 => format!("{label:<28}"),
            // 6.8 had no long label to make room for.
            Dialect::V8_6_8 => format!("{label:<20}"),
            _ => padded.to_owned(),
        }
    }

    /// Whether this version has a line for the space.
    fn has(&self, space: SpaceName) -> bool {
        match space {
            SpaceName::Trusted | SpaceName::TrustedLargeObject => self.dialect >= Dialect::V8_12_4,
            SpaceName::Map => self.dialect <= Dialect::V8_10_2,
            SpaceName::NewLargeObject | SpaceName::CodeLargeObject => self.dialect > Dialect::V8_6_8,
            _ => true,
        }
    }

    /// A column of available bytes: two wider in 14.6.
    fn wide(&self, kb: u64) -> String {
        if self.dialect == Dialect::V8_14_6 { format!("{kb:8}") } else { format!("{kb:6}") }
    }

    fn space(&mut self, padded: &str, label: &str, used: u64, available: u64, committed: u64, inaccurate: bool) {
        let (before, after) = match (inaccurate, self.dialect) {
            (false, _) => (" ", ""),
            (true, Dialect::V8_14_6) => ("*", ""),
            (true, _) => (" ", "*"),
        };
        // 6.8 forgot a space on two of its lines.
        let gap =
            if self.dialect == Dialect::V8_6_8 && matches!(label, "Code space," | "All spaces,") { "" } else { " " };
        self.line(format!(
            "{}used: {:6} KB, available:{before}{} KB{after}, committed: {:6}{gap}KB",
            self.label(padded, label),
            kb(used),
            self.wide(kb(available)),
            kb(committed)
        ));
    }
}
