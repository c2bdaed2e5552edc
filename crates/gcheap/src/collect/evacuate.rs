//! The end of a full collection: sweep is started, young survivors and chosen pages are evacuated, pointers updated.
//!
//! Every object alive in the young generation becomes old: whole pages are handed over where they are mostly alive,
//! otherwise objects are copied. A page whose evacuation finds no memory is kept as it is and swept like any other,
//! so this never fails; what could not be moved is reported.

use super::Mechanism;
use crate::event::SpaceName;
use crate::memory::Reservation;
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::space::pages::{BELOW_AGE_MARK, CANDIDATE, FROM, Pages, YOUNG};

/// Whether a new-space page is handed over whole: live bytes, capacity of the old generation, mapped bytes.
pub(crate) type PromotePage<'p> = &'p dyn Fn(u64, u64, u64) -> bool;

/// What a full collection did, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evacuated {
    /// Young bytes that are old now.
    pub(crate) promoted: u64,
    /// Young bytes that were copied and are still young.
    pub(crate) copied: u64,
    /// Bytes copied out of evacuation candidates.
    pub(crate) compacted: u64,
    /// Evacuation candidates that were emptied and released.
    pub(crate) compacted_pages: u64,
    /// Young pages that were handed over whole.
    pub(crate) promoted_pages: u64,
    /// Young pages that had to be kept because no memory could be had: to be reported as fatal.
    pub(crate) refused_pages: u64,
    /// Backing-store bytes of dead array buffers.
    pub(crate) freed_backing_stores: u64,
    /// Finalization callbacks were queued.
    pub(crate) queued_finalizers: bool,
    /// Entries of ephemeron tables.
    pub(crate) ephemerons: super::weak::EphemeronEntries,
}

/// A run of freshly copied objects, or a page with marked ones, whose slots must be looked at.
pub(super) enum Fresh {
    Run(u64, u64),
    Marked(u64),
}

impl Fresh {
    /// One copied object more; runs that touch become one.
    pub(super) fn push(fresh: &mut Vec<Fresh>, target: u64, bytes: u64) {
        match fresh.last_mut() {
            Some(Fresh::Run(_, end)) if *end == target => *end = target + bytes,
            _ => fresh.push(Fresh::Run(target, target + bytes)),
        }
    }
}

/// The evacuation of a page ends at an object that found no memory: the marks and live bytes of what stays.
pub(super) fn keep_from(pages: &mut Pages, page: u64, object: u64) {
    let (start, live) = (pages.area_start(page), pages.live(page));
    let moved = pages.clear_marks_before(start, object);
    pages.set_live(page, live - moved);
}

impl Mechanism {
    /// Starts a marking cycle with these pages to be evacuated. Sweeping must be finished, linear areas freed.
    pub(crate) fn start_marking(&mut self, candidates: Vec<u64>) {
        debug_assert!(!self.spaces.is_sweeping());
        self.marking.active = true;
        for &page in &candidates {
            self.spaces.pages.set_flags(page, CANDIDATE, 0);
        }
        let (paged, pages) = self.spaces.paged_mut();
        for space in paged {
            space.black_allocation = true;
            if !candidates.is_empty() {
                // What is on a candidate must not be allocated from; its blocks stay counted as waste of the page.
                let shift = pages.geometry.shift;
                let is_candidate = |address: u64| candidates.contains(&(address >> shift));
                let dropped = space.free_list.retain(&mut pages.memory, |address| !is_candidate(address));
                space.wasted += dropped;
                for &page in &candidates {
                    if pages.page(page).owner == Some(space.name) {
                        let free = pages.page(page).end - pages.area_start(page) - pages.page(page).allocated;
                        pages.page_mut(page).wasted = free;
                    }
                }
            }
        }
        self.marking.candidates = candidates;
    }

    /// Marks everything that is alive, the stack included, and clears what is weak.
    pub(crate) fn finish_marking(&mut self) -> Evacuated {
        self.mark_global_roots();
        self.mark_stack_roots();
        self.drain_marking(u64::MAX);
        self.mark_ephemerons();
        let (queued_finalizers, ephemerons) = self.clear_weak();
        // A queued callback needs its cell, which is alive, so nothing new can be reached here but through it.
        self.mark_global_roots();
        self.drain_marking(u64::MAX);
        let marks = &self.spaces.pages.marks;
        let freed_backing_stores = self.buffers.sweep_all(|address| marks.get(address));
        Evacuated { freed_backing_stores, queued_finalizers, ephemerons, ..Evacuated::default() }
    }

