//! Incremental and concurrent marking in time: when it starts, how far it gets, when it is complete.
//!
//! V8's background markers run while the program runs; here their work is a budget of bytes that grows with the clock. The
//! mechanism really marks those bytes, so a program that changes the graph meanwhile meets a half-marked heap.

use super::Heap;
use super::error::Error;
use crate::event::{Event, GcReason};
use crate::policy::{
    CanExpandInputs, CompactionInputs, MarkingLimit, MarkingStepInputs, NEAR_LIMIT_SLACK, OLD_ALLOCATION_STEP,
    OvershootInputs, PageFill, StartOfMarkingInputs, TaskWaitInputs, TimedStepInputs,
};
use crate::policy::{
    LEAST_MARKING_STEP, is_compacted, largest_marking_step, marking_step_bytes, overshoot_young, space_available,
    timed_step_bytes,
};
use crate::profile::MarkingSchedule;
use crate::time::CostModel;

/// The marking cycle that runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cycle {
    pub(crate) reduce_memory: bool,
    pub(crate) start_ms: f64,
    /// When the program went on after the stop at the start.
    running_since_ms: f64,
    /// Bytes that background markers have had time for.
    budget: u64,
    pub(crate) steps: u32,
    pub(crate) step_ms: f64,
    /// Bytes that the main thread marked.
    pub(crate) step_bytes: u64,
    /// Old-generation objects when it started, bytes.
    old_at_start: u64,
    /// Bytes that shall be marked by now, where that goes by allocation.
    scheduled: u64,
    /// Bytes allocated old when that was last looked at.
    old_seen: u64,
    /// Of Node's own objects: bytes that are left to mark, and that were marked, beside what the marker reads of those that stand for them.
    own_left: u64,
    own_marked: u64,
    /// Bytes that were marked at the last step, as far as they count as progress.
    progress_seen: u64,
    /// When the last step ended.
    stepped_at_ms: f64,
    pub(crate) biggest_step_ms: f64,
    /// Nothing was left to mark when it was last looked at.
    pub(crate) complete: bool,
    /// The markers have come to the variables of the program while it waited.
    pub(super) variables_marked: bool,
    /// Bytes allocated old at which a step is due.
    old_step_at: u64,
    /// What could be reached through weak objects was marked ahead (V8 `FinalizeIncrementally`, up to 10.2).
    prepared: bool,
    /// Until when the end waits for a task; `None` before that was asked.
    waits_until_ms: Option<f64>,
}

/// V8's tasks that start marking, advance and end it (`IncrementalMarkingJob`). They run in the event loop only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tasks {
    /// When the one was posted that waits for its turn.
    posted_ms: Option<f64>,
    average_time_ms: Option<f64>,
}

impl Tasks {
    pub(super) fn post(&mut self, now_ms: f64) {
        self.posted_ms.get_or_insert(now_ms);
    }

    /// The posted one runs.
    pub(super) fn run(&mut self, now_ms: f64) {
        let Some(posted_ms) = self.posted_ms.take() else { return };
        let waited_ms = now_ms - posted_ms;
        self.average_time_ms = Some(self.average_time_ms.map_or(waited_ms, |average| (average + waited_ms) / 2.0));
    }
}

impl Heap {
    pub(crate) fn expand_inputs(&self) -> CanExpandInputs {
        CanExpandInputs {
            capacity: self.mechanism.spaces.old_generation_capacity(),
            mapped: self.mechanism.spaces.pages.mapped,
            max_old_generation: self.state.max_old_generation,
            max_young_generation: self.limits.heap_size_limit_for(self.state.max_old_generation)
                - self.state.max_old_generation,
        }
    }

    /// Old-generation bytes as policy counts them: from 13.6 on with waste.
    pub(crate) fn old_generation_consumed(&self) -> u64 {
        let waste =
            if self.profile.growing.consumed_counts_waste { self.mechanism.spaces.old_generation_wasted() } else { 0 };
        self.mechanism.spaces.old_generation_objects() + waste
    }

