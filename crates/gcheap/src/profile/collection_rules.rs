//! Collections, the way to a fatal error, external memory, and how the tracer measures. Plain data: what each number is, and where V8 has it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Which state of marking makes an overshot limit refuse a new old page (V8 `Heap::ShouldExpandOldGenerationOnSlowAllocation`).
///
/// ```
/// use gcheap::profile::{NODE_20, SoftLimit};
/// assert_eq!(NODE_20.collection.soft_limit, SoftLimit::WhenMarkingIsComplete);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum SoftLimit {
    /// Only complete marking (11.3).
    WhenMarkingIsComplete,
    /// Marking in any state (12.4 and later).
    WhenMarkingIsInProgress,
}

/// How much a step of the main thread marks (V8 src/heap/incremental-marking.cc, src/heap/base/incremental-marking-schedule.cc).
///
/// ```
/// use gcheap::profile::{MarkingSchedule, NODE_24};
/// assert_eq!(NODE_24.collection.marking_schedule, MarkingSchedule::ByTime { own_steps_are_progress: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum MarkingSchedule {
    /// There is none: 6.8 and 7.8, where the main thread's share of the time was measured.
    None,
    /// Steps keep pace with a schedule by allocations (up to 11.3): near the limit, each is to mark a 32nd of the old generation. A
    /// step marks 64 KiB at least, however far ahead the background markers are.
    ByAllocation,
    /// The schedule is by time (12.4 and later), and background markers are always ahead of it: a step marks 64 KiB where less than that
    /// was marked since the step before, and nothing else.
    ByTime {
        /// What the steps before have marked counts as progress (12.4); from 13.6 on only what background markers did.
        own_steps_are_progress: bool,
    },
}

/// What a full collection sweeps while it evacuates, so that what is promoted fills the holes of old pages (V8
/// `PagedSpaceBase::RawRefillLabMain`, src/heap/paged-spaces.cc).
///
/// ```
/// use gcheap::profile::{EvacuationSweeps, NODE_20, NODE_24};
/// assert_eq!(NODE_20.collection.evacuation_sweeps, EvacuationSweeps::OnePageARefill);
/// assert_eq!(NODE_24.collection.evacuation_sweeps, EvacuationSweeps::AllPages);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum EvacuationSweeps {
    /// Nothing: what is promoted gets new pages.
    Nothing,
    /// A task that needs room sweeps one page, and gets a new one if nothing there fits (11.3 and 12.4; measured: the holes after atomic
    /// collections are fewer than has died, by about what was promoted).
    OnePageARefill,
    /// Sweepers begin before the evacuation and are ahead of it (13.6 and later; measured: old space has no holes after a collection).
    AllPages,
}

impl EvacuationSweeps {
    /// Pages that are swept for a refill, at most.
    pub const fn pages_a_refill(self) -> usize {
        match self {
            EvacuationSweeps::Nothing => 0,
            EvacuationSweeps::OnePageARefill => 1,
            EvacuationSweeps::AllPages => usize::MAX,
        }
    }
}

/// Variants of collector choice and of the way to a fatal error (V8 src/heap/heap.cc, src/heap/heap-allocator.cc).
///
/// ```
/// assert!(gcheap::profile::NODE_26.collection.late_limit_check);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct CollectionRules {
    /// No scavenge while major marking runs (13.6 and later).
    pub separate_gc_phases: bool,
    /// Complete marking with an overshot limit turns a young collection into a full one (up to 13.6).
    pub overshot_marking_finalizes: bool,
    /// Young bytes count in the overshoot while marking runs (13.6 and later).
    pub overshoot_counts_young: bool,
    /// Which marking an overshot limit stops.
    pub soft_limit: SoftLimit,
    /// The retry of a failed allocation ignores the soft limit on the main thread too (13.6 and later).
    pub retry_ignores_soft_limit: bool,
    /// Every collection ends with the check of the hard limit (10.2 and later). Before, a heap went over its limit until an
    /// allocation failed for good, and the near-heap-limit callback was asked at the start of a collection.
    pub checks_hard_limit: bool,
    /// Marking begins with the stack as well (6.8 and 7.8); later only the final pause looks at it, so that what only the stack
    /// holds is marked there.
    pub marking_starts_with_stack: bool,
    /// When nothing is left to mark, the stack guard prepares the end first, and the step after that asks for the pause (up to 10.2).
    pub marking_is_prepared_to_end: bool,
    /// Whether a new old large object starts marking is looked at once it is there and counts (up to 11.3), not before.
    pub large_objects_count_for_start: bool,
    /// Marking that is done waits for a task to end it, where one is expected soon (10.2 and later).
    pub end_of_marking_waits_for_task: bool,
    /// Share of the time between the start of marking and the pause in which the main thread marks itself, percent. A measurement:
    /// about half in 6.8 and 7.8, whose allocation observers kept step with the program; next to nothing since.
    pub main_thread_marking_percent: u32,
    /// How much the main thread marks in a step, beside its share of the time.
    pub marking_schedule: MarkingSchedule,
    /// The collections of a failed allocation do not check the hard limit; the end of the sequence does (14.6).
    pub late_limit_check: bool,
    /// Full collections after the young ones of a failed young allocation (2 in 14.6, else 0).
    pub full_collections_after_young: u32,
    /// What a full collection sweeps while it evacuates.
    pub evacuation_sweeps: EvacuationSweeps,
    /// The last attempt ignores soft limits altogether (11.3, 12.4: always-allocate).
    pub last_attempt_always_allocates: bool,
    /// Asking for statistics frees the main thread's linear areas first (12.4 and later); 11.3 counts their whole rest as used.
    pub statistics_free_linear_areas: bool,
    /// A linear area of old space that is open counts as used as a whole (11.3).
    pub open_linear_areas_count_as_used: bool,
    /// The number-string cache is emptied by every full collection (up to 13.6).
    pub flushes_number_string_cache: bool,
    /// Full collections that unexecuted bytecode survives (`--bytecode-old-age`).
    pub bytecode_old_age: u32,
    /// Most collections of the memory reducer in a row.
    pub memory_reducer_collections: u32,
    /// Delay before the memory reducer's first collection, ms.
    pub memory_reducer_start_delay_ms: u64,
}

