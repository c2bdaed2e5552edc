//! The young part of a full collection as V8 did it up to 7.8: survivors of their first collection stay young.
//!
//! As in a scavenge the semi-spaces flip; what lies below the age mark is promoted, what lies above it is copied to
//! to-space. So slots of old objects may lead to young ones afterwards, and the remembered set is made anew. What
//! holds is what holds after [`evacuate`](super::evacuate): nothing is left in from-space, and a page that found no
//! memory is kept and reported.

use super::Mechanism;
use super::evacuate::{Evacuated, Fresh, PromotePage, keep_from};
use crate::memory::WORD;
use crate::object::Header;
use crate::object::word::is_reference;
use crate::space::pages::{BELOW_AGE_MARK, CANDIDATE, FROM, Pages, YOUNG};

impl Mechanism {
    pub(super) fn evacuate_new_space_by_age(
        &mut self,
        promote_page: PromotePage<'_>,
        fresh: &mut Vec<Fresh>,
        aborted: &mut Vec<u64>,
        result: &mut Evacuated,
    ) {
        let used = self.spaces.new.used_pages().to_vec();
        let age_mark = self.spaces.new.age_mark();
        let age_mark_page = self.spaces.pages.number(age_mark) as u64;
        self.spaces.new.flip(&mut self.spaces.pages);
        for page in used {
            let live = self.spaces.pages.live(page);
            if live == 0 {
                continue;
            }
            let aged = self.spaces.pages.page_flags(page) & BELOW_AGE_MARK != 0;
            let wholly_aged = aged && page != age_mark_page;
            let is_promoted =
                wholly_aged && promote_page(live, self.spaces.old_generation_capacity(), self.spaces.pages.mapped);
            self.count_mementos_of(page, is_promoted);
            if is_promoted {
                self.hand_over(page, live);
                result.promoted += live;
                result.promoted_pages += 1;
                self.spaces.pages.set_flags(page, 0, FROM | YOUNG | BELOW_AGE_MARK);
                fresh.push(Fresh::Marked(page));
                continue;
            }
            let promoted_below = match (aged, wholly_aged) {
                (true, true) => u64::MAX,
                (true, false) => age_mark,
                (false, _) => 0,
            };
            if !self.evacuate_young_page(page, promoted_below, fresh, result) {
                result.refused_pages += 1;
                let live = self.spaces.pages.live(page);
                result.promoted += live;
                self.hand_over(page, live);
                fresh.push(Fresh::Marked(page));
                aborted.push(page);
            }
        }
    }

    /// Moves the marked objects of a from-page: those below `promoted_below` to old space, the others to to-space, and either to
    /// the other where there is no room. False if memory ran out, with the marks and live bytes of those that stay.
    fn evacuate_young_page(
        &mut self,
        page: u64,
        promoted_below: u64,
        fresh: &mut Vec<Fresh>,
        result: &mut Evacuated,
    ) -> bool {
        let spaces = &mut self.spaces;
        let (mut at, end) = (spaces.pages.area_start(page), spaces.pages.page(page).end);
        while let Some(object) = spaces.pages.marks.next_set(at, end) {
            let header = Header(spaces.pages.memory.word(object));
            let bytes = header.bytes();
            at = object + bytes;
            let (new, old, pages) = (&mut spaces.new, &mut spaces.old, &mut spaces.pages);
            let mut copy = |pages: &mut Pages| new.allocate_in_gc(pages, bytes);
            let copied = if object < promoted_below { None } else { copy(pages) };
            let target = match copied {
                Some(target) => Some(target),
                None => old.allocate_in_gc(pages, bytes).ok().or_else(|| copy(pages)),
            };
            let Some(target) = target else {
                keep_from(pages, page, object);
                return false;
            };
            *if pages.flags(target) & YOUNG != 0 { &mut result.copied } else { &mut result.promoted } += bytes;
            pages.memory.copy_words(target, object, header.words());
            pages.memory.set_word(object, target);
            Fresh::push(fresh, target, bytes);
        }
        true
    }

    /// Slots of live old objects that lead to young ones, once all pointers are updated.
    pub(super) fn slots_to_young(&self, fresh: &[Fresh]) -> Vec<u64> {
        let pages = &self.spaces.pages;
        let mut slots = Vec::new();
        for slot_page in pages.remembered_slots() {
            let (mut at, end) = (pages.start(slot_page), pages.start(slot_page + 1));
            let Some(page) = pages.find(at) else { continue };
            if pages.page_flags(page) & (FROM | CANDIDATE) != 0 {
                continue;
            }
            if pages.page(page).unswept {
                // Of what waits for the sweeper only the marked objects are there.
                while let Some(object) = pages.marks.next_set(at, end) {
                    at = object + young_slots_of(pages, object, &mut slots);
                }
                continue;
            }
            while let Some(slot) = pages.slots.next_set(at, end) {
                at = slot + WORD;
                if leads_to_young(pages, slot) {
                    slots.push(slot);
                }
            }
        }
        for part in fresh {
            match *part {
                Fresh::Run(start, _) if pages.flags(start) & YOUNG != 0 => {}
                Fresh::Run(start, end) => {
                    let mut object = start;
                    while object < end {
                        object += young_slots_of(pages, object, &mut slots);
                    }
                }
                Fresh::Marked(page) => {
                    let (mut at, end) = (pages.area_start(page), pages.page(page).end);
                    while let Some(object) = pages.marks.next_set(at, end) {
                        at = object + young_slots_of(pages, object, &mut slots);
                    }
                }
            }
        }
        slots
    }
}

fn leads_to_young(pages: &Pages, slot: u64) -> bool {
    let word = pages.memory.word(slot);
    is_reference(word) && pages.flags(word) & (YOUNG | FROM) == YOUNG
}

/// Collects the slots of an object that lead to young objects; the size of the object.
fn young_slots_of(pages: &Pages, object: u64, slots: &mut Vec<u64>) -> u64 {
    let header = Header(pages.memory.word(object));
    let all = (1..=header.tagged()).map(|index| object + index * WORD);
    slots.extend(all.filter(|&slot| leads_to_young(pages, slot)));
    header.bytes()
}
