//! What V8 decides, without doing any of it.
//!
//! Each rule is one function from a plain struct of V8's inputs to V8's decision as a value. Nothing here touches memory, asks a clock or
//! knows a mechanism; the numbers that differ between versions come from a [`Profile`]. So a table of
//! numbers tests a rule, and [`Policy`] lets you put another in its place.
//!
//! | question | rule | file |
//! |---|---|---|
//! | flags, memory, version: how large may what be? | [`limits`] | `limits/` |
//! | how far may the old generation grow now? | [`recompute_limits`], [`next_limit`], [`growing_factor`] | `growing.rs` |
//! | and before the first full collection? | [`shrink_initial_limit`] | `initial_limit.rs` |
//! | does marking start? | [`start_of_marking`] | `start_of_marking.rs` |
//! | how much does a step mark, and who marks beside it? | [`marking_step_bytes`], [`timed_step_bytes`] | `marking_step.rs` |
//! | when are the variables of a waiting program marked? | [`variables_marked_ms`] | `variables.rs` |
//! | does the end of marking wait for a task? | [`task_wait_ms`] | `finalization.rs` |
//! | which collector runs? | [`select_collector`] | `select_collector.rs` |
//! | may old (or new) space take another page? | [`can_expand_old_generation`], [`should_expand_old_generation`], [`can_promote_young`] | `expansion.rs` |
//! | is the limit overshot? | [`overshot_by_large_margin`] | `overshoot.rs` |
//! | does the process only collect? | [`check_ineffective`] | `ineffective.rs` |
//! | is the heap over its limit? | [`check_hard_limit`] | `hard_limit.rs` |
//! | an allocation failed: what now? | [`next_attempt`], [`last_resort_continues`] | `last_resort.rs` |
//! | what does external memory call for? | [`external_pressure`], [`scavenge_before_backing_store`] | `external.rs` |
//! | does new space grow or shrink? | [`resize_new_space`] | `new_space.rs` |
//! | does a task scavenge? | [`scavenge_task_is_due`] | `new_space.rs` |
//! | where are a site's objects born? | [`decide_site`] | `pretenuring.rs` |
//! | which pages are evacuated? | [`evacuation_candidates`] | `compaction.rs` |
//! | does a nursery go to old space whole? | [`collections_without_copying`] | `nursery.rs` |
//! | is a young page moved whole? | [`promote_page`] | `page_promotion.rs` |
//! | may it grow by another rule than V8's? | [`FixedSize`], [`PercentOfMemory`], [`MemBalancer`] | `fixed_size.rs`, `membalancer.rs` |
//! | how fast is everything? | [`GcTracer`] | `tracer.rs` |

mod compaction;
mod expansion;
mod external;
mod finalization;
mod fixed_size;
mod growing;
mod hard_limit;
mod ineffective;
mod initial_limit;
mod last_resort;
mod limits;
mod marking_step;
mod membalancer;
mod new_space;
mod nursery;
mod overshoot;
mod page_promotion;
mod pretenuring;
mod select_collector;
mod start_of_marking;
pub mod tracer;
mod variables;

pub use compaction::*;
pub use expansion::*;
pub use external::*;
pub use finalization::*;
pub use fixed_size::*;
pub use growing::*;
pub use hard_limit::*;
pub use ineffective::*;
pub use initial_limit::*;
pub use last_resort::*;
pub use limits::*;
pub use marking_step::*;
pub use membalancer::*;
pub use new_space::*;
pub use nursery::*;
pub use overshoot::*;
pub use page_promotion::*;
pub use pretenuring::*;
pub use select_collector::*;
pub use start_of_marking::*;
pub use tracer::GcTracer;
pub use variables::*;

use crate::event::{Collector, CollectorReason, LimitUpdate};
use crate::profile::{ExternalRules, IneffectiveRules, PretenuringRules, Profile};

/// The decisions of a heap. Every method has V8's rule as its default body, so another policy says only what it does differently.
///
/// ```
/// use gcheap::{event::LimitUpdate, policy::*, profile::Profile};
///
/// /// Lets the old generation grow by at most 10 %.
/// #[derive(Debug)]
/// struct Frugal;
///
/// impl Policy for Frugal {
///     fn recompute_limits(&self, inputs: &RecomputeInputs, profile: &Profile) -> LimitUpdate {
///         V8Policy.recompute_limits(&RecomputeInputs { mode: GrowingMode::Minimal, ..*inputs }, profile)
///     }
/// }
///
/// let policy: Box<dyn Policy> = Box::new(Frugal);
/// assert_eq!(policy.growing_mode(&GrowingModeInputs::default()), GrowingMode::Default);
/// ```
pub trait Policy: std::fmt::Debug {
    /// Both allocation limits after a full collection.
    fn recompute_limits(&self, inputs: &RecomputeInputs, profile: &Profile) -> LimitUpdate {
        recompute_limits(inputs, profile)
    }

    /// One allocation limit.
    fn next_limit(&self, inputs: &NextLimitInputs) -> u64 {
        next_limit(inputs)
    }

