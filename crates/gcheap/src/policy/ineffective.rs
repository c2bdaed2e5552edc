//! The rule that kills a process which only collects: V8 `Heap::CheckIneffectiveMarkCompact` (src/heap/heap.cc).

use crate::profile::IneffectiveRules;

/// What it depends on, after a full collection. *When* a version looks, and which average it sees, is
/// [`IneffectiveMoment`](crate::profile::IneffectiveMoment).
///
/// ```
/// use gcheap::{policy::{Ineffective, IneffectiveInputs, check_ineffective}, profile::NODE_24};
/// let inputs = IneffectiveInputs {
///     old_generation: 228 << 20, max_old_generation: 256 << 20, average_mutator_utilization: 0.35, consecutive: 0,
/// };
/// assert_eq!(check_ineffective(&inputs, &NODE_24.ineffective), Ineffective::Counted(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IneffectiveInputs {
    /// Old-generation bytes (from 13.6 on with waste).
    pub old_generation: u64,
    /// Maximum of the old generation, bytes.
    pub max_old_generation: u64,
    /// Average mutator utilisation, 0 to 1.
    pub average_mutator_utilization: f64,
    /// Ineffective mark-compacts in a row so far.
    pub consecutive: u32,
}

/// The verdict on a full collection.
///
/// ```
/// assert_eq!(gcheap::policy::Ineffective::Counted(2).count(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ineffective {
    /// It was effective; the counter starts again.
    Effective,
    /// It was not; so many in a row now.
    Counted(u32),
    /// One too many: ask the near-heap-limit callback, and if it does not raise the limit, die. If it does, the counter starts again.
    Fatal(u32),
}

impl Ineffective {
    /// The counter from now on, if the process lives.
    pub const fn count(self) -> u32 {
        match self {
            Ineffective::Effective => 0,
            Ineffective::Counted(count) | Ineffective::Fatal(count) => count,
        }
    }
}

/// V8 `Heap::CheckIneffectiveMarkCompact`.
pub fn check_ineffective(inputs: &IneffectiveInputs, rules: &IneffectiveRules) -> Ineffective {
    let near_limit = inputs.old_generation as f64 >= inputs.max_old_generation as f64 * rules.min_share;
    if !near_limit || inputs.average_mutator_utilization >= rules.max_mutator_utilization {
        return Ineffective::Effective;
    }
    let count = inputs.consecutive + 1;
    if count >= rules.consecutive { Ineffective::Fatal(count) } else { Ineffective::Counted(count) }
}
