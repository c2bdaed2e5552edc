//! New space: two semi-spaces of pages and a bump pointer.
//!
//! Allocation bumps through the pages of to-space in order. A scavenge flips the two and copies; objects that lie
//! below the age mark have survived once and are promoted when they survive again.

use super::pages::{BELOW_AGE_MARK, FROM, Pages, YOUNG};
use crate::event::SpaceName;
use crate::memory::{Refused, WORD};
use crate::object::{Header, Kind};

/// Rests of at least this many bytes at the end of a page are kept for later (V8 `kAllocationBufferParkingThreshold`).
const PARKING_THRESHOLD: u64 = 4 * 1024;
/// Survivors of more than this share of a buffer are copied outside of buffers (V8 `EvacuationAllocator::kMaxLabObjectSize`).
const BUFFERED_SHARE: u64 = 4;

pub(crate) struct NewSpace {
    pub(crate) to: Vec<u64>,
    pub(crate) from: Vec<u64>,
    /// Target capacity of one semi-space, bytes of whole pages.
    pub(crate) capacity: u64,
    /// Pages are mapped when allocation reaches them, not when the capacity grows.
    pub(crate) lazy: bool,
    /// A nursery: what survives one collection is old.
    pub(crate) promotes_at_once: bool,
    /// Survivors are copied into buffers of so many bytes, and what a page has beyond the last whole one stays unused; 0: they may take
    /// any room.
    pub(crate) copy_buffer: u64,
    /// Index in `to` of the page that `top` is in.
    current: usize,
    pub(crate) top: u64,
    /// End of the usable area of the current page.
    end: u64,
    /// Where the inline fast path has to stop: `end`, or before it when somebody observes allocation.
    pub(crate) limit: u64,
    parked: Vec<(u64, u64)>,
    /// Address of the age mark.
    age_mark: u64,
    /// Bytes of the pages before the current one, fillers included.
    full_pages: u64,
    /// A scavenge copies into to-space. Its scan walks the pages in their order, so none may be opened twice.
    copying: bool,
}

impl NewSpace {
    pub(crate) fn new(capacity: u64, lazy: bool, promotes_at_once: bool) -> Self {
        NewSpace {
            to: Vec::new(),
            from: Vec::new(),
            capacity,
            lazy,
            promotes_at_once,
            copy_buffer: 0,
            current: 0,
            top: 0,
            end: 0,
            limit: 0,
            parked: Vec::new(),
            age_mark: 0,
            full_pages: 0,
            copying: false,
        }
    }

    pub(crate) fn target_pages(&self, pages: &Pages) -> usize {
        (self.capacity / pages.geometry.page_size()) as usize
    }

    /// Maps to-space pages up to the target; a lazy space maps only the first.
    pub(crate) fn commit_to(&mut self, pages: &mut Pages) -> Result<(), Refused> {
        let target = if self.lazy { 1 } else { self.target_pages(pages) };
        while self.to.len() < target {
            let page = pages.take(SpaceName::New, YOUNG, true)?;
            self.to.push(page);
        }
        if self.top == 0 {
            self.reset(pages);
        }
        Ok(())
    }

    /// Maps from-space pages up to the target (V8 does this at the start of a collection).
    pub(crate) fn commit_from(&mut self, pages: &mut Pages) -> Result<(), Refused> {
        if self.lazy {
            return Ok(());
        }
        while self.from.len() < self.target_pages(pages) {
            let page = pages.take(SpaceName::New, YOUNG, true)?;
            self.from.push(page);
        }
        Ok(())
    }

    pub(crate) fn committed(&self, pages: &Pages) -> u64 {
        (self.to.len() + self.from.len()) as u64 * pages.geometry.page_size()
    }

    /// Starts allocation at the first page of to-space.
    pub(crate) fn reset(&mut self, pages: &Pages) {
        self.current = 0;
        self.full_pages = 0;
        self.parked.clear();
        match self.to.first() {
            Some(&page) => {
                self.top = pages.area_start(page);
                self.end = self.open_end(pages, page);
            }
            None => (self.top, self.end) = (0, 0),
        }
        self.limit = self.end;
    }

    /// How far a page that is opened may be filled: survivors are copied into whole buffers.
    fn open_end(&self, pages: &Pages, page: u64) -> u64 {
        let (start, end) = (pages.area_start(page), pages.page(page).end);
        if self.copying && self.copy_buffer > 0 { end - (end - start) % self.copy_buffer } else { end }
    }

