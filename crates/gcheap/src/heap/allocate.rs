//! Allocation: the fast path bumps a pointer, the slow path asks policy.
//!
//! The order of the slow path is V8's (src/heap/heap-allocator.cc, main-allocator.cc, paged-spaces.cc): the next page of
//! the space, sweeping, a new page if the limits allow it, then up to two collections, then the last resort.

use super::Heap;
use super::error::{Error, ErrorKind};
use crate::event::{Fatal, Location};
use crate::memory::WORD;
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::object::layout::ALLOCATION_MEMENTO;
use crate::object::word::{self, is_reference};
use crate::policy::{AfterFailure, AllocationFailure};
use crate::space::free_list::Origin;
use crate::space::pages::YOUNG;

/// Young allocation between two steps of incremental marking, bytes
/// (V8 `IncrementalMarking::kYoungGenerationAllocatedThreshold`).
const YOUNG_STEP: u64 = 64 * 1024;

/// The tally has room for 2^28 objects. Between two visits to the slow path there are no more than a page has of them, so it is
/// settled long before, also where a nursery is so large that it comes to no collection.
const TALLY_TO_SETTLE: u64 = 1 << (36 + 26);

/// No profile has a regular maximum below this: [`super::profile_check`] sees to it.
pub(super) const SURELY_REGULAR: u64 = 16 * 1024;

/// Where an object shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Young,
    Old,
}

impl Heap {
    /// Room in new space, counted. The caller writes header and body before it allocates anything else. Objects above the
    /// regular maximum get pages of their own, even where one would fit; the size of most objects is known where this is
    /// inlined and the comparison is not made at all.
    #[inline(always)]
    pub(crate) fn room(&mut self, bytes: u64) -> Result<u64, Error> {
        let new = &mut self.mechanism.spaces.new;
        let mut address = new.top;
        if bytes <= SURELY_REGULAR && new.limit - address >= bytes && !self.stressed {
            new.top = address + bytes;
        } else {
            address = self.allocate_slow(bytes)?;
        }
        self.tally += (1 << 36) + bytes / WORD;
        Ok(address)
    }

