//! What the marking loop reads and writes, all of it found from one masked address.
//!
//! Base addresses and mask are held by value, so that they stay in registers over a loop that writes mark bits. What holds
//! is what holds for [`Reservation`]: any `u64` is a harmless address.
//!
//! A view can be split between two threads. Both read the heap, which nobody writes while views live. Each sets mark bits in a
//! table of its own and looks at the other's before, and counts live bytes in a table of its own; so no word is written by
//! both. What both come upon at the same moment both may mark: whoever joins the tables sees it.

use super::{BitTable, Reservation, WORD};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages of 256 KiB.
const USUAL_PAGE_SHIFT: u32 = 18;

/// What a view knows of mark bits beside its own.
pub(crate) trait Share {
    /// Those of others in a word of the table. The index is that of a word that describes the reservation.
    fn others(&self, index: usize) -> u64;
    /// The same share, for a view that takes the place of this one for a while.
    fn reborrow(&mut self) -> Self;
}

/// There are no others.
pub(crate) struct Whole;

impl Share for Whole {
    #[inline(always)]
    fn others(&self, _: usize) -> u64 {
        0
    }

    #[inline(always)]
    fn reborrow(&mut self) -> Self {
        Whole
    }
}

/// Those of another thread. Only [`MarkView::split`] makes them, each with the table of the other.
pub(crate) struct Half(NonNull<u64>);

impl Share for Half {
    #[inline(always)]
    fn others(&self, index: usize) -> u64 {
        // SAFETY: `split` checked that the table has a bit for every word of the reservation, and the index is that of one of them;
        // while both views live the table is only read and written by atomic operations.
        unsafe { AtomicU64::from_ptr(self.0.as_ptr().add(index)).load(Ordering::Relaxed) }
    }

    #[inline(always)]
    fn reborrow(&mut self) -> Self {
        Half(self.0)
    }
}

/// Words, mark bits, live bytes and page flags of one heap, for the length of a loop.
pub(crate) struct MarkView<'m, S: Share> {
    base: NonNull<u8>,
    marks: NonNull<u64>,
    live: NonNull<u64>,
    flags: NonNull<u8>,
    /// Size of the reservation minus one, without the three lowest bits.
    mask: u64,
    page_shift: u32,
    share: S,
    borrow: PhantomData<(&'m Reservation, &'m mut [u64])>,
}

// SAFETY: a half reads the reservation and the flags, which are borrowed shared; writes mark bits into its own table only, by
// atomic operations, and reads those of the other's, as both do; and writes live bytes into a table that is for it alone. There is one view
// of each half, and views are not cloned.
unsafe impl Send for MarkView<'_, Half> {}

impl<S: Share> MarkView<'_, S> {
    /// The same view for the length of a loop, in registers.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> MarkView<'_, S> {
        MarkView {
            base: self.base,
            marks: self.marks,
            live: self.live,
            flags: self.flags,
            mask: self.mask,
            page_shift: self.page_shift,
            share: self.share.reborrow(),
            borrow: PhantomData,
        }
    }
}

impl<'m, S: Share> MarkView<'m, S> {
    /// Whether pages are as large as in most versions.
    #[inline(always)]
    pub(crate) fn has_usual_pages(&self) -> bool {
        self.page_shift == USUAL_PAGE_SHIFT
    }

    /// The same view. If `USUAL`, which only holds if [`Self::has_usual_pages`] does, the compiler knows the size of a page. Panics otherwise.
    #[inline(always)]
    pub(crate) fn with_pages<const USUAL: bool>(self) -> Self {
        if !USUAL {
            return self;
        }
        assert!(self.has_usual_pages());
        MarkView { page_shift: USUAL_PAGE_SHIFT, ..self }
    }
}

