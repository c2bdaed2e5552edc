//! A collection from request to event: which collector, what it costs, what follows from it.
//!
//! The order of the steps is V8's `Heap::CollectGarbage` (src/heap/heap.cc): prologue with the resizing of new space,
//! the collector, survival and limits, the ineffective rule, the event (V8 prints its trace line), the hard limit.

use super::Heap;
use super::allocate::Space;
use super::error::Error;
use super::{Compaction, GcPhase};
use crate::event::{Collector, CollectorReason, Event, GcEvent, GcReason, IncrementalMarking, LimitUpdate, Location};
use crate::policy::tracer::{BytesAndMs, MarkCompactSample};
use crate::policy::{
    Ineffective, LastResortInputs, NurseryInputs, PagePromotionInputs, RestoreLimitInputs, SelectCollectorInputs,
    can_expand_old_generation, collections_without_copying, restore_limit,
};
use crate::profile::{FullCollectionsCount, RecomputeMoment};
use crate::time::{MarkCompactWork, ns_to_ms};

/// A collection on request.
///
/// ```
/// use gcheap::{GcKind, Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// heap.collect(GcKind::Minor)?;
/// assert_eq!((heap.scavenges(), heap.mark_compacts()), (1, 0));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GcKind {
    /// A scavenge (`gc({type: 'minor'})`).
    Minor,
    /// A mark-compact (`gc()`).
    #[default]
    Major,
    /// Mark-compacts until nothing more can be expected (`gc({type: 'major', flavor: 'last-resort'})`).
    LastResort,
}

/// What is known before the collector runs.
struct Before {
    used: u64,
    committed: u64,
    holes: u64,
    young: u64,
    start_ms: f64,
    capacity: u64,
    interleaved: bool,
}

impl Heap {
    /// A mark-compact, as `gc()` runs one.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory) if the heap is above its limit even so.
    pub fn collect_garbage(&mut self) -> Result<(), Error> {
        self.collect(GcKind::Major)
    }

    /// A collection of a kind, for reason "testing" as V8 has it.
    pub fn collect(&mut self, kind: GcKind) -> Result<(), Error> {
        match kind {
            GcKind::Minor => self.collect_young(GcReason::Testing),
            GcKind::Major => self.collect_full(GcReason::Testing, false),
            GcKind::LastResort => self.collect_all_available_garbage(GcReason::Testing),
        }
    }

    pub(crate) fn collect_for_allocation(&mut self, space: Space) -> Result<(), Error> {
        match space {
            Space::Young => self.collect_young(GcReason::AllocationFailure),
            Space::Old => self.collect_full(GcReason::AllocationFailure, false),
        }
    }

    pub(crate) fn collect_for_external_memory(&mut self) -> Result<(), Error> {
        self.collect_full(GcReason::ExternalMemoryPressure, false)
    }

    /// A young collection; policy may turn it into a full one.
    pub(crate) fn collect_young(&mut self, reason: GcReason) -> Result<(), Error> {
        self.sync_clock();
        let (collector, collector_reason) = self.policy.select_collector(
            &SelectCollectorInputs {
                young_requested: true,
                forced_by_flags: false,
                marking: self.mechanism.marking.active,
                marking_complete: self.mechanism.marking.active && self.cycle.complete,
                overshot_by_large_margin: self.overshot_by_large_margin(),
                can_promote_young: self.can_promote_young(0),
            },
            self.profile,
        );
        match collector {
            Collector::Scavenge => self.scavenge(reason),
            Collector::MarkCompact => self.mark_compact(reason, collector_reason, false),
        }
    }

    pub(crate) fn collect_full(&mut self, reason: GcReason, reduce_memory: bool) -> Result<(), Error> {
        self.sync_clock();
        self.mark_compact(reason, CollectorReason::GcInOldSpaceRequested, reduce_memory)
    }

