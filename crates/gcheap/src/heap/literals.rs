//! Literals, texts and arrays in a stretch without a collection: what a JavaScript program makes, by address.
//!
//! [`Scope::literals`] reserves the room that both spaces have at hand, old space too, and collects nothing to make more. What
//! holds: in the same order the same operations leave the heap as those of [`Scope`] do, bit for bit, bytes and objects that
//! the clock is told of included.

use super::Heap;
use super::allocate::smi;
use super::error::{Error, ErrorKind};
use super::handle::types::{HeapNumber, JsArray, JsObject};
use super::handle::{Local, Type};
use super::literal_room::{LiteralRoom, MOST_WORDS};
use super::no_gc::NoGc;
use super::objects::{ARRAY_LENGTH, ELEMENTS, STORE_FIRST, STORE_LENGTH};
use super::scope::Scope;
use super::site::{AllocationSite, Placement, SiteState};
use super::tagged::{Tagged, TaggedWord};
use crate::memory::{Place, WORD};
use crate::mutants::{Mutant, on};
use crate::object::layout::{self, ALLOCATION_MEMENTO};
use crate::object::word::{self, UNDEFINED};
use crate::object::{Header, Kind};
use crate::roots::Internal;
use crate::space::Spaces;
use crate::space::pages::YOUNG;
use std::ops::Deref;

/// A stretch without a collection in which literals are made; [`Scope::literals`] opens it.
///
/// ```
/// use gcheap::{Heap, HeapOptions, LiteralRoom, Placement};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let kept = scope.array_with_length(Placement::Young, 0)?;
/// let made = scope.literals(|literals| {
///     let kept = literals.tagged(kept)?;
///     let each = LiteralRoom::of_object(Placement::Young, 2);
///     let count = each.times_in(literals.room()).min(literals.array_room(kept)).min(3);
///     for number in 0..count as i32 {
///         let pair = literals.object(Placement::Young, &[number.into(), (-number).into()])?;
///         literals.array_push(kept, pair.into())?;
///     }
///     Ok(count)
/// })?;
/// assert_eq!(scope.array_length(kept)?, made);
/// # Ok::<(), gcheap::Error>(())
/// ```
/// It can do what [`NoGc`] can that changes nothing. What its stretch refers to does not leave it, neither as its result
///
/// ```compile_fail
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let word = heap.scope().literals(|literals| literals.heap_number(0.5).map(gcheap::TaggedWord::from)).unwrap();
/// ```
///
/// nor through what lies outside (a number does, so it is not the rest that does not compile):
///
/// ```
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let kept = std::cell::RefCell::new(None);
/// heap.scope().literals(|literals| {
///     literals.heap_number(0.5)?;
///     kept.replace(Some(7));
///     Ok(())
/// }).unwrap();
/// assert_eq!(kept.take(), Some(7));
/// ```
///
/// ```compile_fail,E0521
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let kept = std::cell::RefCell::new(None);
/// heap.scope().literals(|literals| {
///     kept.replace(Some(gcheap::TaggedWord::from(literals.heap_number(0.5)?)));
///     Ok(())
/// }).unwrap();
/// ```
///
/// Nor does it get into another stretch, be it of another heap inside it, or put in its place:
///
/// ```compile_fail,E0521
/// # use gcheap::{Heap, HeapOptions, Placement, TaggedWord};
/// let (mut one, mut two) = (Heap::new(HeapOptions::for_tests()).unwrap(), Heap::new(HeapOptions::for_tests()).unwrap());
/// let (mut one, mut two) = (one.scope(), two.scope());
/// one.literals(|first| {
///     let word = TaggedWord::from(first.heap_number(0.5)?);
///     two.literals(|second| second.object(Placement::Young, &[word]).map(drop))
/// }).unwrap();
/// ```
///
/// ```compile_fail,E0521
/// # use gcheap::{Heap, HeapOptions};
/// let (mut one, mut two) = (Heap::new(HeapOptions::for_tests()).unwrap(), Heap::new(HeapOptions::for_tests()).unwrap());
/// let (mut one, mut two) = (one.scope(), two.scope());
/// one.literals(|first| two.literals(|second| {
///     std::mem::swap(first, second);
///     Ok(())
/// })).unwrap();
/// ```
///
/// While it is there nothing can collect:
///
/// ```compile_fail,E0499
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// scope.literals(|_| scope.collect_garbage()).unwrap();
/// ```
pub struct Literals<'n, 'h, 's> {
    pub(super) no_gc: NoGc<'n, 'h, 's>,
    /// The next old object goes here; brought up to date when the stretch ends.
    old_top: u64,
    old_end: u64,
    /// Old objects that were allocated.
    pub(super) old_objects: u64,
    /// Where the heap keeps the next place in old space, and the bytes that were allocated there.
    kept: (&'h mut u64, &'h mut u64),
    /// Live bytes of each page; of young ones none are counted here.
    live: &'h mut [u64],
    page_shift: u32,
    pub(super) sites: &'h mut [SiteState],
    pub(super) number: u32,
    pub(super) strings: Strings<'n>,
}

