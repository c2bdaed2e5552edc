//! Pages: what is known about every page slot of the reservation, in tables beside it.
//!
//! What the barrier and the collectors ask per object (`flags`) is one byte a page in its own table; the rest is in
//! [`Page`]. A large object owns a run of slots; its first slot carries the page, the others repeat the flags.

use crate::event::SpaceName;
use crate::memory::backend::BackendKind;
use crate::memory::{
    BitTable, Half, MarkView, MutatorView, OS_PAGE, PageSlots, Refused, Reservation, SMALL_HEAP, SideTables, Table,
    UpdateView, Whole,
};
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::space::resident::ResidentFree;

/// In new space or new large-object space.
pub(crate) const YOUNG: u8 = 1;
/// Young, and under evacuation by the collection that is running.
pub(crate) const FROM: u8 = 2;
/// Chosen for evacuation by the marking that is running.
pub(crate) const CANDIDATE: u8 = 4;
/// Everything on this page (or, on the page of the age mark, below it) survived a scavenge.
pub(crate) const BELOW_AGE_MARK: u8 = 8;
/// One large object.
pub(crate) const LARGE: u8 = 16;
/// An object of this from-page could not be moved and stays.
pub(crate) const PINNED: u8 = 32;

/// How the address space is cut into pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// log2 of the page size.
    pub(crate) shift: u32,
    /// Bytes at the start of each page that hold no objects (V8 `MemoryChunkLayout::ObjectStartOffsetInDataPage`).
    pub(crate) header: u64,
    /// Larger objects get a run of pages of their own (V8 `kMaxRegularHeapObjectSize`).
    pub(crate) max_regular: u64,
}

impl Geometry {
    pub(crate) fn page_size(&self) -> u64 {
        1 << self.shift
    }

    /// Bytes for objects on a regular page.
    pub(crate) fn area(&self) -> u64 {
        self.page_size() - self.header
    }
}

/// What a page slot holds.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) owner: Option<SpaceName>,
    /// End of the usable area, an address.
    pub(crate) end: u64,
    /// Mapped bytes.
    pub(crate) committed: u64,
    /// Slots of the run (1 for a regular page).
    pub(crate) run: u32,
    /// Bytes of objects, dead or alive, that are in no free block.
    pub(crate) allocated: u64,
    /// Bytes in holes too small for the free list.
    pub(crate) wasted: u64,
    /// The system has mapped it and nobody has written to it yet.
    pub(crate) fresh: bool,
    /// Waits for the sweeper: the mark bits say what is alive.
    pub(crate) unswept: bool,
    /// Never evacuated (snapshot pages that were shrunk).
    pub(crate) immovable: bool,
}

const NONE: Page = Page {
    owner: None,
    end: 0,
    committed: 0,
    run: 0,
    allocated: 0,
    wasted: 0,
    fresh: false,
    unswept: false,
    immovable: false,
};

/// The memory of a heap with its tables.
pub(crate) struct Pages {
    pub(crate) memory: Reservation,
    pub(crate) marks: BitTable,
    /// Mark bits of a second marker, all of them clear when there is none; made when the first one comes.
    other_marks: Option<BitTable>,
    backend: BackendKind,
    /// Remembered slots: old-to-new, one bit a slot.
    pub(crate) slots: BitTable,
    pub(crate) geometry: Geometry,
    /// The heap has reached the size from which large system pages serve its mark bits.
    is_large_heap: bool,
    flags: Table<u8>,
    /// One bit for each 64th of a page: it may have remembered slots.
    remembered: Table<u64>,
    /// Bytes that the marker found alive.
    live: Table<u64>,
    /// The low half of the slots upwards, the high half downwards.
    pages: [Vec<Page>; 2],
    free: PageSlots,
    /// Mapped and in a space (V8 `MemoryAllocator::Size`).
    pub(crate) mapped: u64,
    /// Mapped, in no space, kept for reuse by the new space.
    pool: Vec<u64>,
    /// Free, but their memory is not discarded yet.
    resident_free: ResidentFree,
    /// Highest slot ever used plus one: where scans of the tables end.
    used_low: u64,
    used_high: u64,
    /// Fault injection: pages that may still be committed before the system "refuses".
    pub(crate) refuse_after: Option<u64>,
    /// Set when the system (or fault injection) refused a page since this was last cleared.
    pub(crate) refused: bool,
    /// Bytes that the program was the first to touch since this was last asked: the system had to clear them.
    touched: u64,
    /// Peak of `mapped`.
    pub(crate) peak_mapped: u64,
}