    /// V8 `CollectAllAvailableGarbage`: the near-heap-limit callback, then 2 to 7 reducing mark-compacts.
    pub(crate) fn collect_all_available_garbage(&mut self, reason: GcReason) -> Result<(), Error> {
        let mut done = 0;
        loop {
            let handles = self.mechanism.roots.globals.words().len() + self.mechanism.roots.weak.words().len();
            self.collect_full(reason, true)?;
            done += 1;
            let now = self.mechanism.roots.globals.words().len() + self.mechanism.roots.weak.words().len();
            let inputs = LastResortInputs {
                done,
                handles_changed: now != handles,
                over_limit: !self.policy.may_expand(&self.expand_inputs(), 0),
                late_check: self.profile.collection.late_limit_check,
            };
            if !self.policy.last_resort_continues(&inputs) {
                return Ok(());
            }
        }
    }

    pub(crate) fn last_resort(&mut self) -> Result<(), Error> {
        self.invoke_near_heap_limit();
        self.collect_all_available_garbage(GcReason::LastResort)?;
        if self.profile.collection.late_limit_check {
            self.in_failed_allocation = false;
            let checked = self.check_hard_limit();
            self.in_failed_allocation = true;
            checked?;
        }
        Ok(())
    }

    /// What is the same at the start of both kinds of collection.
    fn prologue(&mut self, collector: Collector, reduce_memory: bool) -> Result<Before, Error> {
        if !self.profile.collection.checks_hard_limit {
            // These versions ask at the start, while the young generation may still find no room in the old one.
            let young = self.mechanism.spaces.new.usable_capacity(&self.mechanism.spaces.pages);
            if !self.policy.may_expand(&self.expand_inputs(), young) {
                self.invoke_near_heap_limit();
            }
        }
        self.mechanism.roots.reap();
        self.settle_backing_stores();
        if self.sweeping_unfinished && self.time_ms() >= self.swept_at_ms {
            // What the sweepers have found is there for what is promoted (V8 `Heap::CompleteSweepingYoung`).
            self.mechanism.spaces.finish_sweeping();
            self.sweeping_unfinished = false;
        }
        let sweeping = self.mechanism.spaces.is_sweeping();
        let interleaved =
            collector == Collector::Scavenge && (sweeping || self.mechanism.marking.active || self.sweeping_unfinished);
        let start_ms = self.time_ms();
        // What start-up allocated counts for the speeds as well.
        let start = &self.profile.baseline;
        let young_counter = start.new.used + self.bytes_allocated - self.old_bytes_allocated;
        let old_counter = start.heap_used() - start.new.used + self.old_bytes_allocated + self.promoted_bytes;
        self.tracer.sample_allocation(start_ms, young_counter, old_counter);
        // A scavenge of 11.3 leaves open linear areas alone, and they count as used as a whole.
        let areas_stay = self.profile.collection.open_linear_areas_count_as_used;
        if !areas_stay {
            self.mechanism.spaces.free_linear_areas();
        }
        let spaces = &self.mechanism.spaces;
        let before = Before {
            used: spaces.objects(),
            committed: spaces.committed(),
            holes: spaces.holes(),
            young: spaces.young_objects(),
            start_ms,
            capacity: spaces.new.capacity,
            interleaved,
        };
        if areas_stay && collector != Collector::Scavenge {
            self.mechanism.spaces.free_linear_areas();
        }
        self.peak_used = self.peak_used.max(before.used);
        self.resize_at_start(reduce_memory);
        self.capacity_for_sites = if self.profile.pretenuring.capacity_after_growth {
            self.mechanism.spaces.new.capacity
        } else {
            before.capacity
        };
        let spaces = &mut self.mechanism.spaces;
        if spaces.new.commit_from(&mut spaces.pages).is_err() {
            // Survivors may still be promoted; only if there is no page at all can the young generation not be collected.
            if spaces.new.from.is_empty() && collector == Collector::Scavenge {
                return Err(self.fatal(Location::CommittingSemiSpace, self.profile.pages.size));
            }
        }
        Ok(before)
    }

    /// What tasks leave of their copy buffers stays behind, in fillers of one buffer.
    fn leave_copy_buffers(&mut self, survived: u64) {
        let rules = &self.profile.new_space;
        let spaces = &mut self.mechanism.spaces;
        self.copy_buffers_owed += rules.copy_buffers_left.bytes(survived, rules.copy_buffer);
        while self.copy_buffers_owed >= rules.copy_buffer {
            self.copy_buffers_owed -= rules.copy_buffer;
            if let Some(start) = spaces.new.allocate_in_gc(&mut spaces.pages, rules.copy_buffer) {
                crate::space::new_space::write_filler(&mut spaces.pages, start, start + rules.copy_buffer);
            }
        }
    }

