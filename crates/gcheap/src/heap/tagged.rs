//! What a stretch without a collection refers to: objects by their addresses, and values of slots.
//!
//! A [`Tagged`] carries the lifetime of its stretch. What holds: it is an object of its type in the heap of that stretch.

use super::handle::Type;
use super::handle::types::Object;
use crate::memory::{Brand, Place};
use crate::object::word::{self, HOLE, UNDEFINED};
use std::marker::PhantomData;

/// An object, for the length of a stretch without a collection (V8 `Tagged`).
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let pair = heap.record_type(2, 0)?;
/// let mut scope = heap.scope();
/// let kept = scope.no_gc(24, |no_gc| {
///     let tagged = no_gc.record(pair, [1.into(), 2.into()])?;
///     Ok(no_gc.local(tagged))
/// })?;
/// assert_eq!(scope.field(kept, 1)?.as_smi(), Some(2));
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// It does not leave its stretch, neither as its result
///
/// ```compile_fail
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let pair = heap.record_type(2, 0).unwrap();
/// let mut scope = heap.scope();
/// let tagged = scope.no_gc(24, |no_gc| no_gc.record(pair, [1.into(), 2.into()])).unwrap();
/// ```
///
/// nor through what lies outside, whatever its type (a number does, so it is not the rest that does not compile):
///
/// ```
/// use std::{any::Any, cell::RefCell};
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let pair = heap.record_type(2, 0).unwrap();
/// let (kept, boxed) = (RefCell::new(None), RefCell::new(Vec::<Box<dyn Any>>::new()));
/// heap.scope().no_gc(24, |no_gc| {
///     let tagged = no_gc.record(pair, [1.into(), 2.into()])?;
///     let number = no_gc.field(tagged, 0)?.as_smi();
///     kept.replace(number);
///     boxed.borrow_mut().push(Box::new(number));
///     Ok(())
/// }).unwrap();
/// assert_eq!(kept.take(), Some(1));
/// ```
///
/// ```compile_fail,E0521
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let pair = heap.record_type(2, 0).unwrap();
/// let kept = std::cell::RefCell::new(None);
/// heap.scope().no_gc(24, |no_gc| {
///     let tagged = no_gc.record(pair, [1.into(), 2.into()])?;
///     kept.replace(Some(tagged));
///     Ok(())
/// }).unwrap();
/// ```
///
/// ```compile_fail
/// # use std::{any::Any, cell::RefCell};
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let pair = heap.record_type(2, 0).unwrap();
/// let boxed = RefCell::new(Vec::<Box<dyn Any>>::new());
/// heap.scope().no_gc(24, |no_gc| {
///     let tagged = no_gc.record(pair, [1.into(), 2.into()])?;
///     boxed.borrow_mut().push(Box::new(tagged));
///     Ok(())
/// }).unwrap();
/// ```
///
/// nor in a value or a layout:
///
/// ```compile_fail
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let pair = heap.record_type(2, 0).unwrap();
/// let value = heap.scope().no_gc(24, |no_gc| {
///     let tagged = no_gc.record(pair, [1.into(), 2.into()])?;
///     no_gc.field(tagged, 0)
/// }).unwrap();
/// ```
///
/// ```compile_fail
/// gcheap::record! { struct Cell { value: gcheap::record::Any } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let layout = heap.scope().no_gc(0, |no_gc| no_gc.layout::<Cell>()).unwrap();
/// ```
///
/// Nor does it get into another stretch, be it of another heap, inside it, or put in its place:
///
/// ```compile_fail,E0521
/// let (mut one, mut two) = (gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap(), gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap());
/// let pair = one.record_type(2, 0).unwrap();
/// let (mut one, mut two) = (one.scope(), two.scope());
/// one.no_gc(24, |first| {
///     let tagged = first.record(pair, [1.into(), 2.into()])?;
///     two.no_gc(0, |second| second.field(tagged, 0).map(|_| ()))
/// }).unwrap();
/// ```
///
/// ```compile_fail,E0521
/// let (mut one, mut two) = (gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap(), gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap());
/// let (mut one, mut two) = (one.scope(), two.scope());
/// one.no_gc(24, |first| two.no_gc(0, |second| {
///     std::mem::swap(first, second);
///     Ok(())
/// })).unwrap();
/// ```
///
/// While it is there nothing can collect, nor can another stretch of the same scope begin:
///
/// ```compile_fail,E0499
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// scope.no_gc(24, |_| scope.collect_garbage()).unwrap();
/// ```
pub struct Tagged<'n, T: Type = Object> {
    pub(super) place: Place<'n>,
    of: PhantomData<fn() -> T>,
}

