//! Arrays: literals, elements of tagged words or doubles, and how their backing stores grow and shrink.

use super::Heap;
use super::allocate::{Space, smi};
use super::error::{Error, ErrorKind};
use super::handle::types::JsArray;
use super::handle::{Local, Value};
use super::objects::{ARRAY_LENGTH, ELEMENTS, PROPERTIES, STORE_FIRST, STORE_LENGTH};
use super::scope::Scope;
use super::site::Placement;
use crate::event::{Location, SpaceName};
use crate::memory::WORD;
use crate::mutants::{Mutant, on};
use crate::object::growth::new_elements_capacity;
use crate::object::layout::{self, MAX_FIXED_ARRAY_LENGTH};
use crate::object::word::{HOLE, UNDEFINED, address as address_of, as_smi, is_reference, reference};
use crate::object::{Header, Kind};
use crate::space::pages::YOUNG;

impl Heap {
    /// Length (a small integer, always) and backing store of an array.
    #[inline(always)]
    pub(super) fn array_parts(&self, array: u64) -> (u64, u64) {
        (self.load(array, ARRAY_LENGTH) >> 32, self.load(array, ELEMENTS))
    }

    /// The backing store of an array of tagged words with more than `index` elements.
    #[inline(always)]
    fn tagged_elements(&self, array: Local<'_, JsArray>, index: u64) -> Result<u64, Error> {
        self.elements_of(self.typed(array)?, index)
    }

    /// The word of an element of a backing store.
    #[inline(always)]
    pub(super) fn element(&self, store: u64, index: u64) -> u64 {
        self.load(store, STORE_FIRST + index)
    }

    #[inline(always)]
    pub(super) fn elements_of(&self, array: u64, index: u64) -> Result<u64, Error> {
        let (length, elements) = self.array_parts(array);
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        let store = address_of(elements);
        let header = self.header(store);
        if header.is(Kind::FixedArray) { Ok(store) } else { Err(wrong_elements(header)) }
    }

    fn store_capacity(&self, elements: u64) -> u64 {
        if is_reference(elements) {
            as_smi(self.load(address_of(elements), STORE_LENGTH)).unwrap_or(0) as u32 as u64
        } else {
            0
        }
    }

    /// Length of an array.
    pub fn array_length(&self, array: Local<'_, JsArray>) -> Result<u64, Error> {
        Ok(self.array_parts(self.typed(array)?).0)
    }

    /// Appends to an array; the backing store grows as V8's does, the old one becomes garbage. Can collect.
    #[inline]
    pub fn array_push(&mut self, array: Local<'_, JsArray>, value: Value<'_>) -> Result<u64, Error> {
        let address = self.typed(array)?;
        let (length, elements) = self.array_parts(address);
        if is_reference(elements) && !self.header(address_of(elements)).is(Kind::FixedArray) {
            return Err(ErrorKind::WrongKind { expected: "FixedArray", found: Kind::FixedDoubleArray }.into());
        }
        let (address, elements) = if length < self.store_capacity(elements) {
            (address, address_of(elements))
        } else {
            self.grow_elements(array, length + 1)?
        };
        let word = self.value_word(value)?;
        self.store(elements, STORE_FIRST + length, word);
        self.store_raw(address, ARRAY_LENGTH, smi(length + 1));
        Ok(length + 1)
    }

    /// Appends to an array of doubles, or to `[]`, which becomes one; the store grows as V8's does. Can collect.
    pub fn array_push_double(&mut self, array: Local<'_, JsArray>, value: f64) -> Result<u64, Error> {
        let address = self.typed(array)?;
        let (length, elements) = self.array_parts(address);
        if is_reference(elements) && !self.header(address_of(elements)).is(Kind::FixedDoubleArray) {
            return Err(ErrorKind::WrongKind { expected: "FixedDoubleArray", found: Kind::FixedArray }.into());
        }
        if length >= self.store_capacity(elements) {
            let capacity = new_elements_capacity(length + 1);
            if capacity > MAX_FIXED_ARRAY_LENGTH {
                return Err(self.fatal(Location::InvalidArrayLength, capacity.saturating_mul(WORD)));
            }
            let store = self.allocate(layout::fixed_double_array(capacity))?;
            let address = self.address(array)?;
            let elements = self.load(address, ELEMENTS);
            let memory = &mut self.mechanism.spaces.pages.memory;
            memory.set_word(store + STORE_LENGTH * WORD, smi(capacity));
            memory.fill_words(store + (STORE_FIRST + length) * WORD, capacity - length, 0);
            if length > 0 {
                memory.copy_words(store + STORE_FIRST * WORD, address_of(elements) + STORE_FIRST * WORD, length);
            }
            self.store(address, ELEMENTS, reference(store));
        }
        let address = self.address(array)?;
        let store = address_of(self.load(address, ELEMENTS));
        self.store_raw(store, STORE_FIRST + length, value.to_bits());
        self.store_raw(address, ARRAY_LENGTH, smi(length + 1));
        Ok(length + 1)
    }

