//! A young collection that looks at nothing: the pages of a nursery become old as they are.
//!
//! What is dead on them stays until the next full collection. What holds is what holds after a scavenge: nothing is young any
//! more, so no slot is remembered.

use super::Mechanism;
use super::scavenge::Scavenged;
use crate::event::SpaceName;
use crate::mutants::{Mutant, on};
use crate::object::word::is_reference;
use crate::space::pages::{BELOW_AGE_MARK, FROM, YOUNG};

impl Mechanism {
    /// Whether something but a reference hangs on a young object: what is weak, and array buffers.
    pub(crate) fn watches_young(&self) -> bool {
        let weak_handles = self.roots.weak.words().iter().any(|&word| is_reference(word));
        weak_handles || !self.weak.is_empty() || self.buffers.has_young()
    }

    /// Makes the nursery old. Neither may marking be active, nor may anything watch what is young.
    pub(crate) fn hand_over_nursery(&mut self) -> Scavenged {
        let spaces = &mut self.spaces;
        let promoted = spaces.young_objects();
        for (page, objects_end) in spaces.new.hand_over(&mut spaces.pages) {
            let (start, end) = (spaces.pages.area_start(page), spaces.pages.page(page).end);
            spaces.pages.set_flags(page, 0, YOUNG | FROM | BELOW_AGE_MARK);
            let entry = spaces.pages.page_mut(page);
            entry.owner = Some(SpaceName::Old);
            entry.allocated = end - start;
            spaces.old.adopt(&mut spaces.pages, page);
            spaces.old.size += end - start;
            if objects_end < end && !on(Mutant::KeepRestOfNursery) {
                spaces.old.free(&mut spaces.pages, objects_end, end - objects_end);
            }
        }
        for page in std::mem::take(&mut spaces.new_large.objects) {
            spaces.new_large.forget(&spaces.pages, page);
            spaces.large.adopt(&mut spaces.pages, page);
        }
        for page in spaces.pages.remembered_slots() {
            spaces.pages.clear_remembered_slot_page(page);
        }
        // A refusal leaves no room; the allocation that asked for the collection tries again, and says so.
        let _ = spaces.new.commit_to(&mut spaces.pages);
        Scavenged { promoted, ..Scavenged::default() }
    }
}