    /// Frees and moves. `done` is what [`Self::finish_marking`] returned.
    pub(crate) fn evacuate(&mut self, promote_page: PromotePage<'_>, done: Evacuated) -> Evacuated {
        let mut result = done;
        let candidates = std::mem::take(&mut self.marking.candidates);
        self.start_sweep(&candidates);
        self.sweep_while_evacuating(self.evacuation_sweeps);
        let mut fresh = Vec::new();
        let mut aborted = Vec::new();
        self.sweep_large(&mut fresh, &mut result);
        if self.promotes_all {
            self.evacuate_new_space(promote_page, &mut fresh, &mut aborted, &mut result);
        } else {
            self.evacuate_new_space_by_age(promote_page, &mut fresh, &mut aborted, &mut result);
        }
        let released = self.evacuate_candidates(candidates, &mut fresh, &mut aborted, &mut result);
        self.sweep_while_evacuating(0);
        self.update_pointers(&fresh);
        let to_young = if self.promotes_all { Vec::new() } else { self.slots_to_young(&fresh) };

        let spaces = &mut self.spaces;
        spaces.old.free_linear_area(&mut spaces.pages);
        spaces.code.free_linear_area(&mut spaces.pages);
        spaces.trusted.free_linear_area(&mut spaces.pages);
        for page in released {
            spaces.pages.release(page);
        }
        for page in aborted {
            spaces.pages.set_flags(page, 0, CANDIDATE | FROM | YOUNG | BELOW_AGE_MARK);
        }
        for page in [spaces.new.to.clone(), spaces.new.from.clone()].concat() {
            let (start, bytes) = (spaces.pages.start(page), spaces.pages.geometry.page_size());
            spaces.pages.marks.clear_run(start, bytes);
            spaces.pages.set_live(page, 0);
        }
        spaces.new.flip_if_lazy();
        // Where nothing young is left, nothing is remembered.
        for slot_page in spaces.pages.remembered_slots() {
            spaces.pages.clear_remembered_slot_page(slot_page);
        }
        if to_young.is_empty() {
            spaces.pages.nothing_is_remembered();
        }
        for slot in to_young {
            spaces.pages.remember(slot);
        }
        let (paged, _) = spaces.paged_mut();
        for space in paged {
            space.black_allocation = false;
        }
        // A refusal leaves a smaller to-space; the next collection tries again.
        let _ = spaces.new.commit_to(&mut spaces.pages);
        if self.promotes_all {
            spaces.new.reset(&spaces.pages);
        } else {
            // The semi-spaces have flipped: pages that were promoted whole are missing in from-space (V8 `NewSpace::Rebalance`).
            let _ = spaces.new.commit_from(&mut spaces.pages);
        }
        spaces.new.set_age_mark(&mut spaces.pages);
        self.marking.reset();
        result
    }