    pub(crate) fn old_available(&self) -> u64 {
        space_available(self.state.old_limit, self.old_generation_consumed(), self.external.since_full())
    }

    pub(crate) fn optimize_for_memory(&self) -> bool {
        self.policy.optimize_for_memory_usage(&self.expand_inputs(), false)
    }

    pub(crate) fn overshot_by_large_margin(&self) -> bool {
        let consumed = self.old_generation_consumed();
        self.policy.overshot_by_large_margin(&OvershootInputs {
            old_generation: consumed,
            old_limit: self.state.old_limit,
            max_old_generation: self.state.max_old_generation,
            global: consumed,
            global_limit: self.state.global_limit,
            max_global: self.state.max_old_generation * 2,
            external_since_full: self.external.since_full(),
            young: overshoot_young(
                self.mechanism.spaces.young_objects(),
                self.mechanism.marking.active,
                &self.profile.collection,
            ),
        })
    }

    fn start_of_marking_inputs(&self) -> StartOfMarkingInputs {
        let consumed = self.old_generation_consumed();
        StartOfMarkingInputs {
            can_start: !self.mechanism.marking.active,
            old_generation: consumed,
            embedder: 0,
            old_available: self.old_available(),
            global_available: space_available(self.state.global_limit, consumed, self.external.since_full()),
            new_space_capacity: self.mechanism.spaces.new.capacity,
            optimize_for_memory: self.optimize_for_memory(),
            high_memory_pressure: false,
        }
    }

    pub(crate) fn marking_limit(&self) -> MarkingLimit {
        self.policy.start_of_marking(&self.start_of_marking_inputs())
    }

    /// Starts marking if a hard limit is reached. A soft limit posts a task, which runs when the program is back in its event loop.
    pub(crate) fn start_marking_if_limit_is_reached(&mut self) -> Result<(), Error> {
        let inputs = self.start_of_marking_inputs();
        match self.policy.start_of_marking(&inputs) {
            MarkingLimit::Hard => self.start_incremental_marking(crate::policy::start_of_marking_reason(&inputs)),
            MarkingLimit::Soft => self.marking_tasks.post(self.time_ms()),
            MarkingLimit::None => {}
        }
        Ok(())
    }

    /// The stop at the start of marking: sweeping is finished, candidates are chosen, roots off the stack are marked.
    pub(crate) fn start_incremental_marking(&mut self, reason: GcReason) {
        if self.mechanism.marking.active {
            return;
        }
        self.sync_clock();
        self.wait_for_sweepers();
        let reduce_memory = self.optimize_for_memory();
        let start_ms = self.time_ms();
        self.emit(&Event::MarkingStarted {
            reason,
            reduce_memory,
            time_ms: start_ms,
            old_size: self.old_generation_consumed(),
            old_limit: self.state.old_limit,
        });
        self.age_code();
        self.begin_cycle(reduce_memory);
        let by_schedule = self.profile.collection.marking_schedule != MarkingSchedule::None;
        let stop = self.cost.marking_start_ns(self.mechanism.spaces.old_generation_objects());
        self.mechanism.mark_global_roots();
        if self.profile.collection.marking_starts_with_stack {
            self.mechanism.mark_stack_roots();
        }
        self.clock.advance(stop);
        self.cycle = Cycle {
            variables_marked: self.profile.collection.marking_starts_with_stack,
            reduce_memory,
            start_ms,
            running_since_ms: self.time_ms(),
            // Where there is no schedule, the time that helpers take was measured with Node's own objects.
            own_left: if by_schedule { self.own_objects } else { 0 },
            budget: if by_schedule { 0 } else { self.cost.concurrently_marked_bytes(stop) },
            old_at_start: self.mechanism.spaces.old_generation_objects(),
            old_seen: self.old_bytes_allocated,
            old_step_at: self.old_bytes_allocated + OLD_ALLOCATION_STEP,
            ..Cycle::default()
        };
        self.marking_tasks.post(self.cycle.running_since_ms);
        self.observe_new_space(0);
    }

