//! The event loop: what V8 does between the jobs of a program, through tasks that a running program never lets run.
//!
//! V8 posts a task when new space is nearly full (`ScavengeJob`), when a soft limit calls for marking and while marking runs
//! (`IncrementalMarkingJob`). What holds: no task runs but in the methods of this file.

use super::Heap;
use super::error::Error;
use crate::event::GcReason;
use crate::policy::{MarkingLimit, variables_marked_ms};
use crate::time::ms_to_ns;

impl Heap {
    /// The program is back in its event loop for `ms` milliseconds of the heap's clock: time passes, and V8's tasks run. A nearly
    /// full new space is scavenged, marking that is due starts, and marking that comes to its end is finalised.
    ///
    /// Jobs and finalizers are the program's own: see [`Self::end_job`].
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// while heap.memory_usage().heap_used < 900_000 {
    ///     heap.scope().string_of_length(1000, false)?; // garbage, and new space is not full yet
    /// }
    /// let before = heap.scavenges();
    /// heap.turn_event_loop(20.0)?;
    /// assert_eq!(heap.scavenges(), before + 1);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// What a collection can end with.
    pub fn turn_event_loop(&mut self, ms: f64) -> Result<(), Error> {
        self.sync_clock();
        let start_ms = self.time_ms();
        let end = self.clock.now().saturating_add(ms_to_ns(ms));
        self.start_tasks()?;
        if self.mechanism.marking.active && !self.cycle.variables_marked && self.cycle.steps > 0 {
            // What was stored last is all that can be left of what markers have come to so far.
            self.marking_task()?;
        }
        if self.mechanism.marking.active && self.marks_variables(start_ms, start_ms + ms) {
            self.mechanism.mark_stack_roots();
            self.mark_in_tasks(end, ms)?;
        }
        // What tasks do is done while the program waits.
        self.clock.advance(end.saturating_sub(self.clock.now()));
        Ok(())
    }

    /// Whether markers come to the variables of the program, which waits from `start_ms` to `end_ms` and has them in the heap so long (V8
    /// `JSGeneratorObject`). Once they have, they find what is stored there by the write barrier.
    fn marks_variables(&mut self, start_ms: f64, end_ms: f64) -> bool {
        if !self.cycle.variables_marked {
            let old = self.mechanism.spaces.old_generation_objects();
            let takes_ms = variables_marked_ms(self.mark_compacts, old);
            self.cycle.variables_marked = self.cycle.start_ms.max(start_ms) + takes_ms < end_ms;
        }
        self.cycle.variables_marked
    }

    /// Marking goes on in tasks until the clock shows `end`, in `ms` milliseconds, or marking is ended: each task posts the next one.
    fn mark_in_tasks(&mut self, end: u64, ms: f64) -> Result<(), Error> {
        let gap_ms = self.cost.task_gap_ms.max(0.001);
        let gap = ms_to_ns(gap_ms);
        // A clock that measures for itself does not move on when it is told to: the number of tasks is bounded too.
        for _ in 0..=(ms / gap_ms) as u64 {
            let left = end.saturating_sub(self.clock.now());
            self.clock.advance(left.min(gap));
            self.marking_tasks.run(self.time_ms());
            self.marking_task()?;
            if !self.mechanism.marking.active {
                return Ok(());
            }
            self.marking_tasks.post(self.time_ms());
            if left <= gap {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The program has ended: its event loop turns until no task is left, and helpers finish what they are at (Node
    /// `NodePlatform::DrainTasks`).
    ///
    /// # Errors
    /// What a collection can end with.
    pub fn drain_tasks(&mut self) -> Result<(), Error> {
        self.start_tasks()?;
        if self.mechanism.marking.active {
            self.sync_clock();
            let before = self.mechanism.marking.read_bytes;
            self.mechanism.drain_marking(u64::MAX);
            let marked = self.mechanism.marking.read_bytes - before;
            self.clock.advance(self.cost.concurrent_marking_ns(marked));
            self.collect_full(GcReason::FinalizeMarkingViaTask, false)?;
        }
        Ok(())
    }

    /// What was posted while the program ran.
    fn start_tasks(&mut self) -> Result<(), Error> {
        let (size, capacity) = (self.mechanism.spaces.young_objects(), self.mechanism.spaces.new.capacity);
        if self.policy.scavenge_task_is_due(size, capacity, self.profile) {
            self.collect_young(GcReason::Task)?;
        }
        // Somewhere in a job old space is asked for, and so the task posted: code, feedback and maps are born old.
        self.marking_tasks.post(self.time_ms());
        self.marking_tasks.run(self.time_ms());
        if !self.mechanism.marking.active && self.marking_limit() != MarkingLimit::None {
            self.start_incremental_marking(GcReason::Task);
        }
        Ok(())
    }
}
