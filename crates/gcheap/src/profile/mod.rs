//! What differs between Node versions, as data: one file for each major.
//!
//! A [`Profile`] is a plain constant. It holds V8's numbers, names the variants of V8's rules that this version has, and
//! says in what state a fresh Node process begins. It decides nothing itself: the rules are in
//! [`policy`](crate::policy). It may use the layers below it ([`event`](crate::event), [`time`](crate::time) and the
//! dialects of [`trace`](crate::trace)) and never a mechanism. What always holds: two heaps with the same profile, flags,
//! memory and workload behave the same.
//!
//! All sizes are bytes of Linux x64 without pointer compression (a tagged word has 8 bytes).

mod node10;
mod node12;
mod node18;
mod node20;
mod node22;
mod node24;
mod node26;

pub use node10::NODE_10;
pub use node12::NODE_12;
pub use node18::NODE_18;
pub use node20::NODE_20;
pub use node22::NODE_22;
pub use node24::NODE_24;
pub use node26::NODE_26;

use crate::event::SpaceName;
use crate::time::CostModel;
use crate::trace::Dialect;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// One Node version: V8's constants, the variants of its rules, and the start of a process.
///
/// ```
/// use gcheap::profile::Profile;
/// let node = Profile::for_node(24).expect("Node 24 is supported");
/// assert_eq!(node.v8_version, "13.6.233.17-node.53");
/// assert_eq!(node.pages.usable(), 262_128);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize))]
pub struct Profile {
    /// Node's major version.
    pub node_major: u32,
    /// Node's full version, without the `v`; the binary whose numbers these are.
    pub node_version: &'static str,
    /// `process.versions.v8` of that binary.
    pub v8_version: &'static str,
    /// How this V8 words its traces and its end.
    pub dialect: Dialect,
    /// Spaces in the order of `v8.getHeapSpaceStatistics()` (V8 src/common/globals.h).
    pub spaces: &'static [SpaceName],
    /// Pages and object sizes that decide where an object goes.
    pub pages: PageRules,
    /// Constants of the heap configuration.
    pub limits: LimitRules,
    /// Variants of the growing policy.
    pub growing: GrowingRules,
    /// Variants of the new space's behaviour.
    pub new_space: NewSpaceRules,
    /// Variants of collector choice and of the way to a fatal error.
    pub collection: CollectionRules,
    /// The rule that kills a process that only collects.
    pub ineffective: IneffectiveRules,
    /// External memory.
    pub external: ExternalRules,
    /// Allocation sites.
    pub pretenuring: PretenuringRules,
    /// V8's compilers.
    pub tiering: TieringRules,
    /// How V8's tracer measures.
    pub tracer: TracerRules,
    /// Sizes of objects that differ between versions.
    pub objects: ObjectSizes,
    /// The state that start-up leaves behind.
    pub baseline: Baseline,
    /// What work costs in virtual time.
    pub cost: CostModel,
}

impl Profile {
    /// The profile of a Node major, or `None` when there is none.
    pub fn for_node(major: u32) -> Option<&'static Profile> {
        PROFILES.iter().copied().find(|profile| profile.node_major == major)
    }

    /// The majors that [`for_node`](Profile::for_node) knows, ascending.
    pub fn supported() -> &'static [u32] {
        &[10, 12, 18, 20, 22, 24, 26]
    }

    /// Every profile, oldest first.
    pub fn all() -> &'static [&'static Profile] {
        &PROFILES
    }
}

static PROFILES: [&Profile; 7] = [&NODE_10, &NODE_12, &NODE_18, &NODE_20, &NODE_22, &NODE_24, &NODE_26];

/// Pages (V8 src/heap/memory-chunk-layout.h, src/common/globals.h).
///
/// ```
/// let pages = gcheap::profile::NODE_20.pages;
/// assert_eq!((pages.usable(), pages.large_page(262_160)), (257_720, 270_336));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct PageRules {
    /// Size and alignment of a regular page, bytes.
    pub size: u64,
    /// Bytes at the start of a page that hold no objects.
    pub header: u64,
    /// Page size of the operating system, bytes; committed sizes of large and shrunk pages are multiples of it.
    pub os_page: u64,
    /// The largest object of a regular page, bytes (`kMaxRegularHeapObjectSize`); anything larger is a large object.
    pub max_regular_object: u64,
}

