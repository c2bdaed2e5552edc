//! One bit a heap word, in a side table: mark bits and remembered slots.
//!
//! The table is address space first (one sixty-fourth of the reservation) and becomes memory where it is touched.
//! Indexes are heap addresses; the same masking as in [`Reservation`](super::Reservation) keeps every access inside.

use super::{OS_PAGE, Reservation, WORD};
use std::ptr::NonNull;

pub(crate) struct BitTable {
    table: Reservation,
}

/// Heap bytes that one word of bits describes.
pub(crate) const SPAN: u64 = 64 * WORD;

/// Words of bits that are looked at together: a line of the cache.
const CHUNK: usize = 8;

impl BitTable {
    /// A table of these bits, all of them usable.
    pub(super) fn of(table: Reservation) -> Self {
        BitTable { table }
    }

    /// A table for a reservation of `heap_bytes`, in memory of its own.
    pub(crate) fn new(backend: Box<dyn super::backend::Backend>, heap_bytes: u64) -> Result<Self, super::Refused> {
        let bytes = (heap_bytes / 64).max(OS_PAGE);
        let mut table = Reservation::new(backend, bytes, OS_PAGE)?;
        table.commit(0, table.bytes())?;
        Ok(BitTable { table })
    }

    /// Says that most of the table will be used, so that large system pages serve it better.
    pub(crate) fn prefer_large_pages(&mut self) {
        self.table.prefer_large_pages();
    }

    #[inline(always)]
    fn place(address: u64) -> (u64, u64) {
        ((address / SPAN) * WORD, 1 << ((address / WORD) % 64))
    }

    #[inline(always)]
    pub(crate) fn get(&self, address: u64) -> bool {
        let (word, bit) = Self::place(address);
        self.table.word(word) & bit != 0
    }

    /// Sets a bit; true if it was clear.
    #[inline(always)]
    pub(crate) fn set(&mut self, address: u64) -> bool {
        let (word, bit) = Self::place(address);
        let old = self.table.word(word);
        if old & bit != 0 {
            return false;
        }
        self.table.set_word(word, old | bit);
        true
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self, address: u64) {
        let (word, bit) = Self::place(address);
        let old = self.table.word(word);
        self.table.set_word(word, old & !bit);
    }

    /// Heap bytes that have a bit.
    pub(crate) fn described_bytes(&self) -> u64 {
        self.table.bytes() * 64
    }

    /// Where the table lies in this process.
    pub(super) fn first_word(&mut self) -> NonNull<u64> {
        self.table.first_byte().cast()
    }

    /// Clears the bits of a run of heap bytes; both ends are multiples of 512 bytes.
    pub(crate) fn clear_run(&mut self, address: u64, bytes: u64) {
        debug_assert!(address.is_multiple_of(SPAN) && bytes.is_multiple_of(SPAN));
        self.table.fill_words(address / SPAN * WORD, bytes / SPAN, 0);
    }

    /// Gives back the memory of the bits of a run of heap bytes, all of which are clear.
    pub(crate) fn discard_clear(&mut self, address: u64, bytes: u64) {
        let (start, end) = ((address / 64).next_multiple_of(OS_PAGE), (address + bytes) / 64 / OS_PAGE * OS_PAGE);
        if start < end {
            self.table.discard(start, end - start);
        }
    }

    /// Clears the bits of a run of heap bytes of any alignment to a word.
    pub(crate) fn clear_words(&mut self, mut address: u64, end: u64) {
        while address < end {
            let (word, _) = Self::place(address);
            let first = (address / WORD) % 64;
            let span_end = (address / SPAN + 1) * SPAN;
            let last = if span_end <= end { 64 } else { (end / WORD) % 64 };
            let keep = if last == 64 { 0 } else { u64::MAX << last } | ((1u64 << first) - 1);
            let old = self.table.word(word);
            self.table.set_word(word, old & keep);
            address = span_end;
        }
    }

    /// The 64 bits that describe the 512 heap bytes at `address`.
    #[inline(always)]
    pub(crate) fn span(&self, address: u64) -> u64 {
        self.table.word((address / SPAN) * WORD)
    }

    /// Overwrites the 64 bits that describe the 512 heap bytes at `address`.
    #[inline(always)]
    pub(crate) fn set_span(&mut self, address: u64, bits: u64) {
        self.table.set_word((address / SPAN) * WORD, bits);
    }

    /// Takes over the bits that another table has for a run of heap bytes, a multiple of 512: there they are clear then. `twice` learns
    /// of those that were set in both.
    pub(crate) fn take_all(&mut self, from: &mut BitTable, address: u64, bytes: u64, mut twice: impl FnMut(u64)) {
        let (at, words) = (address / SPAN * WORD, bytes / SPAN);
        let (own, theirs) = (self.table.words_mut(at, words), from.table.words_mut(at, words));
        for (chunk, (own, theirs)) in own.chunks_mut(CHUNK).zip(theirs.chunks_mut(CHUNK)).enumerate() {
            if theirs.iter().fold(0, |all, bits| all | bits) == 0 {
                continue;
            }
            for (index, (own, theirs)) in own.iter_mut().zip(theirs).enumerate() {
                let mut both = *own & *theirs;
                *own |= std::mem::take(theirs);
                while both != 0 {
                    let word = address / WORD + 64 * (CHUNK * chunk + index) as u64 + u64::from(both.trailing_zeros());
                    twice(word * WORD);
                    both &= both - 1;
                }
            }
        }
    }

    /// The bits, for all who have a copy.
    pub(crate) fn bits(&self) -> Bits<'_> {
        Bits { words: self.table.words(0, self.table.bytes() / WORD) }
    }

    /// The next set bit at or after `address` and below `end`, as a heap address.
    #[inline]
    pub(crate) fn next_set(&self, address: u64, end: u64) -> Option<u64> {
        next_set(|base| self.span(base), address, end)
    }
}

/// The bits of a table that nobody changes.
#[derive(Clone, Copy)]
pub(crate) struct Bits<'t> {
    words: &'t [u64],
}

impl Bits<'_> {
    /// As [`BitTable::next_set`].
    #[inline]
    pub(crate) fn next_set(self, address: u64, end: u64) -> Option<u64> {
        next_set(|base| self.words.get((base / SPAN) as usize).copied().unwrap_or(0), address, end)
    }
}

#[inline(always)]
fn next_set(span: impl Fn(u64) -> u64, address: u64, end: u64) -> Option<u64> {
    let mut base = address / SPAN * SPAN;
    if address >= end {
        return None;
    }
    let mut bits = span(base) & (u64::MAX << ((address / WORD) % 64));
    loop {
        if bits != 0 {
            let found = base + u64::from(bits.trailing_zeros()) * WORD;
            return (found < end).then_some(found);
        }
        base += SPAN;
        if base >= end {
            return None;
        }
        bits = span(base);
    }
}
