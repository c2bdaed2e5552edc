//! What happened: the one spine that every trace line, JSON record, report and assertion is rendered from.
//!
//! This module holds plain data. It imports nothing of the mechanism, so a renderer that is given events can
//! never look into a heap. All sizes are bytes, all times are milliseconds of the heap's [clock](crate::time),
//! counted from the creation of the heap.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Which collector ran.
///
/// ```
/// assert_eq!(gcheap::event::Collector::MarkCompact.key(), "mark-compact");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum Collector {
    /// The young-generation semi-space copier.
    Scavenge,
    /// The full collector.
    MarkCompact,
}

impl Collector {
    /// The spelling used in JSON records: `scavenge` or `mark-compact`.
    pub fn key(self) -> &'static str {
        match self {
            Collector::Scavenge => "scavenge",
            Collector::MarkCompact => "mark-compact",
        }
    }
}

/// Why a collection was asked for. The text is V8's (`GarbageCollectionReasonToString`, src/heap/heap.cc).
///
/// ```
/// assert_eq!(gcheap::event::GcReason::LastResort.to_string(), "last resort");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum GcReason {
    /// An allocation found no room.
    AllocationFailure,
    /// The old-generation allocation limit was reached (start of marking only).
    AllocationLimit,
    /// The global allocation limit was reached (start of marking only).
    GlobalAllocationLimit,
    /// Array buffers or other external memory grew past a limit.
    ExternalMemoryPressure,
    /// Incremental marking was complete and finalised from an interrupt in running code.
    FinalizeMarkingViaStackGuard,
    /// Incremental marking was complete and finalised from a task of the event loop.
    FinalizeMarkingViaTask,
    /// The collections before an allocation is declared impossible.
    LastResort,
    /// The embedder reported low memory.
    LowMemoryNotification,
    /// The memory reducer of an idle process.
    MemoryReducer,
    /// A task of the event loop.
    Task,
    /// An explicit `gc()`.
    Testing,
}

impl fmt::Display for GcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GcReason::AllocationFailure => "allocation failure",
            GcReason::AllocationLimit => "allocation limit",
            GcReason::GlobalAllocationLimit => "global allocation limit",
            GcReason::ExternalMemoryPressure => "external memory pressure",
            GcReason::FinalizeMarkingViaStackGuard => "finalize incremental marking via stack guard",
            GcReason::FinalizeMarkingViaTask => "finalize incremental marking via task",
            GcReason::LastResort => "last resort",
            GcReason::LowMemoryNotification => "low memory notification",
            GcReason::MemoryReducer => "memory reducer",
            GcReason::Task => "task",
            GcReason::Testing => "testing",
        })
    }
}

/// Why this collector was chosen (V8 `Heap::SelectGarbageCollector`); the text after the semicolon of a trace line.
///
/// ```
/// assert_eq!(gcheap::event::CollectorReason::None.to_string(), "");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum CollectorReason {
    /// The default: a scavenge.
    None,
    /// The space that wants room is not the new space.
    GcInOldSpaceRequested,
    /// `--gc-global` and its like.
    GcInOldSpaceForcedByFlags,
    /// A young collection was asked for while major marking runs (V8 13.6 and later keep the phases apart).
    IncrementalMarkingForcedFinalization,
    /// Marking is complete and the limit overshot by a large margin.
    IncrementalMarkingNeedsFinalization,
    /// The old generation could not take all of the new space.
    ScavengeMightNotSucceed,
}

impl fmt::Display for CollectorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CollectorReason::None => "",
            CollectorReason::GcInOldSpaceRequested => "GC in old space requested",
            CollectorReason::GcInOldSpaceForcedByFlags => "GC in old space forced by flags",
            CollectorReason::IncrementalMarkingForcedFinalization => "Incremental marking forced finalization",
            CollectorReason::IncrementalMarkingNeedsFinalization => "Incremental marking needs finalization",
            CollectorReason::ScavengeMightNotSucceed => "scavenge might not succeed",
        })
    }
}