/// Where in a collection the ineffective rule is looked at.
///
/// ```
/// use gcheap::profile::{IneffectiveMoment, NODE_20};
/// assert_eq!(NODE_20.ineffective.moment, IneffectiveMoment::BeforeRecordingFatalInPause);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum IneffectiveMoment {
    /// Before this collection's utilisation is recorded; dies in the pause, before the trace line (11.3).
    BeforeRecordingFatalInPause,
    /// Before this collection's utilisation is recorded; dies after the trace line (12.4).
    BeforeRecordingFatalAfterLine,
    /// After it was recorded and the trace line was printed (13.6 and later).
    AfterRecording,
}

impl IneffectiveMoment {
    /// The average utilisation that counts already includes this collection.
    pub const fn includes_this_collection(self) -> bool {
        matches!(self, IneffectiveMoment::AfterRecording)
    }

    /// The fatal collection has printed its trace line.
    pub const fn line_is_printed(self) -> bool {
        !matches!(self, IneffectiveMoment::BeforeRecordingFatalInPause)
    }
}

/// The rule that kills a process that only collects (V8 `Heap::CheckIneffectiveMarkCompact`).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_26.ineffective.min_share, 0.95);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct IneffectiveRules {
    /// A collection can be ineffective when the old generation is at least this share of its maximum, 0 to 1.
    pub min_share: f64,
    /// And the average mutator utilisation is below this, 0 to 1.
    pub max_mutator_utilization: f64,
    /// So many in a row are the end.
    pub consecutive: u32,
    /// When it is looked at.
    pub moment: IneffectiveMoment,
}

/// External memory (V8 src/heap/heap.cc, src/heap/array-buffer-sweeper.cc, src/api/api.cc).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.external.young_buffers, 128 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ExternalRules {
    /// Growth since the last full collection that starts marking, bytes (`kExternalAllocationSoftLimit`).
    pub soft_limit: u64,
    /// The limits are looked at each time so many bytes were added (13.6 and later), bytes; `None`: at every addition above the soft limit.
    pub interrupt_step: Option<u64>,
    /// Bytes of young array buffers that make the next allocation of a backing store scavenge first.
    pub young_buffers: u64,
    /// That scavenge is left out while major marking runs (13.6 and later).
    pub young_buffers_wait_for_marking: bool,
}

/// How allocation throughputs are averaged (V8 src/heap/gc-tracer.cc).
///
/// ```
/// use gcheap::profile::{NODE_24, ThroughputModel};
/// assert_eq!(NODE_24.tracer.throughput, ThroughputModel::Smoothed { half_life_ms: 100.0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum ThroughputModel {
    /// Over the newest of 10 samples that cover a time (11.3, 12.4).
    Window {
        /// The time to cover, ms.
        window_ms: f64,
    },
    /// Exponentially smoothed (13.6 and later).
    Smoothed {
        /// Time in which the weight of the past halves, ms.
        half_life_ms: f64,
    },
}

/// How V8's tracer measures (V8 src/heap/gc-tracer.cc).
///
/// ```
/// assert!(!gcheap::profile::NODE_20.tracer.first_mark_compact_counts);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct TracerRules {
    /// Averaging of throughputs.
    pub throughput: ThroughputModel,
    /// The first sample of allocation counts from the start of the process (12.4 and later); 11.3 only notes its time.
    pub first_sample_counts: bool,
    /// The first mark-compact has a utilisation, counted from the start of the process (12.4 and later).
    pub first_mark_compact_counts: bool,
}
