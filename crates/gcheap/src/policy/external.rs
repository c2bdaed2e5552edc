//! External memory: what its growth makes the collector do.
//!
//! V8 `Isolate::AdjustAmountOfExternalAllocatedMemory`, `Heap::ReportExternalMemoryPressure` (src/api/api.cc, src/heap/heap.cc) and
//! `Heap::AllocateExternalBackingStore`. Sizes are bytes.

use crate::profile::ExternalRules;

/// The books of reported external memory (V8 `ExternalMemoryAccounting`).
///
/// ```
/// use gcheap::{policy::{ExternalMemory, ExternalPressure}, profile::NODE_22};
/// let mut external = ExternalMemory::new(0, &NODE_22.external);
/// assert!(!external.adjust(60 << 20, &NODE_22.external));
/// assert!(external.adjust(10 << 20, &NODE_22.external));
/// assert_eq!(external.pressure(256 << 20, &NODE_22.external), ExternalPressure::Mark);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalMemory {
    /// Bytes reported in all.
    pub total: u64,
    /// The least total since the last full collection, from which growth counts.
    pub low_since_full: u64,
    /// Above this the next addition looks at the limits.
    pub limit: u64,
}

impl ExternalMemory {
    /// The books of a process that starts with `total` bytes.
    pub fn new(total: u64, rules: &ExternalRules) -> Self {
        let mut books = ExternalMemory { total, low_since_full: total, limit: 0 };
        books.reset(rules);
        books
    }

    fn step(rules: &ExternalRules) -> u64 {
        rules.interrupt_step.unwrap_or(rules.soft_limit)
    }

    /// Adds `delta` bytes (or takes them off); `true` when [`pressure`](ExternalMemory::pressure) must be asked.
    pub fn adjust(&mut self, delta: i64, rules: &ExternalRules) -> bool {
        self.total = self.total.saturating_add_signed(delta);
        if self.total < self.low_since_full {
            self.low_since_full = self.total;
            self.limit = self.total.saturating_add(ExternalMemory::step(rules));
        }
        delta > 0 && self.total > self.limit
    }

    /// A full collection has ended: growth counts from here.
    pub fn reset(&mut self, rules: &ExternalRules) {
        self.low_since_full = self.total;
        self.limit = self.total.saturating_add(ExternalMemory::step(rules));
    }

    /// Growth since the last full collection, bytes (V8 `AllocatedExternalMemorySinceMarkCompact`).
    pub const fn since_full(&self) -> u64 {
        self.total.saturating_sub(self.low_since_full)
    }

    /// What the growth calls for, when the old generation may have `max_old_generation` bytes.
    pub fn pressure(&self, max_old_generation: u64, rules: &ExternalRules) -> ExternalPressure {
        external_pressure(&ExternalPressureInputs { since_full: self.since_full(), max_old_generation }, rules)
    }
}

/// What the pressure depends on.
///
/// ```
/// use gcheap::{policy::{ExternalPressure, ExternalPressureInputs, external_pressure}, profile::NODE_24};
/// let grown = |since_full| external_pressure(&ExternalPressureInputs { since_full, max_old_generation: 256 << 20 }, &NODE_24.external);
/// assert_eq!(grown(64 << 20), ExternalPressure::None);
/// assert_eq!(grown(100 << 20), ExternalPressure::Mark);
/// assert_eq!(grown(129 << 20), ExternalPressure::Collect);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalPressureInputs {
    /// Growth since the last full collection.
    pub since_full: u64,
    /// Maximum of the old generation.
    pub max_old_generation: u64,
}

/// What external growth calls for.
///
/// ```
/// assert_ne!(gcheap::policy::ExternalPressure::Mark, gcheap::policy::ExternalPressure::Collect);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalPressure {
    /// Nothing yet.
    None,
    /// Start marking (or collect, if it cannot start); advance it by a step if it runs.
    Mark,
    /// Collect everything now, with the reduce-memory flag and the reason "external memory pressure".
    Collect,
}

/// The decision (V8 `Heap::ReportExternalMemoryPressure`): the hard limit is half of the largest old generation.
pub fn external_pressure(inputs: &ExternalPressureInputs, rules: &ExternalRules) -> ExternalPressure {
    if inputs.since_full > inputs.max_old_generation / 2 {
        ExternalPressure::Collect
    } else if inputs.since_full > rules.soft_limit {
        ExternalPressure::Mark
    } else {
        ExternalPressure::None
    }
}

/// What the scavenge before a new backing store depends on.
///
/// ```
/// use gcheap::{policy::{YoungBuffersInputs, scavenge_before_backing_store}, profile::NODE_22};
/// let young = |bytes| YoungBuffersInputs { young_bytes: bytes, requested: 1 << 20, marking: false };
/// assert!(scavenge_before_backing_store(&young(32 << 20), &NODE_22.external));
/// assert!(!scavenge_before_backing_store(&young(31 << 20), &NODE_22.external));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YoungBuffersInputs {
    /// Backing-store bytes of array buffers that are young.
    pub young_bytes: u64,
    /// Bytes of the new backing store.
    pub requested: u64,
    /// Major marking is in progress.
    pub marking: bool,
}

/// A scavenge comes first, with the reason "external memory pressure" (V8 `Heap::AllocateExternalBackingStore`).
pub fn scavenge_before_backing_store(inputs: &YoungBuffersInputs, rules: &ExternalRules) -> bool {
    inputs.young_bytes >= rules.young_buffers
        && inputs.young_bytes >= inputs.requested
        && !(rules.young_buffers_wait_for_marking && inputs.marking)
}
