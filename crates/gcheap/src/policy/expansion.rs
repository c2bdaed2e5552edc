//! May the old generation take another page? The hard limit, the soft limit and the room that a scavenge needs.
//!
//! V8 `Heap::CanExpandOldGeneration`, `ShouldExpandOldGenerationOnSlowAllocation`, `CanPromoteYoungAndExpandOldGeneration`,
//! `ShouldOptimizeForMemoryUsage` (src/heap/heap.cc). Sizes are bytes.

use super::MarkingLimit;
use crate::profile::{CollectionRules, Profile, PromotionRoom, SoftLimit};

/// The two sizes that the hard limit looks at, and their maxima.
///
/// ```
/// use gcheap::policy::{CanExpandInputs, can_expand_old_generation};
/// let heap = CanExpandInputs { capacity: 255 << 20, mapped: 260 << 20, max_old_generation: 256 << 20, max_young_generation: 48 << 20 };
/// assert!(can_expand_old_generation(&heap, 256 << 10));
/// assert!(!can_expand_old_generation(&heap, 2 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanExpandInputs {
    /// Usable areas of all old pages, and the objects of old large-object spaces (V8 `OldGenerationCapacity`).
    pub capacity: u64,
    /// Everything mapped: both semi-spaces, old pages, large pages (V8 `memory_allocator()->Size()`).
    pub mapped: u64,
    /// Maximum of the old generation.
    pub max_old_generation: u64,
    /// Three times the largest semi-space.
    pub max_young_generation: u64,
}

/// The hard limit: `bytes` more fit (V8 `Heap::CanExpandOldGeneration`).
pub fn can_expand_old_generation(inputs: &CanExpandInputs, bytes: u64) -> bool {
    inputs.capacity.saturating_add(bytes) <= inputs.max_old_generation
        && inputs.mapped.saturating_add(bytes) <= inputs.max_old_generation.saturating_add(inputs.max_young_generation)
}

/// Memory is so nearly used up that V8 prefers slow and small: an eighth of the maximum would not fit any more (V8
/// `Heap::ShouldOptimizeForMemoryUsage`).
///
/// ```
/// use gcheap::policy::{CanExpandInputs, optimize_for_memory_usage};
/// let heap = |capacity| CanExpandInputs { capacity, mapped: capacity, max_old_generation: 256 << 20, max_young_generation: 48 << 20 };
/// assert!(!optimize_for_memory_usage(&heap(224 << 20), false));
/// assert!(optimize_for_memory_usage(&heap((224 << 20) + 1), false));
/// ```
pub fn optimize_for_memory_usage(inputs: &CanExpandInputs, high_memory_pressure: bool) -> bool {
    high_memory_pressure || !can_expand_old_generation(inputs, inputs.max_old_generation / 8)
}

/// The young generation that a scavenge might have to promote.
///
/// ```
/// let young = gcheap::policy::YoungRoomInputs { current_pages: 4, target_pages: 8, new_large_objects: 0, quarantined_pages: 0 };
/// assert_eq!(gcheap::policy::young_room(&young, &gcheap::profile::NODE_22), 2 << 20);
/// assert_eq!(gcheap::policy::young_room(&young, &gcheap::profile::NODE_24), 8 * 262_128);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YoungRoomInputs {
    /// Pages of the allocating semi-space.
    pub current_pages: u64,
    /// Pages of its target capacity.
    pub target_pages: u64,
    /// Bytes of new large objects (up to 12.4: their committed pages).
    pub new_large_objects: u64,
    /// Pages that stay where they are because something on them is pinned.
    pub quarantined_pages: u64,
}

/// Bytes that must fit into the old generation for a scavenge to be sure to succeed.
pub fn young_room(inputs: &YoungRoomInputs, profile: &Profile) -> u64 {
    let pages = &profile.pages;
    let space = match profile.new_space.promotion_room {
        PromotionRoom::UsableCapacity => inputs.target_pages * pages.usable(),
        PromotionRoom::TargetCapacity => inputs.target_pages * pages.size,
        PromotionRoom::UsableOfLarger => inputs.current_pages.max(inputs.target_pages) * pages.usable(),
    };
    space + inputs.new_large_objects + inputs.quarantined_pages * pages.size
}