impl<'m> MarkView<'m, Whole> {
    /// Panics unless the tables have a mark bit for every word, and live bytes and flags for every page of the reservation.
    pub(crate) fn new(
        memory: &'m Reservation,
        marks: &'m mut BitTable,
        live: &'m mut [u64],
        flags: &'m [u8],
        page_shift: u32,
    ) -> Self {
        assert!(marks.described_bytes() >= memory.bytes(), "a mark bit for every word");
        let pages = memory.bytes().div_ceil(1 << page_shift) as usize;
        assert!(page_shift < 64 && live.len() >= pages && flags.len() >= pages, "a count and flags for every page");
        MarkView {
            base: memory.first_byte(),
            marks: marks.first_word(),
            live: NonNull::from(live).cast(),
            flags: NonNull::from(flags).cast(),
            mask: memory.bytes() - WORD,
            page_shift,
            share: Whole,
            borrow: PhantomData,
        }
    }

    /// One view for this thread and one for another, which sets mark bits in `marks`, all of them clear now, and counts live bytes
    /// in `live`. Panics unless these have a bit for every word and a count for every page.
    pub(crate) fn split<'h>(
        self,
        marks: &'h mut BitTable,
        live: &'h mut [u64],
    ) -> (MarkView<'h, Half>, MarkView<'h, Half>)
    where
        'm: 'h,
    {
        assert!(marks.described_bytes() > self.mask, "a mark bit for every word");
        assert!(live.len() as u64 > self.mask >> self.page_shift, "a count for every page");
        let MarkView { base, flags, mask, page_shift, .. } = self;
        let tables = [self.marks, marks.first_word()];
        let half = |live, number: usize| MarkView {
            base,
            marks: tables[number],
            live,
            flags,
            mask,
            page_shift,
            share: Half(tables[1 - number]),
            borrow: PhantomData,
        };
        (half(self.live, 0), half(NonNull::from(live).cast(), 1))
    }
}

impl<'m, S: Share> MarkView<'m, S> {
    /// An address without tag bits, inside the reservation. Masking what is masked costs nothing.
    #[inline(always)]
    pub(crate) fn place(&self, word: u64) -> u64 {
        word & self.mask
    }

    /// The word at an address.
    #[inline(always)]
    pub(crate) fn word(&self, address: u64) -> u64 {
        // SAFETY: the masked offset is in bounds of the reservation and a multiple of the word size; plain words have no
        // invalid values, and nobody writes the memory while a view lives.
        unsafe { *self.base.as_ptr().add(self.place(address) as usize).cast::<u64>() }
    }

    /// The words from `address` on; none at all if they would leave the reservation.
    #[inline(always)]
    pub(crate) fn slots(&self, address: u64, words: u64) -> Slots<'m> {
        let start = self.place(address);
        let stays = words <= u64::from(u32::MAX) && start + words * WORD <= self.mask;
        Slots { base: self.base, at: start, end: if stays { start + words * WORD } else { start }, borrow: PhantomData }
    }

    /// The words behind the first one of an object of less than [`Reservation::MOST_IN_A_RUN`] words; of a longer one some of them.
    #[inline(always)]
    pub(crate) fn few_slots(&self, object: u64, words: u64) -> Slots<'m> {
        let at = self.place(object) + WORD;
        let words = words % Reservation::MOST_IN_A_RUN;
        // Less than a run behind an address of the reservation: at most in the gap behind it.
        Slots { base: self.base, at, end: at + words * WORD, borrow: PhantomData }
    }

    /// Asks the processor to load the line of an address; never faults, changes nothing.
    #[inline(always)]
    pub(crate) fn prefetch(&self, address: u64) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the masked offset is in bounds, and a prefetch is architecturally without effect.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.base.as_ptr().add(self.place(address) as usize).cast::<i8>());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }

    /// Sets the mark bit of an address; true if it was clear, here and with others.
    #[inline(always)]
    pub(crate) fn set_mark(&self, address: u64) -> bool {
        let place = self.place(address);
        let (index, bit) = ((place / (64 * WORD)) as usize, 1 << (place / WORD % 64));
        // SAFETY: `new` or `split` checked that the table has a bit for every word of the reservation; it is borrowed for 'm, and
        // nobody else writes it.
        let own = unsafe { AtomicU64::from_ptr(self.marks.as_ptr().add(index)) };
        let old = own.load(Ordering::Relaxed);
        if (old | self.share.others(index)) & bit != 0 {
            return false;
        }
        own.store(old | bit, Ordering::Relaxed);
        true
    }

    /// Counts live bytes for the page of an address.
    #[inline(always)]
    pub(crate) fn add_live(&self, address: u64, bytes: u64) {
        // SAFETY: `new` and `split` checked that there is a count for every page of the reservation.
        unsafe { *self.live.as_ptr().add((self.place(address) >> self.page_shift) as usize) += bytes }
    }

    /// The flags of the page of an address.
    #[inline(always)]
    pub(crate) fn flags(&self, address: u64) -> u8 {
        // SAFETY: `new` checked that there are flags for every page of the reservation.
        unsafe { *self.flags.as_ptr().add((self.place(address) >> self.page_shift) as usize) }
    }
}

