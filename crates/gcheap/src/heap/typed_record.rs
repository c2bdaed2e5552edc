//! Typed records: [`record!`](crate::record!) declares a type with tagged and raw fields, and the compiler and the heap
//! see to it that only what belongs there is read and written.
//!
//! A field of a record is a constant of its type, so that a field of another type does not compile. What the compiler
//! cannot know (a record of another type behind an untyped handle, a value written without types) is checked at each access.

use super::Heap;
use super::error::{Error, ErrorKind};
use super::handle::types::Record;
use super::handle::{Local, Type, Value};
use super::scope::Scope;
use std::any::TypeId;
use std::marker::PhantomData;

/// A type declared with [`record!`](crate::record!).
///
/// ```
/// use gcheap::record::RecordLayout;
/// gcheap::record! { struct Pair { left: gcheap::record::Any, right: gcheap::record::Any } raw { hash: u32 } }
/// assert_eq!((Pair::FIELDS, Pair::RAW_BYTES), (&["left", "right"][..], 4));
/// ```
pub trait RecordLayout: Type {
    /// Names of the tagged fields.
    const FIELDS: &'static [&'static str];
    /// Bytes of the raw fields.
    const RAW_BYTES: u64;
}

/// What can stand behind the colon of a tagged field: a [type of handles](crate::types), a record type, [`Any`] or [`Smi`].
///
/// ```
/// use gcheap::{record::TaggedField, types::JsString};
/// assert!(matches!(JsString::value(None), gcheap::Value::Undefined));
/// ```
pub trait TaggedField: 'static {
    /// What is read: a handle if there is one, a value, a number.
    type Get<'s>;
    /// What is written.
    type Set<'a>;
    /// What is written, as the heap keeps it.
    fn value(set: Self::Set<'_>) -> Value<'_>;
    /// What is read, from what the heap has kept.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind) or [`ErrorKind::WrongValue`](crate::ErrorKind::WrongValue) if something else was written without types.
    fn get<'s>(scope: &Scope<'s>, value: Value<'s>) -> Result<Self::Get<'s>, Error>;
}

impl<T: Type> TaggedField for T {
    type Get<'s> = Option<Local<'s, T>>;
    type Set<'a> = Option<Local<'a, T>>;

    #[inline(always)]
    fn value(set: Self::Set<'_>) -> Value<'_> {
        set.map_or(Value::Undefined, Value::from)
    }

    #[inline(always)]
    fn get<'s>(scope: &Scope<'s>, value: Value<'s>) -> Result<Option<Local<'s, T>>, Error> {
        match value {
            Value::Undefined | Value::Hole => Ok(None),
            Value::Object(object) => scope.downcast(object).map(Some),
            Value::Smi(_) => Err(ErrorKind::WrongValue { expected: T::NAME, found: "small integer" }.into()),
        }
    }
}

/// A field that holds any value.
///
/// ```
/// gcheap::record! { struct Cell { value: gcheap::record::Any } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let cell = Cell::new(&mut scope, 7.into())?;
/// assert_eq!(scope.read(cell, Cell::value)?.as_smi(), Some(7));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Debug)]
pub enum Any {}

impl TaggedField for Any {
    type Get<'s> = Value<'s>;
    type Set<'a> = Value<'a>;

    #[inline(always)]
    fn value(set: Self::Set<'_>) -> Value<'_> {
        set
    }

    #[inline(always)]
    fn get<'s>(_: &Scope<'s>, value: Value<'s>) -> Result<Value<'s>, Error> {
        Ok(value)
    }
}

/// A field that holds a small integer, inline in a tagged slot.
///
/// ```
/// gcheap::record! { struct Counter { count: gcheap::record::Smi } }
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let counter = Counter::new(&mut scope, 1)?;
/// scope.write(counter, Counter::count, 2)?;
/// assert_eq!(scope.read(counter, Counter::count)?, 2);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Debug)]
pub enum Smi {}

impl TaggedField for Smi {
    type Get<'s> = i32;
    type Set<'a> = i32;

