//! Objects, arrays, closures: V8's kinds with V8's layouts and growth.

use super::Heap;
use super::allocate::{Space, smi};
use super::error::{Error, ErrorKind};
use super::handle::types::{HeapNumber, JsArray, JsFunction, JsObject, JsPromise};
use super::handle::{Local, Type, Value};
use super::scope::Scope;
use super::site::Placement;
use crate::event::{Location, SpaceName};
use crate::memory::WORD;
use crate::mutants::{Mutant, on};
use crate::object::growth::{PROPERTY_ARRAY_STEP, new_elements_capacity};
use crate::object::layout::{self, MAX_FIXED_ARRAY_LENGTH};
use crate::object::word::{HOLE, UNDEFINED, address as address_of, as_smi, is_reference, reference};
use crate::object::{Header, Kind};
use crate::space::pages::YOUNG;
use std::any::TypeId;

/// Word indexes.
const PROPERTIES: u64 = 1;
pub(crate) const ELEMENTS: u64 = 2;
const FIRST_IN_OBJECT: u64 = 3;
pub(super) const ARRAY_LENGTH: u64 = 3;
pub(crate) const STORE_LENGTH: u64 = 1;
pub(crate) const STORE_FIRST: u64 = 2;
/// In-object slots of `{}` (V8 `JSObject::kInitialGlobalObjectUnusedPropertiesCount`).
const EMPTY_LITERAL_SLOTS: u64 = 4;

impl Heap {
    /// What kind of object a handle refers to.
    pub fn kind(&self, local: Local<'_, impl Type>) -> Result<Kind, Error> {
        Ok(self.header(self.address(local)?).kind())
    }

    /// Whether two handles refer to the same object (JavaScript `===` of objects).
    pub fn is_same(&self, one: Local<'_, impl Type>, other: Local<'_, impl Type>) -> Result<bool, Error> {
        Ok(self.address(one)? == self.address(other)?)
    }

    /// Size of the object in bytes, header included, without what it refers to.
    pub fn size(&self, local: Local<'_, impl Type>) -> Result<u64, Error> {
        Ok(self.header(self.address(local)?).bytes())
    }

    /// The address behind a handle of one of the heap's own types. A handle is only made for an object of its type
    /// ([`Self::is_of`]), keeps it alive, and is refused once it could be another's (the end of [`Scope`]); so the object is not looked
    /// at, which would mean to wait for its memory.
    #[inline(always)]
    pub(crate) fn typed<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        let address = self.address(local)?;
        debug_assert!(self.header(address).is_one_of(T::KINDS), "a {} behind the handle", T::NAME);
        Ok(address)
    }

    /// Whether an object is of a type: one of the heap's own, a record type declared with [`record!`](crate::record!), or a table.
    /// What a type of somebody else says of itself does not count.
    #[inline(always)]
    pub(crate) fn is_of<T: Type>(&self, address: u64) -> bool {
        let header = self.header(address);
        if T::OWN.is_some() {
            return header.is_one_of(T::KINDS);
        }
        self.is_record_of(address, TypeId::of::<T>()) || self.is_table_of::<T>(address)
    }

    #[inline(always)]
    pub(crate) fn allocate_placed(&mut self, header: Header, placement: Placement) -> Result<u64, Error> {
        match placement {
            Placement::Young => self.allocate(header),
            Placement::YoungWithMemento(site) => {
                self.count_memento_created(site)?;
                self.allocate_with_memento(header, site.number)
            }
            Placement::Old => self.allocate_old(header),
        }
    }

    /// A FixedArray of `length` slots, all of them `fill` (not a reference).
    pub(crate) fn allocate_fixed_array(&mut self, length: u64, fill: u64, space: Space) -> Result<u64, Error> {
        if length > MAX_FIXED_ARRAY_LENGTH {
            return Err(self.fatal(Location::InvalidArrayLength, length.saturating_mul(WORD)));
        }
        let header = layout::fixed_array(length);
        let store = match space {
            Space::Young => self.allocate(header)?,
            Space::Old => self.allocate_old(header)?,
        };
        let memory = &mut self.mechanism.spaces.pages.memory;
        memory.set_word(store + STORE_LENGTH * WORD, smi(length));
        memory.fill_words(store + STORE_FIRST * WORD, length, fill);
        Ok(store)
    }

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