/// Words of the heap with their addresses. What holds: the words from `at` to `end` lie in the reservation or in the gap behind it.
pub(crate) struct Slots<'m> {
    base: NonNull<u8>,
    at: u64,
    end: u64,
    borrow: PhantomData<&'m Reservation>,
}

impl Iterator for Slots<'_> {
    /// Address and word.
    type Item = (u64, u64);

    #[inline(always)]
    fn next(&mut self) -> Option<(u64, u64)> {
        let at = self.at;
        if at == self.end {
            return None;
        }
        self.at = at + WORD;
        // SAFETY: `at` lies below `end` and is a multiple of the word size, so it is a word of the reservation or of the gap, which
        // belongs to the same mapping; nobody writes the memory while it is borrowed.
        Some((at, unsafe { *self.base.as_ptr().add(at as usize).cast::<u64>() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backend::BackendKind;

    #[test]
    fn two_halves_see_each_others_marks_and_their_tables_are_joined() {
        let bytes = 1 << 20;
        let mut memory = Reservation::new(BackendKind::Portable.make(), bytes, 1 << 18).unwrap();
        memory.commit(0, bytes).unwrap();
        let table = || BitTable::new(BackendKind::Portable.make(), bytes).unwrap();
        let (mut marks, mut others) = (table(), table());
        let (mut live, mut more, flags) = (vec![0; 4], vec![0; 4], vec![0; 4]);
        let view = MarkView::new(&memory, &mut marks, &mut live, &flags, 18);
        let (one, other) = view.split(&mut others, &mut more);
        for address in (0..bytes).step_by(4096) {
            let (first, second) = if address % 8192 == 0 { (&one, &other) } else { (&other, &one) };
            assert!(first.set_mark(address) && !second.set_mark(address) && !first.set_mark(address), "{address:#x}");
            one.add_live(address, 1);
            other.add_live(address, 2);
        }
        assert_eq!((live[3], more[3]), (64, 128));
        assert!(others.set(8192), "as if both had set it at the same moment");
        let mut twice = Vec::new();
        marks.take_all(&mut others, 0, bytes, |address| twice.push(address));
        assert_eq!(twice, [8192]);
        assert!((0..bytes).step_by(4096).all(|address| marks.get(address) && !others.get(address)));
    }

    #[test]
    fn slots_that_would_leave_the_reservation_are_none() {
        let bytes = 1 << 20;
        let mut memory = Reservation::new(BackendKind::Portable.make(), bytes, 1 << 18).unwrap();
        memory.commit(0, bytes).unwrap();
        let mut marks = BitTable::new(BackendKind::Portable.make(), bytes).unwrap();
        let (mut live, flags) = (vec![0; 4], vec![0; 4]);
        let view = MarkView::new(&memory, &mut marks, &mut live, &flags, 18);
        assert_eq!(view.slots(bytes - 64, 7).count(), 7);
        assert_eq!(view.slots(bytes - 64, 9).count(), 0);
        assert_eq!(view.slots(0, u64::MAX).count(), 0);
        assert_eq!(view.few_slots(bytes - 8, 3).count(), 3);
        assert_eq!(view.few_slots(0, 512 + 3).count(), 3);
        assert_eq!(view.word(u64::MAX), 0);
    }
}
