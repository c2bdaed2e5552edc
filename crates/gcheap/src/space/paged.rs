//! Old, code and trusted space: pages, a free list, and one linear allocation area.
//!
//! Allocation bumps in the linear allocation area; a new area is a whole free block. A page that waits for the sweeper
//! has no block in the list. What holds between calls: `size` is the sum of the pages' `allocated`, `capacity` the sum
//! of their usable areas.

use super::free_list::{FreeList, Origin};
use super::pages::Pages;
use crate::event::SpaceName;
use crate::memory::{Refused, WORD};
use crate::mutants::{Mutant, on};
use crate::object::{Header, Kind};

pub(crate) struct PagedSpace {
    pub(crate) name: SpaceName,
    /// In the order in which they were taken.
    pub(crate) pages: Vec<u64>,
    pub(crate) free_list: FreeList,
    /// Pages that wait for the sweeper, the next one last.
    pub(crate) to_sweep: Vec<u64>,
    /// A collection moves objects into this space.
    pub(crate) evacuating: bool,
    /// So many of the last of them may be swept while a collection evacuates.
    pub(crate) sweepable: usize,
    /// And so many of these for each refill, at most.
    pub(crate) swept_a_refill: usize,
    /// Linear allocation area: next free byte and end. Both 0 when there is none.
    pub(crate) top: u64,
    pub(crate) limit: u64,
    /// Bytes of pages that are in no free block; the whole linear allocation area counts.
    pub(crate) size: u64,
    /// Bytes of usable areas.
    pub(crate) capacity: u64,
    pub(crate) committed: u64,
    /// Bytes in holes too small for the list.
    pub(crate) wasted: u64,
    /// Objects allocated while this is set are marked at once.
    pub(crate) black_allocation: bool,
    /// The unused rest of the linear allocation area counts as an object.
    pub(crate) counts_open_area: bool,
}

impl PagedSpace {
    pub(crate) fn new(name: SpaceName) -> Self {
        PagedSpace {
            name,
            pages: Vec::new(),
            free_list: FreeList::default(),
            to_sweep: Vec::new(),
            evacuating: false,
            sweepable: 0,
            swept_a_refill: 0,
            top: 0,
            limit: 0,
            size: 0,
            capacity: 0,
            committed: 0,
            wasted: 0,
            black_allocation: false,
            counts_open_area: false,
        }
    }

    /// Bytes of objects: the unused rest of the linear allocation area does not count, unless the version counts it.
    pub(crate) fn objects(&self) -> u64 {
        if self.counts_open_area { self.size } else { self.size - (self.limit - self.top) }
    }

    /// Bytes that can be had without a new page.
    pub(crate) fn available(&self) -> u64 {
        self.free_list.available + (self.limit - self.top)
    }

    /// The fast path.
    #[inline(always)]
    pub(crate) fn bump(&mut self, bytes: u64) -> Option<u64> {
        let address = self.top;
        if self.limit - address < bytes {
            return None;
        }
        self.top = address + bytes;
        Some(address)
    }

    /// Gives the unused rest of the linear allocation area back to the free list.
    pub(crate) fn free_linear_area(&mut self, pages: &mut Pages) {
        let (top, rest) = (self.top, self.limit - self.top);
        self.top = 0;
        self.limit = 0;
        if rest > 0 {
            self.free(pages, top, rest);
        }
    }

    /// Lays the linear allocation area aside: it stays allocated, and nothing is put there until it is taken up again.
    pub(crate) fn lay_aside(&mut self, pages: &mut Pages) -> (u64, u64) {
        self.make_iterable(pages);
        (std::mem::take(&mut self.top), std::mem::take(&mut self.limit))
    }

    /// Goes on with a linear allocation area that was laid aside. There must be no other one.
    pub(crate) fn take_up(&mut self, area: (u64, u64)) {
        (self.top, self.limit) = area;
    }

    /// A run of bytes of a swept page is free.
    pub(crate) fn free(&mut self, pages: &mut Pages, address: u64, bytes: u64) {
        let waste = self.free_list.add(&mut pages.memory, address, bytes);
        self.size -= bytes;
        self.wasted += waste;
        let number = pages.number(address) as u64;
        let page = pages.page_mut(number);
        page.allocated -= bytes;
        page.wasted += waste;
    }

    /// Makes a free block of at least `bytes` the linear allocation area.
    pub(crate) fn refill_from_free_list(&mut self, pages: &mut Pages, bytes: u64, origin: Origin) -> bool {
        self.free_linear_area(pages);
        let Some((address, size)) = self.free_list.take(&mut pages.memory, bytes, origin) else { return false };
        let number = pages.number(address) as u64;
        pages.page_mut(number).allocated += size;
        self.size += size;
        self.top = address;
        self.limit = address + size;
        true
    }

    /// Maps a page and adds its area to the free list.
    pub(crate) fn expand(&mut self, pages: &mut Pages) -> Result<(), Refused> {
        let page = pages.take(self.name, 0, false)?;
        let (start, end) = (pages.area_start(page), pages.page(page).end);
        self.adopt(pages, page);
        pages.page_mut(page).allocated = end - start;
        self.size += end - start;
        self.free(pages, start, end - start);
        Ok(())
    }