/// A scavenge is sure to succeed and `bytes` more fit (V8 `Heap::CanPromoteYoungAndExpandOldGeneration`).
///
/// ```
/// use gcheap::{policy::*, profile::NODE_24};
/// let heap = CanExpandInputs { capacity: 250 << 20, mapped: 256 << 20, max_old_generation: 256 << 20, max_young_generation: 192 << 20 };
/// let young = |pages| YoungRoomInputs { current_pages: pages, target_pages: pages, new_large_objects: 0, quarantined_pages: 0 };
/// assert!(can_promote_young(&heap, &young(8), 0, &NODE_24));
/// assert!(!can_promote_young(&heap, &young(64), 0, &NODE_24));
/// ```
pub fn can_promote_young(heap: &CanExpandInputs, young: &YoungRoomInputs, bytes: u64, profile: &Profile) -> bool {
    can_expand_old_generation(heap, bytes.saturating_add(young_room(young, profile)))
}

/// What the soft limit depends on.
///
/// ```
/// use gcheap::{policy::{MarkingLimit, ShouldExpandInputs, should_expand_old_generation}, profile::NODE_24};
/// let inputs = ShouldExpandInputs { old_available: 0, marking: true, marking_limit: MarkingLimit::None, ..Default::default() };
/// assert!(should_expand_old_generation(&inputs, &NODE_24.collection)); // overshoot while marking runs
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShouldExpandInputs {
    /// The last attempt, which ignores soft limits.
    pub always_allocate: bool,
    /// Room up to the old limit, see [`space_available`](super::space_available).
    pub old_available: u64,
    /// The collector itself allocates.
    pub allocated_by_collector: bool,
    /// A start-up or tear-down phase.
    pub starting_or_ending: bool,
    /// The allocation has failed before and collections have run since.
    pub retry: bool,
    /// A background thread waits for a collection.
    pub collection_requested: bool,
    /// [`optimize_for_memory_usage`].
    pub optimize_for_memory: bool,
    /// Major marking is in progress.
    pub marking: bool,
    /// Major marking is complete.
    pub marking_complete: bool,
    /// [`overshot_by_large_margin`](super::overshot_by_large_margin).
    pub overshot_by_large_margin: bool,
    /// [`start_of_marking`](super::start_of_marking): while marking is stopped and this is `None` marking cannot be started, and only a collection helps.
    pub marking_limit: MarkingLimit,
}

impl Default for ShouldExpandInputs {
    fn default() -> Self {
        ShouldExpandInputs {
            always_allocate: false,
            old_available: 0,
            allocated_by_collector: false,
            starting_or_ending: false,
            retry: false,
            collection_requested: false,
            optimize_for_memory: false,
            marking: false,
            marking_complete: false,
            overshot_by_large_margin: false,
            marking_limit: MarkingLimit::None,
        }
    }
}

/// The soft limit: `true` lets the old generation map another page, `false` makes the allocation collect first (V8
/// `Heap::ShouldExpandOldGenerationOnSlowAllocation`). The hard limit is another question.
pub fn should_expand_old_generation(inputs: &ShouldExpandInputs, rules: &CollectionRules) -> bool {
    if inputs.always_allocate
        || inputs.old_available > 0
        || inputs.allocated_by_collector
        || inputs.starting_or_ending
        || (inputs.retry && rules.retry_ignores_soft_limit)
    {
        return true;
    }
    if inputs.collection_requested || inputs.optimize_for_memory {
        return false;
    }
    match rules.soft_limit {
        SoftLimit::WhenMarkingIsComplete if inputs.marking_complete => return !inputs.overshot_by_large_margin,
        SoftLimit::WhenMarkingIsInProgress if inputs.marking && inputs.overshot_by_large_margin => return false,
        _ => {}
    }
    inputs.marking || inputs.marking_complete || inputs.marking_limit.is_reached()
}

/// What new space growing beyond its capacity depends on.
///
/// ```
/// use gcheap::{policy::{ExpandYoungInputs, should_expand_young_generation}, profile::{NODE_22, NODE_24}};
/// let inputs = ExpandYoungInputs { marking: true, can_promote_young: true, overshot_by_large_margin: false };
/// assert!(should_expand_young_generation(&inputs, &NODE_24) && !should_expand_young_generation(&inputs, &NODE_22));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpandYoungInputs {
    /// Major marking is in progress.
    pub marking: bool,
    /// [`can_promote_young`] with the new page.
    pub can_promote_young: bool,
    /// [`overshot_by_large_margin`](super::overshot_by_large_margin).
    pub overshot_by_large_margin: bool,
}

/// New space may take a page above its capacity instead of failing (V8 13.6 `Heap::ShouldExpandYoungGenerationOnSlowAllocation`):
/// a scavenge is not allowed while marking runs.
pub fn should_expand_young_generation(inputs: &ExpandYoungInputs, profile: &Profile) -> bool {
    profile.new_space.expands_during_marking
        && inputs.marking
        && inputs.can_promote_young
        && !inputs.overshot_by_large_margin
}
