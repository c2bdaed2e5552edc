//! Handles: how code outside refers to objects that move.
//!
//! A handle is an index into a table of roots, never an address. A [`Local`] lives as long as its [`Scope`](crate::Scope)
//! (the borrow checker sees to it) and knows its heap (checked at each use); a [`Global`] and a [`WeakHandle`], in
//! `global.rs`, live as long as they are kept.

use super::error::Error;
pub use super::global::{Global, WeakHandle};
use super::{Heap, SPENT};
use crate::memory::{Reservation, WORD};
use crate::object::word::{self, HOLE, UNDEFINED};
use crate::object::{Header, Kind};
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// Type of a handle: which kinds it may refer to. The markers have no values.
pub trait Type: 'static {
    /// What the type is called in errors.
    const NAME: &'static str;
    /// The kinds whose objects belong to the type, one bit each by their numbers.
    #[doc(hidden)]
    const KINDS: u64;
    /// That it is one of [`types`]: only this crate can say so.
    #[doc(hidden)]
    const OWN: Option<own::Own> = None;
    /// Whether objects of a kind belong to the type.
    fn includes(kind: Kind) -> bool {
        Self::KINDS >> kind as u8 & 1 != 0
    }
    /// The type itself if it is one declared with [`record!`](crate::record!): kinds do not tell records apart.
    fn record_key() -> Option<std::any::TypeId> {
        None
    }
}

mod own {
    /// What nobody else can name.
    #[derive(Clone, Copy, Debug)]
    pub struct Own(());

    impl Own {
        pub(super) const YES: Option<Own> = Some(Own(()));
    }
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident: $text:literal, $kinds:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use gcheap::types::{", stringify!($name), ", Type};")]
        #[doc = concat!("assert_eq!(", stringify!($name), "::NAME, \"", $text, "\");")]
        /// ```
        #[derive(Debug)]
        pub enum $name {}
        impl Type for $name {
            const NAME: &'static str = $text;
            const KINDS: u64 = bits($kinds);
            const OWN: Option<super::own::Own> = super::own::Own::YES;
        }
    )*};
}

/// Types of handles.
pub mod types {
    pub use super::Type;
    use crate::object::Kind;

    const fn bits(kinds: &[Kind]) -> u64 {
        let (mut bits, mut index) = (0, 0);
        while index < kinds.len() {
            bits |= 1 << kinds[index] as u8;
            index += 1;
        }
        bits
    }

    const ALL: [Kind; 32] = Kind::ALL;

    /// A fixed number of places for objects of one type.
    ///
    /// ```
    /// use gcheap::types::{JsString, Table, Type};
    /// assert_eq!(Table::<JsString>::NAME, "table");
    /// ```
    pub struct Table<T: Type>(std::convert::Infallible, std::marker::PhantomData<fn() -> T>);

    impl<T: Type> std::fmt::Debug for Table<T> {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self.0 {}
        }
    }

    impl<T: Type> Type for Table<T> {
        const NAME: &'static str = "table";
        const KINDS: u64 = bits(&[Kind::FixedArray]);
    }

    types! {
        /// Any object.
        Object: "object", &ALL;
        /// A plain object.
        JsObject: "JSObject", &[Kind::JsObject];
        /// An array.
        JsArray: "JSArray", &[Kind::JsArray];
        /// A string of any representation.
        JsString: "string", &[Kind::OneByteString, Kind::TwoByteString, Kind::ConsString, Kind::SlicedString];
        /// A boxed double.
        HeapNumber: "HeapNumber", &[Kind::HeapNumber];
        /// A closure.
        JsFunction: "JSFunction", &[Kind::JsFunction];
        /// A Promise.
        JsPromise: "JSPromise", &[Kind::JsPromise];
        /// A Map.
        JsMap: "JSMap", &[Kind::JsMap];
        /// A Set.
        JsSet: "JSSet", &[Kind::JsSet];
        /// A WeakMap.
        JsWeakMap: "JSWeakMap", &[Kind::JsWeakMap];
        /// A WeakRef.
        JsWeakRef: "JSWeakRef", &[Kind::JsWeakRef];
        /// A FinalizationRegistry.
        JsFinalizationRegistry: "JSFinalizationRegistry", &[Kind::JsFinalizationRegistry];
        /// An ArrayBuffer.
        JsArrayBuffer: "JSArrayBuffer", &[Kind::JsArrayBuffer];
        /// A typed array, a Buffer among them.
        JsTypedArray: "JSTypedArray", &[Kind::JsTypedArray];
        /// A record of the user's own layout.
        Record: "record", &[Kind::Record];
    }
}

/// A handle of a scope. It follows its object wherever collectors move it.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let name = scope.string("a name of some length")?;
/// scope.collect_garbage()?;
/// assert_eq!(scope.string_value(name)?, "a name of some length");
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// It cannot outlive the scope:
///
/// ```compile_fail
/// # let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let kept = {
///     let mut scope = heap.scope();
///     scope.string("x").unwrap()
/// };
/// heap.scope().string_length(kept).unwrap();
/// ```
pub struct Local<'s, T: Type = types::Object> {
    /// Number of the heap in the upper half, index in the handle stack in the lower: one word, so that it stays in a register,
    /// and never zero, so that an `Option` of it is one word too.
    bits: NonZeroU64,
    marker: LocalMarker<'s, T>,
}