/// The incremental part of a mark-compact that finished incremental marking.
///
/// ```
/// let part = gcheap::event::IncrementalMarking { main_thread_ms: 1.2, steps: 2, biggest_step_ms: 0.6, walltime_ms: 54.0 };
/// assert!(part.biggest_step_ms <= part.main_thread_ms);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct IncrementalMarking {
    /// Main-thread marking before the pause, ms.
    pub main_thread_ms: f64,
    /// Main-thread steps since the start of marking.
    pub steps: u32,
    /// The longest of them, ms.
    pub biggest_step_ms: f64,
    /// From the start of marking to the end of the pause, ms.
    pub walltime_ms: f64,
}

/// One collection, told once, when it has ended.
///
/// It is the data of a `--trace-gc` line, of its `--trace-gc-nvp` and `--trace-gc-verbose` forms and of the JSON `gc` record.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// use gcheap::event::{Collector, Event};
/// use std::{cell::RefCell, rc::Rc};
///
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let sink = Rc::clone(&seen);
/// heap.subscribe(move |event| if let Event::Gc(gc) = event { sink.borrow_mut().push(gc.collector) });
/// heap.collect_garbage()?;
/// assert_eq!(*seen.borrow(), [Collector::MarkCompact]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct GcEvent {
    /// 1 for the first collection of the heap.
    pub number: u64,
    /// Which collector ran.
    pub collector: Collector,
    /// Why it was asked for.
    pub reason: GcReason,
    /// Why this collector was chosen.
    pub collector_reason: CollectorReason,
    /// The collection carried the reduce-memory flag.
    pub reduce_memory: bool,
    /// A young collection while a full cycle (marking or sweeping) was unfinished.
    pub interleaved: bool,
    /// Present for a mark-compact that finished incremental marking.
    pub incremental: Option<IncrementalMarking>,
    /// When the collection ended, ms since the heap was made.
    pub time_ms: f64,
    /// Length of the pause, ms.
    pub pause_ms: f64,
    /// Time since the end of the previous collection, ms.
    pub mutator_ms: f64,
    /// Bytes of objects of all spaces at the start (V8 `SizeOfObjects`).
    pub used_before: u64,
    /// The same at the end; live bytes where pages wait for the sweeper.
    pub used_after: u64,
    /// Mapped bytes of all spaces at the start (V8 `memory_allocator()->Size()`).
    pub committed_before: u64,
    /// The same at the end.
    pub committed_after: u64,
    /// Free bytes in holes of old pages at the start.
    pub holes_before: u64,
    /// The same at the end.
    pub holes_after: u64,
    /// Bytes of pages kept in the pool at the end; not part of committed.
    pub pooled: u64,
    /// Bytes of objects in the young generation at the start (new space and new large objects).
    pub young_before: u64,
    /// Bytes moved to, or re-owned by, the old generation.
    pub promoted: u64,
    /// Bytes copied within the new space.
    pub survived: u64,
    /// Bytes allocated since the end of the previous collection.
    pub allocated: u64,
    /// Average survival over the last 10 collections, percent.
    pub average_survival_ratio: f64,
    /// Capacity of one semi-space after the collection.
    pub new_space_capacity: u64,
    /// Old-generation allocation limit after the collection.
    pub old_generation_limit: u64,
    /// Global allocation limit after the collection.
    pub global_limit: u64,
    /// Mutator utilisation of the last mark-compact cycle, 0 to 1.
    pub mutator_utilization: f64,
    /// Its running average, 0 to 1.
    pub average_mutator_utilization: f64,
    /// Speeds and throughputs as V8's tracer has them.
    pub speeds: Speeds,
    /// Every space after the collection, in V8's order.
    pub spaces: Vec<SpaceSize>,
    /// Bytes reported by array buffers and embedders (V8 `external_memory_.total()`).
    pub external_reported: u64,
    /// Bytes of array-buffer backing stores and external strings (`external` of `process.memoryUsage()`).
    pub backing_stores: u64,
    /// Sum of all pauses so far, ms.
    pub total_gc_ms: f64,
    /// Bytes that may still be mapped before the heap is full: reserved minus mapped.
    pub available: u64,
    /// Sweeping of the last full collection is not finished.
    pub sweeping: bool,
    /// What the heap controller decided, when it recomputed the limits after this collection.
    pub controller: Option<LimitUpdate>,
}

