//! Growing and shrinking of the new space.
//!
//! V8 `Heap::ShouldResizeNewSpace`, `ExpandNewSpaceSize`, `ReduceNewSpaceSize` (src/heap/heap.cc) and
//! `SemiSpaceNewSpace::Grow`/`Shrink` (src/heap/new-spaces.cc). Capacities are of one semi-space, bytes.

use crate::profile::MIB;

/// What resizing depends on.
///
/// ```
/// use gcheap::policy::{NewSpaceResize, NewSpaceResizeInputs, resize_new_space};
/// let inputs = NewSpaceResizeInputs {
///     capacity: 1 << 20, min: 1 << 20, max: 16 << 20, growth_factor: 2, used: 0, page: 256 << 10,
///     survived_since_last_expansion: (1 << 20) + 1, throughput: 5_000.0, low_throughput: 1_000.0, reduce_memory: false,
/// };
/// assert_eq!(resize_new_space(&inputs), NewSpaceResize::Grow(2 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewSpaceResizeInputs {
    /// Capacity now.
    pub capacity: u64,
    /// Shrinking goes no lower.
    pub min: u64,
    /// Growing goes no higher.
    pub max: u64,
    /// Factor of growth, at least 2.
    pub growth_factor: u64,
    /// Bytes of objects in it.
    pub used: u64,
    /// Page size, bytes.
    pub page: u64,
    /// Bytes copied or promoted in all collections since it last grew.
    pub survived_since_last_expansion: u64,
    /// Allocation throughput, new and old, bytes per ms; 0 when unknown.
    pub throughput: f64,
    /// Below this throughput it should shrink, bytes per ms.
    pub low_throughput: f64,
    /// The collection carries the reduce-memory flag.
    pub reduce_memory: bool,
}

/// The decision.
///
/// ```
/// assert_eq!(gcheap::policy::NewSpaceResize::Shrink(7), gcheap::policy::NewSpaceResize::Shrink(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSpaceResize {
    /// It stays. `forget_survivors`: it should both have grown and shrunk, which counts as growth for the survivors' counter.
    Keep {
        /// The counter of survivors starts again.
        forget_survivors: bool,
    },
    /// It grows to this capacity, and the counter of survivors starts again.
    Grow(u64),
    /// It shrinks to this capacity, and from-space is unmapped.
    Shrink(u64),
}

/// V8 `Heap::ShouldResizeNewSpace`, with the new capacity.
pub fn resize_new_space(inputs: &NewSpaceResizeInputs) -> NewSpaceResize {
    let shrink = NewSpaceResize::Shrink(shrunk_capacity(inputs));
    if inputs.reduce_memory {
        return shrink;
    }
    let should_shrink = inputs.throughput != 0.0 && inputs.throughput < inputs.low_throughput;
    let should_grow = inputs.capacity < inputs.max && inputs.survived_since_last_expansion > inputs.capacity;
    match (should_grow, should_shrink) {
        (true, false) => NewSpaceResize::Grow(grown_capacity(inputs)),
        (false, true) => shrink,
        (both, _) => NewSpaceResize::Keep { forget_survivors: both },
    }
}

/// The capacity to grow to, where growth is decided apart from shrinking (10.2 and earlier; V8 `Heap::CheckNewSpaceExpansionCriteria`).
///
/// ```
/// use gcheap::policy::{NewSpaceResizeInputs, grow_new_space, shrink_new_space};
/// let both = NewSpaceResizeInputs {
///     capacity: 1 << 20, min: 1 << 19, max: 16 << 20, growth_factor: 2, used: 0, page: 256 << 10,
///     survived_since_last_expansion: (1 << 20) + 1, throughput: 500.0, low_throughput: 1_000.0, reduce_memory: false,
/// };
/// assert_eq!((grow_new_space(&both), shrink_new_space(&both)), (Some(2 << 20), Some(1 << 19)));
/// ```
pub fn grow_new_space(inputs: &NewSpaceResizeInputs) -> Option<u64> {
    let grows = inputs.capacity < inputs.max && inputs.survived_since_last_expansion > inputs.capacity;
    grows.then(|| grown_capacity(inputs))
}

/// The capacity to shrink to, where shrinking is decided apart from growth (10.2 and earlier; V8 `Heap::ReduceNewSpaceSize`).
pub fn shrink_new_space(inputs: &NewSpaceResizeInputs) -> Option<u64> {
    let slow = inputs.throughput != 0.0 && inputs.throughput < inputs.low_throughput;
    (inputs.reduce_memory || slow).then(|| shrunk_capacity(inputs))
}

fn grown_capacity(inputs: &NewSpaceResizeInputs) -> u64 {
    inputs.capacity.saturating_mul(inputs.growth_factor.max(2)).min(inputs.max)
}

fn shrunk_capacity(inputs: &NewSpaceResizeInputs) -> u64 {
    inputs.used.saturating_mul(2).max(inputs.min).next_multiple_of(inputs.page.max(1)).min(inputs.capacity)
}

/// What a new large object depends on.
///
/// ```
/// use gcheap::policy::{NewLargeObjectInputs, may_allocate_new_large_object};
/// let first = NewLargeObjectInputs { existing: 0, requested: 240 << 20, capacity: 1 << 20, old_generation_has_room: true, may_exceed: false };
/// assert!(may_allocate_new_large_object(&first)); // the first one always fits
/// assert!(!may_allocate_new_large_object(&NewLargeObjectInputs { existing: 200_000, ..first }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLargeObjectInputs {
    /// Bytes of new large objects.
    pub existing: u64,
    /// Bytes of the new one.
    pub requested: u64,
    /// Capacity: that of a semi-space.
    pub capacity: u64,
    /// [`can_expand_old_generation`](super::can_expand_old_generation) with the existing bytes.
    pub old_generation_has_room: bool,
    /// [`should_expand_young_generation`](super::should_expand_young_generation): the capacity may be exceeded.
    pub may_exceed: bool,
}

/// New large-object space takes the object (V8 `NewLargeObjectSpace::AllocateRaw`, src/heap/large-spaces.cc).
pub fn may_allocate_new_large_object(inputs: &NewLargeObjectInputs) -> bool {
    inputs.old_generation_has_room
        && (inputs.existing == 0
            || inputs.may_exceed
            || inputs.existing.saturating_add(inputs.requested) <= inputs.capacity)
}

/// Parallel tasks of a scavenge (V8 `ScavengerCollector::NumberOfScavengeTasks`): capacity in MiB + 1, at most 8 and one more than the workers.
///
/// ```
/// assert_eq!(gcheap::policy::scavenge_tasks(16 << 20, 4), 5);
/// assert_eq!(gcheap::policy::scavenge_tasks(1 << 20, 4), 2);
/// ```
pub fn scavenge_tasks(capacity: u64, workers: u64) -> u64 {
    (capacity / MIB + 1).min(8).min(workers + 1).max(1)
}

/// Whether a task scavenges when the program is back in its event loop (V8
/// `ScavengeJob::YoungGenerationSizeTaskTriggerReached`, src/heap/scavenge-job.cc; later `MinorGCJob`). Sizes in bytes.
///
/// ```
/// use gcheap::policy::scavenge_task_is_due;
/// assert!(scavenge_task_is_due(13 << 20, 16 << 20, 80));
/// assert!(!scavenge_task_is_due(12 << 20, 16 << 20, 80));
/// assert!(!scavenge_task_is_due(16 << 20, 16 << 20, 0));
/// ```
pub fn scavenge_task_is_due(size: u64, capacity: u64, trigger_percent: u64) -> bool {
    trigger_percent > 0 && size >= capacity * trigger_percent / 100
}