impl PageRules {
    /// Bytes of a regular page that objects can use.
    pub const fn usable(&self) -> u64 {
        self.size - self.header
    }

    /// Committed bytes of the page of a large object.
    pub const fn large_page(&self, object: u64) -> u64 {
        (self.header + object).next_multiple_of(self.os_page)
    }

    /// Usable bytes of a semi-space whose full capacity is `capacity`.
    pub const fn usable_of(&self, capacity: u64) -> u64 {
        capacity / self.size * self.usable()
    }
}

/// How the young generation follows from physical memory (V8 src/heap/heap.cc, `Heap::YoungGenerationSizeFromOldGenerationSize`).
///
/// ```
/// use gcheap::profile::{NODE_26, YoungSize};
/// assert!(matches!(NODE_26.limits.young, YoungSize::FromMemory { divisor: 32, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum YoungSize {
    /// Semi-space = old generation / ratio.
    FromOldGeneration {
        /// Ratio of old generation to semi-space.
        ratio: u64,
        /// The ratio while the old generation is not above [`LimitRules::low_memory_old_generation`].
        low_memory_ratio: u64,
    },
    /// Semi-space = heap size / divisor, where the heap size is a quarter of the memory.
    FromMemory {
        /// Ratio of heap size to semi-space.
        divisor: u64,
        /// The smallest semi-space that this rule gives, bytes.
        min: u64,
    },
}

/// From which memory on the old generation may have twice the usual maximum (V8 src/heap/heap.cc, `Heap::MaxOldGenerationSizeFromPhysicalMemory`).
///
/// ```
/// use gcheap::profile::LargeMemory;
/// assert!(!LargeMemory::From16GibRounded.applies(15_361 << 20) && LargeMemory::From16GibRounded.applies(15_872 << 20));
/// assert!(LargeMemory::From15Gib.applies(15_360 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum LargeMemory {
    /// Memory rounded to the nearest GiB is at least 16 GiB.
    From16GibRounded,
    /// Memory is at least 15 GiB.
    From15Gib,
    /// No machine is large (7.8 and earlier).
    Never,
}

impl LargeMemory {
    /// Whether a machine with `total` bytes counts as large.
    pub const fn applies(self, total: u64) -> bool {
        match self {
            LargeMemory::From16GibRounded => total.saturating_add(GIB / 2) / GIB >= 16,
            LargeMemory::From15Gib => total / GIB >= 15,
            LargeMemory::Never => false,
        }
    }
}

/// Constants of the heap configuration (V8 src/heap/heap.h, src/heap/heap.cc `Heap::ConfigureHeap`).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.limits.default_max_semi_space, 64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct LimitRules {
    /// Node tells V8 how much memory there is (10.2 and later, and 7.8); 6.8 only knows its own defaults.
    pub follows_memory: bool,
    /// The largest semi-space that `--max-semi-space-size` can ask for, bytes; `None`: no bound (7.8 alone has one).
    pub semi_space_flag_cap: Option<u64>,
    /// Semi-spaces that `heap_size_limit` makes room for: 2 in 6.8, 3 since there is a new large-object space.
    pub semi_spaces_in_limit: u64,
    /// `heap_size_limit` counts whole pages for the usable bytes in them (6.8).
    pub limit_counts_page_headers: bool,
    /// The largest old generation is a multiple of this, bytes: V8 7.8 was told its memory in MiB.
    pub old_generation_unit: u64,
    /// V8 has `--max-heap-size` and `--initial-heap-size` (7.8 and later).
    pub has_heap_size_flags: bool,
    /// Largest semi-space without flags, bytes.
    pub default_max_semi_space: u64,
    /// Smallest semi-space, and the first, without flags, bytes.
    pub default_min_semi_space: u64,
    /// Young generation from memory.
    pub young: YoungSize,
    /// Up to this old generation the machine counts as low on memory, bytes.
    pub low_memory_old_generation: u64,
    /// Smallest old generation derived from memory, bytes.
    pub min_old_generation_from_memory: u64,
    /// Largest old generation derived from memory, bytes; twice that on a large machine.
    pub max_old_generation_from_memory: u64,
    /// What a large machine is.
    pub large_memory: LargeMemory,
    /// Old generation when neither memory nor a flag says anything, bytes.
    pub default_max_old_generation: u64,
    /// Largest initial old-generation limit without flags, bytes.
    pub max_initial_old_generation: u64,
    /// Paged spaces that must have room for one page each in the smallest old generation.
    pub growable_paged_spaces: u64,
    /// `--min-semi-space-size` is a lower bound of its own (13.6 and later), not another name of the initial size.
    pub separate_min_semi_space: bool,
    /// The configuration forgets at its end that an initial old size was configured (12.4 only).
    pub forgets_configured_initial: bool,
    /// Node has `--max-old-space-size-percentage`.
    pub has_percentage_flag: bool,
}

