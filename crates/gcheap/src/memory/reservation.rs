//! The address space of one heap, and word access into it.
//!
//! `mask` clears the tag bits and everything above the reservation, so any `u64` is a harmless address here: tagged
//! references are used as addresses without being untagged first.

use super::backend::Backend;
use super::prefault::Prefaulter;
use super::{OS_PAGE, Refused, WORD};
use std::ptr::NonNull;
use std::rc::Rc;

pub(crate) struct Reservation {
    /// Dropped first: it ends before the region can.
    prefaulting: Prefaulting,
    base: NonNull<u8>,
    /// Size of the reservation minus one, without the three lowest bits.
    mask: u64,
    bytes: usize,
    /// Chunks that [`Self::commit_chunks`] has made usable, one bit each.
    chunks: Vec<u64>,
    region: Rc<Region>,
}

/// Whether pages of the system are made present ahead.
enum Prefaulting {
    /// They are not.
    Off,
    /// They will be, once the heap is large enough for it.
    Wanted,
    /// This chunk comes next.
    On(Prefaulter, u64),
}

/// Address space of one backend, given back when the last part of it is dropped.
pub(super) struct Region {
    base: NonNull<u8>,
    bytes: usize,
    align: usize,
    backend: Box<dyn Backend>,
}

impl Region {
    /// A region, usable at once or part by part.
    pub(super) fn new(
        backend: Box<dyn Backend>,
        bytes: usize,
        align: usize,
        usable: bool,
    ) -> Result<Rc<Region>, Refused> {
        let base = backend.reserve(bytes, align, usable)?;
        Ok(Rc::new(Region { base, bytes, align, backend }))
    }

    /// Where a part of it lies. Panics if it does not.
    pub(super) fn part(&self, offset: usize, bytes: usize) -> NonNull<u8> {
        assert!(bytes <= self.bytes && offset <= self.bytes - bytes, "a part of the region");
        // SAFETY: in bounds, as just checked.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: exactly what `reserve` returned, and every part of it held the region.
        unsafe { self.backend.unreserve(self.base, self.bytes, self.align) }
    }
}

/// Pages are made usable in runs of this many bytes: one system call for many pages, and the size of a large system page.
const CHUNK: u64 = 2 << 20;
/// Bytes behind the end that are mapped with the reservation and never used: what is so near to an address inside is in bounds.
pub(super) const GAP: u64 = OS_PAGE;
/// Below this address a heap is small, and large system pages would cost it more than they save.
pub(crate) const SMALL_HEAP: u64 = 16 << 20;
/// From this address on the heap itself has large system pages: a heap that comes so far mostly uses them up.
const LARGE_PAGES: u64 = CHUNK;
/// From this address on chunks are made present ahead: a heap that comes so far is worth a thread.
const PREFAULTED: u64 = 4 * CHUNK;

impl Reservation {
    /// Reserves `bytes`, rounded up to a power of two, aligned to `align` (a power of two, the page size).
    pub(crate) fn new(backend: Box<dyn Backend>, bytes: u64, align: u64) -> Result<Self, Refused> {
        let bytes = usize::try_from(bytes.max(align))
            .ok()
            .and_then(usize::checked_next_power_of_two)
            .ok_or(Refused { bytes })?;
        let align = (align as usize).max(if bytes as u64 > CHUNK { CHUNK as usize } else { 1 });
        // The system aligns by itself what is a multiple of its large pages.
        let region = Region::new(backend, (bytes + GAP as usize).next_multiple_of(align), align, false)?;
        let chunks = vec![0; bytes.div_ceil(64 * CHUNK as usize)];
        Ok(Reservation { chunks, ..Self::of_part(region, 0, bytes) })
    }