    /// A larger backing store with the old content; array and store, wherever they are then.
    #[cold]
    fn grow_elements(&mut self, array: Local<'_, JsArray>, needed: u64) -> Result<(u64, u64), Error> {
        let capacity = new_elements_capacity(needed);
        let store = self.allocate_fixed_array(capacity, HOLE, Space::Young)?;
        let address = self.address(array)?;
        let (length, elements) = self.array_parts(address);
        if is_reference(elements) {
            let from = address_of(elements);
            let words = length.min(self.store_capacity(elements));
            self.copy_slots(store, STORE_FIRST, from, STORE_FIRST, words);
        }
        self.store(address, ELEMENTS, reference(store));
        Ok((address, store))
    }

    /// Copies tagged slots into a fresh object.
    pub(crate) fn copy_slots(&mut self, to: u64, to_first: u64, from: u64, from_first: u64, count: u64) {
        if self.mechanism.spaces.pages.flags(to) & YOUNG != 0 {
            let memory = &mut self.mechanism.spaces.pages.memory;
            memory.copy_words(to + to_first * WORD, from + from_first * WORD, count);
        } else {
            for index in 0..count {
                let word = self.load(from, from_first + index);
                self.store(to, to_first + index, word);
            }
        }
    }

    /// Writes an element below the length.
    #[inline(always)]
    pub fn array_set(&mut self, array: Local<'_, JsArray>, index: u64, value: Value<'_>) -> Result<(), Error> {
        let store = self.tagged_elements(array, index)?;
        let word = self.value_word(value)?;
        self.store(store, STORE_FIRST + index, word);
        Ok(())
    }

    /// Drops every element: the backing store becomes garbage (JavaScript `array.length = 0`).
    pub fn array_clear(&mut self, array: Local<'_, JsArray>) -> Result<(), Error> {
        let address = self.typed(array)?;
        self.store_raw(address, ELEMENTS, UNDEFINED);
        self.store_raw(address, ARRAY_LENGTH, smi(0));
        Ok(())
    }

    /// Removes the last element; V8 gives half of the slack back when the store is mostly empty
    /// (src/objects/elements.cc `SetLengthImpl`).
    pub fn array_truncate(&mut self, array: Local<'_, JsArray>, length: u64) -> Result<(), Error> {
        let address = self.typed(array)?;
        let (old_length, elements) = self.array_parts(address);
        if length > old_length {
            return Err(Error::out_of_range(length, old_length));
        }
        self.store_raw(address, ARRAY_LENGTH, smi(length));
        if length == 0 {
            self.store_raw(address, ELEMENTS, UNDEFINED);
            return Ok(());
        }
        let capacity = self.store_capacity(elements);
        let store = address_of(elements);
        // The marker may have counted the store already: its books stay right if the store stays as it is.
        let trim = !(self.mechanism.marking.active && self.mechanism.spaces.pages.marks.get(store));
        if 2 * length + 16 <= capacity && trim {
            let keep = if length + 1 == old_length { length + (capacity - length) / 2 } else { length };
            for index in length..keep {
                self.store_raw(store, STORE_FIRST + index, HOLE);
            }
            self.right_trim(store, keep);
        } else {
            for index in length..old_length {
                self.store_raw(store, STORE_FIRST + index, HOLE);
            }
        }
        Ok(())
    }

    /// Shortens a backing store in place; its tail becomes filler (V8 `Heap::RightTrimArray`).
    fn right_trim(&mut self, store: u64, length: u64) {
        let old = self.header(store);
        let new = if old.is(Kind::FixedDoubleArray) {
            layout::fixed_double_array(length)
        } else {
            layout::fixed_array(length)
        };
        let (end, tail) = (store + old.bytes(), store + new.bytes());
        if tail == end {
            return;
        }
        let spaces = &mut self.mechanism.spaces;
        spaces.pages.memory.set_word(store, new.0);
        spaces.pages.memory.set_word(store + STORE_LENGTH * WORD, smi(length));
        spaces.pages.forget_slots(tail, end);
        if let Some(page) = spaces.pages.find(store)
            && spaces.pages.page_flags(page) & crate::space::pages::LARGE != 0
        {
            let space =
                if spaces.pages.page_flags(page) & YOUNG != 0 { &mut spaces.new_large } else { &mut spaces.large };
            space.shrink(&mut spaces.pages, page);
            return;
        }
        let filler = Header::new(Kind::Filler, 0, (end - tail) / WORD - u64::from(on(Mutant::WrongTrim)), 0);
        spaces.pages.memory.set_word(tail, filler.0);
        // A page that waits for the sweeper counts what the marker found; the sweeper will find the tail free.
        let page = spaces.pages.number(store) as u64;
        if spaces.pages.page(page).unswept {
            spaces.pages.page_mut(page).allocated -= end - tail;
            let owner = spaces.pages.page(page).owner;
            let ([old, code, trusted], _) = spaces.paged_mut();
            match owner {
                Some(SpaceName::Code) => code.size -= end - tail,
                Some(SpaceName::Trusted) => trusted.size -= end - tail,
                _ => old.size -= end - tail,
            }
        }
    }
}