/// How a bounded limit is put together (V8 src/heap/heap-controller.cc).
///
/// ```
/// use gcheap::profile::{LimitBound, NODE_22, NODE_24};
/// assert_ne!(NODE_22.growing.bound, NODE_24.growing.bound);
/// # let _ = LimitBound::HalfwayLast;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum LimitBound {
    /// min(max(limit, minimum), halfway): 11.3 and 12.4.
    HalfwayLast,
    /// max(min(limit, halfway), minimum): 13.6 and later.
    MinimumLast,
}

/// Until when survival shrinks the initial limit (V8 src/heap/heap.cc).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_20.growing.shrinking, gcheap::profile::InitialShrinking::UntilItWouldGrow);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum InitialShrinking {
    /// Until the computed value is no longer below the limit; from then on the limit counts as configured (11.3).
    UntilItWouldGrow,
    /// Until the first full collection (12.4 and later).
    UntilFirstFullCollection,
    /// Until the first full collection, and down to one growing step whatever the old generation holds (6.8 and 7.8).
    ToOneStep,
}

/// When the limits are recomputed after a full collection.
///
/// ```
/// use gcheap::profile::{NODE_22, NODE_24, RecomputeMoment};
/// assert_eq!(NODE_22.growing.recompute, RecomputeMoment::InsidePause);
/// assert_eq!(NODE_24.growing.recompute, RecomputeMoment::AfterPause);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum RecomputeMoment {
    /// Inside the pause, so the speeds and the utilisation are those before this collection.
    InsidePause,
    /// After the pause was recorded, so they include this collection.
    AfterPause,
}

/// Variants of the growing policy (V8 src/heap/heap-controller.h, src/heap/heap.cc).
///
/// ```
/// assert!(gcheap::profile::NODE_24.growing.consumed_counts_waste);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct GrowingRules {
    /// Order of the two bounds of a new limit.
    pub bound: LimitBound,
    /// The new-space capacity that a new limit adds counts usable bytes (11.3), not whole pages.
    pub capacity_counts_usable_bytes: bool,
    /// Old-generation size includes unusable free-list bytes (13.6 and later).
    pub consumed_counts_waste: bool,
    /// Until when survival shrinks the initial limit.
    pub shrinking: InitialShrinking,
    /// An initial size given by a flag is never shrunk.
    pub configured_initial_is_kept: bool,
    /// When the limits are recomputed.
    pub recompute: RecomputeMoment,
    /// A reduce-memory collection shrinks the new space before the limits are recomputed (12.4 and later), so they add the small
    /// capacity; in 11.3 they still add the large one.
    pub shrinks_new_space_before_limits: bool,
    /// Growing factor of the global limit when no embedder heap has a speed.
    pub embedder_factor: f64,
}

/// When the new space is resized (V8 `Heap::ShouldResizeNewSpace` and its callers).
///
/// ```
/// use gcheap::profile::{NODE_20, NODE_24, ResizeMoment};
/// assert_eq!((NODE_20.new_space.resize, NODE_24.new_space.resize), (ResizeMoment::Start, ResizeMoment::End));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum ResizeMoment {
    /// Decided at the start of every collection from the survivors of earlier ones; growth acts at once, shrinking at the end.
    Start,
    /// Decided and done at the end of every collection; its own survivors count.
    End,
    /// Growth is decided and done at the start, shrinking decided and done at the end (10.2 and earlier).
    GrowAtStartShrinkAtEnd,
}