    #[inline(always)]
    fn value(set: Self::Set<'_>) -> Value<'_> {
        Value::Smi(set)
    }

    #[inline(always)]
    fn get<'s>(scope: &Scope<'s>, value: Value<'s>) -> Result<i32, Error> {
        const EXPECTED: &str = "small integer";
        match value {
            Value::Smi(number) => Ok(number),
            Value::Object(object) => {
                Err(ErrorKind::WrongKind { expected: EXPECTED, found: scope.kind(object)? }.into())
            }
            Value::Undefined | Value::Hole => {
                Err(ErrorKind::WrongValue { expected: EXPECTED, found: "undefined" }.into())
            }
        }
    }
}

/// What a raw field can be: an integer or a float, kept as bytes that no collector looks at.
///
/// ```
/// use gcheap::record::RawValue;
/// assert_eq!(u32::from_bytes(&7u32.to_le_bytes()), 7);
/// ```
pub trait RawValue: Copy + 'static {
    /// Its bytes, least first.
    fn write_to(self, bytes: &mut [u8]);
    /// From so many bytes.
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! raw_values {
    ($($type:ty),*) => {$(
        impl RawValue for $type {
            fn write_to(self, bytes: &mut [u8]) {
                for (to, from) in bytes.iter_mut().zip(self.to_le_bytes()) {
                    *to = from;
                }
            }

            fn from_bytes(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$type>()];
                for (to, from) in own.iter_mut().zip(bytes) {
                    *to = *from;
                }
                <$type>::from_le_bytes(own)
            }
        }
    )*};
}

raw_values!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

/// A tagged field of a record type: its constant is what [`Scope::read`] and [`Heap::write`] take.
///
/// ```
/// use gcheap::record::{Any, Field};
/// gcheap::record! { struct Cell { value: Any } }
/// const KEY: Field<Cell, Any> = Cell::value;
/// ```
#[derive(Debug)]
pub struct Field<R, T> {
    index: u64,
    of: PhantomData<fn() -> (R, T)>,
}

/// A raw field of a record type.
///
/// ```
/// use gcheap::record::RawField;
/// gcheap::record! { struct Point {} raw { x: f64, y: f64 } }
/// const KEY: RawField<Point, f64> = Point::y;
/// ```
#[derive(Debug)]
pub struct RawField<R, V> {
    offset: usize,
    of: PhantomData<fn() -> (R, V)>,
}

macro_rules! plain_copy {
    ($($name:ident),*) => {$(
        impl<R, T> Clone for $name<R, T> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<R, T> Copy for $name<R, T> {}
    )*};
}

plain_copy!(Field, RawField);

impl<R, T> Field<R, T> {
    /// For [`record!`](crate::record!). An index behind the last field is an error when it is used.
    #[doc(hidden)]
    pub const fn at(index: usize) -> Self {
        Field { index: index as u64, of: PhantomData }
    }
}

impl<R: RecordLayout, T> Field<R, T> {
    /// The number of the field, if the type has it.
    #[inline(always)]
    pub(super) fn index(self) -> Result<u64, Error> {
        let fields = R::FIELDS.len() as u64;
        if self.index < fields { Ok(self.index) } else { Err(Error::out_of_range(self.index, fields)) }
    }
}

impl<R, V> RawField<R, V> {
    /// For [`record!`](crate::record!). An offset behind the raw bytes is an error when it is used.
    #[doc(hidden)]
    pub const fn at(offset: usize) -> Self {
        RawField { offset, of: PhantomData }
    }
}

/// A field of the record type `R`: a [`Field`] or a [`RawField`].
///
/// ```
/// use gcheap::record::Key;
/// fn is_a_key<R: gcheap::record::RecordLayout, K: Key<R>>(_: K) {}
/// gcheap::record! { struct Cell { value: gcheap::record::Any } raw { hash: u64 } }
/// is_a_key::<Cell, _>(Cell::value);
/// is_a_key::<Cell, _>(Cell::hash);
/// ```
pub trait Key<R: RecordLayout>: Copy {
    /// What is read.
    type Get<'s>;
    /// What is written.
    type Set<'a>;
    /// Reads the field. Called by [`Scope::read`].
    fn read<'s>(self, scope: &mut Scope<'s>, record: Local<'_, R>) -> Result<Self::Get<'s>, Error>;
    /// Writes the field. Called by [`Heap::write`].
    fn write(self, heap: &mut Heap, record: Local<'_, R>, value: Self::Set<'_>) -> Result<(), Error>;
}

impl<R: RecordLayout, T: TaggedField> Key<R> for Field<R, T> {
    type Get<'s> = T::Get<'s>;
    type Set<'a> = T::Set<'a>;

    #[inline(always)]
    fn read<'s>(self, scope: &mut Scope<'s>, record: Local<'_, R>) -> Result<T::Get<'s>, Error> {
        let address = scope.address_with::<R>(record, self.index)?;
        let word = scope.load(address, 1 + self.index);
        let value = scope.value(word);
        T::get(scope, value)
    }