    /// How willing the heap is to grow.
    fn growing_mode(&self, inputs: &GrowingModeInputs) -> GrowingMode {
        growing_mode(inputs)
    }

    /// The limits before the first full collection.
    fn shrink_initial_limit(&self, inputs: &InitialLimitInputs) -> InitialLimit {
        shrink_initial_limit(inputs)
    }

    /// Does marking start?
    fn start_of_marking(&self, inputs: &StartOfMarkingInputs) -> MarkingLimit {
        start_of_marking(inputs)
    }

    /// How long does the end of marking wait for a task? In ms; `None`: not at all.
    fn task_wait_ms(&self, inputs: &TaskWaitInputs) -> Option<f64> {
        task_wait_ms(inputs)
    }

    /// Which collector runs, and why.
    fn select_collector(&self, inputs: &SelectCollectorInputs, profile: &Profile) -> (Collector, CollectorReason) {
        select_collector(inputs, &profile.collection)
    }

    /// The hard limit: do `bytes` more fit?
    fn may_expand(&self, inputs: &CanExpandInputs, bytes: u64) -> bool {
        can_expand_old_generation(inputs, bytes)
    }

    /// The soft limit: may the old generation grow without a collection?
    fn should_expand(&self, inputs: &ShouldExpandInputs, profile: &Profile) -> bool {
        should_expand_old_generation(inputs, &profile.collection)
    }

    /// May new space exceed its capacity?
    fn should_expand_young(&self, inputs: &ExpandYoungInputs, profile: &Profile) -> bool {
        should_expand_young_generation(inputs, profile)
    }

    /// Is a scavenge sure to succeed, with `bytes` more?
    fn can_promote_young(
        &self,
        heap: &CanExpandInputs,
        young: &YoungRoomInputs,
        bytes: u64,
        profile: &Profile,
    ) -> bool {
        can_promote_young(heap, young, bytes, profile)
    }

    /// Is memory nearly used up?
    fn optimize_for_memory_usage(&self, inputs: &CanExpandInputs, high_memory_pressure: bool) -> bool {
        optimize_for_memory_usage(inputs, high_memory_pressure)
    }

    /// Is the allocation limit overshot by a large margin?
    fn overshot_by_large_margin(&self, inputs: &OvershootInputs) -> bool {
        overshot_by_large_margin(inputs)
    }

    /// Does the process only collect?
    fn check_ineffective(&self, inputs: &IneffectiveInputs, rules: &IneffectiveRules) -> Ineffective {
        check_ineffective(inputs, rules)
    }

    /// Is the heap over its limit?
    fn check_hard_limit(&self, inputs: &HardLimitInputs) -> HardLimit {
        check_hard_limit(inputs)
    }

    /// An allocation failed: what now?
    fn next_attempt(&self, failure: &AllocationFailure, profile: &Profile) -> AfterFailure {
        next_attempt(failure, &profile.collection)
    }

    /// Does the last resort go on?
    fn last_resort_continues(&self, inputs: &LastResortInputs) -> bool {
        last_resort_continues(inputs)
    }

    /// What does the growth of external memory call for?
    fn external_pressure(&self, inputs: &ExternalPressureInputs, rules: &ExternalRules) -> ExternalPressure {
        external_pressure(inputs, rules)
    }

    /// Does a scavenge come before a new backing store?
    fn scavenge_before_backing_store(&self, inputs: &YoungBuffersInputs, rules: &ExternalRules) -> bool {
        scavenge_before_backing_store(inputs, rules)
    }

    /// Does a task scavenge, now that the program is back in its event loop? Sizes in bytes.
    fn scavenge_task_is_due(&self, size: u64, capacity: u64, profile: &Profile) -> bool {
        scavenge_task_is_due(size, capacity, profile.new_space.task_trigger_percent)
    }

    /// Does new space grow or shrink?
    fn resize_new_space(&self, inputs: &NewSpaceResizeInputs) -> NewSpaceResize {
        resize_new_space(inputs)
    }

    /// May new large-object space take an object?
    fn may_allocate_new_large_object(&self, inputs: &NewLargeObjectInputs) -> bool {
        may_allocate_new_large_object(inputs)
    }

    /// Where are the objects of a site born from now on?
    fn decide_site(&self, inputs: &SiteInputs, rules: &PretenuringRules) -> Option<SiteVerdict> {
        decide_site(inputs, rules)
    }

    /// When is a page worth evacuating?
    fn compaction_thresholds(&self, inputs: &CompactionInputs) -> CompactionThresholds {
        compaction_thresholds(inputs)
    }

    /// Which pages are evacuated?
    fn evacuation_candidates(&self, pages: &[PageFill], area: u64, thresholds: &CompactionThresholds) -> Vec<u32> {
        evacuation_candidates(pages, area, thresholds)
    }

    /// Is a young page moved whole?
    fn promote_page(&self, inputs: &PagePromotionInputs) -> bool {
        promote_page(inputs)
    }
}

/// V8's own policy.
///
/// ```
/// use gcheap::policy::{Policy, V8Policy};
/// let _policy: Box<dyn Policy> = Box::new(V8Policy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct V8Policy;

impl Policy for V8Policy {}
