//! The last part of an evacuation: every slot that may refer to a moved object is looked at.
//!
//! Which are to be looked at is known then: roots, recorded and remembered slots, and all that was moved. The last is the most, each object of
//! it is looked at by itself, and what is read of others is where they were moved to, which nobody writes any more. So a second
//! thread helps, and the outcome is the same. It may touch what evacuation may.

use super::Mechanism;
use super::evacuate::Fresh;
use super::weak::{ephemeron_capacity, ephemeron_entries};
use crate::memory::{Bits, UpdateView, WORD};
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::object::word::{address as address_of, is_reference, moved_to};
use crate::space::pages::{CANDIDATE, FROM, LARGE, YOUNG};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of moved objects for which a second thread is worth starting.
const ENOUGH_FOR_TWO: u64 = 1 << 20;

impl Mechanism {
    pub(super) fn update_pointers(&mut self, fresh: &[Fresh]) {
        let pages = &mut self.spaces.pages;
        let roots = &mut self.roots;
        let slot_pages = pages.remembered_slots().into_iter().map(|page| (pages.start(page), pages.start(page + 1)));
        let slot_pages = slot_pages.collect::<Vec<_>>();
        let parts = fresh.iter().filter_map(|part| match *part {
            Fresh::Run(..) if on(Mutant::MissFreshRunInEvacuation) => None,
            Fresh::Marked(_) if on(Mutant::MissPromotedPage) => None,
            Fresh::Run(start, end) => Some(Part { start, end, is_marked: false }),
            Fresh::Marked(page) => {
                Some(Part { start: pages.area_start(page), end: pages.page(page).end, is_marked: true })
            }
        });
        let parts = parts.collect::<Vec<_>>();
        let (view, marks, slots) = pages.update_view();
        let update_root = |word: &mut u64| *word = updated(view, *word);
        roots.for_each_global(update_root);
        roots.for_each_stack(update_root);
        roots.weak.words_mut().iter_mut().filter(|word| is_reference(**word)).for_each(update_root);
        // A slot whose object was moved itself is visited where it is now.
        let stays = |slot: u64| view.flags(slot) & (FROM | CANDIDATE) == 0;
        let recorded = self.marking.take_recorded().skip(usize::from(on(Mutant::MissSlotInEvacuation)));
        recorded.filter(|&slot| stays(slot)).for_each(|slot| update_slot(view, slot));
        for (mut at, end) in slot_pages {
            while let Some(slot) = slots.next_set(at, end) {
                at = slot + WORD;
                if stays(slot) {
                    update_slot(view, slot);
                }
            }
        }
        update_parts(view, marks.bits(), &parts, self.marking.parallel);
        let place = |address: u64| moved(view, address).unwrap_or(address);
        self.weak.update(|address| Some(place(address)));
        if self.promotes_all {
            self.buffers.update_all(place);
        } else {
            self.buffers.update_by_age(place, |address| view.flags(address) & (YOUNG | FROM) == YOUNG);
        }
        for table in &self.weak.ephemeron_tables {
            let capacity = ephemeron_capacity(&self.spaces.pages.memory, table.address);
            let (view, ..) = self.spaces.pages.update_view();
            for (key_slot, value_slot) in ephemeron_entries(table.address, capacity) {
                update_slot(view, key_slot);
                update_slot(view, value_slot);
            }
        }
    }
}

/// A run of objects, or of memory in which some are marked.
#[derive(Clone, Copy)]
struct Part {
    start: u64,
    end: u64,
    is_marked: bool,
}

/// Updates the slots of the objects in these parts, which do not overlap. Whoever has nothing to do takes the next.
fn update_parts(view: UpdateView<'_>, marks: Bits<'_>, parts: &[Part], parallel: bool) {
    let bytes = parts.iter().map(|part| part.end - part.start).sum::<u64>();
    if !parallel || bytes < ENOUGH_FOR_TWO {
        return parts.iter().for_each(|&part| update_part(view, marks, part));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            update_part(view, marks, part);
        }
    };
    std::thread::scope(|scope| {
        // Without a second thread this one does it all.
        let _ = std::thread::Builder::new().name("updater".into()).spawn_scoped(scope, work);
        work();
    });
}

#[inline(never)]
fn update_part(view: UpdateView<'_>, marks: Bits<'_>, part: Part) {
    let mut object = part.start;
    loop {
        if part.is_marked {
            let Some(next) = marks.next_set(object, part.end) else { return };
            object = next;
        }
        if object >= part.end {
            return;
        }
        object += update_object(view, object);
    }
}

#[inline(always)]
fn moved(view: UpdateView<'_>, address: u64) -> Option<u64> {
    let flags = view.flags(address);
    if flags & (FROM | CANDIDATE) == 0 || flags & LARGE != 0 {
        return None;
    }
    let first = view.word(address);
    (!Header::is_present(first)).then_some(first)
}

#[inline(always)]
fn updated(view: UpdateView<'_>, word: u64) -> u64 {
    match moved(view, address_of(word)) {
        Some(target) => moved_to(word, target),
        None => word,
    }
}

#[inline(always)]
fn update_slot(view: UpdateView<'_>, slot: u64) {
    let word = view.word(slot);
    if is_reference(word) {
        let now = updated(view, word);
        if now != word {
            view.set_word(slot, now);
        }
    }
}

/// Updates the slots of an object; its size.
#[inline(always)]
fn update_object(view: UpdateView<'_>, object: u64) -> u64 {
    let header = Header(view.word(object));
    for index in 1..=header.tagged() {
        update_slot(view, object + index * WORD);
    }
    header.bytes()
}
