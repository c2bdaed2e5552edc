//! The allocation limit before the first full collection: it starts high and survival shrinks it.
//!
//! V8 `Heap::ComputeReducedNewLimit` and its callers (src/heap/heap.cc; in 11.3 `ConfigureInitialOldGenerationSize`, from 12.4 on
//! `ShrinkOldGenerationAllocationLimitIfNotConfigured`). Sizes are bytes, the survival ratio is in percent.

use super::GrowingMode;
use crate::profile::InitialShrinking;

/// What the shrinking depends on, after a collection.
///
/// ```
/// use gcheap::{policy::{GrowingMode, InitialLimit, InitialLimitInputs, shrink_initial_limit}, profile::InitialShrinking};
/// // Node 24's first scavenge with 68.5024 % survival.
/// let inputs = InitialLimitInputs {
///     configured: false, had_full_collection: false, old_generation: 3_900_000, global: 3_900_000, old_limit: 512 << 20,
///     global_limit: 1024 << 20, survival_percent: 68.5024, mode: GrowingMode::Default, rule: InitialShrinking::UntilFirstFullCollection,
/// };
/// assert_eq!(shrink_initial_limit(&inputs).old_limit, 367_769_459);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitialLimitInputs {
    /// The limit counts as configured: by a flag, or since an earlier decision.
    pub configured: bool,
    /// A full collection has run.
    pub had_full_collection: bool,
    /// Old-generation bytes.
    pub old_generation: u64,
    /// Global bytes.
    pub global: u64,
    /// The limit in force.
    pub old_limit: u64,
    /// The global limit in force.
    pub global_limit: u64,
    /// Average survival over the last 10 collections, this one included, percent.
    pub survival_percent: f64,
    /// Decides the least room, see [`GrowingMode::step`].
    pub mode: GrowingMode,
    /// Rule of this version.
    pub rule: InitialShrinking,
}

/// The limits from now on.
///
/// ```
/// let same = gcheap::policy::InitialLimit { old_limit: 1, global_limit: 2, configured: true };
/// assert_eq!(same.clone(), same);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialLimit {
    /// Old-generation allocation limit.
    pub old_limit: u64,
    /// Global allocation limit.
    pub global_limit: u64,
    /// The limit counts as configured from now on: no more shrinking.
    pub configured: bool,
}

/// What survival makes of the limit.
pub fn shrink_initial_limit(inputs: &InitialLimitInputs) -> InitialLimit {
    let unchanged =
        InitialLimit { old_limit: inputs.old_limit, global_limit: inputs.global_limit, configured: inputs.configured };
    // Before anything was collected there is no survival to speak of.
    if inputs.configured || inputs.had_full_collection || inputs.survival_percent <= 0.0 {
        return unchanged;
    }
    let reduced = |size: u64, limit: u64| {
        let shrunk = (limit as f64 * (inputs.survival_percent / 100.0)) as u64;
        let size = if inputs.rule == InitialShrinking::ToOneStep { 0 } else { size };
        shrunk.max(size.saturating_add(inputs.mode.step()))
    };
    let old = reduced(inputs.old_generation, inputs.old_limit);
    let global = reduced(inputs.global, inputs.global_limit);
    InitialLimit {
        old_limit: old.min(inputs.old_limit),
        global_limit: global.min(inputs.global_limit),
        configured: inputs.rule == InitialShrinking::UntilItWouldGrow && old >= inputs.old_limit,
    }
}