    /// How long background sweepers still take beside the program, ns.
    pub(crate) fn sweeping_left_ns(&self) -> u64 {
        if self.sweeping_unfinished { crate::time::ms_to_ns((self.swept_at_ms - self.time_ms()).max(0.0)) } else { 0 }
    }

    /// A scavenge that takes so long alone: helpers of both want the same processors.
    pub(crate) fn scavenge_beside_sweepers(&mut self, ns: u64) {
        let share = self.cost.sweep_slowdown_while_scavenging.max(1.0);
        let left = (self.sweeping_left_ns() as f64 * share).round() as u64;
        let took = CostModel::beside_ns(ns, self.cost.scavenge_slowdown_while_sweeping, left);
        let together = took.min(left);
        self.swept_at_ms += crate::time::ns_to_ms(together) * (1.0 - 1.0 / share);
        self.clock.advance(took);
    }

    /// Mark bits are the sweepers' until they have finished (V8 `Heap::CompleteSweepingFull`).
    pub(crate) fn wait_for_sweepers(&mut self) {
        self.clock.advance(self.cost.finish_sweeping_ns(self.sweeping_left_ns()));
        self.sweeping_unfinished = false;
    }

    /// Prepares the mechanism for marking, incremental or not.
    pub(crate) fn begin_cycle(&mut self, reduce_memory: bool) {
        self.mechanism.spaces.finish_sweeping();
        self.mechanism.spaces.free_linear_areas();
        let candidates = self.choose_candidates(reduce_memory);
        self.mechanism.start_marking(candidates);
    }

    fn choose_candidates(&self, reduce_memory: bool) -> Vec<u64> {
        if self.control.compaction == super::Compaction::Never {
            return Vec::new();
        }
        let optimize_for_memory = self.optimize_for_memory();
        let spaces = &self.mechanism.spaces;
        let area = spaces.pages.geometry.area();
        let thresholds = self.policy.compaction_thresholds(&CompactionInputs {
            reduce_memory,
            optimize_for_memory,
            speed: self.tracer.compaction_speed(),
            area,
        });
        let mut candidates = Vec::new();
        for space in [&spaces.old, &spaces.trusted] {
            let fills: Vec<PageFill> = space
                .pages
                .iter()
                .filter(|&&page| !spaces.pages.page(page).immovable)
                .map(|&page| {
                    let allocated = spaces.pages.page(page).allocated;
                    PageFill { page: page as u32, live: allocated, allocated }
                })
                .collect();
            if self.control.compaction == super::Compaction::Every {
                candidates.extend(fills.iter().map(|fill| u64::from(fill.page)));
                continue;
            }
            if !is_compacted(space.name) {
                continue;
            }
            // A policy may name what it was not asked about, or a page twice.
            let mut open: Vec<u32> = fills.iter().map(|fill| fill.page).collect();
            open.sort_unstable();
            let mut taken = vec![false; open.len()];
            let chosen = self.policy.evacuation_candidates(&fills, area, &thresholds).into_iter();
            candidates.extend(
                chosen
                    .filter(|page| {
                        open.binary_search(page).is_ok_and(|place| !std::mem::replace(&mut taken[place], true))
                    })
                    .map(u64::from),
            );
        }
        candidates
    }

    /// What an allocation observer does while marking runs: the background markers get the time that has passed; if nothing is
    /// left, the stack guard finalises.
    pub(crate) fn marking_step(&mut self) -> Result<(), Error> {
        self.step_towards(GcReason::FinalizeMarkingViaStackGuard)
    }

    /// The same from the event loop.
    pub(crate) fn marking_task(&mut self) -> Result<(), Error> {
        self.step_towards(GcReason::FinalizeMarkingViaTask)
    }