    fn scavenge(&mut self, reason: GcReason) -> Result<(), Error> {
        let outside = self.enter_phase(GcPhase::Scavenge);
        let before = self.prologue(Collector::Scavenge, false);
        let without_copying = reason == GcReason::AllocationFailure && self.collects_without_copying();
        let result = before
            .is_ok()
            .then(|| if without_copying { self.mechanism.hand_over_nursery() } else { self.mechanism.scavenge() });
        self.leave_phase(GcPhase::Scavenge, outside);
        let before = before?;
        let result = result.unwrap_or_default();
        self.unswept_backing_stores += result.freed_backing_stores;
        let survived = result.copied + result.promoted;
        if result.copied > 0 {
            self.leave_copy_buffers(survived);
        }
        self.promoted_bytes += result.promoted;
        let took = self.cost.scavenge_ns(if without_copying { 0 } else { survived });
        self.scavenge_beside_sweepers(took);
        let pause_ms = self.time_ms() - before.start_ms;
        if !without_copying {
            self.tracer.record_scavenge(survived, pause_ms);
            self.record_survival(before.young, survived);
            self.decide_copying(before.young, survived);
        }
        self.shrink_initial_limit(false);
        self.lower_limits_after_scavenge();
        let committed_after_copy = self.mechanism.spaces.committed();
        self.resize_at_end(false);
        self.decide_sites();
        self.scavenges += 1;
        self.end_collection(Finished {
            collector: Collector::Scavenge,
            reason,
            collector_reason: CollectorReason::None,
            reduce_memory: false,
            incremental: None,
            promoted: result.promoted,
            survived: result.copied,
            controller: None,
            committed_after: committed_after_copy.max(self.mechanism.spaces.committed()),
            pause_ms,
            print: true,
            before,
        });
        self.verify_if_asked()?;
        if result.pinned > 0 {
            return Err(self.fatal(Location::ScavengerSemiSpaceCopy, result.pinned));
        }
        self.check_hard_limit()?;
        self.start_marking_if_limit_is_reached()?;
        self.observe_new_space(0);
        Ok(())
    }

    /// Whether this collection of a nursery hands it over whole. Where something waits for the death of a young object, or
    /// where it is to be found out what survives, it does not.
    fn collects_without_copying(&mut self) -> bool {
        let mechanism = &self.mechanism;
        let only_moves = !mechanism.marking.active && !mechanism.watches_young() && self.sites.is_empty();
        if self.without_copying.0 == 0 || self.stressed || !only_moves {
            return false;
        }
        self.without_copying.0 -= 1;
        true
    }

    /// A nursery was scavenged: are the next collections of it spared the copying?
    fn decide_copying(&mut self, young: u64, survived: u64) {
        if self.mechanism.spaces.new.promotes_at_once {
            let inputs = NurseryInputs { young, survived, granted: self.without_copying.1 };
            let granted = collections_without_copying(&inputs);
            self.without_copying = (granted, granted);
        }
    }

