//! Objects, arrays, closures: V8's kinds with V8's layouts and growth.

use super::Heap;
use super::allocate::{Space, smi};
use super::error::{Error, ErrorKind};
use super::handle::types::{HeapNumber, JsFunction, JsObject, JsPromise};
use super::handle::{Local, Type, Value};
use super::scope::Scope;
use super::site::Placement;
use crate::event::Location;
use crate::memory::WORD;
use crate::object::growth::PROPERTY_ARRAY_STEP;
use crate::object::layout::{self, MAX_FIXED_ARRAY_LENGTH};
use crate::object::word::{UNDEFINED, address as address_of, is_reference, reference};
use crate::object::{Header, Kind};
use crate::space::pages::YOUNG;
use std::any::TypeId;

/// Word indexes.
pub(super) const PROPERTIES: u64 = 1;
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