impl<T: Type> Clone for Tagged<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Type> Copy for Tagged<'_, T> {}

impl<T: Type> std::fmt::Debug for Tagged<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tagged<{}>", T::NAME)
    }
}

impl<'n, T: Type> Tagged<'n, T> {
    /// The caller knows that an object of the type is there.
    #[inline(always)]
    pub(super) fn at(place: Place<'n>) -> Self {
        Tagged { place, of: PhantomData }
    }

    /// A strong reference.
    #[inline(always)]
    pub(super) fn word(self) -> u64 {
        word::reference(self.place.address())
    }

    /// The same object, of any type.
    #[inline(always)]
    pub fn upcast(self) -> Tagged<'n> {
        Tagged::at(self.place)
    }
}

/// What a slot holds, for the length of a stretch without a collection.
///
/// ```
/// assert_eq!(gcheap::TaggedValue::from(7).as_smi(), Some(7));
/// assert!(gcheap::TaggedValue::Undefined.as_object().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub enum TaggedValue<'n> {
    /// `undefined`.
    Undefined,
    /// A slot of an array that was never written.
    Hole,
    /// A small integer.
    Smi(i32),
    /// An object.
    Object(Tagged<'n>),
}

impl<'n> TaggedValue<'n> {
    /// The small integer, if it is one.
    #[inline(always)]
    pub fn as_smi(self) -> Option<i32> {
        if let TaggedValue::Smi(value) = self { Some(value) } else { None }
    }

    /// The object, if it is one.
    #[inline(always)]
    pub fn as_object(self) -> Option<Tagged<'n>> {
        if let TaggedValue::Object(object) = self { Some(object) } else { None }
    }

    #[inline(always)]
    pub(super) fn to_word(self) -> u64 {
        match self {
            TaggedValue::Object(object) => object.word(),
            TaggedValue::Smi(value) => word::smi(value),
            TaggedValue::Hole => HOLE,
            TaggedValue::Undefined => UNDEFINED,
        }
    }
}

impl From<i32> for TaggedValue<'_> {
    #[inline(always)]
    fn from(value: i32) -> Self {
        TaggedValue::Smi(value)
    }
}

impl<'n, T: Type> From<Tagged<'n, T>> for TaggedValue<'n> {
    #[inline(always)]
    fn from(tagged: Tagged<'n, T>) -> Self {
        TaggedValue::Object(tagged.upcast())
    }
}

/// What a slot holds, in the form in which it holds it, for the length of a stretch without a collection: one word, where a
/// [`TaggedValue`] has two.
///
/// ```
/// use gcheap::{TaggedValue, TaggedWord};
/// assert_eq!(TaggedWord::from(7), TaggedWord::from(TaggedValue::Smi(7)));
/// assert_eq!(TaggedWord::UNDEFINED, TaggedValue::Undefined.into());
/// ```
#[derive(Clone, Copy)]
pub struct TaggedWord<'n>(u64, Brand<'n>);

impl TaggedWord<'_> {
    /// `undefined`.
    pub const UNDEFINED: Self = TaggedWord(UNDEFINED, PhantomData);

    #[inline(always)]
    pub(super) fn to_word(self) -> u64 {
        self.0
    }
}

impl PartialEq for TaggedWord<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for TaggedWord<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match word::as_smi(self.0) {
            _ if word::is_reference(self.0) => write!(f, "TaggedWord(object)"),
            Some(value) => write!(f, "TaggedWord({value})"),
            None => write!(f, "TaggedWord(undefined)"),
        }
    }
}

impl From<i32> for TaggedWord<'_> {
    #[inline(always)]
    fn from(value: i32) -> Self {
        TaggedWord(word::smi(value), PhantomData)
    }
}

impl<'n, T: Type> From<Tagged<'n, T>> for TaggedWord<'n> {
    #[inline(always)]
    fn from(tagged: Tagged<'n, T>) -> Self {
        TaggedWord(tagged.word(), PhantomData)
    }
}

impl<'n> From<TaggedValue<'n>> for TaggedWord<'n> {
    #[inline(always)]
    fn from(value: TaggedValue<'n>) -> Self {
        TaggedWord(value.to_word(), PhantomData)
    }
}
