//! What a program that needs no handles reads and writes, all of it found from one masked address.
//!
//! As in a [`MarkView`](super::MarkView), base addresses and mask are held by value and stay in registers. A [`Place`] was masked
//! once and needs no other mask: it carries the lifetime of its view, which [`enter`](MutatorView::enter) gives to that one
//! view only, so it can be used with no other.

use super::{BitTable, Reservation, WORD};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A constant, and the number of what is added to it.
pub(crate) type Sum = (u64, u8);

/// Slots that wait together until they are remembered.
pub(crate) const STORED: usize = 128;

/// A lifetime that is one and no other, neither longer nor shorter.
pub(crate) type Brand<'n> = PhantomData<fn(&'n ()) -> &'n ()>;

/// A word inside the reservation of the view with the same lifetime. What holds: its offset is below the size of the reservation
/// and a multiple of the word size.
#[derive(Clone, Copy)]
pub(crate) struct Place<'m>(u64, Brand<'m>);

impl Place<'_> {
    /// The heap address.
    #[inline(always)]
    pub(crate) fn address(self) -> u64 {
        self.0
    }
}

/// Words, page flags and remembered slots of one heap, borrowed exclusively.
pub(crate) struct MutatorView<'m> {
    base: NonNull<u8>,
    slots: NonNull<u64>,
    remembered: NonNull<u64>,
    flags: NonNull<u8>,
    /// Size of the reservation minus one, without the three lowest bits.
    mask: u64,
    page_shift: u32,
    brand: Brand<'m>,
}

