//! Records: objects with the layout of the library's user, tagged fields first, then raw bytes.

use super::Heap;
use super::allocate::SURELY_REGULAR;
use super::error::Error;
use super::handle::types::Record;
use super::handle::{Local, Value};
use super::scope::Scope;
use super::typed_record::RecordLayout;
use crate::memory::WORD;
use crate::object::word::UNDEFINED;
use crate::object::{Header, Kind};
use std::any::TypeId;

/// Most words of a record.
const MAX_WORDS: u64 = 1 << 14;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    tagged: u64,
    raw_bytes: u64,
    /// The header of every record of this layout.
    header: Header,
    /// What a type declared with [`record!`](crate::record!) is called, and its tagged fields.
    name: Option<&'static str>,
    fields: &'static [&'static str],
    /// The Rust type that stands for it, if one does.
    key: Option<TypeId>,
}

/// A registered layout.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let pair = heap.record_type(2, 0)?;
/// let mut scope = heap.scope();
/// let leaf = scope.record(pair, &[1.into(), 2.into()])?;
/// let node = scope.record(pair, &[leaf.into(), leaf.into()])?;
/// assert_eq!(scope.size(node)?, 24);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordType {
    /// The header of its records, so that making one needs no table.
    header: u64,
    heap: u32,
}

impl RecordType {
    /// The header of its records, if it is a type of the heap of this number.
    #[inline(always)]
    pub(super) fn header_in(self, heap: u32) -> Result<Header, Error> {
        if self.heap == heap { Ok(Header(self.header)) } else { Err(Error::wrong_heap()) }
    }
}

/// Registers a layout; the header of its records.
#[cold]
#[inline(never)]
fn add_layout(types: &mut Vec<Layout>, layout: Layout) -> Result<Header, Error> {
    let words = layout.tagged.saturating_add(layout.raw_bytes.div_ceil(WORD)).saturating_add(1);
    if words > MAX_WORDS {
        return Err(Error::out_of_range(words, MAX_WORDS));
    }
    let number = u16::try_from(types.len()).map_err(|_| Error::out_of_range(types.len() as u64, 1 << 16))?;
    let header = Header::new(Kind::Record, number, words, layout.tagged);
    types.push(Layout { header, ..layout });
    Ok(header)
}

/// The header of the records of a type declared with [`record!`](crate::record!), which is registered at its first use.
#[inline(always)]
pub(super) fn header_for<R: RecordLayout>(types: &mut Vec<Layout>) -> Result<Header, Error> {
    let key = Some(TypeId::of::<R>());
    if let Some(layout) = types.iter().find(|layout| layout.key == key) {
        return Ok(layout.header);
    }
    add_layout(
        types,
        Layout {
            tagged: R::FIELDS.len() as u64,
            raw_bytes: R::RAW_BYTES,
            header: Header(0),
            name: Some(R::NAME),
            fields: R::FIELDS,
            key,
        },
    )
}

impl Heap {
    /// Registers a layout of `tagged` fields and `raw_bytes` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for more than 65,536 layouts or a record of more than 128 KiB.
    pub fn record_type(&mut self, tagged: u64, raw_bytes: u64) -> Result<RecordType, Error> {
        let layout = Layout { tagged, raw_bytes, header: Header(0), name: None, fields: &[], key: None };
        let header = add_layout(&mut self.record_types, layout)?;
        Ok(RecordType { header: header.0, heap: self.id })
    }

    /// The layout of a type declared with [`record!`](crate::record!), registered at its first use in this heap.
    ///
    /// # Errors
    /// As [`Self::record_type`].
    #[inline(always)]
    pub fn record_type_for<R: RecordLayout>(&mut self) -> Result<RecordType, Error> {
        Ok(RecordType { header: header_for::<R>(&mut self.record_types)?.0, heap: self.id })
    }