/// What the test for promoting a whole young generation asks room for (V8 `Heap::CanPromoteYoungAndExpandOldGeneration`).
///
/// ```
/// use gcheap::profile::{NODE_22, PromotionRoom};
/// assert_eq!(NODE_22.new_space.promotion_room, PromotionRoom::TargetCapacity);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum PromotionRoom {
    /// Usable bytes of the semi-space's pages (11.3).
    UsableCapacity,
    /// The target capacity, whole pages (12.4).
    TargetCapacity,
    /// Usable bytes of the larger of current and target page count (13.6 and later).
    UsableOfLarger,
}

/// Variants of the new space's behaviour (V8 src/heap/new-spaces.cc, src/heap/heap.cc).
///
/// ```
/// assert!(gcheap::profile::NODE_26.new_space.lazy_commit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct NewSpaceRules {
    /// When it is resized.
    pub resize: ResizeMoment,
    /// Pages are committed one by one as allocation reaches them (14.6), not all at once.
    pub lazy_commit: bool,
    /// A full collection swaps the semi-spaces too, keeping their pages (14.6).
    pub full_collection_flips: bool,
    /// It may exceed its capacity while major marking runs (13.6 and later).
    pub expands_during_marking: bool,
    /// A full collection promotes every young survivor (10.2 and later); before, it copied those that had survived nothing yet
    /// within new space, as a scavenge does.
    pub full_collection_promotes_all: bool,
    /// There is a new large-object space (7.8 and later); before, large objects were born old.
    pub has_large_objects: bool,
    /// A scavenge clears WeakRefs and queues finalizers whose targets it finds dead (14.6, `--handle-weak-ref-weakly-in-minor-gc`);
    /// before, it kept all targets alive.
    pub scavenges_clear_weak_refs: bool,
    /// A program that returns to its event loop with new space this full is scavenged by a task, percent of the capacity; 0 where
    /// there is no such task (V8 `ScavengeJob`, from 8.2 on).
    pub task_trigger_percent: u64,
    /// What has to fit before a scavenge is tried.
    pub promotion_room: PromotionRoom,
    /// Below this allocation throughput it shrinks, bytes per ms.
    pub low_throughput: u64,
    /// A page with more live bytes than this share of its usable area is moved whole by a full collection, percent.
    pub page_promotion_percent: u64,
    /// Size of the local buffers that a scavenger task copies into, bytes.
    pub copy_buffer: u64,
    /// What tasks that help leave of them.
    pub copy_buffers_left: CopyBuffersLeft,
    /// Rests of pages of at least this size are kept for later when allocation moves on, bytes.
    pub parked_buffer_min: u64,
}

/// What tasks of a scavenge leave unused of their local buffers, and what stays in new space as fillers until the next one: how
/// much it is on average (a measurement).
///
/// ```
/// let left = gcheap::profile::NODE_20.new_space.copy_buffers_left;
/// assert_eq!(left.bytes(1_000_000, 32 << 10), 120_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct CopyBuffersLeft {
    /// Hundredths of a buffer, whatever survives: a task that helps hardly uses it.
    pub hundredths: u64,
    /// Percent of the bytes that survive in new space.
    pub survivors_percent: u64,
}

impl CopyBuffersLeft {
    /// None that counts: what is left is given back.
    pub const NONE: CopyBuffersLeft = CopyBuffersLeft { hundredths: 0, survivors_percent: 0 };

    /// Bytes that a scavenge with so many bytes of survivors leaves of buffers of this size.
    pub const fn bytes(self, survived: u64, buffer: u64) -> u64 {
        (self.hundredths * buffer + self.survivors_percent * survived) / 100
    }
}

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
    /// A full collection sweeps before it evacuates, so that what is promoted fills the holes of old pages (13.6 and later; measured: old
    /// space has none after a collection, and as many as have died up to 12.4).
    pub sweeps_before_evacuation: bool,
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