    /// Bytes in use: full pages and what is below `top`.
    pub(crate) fn size(&self, pages: &Pages) -> u64 {
        match self.to.get(self.current) {
            Some(&page) => self.full_pages + (self.top - pages.area_start(page)),
            None => 0,
        }
    }

    /// Bytes for objects in to-space at its target capacity.
    pub(crate) fn usable_capacity(&self, pages: &Pages) -> u64 {
        self.target_pages(pages) as u64 * pages.geometry.area()
    }

    pub(crate) fn available(&self, pages: &Pages) -> u64 {
        self.usable_capacity(pages).saturating_sub(self.size(pages))
    }

    /// The fast path: within the page and below the observers' limit.
    #[inline(always)]
    pub(crate) fn bump(&mut self, bytes: u64) -> Option<u64> {
        let address = self.top;
        if self.limit - address < bytes {
            return None;
        }
        self.top = address + bytes;
        Some(address)
    }

    /// Room for a survivor, on the next page of the capacity if need be.
    #[inline]
    pub(crate) fn allocate_in_gc(&mut self, pages: &mut Pages, bytes: u64) -> Option<u64> {
        loop {
            if let Some(address) = self.bump(bytes) {
                return Some(address);
            }
            if self.widen(pages, bytes) {
                continue;
            }
            if !self.next_page(pages, bytes, false) {
                return None;
            }
        }
    }

    /// A survivor that is too large for a buffer takes room of its own, also where no buffer fits any more. Whether there was some.
    fn widen(&mut self, pages: &Pages, bytes: u64) -> bool {
        if !self.copying || bytes <= self.copy_buffer / BUFFERED_SHARE {
            return false;
        }
        let Some(&page) = self.to.get(self.current) else { return false };
        let end = pages.page(page).end;
        if end == self.end || end - self.top < bytes {
            return false;
        }
        self.end = end;
        self.limit = end;
        true
    }

    /// Lowers the end of the fast path so that the slow path is reached within `bytes`, but not before `at_least`.
    pub(crate) fn set_observer_step(&mut self, bytes: u64, at_least: u64) {
        let step = (bytes.saturating_sub(1) & !(WORD - 1)).max(at_least);
        self.limit = self.end.min(self.top + step);
    }

    /// Whether the current page has room that only an observer's limit hides.
    pub(crate) fn page_has_room(&self, bytes: u64) -> bool {
        self.end - self.top >= bytes
    }

    /// Goes on to the next page of to-space (mapping it if the space is below its target, or if `grow`).
    /// False when there is none: the space is full.
    pub(crate) fn next_page(&mut self, pages: &mut Pages, bytes: u64, grow: bool) -> bool {
        if self.to.is_empty() {
            let Ok(page) = pages.take(SpaceName::New, YOUNG, true) else { return false };
            self.to.push(page);
            self.reset(pages);
            return true;
        }
        if self.current + 1 >= self.to.len() {
            if let Some(index) = self.parked.iter().position(|&(start, end)| end - start >= bytes) {
                return self.take_parked(pages, index);
            }
            let may_map = grow || self.to.len() < self.target_pages(pages);
            match may_map.then(|| pages.take(SpaceName::New, YOUNG, true)) {
                Some(Ok(page)) => self.to.push(page),
                _ => return false,
            }
        }
        let left = self.to[self.current];
        let (top, end) = (self.top, pages.page(left).end);
        if end - top >= PARKING_THRESHOLD && !self.copying {
            self.parked.push((top, end));
        }
        write_filler(pages, top, end);
        self.full_pages += end - pages.area_start(left);
        self.current += 1;
        let page = self.to[self.current];
        pages.touch(page, !self.copying);
        self.top = pages.area_start(page);
        self.end = self.open_end(pages, page);
        self.limit = self.end;
        true
    }

    /// Allocates in a parked rest by swapping it with the open area. Size stays right: a parked rest was counted when
    /// its page was left.
    fn take_parked(&mut self, pages: &mut Pages, index: usize) -> bool {
        // The open page is left for good; only its rest is parked in exchange.
        let (start, end) = self.parked.swap_remove(index);
        let (top, old_end) = (self.top, self.end);
        write_filler(pages, top, old_end);
        let open = self.to[self.current];
        self.full_pages += pages.page(open).end - pages.area_start(open);
        let page = pages.number(start) as u64;
        if let Some(position) = self.to.iter().position(|&other| other == page) {
            // The page with the parked rest becomes the last of the order, so that everything before it is full.
            let page = self.to.remove(position);
            self.to.push(page);
            self.current = self.to.len() - 1;
            self.full_pages -= pages.page(page).end - pages.area_start(page);
            self.top = start;
            self.end = end;
            self.limit = end;
            return true;
        }
        false
    }