    fn step_towards(&mut self, finalize: GcReason) -> Result<(), Error> {
        if !self.mechanism.marking.active || self.in_failed_allocation || self.control.marks_by_hand {
            return Ok(());
        }
        self.sync_clock();
        let running_ms = self.time_ms() - self.cycle.running_since_ms;
        let total = self.cycle.budget + self.cost.concurrently_marked_bytes(crate::time::ms_to_ns(running_ms));
        let budget = total.saturating_sub(self.marked());
        let own = self.mark_own(budget);
        if budget > own && !self.mechanism.marking.is_drained() {
            self.mechanism.mark_in_background(budget - own);
        }
        self.cycle.steps += 1;
        if self.profile.collection.marking_schedule != MarkingSchedule::None {
            self.charge_step_time(crate::time::ms_to_ns(self.cost.incremental_step_base_ms * self.slowdown()));
        }
        self.mark_on_main_thread();
        self.mark_by_schedule();
        self.cycle.complete = self.looks_done();
        // Where the main thread marks by a schedule, its step may have been all that was left to do.
        let by_allocation = self.profile.collection.marking_schedule == MarkingSchedule::ByAllocation;
        let least_ms = if by_allocation { 0.0 } else { self.cost.marking_minimum_ms };
        if !self.cycle.complete || running_ms < least_ms {
            return Ok(());
        }
        if self.profile.collection.marking_is_prepared_to_end && !self.cycle.prepared {
            self.cycle.prepared = true;
            return Ok(());
        }
        if finalize != GcReason::FinalizeMarkingViaTask && self.waits_for_task() {
            return Ok(());
        }
        self.collect_full(finalize, false)
    }

    /// Marking is done, but a task is to end it.
    fn waits_for_task(&mut self) -> bool {
        if !self.profile.collection.end_of_marking_waits_for_task {
            return false;
        }
        let now_ms = self.time_ms();
        let until_ms = self.cycle.waits_until_ms.unwrap_or_else(|| {
            self.marking_tasks.post(now_ms);
            let wait_ms = self.policy.task_wait_ms(&TaskWaitInputs {
                marking_ms: now_ms - self.cycle.start_ms,
                average_time_to_task_ms: self.marking_tasks.average_time_ms,
                pending_ms: self.marking_tasks.posted_ms.map(|posted_ms| now_ms - posted_ms),
            });
            now_ms + wait_ms.unwrap_or(0.0)
        });
        self.cycle.waits_until_ms = Some(until_ms);
        now_ms < until_ms
    }

    /// Where the main thread marks too, it takes its share of the time that the program had since the last step.
    fn mark_on_main_thread(&mut self) {
        let percent = f64::from(self.profile.collection.main_thread_marking_percent);
        let now_ms = self.time_ms();
        let since_ms = now_ms - self.cycle.stepped_at_ms.max(self.cycle.running_since_ms);
        if percent > 0.0 && !self.mechanism.marking.looks_done() {
            let step_ns = crate::time::ms_to_ns(since_ms * percent / (100.0 - percent));
            let bytes = self.cost.incrementally_marked_bytes(step_ns);
            let marked = self.mechanism.mark_on_main_thread(bytes);
            self.charge_step(marked, 1.0);
        }
        self.cycle.stepped_at_ms = self.time_ms();
    }

    /// Where there is a schedule, the main thread marks what it says.
    fn mark_by_schedule(&mut self) {
        if self.looks_done() {
            return;
        }
        let before = self.marked();
        let due = match self.profile.collection.marking_schedule {
            MarkingSchedule::None => 0,
            MarkingSchedule::ByAllocation => {
                let most = largest_marking_step(self.tracer.incremental_marking_speed());
                self.behind_allocation().clamp(LEAST_MARKING_STEP, most)
            }
            MarkingSchedule::ByTime { own_steps_are_progress } => {
                let own = if own_steps_are_progress { 0 } else { self.cycle.step_bytes };
                let marked = before - own.min(before);
                timed_step_bytes(&TimedStepInputs {
                    live: self.mechanism.spaces.old_generation_objects(),
                    elapsed_ms: self.time_ms() - self.cycle.start_ms,
                    marked,
                    marked_before: std::mem::replace(&mut self.cycle.progress_seen, marked),
                })
            }
        };
        if due > 0 {
            let slowdown = self.slowdown();
            let own = self.mark_own(due);
            let marked = own + if due > own { self.mechanism.mark_on_main_thread(due - own) } else { 0 };
            self.charge_step(marked, slowdown);
            // What the main thread has marked is no work of the background markers.
            self.cycle.budget += marked;
        }
    }