    /// The books take the live bytes; dead pages are released, all but the first of a space; others wait for the sweeper.
    fn start_sweep(&mut self, candidates: &[u64]) {
        let (paged, pages) = self.spaces.paged_mut();
        for space in paged {
            debug_assert!(space.top == space.limit);
            // A page on which nothing has died needs no sweeper: its blocks stay in the list, only its marks are cleared.
            let mut keeps_blocks = vec![false; space.pages.iter().max().map_or(0, |&page| page as usize + 1)];
            let mut any_blocks = false;
            for &page in &space.pages {
                let entry = pages.page(page);
                let free = entry.end - pages.area_start(page) - entry.allocated;
                if entry.allocated > 0 && entry.allocated == pages.live(page) && !candidates.contains(&page) {
                    keeps_blocks[page as usize] = true;
                    any_blocks |= free > entry.wasted;
                }
            }
            if any_blocks {
                let shift = pages.geometry.shift;
                let keeps = |address: u64| keeps_blocks.get((address >> shift) as usize) == Some(&true);
                space.free_list.retain(&mut pages.memory, keeps);
            } else {
                space.free_list.clear();
            }
            space.wasted = 0;
            let mut kept_empty = false;
            let mut queue = Vec::new();
            for page in std::mem::take(&mut space.pages) {
                if keeps_blocks[page as usize] {
                    let (start, bytes) = (pages.start(page), pages.geometry.page_size());
                    pages.marks.clear_run(start, bytes);
                    pages.set_live(page, 0);
                    space.wasted += pages.page(page).wasted;
                    space.pages.push(page);
                    continue;
                }
                let live = pages.live(page);
                let is_candidate = candidates.contains(&page);
                pages.page_mut(page).wasted = 0;
                if (live == 0 || live < 1024 && on(Mutant::ReleasePageEarly)) && !is_candidate {
                    if kept_empty {
                        space.remove(pages, page);
                        pages.release(page);
                        continue;
                    }
                    kept_empty = true;
                }
                space.size = space.size - pages.page(page).allocated + live;
                let entry = pages.page_mut(page);
                entry.allocated = live;
                entry.unswept = true;
                space.pages.push(page);
                if !is_candidate {
                    queue.push(page);
                }
            }
            // The sweeper takes from the end: first page first.
            queue.reverse();
            space.to_sweep = queue;
        }
    }

    /// From here on what is evacuated may fill holes of the pages that wait for the sweeper now; or not any more. Pages that join them
    /// later are not swept before their pointers are updated.
    fn sweep_while_evacuating(&mut self, pages_a_refill: usize) {
        let on = pages_a_refill > 0;
        for space in self.spaces.paged_mut().0 {
            space.evacuating = on;
            space.swept_a_refill = pages_a_refill;
            space.sweepable = if on { space.to_sweep.len() } else { 0 };
        }
    }

    fn sweep_large(&mut self, fresh: &mut Vec<Fresh>, result: &mut Evacuated) {
        let spaces = &mut self.spaces;
        let pages = &mut spaces.pages;
        for page in std::mem::take(&mut spaces.large.objects) {
            let address = pages.area_start(page);
            if pages.marks.get(address) {
                pages.marks.clear(address);
                pages.set_live(page, 0);
                spaces.large.objects.push(page);
            } else {
                spaces.large.forget(pages, page);
                pages.release(page);
            }
        }
        for page in std::mem::take(&mut spaces.new_large.objects) {
            let address = pages.area_start(page);
            spaces.new_large.forget(pages, page);
            if pages.marks.get(address) {
                pages.marks.clear(address);
                pages.set_live(page, 0);
                let bytes = pages.page(page).allocated;
                result.promoted += bytes;
                spaces.large.adopt(pages, page);
                fresh.push(Fresh::Run(address, address + bytes));
            } else {
                pages.release(page);
            }
        }
    }

    fn evacuate_new_space(
        &mut self,
        promote_page: PromotePage<'_>,
        fresh: &mut Vec<Fresh>,
        aborted: &mut Vec<u64>,
        result: &mut Evacuated,
    ) {
        let used = self.spaces.new.used_pages().to_vec();
        if let Some(&last) = used.last() {
            let spaces = &mut self.spaces;
            let (top, end) = (spaces.new.top, spaces.pages.page(last).end);
            crate::space::new_space::write_filler(&mut spaces.pages, top, end);
        }
        for page in used {
            let live = self.spaces.pages.live(page);
            if live == 0 {
                continue;
            }
            result.promoted += live;
            let is_promoted = promote_page(live, self.spaces.old_generation_capacity(), self.spaces.pages.mapped);
            if is_promoted {
                self.count_mementos_of(page, is_promoted);
                self.hand_over(page, live);
                result.promoted_pages += 1;
                self.spaces.pages.set_flags(page, 0, FROM | YOUNG | BELOW_AGE_MARK);
                fresh.push(Fresh::Marked(page));
                continue;
            }
            self.spaces.pages.set_flags(page, FROM, 0);
            if !self.evacuate_page(page, SpaceName::Old, fresh) {
                result.refused_pages += 1;
                let live = self.spaces.pages.live(page);
                self.hand_over(page, live);
                fresh.push(Fresh::Marked(page));
                aborted.push(page);
            }
        }
    }

