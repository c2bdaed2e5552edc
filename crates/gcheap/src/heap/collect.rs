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
    ExpandYoungInputs, ExternalPressure, ExternalPressureInputs, GrowingMode, GrowingModeInputs, GrowingSpeeds,
    HardLimit, HardLimitInputs, Ineffective, IneffectiveInputs, InitialLimitInputs, LastResortInputs,
    NewLargeObjectInputs, NewSpaceResize, NewSpaceResizeInputs, NurseryInputs, PagePromotionInputs, RecomputeInputs,
    RestoreLimitInputs, SelectCollectorInputs, ShouldExpandInputs, SiteInputs, YoungBuffersInputs, YoungRoomInputs,
    can_expand_old_generation, collections_without_copying, crossed_pretenuring_threshold, grow_new_space, raise_limit,
    resets_tenured_sites, restore_limit, shrink_new_space,
};
use crate::profile::{FullCollectionsCount, RecomputeMoment, ResizeMoment};
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

/// Bytes that a process can address on x86-64.
const ADDRESS_SPACE: u64 = 1 << 47;

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

    fn young_room(&self) -> YoungRoomInputs {
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

    fn can_promote_young(&self, bytes: u64) -> bool {
        self.policy.can_promote_young(&self.expand_inputs(), &self.young_room(), bytes, self.profile)
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

    /// Asks the last callback; whether the limit was raised.
    fn invoke_near_heap_limit(&mut self) -> bool {
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

    fn check_hard_limit(&mut self) -> Result<(), Error> {
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

    /// V8 `AdjustAmountOfExternalAllocatedMemory`.
    pub(crate) fn adjust_external_memory(&mut self, delta: i64) -> Result<(), Error> {
        if !self.external.adjust(delta, &self.profile.external) {
            return Ok(());
        }
        let inputs = ExternalPressureInputs {
            since_full: self.external.since_full(),
            max_old_generation: self.state.max_old_generation,
        };
        match self.policy.external_pressure(&inputs, &self.profile.external) {
            ExternalPressure::None => Ok(()),
            ExternalPressure::Collect => self.collect_full(GcReason::ExternalMemoryPressure, true),
            ExternalPressure::Mark if self.mechanism.marking.active => self.marking_step(),
            ExternalPressure::Mark => {
                self.start_incremental_marking(GcReason::ExternalMemoryPressure);
                Ok(())
            }
        }
    }

    /// What V8 does before it asks the system for a backing store.
    pub(crate) fn before_backing_store(&mut self, bytes: u64) -> Result<(), Error> {
        self.settle_backing_stores();
        let inputs = YoungBuffersInputs {
            young_bytes: self.mechanism.buffers.young_bytes,
            requested: bytes,
            marking: self.mechanism.marking.active,
        };
        if self.policy.scavenge_before_backing_store(&inputs, &self.profile.external) {
            self.collect_young(GcReason::ExternalMemoryPressure)?;
        }
        Ok(())
    }

    /// Takes swept backing stores off the counters.
    fn settle_backing_stores(&mut self) {
        let freed = std::mem::take(&mut self.unswept_backing_stores);
        if freed > 0 {
            self.external.adjust(-(freed as i64), &self.profile.external);
        }
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
        // A scavenge of 11.3 leaves the linear area of code space alone, which counts as used as a whole.
        let code = collector != Collector::Scavenge || !self.profile.collection.open_linear_areas_count_as_used;
        self.mechanism.spaces.free_linear_areas(code);
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
        self.peak_used = self.peak_used.max(before.used);
        if self.profile.new_space.resize == ResizeMoment::GrowAtStartShrinkAtEnd {
            if let Some(capacity) = grow_new_space(&self.new_space_inputs(reduce_memory)) {
                self.grow_new_space(capacity);
            }
        } else if self.profile.new_space.resize == ResizeMoment::Start {
            match self.new_space_decision(reduce_memory) {
                NewSpaceResize::Grow(capacity) => self.grow_new_space(capacity),
                NewSpaceResize::Shrink(_) => self.shrink_at_end = true,
                NewSpaceResize::Keep { forget_survivors } => self.forget_survivors(forget_survivors),
            }
        }
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

    fn new_space_decision(&self, reduce_memory: bool) -> NewSpaceResize {
        self.policy.resize_new_space(&self.new_space_inputs(reduce_memory))
    }

    fn new_space_inputs(&self, reduce_memory: bool) -> NewSpaceResizeInputs {
        let spaces = &self.mechanism.spaces;
        NewSpaceResizeInputs {
            capacity: spaces.new.capacity,
            min: if self.profile.limits.separate_min_semi_space {
                self.limits.min_semi_space
            } else {
                self.limits.initial_semi_space
            },
            max: self.limits.max_semi_space,
            growth_factor: self.limits.semi_space_growth_factor,
            used: spaces.new.size(&spaces.pages),
            page: self.profile.pages.size,
            survived_since_last_expansion: self.state.survived_since_last_expansion,
            throughput: self.tracer.allocation_throughput(),
            low_throughput: self.profile.new_space.low_throughput as f64,
            reduce_memory,
        }
    }

    fn forget_survivors(&mut self, forget: bool) {
        if forget {
            self.state.survived_since_last_expansion = 0;
        }
    }

    fn grow_new_space(&mut self, capacity: u64) {
        let from = self.mechanism.spaces.new.capacity;
        let capacity = capacity.min(self.limits.max_semi_space.max(from));
        self.state.survived_since_last_expansion = 0;
        let spaces = &mut self.mechanism.spaces;
        spaces.new.capacity = capacity;
        // A refusal leaves the space smaller than its target, which is always allowed.
        let _ = spaces.new.commit_to(&mut spaces.pages);
        let _ = spaces.new.commit_from(&mut spaces.pages);
        let event = Event::NewSpaceResized { from, to: capacity, time_ms: self.time_ms() };
        self.emit(&event);
    }

    fn shrink_new_space(&mut self, capacity: u64) {
        let from = self.mechanism.spaces.new.capacity;
        let capacity = capacity.min(from);
        let spaces = &mut self.mechanism.spaces;
        spaces.new.capacity = capacity;
        spaces.new.trim(&mut spaces.pages, true);
        if from != capacity {
            let event = Event::NewSpaceResized { from, to: capacity, time_ms: self.time_ms() };
            self.emit(&event);
        }
    }

    /// Resizing at the end of a collection: what this version decides there, or has decided at the start.
    fn resize_at_end(&mut self, reduce_memory: bool) {
        let shrink_decided = std::mem::take(&mut self.shrink_at_end);
        if self.profile.new_space.resize == ResizeMoment::GrowAtStartShrinkAtEnd {
            if let Some(capacity) = shrink_new_space(&self.new_space_inputs(reduce_memory)) {
                self.shrink_new_space(capacity);
            }
            return;
        }
        if self.profile.new_space.resize == ResizeMoment::Start {
            if shrink_decided && let NewSpaceResize::Shrink(capacity) = self.new_space_decision(reduce_memory) {
                self.shrink_new_space(capacity);
            }
            return;
        }
        match self.new_space_decision(reduce_memory) {
            NewSpaceResize::Grow(capacity) => self.grow_new_space(capacity),
            NewSpaceResize::Shrink(capacity) => self.shrink_new_space(capacity),
            NewSpaceResize::Keep { forget_survivors } => self.forget_survivors(forget_survivors),
        }
    }

    fn growing_mode(&self, reduce_memory: bool) -> GrowingMode {
        self.policy.growing_mode(&GrowingModeInputs {
            reduce_memory,
            optimize_for_memory: self.optimize_for_memory(),
            reducer_grows_slowly: false,
        })
    }

    fn record_survival(&mut self, young_before: u64, survived: u64) {
        if young_before > 0 {
            self.tracer.record_survival(100.0 * survived as f64 / young_before as f64);
        }
        self.state.survived_since_last_expansion += survived;
    }

    /// Before the first full collection the limit shrinks with survival.
    pub(super) fn shrink_initial_limit(&mut self, reduce_memory: bool) {
        let old_generation = self.old_generation_consumed();
        let shrunk = self.policy.shrink_initial_limit(&InitialLimitInputs {
            configured: self.state.configured,
            had_full_collection: self.state.had_full_collection,
            old_generation,
            global: old_generation,
            old_limit: self.state.old_limit,
            global_limit: self.state.global_limit,
            survival_percent: self.tracer.average_survival_ratio(),
            mode: self.growing_mode(reduce_memory),
            rule: self.profile.growing.shrinking,
        });
        self.state.old_limit = shrunk.old_limit;
        self.state.global_limit = shrunk.global_limit;
        self.state.configured = shrunk.configured;
    }

    fn recompute_inputs(&self, reduce_memory: bool) -> RecomputeInputs {
        let old_generation = self.old_generation_consumed();
        RecomputeInputs {
            old_generation,
            global: old_generation,
            max_old_generation: self.state.max_old_generation,
            max_global: self.state.max_old_generation * 2,
            min_old_generation: self.limits.min_old_generation,
            new_space_capacity: self.mechanism.spaces.new.capacity,
            speeds: GrowingSpeeds {
                gc: self.tracer.combined_mark_compact_speed(),
                mutator: self.tracer.old_generation_throughput(),
            },
            mode: self.growing_mode(reduce_memory),
        }
    }

    /// After a full collection both limits are set anew.
    fn recompute_limits(&mut self, reduce_memory: bool) -> LimitUpdate {
        let update = self.policy.recompute_limits(&self.recompute_inputs(reduce_memory), self.profile);
        self.state.old_limit = update.new_limit;
        self.state.global_limit = update.new_global_limit;
        self.state.configured = true;
        self.state.had_full_collection = true;
        self.external.reset(&self.profile.external);
        update
    }

    /// After a young collection of a program that hardly allocates, configured limits may go down.
    fn lower_limits_after_scavenge(&mut self) {
        if self.state.configured && self.tracer.has_low_young_allocation_rate() {
            let update = self.policy.recompute_limits(&self.recompute_inputs(false), self.profile);
            self.state.old_limit = self.state.old_limit.min(update.new_limit);
            self.state.global_limit = self.state.global_limit.min(update.new_global_limit);
        }
    }

    /// V8 `PretenuringHandler::ProcessPretenuringFeedback`.
    fn decide_sites(&mut self) {
        let capacity_before = self.capacity_for_sites;
        if self.sites.is_empty() {
            return;
        }
        let rules = &self.profile.pretenuring;
        let threshold = rules.threshold.capacity(self.limits.max_semi_space);
        let capacity_now = self.mechanism.spaces.new.capacity;
        let reached = capacity_before >= threshold;
        let mut events = Vec::new();
        let time_ms = self.time_ms();
        for number in 0..self.sites.len() {
            let state = self.sites[number];
            let found = std::mem::take(&mut self.mechanism.mementos_found[number]);
            if found == 0 {
                // A site of which nothing was found is not looked at: what it has created counts next time.
                continue;
            }
            let verdict = self.policy.decide_site(
                &SiteInputs {
                    state: state.decision,
                    created: u64::from(state.created),
                    found: u64::from(found),
                    capacity_reached: reached,
                },
                rules,
            );
            self.sites[number].created = 0;
            if let Some(verdict) = verdict {
                let changed = verdict.decision != state.decision;
                self.sites[number].decision = verdict.decision;
                if changed || verdict.deoptimize {
                    events.push((number, verdict.decision, verdict.ratio, verdict.deoptimize));
                }
            }
        }
        if crossed_pretenuring_threshold(capacity_before, capacity_now, threshold) {
            for (number, state) in self.sites.iter().enumerate() {
                if state.decision == crate::event::SiteDecision::MaybeTenure {
                    events.push((number, state.decision, 1.0, true));
                }
            }
        }
        for (number, decision, ratio, deoptimize) in events {
            self.emit(&Event::AllocationSite { site: number as u32, decision, ratio, deoptimize, time_ms });
        }
    }

    /// A full collection that left next to nothing makes every tenured site undecided again.
    fn reset_sites(&mut self, before: u64, after: u64) {
        if !resets_tenured_sites(before, after, &self.profile.pretenuring) {
            return;
        }
        let time_ms = self.time_ms();
        for number in 0..self.sites.len() {
            if self.sites[number].decision == crate::event::SiteDecision::Tenure {
                self.sites[number] = super::site::SiteState::default();
                self.emit(&Event::AllocationSite {
                    site: number as u32,
                    decision: crate::event::SiteDecision::Undecided,
                    ratio: 0.0,
                    deoptimize: true,
                    time_ms,
                });
            }
        }
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
            self.leave_copy_buffers(result.copied);
        }
        self.promoted_bytes += result.promoted;
        self.clock.advance(self.cost.scavenge_ns(if without_copying { 0 } else { survived }));
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
        if !incremental {
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

    fn ineffective(&self) -> Ineffective {
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