/// From which semi-space capacity on a site may be tenured (V8 src/heap/pretenuring-handler.cc).
///
/// ```
/// use gcheap::profile::PretenuringThreshold;
/// assert_eq!(PretenuringThreshold::AtMost(16 << 20).capacity(4 << 20), 4 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum PretenuringThreshold {
    /// The maximum capacity (up to 11.3).
    Maximum,
    /// The maximum capacity, but at most so many bytes (12.4 and later).
    AtMost(u64),
}

impl PretenuringThreshold {
    /// The threshold for a given maximum capacity of one semi-space, bytes.
    pub const fn capacity(self, max_semi_space: u64) -> u64 {
        match self {
            PretenuringThreshold::AtMost(bytes) if bytes < max_semi_space => bytes,
            _ => max_semi_space,
        }
    }
}

/// Whose mementos a full collection counts for allocation sites (V8 `EvacuateNewSpaceVisitor` and
/// `EvacuateNewSpacePageVisitor::Visit`, src/heap/mark-compact.cc). Measured too: `--no-opt --trace-pretenuring-statistics`, records
/// that all survive, `gc()`.
///
/// ```
/// use gcheap::profile::{FullCollectionsCount, NODE_22};
/// assert_eq!(NODE_22.pretenuring.full_collections_count, FullCollectionsCount::Moved);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum FullCollectionsCount {
    /// Those of all survivors (6.8, 7.8 and 13.6).
    All,
    /// Those of survivors that are moved, not those on pages that become old as a whole (10.2 to 12.4): where nearly all
    /// survive, nearly none are found.
    Moved,
    /// None: full collections decide nothing (14.6).
    None,
}

/// Allocation sites (V8 src/heap/pretenuring-handler.cc).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_22.pretenuring.min_created, 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct PretenuringRules {
    /// Capacity from which on a site may be tenured.
    pub threshold: PretenuringThreshold,
    /// The capacity that counts is the one that new space has grown to at the start of the collection (12.4): then no scavenge
    /// finds the threshold crossed, and code of sites that may be tenured is never thrown away for that.
    pub capacity_after_growth: bool,
    /// Mementos that must have been created, and found, before a site is decided.
    pub min_created: u64,
    /// Found over created from which on a site survives well enough, 0 to 1.
    pub min_ratio: f64,
    /// Whose mementos full collections count.
    pub full_collections_count: FullCollectionsCount,
    /// Every tenured site is undecided again when a full collection leaves less than this share of the heap, 0 to 1.
    pub reset_below_survival: f64,
}

/// When V8's compilers come to the code of a function (V8 src/execution/tiering-manager.cc, src/flags/flag-definitions.h).
///
/// Unoptimised code counts the bytes of bytecode that it has executed against a budget; each time the budget is used up,
/// V8 looks at the function (a tick). The heap itself does not use these rules: whoever runs a program on it does, because the
/// tier of the code decides what a statement allocates.
///
/// ```
/// let rules = gcheap::profile::NODE_24.tiering;
/// assert_eq!(rules.maglev.map(|maglev| maglev.invocations), Some(500));
/// assert!(gcheap::profile::NODE_22.tiering.maglev.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct TieringRules {
    /// Executions of a function until it has a feedback vector, with which it begins to count.
    pub feedback_invocations: u32,
    /// How long unoptimised code runs until V8 asks for TurboFan; with Maglev in between, how long Maglev's code does.
    pub turbofan: TurbofanRules,
    /// Times the length of a function that a loop runs between two ticks once its function is to be optimised; `None`: the
    /// budget of a tick.
    pub osr_invocations: Option<u32>,
    /// Bytes of bytecode that a function may have for its loop to be replaced, and how many more with each tick; `None`: any.
    pub osr_size: Option<(u32, u32)>,
    /// The compiler between; `None`: there is none, or it is off.
    pub maglev: Option<MaglevRules>,
    /// The largest function that is inlined, bytes of bytecode (V8 `max_inlined_bytecode_size`).
    pub max_inlined: u32,
    /// All that is inlined in one function, at most, bytes of bytecode (V8 `max_inlined_bytecode_size_cumulative`).
    pub max_inlined_cumulative: u32,
    /// Nanoseconds of the virtual clock that TurboFan takes for a byte of bytecode (a measurement, not V8's).
    pub turbofan_ns: f64,
    /// Pending promises keep the function that `new Promise` was given, in TurboFan's code (a measurement).
    pub keeps_executors: bool,
}

