//! Tables beside a heap: a bit a word, and a number a page.
//!
//! All of them lie in one region that is address space first and becomes memory where it is touched, so that a heap is made
//! by few system calls, however large it may grow.

use super::backend::Backend;
use super::reservation::{GAP, Region};
use super::{BitTable, OS_PAGE, Refused, Reservation, WORD};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::rc::Rc;

/// The tables of one heap.
pub(crate) struct SideTables {
    pub(crate) marks: BitTable,
    pub(crate) slots: BitTable,
    /// A byte a page.
    pub(crate) flags: Table<u8>,
    /// Two words a page.
    pub(crate) first: Table<u64>,
    pub(crate) second: Table<u64>,
}

impl SideTables {
    /// Tables for a heap of `heap_bytes`, a power of two, with so many pages.
    pub(crate) fn new(backend: Box<dyn Backend>, heap_bytes: u64, pages: u64) -> Result<Self, Refused> {
        let refused = Refused { bytes: heap_bytes };
        let size = |bytes: u64| usize::try_from(bytes).map_err(|_| refused);
        let bits = size((heap_bytes / 64).max(OS_PAGE))?;
        let (bytes, words) = (size(pages.next_multiple_of(OS_PAGE))?, size((pages * WORD).next_multiple_of(OS_PAGE))?);
        let gap = GAP as usize;
        let region = Region::new(backend, 2 * (bits + gap) + bytes + 2 * words, OS_PAGE as usize, true)?;
        let (slots, flags) = (bits + gap, 2 * (bits + gap));
        let bit_table = |offset| BitTable::of(Reservation::of_part(Rc::clone(&region), offset, bits));
        Ok(SideTables {
            marks: bit_table(0),
            slots: bit_table(slots),
            flags: Table::of_part(&region, flags, size(pages)?),
            first: Table::of_part(&region, flags + bytes, size(pages)?),
            second: Table::of_part(&region, flags + bytes + words, size(pages)?),
        })
    }
}

/// What a table can hold: any bits, zero among them, are a value.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u64 {}

/// A number a page, zero at first.
pub(crate) struct Table<T: Plain> {
    first: NonNull<T>,
    length: usize,
    _region: Rc<Region>,
    entries: PhantomData<T>,
}

impl<T: Plain> Table<T> {
    /// The caller has made the region usable and gives no byte of the part to anybody else.
    fn of_part(region: &Rc<Region>, offset: usize, length: usize) -> Self {
        assert!(offset.is_multiple_of(OS_PAGE as usize));
        let first = region.part(offset, length * size_of::<T>()).cast();
        Table { first, length, _region: Rc::clone(region), entries: PhantomData }
    }
}

impl<T: Plain> Deref for Table<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the part lies in the region, which is held and usable; it starts at a page of the system, all its bits are
        // values, and it is this table's alone.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.length) }
    }
}

impl<T: Plain> DerefMut for Table<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; `&mut self` makes it exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backend::BackendKind;

    #[test]
    fn tables_are_zero_and_apart_from_each_other() {
        for backend in [BackendKind::default(), BackendKind::Portable] {
            let mut tables = SideTables::new(backend.make(), 1 << 24, 64).unwrap();
            assert!(tables.first.iter().chain(tables.second.iter()).all(|&word| word == 0));
            assert_eq!((tables.flags.len(), tables.first.len(), tables.second.len()), (64, 64, 64));
            tables.flags.fill(1);
            tables.first.fill(2);
            assert!(tables.marks.set((1 << 24) - 8) && tables.slots.set(0));
            assert!(!tables.slots.get((1 << 24) - 8) && !tables.marks.get(0));
            assert!(tables.second.iter().all(|&word| word == 0) && tables.flags.iter().all(|&flags| flags == 1));
        }
    }
}