    /// Bytes that should be marked by now and are not, where the schedule goes by allocation.
    fn behind_allocation(&mut self) -> u64 {
        let slack = NEAR_LIMIT_SLACK + self.mechanism.spaces.new.capacity;
        let inputs = MarkingStepInputs {
            old_generation: self.mechanism.spaces.old_generation_objects(),
            at_start: self.cycle.old_at_start,
            near_limit: !self.policy.may_expand(&self.expand_inputs(), slack),
        };
        self.cycle.scheduled += marking_step_bytes(&inputs) + (self.old_bytes_allocated - self.cycle.old_seen);
        self.cycle.old_seen = self.old_bytes_allocated;
        self.cycle.scheduled.saturating_sub(self.marked())
    }

    fn charge_step(&mut self, marked: u64, slowdown: f64) {
        self.cycle.step_bytes += marked;
        self.charge_step_time((self.cost.incremental_step_ns(marked) as f64 * slowdown).round() as u64);
    }

    fn charge_step_time(&mut self, ns: u64) {
        self.clock.advance(ns);
        let ms = crate::time::ns_to_ms(ns);
        self.cycle.step_ms += ms;
        self.cycle.biggest_step_ms = self.cycle.biggest_step_ms.max(ms);
    }

    /// How many times as long the main thread takes for its work: longer while background markers have something to do.
    pub(crate) fn slowdown(&self) -> f64 {
        if self.mechanism.marking.active && !self.nothing_left() { self.cost.slowdown_while_marking } else { 1.0 }
    }

    /// Bytes that are marked in this cycle so far.
    fn marked(&self) -> u64 {
        self.mechanism.marking.read_bytes + self.cycle.own_marked
    }

    /// Nothing is left to mark.
    fn nothing_left(&self) -> bool {
        self.cycle.own_left == 0 && self.mechanism.marking.is_drained()
    }

    /// The main thread finds nothing left to mark.
    fn looks_done(&self) -> bool {
        self.cycle.own_left == 0 && self.mechanism.marking.looks_done()
    }

    /// Marks at most so many bytes of Node's own objects, which come first: they are what can be reached without the stack. How many it were.
    fn mark_own(&mut self, bytes: u64) -> u64 {
        let own = bytes.min(self.cycle.own_left);
        self.cycle.own_left -= own;
        self.cycle.own_marked += own;
        own
    }

    /// What happens before an old-space linear area is refilled or an old large object is made.
    pub(crate) fn before_old_refill(&mut self) -> Result<(), Error> {
        self.sync_clock();
        if !self.mechanism.marking.active {
            return self.start_marking_if_limit_is_reached();
        }
        if self.old_bytes_allocated < self.cycle.old_step_at {
            return Ok(());
        }
        self.cycle.old_step_at = self.old_bytes_allocated + OLD_ALLOCATION_STEP;
        self.marking_step()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Heap, HeapOptions};

    #[test]
    fn young_pages_count_for_the_speed_of_compaction() -> Result<(), Error> {
        let mut heap = Heap::new(HeapOptions::for_tests())?;
        let mut scope = heap.scope();
        let _kept = scope.string("nothing but this is moved, and it is young")?;
        assert!(scope.tracer.compaction_speed().is_none());
        scope.collect_garbage()?;
        assert!(scope.tracer.compaction_speed().is_some_and(|speed| speed > 0.0));
        Ok(())
    }
}