    fn mark_compact(
        &mut self,
        reason: GcReason,
        collector_reason: CollectorReason,
        reduce_memory: bool,
    ) -> Result<(), Error> {
        let incremental = self.mechanism.marking.active;
        let reduce_memory = reduce_memory || (incremental && self.cycle.reduce_memory);
        let before = self.prologue(Collector::MarkCompact, reduce_memory)?;
        self.wait_for_sweepers();
        if !incremental {
            if reason != GcReason::Testing {
                self.age_code();
            }
            self.begin_cycle(reduce_memory);
        }
        if self.profile.collection.flushes_number_string_cache {
            self.flush_number_string_cache();
        }
        let read_ahead = self.mechanism.marking.read_bytes;
        let done = self.mechanism.finish_marking();
        let read = self.mechanism.marking.read_bytes;
        let outside = self.enter_phase(GcPhase::Evacuation);
        let moves_all = self.control.compaction == Compaction::Every;
        let percent = self.profile.new_space.page_promotion_percent;
        let (area, policy) = (self.profile.pages.usable(), &self.policy);
        let expand = self.expand_inputs();
        // A policy of somebody else may panic. Half of the objects have moved then: the panic waits until all have.
        let panic = std::cell::Cell::new(None);
        let promote_page = |live: u64, capacity: u64, mapped: u64| {
            let inputs = crate::policy::CanExpandInputs { capacity, mapped, ..expand };
            let can_expand = can_expand_old_generation(&inputs, live);
            let inputs = PagePromotionInputs { live, area, percent, reduce_memory, can_expand };
            let ask = std::panic::AssertUnwindSafe(|| !moves_all && policy.promote_page(&inputs));
            std::panic::catch_unwind(ask).unwrap_or_else(|payload| {
                panic.set(Some(payload));
                false
            })
        };
        let result = self.mechanism.evacuate(&promote_page, done);
        self.leave_phase(GcPhase::Evacuation, outside);
        self.sweeping_unfinished = true;
        self.unswept_backing_stores += result.freed_backing_stores;
        if reduce_memory {
            self.settle_backing_stores();
            self.mechanism.spaces.pages.drain_pool();
        }
        self.mechanism.spaces.pages.discard_free(reduce_memory);
        self.promoted_bytes += result.promoted;
        self.evacuated_pages += result.compacted_pages;
        self.promoted_pages += result.promoted_pages;
        if let Some(payload) = panic.into_inner() {
            std::panic::resume_unwind(payload);
        }
        let live = self.mechanism.spaces.objects();
        let moved = result.promoted + result.copied + result.compacted;
        self.clock.advance(self.cost.mark_compact_ns(&MarkCompactWork { live, read, read_ahead, moved }));
        self.clock.advance(self.cost.ephemerons_ns(result.ephemerons.kept, result.ephemerons.dropped));
        let end_ms = self.time_ms();
        self.swept_at_ms = end_ms + ns_to_ms(self.cost.sweep_ns(self.mechanism.spaces.unswept()));
        let pause_ms = end_ms - before.start_ms;
        self.record_survival(before.young, result.promoted + result.copied);
        // Young pages count for the speed of compaction as old ones do (V8 `Evacuator::EvacuatePage`).
        let moved = result.promoted + result.copied + result.compacted;
        if moved > 0 {
            self.tracer.record_compaction(moved, ns_to_ms(self.cost.evacuation_ns(moved)));
        }
        let part = incremental.then_some(IncrementalMarking {
            main_thread_ms: self.cycle.step_ms,
            steps: self.cycle.steps,
            biggest_step_ms: self.cycle.biggest_step_ms,
            walltime_ms: end_ms - self.cycle.start_ms,
        });
        let sample = MarkCompactSample {
            end_ms,
            pause_ms,
            bytes_after: live,
            incremental: incremental.then_some(BytesAndMs { bytes: self.cycle.step_bytes, ms: self.cycle.step_ms }),
        };
        let moment = self.profile.ineffective.moment;
        if self.profile.growing.shrinks_new_space_before_limits {
            self.resize_at_end(reduce_memory);
        }
        let inside_pause = self.profile.growing.recompute == RecomputeMoment::InsidePause;
        let mut controller = None;
        if inside_pause {
            controller = Some(self.recompute_limits(reduce_memory));
        }
        let mut ineffective = Ineffective::Effective;
        if !moment.includes_this_collection() {
            ineffective = self.ineffective();
        }
        self.tracer.record_mark_compact(&sample);
        if !inside_pause {
            controller = Some(self.recompute_limits(reduce_memory));
        }
        if moment.includes_this_collection() {
            ineffective = self.ineffective();
        }
        if !self.profile.growing.shrinks_new_space_before_limits {
            self.resize_at_end(reduce_memory);
        }
        if self.profile.pretenuring.full_collections_count != FullCollectionsCount::None {
            self.decide_sites();
        }
        self.reset_sites(before.used, live);
        self.mark_compacts += 1;
        self.state.ineffective_mark_compacts = ineffective.count();
        let raised = matches!(ineffective, Ineffective::Fatal(_)) && self.invoke_near_heap_limit();
        let dies = matches!(ineffective, Ineffective::Fatal(_)) && !raised;
        if raised {
            self.state.ineffective_mark_compacts = 0;
        }
        let committed_after = self.mechanism.spaces.committed();
        self.end_collection(Finished {
            collector: Collector::MarkCompact,
            reason,
            collector_reason,
            reduce_memory,
            incremental: part,
            promoted: result.promoted,
            survived: result.copied,
            controller,
            committed_after,
            pause_ms,
            print: !dies || moment.line_is_printed(),
            before,
        });
        self.cycle = super::marking::Cycle::default();
        self.observe_new_space(0);
        self.verify_if_asked()?;
        if dies {
            return Err(self.fatal(Location::IneffectiveMarkCompacts, 0));
        }
        if result.refused_pages > 0 {
            return Err(self.fatal(Location::YoungObjectPromotion, result.refused_pages * self.profile.pages.size));
        }
        if let Some(threshold_share) = self.state.restore_limit_below {
            let inputs = RestoreLimitInputs {
                initial: self.limits.max_old_generation,
                current: self.state.max_old_generation,
                old_generation: self.mechanism.spaces.old_generation_objects(),
                threshold_share,
            };
            if let Some(initial) = restore_limit(&inputs) {
                self.state.max_old_generation = initial;
            }
        }
        self.check_hard_limit()
    }