    /// Takes over a page that is mapped already (its `allocated` is to be set by the caller).
    pub(crate) fn adopt(&mut self, pages: &mut Pages, page: u64) {
        let area = pages.page(page).end - pages.area_start(page);
        self.pages.push(page);
        self.capacity += area;
        self.committed += pages.page(page).committed;
    }

    /// Takes a page out of the books; the caller releases it. Its blocks must not be in the free list.
    pub(crate) fn remove(&mut self, pages: &Pages, page: u64) {
        let area = pages.page(page).end - pages.area_start(page);
        self.capacity -= area;
        self.committed -= pages.page(page).committed;
        self.size -= pages.page(page).allocated;
        self.wasted -= pages.page(page).wasted;
    }

    /// Sweeps one page into the free list: what lies between the marked objects is free. Reads no dead object.
    /// Returns the bytes freed.
    pub(crate) fn sweep(&mut self, pages: &mut Pages, page: u64) -> u64 {
        let (start, end) = (pages.area_start(page), pages.page(page).end);
        // Live bytes were put into the books when marking ended; from here on the page is allocated but for its holes.
        let live = pages.page(page).allocated;
        self.size += (end - start) - live;
        pages.page_mut(page).allocated = end - start;
        pages.page_mut(page).unswept = false;
        self.forget_slots(pages, page);
        let mut free_start = if on(Mutant::SweepMarkedObject) { start + WORD } else { start };
        while let Some(object) = pages.marks.next_set(free_start, end) {
            if object > free_start {
                self.free(pages, free_start, object - free_start);
            }
            free_start =
                object + Header(pages.memory.word(object)).bytes() - WORD * u64::from(on(Mutant::FreeListOverlap));
        }
        if free_start < end {
            self.free(pages, free_start, end - free_start);
        }
        let page_start = pages.start(page);
        pages.marks.clear_run(page_start, pages.geometry.page_size());
        pages.set_live(page, 0);
        (end - start) - live
    }

    /// While a collection evacuates, slots of dead objects are still remembered: what comes to lie there is not theirs.
    fn forget_slots(&self, pages: &mut Pages, page: u64) {
        if !self.evacuating {
            return;
        }
        let (mut dead, end) = (pages.area_start(page), pages.page(page).end);
        while let Some(object) = pages.marks.next_set(dead, end) {
            pages.slots.clear_words(dead, object);
            dead = object + Header(pages.memory.word(object)).bytes();
        }
        pages.slots.clear_words(dead, end);
    }

    /// Sweeps the next page that waits; false if none does.
    pub(crate) fn sweep_one(&mut self, pages: &mut Pages) -> bool {
        match self.to_sweep.pop() {
            Some(page) => {
                self.sweep(pages, page);
                true
            }
            None => false,
        }
    }

    pub(crate) fn finish_sweeping(&mut self, pages: &mut Pages) {
        while self.sweep_one(pages) {}
    }

    /// Allocation by a collector: never refused by a limit, only by the system.
    #[inline]
    pub(crate) fn allocate_in_gc(&mut self, pages: &mut Pages, bytes: u64) -> Result<u64, Refused> {
        match self.bump(bytes) {
            Some(address) => Ok(address),
            None => self.allocate_in_gc_slow(pages, bytes),
        }
    }

    #[cold]
    fn allocate_in_gc_slow(&mut self, pages: &mut Pages, bytes: u64) -> Result<u64, Refused> {
        let mut left = self.sweepable.min(self.swept_a_refill);
        while !self.refill_from_free_list(pages, bytes, Origin::Collector) {
            if left == 0 {
                self.expand(pages)?;
                self.refill_from_free_list(pages, bytes, Origin::Collector);
                break;
            }
            left -= 1;
            self.sweepable -= 1;
            self.sweep_one(pages);
        }
        self.bump(bytes).ok_or(Refused { bytes })
    }

    /// Cuts the last page off behind its objects so that about `committed` bytes are left in all. The linear allocation area
    /// must lie on it.
    pub(crate) fn cut_last_page(&mut self, pages: &mut Pages, committed: u64) {
        let Some(&page) = self.pages.last() else { return };
        let start = pages.start(page);
        if self.limit != pages.page(page).end || self.top < start {
            return;
        }
        let before = (self.pages.len() as u64 - 1) * pages.geometry.page_size();
        let keep = committed.saturating_sub(before).clamp(1, pages.geometry.page_size()) + start;
        let old = pages.page(page).clone();
        pages.shrink(page, keep.max(self.top));
        let cut = old.end - pages.page(page).end;
        let entry = pages.page_mut(page);
        entry.immovable = true;
        entry.allocated -= cut;
        self.limit -= cut;
        self.size -= cut;
        self.capacity -= cut;
        self.committed -= old.committed - pages.page(page).committed;
    }

    /// Writes the rest of the linear allocation area as free memory so that the page can be walked.
    pub(crate) fn make_iterable(&self, pages: &mut Pages) {
        let rest = self.limit - self.top;
        if rest >= WORD {
            pages.memory.set_word(self.top, Header::new(Kind::Filler, 0, rest / WORD, 0).0);
        }
    }
}