/// Speeds as V8's `GCTracer` computes them, bytes per ms; `None` where V8 has no sample yet.
///
/// ```
/// assert_eq!(gcheap::event::Speeds::default().mark_compact, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Speeds {
    /// Survived bytes per ms of scavenge.
    pub scavenge: Option<f64>,
    /// Object bytes per ms of atomic mark-compact pauses, combined with incremental speeds as V8 does.
    pub mark_compact: Option<f64>,
    /// Young allocation throughput.
    pub new_space_allocation: Option<f64>,
    /// Old allocation throughput, promotion included.
    pub old_generation_allocation: Option<f64>,
}

/// Size of one space, in the meaning of `v8.getHeapSpaceStatistics()`.
///
/// ```
/// let size = gcheap::event::SpaceSize { space: gcheap::event::SpaceName::Old, used: 8, available: 0, committed: 16, physical: 16 };
/// assert_eq!(size.space.key(), "old_space");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct SpaceSize {
    /// Which space.
    pub space: SpaceName,
    /// Bytes of objects.
    pub used: u64,
    /// Free bytes that can be used without growing.
    pub available: u64,
    /// Mapped bytes.
    pub committed: u64,
    /// Mapped bytes that were touched.
    pub physical: u64,
}

/// V8's allocation spaces.
///
/// ```
/// assert_eq!(gcheap::event::SpaceName::NewLargeObject.key(), "new_large_object_space");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "snake_case"))]
#[allow(missing_docs, reason = "the names are V8's own and say all there is")]
pub enum SpaceName {
    ReadOnly,
    New,
    Old,
    Code,
    Map,
    Shared,
    Trusted,
    SharedTrusted,
    NewLargeObject,
    LargeObject,
    CodeLargeObject,
    SharedLargeObject,
    SharedTrustedLargeObject,
    TrustedLargeObject,
}

impl SpaceName {
    /// The name that `v8.getHeapSpaceStatistics()` uses.
    pub fn key(self) -> &'static str {
        match self {
            SpaceName::ReadOnly => "read_only_space",
            SpaceName::New => "new_space",
            SpaceName::Old => "old_space",
            SpaceName::Code => "code_space",
            SpaceName::Map => "map_space",
            SpaceName::Shared => "shared_space",
            SpaceName::Trusted => "trusted_space",
            SpaceName::SharedTrusted => "shared_trusted_space",
            SpaceName::NewLargeObject => "new_large_object_space",
            SpaceName::LargeObject => "large_object_space",
            SpaceName::CodeLargeObject => "code_large_object_space",
            SpaceName::SharedLargeObject => "shared_large_object_space",
            SpaceName::SharedTrustedLargeObject => "shared_trusted_large_object_space",
            SpaceName::TrustedLargeObject => "trusted_large_object_space",
        }
    }
}

/// A decision of the heap controller (V8 `MemoryController`, src/heap/heap-controller.cc).
///
/// ```
/// # fn show(update: &gcheap::event::LimitUpdate) { assert!(update.new_limit >= update.old_size) }
/// # show(&gcheap::event::LimitUpdate { old_size: 1, new_limit: 2, global_size: 1, new_global_limit: 4, factor: 1.3, dynamic_factor: 1.3, gc_speed: 0.0, mutator_speed: 0.0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct LimitUpdate {
    /// Old-generation bytes that the new limit grows from.
    pub old_size: u64,
    /// The new old-generation allocation limit.
    pub new_limit: u64,
    /// Global bytes that the new global limit grows from.
    pub global_size: u64,
    /// The new global allocation limit.
    pub new_global_limit: u64,
    /// The growing factor that was used: the dynamic one as the growing mode bounds it.
    pub factor: f64,
    /// The dynamic factor, from the two speeds alone.
    pub dynamic_factor: f64,
    /// GC speed that went into the factor, bytes per ms; 0 when unknown.
    pub gc_speed: f64,
    /// Mutator speed that went into the factor, bytes per ms; 0 when unknown.
    pub mutator_speed: f64,
}