    fn end_collection(&mut self, finished: Finished) {
        let end_ms = self.time_ms();
        self.collections += 1;
        self.total_gc_ms += finished.pause_ms;
        self.tracer.end_of_pause(end_ms);
        if finished.collector == Collector::Scavenge && !self.mechanism.spaces.is_sweeping() {
            // V8 completes sweeping here once no sweeper task is left.
            self.sweeping_unfinished = false;
        }
        let before = finished.before;
        if !finished.print {
            self.last_gc_end_ms = end_ms;
            return;
        }
        let spaces = &self.mechanism.spaces;
        let used_after = spaces.objects();
        let event = GcEvent {
            number: self.collections,
            collector: finished.collector,
            reason: finished.reason,
            collector_reason: finished.collector_reason,
            reduce_memory: finished.reduce_memory,
            interleaved: before.interleaved,
            incremental: finished.incremental,
            time_ms: end_ms,
            pause_ms: finished.pause_ms,
            mutator_ms: before.start_ms - self.last_gc_end_ms,
            used_before: before.used,
            used_after,
            committed_before: before.committed,
            committed_after: finished.committed_after,
            holes_before: before.holes,
            holes_after: spaces.holes(),
            pooled: spaces.pages.pooled_bytes(),
            young_before: before.young,
            promoted: finished.promoted,
            survived: finished.survived,
            allocated: before.used.saturating_sub(self.used_after_last_gc),
            average_survival_ratio: self.tracer.average_survival_ratio(),
            new_space_capacity: spaces.new.capacity,
            old_generation_limit: self.state.old_limit,
            global_limit: self.state.global_limit,
            mutator_utilization: self.tracer.current_mutator_utilization(),
            average_mutator_utilization: self.tracer.average_mutator_utilization(),
            speeds: self.tracer.speeds(),
            spaces: self.space_statistics(),
            external_reported: self.external.total,
            backing_stores: self.backing_store_bytes(),
            total_gc_ms: self.total_gc_ms,
            available: self.mappable(),
            sweeping: spaces.is_sweeping(),
            controller: finished.controller,
        };
        self.last_gc_end_ms = end_ms;
        self.used_after_last_gc = used_after;
        self.emit(&Event::Gc(Box::new(event)));
    }
}

/// What is known when a collection has ended.
struct Finished {
    collector: Collector,
    reason: GcReason,
    collector_reason: CollectorReason,
    reduce_memory: bool,
    incremental: Option<IncrementalMarking>,
    promoted: u64,
    survived: u64,
    controller: Option<LimitUpdate>,
    committed_after: u64,
    pause_ms: f64,
    /// V8 prints a line for it.
    print: bool,
    before: Before,
}