impl<'s> Scope<'s> {
    /// An array literal: the JSArray and a backing store of exactly the values. Can collect.
    #[inline]
    pub fn array(&mut self, values: &[Value<'_>]) -> Result<Local<'s, JsArray>, Error> {
        self.array_literal(Placement::Young, values)
    }

    /// An array literal at an allocation site.
    #[inline]
    pub fn array_literal(&mut self, placement: Placement, values: &[Value<'_>]) -> Result<Local<'s, JsArray>, Error> {
        let array = self.allocate_placed(layout::JS_ARRAY, placement)?;
        self.initialize(array, PROPERTIES, &[UNDEFINED, UNDEFINED, smi(0)]);
        let local: Local<'s, JsArray> = self.push_handle(array);
        if !values.is_empty() {
            let length = values.len() as u64;
            let header = layout::fixed_array(length);
            let store = match placement {
                Placement::Old => self.allocate_old(header)?,
                _ => self.allocate(header)?,
            };
            self.store_raw(store, STORE_LENGTH, smi(length));
            if self.mechanism.spaces.pages.flags(store) & YOUNG != 0 {
                self.write_values(store, STORE_FIRST, values)?;
            } else {
                self.store_values(store, STORE_FIRST, values)?;
            }
            let array = self.address(local)?;
            self.store(array, ELEMENTS, reference(store));
            self.store_raw(array, ARRAY_LENGTH, smi(length));
        }
        Ok(local)
    }

    /// `new Array(length)`: a backing store of holes. Can collect.
    pub fn array_with_length(&mut self, placement: Placement, length: u64) -> Result<Local<'s, JsArray>, Error> {
        if length > u64::from(u32::MAX) {
            return Err(ErrorKind::RangeError("Invalid array length").into());
        }
        let array = self.allocate_placed(layout::JS_ARRAY, placement)?;
        self.initialize(array, PROPERTIES, &[UNDEFINED, UNDEFINED, smi(0)]);
        let local: Local<'s, JsArray> = self.push_handle(array);
        let space = if placement == Placement::Old { Space::Old } else { Space::Young };
        // `new Array()` reserves four slots (V8 `JSArray::kPreallocatedArrayElements`).
        let capacity = if length == 0 { 4 } else { length };
        let store = self.allocate_fixed_array(capacity, HOLE, space)?;
        let array = self.address(local)?;
        self.store(array, ELEMENTS, reference(store));
        self.store_raw(array, ARRAY_LENGTH, smi(length));
        Ok(local)
    }

    /// An array of doubles, unboxed in a FixedDoubleArray. Can collect.
    pub fn array_of_doubles(&mut self, placement: Placement, values: &[f64]) -> Result<Local<'s, JsArray>, Error> {
        let array = self.allocate_placed(layout::JS_ARRAY, placement)?;
        self.initialize(array, PROPERTIES, &[UNDEFINED, UNDEFINED, smi(0)]);
        let local: Local<'s, JsArray> = self.push_handle(array);
        let length = values.len() as u64;
        if length > MAX_FIXED_ARRAY_LENGTH {
            return Err(self.fatal(Location::InvalidArrayLength, length.saturating_mul(WORD)));
        }
        let header = layout::fixed_double_array(length);
        let store = if placement == Placement::Old { self.allocate_old(header)? } else { self.allocate(header)? };
        self.store_raw(store, STORE_LENGTH, smi(length));
        for (index, value) in values.iter().enumerate() {
            self.store_raw(store, STORE_FIRST + index as u64, value.to_bits());
        }
        let array = self.address(local)?;
        self.store(array, ELEMENTS, reference(store));
        self.store_raw(array, ARRAY_LENGTH, smi(length));
        Ok(local)
    }

    /// Reads an element. A double is read with [`Scope::array_double`].
    #[inline(always)]
    pub fn array_get(&mut self, array: Local<'_, JsArray>, index: u64) -> Result<Value<'s>, Error> {
        let store = self.tagged_elements(array, index)?;
        let word = self.element(store, index);
        Ok(self.value(word))
    }

    /// Reads an element of an array of doubles.
    pub fn array_double(&self, array: Local<'_, JsArray>, index: u64) -> Result<f64, Error> {
        let (length, elements) = self.array_parts(self.typed(array)?);
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        let store = address_of(elements);
        if !self.header(store).is(Kind::FixedDoubleArray) {
            return Err(ErrorKind::WrongKind { expected: "FixedDoubleArray", found: self.header(store).kind() }.into());
        }
        Ok(f64::from_bits(self.load(store, STORE_FIRST + index)))
    }
}

#[cold]
#[inline(never)]
fn wrong_elements(header: Header) -> Error {
    ErrorKind::WrongKind { expected: "FixedArray", found: header.kind() }.into()
}
