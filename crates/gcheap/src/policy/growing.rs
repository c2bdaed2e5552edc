//! How far the old generation may grow until the next full collection.
//!
//! V8 `MemoryController` (src/heap/heap-controller.{h,cc}) and `Heap::CurrentHeapGrowingMode` (src/heap/heap.cc). Sizes are
//! bytes, speeds bytes per ms.

use crate::event::LimitUpdate;
use crate::profile::{LimitBound, MIB, Profile};

/// Least factor of growth (`kMinGrowingFactor`).
pub const MIN_GROWING_FACTOR: f64 = 1.1;
/// Largest factor of growth (`kMaxGrowingFactor`).
pub const MAX_GROWING_FACTOR: f64 = 4.0;
/// Factor that conservative and slow growth do not exceed (`kConservativeGrowingFactor`).
pub const CONSERVATIVE_GROWING_FACTOR: f64 = 1.3;
/// Share of time that the program should get (`kTargetMutatorUtilization`).
pub const TARGET_MUTATOR_UTILIZATION: f64 = 0.97;
/// Below this maximum the largest factor is the smallest that a heap gets, bytes.
pub const MIN_SIZE: u64 = 256 * MIB;
/// From this maximum on the factor may reach [`MAX_GROWING_FACTOR`], bytes.
pub const MAX_SIZE: u64 = 2_048 * MIB;

/// How willing V8 is to let the heap grow (V8 `Heap::HeapGrowingMode`).
///
/// ```
/// assert_eq!(gcheap::policy::GrowingMode::Conservative.step(), 2 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrowingMode {
    /// As the factor says.
    Default,
    /// The memory reducer asked for slow growth.
    Slow,
    /// Memory is nearly used up.
    Conservative,
    /// A reduce-memory collection.
    Minimal,
}

impl GrowingMode {
    /// Least growth between two full collections, bytes (V8 `MinimumAllocationLimitGrowingStep`).
    pub const fn step(self) -> u64 {
        match self {
            GrowingMode::Conservative => 2 * MIB,
            _ => 8 * MIB,
        }
    }

    /// The factor that this mode makes of another.
    pub fn bound(self, factor: f64) -> f64 {
        match self {
            GrowingMode::Default => factor,
            GrowingMode::Slow | GrowingMode::Conservative => factor.min(CONSERVATIVE_GROWING_FACTOR),
            GrowingMode::Minimal => MIN_GROWING_FACTOR,
        }
    }
}

/// What the growing mode depends on.
///
/// ```
/// use gcheap::policy::{GrowingMode, GrowingModeInputs, growing_mode};
/// assert_eq!(growing_mode(&GrowingModeInputs { optimize_for_memory: true, ..Default::default() }), GrowingMode::Conservative);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrowingModeInputs {
    /// The collection carries the reduce-memory flag.
    pub reduce_memory: bool,
    /// [`optimize_for_memory_usage`](super::optimize_for_memory_usage).
    pub optimize_for_memory: bool,
    /// The memory reducer wants slow growth.
    pub reducer_grows_slowly: bool,
}

/// V8 `Heap::CurrentHeapGrowingMode` (src/heap/heap.cc).
pub fn growing_mode(inputs: &GrowingModeInputs) -> GrowingMode {
    if inputs.reduce_memory {
        GrowingMode::Minimal
    } else if inputs.optimize_for_memory {
        GrowingMode::Conservative
    } else if inputs.reducer_grows_slowly {
        GrowingMode::Slow
    } else {
        GrowingMode::Default
    }
}

/// The largest factor for a heap whose old generation may have `max_old_generation` bytes (V8 `MemoryController::MaxGrowingFactor`).
///
/// ```
/// assert!((gcheap::policy::max_growing_factor(512 << 20) - 1.4).abs() < 1e-12);
/// assert_eq!(gcheap::policy::max_growing_factor(2048 << 20), 4.0);
/// ```
pub fn max_growing_factor(max_old_generation: u64) -> f64 {
    const SMALL: f64 = 1.3;
    const LARGE: f64 = 2.0;
    if max_old_generation >= MAX_SIZE {
        return MAX_GROWING_FACTOR;
    }
    let size = max_old_generation.max(MIN_SIZE);
    (size - MIN_SIZE) as f64 * (LARGE - SMALL) / (MAX_SIZE - MIN_SIZE) as f64 + SMALL
}

/// The two speeds that the factor weighs, bytes per ms; `None` or 0 when there is no sample.
///
/// ```
/// use gcheap::policy::{GrowingSpeeds, growing_factor};
/// let fast_collector = GrowingSpeeds { gc: Some(1e6), mutator: Some(1e3) };
/// assert!(growing_factor(&fast_collector, 4.0) < 1.2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GrowingSpeeds {
    /// Speed of full collections.
    pub gc: Option<f64>,
    /// Allocation throughput of the old generation.
    pub mutator: Option<f64>,
}

