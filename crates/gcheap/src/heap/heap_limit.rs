//! The walls: what may grow under the heap's limit, the callback near it, and when it is over.
//!
//! Only questions to the policy about the present state, and what their answers lead to; nothing is collected here.

use super::Heap;
use super::error::Error;
use crate::event::{Event, Location};
use crate::policy::{
    ExpandYoungInputs, HardLimit, HardLimitInputs, Ineffective, IneffectiveInputs, NewLargeObjectInputs,
    ShouldExpandInputs, YoungRoomInputs, raise_limit,
};

/// Bytes that a process can address on x86-64.
const ADDRESS_SPACE: u64 = 1 << 47;

impl Heap {
    /// Asks the last callback; whether the limit was raised.
    pub(super) fn invoke_near_heap_limit(&mut self) -> bool {
        let limit = self.state.max_old_generation;
        // Asked where it is: it stays there if it panics.
        let Some(callback) = self.near_heap_limit.last_mut() else { return false };
        // What no process can address is no limit, and sums of limits must not overflow.
        let answer = callback(limit, self.limits.max_old_generation).min(ADDRESS_SPACE);
        let raised = raise_limit(limit, answer);
        if let Some(to) = raised {
            self.state.max_old_generation = to;
        }
        let event = Event::NearHeapLimit { limit, raised_to: self.state.max_old_generation, time_ms: self.time_ms() };
        self.emit(&event);
        raised.is_some()
    }

    pub(super) fn check_hard_limit(&mut self) -> Result<(), Error> {
        let inputs = |heap: &Heap| HardLimitInputs {
            heap: heap.expand_inputs(),
            late_check: heap.profile.collection.late_limit_check,
            in_failed_allocation: heap.in_failed_allocation,
        };
        if !self.profile.collection.checks_hard_limit
            || self.policy.check_hard_limit(&inputs(self)) != HardLimit::Exceeded
        {
            return Ok(());
        }
        self.invoke_near_heap_limit();
        if self.policy.check_hard_limit(&inputs(self)) == HardLimit::Exceeded {
            return Err(self.fatal(Location::ReachedHeapLimit, 0));
        }
        Ok(())
    }

    pub(crate) fn may_expand_old_generation(&mut self, bytes: u64) -> bool {
        let inputs = ShouldExpandInputs {
            always_allocate: self.always_allocate,
            old_available: self.old_available(),
            retry: self.retry_of_failed_allocation,
            optimize_for_memory: self.optimize_for_memory(),
            marking: self.mechanism.marking.active,
            marking_complete: self.mechanism.marking.active && self.cycle.complete,
            overshot_by_large_margin: self.overshot_by_large_margin(),
            marking_limit: self.marking_limit(),
            ..ShouldExpandInputs::default()
        };
        self.policy.should_expand(&inputs, self.profile) && self.policy.may_expand(&self.expand_inputs(), bytes)
    }

    pub(crate) fn may_exceed_new_space_capacity(&self) -> bool {
        self.policy.should_expand_young(
            &ExpandYoungInputs {
                marking: self.mechanism.marking.active,
                can_promote_young: self.can_promote_young(self.profile.pages.size),
                overshot_by_large_margin: self.overshot_by_large_margin(),
            },
            self.profile,
        )
    }

    pub(crate) fn may_allocate_new_large(&self, bytes: u64) -> bool {
        let existing = self.mechanism.spaces.new_large.size;
        self.policy.may_allocate_new_large_object(&NewLargeObjectInputs {
            existing,
            requested: bytes,
            capacity: self.mechanism.spaces.new.capacity,
            old_generation_has_room: self.policy.may_expand(&self.expand_inputs(), existing),
            may_exceed: self.may_exceed_new_space_capacity(),
        })
    }

    pub(super) fn can_promote_young(&self, bytes: u64) -> bool {
        self.policy.can_promote_young(&self.expand_inputs(), &self.young_room(), bytes, self.profile)
    }

    pub(super) fn young_room(&self) -> YoungRoomInputs {
        let spaces = &self.mechanism.spaces;
        YoungRoomInputs {
            current_pages: spaces.new.to.len() as u64,
            target_pages: spaces.new.target_pages(&spaces.pages) as u64,
            new_large_objects: if self.profile.collection.separate_gc_phases {
                spaces.new_large.size
            } else {
                spaces.new_large.committed
            },
            quarantined_pages: 0,
        }
    }

    pub(super) fn ineffective(&self) -> Ineffective {
        self.policy.check_ineffective(
            &IneffectiveInputs {
                old_generation: self.old_generation_consumed(),
                max_old_generation: self.state.max_old_generation,
                average_mutator_utilization: self.tracer.average_mutator_utilization(),
                consecutive: self.state.ineffective_mark_compacts,
            },
            &self.profile.ineffective,
        )
    }
}
