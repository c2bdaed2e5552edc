//! Tables: a fixed number of places for objects of one type.
//!
//! What an array holds is found out object by object; what a table holds says its type, and no object need be looked at
//! before it is used. A table is a backing store without an array before it; its last slot has the number of its type.

use super::Heap;
use super::allocate::{Space, smi};
use super::error::Error;
use super::handle::{Local, Type, Value, types::Table};
use super::objects::{STORE_FIRST, STORE_LENGTH};
use super::peek::Peek;
use super::scope::Scope;
use super::site::Placement;
use crate::object::Kind;
use crate::object::word::{self, UNDEFINED};
use std::any::TypeId;

/// Places of a table whose store has a length, a small integer.
#[inline(always)]
pub(super) fn places_in(length: u64) -> u64 {
    (length >> 32) - 1
}

impl Heap {
    /// The number of a type of tables, if there is a table of it.
    fn table_number<X: 'static>(&self) -> Option<u64> {
        self.table_types.iter().position(|&known| known == TypeId::of::<X>()).map(|number| number as u64)
    }

    /// Whether an object is a table of the type that a Rust type stands for. Users come by no other backing store.
    pub(crate) fn is_table_of<X: Type>(&self, object: u64) -> bool {
        self.header(object).is(Kind::FixedArray)
            && self
                .table_number::<X>()
                .is_some_and(|number| self.load(object, STORE_FIRST + self.places(object)) == smi(number))
    }

    /// Places of a table: the slots of the store but the last.
    #[inline(always)]
    fn places(&self, table: u64) -> u64 {
        places_in(self.load(table, STORE_LENGTH))
    }

    /// The address of a table that has a place.
    #[inline(always)]
    fn table_with<T: Type>(&self, table: Local<'_, Table<T>>, index: u64) -> Result<u64, Error> {
        let address = self.typed(table)?;
        let length = self.places(address);
        if index < length { Ok(address) } else { Err(Error::out_of_range(index, length)) }
    }

    /// Places of a table.
    pub fn table_length<T: Type>(&self, table: Local<'_, Table<T>>) -> Result<u64, Error> {
        Ok(self.places(self.typed(table)?))
    }

    /// Puts an object, or none, in a place of a table.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange),
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap).
    #[inline(always)]
    pub fn table_set<T: Type>(
        &mut self,
        table: Local<'_, Table<T>>,
        index: u64,
        object: Option<Local<'_, T>>,
    ) -> Result<(), Error> {
        let address = self.table_with(table, index)?;
        let word = self.value_word(object.map_or(Value::Undefined, Value::from))?;
        self.store(address, STORE_FIRST + index, word);
        Ok(())
    }
}

impl<'s> Scope<'s> {
    /// A table of so many places, all empty. Can collect.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions, Placement};
    /// gcheap::record! { struct Cell { value: gcheap::record::Smi } }
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let table = scope.table::<Cell>(Placement::Young, 100)?;
    /// let cell = Cell::new(&mut scope, 7)?;
    /// scope.table_set(table, 42, Some(cell))?;
    /// let found = scope.table_get(table, 42)?.expect("it was put there");
    /// assert_eq!(scope.read(found, Cell::value)?, 7);
    /// assert!(scope.table_get(table, 43)?.is_none());
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// What is of another type does not compile:
    ///
    /// ```compile_fail
    /// gcheap::record! { struct Cell { value: gcheap::record::Smi } }
    /// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
    /// let mut scope = heap.scope();
    /// let table = scope.table::<Cell>(gcheap::Placement::Young, 100).unwrap();
    /// let text = scope.string("no cell").unwrap();
    /// scope.table_set(table, 42, Some(text)).unwrap();
    /// ```
    ///
    /// # Errors
    /// Out of memory, or more places than V8's longest array has.
    pub fn table<T: Type>(&mut self, placement: Placement, length: u64) -> Result<Local<'s, Table<T>>, Error> {
        let number = match self.table_number::<Table<T>>() {
            Some(number) => number,
            None => {
                self.table_types.push(TypeId::of::<Table<T>>());
                self.table_types.len() as u64 - 1
            }
        };
        let space = if placement == Placement::Old { Space::Old } else { Space::Young };
        let store = self.allocate_fixed_array(length.saturating_add(1), UNDEFINED, space)?;
        self.store_raw(store, STORE_FIRST + length, smi(number));
        Ok(self.push_handle(store))
    }

    /// The object in a place of a table, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange),
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap).
    #[inline(always)]
    pub fn table_get<T: Type>(
        &mut self,
        table: Local<'_, Table<T>>,
        index: u64,
    ) -> Result<Option<Local<'s, T>>, Error> {
        let address = self.table_with(table, index)?;
        let word = self.load(address, STORE_FIRST + index);
        if !word::is_reference(word) {
            return Ok(None);
        }
        let local = self.push_word(word);
        if self.stressed {
            self.stress_handle();
        }
        Ok(Some(local))
    }
}

impl<'v, T: Type> Peek<'v, Table<T>> {
    /// Places of the table.
    pub fn length(self) -> u64 {
        self.heap.places(self.address)
    }

    /// The object in a place, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn get(self, index: u64) -> Result<Option<Peek<'v, T>>, Error> {
        let length = self.length();
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        let word = self.heap.load(self.address, STORE_FIRST + index);
        Ok(word::is_reference(word).then(|| Peek::at(self.heap, word::address(word))))
    }
}
