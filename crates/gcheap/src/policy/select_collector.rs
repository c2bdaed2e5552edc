//! Which collector runs: V8 `Heap::SelectGarbageCollector` (src/heap/heap.cc). The first match wins.

use crate::event::{Collector, CollectorReason};
use crate::profile::CollectionRules;

/// What the choice depends on.
///
/// ```
/// use gcheap::{event::*, policy::{SelectCollectorInputs, select_collector}, profile::NODE_24};
/// let young = SelectCollectorInputs {
///     young_requested: true, forced_by_flags: false, marking: false, marking_complete: false,
///     overshot_by_large_margin: false, can_promote_young: true,
/// };
/// assert_eq!(select_collector(&young, &NODE_24.collection), (Collector::Scavenge, CollectorReason::None));
/// let marking = SelectCollectorInputs { marking: true, ..young };
/// assert_eq!(
///     select_collector(&marking, &NODE_24.collection),
///     (Collector::MarkCompact, CollectorReason::IncrementalMarkingForcedFinalization)
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectCollectorInputs {
    /// New space or new large-object space wants room.
    pub young_requested: bool,
    /// `--gc-global` and its like, or there is no new space.
    pub forced_by_flags: bool,
    /// Major marking is in progress.
    pub marking: bool,
    /// Major marking is complete.
    pub marking_complete: bool,
    /// [`overshot_by_large_margin`](super::overshot_by_large_margin).
    pub overshot_by_large_margin: bool,
    /// [`can_promote_young`](super::can_promote_young) with nothing more to allocate.
    pub can_promote_young: bool,
}

/// The collector, and why.
pub fn select_collector(inputs: &SelectCollectorInputs, rules: &CollectionRules) -> (Collector, CollectorReason) {
    let reason = if !inputs.young_requested {
        CollectorReason::GcInOldSpaceRequested
    } else if inputs.forced_by_flags {
        CollectorReason::GcInOldSpaceForcedByFlags
    } else if rules.separate_gc_phases && inputs.marking {
        CollectorReason::IncrementalMarkingForcedFinalization
    } else if rules.overshot_marking_finalizes && inputs.marking_complete && inputs.overshot_by_large_margin {
        CollectorReason::IncrementalMarkingNeedsFinalization
    } else if !inputs.can_promote_young {
        CollectorReason::ScavengeMightNotSucceed
    } else {
        return (Collector::Scavenge, CollectorReason::None);
    };
    (Collector::MarkCompact, reason)
}
