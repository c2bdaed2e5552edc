//! External memory: what backing stores outside the heap call for, before they are made and when they were swept.

use super::Heap;
use super::error::Error;
use crate::event::GcReason;
use crate::policy::{ExternalPressure, ExternalPressureInputs, YoungBuffersInputs};

impl Heap {
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
    pub(super) fn settle_backing_stores(&mut self) {
        let freed = std::mem::take(&mut self.unswept_backing_stores);
        if freed > 0 {
            self.external.adjust(-(freed as i64), &self.profile.external);
        }
    }
}