impl<'m> MutatorView<'m> {
    /// Runs `body` with a view whose lifetime is no other's. Panics unless the tables have a slot bit for every word, and
    /// remembered parts and flags for every page of the reservation.
    #[inline(always)]
    pub(crate) fn enter<R>(
        memory: &mut Reservation,
        slots: &mut BitTable,
        remembered: &mut [u64],
        flags: &[u8],
        page_shift: u32,
        body: impl for<'n> FnOnce(MutatorView<'n>) -> R,
    ) -> R {
        let mask = memory.bytes() - WORD;
        assert!(slots.described_bytes() > mask, "a slot bit for every word");
        assert!((9..64).contains(&page_shift), "pages of at least 64 words, so that they have 64 parts");
        let last_page = mask >> page_shift;
        assert!(
            remembered.len() as u64 > last_page && flags.len() as u64 > last_page,
            "parts and flags for every page"
        );
        // All four stay borrowed until `body` returns, the first three exclusively: nobody else reads or writes them meanwhile. The view
        // cannot outlive the call, because `body` must do with any lifetime, and so can name it in nothing that it leaves behind.
        body(MutatorView {
            base: memory.first_byte(),
            slots: slots.first_word(),
            remembered: NonNull::from(remembered).cast(),
            flags: NonNull::from(flags).cast(),
            mask,
            page_shift,
            brand: PhantomData,
        })
    }

    /// The place of an address; tag bits are ignored.
    #[inline(always)]
    pub(crate) fn place(&self, address: u64) -> Place<'m> {
        Place(address & self.mask, PhantomData)
    }

    #[inline(always)]
    fn at(&self, place: Place<'m>) -> *mut u64 {
        // SAFETY: the lifetime of a place is that of this view and of no other, and only `place` makes one, so the offset was
        // masked by `mask`. That is the size of the reservation less a word, without the lowest bits: with any offset under it the word
        // is in bounds of the one object that `base` points to. `base` is aligned to a page of the system and the offset
        // to a word, so the word is aligned.
        unsafe { self.base.as_ptr().add(place.0 as usize).cast::<u64>() }
    }

    /// The place, and the index behind it, of a word so many words behind a place. Near ones need no other mask.
    #[inline(always)]
    fn near(&self, place: Place<'m>, index: u64) -> (Place<'m>, usize) {
        if index < Reservation::MOST_IN_A_RUN { (place, index as usize) } else { (self.far(place, index), 0) }
    }

    #[inline(always)]
    fn far(&self, place: Place<'m>, index: u64) -> Place<'m> {
        self.place(place.0.wrapping_add(index.wrapping_mul(WORD)))
    }

    /// The word so many words behind a place; for an index that the compiler knows.
    #[inline(always)]
    pub(crate) fn word(&self, place: Place<'m>, index: u64) -> u64 {
        let (place, index) = self.near(place, index);
        // SAFETY: `at` is in bounds of the reservation, behind which a gap of MOST_IN_A_RUN words belongs to the same mapping, and
        // `near` gives a lesser index, so the word is in bounds too. All bits are a value of a word, and the reservation is
        // borrowed exclusively for this view, which `set_word` takes by `&mut`, so nobody writes it now.
        unsafe { *self.at(place).add(index) }
    }

    /// As [`Self::word`], for an index that the compiler does not know.
    #[inline(always)]
    pub(crate) fn element(&self, place: Place<'m>, index: u64) -> u64 {
        self.word(self.far(place, index), 0)
    }

    /// Overwrites the word so many words behind a place.
    #[inline(always)]
    pub(crate) fn set_word(&mut self, place: Place<'m>, index: u64, word: u64) {
        let (place, index) = self.near(place, index);
        // SAFETY: in bounds as in `word`. The reservation is borrowed exclusively for this view, and the view by `&mut`, so nobody
        // else reads or writes it now; a reader that holds a word holds a copy.
        unsafe { *self.at(place).add(index) = word }
    }

    /// As [`Self::set_word`], for an index that the compiler does not know.
    #[inline(always)]
    pub(crate) fn set_element(&mut self, place: Place<'m>, index: u64, word: u64) {
        self.set_word(self.far(place, index), 0, word);
    }

    /// Writes a header and so many words behind it, fewer than [`Reservation::MOST_IN_A_RUN`]: each becomes what `word` says.
    #[inline(always)]
    pub(crate) fn write_object(&mut self, place: Place<'m>, header: u64, words: usize, word: impl Fn(usize) -> u64) {
        assert!((words as u64) < Reservation::MOST_IN_A_RUN);
        let first = self.at(place);
        // SAFETY: `at` is in bounds of the reservation, behind which a gap of MOST_IN_A_RUN words belongs to the same mapping; with the
        // header there are no more words than that, as just asserted. The reservation is borrowed exclusively for this
        // view, and the view by `&mut`, so `word`, which captures neither, cannot reach it.
        unsafe {
            *first = header;
            for index in 0..words {
                *first.add(1 + index) = word(index);
            }
        }
    }

    /// Writes words from a place on, each the sum of a constant and one of the bases. Panics if they are more than
    /// [`Reservation::MOST_IN_A_RUN`].
    #[inline(always)]
    pub(crate) fn write_sums(&mut self, place: Place<'m>, words: &[Sum], bases: &[u64; 8]) {
        assert!(words.len() as u64 <= Reservation::MOST_IN_A_RUN);
        let first = self.at(place);
        for (index, &(word, base)) in words.iter().enumerate() {
            // SAFETY: `at` is in bounds of the reservation, behind which a gap of MOST_IN_A_RUN words belongs to the same mapping, and there
            // are no more words than that. The reservation is borrowed exclusively for this view, and the view by `&mut`, so
            // nobody else reads or writes it now.
            unsafe { *first.add(index) = word.wrapping_add(bases[usize::from(base % 8)]) }
        }
    }

    /// Asks the processor to load the line of a place; changes nothing.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: Place<'m>) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `at` is in bounds, and a prefetch reads and writes nothing that the program could see, whatever is there.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.at(place).cast::<i8>());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = place;
    }

    /// The flags of the page of a place.
    #[inline(always)]
    pub(crate) fn flags(&self, place: Place<'m>) -> u8 {
        // SAFETY: the offset is at most `mask`, so its page is at most the last one, and `enter` checked that there are flags for
        // that. They are borrowed shared for this view, so nobody writes them.
        unsafe { *self.flags.as_ptr().add((place.0 >> self.page_shift) as usize) }
    }

    /// Remembers the slot at a place: its bit, and that of its part of the page.
    pub(crate) fn remember(&mut self, slot: Place<'m>) {
        // SAFETY: the offset is at most `mask`. `enter` checked that the bits describe more bytes than that, 64 words of the heap a
        // word of bits, and that there is a word of parts for the last page, so both indexes are in bounds. Both tables
        // are borrowed exclusively for this view, and the view by `&mut`, so nobody else reads or writes them now.
        unsafe {
            let word = self.slots.as_ptr().add((slot.0 / (64 * WORD)) as usize);
            let (old, bit) = (*word, 1 << (slot.0 / WORD % 64));
            if old & bit == 0 {
                *word = old | bit;
                let parts = self.remembered.as_ptr().add((slot.0 >> self.page_shift) as usize);
                *parts |= 1 << ((slot.0 >> (self.page_shift - 6)) % 64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backend::BackendKind;

    #[test]
    fn any_address_is_a_place_inside_and_slots_are_remembered_by_part() {
        let bytes = 1 << 20;
        let mut memory = Reservation::new(BackendKind::Portable.make(), bytes, 1 << 18).unwrap();
        memory.commit(0, bytes).unwrap();
        let mut slots = BitTable::new(BackendKind::Portable.make(), bytes).unwrap();
        let (mut remembered, flags) = (vec![0; 4], vec![1, 2, 3, 4]);
        MutatorView::enter(&mut memory, &mut slots, &mut remembered, &flags, 18, |mut view| {
            let wild = view.place(u64::MAX);
            assert_eq!(wild.address(), bytes - WORD);
            view.set_word(wild, 1 << 40, 7);
            assert_eq!(view.element(wild, 1 << 40), 7);
            let object = view.place((1 << 18) + 4096 + 3);
            view.write_object(object, 5, 2, |index| 6 + index as u64);
            assert_eq!((0..3).map(|index| view.word(object, index)).collect::<Vec<_>>(), [5, 6, 7]);
            assert_eq!((view.flags(wild), view.flags(object)), (4, 2));
            view.remember(object);
            view.remember(object);
        });
        assert!(slots.get((1 << 18) + 4096) && !slots.get(1 << 18));
        assert_eq!(remembered, [0, 2, 0, 0]);
    }
}