    #[inline(always)]
    fn write(self, heap: &mut Heap, record: Local<'_, R>, value: T::Set<'_>) -> Result<(), Error> {
        let address = heap.address_with::<R>(record, self.index)?;
        let word = heap.value_word(T::value(value))?;
        heap.store(address, 1 + self.index, word);
        Ok(())
    }
}

impl<R: RecordLayout, V: RawValue> Key<R> for RawField<R, V> {
    type Get<'s> = V;
    type Set<'a> = V;

    fn read<'s>(self, scope: &mut Scope<'s>, record: Local<'_, R>) -> Result<V, Error> {
        let bytes = scope.raw(scope.untyped(record)?)?;
        let range = self.offset..self.offset.saturating_add(size_of::<V>());
        let length = bytes.len() as u64;
        let field = bytes.get(range).ok_or_else(|| Error::out_of_range(self.offset as u64, length))?;
        Ok(V::from_bytes(field))
    }

    fn write(self, heap: &mut Heap, record: Local<'_, R>, value: V) -> Result<(), Error> {
        let record = heap.untyped(record)?;
        let bytes = heap.raw_mut(record)?;
        let range = self.offset..self.offset.saturating_add(size_of::<V>());
        let length = bytes.len() as u64;
        let field = bytes.get_mut(range).ok_or_else(|| Error::out_of_range(self.offset as u64, length))?;
        value.write_to(field);
        Ok(())
    }
}

impl Heap {
    /// The address of a typed record that has a tagged field of this number: what the type says, the object is (`is_of`), so it
    /// is not looked at.
    #[inline(always)]
    fn address_with<R: RecordLayout>(&self, record: Local<'_, R>, field: u64) -> Result<u64, Error> {
        let (address, fields) = (self.address(record)?, R::FIELDS.len() as u64);
        debug_assert!(self.is_record_of(address, TypeId::of::<R>()), "a {} behind the handle", R::NAME);
        if field < fields { Ok(address) } else { Err(Error::out_of_range(field, fields)) }
    }

    /// A handle of a typed record as the untyped operations want it, after checking that it is what it says.
    fn untyped<'a, R: RecordLayout>(&self, record: Local<'a, R>) -> Result<Local<'a, Record>, Error> {
        let address = self.address(record)?;
        if self.is_record_of(address, TypeId::of::<R>()) {
            Ok(record.cast())
        } else {
            Err(ErrorKind::WrongKind { expected: R::NAME, found: self.header(address).kind() }.into())
        }
    }

    /// Writes a field of a typed record.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions, types::JsString};
    /// gcheap::record! { struct Entry { name: JsString } raw { hits: u32 } }
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let entry = Entry::new(&mut scope, None)?;
    /// scope.write(entry, Entry::hits, 3)?;
    /// assert_eq!(scope.read(entry, Entry::hits)?, 3);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) if record or value belong to another heap.
    #[inline(always)]
    pub fn write<R: RecordLayout, K: Key<R>>(
        &mut self,
        record: Local<'_, R>,
        field: K,
        value: K::Set<'_>,
    ) -> Result<(), Error> {
        field.write(self, record, value)
    }
}

impl<'s> Scope<'s> {
    /// Reads a field of a typed record.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap); [`ErrorKind::WrongKind`](crate::ErrorKind::WrongKind) or [`ErrorKind::WrongValue`](crate::ErrorKind::WrongValue) if the field was written without types.
    #[inline(always)]
    pub fn read<R: RecordLayout, K: Key<R>>(&mut self, record: Local<'_, R>, field: K) -> Result<K::Get<'s>, Error> {
        field.read(self, record)
    }

    /// A record of a declared type with these tagged fields; those that are missing are `undefined`, raw ones are zero. The
    /// type's own `new` does the same with types. Can collect.
    ///
    /// ```
    /// gcheap::record! { struct Pair { left: gcheap::record::Any, right: gcheap::record::Any } }
    /// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let pair = scope.record_of::<Pair>(&[1.into()])?;
    /// assert_eq!(scope.read(pair, Pair::left)?.as_smi(), Some(1));
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory); [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more values than fields.
    #[inline(always)]
    pub fn record_of<R: RecordLayout>(&mut self, values: &[Value<'_>]) -> Result<Local<'s, R>, Error> {
        let record_type = self.record_type_for::<R>()?;
        let record = self.record(record_type, values)?;
        Ok(record.cast())
    }
}