/// What makes unoptimised code, or Maglev's, hot enough for TurboFan.
///
/// ```
/// use gcheap::profile::{NODE_22, TurbofanRules};
/// assert_eq!(NODE_22.tiering.turbofan, TurbofanRules::Invocations { count: 3_000 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum TurbofanRules {
    /// A number of ticks, each after the same number of bytes (up to 11.3).
    Ticks {
        /// Bytes of bytecode between two ticks.
        budget: u32,
        /// Ticks that every function needs.
        count: u32,
        /// One more for so many bytes of its length.
        bytes_per_tick: u32,
        /// Functions below this length need only one.
        small: u32,
    },
    /// So many times its length (12.4 and later).
    Invocations {
        /// The times.
        count: u32,
    },
}

/// Maglev, the compiler between the interpreter and TurboFan (V8 13.6 and 14.6).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_26.tiering.maglev.map(|maglev| maglev.osr_invocations), Some(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct MaglevRules {
    /// Times its length that a function runs unoptimised, counted from the last change of its feedback.
    pub invocations: u32,
    /// Times its length that a loop runs between two ticks once its function is to be optimised.
    pub osr_invocations: u32,
    /// What a byte counts in a loop of Maglev's code.
    pub loop_weight: f64,
    /// Nanoseconds of the virtual clock that Maglev takes for a byte of bytecode (a measurement, not V8's).
    pub compile_ns: f64,
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

/// Sizes of objects that differ between versions, bytes of heap unless said otherwise.
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.objects.js_typed_array, 104);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ObjectSizes {
    /// What a string has more than its 16 bytes of header (6.8: hash and length were words of their own).
    pub string_padding: u64,
    /// What a function context has more than scope info, previous and extension (up to 7.8: the native context).
    pub context_padding: u64,
    /// JSArrayBuffer.
    pub js_array_buffer: u64,
    /// JSTypedArray, also Node's Buffer.
    pub js_typed_array: u64,
    /// JSDataView.
    pub js_data_view: u64,
    /// Strings of numbers are born old, because the number-string cache is (up to 7.8).
    pub number_strings_are_old: bool,
    /// The weak cells of a FinalizationRegistry are born old (up to 13.6; measured on 10.2 to 14.6).
    pub weak_cells_are_old: bool,
    /// JSProxy.
    pub js_proxy: u64,
    /// JSDate, without the boxed value.
    pub js_date: u64,
    /// The boxed value of a JSDate; 0 where it is inside.
    pub js_date_value: u64,
    /// JSError with a short stack, all that hangs on it included.
    pub js_error: u64,
    /// Longest FixedArray, elements.
    pub max_fixed_array_length: u64,
    /// Longest string, characters.
    pub max_string_length: u64,
    /// Largest data that a typed array keeps on the heap (`--typed-array-max-size-in-heap`).
    pub max_on_heap_typed_array: u64,
    /// Entries of the full number-string cache.
    pub number_string_cache_entries: u64,
    /// Start-up leaves the cache at its first size of 256 entries, and so full that the next number makes the full one.
    pub number_string_cache_starts_small: bool,
    /// Size of the FixedArray behind it, header included.
    pub number_string_cache_bytes: u64,
    /// Bytes of one slab of Node's Buffer pool (`Buffer.poolSize`); external.
    pub buffer_pool: u64,
}

/// One space at the start of a script.
///
/// ```
/// let old = gcheap::profile::NODE_24.baseline.old;
/// assert!(old.used <= old.committed);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct BaselineSpace {
    /// Mapped bytes.
    pub committed: u64,
    /// Bytes of objects.
    pub used: u64,
}

