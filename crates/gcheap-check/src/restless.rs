//! A policy that decides by chance: marking starts early, pages are evacuated that are not worth it, scavenges run that
//! may not succeed. Whatever policy says, the mechanism has to stay valid.

use crate::random::Random;
use gcheap::event::{Collector, CollectorReason};
use gcheap::policy::{
    CanExpandInputs, CompactionThresholds, MarkingLimit, PageFill, PagePromotionInputs, Policy, SelectCollectorInputs,
    StartOfMarkingInputs, V8Policy, YoungRoomInputs,
};
use gcheap::profile::Profile;
use std::cell::RefCell;

/// Decides by chance what V8 decides by thresholds, and as V8 where a limit is at stake.
///
/// ```
/// let _policy: Box<dyn gcheap::policy::Policy> = Box::new(gcheap_check::restless::Restless::new(1));
/// ```
#[derive(Debug)]
pub struct Restless(RefCell<Random>);

impl Restless {
    /// A policy that decides the same with the same seed.
    pub fn new(seed: u64) -> Restless {
        Restless(RefCell::new(Random::new(seed)))
    }

    fn one_in(&self, chances: u64) -> bool {
        self.0.borrow_mut().below(chances) == 0
    }
}

impl Policy for Restless {
    fn start_of_marking(&self, inputs: &StartOfMarkingInputs) -> MarkingLimit {
        if inputs.can_start && self.one_in(4) { MarkingLimit::Hard } else { V8Policy.start_of_marking(inputs) }
    }

    fn select_collector(&self, inputs: &SelectCollectorInputs, profile: &Profile) -> (Collector, CollectorReason) {
        let chosen = V8Policy.select_collector(inputs, profile);
        if inputs.young_requested && self.one_in(2) { (Collector::Scavenge, CollectorReason::None) } else { chosen }
    }

    fn can_promote_young(
        &self,
        heap: &CanExpandInputs,
        young: &YoungRoomInputs,
        bytes: u64,
        profile: &Profile,
    ) -> bool {
        self.one_in(3) || V8Policy.can_promote_young(heap, young, bytes, profile)
    }

    fn evacuation_candidates(&self, pages: &[PageFill], _area: u64, _thresholds: &CompactionThresholds) -> Vec<u32> {
        pages.iter().filter(|_| self.one_in(3)).map(|fill| fill.page).collect()
    }

    fn promote_page(&self, inputs: &PagePromotionInputs) -> bool {
        inputs.can_expand && self.one_in(2)
    }
}
