//! Policies with a limit that does not follow the heap: a fixed size, and a share of the machine's memory.
//!
//! They replace only the question how far the old generation may grow until the next full collection; everything else,
//! the hard limit among it, is V8's. Sizes are bytes.

use super::{InitialLimit, InitialLimitInputs, Policy, RecomputeInputs};
use crate::event::LimitUpdate;
use crate::profile::{MIB, Profile};

/// What a program may allocate in the old generation between two full collections when its limit leaves it nothing, bytes. An
/// own choice: with none at all it would do nothing but collect.
pub const MINIMUM_ROOM: u64 = MIB;

/// The update of a policy that has decided on a limit. It is kept between the size of the heap with [`MINIMUM_ROOM`] and the
/// maximum; the global limit is twice as large, as V8's maximum is.
///
/// ```
/// use gcheap::policy::{GrowingMode, GrowingSpeeds, RecomputeInputs, limit_update};
/// let inputs = RecomputeInputs {
///     old_generation: 30 << 20, global: 30 << 20, max_old_generation: 64 << 20, max_global: 128 << 20, min_old_generation: 0,
///     new_space_capacity: 1 << 20, speeds: GrowingSpeeds::default(), mode: GrowingMode::Default,
/// };
/// assert_eq!(limit_update(&inputs, 40 << 20).new_limit, 40 << 20);
/// assert_eq!(limit_update(&inputs, 0).new_limit, 31 << 20);
/// assert_eq!(limit_update(&inputs, 1 << 40).new_limit, 64 << 20);
/// ```
pub fn limit_update(inputs: &RecomputeInputs, limit: u64) -> LimitUpdate {
    let least = inputs.old_generation.saturating_add(MINIMUM_ROOM).max(inputs.min_old_generation);
    let new_limit = limit.max(least).min(inputs.max_old_generation.max(inputs.old_generation));
    let factor = new_limit as f64 / inputs.old_generation.max(1) as f64;
    LimitUpdate {
        old_size: inputs.old_generation,
        new_limit,
        global_size: inputs.global,
        new_global_limit: new_limit.saturating_mul(2),
        factor,
        dynamic_factor: factor,
        gc_speed: inputs.speeds.gc.unwrap_or(0.0),
        mutator_speed: inputs.speeds.mutator.unwrap_or(0.0),
    }
}

/// The limits before the first full collection of a policy that has decided on one: set once, for a limit that is asked for
/// after every scavenge and grew with the heap would never be reached.
pub(super) fn first_limit(inputs: &InitialLimitInputs, limit: u64) -> InitialLimit {
    if inputs.had_full_collection || inputs.configured {
        let (old_limit, global_limit) = (inputs.old_limit, inputs.global_limit);
        return InitialLimit { old_limit, global_limit, configured: inputs.configured };
    }
    InitialLimit { old_limit: limit, global_limit: limit.saturating_mul(2), configured: true }
}

/// The old generation grows to the same size each time before it is collected.
///
/// The simplest rule there is: it wastes memory on a small heap and time on one that is nearly as large as the size.
///
/// ```
/// use gcheap::{Heap, HeapOptions, policy::FixedSize};
/// let policy = Box::new(FixedSize { bytes: 24 << 20 });
/// let mut heap = Heap::new(HeapOptions { policy, ..HeapOptions::for_tests() })?;
/// heap.collect_garbage()?;
/// assert_eq!(heap.old_generation_limit(), 24 << 20);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedSize {
    /// The size, bytes.
    pub bytes: u64,
}

impl Policy for FixedSize {
    fn recompute_limits(&self, inputs: &RecomputeInputs, _: &Profile) -> LimitUpdate {
        limit_update(inputs, self.bytes)
    }

    fn shrink_initial_limit(&self, inputs: &InitialLimitInputs) -> InitialLimit {
        first_limit(inputs, self.bytes)
    }
}

/// The old generation may fill a share of the memory of the machine, or of its container, before it is collected.
///
/// What other runtimes offer as a percentage flag. It knows how much there is, not how many share it.
///
/// ```
/// use gcheap::{Heap, HeapOptions, policy::PercentOfMemory};
/// let policy = Box::new(PercentOfMemory { percent: 5.0, memory: 512 << 20 });
/// let mut heap = Heap::new(HeapOptions { policy, ..HeapOptions::for_tests() })?;
/// heap.collect_garbage()?;
/// assert_eq!(heap.old_generation_limit(), 26_843_545); // 5 % of 512 MiB
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentOfMemory {
    /// The share, percent.
    pub percent: f64,
    /// Memory of the machine or container, bytes.
    pub memory: u64,
}

impl PercentOfMemory {
    fn bytes(&self) -> u64 {
        (self.memory as f64 * (self.percent / 100.0)) as u64
    }
}

impl Policy for PercentOfMemory {
    fn recompute_limits(&self, inputs: &RecomputeInputs, _: &Profile) -> LimitUpdate {
        limit_update(inputs, self.bytes())
    }

    fn shrink_initial_limit(&self, inputs: &InitialLimitInputs) -> InitialLimit {
        first_limit(inputs, self.bytes())
    }
}
