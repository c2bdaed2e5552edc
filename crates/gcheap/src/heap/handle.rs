//! Handles: how code outside refers to objects that move.
//!
//! A handle is an index into a table of roots, never an address. A [`Local`] lives as long as its [`Scope`](crate::Scope)
//! (the borrow checker sees to it) and knows its heap (checked at each use); a [`Global`] and a [`WeakHandle`] live
//! as long as they are kept.

use super::Heap;
use super::error::Error;
use crate::object::Kind;
use crate::object::word::{self, HOLE, UNDEFINED};
use crate::roots::Dropped;
use std::marker::PhantomData;

/// Type of a handle: which kinds it may refer to. The markers have no values.
pub trait Type: 'static {
    /// What the type is called in errors.
    const NAME: &'static str;
    /// Whether objects of a kind belong to the type.
    fn includes(kind: Kind) -> bool;
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident: $text:literal, [$($kind:pat),+];)*) => {$(
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
            fn includes(kind: Kind) -> bool {
                matches!(kind, $($kind)|+)
            }
        }
    )*};
}

/// Types of handles.
pub mod types {
    pub use super::Type;
    use crate::object::Kind;

    types! {
        /// Any object.
        Object: "object", [_];
        /// A plain object.
        JsObject: "JSObject", [Kind::JsObject];
        /// An array.
        JsArray: "JSArray", [Kind::JsArray];
        /// A string of any representation.
        JsString: "string", [Kind::OneByteString, Kind::TwoByteString, Kind::ConsString, Kind::SlicedString];
        /// A boxed double.
        HeapNumber: "HeapNumber", [Kind::HeapNumber];
        /// A closure.
        JsFunction: "JSFunction", [Kind::JsFunction];
        /// A Promise.
        JsPromise: "JSPromise", [Kind::JsPromise];
        /// A Map.
        JsMap: "JSMap", [Kind::JsMap];
        /// A Set.
        JsSet: "JSSet", [Kind::JsSet];
        /// A WeakMap.
        JsWeakMap: "JSWeakMap", [Kind::JsWeakMap];
        /// A WeakRef.
        JsWeakRef: "JSWeakRef", [Kind::JsWeakRef];
        /// A FinalizationRegistry.
        JsFinalizationRegistry: "JSFinalizationRegistry", [Kind::JsFinalizationRegistry];
        /// An ArrayBuffer.
        JsArrayBuffer: "JSArrayBuffer", [Kind::JsArrayBuffer];
        /// A typed array, a Buffer among them.
        JsTypedArray: "JSTypedArray", [Kind::JsTypedArray];
        /// A record of the user's own layout.
        Record: "record", [Kind::Record];
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
    pub(crate) index: u32,
    pub(crate) heap: u32,
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
        write!(f, "Local<{}>({})", T::NAME, self.index)
    }
}

impl<'s, T: Type> Local<'s, T> {
    pub(crate) fn new(index: u32, heap: u32) -> Self {
        Local { index, heap, marker: PhantomData }
    }

    /// The same object, of any type.
    pub fn upcast(self) -> Local<'s> {
        Local::new(self.index, self.heap)
    }
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

/// A root that is not bound to a scope. Dropping it lets go.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let kept = {
///     let mut scope = heap.scope();
///     let text = scope.string("kept by a global")?;
///     scope.global(text)?
/// };
/// heap.collect_garbage()?;
/// let mut scope = heap.scope();
/// let text = scope.open(&kept)?;
/// assert_eq!(scope.string_value(text)?, "kept by a global");
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct Global<T: Type = types::Object> {
    index: u32,
    generation: u32,
    heap: u32,
    dropped: Dropped,
    marker: PhantomData<fn() -> T>,
}

/// Looks at an object without keeping it alive. Dropping it frees its slot.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let weak = {
///     let mut scope = heap.scope();
///     let text = scope.string("nobody keeps this")?;
///     scope.weak_handle(text)?
/// };
/// heap.collect_garbage()?;
/// assert!(heap.scope().open_weak(&weak)?.is_none());
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct WeakHandle<T: Type = types::Object> {
    index: u32,
    generation: u32,
    heap: u32,
    dropped: Dropped,
    marker: PhantomData<fn() -> T>,
}

macro_rules! table_handle {
    ($name:ident) => {
        impl<T: Type> $name<T> {
            pub(crate) fn new(place: (u32, u32), heap: u32, dropped: Dropped) -> Self {
                $name { index: place.0, generation: place.1, heap, dropped, marker: PhantomData }
            }

            pub(crate) fn place(&self, heap: &Heap) -> Result<(u32, u32), Error> {
                if self.heap == heap.id { Ok((self.index, self.generation)) } else { Err(Error::WrongHeap) }
            }
        }

        impl<T: Type> Drop for $name<T> {
            fn drop(&mut self) {
                // The heap may be borrowed or gone: leave a note that it reads before its next collection.
                if let Ok(mut dropped) = self.dropped.lock() {
                    dropped.push((self.index, self.generation));
                }
            }
        }

        impl<T: Type> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}<{}>({})", stringify!($name), T::NAME, self.index)
            }
        }
    };
}

table_handle!(Global);
table_handle!(WeakHandle);

impl Heap {
    /// The tagged word behind a handle.
    #[inline(always)]
    pub(crate) fn word<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        if local.heap != self.id {
            return Err(Error::WrongHeap);
        }
        self.mechanism.roots.handles.get(local.index as usize).copied().ok_or(Error::WrongHeap)
    }

    /// The address of the object behind a handle.
    #[inline(always)]
    pub(crate) fn address<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        Ok(word::address(self.word(local)?))
    }

    #[inline(always)]
    pub(crate) fn value_word(&self, value: Value<'_>) -> Result<u64, Error> {
        match value {
            Value::Undefined => Ok(UNDEFINED),
            Value::Hole => Ok(HOLE),
            Value::Smi(value) => Ok(word::smi(value)),
            Value::Object(local) => self.word(local),
        }
    }

    #[inline(always)]
    pub(crate) fn push_handle<'s, T: Type>(&mut self, address: u64) -> Local<'s, T> {
        let index = self.mechanism.roots.handles.len() as u32;
        self.mechanism.roots.handles.push(word::reference(address));
        Local::new(index, self.id)
    }

    /// A value read from a slot; an object gets a handle.
    #[inline]
    pub(crate) fn value<'s>(&mut self, word: u64) -> Value<'s> {
        if word::is_reference(word) {
            Value::Object(self.push_handle(word::address(word)))
        } else if let Some(smi) = word::as_smi(word) {
            Value::Smi(smi)
        } else if word == HOLE {
            Value::Hole
        } else {
            Value::Undefined
        }
    }
}
