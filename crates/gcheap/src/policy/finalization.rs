//! How long marking that is done waits for a task to end it.
//!
//! V8 `IncrementalMarking::ShouldWaitForTask` and `TryInitializeTaskTimeout` (src/heap/incremental-marking.cc): a full collection out
//! of the event loop finds nothing on the stack, so one that could end in the middle of a job waits, if the program is known to
//! come back to its event loop soon.

/// Least time that a collection waits for a task, ms (`kMinAllowedOvershoot`): marking was fast.
pub const MIN_TASK_WAIT_MS: f64 = 50.0;
/// The wait as a share of the time since marking started (`kAllowedOvershootPercentBasedOnWalltime`).
pub const TASK_WAIT_SHARE: f64 = 0.1;
/// Longest step of marking in a task, ms (`IncrementalMarking::kMaxStepSizeOnTask`).
pub const MAX_TASK_STEP_MS: f64 = 1.0;

/// What the wait depends on.
///
/// ```
/// use gcheap::policy::{TaskWaitInputs, task_wait_ms};
/// let never_in_the_event_loop = TaskWaitInputs { marking_ms: 30.0, average_time_to_task_ms: None, pending_ms: Some(1.0) };
/// assert_eq!(task_wait_ms(&never_in_the_event_loop), None);
/// assert_eq!(task_wait_ms(&TaskWaitInputs { average_time_to_task_ms: Some(2.0), ..never_in_the_event_loop }), Some(50.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskWaitInputs {
    /// Time since marking started.
    pub marking_ms: f64,
    /// How long tasks of marking have waited for their turn; `None` before the first.
    pub average_time_to_task_ms: Option<f64>,
    /// How long the task that is posted has been waiting.
    pub pending_ms: Option<f64>,
}

/// How long the end of marking waits for a task, ms; `None` if it does not.
pub fn task_wait_ms(inputs: &TaskWaitInputs) -> Option<f64> {
    let allowed = MIN_TASK_WAIT_MS.max(inputs.marking_ms * TASK_WAIT_SHARE);
    let known = inputs.average_time_to_task_ms.is_some_and(|average| average <= allowed);
    (known && inputs.pending_ms.is_none_or(|pending| pending <= allowed)).then_some(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: TaskWaitInputs =
        TaskWaitInputs { marking_ms: 20.0, average_time_to_task_ms: Some(3.0), pending_ms: Some(4.0) };

    #[test]
    fn long_marking_may_wait_for_a_tenth_of_its_time() {
        assert_eq!(task_wait_ms(&TaskWaitInputs { marking_ms: 900.0, ..SOON }), Some(90.0));
    }

    #[test]
    fn a_program_whose_jobs_are_long_is_not_waited_for() {
        assert_eq!(task_wait_ms(&TaskWaitInputs { average_time_to_task_ms: Some(51.0), ..SOON }), None);
        assert_eq!(task_wait_ms(&TaskWaitInputs { pending_ms: Some(51.0), ..SOON }), None);
        assert!(task_wait_ms(&TaskWaitInputs { pending_ms: None, ..SOON }).is_some());
    }
}
