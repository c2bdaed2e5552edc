//! How the allocation limit of the old generation moves. Plain data: what each number is, and where V8 has it.

use super::LimitBound;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

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
