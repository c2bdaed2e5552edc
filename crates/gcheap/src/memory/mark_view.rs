//! What the marking loop reads and writes, all of it found from one masked address.
//!
//! Base addresses and mask are held by value, so that they stay in registers over a loop that writes mark bits. What holds
//! is what holds for [`Reservation`]: any `u64` is a harmless address.
//!
//! A view can be split between two threads. Both read the heap, which nobody writes while views live; each sets the mark
//! bits of its own half of the address space only and counts live bytes in a table of its own, so no word is written by
//! one thread and touched by the other.

use super::{BitTable, Reservation, WORD};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Whose mark bits a view may set.
pub(crate) trait Share {
    /// Whether those of an address inside the reservation are among them.
    fn owns(&self, place: u64) -> bool;
    /// The same share, for a view that takes the place of this one for a while.
    fn reborrow(&mut self) -> Self;
}

/// All mark bits.
pub(crate) struct Whole;

impl Share for Whole {
    #[inline(always)]
    fn owns(&self, _: u64) -> bool {
        true
    }

    #[inline(always)]
    fn reborrow(&mut self) -> Self {
        Whole
    }
}

/// Those of every other run of this many bytes, so that two halves share no cache line of mark bits.
const STRIPE: u64 = 2 << 20;

/// The mark bits of the even or the odd stripes. Only [`MarkView::split`] makes them, one of each.
pub(crate) struct Half(u64);

impl Share for Half {
    #[inline(always)]
    fn owns(&self, place: u64) -> bool {
        place / STRIPE % 2 == self.0
    }

    #[inline(always)]
    fn reborrow(&mut self) -> Self {
        Half(self.0)
    }
}

/// What became of a mark bit that was to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It was clear and is set now.
    Fresh,
    /// It was set before.
    Known,
    /// It belongs to the other half.
    Foreign,
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

// SAFETY: a half reads the reservation and the flags, which are borrowed shared; writes mark bits of its own stripes only
// (`set_mark` checks), of which no word is shared with the other half; and writes live bytes into a table that `split` was
// given for it alone. There is one view of each half, and views are not cloned.
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

    /// One view for this thread and one for another, which counts live bytes in `live`. Panics unless that has a count for
    /// every page.
    pub(crate) fn split<'h>(self, live: &'h mut [u64]) -> (MarkView<'h, Half>, MarkView<'h, Half>)
    where
        'm: 'h,
    {
        assert!(live.len() as u64 > self.mask >> self.page_shift, "a count for every page");
        let MarkView { base, marks, flags, mask, page_shift, .. } = self;
        let half = |live, number| MarkView {
            base,
            marks,
            live,
            flags,
            mask,
            page_shift,
            share: Half(number),
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

    /// Sets the mark bit of an address, if it is this share's.
    #[inline(always)]
    pub(crate) fn set_mark(&self, address: u64) -> Mark {
        let place = self.place(address);
        if !self.share.owns(place) {
            return Mark::Foreign;
        }
        // SAFETY: `new` checked that the table has a bit for every word of the reservation; the table is borrowed for 'm,
        // and this share's words of it are touched by nobody else.
        let (old, new) = unsafe {
            let word = self.marks.as_ptr().add((place / (64 * WORD)) as usize);
            let old = *word;
            let new = old | 1 << (place / WORD % 64);
            *word = new;
            (old, new)
        };
        if new != old { Mark::Fresh } else { Mark::Known }
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
    fn two_halves_set_every_mark_bit_once_and_leave_the_others_to_each_other() {
        let bytes = 4 * STRIPE;
        let mut memory = Reservation::new(BackendKind::Portable.make(), bytes, 1 << 18).unwrap();
        memory.commit(0, bytes).unwrap();
        let mut marks = BitTable::new(BackendKind::Portable.make(), bytes).unwrap();
        let (mut live, mut more, flags) = (vec![0; 32], vec![0; 32], vec![0; 32]);
        let view = MarkView::new(&memory, &mut marks, &mut live, &flags, 18);
        let (even, odd) = view.split(&mut more);
        for address in (0..bytes).step_by(4096) {
            let outcomes = [even.set_mark(address), odd.set_mark(address)];
            let even_owns = (address / STRIPE).is_multiple_of(2);
            let expected = if even_owns { [Mark::Fresh, Mark::Foreign] } else { [Mark::Foreign, Mark::Fresh] };
            assert_eq!(outcomes, expected, "{address:#x}");
            even.add_live(address, 1);
            odd.add_live(address, 2);
        }
        assert_eq!(even.set_mark(8192), Mark::Known);
        assert_eq!((live[31], more[31]), (64, 128));
        assert!((0..bytes).step_by(4096).all(|address| marks.get(address)));
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
