//! Allocation sites: what pretenuring knows of an array or object literal (V8 `AllocationSite`).
//!
//! Unoptimised code puts a memento behind each object of a site; scavenges count the mementos of survivors; policy decides.
//! Which code runs optimised is not the heap's business: the caller chooses the [`Placement`].

use super::Heap;
use super::error::Error;
use crate::event::{Event, SiteDecision};
use crate::policy::{SiteInputs, crossed_pretenuring_threshold, enough_mementos, resets_tenured_sites};

/// A literal in a program.
///
/// ```
/// use gcheap::{Heap, HeapOptions, Placement};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let site = heap.allocation_site();
/// let mut scope = heap.scope();
/// let cold = scope.object_literal(Placement::YoungWithMemento(site), &[1.into()])?;
/// assert_eq!(scope.size(cold)?, 32, "the memento lies behind the object, not in it");
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AllocationSite {
    pub(crate) number: u32,
    pub(crate) heap: u32,
}

impl AllocationSite {
    /// Number of the site in its heap, as events name it.
    pub fn number(self) -> u32 {
        self.number
    }
}

/// Where a literal is allocated.
///
/// ```
/// assert_eq!(gcheap::Placement::default(), gcheap::Placement::Young);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// New space: optimised code of a site that is not tenured, and everything without a site.
    #[default]
    Young,
    /// New space with a 16-byte memento behind the object: unoptimised code.
    YoungWithMemento(AllocationSite),
    /// Old space: optimised code of a tenured site.
    Old,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SiteState {
    pub(crate) decision: SiteDecision,
    pub(crate) created: u32,
}

impl SiteState {
    /// One object more. A site none of whose objects ever survives is never looked at, so the count may come to its end.
    #[inline(always)]
    pub(super) fn count_created(&mut self) {
        self.created = self.created.saturating_add(1);
    }
}

impl Heap {
    /// Registers an allocation site.
    pub fn allocation_site(&mut self) -> AllocationSite {
        self.sites.push(SiteState::default());
        self.mechanism.mementos_found.push(0);
        self.mechanism.count_mementos = true;
        AllocationSite { number: self.sites.len() as u32 - 1, heap: self.id }
    }

    /// What has been decided for a site.
    pub fn site_decision(&self, site: AllocationSite) -> Result<SiteDecision, Error> {
        if site.heap != self.id {
            return Err(Error::wrong_heap());
        }
        self.sites.get(site.number as usize).map(|state| state.decision).ok_or_else(Error::wrong_heap)
    }

    #[inline]
    pub(crate) fn count_memento_created(&mut self, site: AllocationSite) -> Result<(), Error> {
        if site.heap != self.id {
            return Err(Error::wrong_heap());
        }
        let state = self.sites.get_mut(site.number as usize).ok_or_else(Error::wrong_heap)?;
        state.count_created();
        Ok(())
    }

    /// V8 `PretenuringHandler::ProcessPretenuringFeedback`.
    pub(super) fn decide_sites(&mut self) {
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
            if !enough_mementos(self.mechanism.mementos_found[number].into(), rules) {
                continue;
            }
            let found = std::mem::take(&mut self.mechanism.mementos_found[number]);
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
                if state.decision == SiteDecision::MaybeTenure {
                    events.push((number, state.decision, 1.0, true));
                }
            }
        }
        for (number, decision, ratio, deoptimize) in events {
            self.emit(&Event::AllocationSite { site: number as u32, decision, ratio, deoptimize, time_ms });
        }
    }

    /// A full collection that left next to nothing makes every tenured site undecided again.
    pub(super) fn reset_sites(&mut self, before: u64, after: u64) {
        if !resets_tenured_sites(before, after, &self.profile.pretenuring) {
            return;
        }
        let time_ms = self.time_ms();
        for number in 0..self.sites.len() {
            if self.sites[number].decision == SiteDecision::Tenure {
                self.sites[number] = SiteState::default();
                self.mechanism.mementos_found[number] = 0;
                self.emit(&Event::AllocationSite {
                    site: number as u32,
                    decision: SiteDecision::Undecided,
                    ratio: 0.0,
                    deoptimize: true,
                    time_ms,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeapOptions;

    #[test]
    fn a_site_that_creates_without_end_is_counted_to_the_end_of_its_count() -> Result<(), Error> {
        let mut heap = Heap::new(HeapOptions::for_tests())?;
        let placement = Placement::YoungWithMemento(heap.allocation_site());
        heap.sites[0].created = u32::MAX - 1;
        let mut scope = heap.scope();
        for _ in 0..2 {
            let mut turn = scope.scope();
            turn.object_literal(placement, &[])?;
            turn.literals(|literals| literals.object(placement, &[]).map(drop))?;
        }
        drop(scope);
        heap.collect_garbage()?;
        assert_eq!(heap.sites[0].created, u32::MAX);
        Ok(())
    }
}
