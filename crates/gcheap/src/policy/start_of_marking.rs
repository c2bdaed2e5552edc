//! When incremental marking starts.
//!
//! V8 `Heap::IncrementalMarkingLimitReached` and `StartIncrementalMarkingIfAllocationLimitIsReached` (src/heap/heap.cc). Looked at
//! after every young collection and before every refill of old space; never after a full collection. Sizes are bytes.

use crate::event::GcReason;
use crate::profile::MIB;

/// Old generations (and embedder heaps) up to this size never start marking by themselves, bytes (`kV8ActivationThreshold`).
pub const ACTIVATION_THRESHOLD: u64 = 8 * MIB;

/// Old allocation between two steps of incremental marking, bytes
/// (V8 `IncrementalMarking::kOldGenerationAllocatedThreshold`, src/heap/incremental-marking.h).
pub const OLD_ALLOCATION_STEP: u64 = 256 << 10;

/// What the start of marking depends on.
///
/// ```
/// use gcheap::policy::{MarkingLimit, StartOfMarkingInputs, start_of_marking};
/// let inputs = StartOfMarkingInputs {
///     can_start: true, old_generation: 49 << 20, embedder: 0, old_available: 0, global_available: 40 << 20,
///     new_space_capacity: 32 << 20, optimize_for_memory: false, high_memory_pressure: false,
/// };
/// assert_eq!(start_of_marking(&inputs), MarkingLimit::Hard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartOfMarkingInputs {
    /// Marking is possible: not running, no collection, not starting up.
    pub can_start: bool,
    /// Old-generation bytes (from 13.6 on with waste).
    pub old_generation: u64,
    /// Embedder bytes.
    pub embedder: u64,
    /// Room up to the old limit, external growth since the last full collection taken off, see [`space_available`].
    pub old_available: u64,
    /// Room up to the global limit.
    pub global_available: u64,
    /// Target capacity of one semi-space, as limits count it.
    pub new_space_capacity: u64,
    /// [`optimize_for_memory_usage`](super::optimize_for_memory_usage).
    pub optimize_for_memory: bool,
    /// The embedder reported memory pressure.
    pub high_memory_pressure: bool,
}

/// How urgent marking is (V8 `Heap::IncrementalMarkingLimit`).
///
/// ```
/// assert!(gcheap::policy::MarkingLimit::Soft.is_reached());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkingLimit {
    /// Not needed.
    None,
    /// Start it from a task, when the program returns to the event loop.
    Soft,
    /// Start it now.
    Hard,
}

impl MarkingLimit {
    /// Some limit is reached.
    pub const fn is_reached(self) -> bool {
        !matches!(self, MarkingLimit::None)
    }
}

/// V8 `Heap::IncrementalMarkingLimitReached`.
pub fn start_of_marking(inputs: &StartOfMarkingInputs) -> MarkingLimit {
    if !inputs.can_start || (inputs.old_generation <= ACTIVATION_THRESHOLD && inputs.embedder <= ACTIVATION_THRESHOLD) {
        return MarkingLimit::None;
    }
    if inputs.high_memory_pressure {
        return MarkingLimit::Hard;
    }
    if inputs.old_available > inputs.new_space_capacity && inputs.global_available > inputs.new_space_capacity {
        return MarkingLimit::None;
    }
    if inputs.optimize_for_memory || inputs.old_available == 0 || inputs.global_available == 0 {
        return MarkingLimit::Hard;
    }
    MarkingLimit::Soft
}

/// The reason that a start at the hard limit gets.
pub fn start_of_marking_reason(inputs: &StartOfMarkingInputs) -> GcReason {
    if inputs.old_available <= inputs.new_space_capacity {
        GcReason::AllocationLimit
    } else {
        GcReason::GlobalAllocationLimit
    }
}

/// Bytes left up to a limit (V8 `Heap::OldGenerationSpaceAvailable`, `GlobalMemoryAvailable`): external memory added since the
/// last full collection counts like objects.
///
/// ```
/// assert_eq!(gcheap::policy::space_available(100, 60, 30), 10);
/// assert_eq!(gcheap::policy::space_available(100, 60, 50), 0);
/// ```
pub fn space_available(limit: u64, size: u64, external_since_full: u64) -> u64 {
    limit.saturating_sub(size.saturating_add(external_since_full))
}
