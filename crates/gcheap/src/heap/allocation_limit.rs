//! The allocation limit of the old generation: it shrinks with survival before the first full collection, and is set anew after each.

use super::Heap;
use crate::event::LimitUpdate;
use crate::policy::{GrowingMode, GrowingModeInputs, GrowingSpeeds, InitialLimitInputs, RecomputeInputs};

impl Heap {
    pub(super) fn growing_mode(&self, reduce_memory: bool) -> GrowingMode {
        self.policy.growing_mode(&GrowingModeInputs {
            reduce_memory,
            optimize_for_memory: self.optimize_for_memory(),
            reducer_grows_slowly: false,
        })
    }

    pub(super) fn record_survival(&mut self, young_before: u64, survived: u64) {
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

    pub(super) fn recompute_inputs(&self, reduce_memory: bool) -> RecomputeInputs {
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
    pub(super) fn recompute_limits(&mut self, reduce_memory: bool) -> LimitUpdate {
        let update = self.policy.recompute_limits(&self.recompute_inputs(reduce_memory), self.profile);
        self.state.old_limit = update.new_limit;
        self.state.global_limit = update.new_global_limit;
        self.state.configured = true;
        self.state.had_full_collection = true;
        self.external.reset(&self.profile.external);
        update
    }

    /// After a young collection of a program that hardly allocates, configured limits may go down.
    pub(super) fn lower_limits_after_scavenge(&mut self) {
        if self.state.configured && self.tracer.has_low_young_allocation_rate() {
            let update = self.policy.recompute_limits(&self.recompute_inputs(false), self.profile);
            self.state.old_limit = self.state.old_limit.min(update.new_limit);
            self.state.global_limit = self.state.global_limit.min(update.new_global_limit);
        }
    }
}