#[cold]
#[inline(never)]
fn wrong_elements(header: Header) -> Error {
    ErrorKind::WrongKind { expected: "FixedArray", found: header.kind() }.into()
}

#[cold]
#[inline(never)]
pub(super) fn wrong_kind<T: Type>(header: Header) -> Error {
    ErrorKind::WrongKind { expected: T::NAME, found: header.kind() }.into()
}

impl<'s> Scope<'s> {
    /// An object literal with one in-object slot a value (24 bytes and 8 for each). Can collect.
    #[inline]
    pub fn object(&mut self, values: &[Value<'_>]) -> Result<Local<'s, JsObject>, Error> {
        self.object_literal(Placement::Young, values)
    }

    /// An object literal at an allocation site.
    #[inline]
    pub fn object_literal(&mut self, placement: Placement, values: &[Value<'_>]) -> Result<Local<'s, JsObject>, Error> {
        let address = self.allocate_placed(layout::js_object(values.len() as u64), placement)?;
        self.initialize(address, PROPERTIES, &[UNDEFINED, UNDEFINED]);
        if self.mechanism.spaces.pages.flags(address) & YOUNG != 0 {
            self.write_values(address, FIRST_IN_OBJECT, values)?;
        } else {
            self.store_values(address, FIRST_IN_OBJECT, values)?;
        }
        Ok(self.push_handle(address))
    }

    /// As `write_values` for an object that collectors may have seen or that is not young.
    pub(super) fn store_values(&mut self, object: u64, first: u64, values: &[Value<'_>]) -> Result<(), Error> {
        let mut refused = None;
        for (index, value) in values.iter().enumerate() {
            let word = self.value_word(*value).unwrap_or_else(|error| {
                refused = Some(error);
                UNDEFINED
            });
            self.store(object, first + index as u64, word);
        }
        refused.map_or(Ok(()), Err)
    }

    /// `{}`: room for four properties in the object.
    pub fn empty_object(&mut self) -> Result<Local<'s, JsObject>, Error> {
        self.object(&[Value::Undefined; EMPTY_LITERAL_SLOTS as usize])
    }

    /// Number of in-object slots.
    fn in_object_slots(&self, object: u64) -> u64 {
        self.header(object).words() - FIRST_IN_OBJECT
    }

    /// Reads property `index`, in-object first, then out of object.
    pub fn property(&mut self, object: Local<'_, JsObject>, index: u64) -> Result<Value<'s>, Error> {
        let address = self.typed(object)?;
        let slots = self.in_object_slots(address);
        let word = if index < slots {
            self.load(address, FIRST_IN_OBJECT + index)
        } else {
            let properties = self.load(address, PROPERTIES);
            let length = self.property_array_length(properties);
            if index - slots >= length {
                return Err(Error::out_of_range(index, slots + length));
            }
            self.load(address_of(properties), STORE_FIRST + index - slots)
        };
        Ok(self.value(word))
    }

    fn property_array_length(&self, properties: u64) -> u64 {
        if is_reference(properties) { self.header(address_of(properties)).words() - STORE_FIRST } else { 0 }
    }

    /// Writes property `index`. The one after the last makes room: out-of-object properties grow by three slots at a time. Can
    /// collect.
    pub fn set_property(&mut self, object: Local<'_, JsObject>, index: u64, value: Value<'_>) -> Result<(), Error> {
        let mut address = self.typed(object)?;
        let slots = self.in_object_slots(address);
        let word = self.value_word(value)?;
        if index < slots {
            self.store(address, FIRST_IN_OBJECT + index, word);
            return Ok(());
        }
        let outside = index - slots;
        let mut properties = self.load(address, PROPERTIES);
        let length = self.property_array_length(properties);
        if outside > length {
            return Err(Error::out_of_range(index, slots + length));
        }
        if outside == length {
            let store = self.allocate(layout::property_array(length + PROPERTY_ARRAY_STEP))?;
            address = self.address(object)?;
            properties = self.load(address, PROPERTIES);
            let memory = &mut self.mechanism.spaces.pages.memory;
            memory.fill_words(store + (STORE_FIRST + length) * WORD, PROPERTY_ARRAY_STEP, UNDEFINED);
            let word = self.length_and_hash(length + PROPERTY_ARRAY_STEP, properties);
            self.store_raw(store, STORE_LENGTH, word);
            if is_reference(properties) {
                self.copy_slots(store, STORE_FIRST, address_of(properties), STORE_FIRST, length);
            }
            properties = reference(store);
            self.store(address, PROPERTIES, properties);
        }
        let word = self.value_word(value)?;
        self.store(address_of(properties), STORE_FIRST + outside, word);
        Ok(())
    }

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

    /// A boxed double (16 bytes). Can collect.
    pub fn heap_number(&mut self, value: f64) -> Result<Local<'s, HeapNumber>, Error> {
        let address = self.allocate(layout::HEAP_NUMBER)?;
        self.store_raw(address, 1, value.to_bits());
        Ok(self.push_handle(address))
    }

    /// The value of a boxed double.
    pub fn number(&self, number: Local<'_, HeapNumber>) -> Result<f64, Error> {
        Ok(f64::from_bits(self.load(self.typed(number)?, 1)))
    }

    /// A closure over fresh variables: a function context and a JSFunction. Can collect.
    pub fn closure(&mut self, captured: &[Value<'_>], prototype_slot: bool) -> Result<Local<'s, JsFunction>, Error> {
        let padding = self.profile.objects.context_padding / WORD;
        let context = self.allocate(layout::context(captured.len() as u64 + padding))?;
        for index in 1..=3 {
            self.store_raw(context, index, UNDEFINED);
        }
        for (index, value) in captured.iter().enumerate() {
            let word = self.value_word(*value).unwrap_or(UNDEFINED);
            self.initialize(context, 4 + index as u64, &[word]);
        }
        for index in 0..padding {
            self.store_raw(context, 4 + captured.len() as u64 + index, UNDEFINED);
        }
        let context: Local<'s> = self.push_handle(context);
        for value in captured {
            self.value_word(*value)?;
        }
        let header = layout::js_function(prototype_slot);
        let function = self.allocate(header)?;
        let context = self.word(context)?;
        self.initialize(function, PROPERTIES, &[UNDEFINED, UNDEFINED, context]);
        for index in 4..=header.tagged() {
            self.store_raw(function, index, UNDEFINED);
        }
        Ok(self.push_handle(function))
    }

    /// A captured variable of a closure.
    pub fn captured(&mut self, function: Local<'_, JsFunction>, index: u64) -> Result<Value<'s>, Error> {
        let context = address_of(self.load(self.typed(function)?, 3));
        let length = self.header(context).words() - 4 - self.profile.objects.context_padding / WORD;
        if index >= length {
            return Err(Error::out_of_range(index, length));
        }
        let word = self.load(context, 4 + index);
        Ok(self.value(word))
    }

    /// A pending Promise. Can collect.
    pub fn promise(&mut self) -> Result<Local<'s, JsPromise>, Error> {
        let header = layout::JS_PROMISE;
        let address = self.allocate(header)?;
        for index in 1..header.words() {
            self.store_raw(address, index, UNDEFINED);
        }
        Ok(self.push_handle(address))
    }
}