/// What a version's strings are like, and where those of numbers are kept.
#[derive(Clone, Copy)]
pub(super) struct Strings<'n> {
    /// Words more than the layout says.
    pub(super) padding: u64,
    pub(super) numbers_are_old: bool,
    /// The number-string cache and the number of its entries, a power of two; none before it is made.
    pub(super) cache: Option<(Place<'n>, u64)>,
}

impl std::fmt::Debug for Literals<'_, '_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Literals").field("room", &self.room()).finish_non_exhaustive()
    }
}

impl Drop for Literals<'_, '_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        let (top, allocated) = (&mut *self.kept.0, &mut *self.kept.1);
        let bytes = self.old_top - *top;
        *self.no_gc.kept.1 += (self.old_objects << 36) + bytes / WORD;
        *allocated += bytes;
        *top = self.old_top;
    }
}

impl<'n, 'h, 's> Deref for Literals<'n, 'h, 's> {
    type Target = NoGc<'n, 'h, 's>;

    #[inline(always)]
    fn deref(&self) -> &NoGc<'n, 'h, 's> {
        &self.no_gc
    }
}

impl<'s> Scope<'s> {
    /// Runs `body` without a collection, with the room that is at hand in the pages that both spaces allocate in: none may be
    /// left ([`Literals::room`]), and none at all is given under stress. Whoever finds too little does the same through the scope, which makes
    /// room.
    ///
    /// # Errors
    /// What `body` returns.
    #[inline(always)]
    pub fn literals<R>(
        &mut self,
        body: impl for<'n> FnOnce(&mut Literals<'n, '_, 's>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let heap: &mut Heap = self;
        let stressed = heap.stressed;
        let objects = &heap.profile.objects;
        let (padding, numbers_are_old) = (objects.string_padding / WORD, objects.number_strings_are_old);
        let Heap { mechanism, record_types, tally, handle_key, id, sites, old_bytes_allocated, .. } = heap;
        let Spaces { pages, new, old, .. } = &mut mechanism.spaces;
        let (handles, marking, stored) =
            (&mut mechanism.roots.handles, &mut mechanism.marking, &mut *mechanism.stored_slots);
        let cache = mechanism.roots.internal[Internal::NumberStringCache as usize];
        let page_shift = pages.geometry.shift;
        pages.with_mutator_view(|view, marks, live| {
            let cache = word::is_reference(cache).then(|| {
                let place = view.place(cache);
                (place, (Header(view.word(place, 0)).words() - 2) / 2)
            });
            let end = if stressed { new.top } else { new.limit };
            let old_end = if stressed { old.top } else { old.limit };
            body(&mut Literals {
                no_gc: NoGc {
                    view,
                    top: new.top,
                    end,
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
                    scope: std::marker::PhantomData,
                },
                old_top: old.top,
                old_end,
                old_objects: 0,
                kept: (&mut old.top, old_bytes_allocated),
                live,
                page_shift,
                sites,
                number: *id,
                strings: Strings { padding, numbers_are_old, cache },
            })
        })
    }
}

