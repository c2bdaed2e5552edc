//! Stretches without a collection: objects by their addresses, without handles.
//!
//! A handle is needed because objects move. Where it is certain that none will, an address is as good: [`Scope::no_gc`] first
//! makes room for all that a stretch of the program allocates, collecting if need be, and then runs it. Nothing in it can
//! collect. What holds: a [`Tagged`] is an object of its type in the heap of its stretch. It can neither leave the stretch nor
//! get into another one: both carry a lifetime that nothing else has.

mod slots;

use super::Heap;
use super::allocate::SURELY_REGULAR;
use super::error::Error;
use super::handle::types::Record;
use super::handle::{Local, Type};
use super::objects::wrong_kind;
use super::record::{Layout, RecordType, header_for};
use super::scope::Scope;
use super::tagged::{Tagged, TaggedValue};
use super::typed_record::RecordLayout;
use crate::collect::mark::Marking;
use crate::memory::{BitTable, Brand, MutatorView, Place, Reservation, STORED, WORD};
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::object::word::{self, HOLE, UNDEFINED};
use crate::space::Spaces;
use crate::space::pages::YOUNG;
use slots::remember_stored;
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// No page is too small for it.
const MOST_BYTES: u64 = SURELY_REGULAR;

/// A stretch of a program in which nothing is collected (V8 `DisallowGarbageCollection`); [`Scope::no_gc`] opens it.
///
/// ```
/// use gcheap::{Error, Heap, HeapOptions, NoGc, RecordType, Tagged, TaggedValue, types::Record};
///
/// fn tree<'n>(no_gc: &mut NoGc<'n, '_, '_>, node: RecordType, depth: u32) -> Result<Tagged<'n, Record>, Error> {
///     if depth == 0 {
///         return no_gc.record(node, [TaggedValue::Undefined; 2]);
///     }
///     let left = tree(no_gc, node, depth - 1)?;
///     let right = tree(no_gc, node, depth - 1)?;
///     no_gc.record(node, [left.into(), right.into()])
/// }
///
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let node = heap.record_type(2, 0)?;
/// let mut scope = heap.scope();
/// let root = scope.no_gc(31 * 24, |no_gc| {
///     let root = tree(no_gc, node, 4)?;
///     Ok(no_gc.local(root))
/// })?;
/// assert_eq!(scope.size(root)?, 24);
/// # Ok::<(), Error>(())
/// ```
///
/// It stays with its thread:
///
/// ```compile_fail,E0277
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// heap.scope().no_gc(24, |no_gc| {
///     std::thread::scope(|threads| {
///         threads.spawn(|| no_gc.layout::<Cell>().map(|_| ()));
///     });
///     Ok(())
/// }).unwrap();
/// # gcheap::record! { struct Cell { value: gcheap::record::Any } }
/// ```
pub struct NoGc<'n, 'h, 's> {
    pub(super) view: MutatorView<'n>,
    /// The next object goes here; brought up to date when the stretch ends.
    pub(super) top: u64,
    /// End of what was reserved.
    pub(super) end: u64,
    /// Objects that were allocated.
    pub(super) objects: u64,
    /// Where the heap keeps its next place, and its tally.
    pub(super) kept: (&'h mut u64, &'h mut u64),
    /// A page of which one of these flags is set needs no barrier.
    pub(super) exempt: u8,
    /// Slots of old objects into which references were stored; the remembered set learns of them together.
    pub(super) stored: &'h mut [u64; STORED],
    /// How many they are.
    pub(super) count: usize,
    pub(super) handles: &'h mut Vec<u64>,
    pub(super) handle_key: NonZeroU64,
    pub(super) number: u32,
    pub(super) record_types: &'h mut Vec<Layout>,
    pub(super) marking: &'h mut Marking,
    pub(super) marks: &'h mut BitTable,
    pub(super) scope: Brand<'s>,
}

impl std::fmt::Debug for NoGc<'_, '_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoGc").field("left", &(self.end - self.top)).finish_non_exhaustive()
    }
}

impl Drop for NoGc<'_, '_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        let (top, tally) = (&mut *self.kept.0, &mut *self.kept.1);
        *tally += (self.objects << 36) + (self.top - *top) / WORD;
        *top = self.top;
        if !on(Mutant::ForgetNotedSlots) {
            remember_stored(&mut self.view, self.stored, self.count);
        }
    }
}