/// Where V8 gives up; the text between `FATAL ERROR:` and `Allocation failed`.
///
/// ```
/// assert_eq!(gcheap::event::Location::ReachedHeapLimit.to_string(), "Reached heap limit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum Location {
    /// A collection ended with the old generation above its limit.
    ReachedHeapLimit,
    /// Four mark-compacts in a row near the limit freed next to nothing.
    IneffectiveMarkCompacts,
    /// An allocation still failed after the last-resort collections.
    CallAndRetryLast,
    /// A hash table would exceed its maximum capacity.
    InvalidTableSize,
    /// A backing store of an array would exceed the longest FixedArray.
    InvalidArrayLength,
    /// A page for a semi-space could not be had.
    CommittingSemiSpace,
    /// The scavenger could neither copy nor promote.
    ScavengerSemiSpaceCopy,
    /// A mark-compact could not move a young object.
    YoungObjectPromotion,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Location::ReachedHeapLimit => "Reached heap limit",
            Location::IneffectiveMarkCompacts => "Ineffective mark-compacts near heap limit",
            Location::CallAndRetryLast => "CALL_AND_RETRY_LAST",
            Location::InvalidTableSize => "invalid table size",
            Location::InvalidArrayLength => "invalid array length",
            Location::CommittingSemiSpace => "Committing semi space failed.",
            Location::ScavengerSemiSpaceCopy => "Scavenger: semi-space copy",
            Location::YoungObjectPromotion => "MarkCompactCollector: young object promotion failed",
        })
    }
}

/// The heap has run out: where, and the state that led to it.
///
/// ```
/// # fn report(fatal: &gcheap::event::Fatal) -> String {
/// format!("{} at {:.1} MB", fatal.location, fatal.used as f64 / 1048576.0)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Fatal {
    /// Where V8 would have given up.
    pub location: Location,
    /// When, ms since the heap was made.
    pub time_ms: f64,
    /// Bytes that the failing allocation asked for; 0 when a collection, not an allocation, found the end.
    pub requested: u64,
    /// Bytes of objects.
    pub used: u64,
    /// Mapped bytes.
    pub committed: u64,
    /// Old-generation bytes: page areas and large objects (V8 `OldGenerationCapacity`).
    pub old_generation_capacity: u64,
    /// The limit that was in force.
    pub max_old_generation: u64,
    /// Consecutive ineffective mark-compacts.
    pub ineffective_mark_compacts: u32,
    /// Running average of the mutator utilisation.
    pub average_mutator_utilization: f64,
    /// The operating system refused memory; the limit was not the cause.
    pub system_refused: bool,
}

/// Everything that a heap tells.
///
/// ```
/// use gcheap::event::Event;
/// fn is_gc(event: &Event) -> bool { matches!(event, Event::Gc(_)) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A collection has ended.
    Gc(Box<GcEvent>),
    /// Incremental marking has started.
    MarkingStarted {
        /// Why.
        reason: GcReason,
        /// The cycle will carry the reduce-memory flag.
        reduce_memory: bool,
        /// When, ms.
        time_ms: f64,
        /// Old-generation bytes.
        old_size: u64,
        /// Old-generation allocation limit.
        old_limit: u64,
    },
    /// The semi-spaces have a new capacity.
    NewSpaceResized {
        /// Capacity of one semi-space before.
        from: u64,
        /// Capacity of one semi-space now.
        to: u64,
        /// When, ms.
        time_ms: f64,
    },
    /// An allocation site was decided (V8 `PretenuringHandler`).
    AllocationSite {
        /// Number of the site in its heap.
        site: u32,
        /// The decision.
        decision: SiteDecision,
        /// Mementos found over mementos created, 0 to 1.
        ratio: f64,
        /// Code that embeds the site must be thrown away.
        deoptimize: bool,
        /// When, ms.
        time_ms: f64,
    },
    /// A near-heap-limit callback was asked.
    NearHeapLimit {
        /// The limit before.
        limit: u64,
        /// The limit after; equal when the callback did not raise it.
        raised_to: u64,
        /// When, ms.
        time_ms: f64,
    },
    /// The heap has run out.
    Fatal(Fatal),
}

/// What V8 has decided for an allocation site (`AllocationSite::PretenureDecision`).
///
/// ```
/// assert_ne!(gcheap::event::SiteDecision::Tenure, gcheap::event::SiteDecision::Undecided);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum SiteDecision {
    /// Not enough seen yet.
    #[default]
    Undecided,
    /// Survival is low: stays young for good.
    DontTenure,
    /// Survival is high, but the new space was still small.
    MaybeTenure,
    /// Allocate in old space.
    Tenure,
}