/// Lives as long as the scope and says a type, of which it holds no value.
type LocalMarker<'s, T> = PhantomData<(&'s (), fn() -> T)>;

impl<T: Type> Clone for Local<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Type> Copy for Local<'_, T> {}

impl<T: Type> std::fmt::Debug for Local<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Local<{}>({})", T::NAME, self.bits.get() as u32)
    }
}

impl<'s, T: Type> Local<'s, T> {
    /// The same object as another type, which the caller has checked or checks at each use.
    #[inline(always)]
    pub(crate) fn cast<U: Type>(self) -> Local<'s, U> {
        Local { bits: self.bits, marker: PhantomData }
    }

    /// Its index in the handle stack, if the handles of the heap have the key in common; else one that no stack has.
    #[inline(always)]
    pub(super) fn index_from(self, key: NonZeroU64) -> usize {
        // Not cut off: where addresses have 32 bits, the lower half alone would be an index into any stack.
        usize::try_from(self.bits.get().wrapping_sub(key.get())).unwrap_or(usize::MAX)
    }

    /// A handle of a strong reference, on the stack of a heap. Where the stack is at its end it is one that is refused wherever it
    /// is used, never another's.
    #[inline(always)]
    pub(super) fn push(handles: &mut Vec<u64>, key: NonZeroU64, word: u64) -> Self {
        if handles.len() == handles.capacity() && !grow(handles, key) {
            return Local { bits: key | u64::from(u32::MAX), marker: PhantomData };
        }
        // It fits: `grow` sees to that.
        let index = handles.len() as u32;
        handles.push(word);
        Local { bits: key | u64::from(index), marker: PhantomData }
    }

    /// The same object, of any type.
    #[inline(always)]
    pub fn upcast(self) -> Local<'s> {
        self.cast()
    }
}

/// More room on a handle stack; false if it has as many handles as can be told apart, or belongs to a heap whose handles cannot be
/// told from those of before any more.
#[cold]
#[inline(never)]
fn grow(handles: &mut Vec<u64>, key: NonZeroU64) -> bool {
    let more = if key == SPENT { None } else { more_handles(handles.len() as u64) };
    if let Some(more) = more {
        handles.reserve_exact(more as usize);
    }
    more.is_some()
}

/// By how many handles a full stack grows. The index `u32::MAX` is none's.
fn more_handles(length: u64) -> Option<u64> {
    let left = u64::from(u32::MAX).saturating_sub(length);
    (left > 0).then(|| length.max(64).min(left))
}

/// What a slot holds.
///
/// ```
/// use gcheap::Value;
/// assert_eq!(Value::from(7).as_smi(), Some(7));
/// assert_eq!(Value::Undefined.as_smi(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Value<'s> {
    /// `undefined`.
    Undefined,
    /// A slot of an array that was never written.
    Hole,
    /// A small integer, inline in the slot.
    Smi(i32),
    /// An object.
    Object(Local<'s>),
}

impl<'s> Value<'s> {
    /// The small integer, if it is one.
    pub fn as_smi(self) -> Option<i32> {
        match self {
            Value::Smi(value) => Some(value),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(self) -> Option<Local<'s>> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::Smi(value)
    }
}

impl<'s, T: Type> From<Local<'s, T>> for Value<'s> {
    fn from(local: Local<'s, T>) -> Self {
        Value::Object(local.upcast())
    }
}

/// The tagged word of a value that is no object.
#[inline(always)]
fn plain_word(value: Value<'_>) -> u64 {
    match value {
        Value::Smi(value) => word::smi(value),
        Value::Hole => HOLE,
        _ => UNDEFINED,
    }
}