impl Pages {
    /// The view of a marking loop.
    pub(crate) fn mark_view(&mut self) -> MarkView<'_, Whole> {
        MarkView::new(&self.memory, &mut self.marks, &mut self.live, &self.flags, self.geometry.shift)
    }

    /// Runs `body` with the view of a program without handles, and the mark bits.
    #[inline(always)]
    pub(crate) fn with_mutator_view<R>(
        &mut self,
        body: impl for<'n> FnOnce(MutatorView<'n>, &mut BitTable, &mut [u64]) -> R,
    ) -> R {
        let Pages { memory, marks, slots, remembered, flags, live, geometry, .. } = self;
        MutatorView::enter(memory, slots, remembered, flags, geometry.shift, |view| body(view, marks, live))
    }

    /// What the updating of pointers needs, with the mark bits and the remembered slots.
    pub(crate) fn update_view(&mut self) -> (UpdateView<'_>, &BitTable, &BitTable) {
        let Pages { memory, marks, slots, flags, geometry, .. } = self;
        (UpdateView::new(memory, flags, geometry.shift), marks, slots)
    }

    /// As [`Self::mark_view`] for two markers, which `mark` lets run; false if there is no memory for the tables of the second, or if it
    /// says so. What both have marked counts once: `read` says how many bytes the markers read of an object, and the second result
    /// is how many were read twice.
    pub(crate) fn mark_by_two(
        &mut self,
        mark: impl FnOnce(MarkView<'_, Half>, MarkView<'_, Half>) -> bool,
        read: impl Fn(Header) -> u64,
    ) -> (bool, u64) {
        let used = self.used();
        if self.other_marks.is_none() {
            self.other_marks = BitTable::new(self.backend.make(), self.memory.bytes()).ok();
        }
        let Pages { memory, marks, other_marks: Some(others), live, flags, geometry, .. } = self else {
            return (false, 0);
        };
        let mut other_live = vec![0; live.len()];
        let (one, other) = MarkView::new(memory, marks, live, flags, geometry.shift).split(others, &mut other_live);
        let done = mark(one, other);
        for (live, other) in live.iter_mut().zip(&other_live) {
            *live += other;
        }
        let mut read_twice = 0;
        for (start, end) in used {
            marks.take_all(others, start, end - start, |address| {
                let header = Header(memory.word(address));
                live[(address >> geometry.shift) as usize] -= header.bytes();
                read_twice += read(header);
            });
        }
        (done, read_twice)
    }

    pub(crate) fn new(backend: BackendKind, geometry: Geometry, bytes: u64) -> Result<Self, Refused> {
        let memory = Reservation::new(backend.make(), bytes, geometry.page_size())?;
        let bytes = memory.bytes();
        let slots = bytes >> geometry.shift;
        let tables = SideTables::new(backend.make(), bytes, slots)?;
        Ok(Pages {
            marks: tables.marks,
            other_marks: None,
            backend,
            slots: tables.slots,
            memory,
            geometry,
            flags: tables.flags,
            remembered: tables.first,
            live: tables.second,
            is_large_heap: false,
            pages: [Vec::new(), Vec::new()],
            free: PageSlots::new(slots),
            mapped: 0,
            pool: Vec::new(),
            resident_free: ResidentFree::default(),
            used_low: 0,
            used_high: slots,
            refuse_after: None,
            refused: false,
            touched: 0,
            peak_mapped: 0,
        })
    }

    #[inline(always)]
    pub(crate) fn number(&self, address: u64) -> usize {
        ((address & (self.memory.bytes() - 1)) >> self.geometry.shift) as usize
    }

    #[inline(always)]
    pub(crate) fn start(&self, page: u64) -> u64 {
        page << self.geometry.shift
    }

    /// First address of the usable area.
    #[inline(always)]
    pub(crate) fn area_start(&self, page: u64) -> u64 {
        (page << self.geometry.shift) + self.geometry.header
    }

    #[inline(always)]
    pub(crate) fn flags(&self, address: u64) -> u8 {
        self.flags[self.number(address)]
    }

    pub(crate) fn set_flags(&mut self, page: u64, set: u8, clear: u8) {
        for slot in page..page + u64::from(self.page(page).run.max(1)) {
            let flags = &mut self.flags[slot as usize];
            *flags = (*flags | set) & !clear;
        }
    }

    pub(crate) fn page_flags(&self, page: u64) -> u8 {
        self.flags[page as usize]
    }

    /// Single pages sit at the low end and runs of large objects at the high end: each half has a table that grows from its
    /// end, so that neither is longer than what was ever used.
    fn place(&self, page: u64) -> (usize, usize) {
        let slots = self.flags.len() as u64;
        if page < slots / 2 { (0, page as usize) } else { (1, (slots - 1 - page) as usize) }
    }

    pub(crate) fn page(&self, page: u64) -> &Page {
        static EMPTY: Page = NONE;
        let (half, index) = self.place(page);
        self.pages[half].get(index).unwrap_or(&EMPTY)
    }

    pub(crate) fn page_mut(&mut self, page: u64) -> &mut Page {
        let (half, index) = self.place(page);
        let table = &mut self.pages[half];
        if index >= table.len() {
            table.resize(index + 1, NONE);
        }
        &mut table[index]
    }

    #[inline(always)]
    pub(crate) fn live(&self, page: u64) -> u64 {
        self.live[page as usize]
    }

    #[inline(always)]
    pub(crate) fn add_live(&mut self, address: u64, bytes: u64) {
        let page = self.number(address);
        self.live[page] += bytes;
    }

    /// An object that was marked stays so where it is now.
    #[inline]
    pub(crate) fn keep_mark(&mut self, now: u64, before: u64, bytes: u64) {
        if self.marks.get(before) {
            self.marks.set(now);
            self.add_live(now, bytes);
        }
    }

    /// Takes back what [`Self::add_live`] counted too early.
    pub(crate) fn sub_live(&mut self, address: u64, bytes: u64) {
        let page = self.number(address);
        self.live[page] -= bytes;
    }

    pub(crate) fn set_live(&mut self, page: u64, bytes: u64) {
        self.live[page as usize] = bytes;
    }

    /// The first slot of the page or large object that an address lies in, if any.
    pub(crate) fn find(&self, address: u64) -> Option<u64> {
        if address >= self.memory.bytes() {
            return None;
        }
        let mut page = self.number(address) as u64;
        if self.flags[page as usize] & LARGE != 0 {
            while self.page(page).run == 0 {
                page = page.checked_sub(1)?;
            }
        }
        self.page(page).owner.map(|_| page)
    }

    fn commit(&mut self, address: u64, bytes: u64, regular: bool) -> Result<(), Refused> {
        if let Some(left) = &mut self.refuse_after {
            if *left == 0 {
                self.refused = true;
                return Err(Refused { bytes });
            }
            *left -= 1;
        }
        if !self.is_large_heap && self.mapped >= SMALL_HEAP {
            self.is_large_heap = true;
            self.marks.prefer_large_pages();
        }
        let committed =
            if regular { self.memory.commit_chunks(address, bytes) } else { self.memory.commit(address, bytes) };
        self.refused |= committed.is_err();
        committed
    }

    fn register(&mut self, page: u64, run: u32, owner: SpaceName, committed: u64, flags: u8) {
        let end = self.start(page) + committed;
        *self.page_mut(page) = Page { owner: Some(owner), end, committed, run, ..NONE };
        for slot in page..page + u64::from(run) {
            self.flags[slot as usize] = flags;
            debug_assert_eq!((self.live[slot as usize], self.remembered[slot as usize]), (0, 0));
        }
        self.mapped += committed;
        self.peak_mapped = self.peak_mapped.max(self.mapped);
    }

    /// Maps a regular page for a space; a pooled one if `from_pool` and there is one.
    pub(crate) fn take(&mut self, owner: SpaceName, flags: u8, from_pool: bool) -> Result<u64, Refused> {
        let page_size = self.geometry.page_size();
        if from_pool && let Some(page) = self.pool.pop() {
            self.register(page, 1, owner, page_size, flags);
            return Ok(page);
        }
        let page = match self.free.take_one() {
            Some(page) => page,
            None => match self.pool.pop() {
                Some(page) => {
                    self.register(page, 1, owner, page_size, flags);
                    return Ok(page);
                }
                None => {
                    self.refused = true;
                    return Err(Refused { bytes: page_size });
                }
            },
        };
        if let Err(refused) = self.commit(self.start(page), page_size, true) {
            self.free.give_back(page, 1);
            return Err(refused);
        }
        if !self.keep_resident(page, 1) && page < self.used_low {
            self.memory.reuse_discarded(self.start(page), page_size);
        }
        self.used_low = self.used_low.max(page + 1);
        self.register(page, 1, owner, page_size, flags);
        self.page_mut(page).fresh = true;
        Ok(page)
    }

    /// The program, or a collector, begins to write to a page.
    pub(crate) fn touch(&mut self, page: u64, by_program: bool) {
        let page = self.page_mut(page);
        let fresh = std::mem::take(&mut page.fresh) && by_program;
        self.touched += if fresh { page.committed } else { 0 };
    }

    /// The program writes to a large object that has just been made.
    pub(crate) fn touch_large(&mut self, address: u64) {
        let page = self.number(address) as u64;
        self.touched += self.page(page).committed;
    }

    /// Bytes that the program was the first to touch since this was last asked.
    pub(crate) fn take_touched(&mut self) -> u64 {
        std::mem::take(&mut self.touched)
    }

    /// Maps a run of pages for one large object of `bytes`. The first word of the object is at `area_start`.
    pub(crate) fn take_large(&mut self, owner: SpaceName, flags: u8, bytes: u64) -> Result<u64, Refused> {
        let committed = (self.geometry.header + bytes).next_multiple_of(OS_PAGE);
        let run = committed.div_ceil(self.geometry.page_size());
        let Some(page) = self.free.take_run(run) else {
            self.refused = true;
            return Err(Refused { bytes });
        };
        if let Err(refused) = self.commit(self.start(page), committed, false) {
            self.free.give_back(page, run);
            return Err(refused);
        }
        self.keep_resident(page, run);
        self.used_high = self.used_high.min(page);
        self.register(page, run as u32, owner, committed, flags | LARGE);
        Ok(page)
    }

    /// Pages that are in use again must not be discarded. Whether one of them has its memory still.
    fn keep_resident(&mut self, page: u64, run: u64) -> bool {
        let mut any = false;
        for page in page..page + run {
            any |= self.resident_free.remove(page);
        }
        any
    }

    /// Forgets a page and clears what the tables say about it; true memory is kept.
    fn unregister(&mut self, page: u64) -> (u64, u32) {
        let (committed, run) = (self.page(page).committed, self.page(page).run);
        self.mapped -= if on(Mutant::LeakMappedBytes) { 0 } else { committed };
        self.clear_remembered(page);
        let bytes = if run == 1 { self.geometry.page_size() } else { committed.next_multiple_of(512) };
        if run == 1 {
            self.marks.clear_run(self.start(page), bytes);
        } else {
            self.marks.clear(self.area_start(page));
        }
        for slot in page..page + u64::from(run) {
            self.flags[slot as usize] = 0;
            self.live[slot as usize] = 0;
        }
        *self.page_mut(page) = NONE;
        (committed, run)
    }

    /// Unmaps a page or the run of a large object.
    pub(crate) fn release(&mut self, page: u64) {
        let large = self.page_flags(page) & LARGE != 0;
        let (committed, run) = self.unregister(page);
        if large {
            self.memory.release(self.start(page), committed);
        } else {
            self.discard_later(page, committed);
        }
        self.free.give_back(page, u64::from(run));
    }

    /// Gives the memory of a free page back, but not yet if it is likely to be taken again soon: what is given back has to
    /// be cleared by the system when it is touched anew. Never more than was once mapped stays resident for that.
    fn discard_later(&mut self, page: u64, committed: u64) {
        let page_size = self.geometry.page_size();
        if committed < page_size {
            self.memory.discard(self.start(page), committed);
            return;
        }
        self.resident_free.insert(page);
        let room = self.peak_mapped.saturating_sub(self.mapped) / page_size;
        while self.resident_free.count > room
            && let Some(oldest) = self.resident_free.take_oldest()
        {
            self.memory.discard(self.start(oldest), page_size);
        }
    }

    /// A full collection has ended: gives the memory back of pages that have been free for some of them, or of all free pages.
    pub(crate) fn discard_free(&mut self, all: bool) {
        self.resident_free.end_cycle();
        while let Some(page) = if all { self.resident_free.take_oldest() } else { self.resident_free.take_long_free() }
        {
            self.memory.discard(self.start(page), self.geometry.page_size());
        }
    }

    /// Keeps a whole page for reuse instead of unmapping it.
    pub(crate) fn release_to_pool(&mut self, page: u64) {
        let (committed, _) = self.unregister(page);
        debug_assert_eq!(committed, self.geometry.page_size());
        self.pool.push(page);
    }

    /// Unmaps all pooled pages.
    pub(crate) fn drain_pool(&mut self) {
        for page in std::mem::take(&mut self.pool) {
            self.discard_later(page, self.geometry.page_size());
            self.free.give_back(page, 1);
        }
    }

    pub(crate) fn pooled_bytes(&self) -> u64 {
        self.pool.len() as u64 * self.geometry.page_size()
    }

    /// Cuts a page off after `end` (rounded up to the system's page size) and unmaps the rest.
    pub(crate) fn shrink(&mut self, page: u64, end: u64) {
        let keep = (end - self.start(page)).next_multiple_of(OS_PAGE);
        let committed = self.page(page).committed;
        if keep < committed {
            let start = self.start(page);
            if self.page(page).run == 1 && self.page_flags(page) & LARGE == 0 {
                self.memory.discard(start + keep, committed - keep);
            } else {
                self.memory.release(start + keep, committed - keep);
            }
            self.mapped -= committed - keep;
            let page = self.page_mut(page);
            page.committed = keep;
            page.end = start + keep;
        }
    }

    /// Remembers a slot of an old object that holds a young reference.
    #[inline(always)]
    pub(crate) fn remember(&mut self, slot: u64) {
        if self.slots.set(slot) {
            let page = self.number(slot);
            self.remembered[page] |= 1 << ((slot >> (self.geometry.shift - 6)) & 63);
        }
    }

    pub(crate) fn is_remembered(&self, slot: u64) -> bool {
        self.slots.get(slot)
    }

    pub(crate) fn clear_remembered(&mut self, page: u64) {
        for slot in page..page + u64::from(self.page(page).run) {
            self.clear_remembered_slot_page(slot);
        }
    }

    /// Forgets all remembered slots of one page slot.
    pub(crate) fn clear_remembered_slot_page(&mut self, slot: u64) {
        let mut chunks = std::mem::take(&mut self.remembered[slot as usize]);
        let chunk = self.geometry.page_size() / 64;
        while chunks != 0 {
            let at = self.start(slot) + u64::from(chunks.trailing_zeros()) * chunk;
            self.slots.clear_run(at, chunk);
            chunks &= chunks - 1;
        }
    }

    /// Nothing is remembered: a large heap gives back what it needed for that. The next full collection needs as much for the mark bits
    /// of a second marker.
    pub(crate) fn nothing_is_remembered(&mut self) {
        if self.is_large_heap {
            for (start, end) in self.used() {
                self.slots.discard_clear(start, end - start);
            }
        }
    }

    /// Addresses of which some were ever used.
    fn used(&self) -> [(u64, u64); 2] {
        let (shift, end) = (self.geometry.shift, self.memory.bytes());
        [(0, self.used_low << shift), (self.used_high.max(self.used_low) << shift, end)]
    }

    /// Clears the marks of the (moved) objects between `start` and `end`; the bytes of their new copies.
    pub(crate) fn clear_marks_before(&mut self, start: u64, end: u64) -> u64 {
        let mut bytes = 0;
        let mut at = start;
        while let Some(object) = self.marks.next_set(at, end) {
            self.marks.clear(object);
            let copy = self.memory.word(object);
            let size = Header(self.memory.word(copy)).bytes();
            bytes += size;
            at = object + size;
        }
        bytes
    }

    /// Slots from `address` to `end` no longer belong to an object.
    pub(crate) fn forget_slots(&mut self, address: u64, end: u64) {
        self.slots.clear_words(address, end);
    }

    /// Page slots that may have remembered slots, lowest first.
    pub(crate) fn remembered_slots(&self) -> Vec<u64> {
        let low = 0..self.used_low;
        let high = self.used_high.max(self.used_low)..self.remembered.len() as u64;
        low.chain(high).filter(|&slot| self.remembered[slot as usize] != 0).collect()
    }

    /// Takes the chunk mask of a page slot; the caller puts back what stays remembered with [`Self::remember`].
    pub(crate) fn take_remembered_chunks(&mut self, slot: u64) -> u64 {
        std::mem::take(&mut self.remembered[slot as usize])
    }

    pub(crate) fn mark_remembered_chunk(&mut self, slot: u64, chunk: u32) {
        self.remembered[slot as usize] |= 1 << chunk;
    }

    /// Every registered page, in address order.
    pub(crate) fn all(&self) -> impl Iterator<Item = u64> + '_ {
        let slots = self.flags.len() as u64;
        let low = self.pages[0].iter().zip(0..);
        let high = self.pages[1].iter().enumerate().rev().map(move |(page, entry)| (entry, slots - 1 - page as u64));
        low.chain(high).filter(|(page, _)| page.owner.is_some()).map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 256 << 10;

    #[test]
    fn a_page_that_is_in_use_again_is_never_among_those_to_be_discarded() {
        let geometry = Geometry { shift: PAGE.trailing_zeros(), header: 256, max_regular: PAGE / 2 };
        let mut pages = Pages::new(BackendKind::Portable, geometry, 8 * PAGE).unwrap();
        let singles: Vec<u64> = (0..7).map(|_| pages.take(SpaceName::Old, 0, false).unwrap()).collect();
        for &page in &singles {
            pages.release(page);
        }
        assert_eq!(pages.resident_free.count, 7, "no more than was mapped before");
        let again = pages.take(SpaceName::Old, 0, false).unwrap();
        let large = pages.take_large(SpaceName::LargeObject, 0, 3 * PAGE).unwrap();
        let in_use = |page: &u64| *page == again || (large..large + 4).contains(page);
        let left: Vec<u64> = std::iter::from_fn(|| pages.resident_free.take_oldest()).collect();
        assert!(!left.iter().any(in_use), "{left:?}");
        assert_eq!(left.len(), 2);
    }
}
