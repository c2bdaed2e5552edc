//! The last part of an evacuation: every slot that may refer to a moved object is looked at.
//!
//! Which are to be looked at is known then: roots, recorded and remembered slots, and all that was moved. Each slot is looked at by itself,
//! and what is read of other objects is where they were moved to, which nobody writes any more. So a second thread helps, and the
//! outcome is the same in whatever order they come. It may touch what evacuation may.

use super::Mechanism;
use super::evacuate::Fresh;
use super::weak::{ephemeron_capacity, ephemeron_entries};
use crate::memory::{Bits, UpdateView, WORD};
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::object::word::{address as address_of, is_reference, moved_to};
use crate::space::pages::{CANDIDATE, FROM, LARGE, YOUNG};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Recorded slots that a thread takes at once.
const A_TURN: usize = 4096;
/// Bytes to be read for which a second thread is worth starting.
const ENOUGH_FOR_TWO: u64 = 1 << 20;

impl Mechanism {
    pub(super) fn update_pointers(&mut self, fresh: &[Fresh]) {
        let pages = &mut self.spaces.pages;
        let roots = &mut self.roots;
        let recorded = self.marking.take_recorded().skip(usize::from(on(Mutant::MissSlotInEvacuation)));
        let recorded = recorded.collect::<Vec<_>>();
        let moved_to = fresh.iter().filter_map(|part| match *part {
            Fresh::Run(..) if on(Mutant::MissFreshRunInEvacuation) => None,
            Fresh::Marked(_) if on(Mutant::MissPromotedPage) => None,
            Fresh::Run(start, end) => Some(Part::Objects(start, end)),
            Fresh::Marked(page) => Some(Part::Marked(pages.area_start(page), pages.page(page).end)),
        });
        let remembered = pages.remembered_slots().into_iter();
        let remembered = remembered.map(|page| Part::Remembered(pages.start(page), pages.start(page + 1)));
        let parts = recorded.chunks(A_TURN).map(Part::Recorded).chain(remembered).chain(moved_to).collect::<Vec<_>>();
        let (view, marks, slots) = pages.update_view();
        let update_root = |word: &mut u64| *word = updated(view, *word);
        roots.for_each_global(update_root);
        roots.for_each_stack(update_root);
        roots.weak.words_mut().iter_mut().filter(|word| is_reference(**word)).for_each(update_root);
        update_parts(&Updater { view, marks: marks.bits(), slots: slots.bits() }, &parts, self.marking.parallel);
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

/// What one thread does in one go. No two of them have a slot in common, and if they had, both would write the same.
enum Part<'p> {
    /// Objects, one behind the other.
    Objects(u64, u64),
    /// Memory in which those are objects that are marked.
    Marked(u64, u64),
    /// Memory in which slots are remembered.
    Remembered(u64, u64),
    /// Slots that the marker has recorded.
    Recorded(&'p [u64]),
}

impl Part<'_> {
    /// About so many bytes are read for it.
    fn weight(&self) -> u64 {
        match *self {
            Part::Objects(start, end) | Part::Marked(start, end) => end - start,
            Part::Remembered(start, end) => (end - start) / 8,
            Part::Recorded(slots) => slots.len() as u64 * WORD,
        }
    }
}

/// Does all parts. Whoever has nothing to do takes the next.
fn update_parts(updater: &Updater<'_>, parts: &[Part<'_>], parallel: bool) {
    if !parallel || parts.iter().map(Part::weight).sum::<u64>() < ENOUGH_FOR_TWO {
        return parts.iter().for_each(|part| updater.update(part));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            updater.update(part);
        }
    };
    std::thread::scope(|scope| {
        // Without a second thread this one does it all.
        let _ = std::thread::Builder::new().name("updater".into()).spawn_scoped(scope, work);
        work();
    });
}

/// What all threads look at.
struct Updater<'u> {
    view: UpdateView<'u>,
    marks: Bits<'u>,
    slots: Bits<'u>,
}

impl Updater<'_> {
    #[inline(never)]
    fn update(&self, part: &Part<'_>) {
        let view = self.view;
        match *part {
            Part::Objects(mut object, end) => {
                while object < end {
                    object += update_object(view, object);
                }
            }
            Part::Marked(mut at, end) => {
                while let Some(object) = self.marks.next_set(at, end) {
                    at = object + update_object(view, object);
                }
            }
            Part::Remembered(mut at, end) => {
                while let Some(slot) = self.slots.next_set(at, end) {
                    at = slot + WORD;
                    self.update_where_it_stays(slot);
                }
            }
            Part::Recorded(slots) => slots.iter().for_each(|&slot| self.update_where_it_stays(slot)),
        }
    }

    /// A slot whose object was moved itself is visited where it is now.
    #[inline(always)]
    fn update_where_it_stays(&self, slot: u64) {
        if self.view.flags(slot) & (FROM | CANDIDATE) == 0 {
            update_slot(self.view, slot);
        }
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
    for index in 0..header.tagged() {
        update_slot(view, object + WORD + index * WORD);
    }
    header.bytes()
}
