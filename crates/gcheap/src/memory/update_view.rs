//! What the updating of pointers reads and writes, by as many threads as there are.
//!
//! As in a [`MarkView`](super::MarkView), base address and mask are held by value. Words are read and written by atomic
//! operations, plain loads and stores on usual processors, so that no order in which threads come is a data race, whatever they are
//! told to write. What holds is what holds for [`Reservation`]: any `u64` is a harmless address.

use super::{Reservation, WORD};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words and page flags of one heap, for all who have a copy.
#[derive(Clone, Copy)]
pub(crate) struct UpdateView<'m> {
    base: NonNull<u8>,
    /// Size of the reservation minus one, without the three lowest bits.
    mask: u64,
    flags: &'m [u8],
    page_shift: u32,
    borrow: PhantomData<&'m mut Reservation>,
}

// SAFETY: the reservation is borrowed exclusively for the view and its copies, which read and write it by atomic operations only;
// the flags are borrowed shared.
unsafe impl Send for UpdateView<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for UpdateView<'_> {}

impl<'m> UpdateView<'m> {
    /// Panics unless there are flags for every page of the reservation.
    pub(crate) fn new(memory: &'m mut Reservation, flags: &'m [u8], page_shift: u32) -> Self {
        let mask = memory.bytes() - WORD;
        assert!(page_shift < 64 && flags.len() as u64 > mask >> page_shift, "flags for every page");
        UpdateView { base: memory.first_byte(), mask, flags, page_shift, borrow: PhantomData }
    }

    #[inline(always)]
    fn at(&self, address: u64) -> &AtomicU64 {
        // SAFETY: the masked offset is in bounds of the reservation and a multiple of the word size. It is borrowed exclusively for the
        // view and its copies, and these only use atomic operations.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add((address & self.mask) as usize).cast::<u64>()) }
    }

    /// The word at an address (tag bits are ignored).
    #[inline(always)]
    pub(crate) fn word(&self, address: u64) -> u64 {
        self.at(address).load(Ordering::Relaxed)
    }

    /// Overwrites the word at an address (tag bits are ignored).
    #[inline(always)]
    pub(crate) fn set_word(&self, address: u64, word: u64) {
        self.at(address).store(word, Ordering::Relaxed);
    }

    /// The flags of the page of an address.
    #[inline(always)]
    pub(crate) fn flags(&self, address: u64) -> u8 {
        // SAFETY: `new` checked that there are flags for every page of the reservation, and the masked address is inside.
        unsafe { *self.flags.get_unchecked(((address & self.mask) >> self.page_shift) as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backend::BackendKind;

    #[test]
    fn threads_with_copies_write_what_all_see_and_no_address_leaves_the_reservation() {
        let bytes = 1 << 20;
        let mut memory = Reservation::new(BackendKind::Portable.make(), bytes, 1 << 18).unwrap();
        memory.commit(0, bytes).unwrap();
        let flags = [1, 2, 3, 4];
        let view = UpdateView::new(&mut memory, &flags, 18);
        std::thread::scope(|scope| {
            scope.spawn(move || (0..bytes / 2).step_by(8).for_each(|address| view.set_word(address, address)));
            (bytes / 2..bytes).step_by(8).for_each(|address| view.set_word(address | 3, address));
        });
        assert!((0..bytes).step_by(8).all(|address| view.word(address + bytes) == address));
        assert_eq!((view.flags(u64::MAX), view.flags(1 << 18)), (4, 2));
    }
}