    /// Pages of to-space that hold objects.
    pub(crate) fn used_pages(&self) -> &[u64] {
        if self.to.is_empty() { &[] } else { &self.to[..=self.current] }
    }

    /// Where the objects of a used page end (fillers included).
    pub(crate) fn objects_end(&self, pages: &Pages, page: u64) -> u64 {
        if self.to.get(self.current) == Some(&page) { self.top } else { pages.page(page).end }
    }

    /// Swaps the semi-spaces: what was allocated lies in from-space, flagged [`FROM`].
    pub(crate) fn flip(&mut self, pages: &mut Pages) {
        let (top, end) = (self.top, self.end);
        write_filler(pages, top, end);
        std::mem::swap(&mut self.to, &mut self.from);
        self.copying = true;
        for &page in &self.from {
            pages.set_flags(page, YOUNG | FROM, 0);
        }
        for &page in &self.to {
            pages.set_flags(page, YOUNG, FROM | BELOW_AGE_MARK);
        }
        self.reset(pages);
    }

    /// Ends a collection: from-space is empty, all that is in to-space lies below the age mark.
    pub(crate) fn set_age_mark(&mut self, pages: &mut Pages) {
        for &page in &self.from {
            pages.set_flags(page, YOUNG, FROM | BELOW_AGE_MARK);
        }
        for (index, &page) in self.to.iter().enumerate() {
            let (set, clear) =
                if index <= self.current && self.top != 0 { (BELOW_AGE_MARK, 0) } else { (0, BELOW_AGE_MARK) };
            pages.set_flags(page, YOUNG | set, FROM | clear);
        }
        self.parked.clear();
        self.copying = false;
        self.age_mark = self.top;
        if let Some(&page) = self.to.get(self.current) {
            // What is left of the last buffer, and of its page, is the program's.
            self.end = pages.page(page).end;
            self.limit = self.end;
        }
        if self.lazy {
            self.trim_from(pages, self.target_pages(pages));
        }
    }

    /// V8 14.6 flips after a full collection too: the empty pages of from-space are filled before new ones are mapped.
    pub(crate) fn flip_if_lazy(&mut self) {
        if self.lazy {
            std::mem::swap(&mut self.to, &mut self.from);
        }
    }

    /// Where nothing was copied, allocation goes on in the pages that were just left: the processor still has them in its cache.
    pub(crate) fn reuse_if_empty(&mut self, pages: &Pages) {
        if self.size(pages) == 0 && !self.from.is_empty() {
            std::mem::swap(&mut self.to, &mut self.from);
            self.reset(pages);
            self.age_mark = self.top;
        }
    }

    /// Gives away the pages that hold objects, each with the end of them, and goes on in others.
    pub(crate) fn hand_over(&mut self, pages: &mut Pages) -> Vec<(u64, u64)> {
        let used = self.used_pages().iter().map(|&page| (page, self.objects_end(pages, page))).collect::<Vec<_>>();
        self.to.drain(..used.len());
        self.to.append(&mut self.from);
        self.reset(pages);
        self.age_mark = self.top;
        used
    }

    /// The address of the age mark (in the page it lies in, what is above was never copied).
    pub(crate) fn age_mark(&self) -> u64 {
        self.age_mark
    }

    /// Cuts both semi-spaces down to the target; pages go to the pool. Empty pages of to-space up to it stay, also where pages are mapped one
    /// by one (14.6: `--trace-gc-verbose` shows four of them after each collection that reduces memory).
    pub(crate) fn trim(&mut self, pages: &mut Pages, uncommit_from: bool) {
        let target = self.target_pages(pages);
        let keep = (self.current + 1).max(target);
        while self.to.len() > keep.max(1) {
            if let Some(page) = self.to.pop() {
                pages.release_to_pool(page);
            }
        }
        self.trim_from(pages, if uncommit_from { 0 } else { target });
    }

    fn trim_from(&mut self, pages: &mut Pages, keep: usize) {
        while self.from.len() > keep {
            if let Some(page) = self.from.pop() {
                pages.release_to_pool(page);
            }
        }
    }
}

/// Fills the unused end of a page so that it can be walked.
pub(crate) fn write_filler(pages: &mut Pages, start: u64, end: u64) {
    if end > start {
        pages.memory.set_word(start, Header::new(Kind::Filler, 0, (end - start) / WORD, 0).0);
    }
}