/// The factor that gives the program its target share of time at these speeds (V8 `MemoryController::DynamicGrowingFactor`).
pub fn growing_factor(speeds: &GrowingSpeeds, max_factor: f64) -> f64 {
    let (gc, mutator) = (speeds.gc.unwrap_or(0.0), speeds.mutator.unwrap_or(0.0));
    if gc == 0.0 || mutator == 0.0 {
        return max_factor;
    }
    let a = gc / mutator * (1.0 - TARGET_MUTATOR_UTILIZATION);
    let b = a - TARGET_MUTATOR_UTILIZATION;
    // Where b is not large enough the quotient would exceed the maximum, or change its sign.
    let factor = if a < b * max_factor { a / b } else { max_factor };
    factor.min(max_factor).max(MIN_GROWING_FACTOR)
}

/// What the next limit of one size (old generation or global) depends on.
///
/// ```
/// use gcheap::{policy::{GrowingMode, NextLimitInputs, next_limit}, profile::LimitBound};
/// // Node 26, old generation of 48,764 KiB under 256 MiB with a semi-space of 16 MiB.
/// let inputs = NextLimitInputs {
///     current: 48_764 << 10, min: 0, max: 256 << 20, new_space_capacity: 16 << 20,
///     factor: 1.3, mode: GrowingMode::Default, bound: LimitBound::MinimumLast,
/// };
/// assert_eq!(next_limit(&inputs) >> 10, 79_777);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextLimitInputs {
    /// Size right after the collection, bytes.
    pub current: u64,
    /// Limits do not go below this, bytes.
    pub min: u64,
    /// The maximum, bytes.
    pub max: u64,
    /// Capacity of one semi-space as this version counts it, bytes.
    pub new_space_capacity: u64,
    /// The factor, before the mode bounds it.
    pub factor: f64,
    /// Growing mode.
    pub mode: GrowingMode,
    /// Order of the bounds in this version.
    pub bound: LimitBound,
}

/// The next allocation limit, bytes (V8 `MemoryController::CalculateAllocationLimit`).
pub fn next_limit(inputs: &NextLimitInputs) -> u64 {
    let factor = inputs.mode.bound(inputs.factor);
    let grown = (inputs.current as f64 * factor) as u64;
    let limit = grown.max(inputs.current.saturating_add(inputs.mode.step())).saturating_add(inputs.new_space_capacity);
    let halfway = inputs.current / 2 + inputs.max / 2 + (inputs.current % 2 + inputs.max % 2) / 2;
    match inputs.bound {
        LimitBound::HalfwayLast => limit.max(inputs.min).min(halfway),
        LimitBound::MinimumLast => limit.min(halfway).max(inputs.min),
    }
}

/// What both limits depend on after a full collection.
///
/// ```
/// use gcheap::policy::{GrowingMode, GrowingSpeeds, RecomputeInputs, recompute_limits};
/// let inputs = RecomputeInputs {
///     old_generation: 3_783 << 10, global: 3_783 << 10, max_old_generation: 256 << 20, max_global: 512 << 20, min_old_generation: 0,
///     new_space_capacity: 2 << 20, speeds: GrowingSpeeds::default(), mode: GrowingMode::Default,
/// };
/// let update = recompute_limits(&inputs, &gcheap::profile::NODE_24);
/// assert_eq!(update.new_limit >> 10, 14_023); // 3,783 + 8,192 + 2,048
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecomputeInputs {
    /// Old-generation bytes: objects, from 13.6 on with waste.
    pub old_generation: u64,
    /// Those and the embedder's bytes.
    pub global: u64,
    /// Maximum of the old generation, bytes.
    pub max_old_generation: u64,
    /// Maximum of the global size, bytes.
    pub max_global: u64,
    /// Configured minimum of the old limit, bytes.
    pub min_old_generation: u64,
    /// Target capacity of one semi-space, whole pages, bytes.
    pub new_space_capacity: u64,
    /// Speeds at the moment of recomputing.
    pub speeds: GrowingSpeeds,
    /// Growing mode.
    pub mode: GrowingMode,
}

/// The new-space capacity that this version adds to a limit: 11.3 counts usable bytes. Bytes.
pub fn counted_new_space_capacity(capacity: u64, profile: &Profile) -> u64 {
    if profile.growing.capacity_counts_usable_bytes { profile.pages.usable_of(capacity) } else { capacity }
}

/// Both new limits (V8 `Heap::RecomputeLimits`, src/heap/heap.cc).
pub fn recompute_limits(inputs: &RecomputeInputs, profile: &Profile) -> LimitUpdate {
    let factor = growing_factor(&inputs.speeds, max_growing_factor(inputs.max_old_generation));
    let base = NextLimitInputs {
        current: inputs.old_generation,
        min: inputs.min_old_generation,
        max: inputs.max_old_generation,
        new_space_capacity: counted_new_space_capacity(inputs.new_space_capacity, profile),
        factor,
        mode: inputs.mode,
        bound: profile.growing.bound,
    };
    LimitUpdate {
        old_size: inputs.old_generation,
        new_limit: next_limit(&base),
        global_size: inputs.global,
        new_global_limit: next_limit(&NextLimitInputs {
            current: inputs.global,
            min: inputs.min_old_generation.saturating_mul(2),
            max: inputs.max_global,
            factor: factor.max(profile.growing.embedder_factor),
            ..base
        }),
        factor: inputs.mode.bound(factor),
        dynamic_factor: factor,
        gc_speed: inputs.speeds.gc.unwrap_or(0.0),
        mutator_speed: inputs.speeds.mutator.unwrap_or(0.0),
    }
}
