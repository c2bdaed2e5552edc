//! Reading without handles: while a heap is only looked at nothing moves, so an address is as good as a handle.
//!
//! A [`Peek`] borrows the heap; what could allocate, collect or write needs it exclusively and does not compile meanwhile.
//! It brings its heap along, so there is no other heap that it could be used with by mistake. What holds: its object is
//! alive and of its type for as long as it exists.

use super::Heap;
use super::error::Error;
use super::handle::types::{JsArray, Object, Record};
use super::handle::{Local, Type};
use super::objects::wrong_kind;
use crate::object::word::{self, HOLE};
use crate::object::{Header, Kind};
use std::marker::PhantomData;

/// A look at an object, without a handle for it.
///
/// ```
/// use gcheap::{Heap, HeapOptions, Peek, types::Record};
///
/// fn length(cell: Peek<'_, Record>) -> Result<u64, gcheap::Error> {
///     match cell.field(0)?.as_object() {
///         Some(next) => Ok(1 + length(next.downcast()?)?),
///         None => Ok(1),
///     }
/// }
///
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let cell = heap.record_type(1, 0)?;
/// let mut scope = heap.scope();
/// let last = scope.record(cell, &[])?;
/// let first = scope.record(cell, &[last.into()])?;
/// assert_eq!(length(scope.peek(first)?)?, 2);
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// Nothing can be allocated while it is in use:
///
/// ```compile_fail
/// # let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// let text = scope.string("x").unwrap();
/// let look = scope.peek(text).unwrap();
/// scope.string("y").unwrap();
/// look.kind();
/// ```
pub struct Peek<'v, T: Type = Object> {
    pub(super) heap: &'v Heap,
    pub(super) address: u64,
    of: PhantomData<fn() -> T>,
}

impl<T: Type> Clone for Peek<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Type> Copy for Peek<'_, T> {}

impl<T: Type> std::fmt::Debug for Peek<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peek<{}>", T::NAME)
    }
}

/// What a slot holds, seen without a handle.
///
/// ```
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let list = scope.array(&[7.into()])?;
/// assert_eq!(scope.peek(list)?.element(0)?.as_smi(), Some(7));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Seen<'v> {
    /// `undefined`.
    Undefined,
    /// A slot of an array that was never written.
    Hole,
    /// A small integer.
    Smi(i32),
    /// An object.
    Object(Peek<'v>),
}

impl<'v> Seen<'v> {
    /// The small integer, if it is one.
    #[inline(always)]
    pub fn as_smi(self) -> Option<i32> {
        if let Seen::Smi(value) = self { Some(value) } else { None }
    }

    /// The object, if it is one.
    #[inline(always)]
    pub fn as_object(self) -> Option<Peek<'v>> {
        if let Seen::Object(object) = self { Some(object) } else { None }
    }
}

impl Heap {
    /// A look at what a handle refers to.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    #[inline(always)]
    pub fn peek<T: Type>(&self, local: Local<'_, T>) -> Result<Peek<'_, T>, Error> {
        Ok(Peek { heap: self, address: self.address(local)?, of: PhantomData })
    }
}

impl<'v, T: Type> Peek<'v, T> {
    /// The caller knows that the object is of the type.
    #[inline(always)]
    pub(super) fn at(heap: &'v Heap, address: u64) -> Self {
        Peek { heap, address, of: PhantomData }
    }

    #[inline(always)]
    fn header(self) -> Header {
        self.heap.header(self.address)
    }

    /// The same, if the object is what the type says.
    #[inline(always)]
    fn checked(self) -> Result<Self, Error> {
        if self.heap.is_of::<T>(self.address) { Ok(self) } else { Err(wrong_kind::<T>(self.header())) }
    }

    /// What kind of object it is.
    pub fn kind(self) -> Kind {
        self.header().kind()
    }

    /// Size of the object in bytes, header included.
    pub fn size(self) -> u64 {
        self.header().bytes()
    }

    /// A look at a definite type, if the object is of it.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind)
    #[inline(always)]
    pub fn downcast<U: Type>(self) -> Result<Peek<'v, U>, Error> {
        Peek { heap: self.heap, address: self.address, of: PhantomData }.checked()
    }

    #[inline(always)]
    fn seen(self, word: u64) -> Seen<'v> {
        if word::is_reference(word) {
            Seen::Object(Peek { heap: self.heap, address: word::address(word), of: PhantomData })
        } else if let Some(value) = word::as_smi(word) {
            Seen::Smi(value)
        } else if word == HOLE {
            Seen::Hole
        } else {
            Seen::Undefined
        }
    }
}

impl<'v> Peek<'v, Record> {
    /// Reads a tagged field.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn field(self, index: u64) -> Result<Seen<'v>, Error> {
        let length = self.header().small_tagged();
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        Ok(self.seen(self.heap.load(self.address, 1 + index)))
    }
}

impl<'v> Peek<'v, JsArray> {
    /// Length of the array.
    pub fn length(self) -> u64 {
        self.heap.array_parts(self.address).0
    }

    /// Reads an element. The elements of an array of doubles are read with [`Scope::array_double`](crate::Scope::array_double).
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange),
    /// [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind) for an array of doubles.
    #[inline(always)]
    pub fn element(self, index: u64) -> Result<Seen<'v>, Error> {
        let store = self.heap.elements_of(self.address, index)?;
        Ok(self.seen(self.heap.element(store, index)))
    }
}