impl<'s> Scope<'s> {
    /// Runs `body` without a collection. `bytes` is what its objects take at most, headers included; room for them is made
    /// first, by a collection if need be.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// gcheap::record! { struct Cell { value: gcheap::record::Any } }
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let table = scope.table::<Cell>(gcheap::Placement::Old, 100)?;
    /// scope.no_gc(100 * 16, |no_gc| {
    ///     let (table, cell) = (no_gc.tagged(table)?, no_gc.layout::<Cell>()?);
    ///     for number in 0..100 {
    ///         let fresh = no_gc.record_of(cell, [(number as i32).into()])?;
    ///         no_gc.table_set(table, number, Some(fresh))?;
    ///     }
    ///     Ok(())
    /// })?;
    /// let last = scope.table_get(table, 99)?.expect("it was put there");
    /// assert_eq!(scope.read(last, Cell::value)?.as_smi(), Some(99));
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// What `body` returns; [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory);
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more than [`NoGc::MOST_BYTES`].
    #[inline(always)]
    pub fn no_gc<R>(
        &mut self,
        bytes: u64,
        body: impl for<'n> FnOnce(&mut NoGc<'n, '_, 's>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let heap: &mut Heap = self;
        let new = &heap.mechanism.spaces.new;
        if bytes > new.limit - new.top || bytes > MOST_BYTES || heap.stressed {
            heap.make_room(bytes)?;
        }
        let Heap { mechanism, record_types, tally, handle_key, id, .. } = heap;
        let Spaces { pages, new, .. } = &mut mechanism.spaces;
        let (handles, marking, stored) =
            (&mut mechanism.roots.handles, &mut mechanism.marking, &mut *mechanism.stored_slots);
        pages.with_mutator_view(|view, marks, _| {
            body(&mut NoGc {
                view,
                top: new.top,
                end: new.top + bytes,
                objects: 0,
                kept: (&mut new.top, tally),
                exempt: if marking.active { 0 } else { YOUNG },
                stored,
                count: 0,
                handles,
                handle_key: *handle_key,
                number: *id,
                record_types,
                marking,
                marks,
                scope: PhantomData,
            })
        })
    }
}

impl Heap {
    /// Sees to it that so many bytes can be had in new space at once.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: u64) -> Result<(), Error> {
        if bytes > MOST_BYTES {
            return Err(Error::out_of_range(bytes, MOST_BYTES));
        }
        let address = self.allocate_slow(bytes)?;
        self.mechanism.spaces.new.top = address;
        Ok(())
    }
}

/// A layout declared with [`record!`](crate::record!), for the length of a stretch without a collection.
///
/// ```
/// gcheap::record! { struct Cell { value: gcheap::record::Smi } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
/// let number = heap.scope().no_gc(16, |no_gc| {
///     let layout: gcheap::LayoutOf<'_, Cell> = no_gc.layout::<Cell>()?;
///     let cell = no_gc.record_of(layout, [7.into()])?;
///     Ok(no_gc.read(cell, Cell::value)?.as_smi())
/// })?;
/// assert_eq!(number, Some(7));
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct LayoutOf<'n, R: RecordLayout> {
    header: Header,
    brand: Brand<'n>,
    of: PhantomData<fn() -> R>,
}

impl<R: RecordLayout> Clone for LayoutOf<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: RecordLayout> Copy for LayoutOf<'_, R> {}

impl<R: RecordLayout> std::fmt::Debug for LayoutOf<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayoutOf<{}>", R::NAME)
    }
}

