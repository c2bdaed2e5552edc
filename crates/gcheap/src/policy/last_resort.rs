//! What is tried before an allocation is declared impossible.
//!
//! V8 `HeapAllocator::AllocateRawWithLightRetrySlowPath`, `AllocateRawWithRetryOrFailSlowPath` (src/heap/heap-allocator.cc) and
//! `Heap::CollectAllAvailableGarbage` (src/heap/heap.cc).

use crate::profile::CollectionRules;

/// Collections of the failing space before an allocation may fail ("two GCs before returning failure").
pub const COLLECTIONS_BEFORE_FAILURE: u32 = 2;
/// Least full collections of a last resort (`kMinNumberOfAttempts`).
pub const LAST_RESORT_MIN: u32 = 2;
/// Most full collections of a last resort (`kMaxNumberOfAttempts`).
pub const LAST_RESORT_MAX: u32 = 7;

/// How far a failing allocation has got.
///
/// ```
/// use gcheap::{policy::{AfterFailure, AllocationFailure, next_attempt}, profile::{NODE_24, NODE_26}};
/// let failed = AllocationFailure { young: true, must_succeed: true, collections: 2, last_resort_done: false };
/// assert_eq!(next_attempt(&failed, &NODE_24.collection), AfterFailure::LastResort);
/// assert_eq!(next_attempt(&failed, &NODE_26.collection), AfterFailure::CollectOld);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocationFailure {
    /// The allocation was for the young generation.
    pub young: bool,
    /// The caller cannot handle a failure.
    pub must_succeed: bool,
    /// Collections that have run for it.
    pub collections: u32,
    /// The last resort has run too.
    pub last_resort_done: bool,
}

/// What to do about a failed allocation; after every step but the last it is tried again.
///
/// ```
/// assert_ne!(gcheap::policy::AfterFailure::Fail, gcheap::policy::AfterFailure::Fatal);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// Collect the space that failed, reason "allocation failure".
    CollectSpace,
    /// Collect the old space, reason "allocation failure" (14.6, after the young attempts).
    CollectOld,
    /// Full collections with the reduce-memory flag, reason "last resort"; see [`last_resort_continues`].
    LastResort,
    /// The caller gets its failure.
    Fail,
    /// `CALL_AND_RETRY_LAST`.
    Fatal,
}

/// The next step.
pub fn next_attempt(failure: &AllocationFailure, rules: &CollectionRules) -> AfterFailure {
    let old_attempts = if failure.young { rules.full_collections_after_young } else { 0 };
    if failure.collections < COLLECTIONS_BEFORE_FAILURE {
        AfterFailure::CollectSpace
    } else if failure.collections < COLLECTIONS_BEFORE_FAILURE + old_attempts {
        AfterFailure::CollectOld
    } else if !failure.must_succeed {
        AfterFailure::Fail
    } else if !failure.last_resort_done {
        AfterFailure::LastResort
    } else {
        AfterFailure::Fatal
    }
}

/// How a last resort is going.
///
/// ```
/// use gcheap::policy::{LastResortInputs, last_resort_continues};
/// assert!(last_resort_continues(&LastResortInputs { done: 1, handles_changed: false, over_limit: false, late_check: false }));
/// assert!(!last_resort_continues(&LastResortInputs { done: 2, handles_changed: false, over_limit: true, late_check: false }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastResortInputs {
    /// Full collections done.
    pub done: u32,
    /// The last one changed the number of global handles, so another may free more.
    pub handles_changed: bool,
    /// The heap is above the hard limit.
    pub over_limit: bool,
    /// This version checks the limit late, and so goes on while it is exceeded (14.6).
    pub late_check: bool,
}

/// Another full collection follows (V8 `Heap::CollectAllAvailableGarbage`).
pub fn last_resort_continues(inputs: &LastResortInputs) -> bool {
    if inputs.done < LAST_RESORT_MIN {
        return true;
    }
    inputs.done < LAST_RESORT_MAX && (inputs.handles_changed || (inputs.late_check && inputs.over_limit))
}