/// What start-up leaves behind: the state that a small CommonJS script finds after `require('fs')`.
///
/// Measured without loading any further module (`fs` is there already, but the first `require` of a script costs something on
/// Node 12 and 18): `require('v8')` alone adds about 200 KB of objects, so scripts that ask for
/// `v8.getHeapSpaceStatistics()` see more than the others.
///
/// ```
/// let start = gcheap::profile::NODE_20.baseline;
/// assert_eq!(start.heap_total(), 4_169_728);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Baseline {
    /// New space; where start-up has collected already, both semi-spaces are mapped and what is used has survived.
    pub new: BaselineSpace,
    /// Old space. Pages of the snapshot are cut to their used end, so committed is no multiple of the page size.
    pub old: BaselineSpace,
    /// Code space.
    pub code: BaselineSpace,
    /// Code space bytes that objects use; less than `code.used` where an open linear area counts as used until the first collection.
    pub code_live: u64,
    /// Trusted space; map space in 10.2 and earlier; nothing in 11.3, which has neither.
    pub trusted: BaselineSpace,
    /// Large-object space: the number-string cache, or what else start-up put there.
    pub large_object: BaselineSpace,
    /// Bytes of read-only space that are part of heapTotal: the version does not share it between isolates (6.8, 7.8).
    pub read_only_committed: u64,
    /// Read-only space: shown by `--trace-gc-verbose`; part of heapUsed where it is part of heapTotal.
    pub read_only_used: u64,
    /// Survival of the scavenges that start-up ran, in their order, percent; 0 for none.
    pub startup_survival_percent: [f64; 2],
    /// Bytes that survived them.
    pub startup_survived: u64,
    /// Bytes of new space that have survived one of them and are promoted next.
    pub startup_aged: u64,
    /// Share of the new-space start content that survives its first scavenge, 0 to 1.
    pub new_space_survival: f64,
    /// Bytes of old space that the first full collection frees.
    pub old_garbage: u64,
    /// `external` of `process.memoryUsage()`.
    pub external: u64,
    /// `arrayBuffers` of `process.memoryUsage()`.
    pub array_buffers: u64,
    /// Resident set of the process.
    pub rss: u64,
    /// Time from the creation of the isolate to the first statement, ms.
    pub start_ms: f64,
}

impl Baseline {
    /// `heapTotal` of `process.memoryUsage()`, bytes.
    pub const fn heap_total(&self) -> u64 {
        self.new.committed
            + self.old.committed
            + self.code.committed
            + self.trusted.committed
            + self.large_object.committed
            + self.read_only_committed
    }

    /// `heapUsed` of `process.memoryUsage()`, bytes.
    pub const fn heap_used(&self) -> u64 {
        let read_only = if self.read_only_committed > 0 { self.read_only_used } else { 0 };
        self.new.used + self.old.used + self.code.used + self.trusted.used + self.large_object.used + read_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_lists_exactly_the_majors_that_have_a_profile() {
        assert_eq!(Profile::supported(), PROFILES.map(|profile| profile.node_major));
        assert!(Profile::supported().iter().all(|&major| Profile::for_node(major).is_some()));
        assert!(Profile::for_node(23).is_none());
    }

    #[test]
    fn no_space_starts_with_more_objects_than_memory() {
        for profile in Profile::all() {
            let start = &profile.baseline;
            for space in [start.new, start.old, start.code, start.trusted, start.large_object] {
                assert!(space.used <= space.committed, "Node {}", profile.node_major);
                assert_eq!(space.committed % profile.pages.os_page, 0, "Node {}", profile.node_major);
            }
            let large = start.large_object;
            assert!(
                large.used == 0 || large.committed == profile.pages.large_page(large.used),
                "Node {}",
                profile.node_major
            );
            if !profile.objects.number_string_cache_starts_small {
                assert_eq!(large.used, profile.objects.number_string_cache_bytes);
            }
            assert!(start.code_live <= start.code.used && start.old_garbage < start.old.used);
        }
    }

    #[test]
    fn every_space_is_listed_once_and_new_space_is_there() {
        for profile in Profile::all() {
            let mut seen = profile.spaces.to_vec();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), profile.spaces.len());
            assert!(profile.spaces.contains(&SpaceName::New));
        }
    }

    #[test]
    fn the_usable_area_of_a_page_is_what_an_empty_new_space_offers() {
        let usable = PROFILES.map(|profile| profile.pages.usable_of(MIB));
        assert_eq!(usable, [1_031_168, 1_047_456, 1_030_976, 1_030_880, 1_030_912, 1_048_512, 1_048_512]);
    }
}