impl<'n, 's> NoGc<'n, '_, 's> {
    /// The most that one stretch can allocate.
    pub const MOST_BYTES: u64 = MOST_BYTES;

    /// What a handle refers to.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    #[inline(always)]
    pub fn tagged<T: Type>(&self, local: Local<'_, T>) -> Result<Tagged<'n, T>, Error> {
        match self.handles.get(local.index_from(self.handle_key)) {
            Some(&word) => Ok(Tagged::at(self.view.place(word))),
            None => Err(Error::wrong_heap()),
        }
    }

    /// A handle, which lives as long as the scope around the stretch.
    #[inline(always)]
    pub fn local<T: Type>(&mut self, tagged: Tagged<'n, T>) -> Local<'s, T> {
        Local::push(self.handles, self.handle_key, tagged.word())
    }

    #[inline(always)]
    fn header(&self, tagged: Tagged<'n, impl Type>) -> Header {
        Header(self.view.word(tagged.place, 0))
    }

    #[inline(always)]
    fn value(&self, word: u64) -> TaggedValue<'n> {
        if word::is_reference(word) {
            TaggedValue::Object(Tagged::at(self.view.place(word)))
        } else if let Some(value) = word::as_smi(word) {
            TaggedValue::Smi(value)
        } else if word == HOLE {
            TaggedValue::Hole
        } else {
            TaggedValue::Undefined
        }
    }

    /// The same object as one of the heap's own types, if it is of it.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind), also for every type that is not the heap's own: for what
    /// [`record!`](crate::record!) declares there is [`Self::downcast_to`].
    #[inline(always)]
    pub fn downcast<T: Type>(&self, tagged: Tagged<'n, impl Type>) -> Result<Tagged<'n, T>, Error> {
        let header = self.header(tagged);
        if T::OWN.is_some() && header.is_one_of(T::KINDS) {
            Ok(Tagged::at(tagged.place))
        } else {
            Err(wrong_kind::<T>(header))
        }
    }

    /// The same object as a record of a declared type, if it is one.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind)
    #[inline(always)]
    pub fn downcast_to<R: RecordLayout>(
        &self,
        tagged: Tagged<'n, impl Type>,
        layout: LayoutOf<'n, R>,
    ) -> Result<Tagged<'n, R>, Error> {
        let header = self.header(tagged);
        // The header of a record has the number of its type, and all of a type have the same.
        if header == layout.header { Ok(Tagged::at(tagged.place)) } else { Err(wrong_kind::<R>(header)) }
    }

    /// Room that was reserved.
    #[inline(always)]
    pub(super) fn room(&mut self, bytes: u64) -> Result<Place<'n>, Error> {
        let (address, next) = (self.top, self.top + bytes);
        if next > self.end {
            return Err(Error::out_of_range(bytes, self.end - address));
        }
        self.top = next;
        self.objects += 1;
        Ok(self.view.place(address))
    }

    /// A record of a type without raw bytes, with these fields, which are all that the type has.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more than was reserved, or other than one value for
    /// each word, or more than 511: there is [`Self::empty_record`]. [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a type of another
    /// heap.
    #[inline(always)]
    pub fn record<const N: usize>(
        &mut self,
        record_type: RecordType,
        values: [TaggedValue<'n>; N],
    ) -> Result<Tagged<'n, Record>, Error> {
        let header = record_type.header_in(self.number)?;
        if !header.is_small_of(N as u64) || N as u64 >= Reservation::MOST_IN_A_RUN {
            return Err(not_full(header, N as u64));
        }
        let place = self.room((N as u64 + 1) * WORD)?;
        self.view.write_object(place, header.0, N, |index| values[index].to_word());
        Ok(Tagged::at(place))
    }

    /// A record whose fields are `undefined`; raw bytes are zero.
    ///
    /// ```
    /// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
    /// let point = heap.record_type(1, 16)?;
    /// let mut scope = heap.scope();
    /// let kept = scope.no_gc(32, |no_gc| {
    ///     let empty = no_gc.empty_record(point)?;
    ///     no_gc.set_field(empty, 0, 7.into())?;
    ///     Ok(no_gc.local(empty))
    /// })?;
    /// assert_eq!((scope.field(kept, 0)?.as_smi(), scope.raw(kept)?), (Some(7), &[0; 16][..]));
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more than was reserved;
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a type of another heap.
    pub fn empty_record(&mut self, record_type: RecordType) -> Result<Tagged<'n, Record>, Error> {
        let header = record_type.header_in(self.number)?;
        let place = self.room(header.bytes())?;
        self.view.set_word(place, 0, header.0);
        for index in 1..header.words() {
            self.view.set_element(place, index, if index <= header.tagged() { UNDEFINED } else { 0 });
        }
        Ok(Tagged::at(place))
    }

    /// The layout of a type declared with [`record!`](crate::record!).
    ///
    /// # Errors
    /// As [`Heap::record_type_for`].
    #[inline(always)]
    pub fn layout<R: RecordLayout>(&mut self) -> Result<LayoutOf<'n, R>, Error> {
        Ok(LayoutOf { header: header_for::<R>(self.record_types)?, brand: PhantomData, of: PhantomData })
    }

    /// A record of a declared type with these tagged fields, which are all that the type has; raw ones are zero.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more than was reserved, or other than one value for
    /// each tagged field, or more than 511 words.
    #[inline(always)]
    pub fn record_of<R: RecordLayout, const N: usize>(
        &mut self,
        layout: LayoutOf<'n, R>,
        values: [TaggedValue<'n>; N],
    ) -> Result<Tagged<'n, R>, Error> {
        // What the type says of itself, its header says too.
        let words = N as u64 + R::RAW_BYTES.div_ceil(WORD);
        if R::FIELDS.len() != N || words >= Reservation::MOST_IN_A_RUN {
            return Err(not_full(layout.header, N as u64));
        }
        let place = self.room((words + 1) * WORD)?;
        self.view.write_object(place, layout.header.0, words as usize, |index| {
            if index < N { values[index].to_word() } else { 0 }
        });
        Ok(Tagged::at(place))
    }
}

/// Another number of values than the type has fields, or raw bytes.
#[cold]
#[inline(never)]
fn not_full(header: Header, given: u64) -> Error {
    Error::out_of_range(given, header.tagged())
}
