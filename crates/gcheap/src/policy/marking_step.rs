//! How marking is shared out: the background markers, and how much the main thread marks when an allocation observer asks it to.
//!
//! Up to 11.3 by allocations: `IncrementalMarking::StepSizeToMakeProgress` (src/heap/incremental-marking.cc). What background markers
//! have done counts as done, so a step has more than the least to do only where they are behind, which is so near the limit, where
//! steps are large. From 12.4 on by time: `IncrementalMarkingSchedule::GetNextIncrementalStepDuration`
//! (src/heap/base/incremental-marking-schedule.cc).

use crate::profile::{KIB, MIB};

/// Background markers at work: Node's platform has so many threads (`--v8-pool-size`), whatever the number of processors.
pub const BACKGROUND_MARKERS: usize = 4;
/// Entries of a segment of the marking worklists (`MarkingWorklist`, src/heap/marking-worklist.h).
pub const MARKING_SEGMENT: usize = 64;

/// Steps until all is marked near the limit (`kTargetStepCountAtOOM`), and otherwise (`kTargetStepCount`).
const STEPS_NEAR_LIMIT: u64 = 32;
const STEPS: u64 = 256;
/// Largest progress of a step that is not near the limit (`kMaxStepSizeInByte`).
const LARGEST_STEP: u64 = 256 * KIB;
/// Near the limit is where the old generation cannot grow by this and a semi-space (`oom_slack`), bytes.
pub const NEAR_LIMIT_SLACK: u64 = 64 * MIB;

/// What the size of a step depends on.
///
/// ```
/// use gcheap::policy::{MarkingStepInputs, marking_step_bytes};
/// let far = MarkingStepInputs { old_generation: 64 << 20, at_start: 64 << 20, near_limit: false };
/// assert_eq!(marking_step_bytes(&far), 256 << 10);
/// assert_eq!(marking_step_bytes(&MarkingStepInputs { near_limit: true, ..far }), 2 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkingStepInputs {
    /// Old-generation objects now, bytes.
    pub old_generation: u64,
    /// Old-generation objects when marking started, bytes.
    pub at_start: u64,
    /// The old generation cannot grow by [`NEAR_LIMIT_SLACK`] and the capacity of a semi-space.
    pub near_limit: bool,
}

/// Least bytes of a step that marks at all (`kMinStepSizeInBytes`, `kStepSizeWhenNotMakingProgress`).
pub const LEAST_MARKING_STEP: u64 = 64 * KIB;
/// Longest step that an allocation asks for, ms (`kMaxStepSizeOnAllocation`), and the share of it that is planned
/// (`GCIdleTimeHandler::kConservativeTimeRatio`).
const LONGEST_STEP_MS: f64 = 5.0;
const PLANNED_SHARE: f64 = 0.9;
/// How long marking is expected to take, ms (`kEstimatedMarkingTime`).
const EXPECTED_MS: f64 = 500.0;

/// What the size of a step depends on where the schedule is by time.
///
/// ```
/// use gcheap::policy::{TimedStepInputs, timed_step_bytes};
/// let slow = TimedStepInputs { live: 50 << 20, elapsed_ms: 10.0, marked: 30 << 20, marked_before: 30 << 20 };
/// assert_eq!(timed_step_bytes(&slow), 64 << 10);
/// assert_eq!(timed_step_bytes(&TimedStepInputs { marked: 31 << 20, ..slow }), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedStepInputs {
    /// Old-generation objects now, bytes.
    pub live: u64,
    /// Time since marking started, ms of the heap's clock.
    pub elapsed_ms: f64,
    /// Bytes marked so far: what counts as progress.
    pub marked: u64,
    /// The same at the step before.
    pub marked_before: u64,
}

/// Bytes that a step is to mark.
pub fn timed_step_bytes(inputs: &TimedStepInputs) -> u64 {
    if inputs.marked - inputs.marked_before.min(inputs.marked) < LEAST_MARKING_STEP {
        return LEAST_MARKING_STEP;
    }
    let expected = (inputs.live as f64 * inputs.elapsed_ms / EXPECTED_MS).ceil() as u64;
    expected.saturating_sub(inputs.marked)
}

/// Bytes that a step adds to what shall be marked by now, beside what was allocated old since the step before.
pub fn marking_step_bytes(inputs: &MarkingStepInputs) -> u64 {
    if inputs.near_limit {
        inputs.old_generation / STEPS_NEAR_LIMIT
    } else {
        (inputs.at_start / STEPS).clamp(LEAST_MARKING_STEP, LARGEST_STEP)
    }
}

/// Most bytes of a step where the schedule is by allocations, at a speed in bytes per ms (`GCIdleTimeHandler::EstimateMarkingStepSize`).
///
/// ```
/// // Node 20, --trace-incremental-marking: "Marking speed 677867KB/ms", which are bytes, and "V8: 417KB (2978KB)".
/// assert_eq!(gcheap::policy::largest_marking_step(677_867.0) >> 10, 2_978);
/// ```
pub fn largest_marking_step(speed: f64) -> u64 {
    ((speed * LONGEST_STEP_MS * PLANNED_SHARE) as u64).max(LEAST_MARKING_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_far_from_the_limit_is_small_in_a_small_heap() {
        let inputs = MarkingStepInputs { old_generation: 9 * MIB, at_start: 8 * MIB, near_limit: false };
        assert_eq!(marking_step_bytes(&inputs), 64 * KIB);
        assert_eq!(marking_step_bytes(&MarkingStepInputs { at_start: 32 * MIB, ..inputs }), 128 * KIB);
    }

    #[test]
    fn a_step_near_the_limit_is_the_one_that_a_real_node_took() {
        // Node 20, --trace-incremental-marking: 69 MB of old objects below 96 MB, "progress=2218KB".
        let old_generation = 2_218 * KIB * 32;
        let inputs = MarkingStepInputs { old_generation, at_start: old_generation, near_limit: true };
        assert_eq!(marking_step_bytes(&inputs), 2_218 * KIB);
    }
}