impl Heap {
    /// The tagged word behind a handle. One comparison refuses handles of other heaps and handles that were popped.
    #[inline(always)]
    pub(crate) fn word<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        match self.mechanism.roots.handles.get(local.index_from(self.handle_key)) {
            Some(word) => Ok(*word),
            None => Err(Error::wrong_heap()),
        }
    }

    /// Overwrites the word of a handle, of which there must be no copy: it could say another type.
    pub(crate) fn set_word_of<T: Type>(&mut self, local: Local<'_, T>, word: u64) -> Result<(), Error> {
        let index = local.index_from(self.handle_key);
        let place = self.mechanism.roots.handles.get_mut(index).ok_or_else(Error::wrong_heap)?;
        *place = word;
        Ok(())
    }

    /// The address of the object behind a handle.
    #[inline(always)]
    pub(crate) fn address<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        Ok(word::address(self.word(local)?))
    }

    #[inline(always)]
    pub(crate) fn value_word(&self, value: Value<'_>) -> Result<u64, Error> {
        if let Value::Object(local) = value { self.word(local) } else { Ok(plain_word(value)) }
    }

    /// Writes values into the slots of a fresh object in new space, from `first` on. Nothing of the object was seen by a
    /// collector yet, so there is no barrier. If one of the values is none of this heap, it and all behind it are `undefined`.
    #[inline(always)]
    pub(crate) fn write_values(&mut self, object: u64, first: u64, values: &[Value<'_>]) -> Result<(), Error> {
        self.write_fresh(object, first, values, None)
    }

    /// As [`Self::write_values`], with the header before them if there is one to be written.
    #[inline(always)]
    pub(crate) fn write_fresh(
        &mut self,
        object: u64,
        first: u64,
        values: &[Value<'_>],
        header: Option<Header>,
    ) -> Result<(), Error> {
        let count = first + values.len() as u64;
        if count > Reservation::MOST_IN_A_RUN {
            return self.write_many(object, first, values, header);
        }
        let (key, handles) = (self.handle_key, self.mechanism.roots.handles.as_slice());
        let from = if header.is_some() { 0 } else { first };
        let words = self.mechanism.spaces.pages.memory.write_run(object + from * WORD, count - from, |index| {
            if let Some(header) = header
                && index < first
            {
                return Ok(header.0);
            }
            // Objects first: a jump table would be slower than the test that nearly always holds.
            match values[(index + from - first) as usize] {
                Value::Object(local) => handles.get(local.index_from(key)).copied().ok_or(()),
                value => Ok(plain_word(value)),
            }
        });
        match words {
            Ok(()) => Ok(()),
            Err((index, ())) => Err(self.refuse_value(object, from + index, count)),
        }
    }

    #[cold]
    #[inline(never)]
    fn write_many(
        &mut self,
        object: u64,
        first: u64,
        values: &[Value<'_>],
        header: Option<Header>,
    ) -> Result<(), Error> {
        if let Some(header) = header {
            self.store_raw(object, 0, header.0);
        }
        for (index, value) in (first..).zip(values) {
            match self.value_word(*value) {
                Ok(word) => self.store_raw(object, index, word),
                Err(_) => return Err(self.refuse_value(object, index, first + values.len() as u64)),
            }
        }
        Ok(())
    }

    /// The object is walkable only when all of it is written: a bad handle must not leave a gap.
    #[cold]
    #[inline(never)]
    fn refuse_value(&mut self, object: u64, from: u64, to: u64) -> Error {
        for index in from..to {
            self.store_raw(object, index, UNDEFINED);
        }
        Error::wrong_heap()
    }

    #[inline(always)]
    pub(crate) fn push_handle<'s, T: Type>(&mut self, address: u64) -> Local<'s, T> {
        self.push_word(word::reference(address))
    }

    /// As [`Self::push_handle`], of a strong reference.
    #[inline(always)]
    pub(crate) fn push_word<'s, T: Type>(&mut self, word: u64) -> Local<'s, T> {
        Local::push(&mut self.mechanism.roots.handles, self.handle_key, word)
    }

    /// A value read from a slot; an object gets a handle.
    #[inline(always)]
    pub(crate) fn value<'s>(&mut self, word: u64) -> Value<'s> {
        if word::is_reference(word) {
            let object = self.push_word(word::strong(word));
            if self.stressed {
                self.stress_handle();
            }
            Value::Object(object)
        } else if let Some(smi) = word::as_smi(word) {
            Value::Smi(smi)
        } else if word == HOLE {
            Value::Hole
        } else {
            Value::Undefined
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, HeapOptions};

    #[test]
    fn a_handle_stack_has_no_more_handles_than_can_be_told_apart() {
        let most = u64::from(u32::MAX);
        let cases =
            [(0, Some(64)), (64, Some(64)), (1 << 31, Some(most - (1 << 31))), (most - 1, Some(1)), (most, None)];
        for (length, more) in cases {
            assert_eq!(more_handles(length), more, "{length}");
        }
        assert_eq!(more_handles(u64::MAX), None);
    }

    #[test]
    fn a_heap_that_no_number_is_left_for_refuses_its_handles_and_is_valid() -> Result<(), Error> {
        let mut heaps = [Heap::new(HeapOptions::for_tests())?, Heap::new(HeapOptions::for_tests())?];
        let before = {
            let mut scope = heaps[0].scope();
            let list = scope.array(&[1.into()])?;
            scope.global(list)?
        };
        for heap in &mut heaps {
            heap.refuse_handles(None);
        }
        let [one, two] = &mut heaps;
        let (mut scope, mut other) = (one.scope(), two.scope());
        let list = scope.open(&before)?;
        assert_eq!(scope.array_length(list).unwrap_err(), ErrorKind::WrongHeap);
        assert_eq!(other.array_length(list).unwrap_err(), ErrorKind::WrongHeap);
        assert_eq!(scope.no_gc(0, |no_gc| no_gc.tagged(list).map(|_| ())).unwrap_err(), ErrorKind::WrongHeap);
        let fresh = other.string("nobody's")?;
        assert_eq!(other.string_length(fresh).unwrap_err(), ErrorKind::WrongHeap);
        scope.collect_garbage()?;
        scope.verify().expect("valid without handles");
        Ok(())
    }
}
