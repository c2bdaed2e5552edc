//! Has the allocation limit been overshot by so much that a collection must not wait for marking?
//!
//! V8 `Heap::AllocationLimitOvershotByLargeMargin` (src/heap/heap.cc). Sizes are bytes.

use crate::profile::MIB;

/// Least overshoot that counts as large, bytes (`kMarginForSmallHeaps`).
pub const MARGIN_FOR_SMALL_HEAPS: u64 = 32 * MIB;

/// What the overshoot depends on.
///
/// ```
/// use gcheap::policy::{OvershootInputs, overshot_by_large_margin};
/// let inputs = |old| OvershootInputs {
///     old_generation: old, old_limit: 181 << 20, max_old_generation: 256 << 20,
///     global: old, global_limit: 362 << 20, max_global: 512 << 20, external_since_full: 0, young: 0,
/// };
/// assert!(!overshot_by_large_margin(&inputs(200 << 20)));
/// assert!(overshot_by_large_margin(&inputs(219 << 20))); // (256 - 181) / 2 = 37.5
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OvershootInputs {
    /// Old-generation bytes (from 13.6 on with waste).
    pub old_generation: u64,
    /// Its allocation limit.
    pub old_limit: u64,
    /// Its maximum.
    pub max_old_generation: u64,
    /// Global bytes.
    pub global: u64,
    /// Their limit.
    pub global_limit: u64,
    /// Their maximum.
    pub max_global: u64,
    /// External bytes added since the last full collection.
    pub external_since_full: u64,
    /// Young bytes, where they count: see [`overshoot_young`].
    pub young: u64,
}

/// The young bytes that count in the overshoot: all of them while marking runs from 13.6 on, else none.
///
/// ```
/// use gcheap::{policy::overshoot_young, profile::{NODE_22, NODE_24}};
/// assert_eq!(overshoot_young(7, true, &NODE_24.collection), 7);
/// assert_eq!(overshoot_young(7, true, &NODE_22.collection), 0);
/// ```
pub fn overshoot_young(young: u64, marking: bool, rules: &crate::profile::CollectionRules) -> u64 {
    if rules.overshoot_counts_young && marking { young } else { 0 }
}

/// V8 `Heap::AllocationLimitOvershotByLargeMargin`.
pub fn overshot_by_large_margin(inputs: &OvershootInputs) -> bool {
    let more = inputs.external_since_full.saturating_add(inputs.young);
    let over = inputs.old_generation.saturating_add(more).saturating_sub(inputs.old_limit);
    let global_over = inputs.global.saturating_add(more).saturating_sub(inputs.global_limit);
    if over == 0 && global_over == 0 {
        return false;
    }
    let margin = |limit: u64, max: u64| (limit / 2).max(MARGIN_FOR_SMALL_HEAPS).min(max.saturating_sub(limit) / 2);
    over >= margin(inputs.old_limit, inputs.max_old_generation)
        || global_over >= margin(inputs.global_limit, inputs.max_global)
}