    pub(crate) fn record_name(&self, number: u16) -> Option<&'static str> {
        self.record_types.get(usize::from(number))?.name
    }

    pub(crate) fn record_field_name(&self, number: u16, field: u64) -> Option<&'static str> {
        self.record_types.get(usize::from(number))?.fields.get(field as usize).copied()
    }

    /// Whether an object is a record of the type that a Rust type stands for.
    pub(crate) fn is_record_of(&self, object: u64, key: TypeId) -> bool {
        let header = self.header(object);
        header.is(Kind::Record)
            && self.record_types.get(usize::from(header.type_id())).is_some_and(|layout| layout.key == Some(key))
    }

    /// The type of a record.
    pub fn record_type_of(&self, record: Local<'_, Record>) -> Result<RecordType, Error> {
        Ok(RecordType { header: self.header(self.typed(record)?).0, heap: self.id })
    }

    /// Where a tagged field of a record lies: the record's address, once the index is known to be below the end.
    #[inline(always)]
    fn record_with_field(&self, record: Local<'_, Record>, index: u64) -> Result<u64, Error> {
        let address = self.typed(record)?;
        // Records are short: their headers have the small form.
        let length = self.header(address).small_tagged();
        if index < length { Ok(address) } else { Err(Error::out_of_range(index, length)) }
    }

    /// Writes a tagged field.
    #[inline(always)]
    pub fn set_field(&mut self, record: Local<'_, Record>, index: u64, value: Value<'_>) -> Result<(), Error> {
        let address = self.record_with_field(record, index)?;
        let word = self.value_word(value)?;
        self.store(address, 1 + index, word);
        Ok(())
    }

    /// The raw bytes of a record.
    pub fn raw(&self, record: Local<'_, Record>) -> Result<&[u8], Error> {
        let address = self.typed(record)?;
        let header = self.header(address);
        let layout = self.record_types[usize::from(header.type_id())];
        Ok(self.mechanism.spaces.pages.memory.slice(address + (1 + layout.tagged) * WORD, layout.raw_bytes))
    }

    /// The raw bytes of a record, writable.
    pub fn raw_mut(&mut self, record: Local<'_, Record>) -> Result<&mut [u8], Error> {
        let address = self.typed(record)?;
        let header = self.header(address);
        let layout = self.record_types[usize::from(header.type_id())];
        Ok(self.mechanism.spaces.pages.memory.slice_mut(address + (1 + layout.tagged) * WORD, layout.raw_bytes))
    }
}

impl<'s> Scope<'s> {
    /// A record; fields without a value are `undefined`, raw bytes are zero. Can collect.
    #[inline(always)]
    pub fn record(&mut self, record_type: RecordType, values: &[Value<'_>]) -> Result<Local<'s, Record>, Error> {
        if record_type.heap != self.id {
            return Err(Error::wrong_heap());
        }
        let header = Header(record_type.header);
        let given = values.len() as u64;
        // The usual case: a value for each word, so that the size is known where this is inlined.
        let usual = header.is_small_of(given) && given < SURELY_REGULAR / WORD;
        let address = if usual { self.room((given + 1) * WORD)? } else { self.record_with_rest(header, given)? };
        self.write_fresh(address, 1, values, Some(header))?;
        if !usual && header.bytes() > SURELY_REGULAR {
            self.write_barriers(address, given);
        }
        Ok(self.push_handle(address))
    }

    /// A record that has more words than values will be given: `undefined` and zero.
    #[cold]
    #[inline(never)]
    fn record_with_rest(&mut self, header: Header, given: u64) -> Result<u64, Error> {
        let tagged = header.tagged();
        if given > tagged {
            return Err(Error::out_of_range(given - 1, tagged));
        }
        let address = self.allocate(header)?;
        for index in 1..=tagged {
            self.store_raw(address, index, UNDEFINED);
        }
        for index in 1 + tagged..header.words() {
            self.store_raw(address, index, 0);
        }
        Ok(address)
    }

    /// What was stored into a large record without a barrier: it may not be young.
    #[cold]
    fn write_barriers(&mut self, record: u64, fields: u64) {
        for index in 1..=fields {
            let word = self.load(record, index);
            self.store(record, index, word);
        }
    }

    /// Reads a tagged field.
    #[inline(always)]
    pub fn field(&mut self, record: Local<'_, Record>, index: u64) -> Result<Value<'s>, Error> {
        let address = self.record_with_field(record, index)?;
        let word = self.load(address, 1 + index);
        Ok(self.value(word))
    }
}