    /// Room for an object in new space, its header written, its body not. The caller writes the body before it allocates
    /// anything else.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, header: Header) -> Result<u64, Error> {
        let address = self.room(header.bytes())?;
        self.store_raw(address, 0, header.0);
        Ok(address)
    }

    /// As [`Self::allocate`] in old space: marked at once while marking runs.
    pub(crate) fn allocate_old(&mut self, header: Header) -> Result<u64, Error> {
        let bytes = header.bytes();
        if self.stressed {
            self.stress()?;
        }
        let regular = bytes <= self.mechanism.spaces.pages.geometry.max_regular;
        let address = match self.mechanism.spaces.old.bump(if regular { bytes } else { u64::MAX }) {
            Some(address) => address,
            None => self.allocate_with_retries(bytes, Space::Old)?,
        };
        self.tally += (1 << 36) + bytes / WORD;
        self.old_bytes_allocated += bytes;
        self.mechanism.spaces.pages.memory.set_word(address, header.0);
        if self.mechanism.marking.active {
            self.mechanism.spaces.pages.marks.set(address);
            self.mechanism.spaces.pages.add_live(address, if on(Mutant::UncountedBlackAllocation) { 0 } else { bytes });
        }
        Ok(address)
    }

    /// An object in new space with an allocation memento directly behind it.
    pub(crate) fn allocate_with_memento(&mut self, header: Header, site: u32) -> Result<u64, Error> {
        let bytes = header.bytes() + ALLOCATION_MEMENTO.bytes();
        let address = self.room(bytes)?;
        let memory = &mut self.mechanism.spaces.pages.memory;
        memory.set_word(address, header.0);
        memory.set_word(address + header.bytes(), ALLOCATION_MEMENTO.0);
        memory.set_word(address + header.bytes() + WORD, u64::from(site));
        Ok(address)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn allocate_slow(&mut self, bytes: u64) -> Result<u64, Error> {
        if self.stressed {
            self.stress()?;
        } else if bytes > SURELY_REGULAR
            && bytes <= self.mechanism.spaces.pages.geometry.max_regular
            && let Some(address) = self.mechanism.spaces.new.bump(bytes)
        {
            return Ok(address);
        }
        self.allocate_with_retries(bytes, Space::Young)
    }

    /// V8's sequence: try, collections with a retry each, the last resort, fatal.
    fn allocate_with_retries(&mut self, bytes: u64, space: Space) -> Result<u64, Error> {
        if self.tally > TALLY_TO_SETTLE {
            self.settle_tally();
        }
        // The last attempt may have been left by a panic of a policy or a callback.
        self.retry_of_failed_allocation = false;
        self.always_allocate = false;
        self.in_failed_allocation = false;
        let large = bytes > self.mechanism.spaces.pages.geometry.max_regular;
        let space = if large && !self.profile.new_space.has_large_objects { Space::Old } else { space };
        let result = self.try_until_fatal(bytes, space);
        self.retry_of_failed_allocation = false;
        self.always_allocate = false;
        self.in_failed_allocation = false;
        result
    }

    fn try_until_fatal(&mut self, bytes: u64, space: Space) -> Result<u64, Error> {
        self.mechanism.spaces.pages.refused = false;
        let mut failure = AllocationFailure {
            young: space == Space::Young,
            must_succeed: true,
            collections: 0,
            last_resort_done: false,
        };
        loop {
            // A heap over its limit is not even tried again where the limit is checked late (V8 14.6).
            let hopeless = self.in_failed_allocation
                && self.profile.collection.late_limit_check
                && !self.policy.may_expand(&self.expand_inputs(), 0);
            if !hopeless && let Some(address) = self.try_allocate(bytes, space)? {
                return Ok(address);
            }
            self.in_failed_allocation = true;
            match self.policy.next_attempt(&failure, self.profile) {
                AfterFailure::CollectSpace => self.collect_for_allocation(space)?,
                AfterFailure::CollectOld => self.collect_for_allocation(Space::Old)?,
                AfterFailure::LastResort => {
                    self.last_resort()?;
                    failure.last_resort_done = true;
                    self.always_allocate = self.profile.collection.last_attempt_always_allocates;
                }
                AfterFailure::Fail | AfterFailure::Fatal => {
                    return Err(self.fatal(Location::CallAndRetryLast, bytes));
                }
            }
            failure.collections += 1;
            self.retry_of_failed_allocation = self.profile.collection.retry_ignores_soft_limit;
        }
    }

    fn try_allocate(&mut self, bytes: u64, space: Space) -> Result<Option<u64>, Error> {
        let large = bytes > self.mechanism.spaces.pages.geometry.max_regular;
        match (space, large) {
            (Space::Young, false) => self.try_allocate_new(bytes),
            (Space::Young, true) => self.try_allocate_new_large(bytes),
            (Space::Old, false) => self.try_allocate_old(bytes),
            (Space::Old, true) => self.try_allocate_large(bytes),
        }
    }

    fn try_allocate_new(&mut self, bytes: u64) -> Result<Option<u64>, Error> {
        if self.mechanism.marking.active {
            // The observer's limit was reached: a step of marking is due before allocation goes on.
            self.marking_step()?;
            self.observe_new_space(bytes);
        }
        loop {
            if let Some(address) = self.mechanism.spaces.new.bump(bytes) {
                return Ok(Some(address));
            }
            let spaces = &mut self.mechanism.spaces;
            if spaces.new.page_has_room(bytes) {
                self.observe_new_space(bytes);
                continue;
            }
            if !spaces.new.next_page(&mut spaces.pages, bytes, false) {
                let grow = self.may_exceed_new_space_capacity();
                let spaces = &mut self.mechanism.spaces;
                if !(grow && spaces.new.next_page(&mut spaces.pages, bytes, true)) {
                    return Ok(None);
                }
            }
            self.observe_new_space(bytes);
        }
    }

    /// Sets the end of the fast path: a step away while marking runs, the end of the page otherwise.
    pub(crate) fn observe_new_space(&mut self, at_least: u64) {
        let step = if self.mechanism.marking.active { YOUNG_STEP } else { u64::MAX >> 1 };
        self.mechanism.spaces.new.set_observer_step(step, at_least);
    }

    fn try_allocate_new_large(&mut self, bytes: u64) -> Result<Option<u64>, Error> {
        if self.mechanism.marking.active {
            self.marking_step()?;
        }
        if !self.may_allocate_new_large(bytes) {
            return Ok(None);
        }
        let spaces = &mut self.mechanism.spaces;
        let address = spaces.new_large.allocate(&mut spaces.pages, bytes).ok();
        address.inspect(|&address| spaces.pages.touch_large(address));
        Ok(address)
    }

    fn try_allocate_old(&mut self, bytes: u64) -> Result<Option<u64>, Error> {
        self.before_old_refill()?;
        loop {
            let spaces = &mut self.mechanism.spaces;
            if let Some(address) = spaces.old.bump(bytes) {
                return Ok(Some(address));
            }
            if spaces.old.refill_from_free_list(&mut spaces.pages, bytes, Origin::Mutator) {
                continue;
            }
            if spaces.old.sweep_one(&mut spaces.pages) {
                continue;
            }
            if !self.may_expand_old_generation(self.mechanism.spaces.pages.geometry.area()) {
                return Ok(None);
            }
            let spaces = &mut self.mechanism.spaces;
            if spaces.old.expand(&mut spaces.pages).is_err() {
                return Ok(None);
            }
        }
    }

    fn try_allocate_large(&mut self, bytes: u64) -> Result<Option<u64>, Error> {
        let starts_marking_after =
            self.profile.collection.large_objects_count_for_start && !self.mechanism.marking.active;
        if !starts_marking_after {
            self.before_old_refill()?;
        }
        if !self.may_expand_old_generation(bytes) {
            return Ok(None);
        }
        let spaces = &mut self.mechanism.spaces;
        let address = spaces.large.allocate(&mut spaces.pages, bytes).ok();
        address.inspect(|&address| spaces.pages.touch_large(address));
        if starts_marking_after && address.is_some() {
            self.before_old_refill()?;
        }
        Ok(address)
    }

    /// Stores a tagged word into a field and tells the collectors.
    #[inline(always)]
    pub(crate) fn store(&mut self, host: u64, index: u64, value: u64) {
        self.store_raw(host, index, value);
        if is_reference(value) {
            self.write_barrier(host, host + index * WORD, value);
        }
    }

    /// Generational barrier: a slot of an old object with a young reference is remembered. Marking barrier: what is stored
    /// into a marked object is marked (Dijkstra), and recorded if it lies on a page that is to be evacuated.
    #[inline(always)]
    pub(crate) fn write_barrier(&mut self, host: u64, slot: u64, value: u64) {
        let pages = &mut self.mechanism.spaces.pages;
        if pages.flags(host) & YOUNG == 0 && pages.flags(value) & YOUNG != 0 && !on(Mutant::DropGenerationalBarrier) {
            pages.remember(slot);
        }
        let mechanism = &mut self.mechanism;
        if mechanism.marking.active {
            let pages = &mut mechanism.spaces.pages;
            let flags = (pages.flags(host), pages.flags(value));
            mechanism.marking.barrier(&mut pages.marks, host, flags.0, slot, (value, flags.1));
        }
    }

    /// Writes the words of a fresh object from `first` on. An object that was not allocated young goes through the barrier.
    #[inline(always)]
    pub(crate) fn initialize(&mut self, object: u64, first: u64, words: &[u64]) {
        if self.mechanism.spaces.pages.flags(object) & YOUNG != 0 {
            for (index, &word) in words.iter().enumerate() {
                self.store_raw(object, first + index as u64, word);
            }
        } else {
            for (index, &word) in words.iter().enumerate() {
                self.store(object, first + index as u64, word);
            }
        }
    }

    /// The word of a field.
    #[inline(always)]
    pub(crate) fn load(&self, host: u64, index: u64) -> u64 {
        self.mechanism.spaces.pages.memory.word_near(host, index)
    }

    /// A raw word (never a reference) of a field.
    #[inline(always)]
    pub(crate) fn store_raw(&mut self, host: u64, index: u64, word: u64) {
        self.mechanism.spaces.pages.memory.set_word_near(host, index, word);
    }

    #[inline(always)]
    pub(crate) fn header(&self, object: u64) -> Header {
        Header(self.mechanism.spaces.pages.memory.word(object))
    }

    /// Bytes and objects allocated so far, brought up to date.
    pub(crate) fn settle_tally(&mut self) {
        let tally = std::mem::take(&mut self.tally);
        self.objects_allocated += tally >> 36;
        self.bytes_allocated += (tally & ((1 << 36) - 1)) * WORD;
    }

    /// The end: an error value with the state that led to it, and the event that tells it.
    #[cold]
    pub(crate) fn fatal(&mut self, location: Location, requested: u64) -> Error {
        self.sync_clock();
        let fatal = Fatal {
            location,
            time_ms: self.time_ms(),
            requested,
            used: self.mechanism.spaces.objects(),
            committed: self.mechanism.spaces.committed(),
            old_generation_capacity: self.mechanism.spaces.old_generation_capacity(),
            max_old_generation: self.state.max_old_generation,
            ineffective_mark_compacts: self.state.ineffective_mark_compacts,
            average_mutator_utilization: self.tracer.average_mutator_utilization(),
            system_refused: self.mechanism.spaces.pages.refused,
        };
        self.emit(&crate::event::Event::Fatal(fatal.clone()));
        ErrorKind::OutOfMemory(Box::new(fatal)).into()
    }
}

/// Fields of a fresh object as tagged words, on the stack for all usual sizes.
pub(crate) fn smi(value: u64) -> u64 {
    word::smi(value as i32)
}

#[cfg(test)]
mod tests {
    use super::TALLY_TO_SETTLE;
    use crate::{Error, Heap, HeapOptions};

    #[test]
    fn objects_are_counted_however_late_the_next_collection_is() -> Result<(), Error> {
        let mut heap = Heap::new(HeapOptions::for_tests())?;
        // The page is full.
        let spaces = &mut heap.mechanism.spaces;
        crate::space::new_space::write_filler(&mut spaces.pages, spaces.new.top, spaces.new.limit);
        spaces.new.top = spaces.new.limit;
        // As if a nursery of gigabytes had been filled with empty records.
        heap.tally = u64::MAX - (1 << 37) + 1;
        assert!(heap.tally > TALLY_TO_SETTLE);
        heap.scope().object(&[1.into()])?;
        assert_eq!((heap.tally >> 36, heap.objects_allocated), (1, (1 << 28) - 2));
        assert_eq!(heap.scavenges(), 0);
        Ok(())
    }
}