    /// Survivors of a full collection count for their allocation sites as those of a scavenge do.
    pub(super) fn count_mementos_of(&mut self, page: u64, is_promoted: bool) {
        if !self.count_mementos || (is_promoted && !self.count_mementos_of_promoted_pages) {
            return;
        }
        self.count_mementos_from(self.spaces.pages.area_start(page), self.spaces.pages.page(page).end);
    }

    fn count_mementos_from(&mut self, mut at: u64, end: u64) {
        while let Some(object) = self.spaces.pages.marks.next_set(at, end) {
            let header = Header(self.spaces.pages.memory.word(object));
            self.count_memento(object, header);
            at = object + header.bytes();
        }
    }

    /// A new-space page becomes an old page that waits for the sweeper.
    pub(super) fn hand_over(&mut self, page: u64, live: u64) {
        let spaces = &mut self.spaces;
        spaces.new.to.retain(|&other| other != page);
        spaces.new.from.retain(|&other| other != page);
        spaces.pages.page_mut(page).owner = Some(SpaceName::Old);
        spaces.old.adopt(&mut spaces.pages, page);
        let entry = spaces.pages.page_mut(page);
        entry.allocated = live;
        entry.unswept = true;
        spaces.old.size += live;
        spaces.old.to_sweep.insert(0, page);
    }

    fn evacuate_candidates(
        &mut self,
        candidates: Vec<u64>,
        fresh: &mut Vec<Fresh>,
        aborted: &mut Vec<u64>,
        result: &mut Evacuated,
    ) -> Vec<u64> {
        let mut released = Vec::new();
        for page in candidates {
            let Some(owner) = self.spaces.pages.page(page).owner else { continue };
            let live = self.spaces.pages.live(page);
            let moved = self.evacuate_page(page, owner, fresh);
            let left = if moved { 0 } else { self.spaces.pages.live(page) };
            result.compacted += live - left;
            let spaces = &mut self.spaces;
            let space = match owner {
                SpaceName::Code => &mut spaces.code,
                SpaceName::Trusted => &mut spaces.trusted,
                _ => &mut spaces.old,
            };
            if moved {
                result.compacted_pages += 1;
                space.remove(&spaces.pages, page);
                space.pages.retain(|&other| other != page);
                released.push(page);
            } else {
                space.size = space.size - live + left;
                spaces.pages.page_mut(page).allocated = left;
                space.to_sweep.insert(0, page);
                fresh.push(Fresh::Marked(page));
                aborted.push(page);
            }
        }
        released
    }

    /// Copies the marked objects of a page; false if memory ran out, with the marks and live bytes of those that stay. Of a
    /// young page the mementos are counted.
    fn evacuate_page(&mut self, page: u64, owner: SpaceName, fresh: &mut Vec<Fresh>) -> bool {
        let (mut at, end) = (self.spaces.pages.area_start(page), self.spaces.pages.page(page).end);
        let counts = self.count_mementos && self.spaces.pages.page_flags(page) & YOUNG != 0;
        while let Some(object) = self.spaces.pages.marks.next_set(at, end) {
            let header = Header(self.spaces.pages.memory.word(object));
            let (bytes, words) = (header.bytes(), header.words());
            let spaces = &mut self.spaces;
            let pages = &mut spaces.pages;
            let target_space = match owner {
                SpaceName::Code => &mut spaces.code,
                SpaceName::Trusted => &mut spaces.trusted,
                _ => &mut spaces.old,
            };
            let Ok(target) = target_space.allocate_in_gc(pages, bytes) else {
                keep_from(pages, page, object);
                if counts {
                    self.count_mementos_from(object, end);
                }
                return false;
            };
            if words <= Reservation::MOST_IN_A_RUN {
                pages.memory.move_object(target, object, header.0, words);
            } else {
                pages.memory.copy_words(target, object, words);
                pages.memory.set_word(object, target);
            }
            Fresh::push(fresh, target, bytes);
            if counts {
                self.count_memento(object, header);
            }
            at = object + bytes;
        }
        true
    }
}