    /// A part of a region, whose size is a power of two. Panics unless it lies in the region with a gap behind it. The caller
    /// gives no byte of it to anybody else.
    pub(super) fn of_part(region: Rc<Region>, offset: usize, bytes: usize) -> Self {
        assert!(bytes.is_power_of_two() && offset.is_multiple_of(OS_PAGE as usize));
        let base = region.part(offset, bytes + GAP as usize);
        let (prefaulting, mask) = (Prefaulting::Off, (bytes as u64 - 1) & !(WORD - 1));
        Reservation { prefaulting, base, mask, bytes, chunks: Vec::new(), region }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    #[inline(always)]
    fn at(&self, address: u64) -> *mut u64 {
        // SAFETY: the mask is the size of the reservation less a word, without the lowest bits, so a word at any masked offset
        // is in bounds of the one object that `base` points to. `base` is aligned to a page of the system (`of_part` takes
        // no other part of a region) and the offset to a word, so the word is aligned.
        unsafe { self.base.as_ptr().add((address & self.mask) as usize).cast::<u64>() }
    }

    /// The word at an address (tag bits are ignored).
    #[inline(always)]
    pub(crate) fn word(&self, address: u64) -> u64 {
        // SAFETY: `at` is in bounds and aligned; all bits are a value of a word. Whoever writes has the reservation by `&mut`, so
        // nobody writes it now.
        unsafe { *self.at(address) }
    }

    /// Overwrites the word at an address (tag bits are ignored).
    #[inline(always)]
    pub(crate) fn set_word(&mut self, address: u64, value: u64) {
        // SAFETY: in bounds and aligned as for `word`; `&mut self` excludes every slice that was borrowed and every view.
        unsafe { *self.at(address) = value }
    }

    /// The word so many words behind an address inside the reservation. Near ones are found without another mask: behind the
    /// reservation lies a gap that belongs to it.
    #[inline(always)]
    pub(crate) fn word_near(&self, address: u64, index: u64) -> u64 {
        if index >= GAP / WORD {
            return self.word(address + index * WORD);
        }
        // SAFETY: `at` is in bounds of the reservation, behind which GAP bytes more belong to the same mapping.
        unsafe { *self.at(address).add(index as usize) }
    }

    /// Overwrites the word so many words behind an address inside the reservation.
    #[inline(always)]
    pub(crate) fn set_word_near(&mut self, address: u64, index: u64, value: u64) {
        if index >= GAP / WORD {
            return self.set_word(address + index * WORD, value);
        }
        // SAFETY: as for `word_near`; `&mut self` excludes every borrowed slice.
        unsafe { *self.at(address).add(index as usize) = value }
    }

    /// Writes a run of at most [`Self::MOST_IN_A_RUN`] words: word `index` becomes what `word` says; the first error ends it.
    #[inline(always)]
    pub(crate) fn write_run<E>(
        &mut self,
        address: u64,
        words: u64,
        mut word: impl FnMut(u64) -> Result<u64, E>,
    ) -> Result<(), (u64, E)> {
        assert!(words <= Self::MOST_IN_A_RUN);
        let first = self.at(address);
        for index in 0..words {
            match word(index) {
                // SAFETY: `at` is in bounds of the reservation, behind which GAP bytes more belong to the same mapping, and
                // the run is no longer than the gap. `word` cannot reach this memory, which is borrowed exclusively.
                Ok(word) => unsafe { *first.add(index as usize) = word },
                Err(error) => return Err((index, error)),
            }
        }
        Ok(())
    }

    /// Moves an object of at most [`Self::MOST_IN_A_RUN`] words whose header is known, and leaves its new address where it was.
    /// Returns the bits that any word behind the header has. Where the two places overlap the result is unspecified.
    #[inline(always)]
    pub(crate) fn move_object(&mut self, to: u64, from: u64, header: u64, words: u64) -> u64 {
        assert!(words <= Self::MOST_IN_A_RUN);
        let (source, target) = (self.at(from), self.at(to));
        // SAFETY: both runs start in bounds of the reservation and are no longer than the gap behind it that belongs to the
        // same mapping; words are moved one by one through raw pointers, so overlap is no fault.
        unsafe {
            *target = header;
            let mut bits = 0;
            for index in 1..words as usize {
                let word = *source.add(index);
                bits |= word;
                *target.add(index) = word;
            }
            *source = to;
            bits
        }
    }

    /// Asks the processor to load the line of an address; never faults, changes nothing.
    #[inline(always)]
    pub(crate) fn prefetch(&self, address: u64) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the masked offset is in bounds, and a prefetch is architecturally without effect.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.at(address).cast::<i8>());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }

    /// Words that [`Self::write_run`] takes at most.
    pub(crate) const MOST_IN_A_RUN: u64 = GAP / WORD;

    /// Where the reservation lies in this process.
    pub(super) fn first_byte(&self) -> NonNull<u8> {
        self.base
    }

    /// Panics unless a run of bytes lies inside the reservation; returns where it starts.
    #[inline]
    fn run(&self, address: u64, bytes: u64) -> usize {
        let start = address & self.mask;
        assert!(bytes <= self.bytes as u64 - start, "a run of {bytes} bytes at {start:#x} leaves the reservation");
        start as usize
    }

    /// Copies whole words between two runs that do not overlap.
    #[inline]
    pub(crate) fn copy_words(&mut self, to: u64, from: u64, words: u64) {
        let bytes = words.saturating_mul(WORD);
        let (to, from) = (self.run(to, bytes), self.run(from, bytes));
        let bytes = bytes as usize;
        debug_assert!(to + bytes <= from || from + bytes <= to || bytes == 0);
        // SAFETY: both runs are in bounds (`run` checked). `copy` allows overlap, so even a wrong call is sound.
        unsafe {
            let base = self.base.as_ptr();
            if words <= 8 {
                let (mut source, mut target) = (base.add(from).cast::<u64>(), base.add(to).cast::<u64>());
                for _ in 0..words {
                    *target = *source;
                    source = source.add(1);
                    target = target.add(1);
                }
            } else {
                std::ptr::copy(base.add(from), base.add(to), bytes);
            }
        }
    }

    /// Sets every word of a run.
    #[inline]
    pub(crate) fn fill_words(&mut self, address: u64, words: u64, value: u64) {
        self.words_mut(address, words).fill(value);
    }

    /// A run of words, writable.
    #[inline]
    pub(super) fn words_mut(&mut self, address: u64, words: u64) -> &mut [u64] {
        let start = self.run(address, words.saturating_mul(WORD));
        // SAFETY: the run is in bounds and word-aligned; `&mut self` makes the slice exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(start).cast::<u64>(), words as usize) }
    }

    /// A run of words.
    pub(super) fn words(&self, address: u64, words: u64) -> &[u64] {
        let start = self.run(address, words.saturating_mul(WORD));
        // SAFETY: the run is in bounds and word-aligned; writers need `&mut self`, so the borrow keeps the words unchanged.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(start).cast::<u64>(), words as usize) }
    }

    /// A run of raw bytes.
    pub(crate) fn slice(&self, address: u64, bytes: u64) -> &[u8] {
        let start = self.run(address, bytes);
        // SAFETY: in bounds; writers need `&mut self`, so the borrow keeps the bytes unchanged.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(start), bytes as usize) }
    }

    /// A run of raw bytes, writable.
    pub(crate) fn slice_mut(&mut self, address: u64, bytes: u64) -> &mut [u8] {
        let start = self.run(address, bytes);
        // SAFETY: in bounds, and exclusive through `&mut self`.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(start), bytes as usize) }
    }

    fn os_run(&self, address: u64, bytes: u64) -> (NonNull<u8>, usize) {
        debug_assert!(address.is_multiple_of(OS_PAGE) && bytes.is_multiple_of(OS_PAGE));
        let start = self.run(address, bytes);
        // SAFETY: `run` checked that the range lies inside the reservation.
        (unsafe { self.base.add(start) }, bytes as usize)
    }

    /// Lets a second thread make present what will be used next.
    pub(crate) fn prefault(&mut self) {
        self.prefaulting = Prefaulting::Wanted;
    }

    /// Makes a range usable; its content is unspecified.
    pub(crate) fn commit(&mut self, address: u64, bytes: u64) -> Result<(), Refused> {
        let (start, bytes) = self.os_run(address, bytes);
        // SAFETY: `os_run` is inside this reservation, which belongs to this backend.
        unsafe {
            self.region.backend.commit(start, bytes)?;
            if bytes as u64 >= CHUNK {
                self.region.backend.prefer_large_pages(start, bytes);
            }
        }
        if let Prefaulting::On(prefaulter, _) = &self.prefaulting
            && bytes as u64 >= CHUNK / 8
        {
            self.share_faults(prefaulter, address, bytes as u64);
        }
        Ok(())
    }

    /// Whoever takes so much writes it from its start to its end: the rest is for the other thread.
    fn share_faults(&self, prefaulter: &Prefaulter, address: u64, bytes: u64) {
        let own = (bytes * 2 / 5).next_multiple_of(OS_PAGE);
        let (start, bytes) = self.os_run(address + own, bytes - own);
        prefaulter.ask(start, bytes);
    }

    /// A range is used again whose memory was given back.
    pub(crate) fn reuse_discarded(&self, address: u64, bytes: u64) {
        if let Prefaulting::On(prefaulter, _) = &self.prefaulting {
            self.share_faults(prefaulter, address, bytes);
        }
    }

    /// Makes a range usable together with its neighbours in the same chunk.
    pub(crate) fn commit_chunks(&mut self, address: u64, bytes: u64) -> Result<(), Refused> {
        for chunk in address / CHUNK..(address + bytes).div_ceil(CHUNK) {
            self.commit_chunk(chunk)?;
            self.prefault_behind(chunk);
        }
        Ok(())
    }

    fn chunk_run(&self, chunk: u64) -> (NonNull<u8>, usize) {
        self.os_run(chunk * CHUNK, CHUNK.min(self.bytes() - chunk * CHUNK))
    }

    fn commit_chunk(&mut self, chunk: u64) -> Result<(), Refused> {
        let (word, bit) = ((chunk / 64) as usize, 1 << (chunk % 64));
        if self.chunks[word] & bit != 0 {
            return Ok(());
        }
        let (start, bytes) = self.chunk_run(chunk);
        // SAFETY: `os_run` is inside this reservation, which belongs to this backend.
        unsafe {
            self.region.backend.commit(start, bytes)?;
            if chunk * CHUNK >= LARGE_PAGES {
                self.region.backend.prefer_large_pages(start, bytes);
            }
        }
        self.chunks[word] |= bit;
        Ok(())
    }

    /// A page of a chunk is taken. With the first one, the chunk behind it is asked for.
    fn prefault_behind(&mut self, chunk: u64) {
        if matches!(self.prefaulting, Prefaulting::Off) || (chunk + 1) * CHUNK < PREFAULTED {
            return;
        }
        if matches!(self.prefaulting, Prefaulting::Wanted) {
            self.prefaulting = Prefaulter::start().map_or(Prefaulting::Off, |started| Prefaulting::On(started, chunk));
        }
        let start = self.chunk_run(chunk).0;
        match &mut self.prefaulting {
            Prefaulting::On(prefaulter, next) if *next == chunk => {
                *next = chunk + 1;
                prefaulter.settle(start);
            }
            _ => return,
        }
        // Runs of pages come from the high end: these chunks are still committed page by page.
        let is_low = (chunk + 2) * CHUNK <= self.bytes() / 2;
        if is_low && self.commit_chunk(chunk + 1).is_ok() {
            let (start, bytes) = self.chunk_run(chunk + 1);
            if let Prefaulting::On(prefaulter, _) = &self.prefaulting {
                prefaulter.ask(start, bytes);
            }
        }
    }

    /// Says that all of it will be used as a whole.
    pub(super) fn prefer_large_pages(&mut self) {
        if self.bytes as u64 >= CHUNK {
            // SAFETY: exactly this reservation, which belongs to this backend.
            unsafe { self.region.backend.prefer_large_pages(self.base, self.bytes) }
        }
    }

    /// Gives the memory of a range back that [`Self::commit_chunks`] made usable; it can be used again as it is.
    pub(crate) fn discard(&mut self, address: u64, bytes: u64) {
        if bytes > 0 {
            let (start, bytes) = self.os_run(address, bytes);
            // SAFETY: as for `commit_chunks`; the floors above write before they read.
            unsafe { self.region.backend.discard(start, bytes) }
        }
    }

    /// Gives a range back to the system.
    pub(crate) fn release(&mut self, address: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        // Part of a chunk is unusable from here on: whoever takes a page of it commits the whole anew.
        for chunk in address / CHUNK..(address + bytes).div_ceil(CHUNK) {
            self.chunks[(chunk / 64) as usize] &= !(1 << (chunk % 64));
        }
        let (start, bytes) = self.os_run(address, bytes);
        // SAFETY: as for `commit`; the floors above use the range only after committing it again.
        unsafe { self.region.backend.release(start, bytes) }
    }
}
