//! The check at the end of a collection, the near-heap-limit callback and the way back from a raised limit.
//!
//! V8 `Heap::CheckHeapLimitReached`, `Heap::InvokeNearHeapLimitCallback`, `Heap::AutomaticallyRestoreInitialHeapLimit`
//! (src/heap/heap.cc). Sizes are bytes.

use super::{CanExpandInputs, can_expand_old_generation};

/// What the check depends on.
///
/// ```
/// use gcheap::policy::{CanExpandInputs, HardLimit, HardLimitInputs, check_hard_limit};
/// let heap = CanExpandInputs { capacity: 257 << 20, mapped: 260 << 20, max_old_generation: 256 << 20, max_young_generation: 48 << 20 };
/// assert_eq!(check_hard_limit(&HardLimitInputs { heap, late_check: false, in_failed_allocation: true }), HardLimit::Exceeded);
/// assert_eq!(check_hard_limit(&HardLimitInputs { heap, late_check: true, in_failed_allocation: true }), HardLimit::CheckedLater);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardLimitInputs {
    /// Sizes and maxima after the collection.
    pub heap: CanExpandInputs,
    /// This version checks the collections of a failed allocation at the end of the sequence only (14.6).
    pub late_check: bool,
    /// The collection belongs to a failed allocation.
    pub in_failed_allocation: bool,
}

/// The verdict.
///
/// ```
/// assert_ne!(gcheap::policy::HardLimit::Within, gcheap::policy::HardLimit::Exceeded);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardLimit {
    /// The heap fits.
    Within,
    /// Not now: the end of the sequence will tell.
    CheckedLater,
    /// It does not: ask the near-heap-limit callback, check again, and then "Reached heap limit".
    Exceeded,
}

/// The check at the very end of every collection.
pub fn check_hard_limit(inputs: &HardLimitInputs) -> HardLimit {
    if inputs.late_check && inputs.in_failed_allocation {
        HardLimit::CheckedLater
    } else if can_expand_old_generation(&inputs.heap, 0) {
        HardLimit::Within
    } else {
        HardLimit::Exceeded
    }
}

/// The maximum after a near-heap-limit callback answered `answer`: it can only go up (V8 `Heap::InvokeNearHeapLimitCallback`).
/// The global maximum becomes twice that. `None`: not raised.
///
/// ```
/// assert_eq!(gcheap::policy::raise_limit(100, 120), Some(120));
/// assert_eq!(gcheap::policy::raise_limit(100, 100), None);
/// ```
pub fn raise_limit(current: u64, answer: u64) -> Option<u64> {
    (answer > current).then_some(answer)
}

/// Most near-heap-limit callbacks that a heap takes (`kMaxNearHeapLimitCallbacks`).
pub const MAX_NEAR_HEAP_LIMIT_CALLBACKS: usize = 100;

/// What the way back depends on.
///
/// ```
/// use gcheap::policy::{RestoreLimitInputs, restore_limit};
/// let inputs = |old| RestoreLimitInputs { initial: 100, current: 160, old_generation: old, threshold_share: 0.95 };
/// assert_eq!(restore_limit(&inputs(94)), Some(100));
/// assert_eq!(restore_limit(&inputs(96)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestoreLimitInputs {
    /// Maximum at the start, bytes.
    pub initial: u64,
    /// Maximum now, bytes.
    pub current: u64,
    /// Old-generation object bytes after a full collection.
    pub old_generation: u64,
    /// Share of the initial maximum below which it comes back, 0 to 1.
    pub threshold_share: f64,
}

/// The maximum to return to, if it was raised and is no longer needed (V8 `Heap::AutomaticallyRestoreInitialHeapLimit`).
pub fn restore_limit(inputs: &RestoreLimitInputs) -> Option<u64> {
    let needed_no_longer = (inputs.old_generation as f64) < inputs.initial as f64 * inputs.threshold_share;
    (inputs.current > inputs.initial && needed_no_longer).then_some(inputs.initial)
}