impl<'n, 's> Literals<'n, '_, 's> {
    /// As [`NoGc::local`].
    #[inline]
    pub fn local<T: Type>(&mut self, tagged: Tagged<'n, T>) -> Local<'s, T> {
        self.no_gc.local(tagged)
    }

    /// What is left.
    #[inline]
    pub fn room(&self) -> LiteralRoom {
        LiteralRoom { young: self.no_gc.end - self.no_gc.top, old: self.old_end - self.old_top }
    }

    #[inline(always)]
    pub(super) fn old_room(&mut self, bytes: u64) -> Result<Place<'n>, Error> {
        let (address, next) = (self.old_top, self.old_top + bytes);
        if next > self.old_end {
            return Err(Error::out_of_range(bytes, self.old_end - address));
        }
        self.old_top = next;
        self.old_objects += 1;
        if self.is_marking() {
            self.no_gc.marks.set(address);
            let bytes = if on(Mutant::UncountedBlackAllocation) { 0 } else { bytes };
            self.live[(address >> self.page_shift) as usize] += bytes;
        }
        Ok(self.no_gc.view.place(address))
    }

    #[inline(always)]
    pub(super) fn is_marking(&self) -> bool {
        self.no_gc.exempt == 0
    }

    /// Writes a word of an object whose page has these flags, and tells the collectors.
    #[inline(always)]
    pub(super) fn store(&mut self, host: Place<'n>, flags: u8, index: u64, value: TaggedWord<'n>) {
        self.no_gc.view.set_element(host, index, value.to_word());
        self.tell(host, flags, index, value);
    }

    /// Tells the collectors what was written.
    #[inline(always)]
    fn tell(&mut self, host: Place<'n>, flags: u8, index: u64, value: TaggedWord<'n>) {
        if !word::is_reference(value.to_word()) {
            return;
        }
        let view = &mut self.no_gc.view;
        let value_flags = view.flags(view.place(value.to_word()));
        if flags & YOUNG == 0 && value_flags & YOUNG != 0 && !on(Mutant::DropGenerationalBarrier) {
            let slot = view.place(host.address() + index * WORD);
            view.remember(slot);
        }
        if self.is_marking() {
            let (address, no_gc) = (host.address(), &mut self.no_gc);
            let value = (value.to_word(), value_flags);
            no_gc.marking.barrier(no_gc.marks, address, flags, address + index * WORD, value);
        }
    }

    /// An object of these words and values, which are all that it has.
    #[inline(always)]
    fn fresh<const N: usize>(
        &mut self,
        placement: Placement,
        header: Header,
        first: [u64; N],
        values: &[TaggedWord<'n>],
    ) -> Result<Place<'n>, Error> {
        let bytes = header.small_words() * WORD;
        let place = match placement {
            Placement::Young => self.no_gc.room(bytes)?,
            Placement::YoungWithMemento(site) => self.room_with_memento(bytes, site)?,
            Placement::Old => self.old_room(bytes)?,
        };
        self.no_gc.view.write_object(place, header.0, N + values.len(), |index| {
            if index < N { first[index] } else { values[index - N].to_word() }
        });
        // Nothing that collectors have seen lies in new space.
        if placement == Placement::Old {
            let flags = self.no_gc.view.flags(place);
            for (index, &value) in (1 + N as u64..).zip(values) {
                self.tell(place, flags, index, value);
            }
        }
        Ok(place)
    }

    #[cold]
    fn room_with_memento(&mut self, bytes: u64, site: AllocationSite) -> Result<Place<'n>, Error> {
        if site.heap != self.number {
            return Err(Error::wrong_heap());
        }
        let state = self.sites.get_mut(site.number as usize).ok_or_else(Error::wrong_heap)?;
        let place = self.no_gc.room(bytes + ALLOCATION_MEMENTO.bytes())?;
        state.count_created();
        let view = &mut self.no_gc.view;
        let memento = view.place(place.address() + bytes);
        view.set_word(memento, 0, ALLOCATION_MEMENTO.0);
        view.set_word(memento, 1, u64::from(site.number));
        Ok(place)
    }

    /// As [`Scope::object_literal`].
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`] for more than there is room for, or more than 500 fields;
    /// [`ErrorKind::WrongHeap`] for a site of another heap.
    #[inline]
    pub fn object(&mut self, placement: Placement, values: &[TaggedWord<'n>]) -> Result<Tagged<'n, JsObject>, Error> {
        let fields = few(values)?;
        let header = Header::small(Kind::JsObject, 3 + fields, 2 + fields);
        Ok(Tagged::at(self.fresh(placement, header, [UNDEFINED; 2], values)?))
    }

    /// As [`Scope::array_literal`].
    ///
    /// # Errors
    /// As [`Self::object`].
    #[inline]
    pub fn array(&mut self, placement: Placement, values: &[TaggedWord<'n>]) -> Result<Tagged<'n, JsArray>, Error> {
        let length = few(values)?;
        let is_old = placement == Placement::Old;
        let array = self.fresh(placement, layout::JS_ARRAY, [UNDEFINED, UNDEFINED, smi(length)], &[])?;
        if length > 0 {
            let header = Header::small(Kind::FixedArray, length + 2, length + 1);
            let placement = if is_old { Placement::Old } else { Placement::Young };
            let store: Tagged<'n> = Tagged::at(self.fresh(placement, header, [smi(length)], values)?);
            self.no_gc.view.set_word(array, ELEMENTS, store.word());
            self.tell(array, if is_old { 0 } else { YOUNG }, ELEMENTS, store.into());
        }
        Ok(Tagged::at(array))
    }

    /// As [`Scope::heap_number`].
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`] for more than there is room for.
    #[inline]
    pub fn heap_number(&mut self, value: f64) -> Result<Tagged<'n, HeapNumber>, Error> {
        Ok(Tagged::at(self.fresh(Placement::Young, layout::HEAP_NUMBER, [value.to_bits()], &[])?))
    }

    /// Elements that can be pushed before the backing store has to grow; none on an array of doubles.
    #[inline]
    pub fn array_room(&self, array: Tagged<'n, JsArray>) -> u64 {
        let view = &self.no_gc.view;
        let (length, elements) = (view.word(array.place, ARRAY_LENGTH) >> 32, view.word(array.place, ELEMENTS));
        if !word::is_reference(elements) {
            return 0;
        }
        let store = view.place(elements);
        let is_tagged = Header(view.word(store, 0)).is(Kind::FixedArray);
        if is_tagged { (view.word(store, STORE_LENGTH) >> 32).saturating_sub(length) } else { 0 }
    }

    /// As [`Heap::array_push`].
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`] where [`Self::array_room`] is none.
    #[inline]
    pub fn array_push(&mut self, array: Tagged<'n, JsArray>, value: TaggedWord<'n>) -> Result<(), Error> {
        let room = self.array_room(array);
        let view = &self.no_gc.view;
        let length = view.word(array.place, ARRAY_LENGTH) >> 32;
        if room == 0 {
            return Err(Error::out_of_range(length, length));
        }
        let store = view.place(view.word(array.place, ELEMENTS));
        let flags = view.flags(store);
        self.store(store, flags, STORE_FIRST + length, value);
        self.no_gc.view.set_word(array.place, ARRAY_LENGTH, smi(length + 1));
        Ok(())
    }

    /// As [`Heap::array_set`].
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`]; [`ErrorKind::WrongKind`] for an array of doubles.
    #[inline]
    pub fn array_set(&mut self, array: Tagged<'n, JsArray>, index: u64, value: TaggedWord<'n>) -> Result<(), Error> {
        let view = &self.no_gc.view;
        let length = view.word(array.place, ARRAY_LENGTH) >> 32;
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        let store = view.place(view.word(array.place, ELEMENTS));
        let header = Header(view.word(store, 0));
        if !header.is(Kind::FixedArray) {
            return Err(ErrorKind::WrongKind { expected: "FixedArray", found: header.kind() }.into());
        }
        let flags = view.flags(store);
        self.store(store, flags, STORE_FIRST + index, value);
        Ok(())
    }
}

/// The number of values, if a literal has as many at most.
#[inline(always)]
fn few(values: &[TaggedWord<'_>]) -> Result<u64, Error> {
    let (count, most) = (values.len() as u64, MOST_WORDS - 12);
    if count > most { Err(Error::out_of_range(count, most)) } else { Ok(count) }
}
