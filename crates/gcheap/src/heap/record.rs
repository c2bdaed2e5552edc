//! Records: objects with the layout of the library's user, tagged fields first, then raw bytes.

use super::Heap;
use super::error::Error;
use super::handle::types::Record;
use super::handle::{Local, Value};
use super::scope::Scope;
use crate::memory::WORD;
use crate::object::word::UNDEFINED;
use crate::object::{Header, Kind};

/// Most words of a record.
const MAX_WORDS: u64 = 1 << 14;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    tagged: u64,
    raw_bytes: u64,
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
    number: u16,
    heap: u32,
}

impl Heap {
    /// Registers a layout of `tagged` fields and `raw_bytes` bytes.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for more than 65,536 layouts or a record of more than 128 KiB.
    pub fn record_type(&mut self, tagged: u64, raw_bytes: u64) -> Result<RecordType, Error> {
        let words = 1 + tagged.saturating_add(raw_bytes.div_ceil(WORD));
        if words > MAX_WORDS {
            return Err(Error::IndexOutOfRange { index: words, length: MAX_WORDS });
        }
        let number = u16::try_from(self.record_types.len())
            .map_err(|_| Error::IndexOutOfRange { index: self.record_types.len() as u64, length: 1 << 16 })?;
        self.record_types.push(Layout { tagged, raw_bytes });
        Ok(RecordType { number, heap: self.id })
    }

    fn layout(&self, record_type: RecordType) -> Result<Layout, Error> {
        if record_type.heap != self.id {
            return Err(Error::WrongHeap);
        }
        self.record_types.get(usize::from(record_type.number)).copied().ok_or(Error::WrongHeap)
    }

    /// The type of a record.
    pub fn record_type_of(&self, record: Local<'_, Record>) -> Result<RecordType, Error> {
        Ok(RecordType { number: self.header(self.typed(record)?).type_id(), heap: self.id })
    }

    /// Writes a tagged field.
    #[inline]
    pub fn set_field(&mut self, record: Local<'_, Record>, index: u64, value: Value<'_>) -> Result<(), Error> {
        let address = self.typed(record)?;
        let length = self.header(address).tagged();
        if index >= length {
            return Err(Error::IndexOutOfRange { index, length });
        }
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
    #[inline]
    pub fn record(&mut self, record_type: RecordType, values: &[Value<'_>]) -> Result<Local<'s, Record>, Error> {
        let layout = self.layout(record_type)?;
        if values.len() as u64 > layout.tagged {
            return Err(Error::IndexOutOfRange { index: values.len() as u64 - 1, length: layout.tagged });
        }
        for value in values {
            self.value_word(*value)?;
        }
        let words = 1 + layout.tagged + layout.raw_bytes.div_ceil(WORD);
        let header = Header::new(Kind::Record, record_type.number, words, layout.tagged);
        let address = self.allocate(header)?;
        for index in 0..layout.tagged {
            let word = match values.get(index as usize) {
                Some(value) => self.value_word(*value)?,
                None => UNDEFINED,
            };
            self.store_raw(address, 1 + index, word);
        }
        for index in 1 + layout.tagged..words {
            self.store_raw(address, index, 0);
        }
        Ok(self.push_handle(address))
    }

    /// Reads a tagged field.
    #[inline]
    pub fn field(&mut self, record: Local<'_, Record>, index: u64) -> Result<Value<'s>, Error> {
        let address = self.typed(record)?;
        let length = self.header(address).tagged();
        if index >= length {
            return Err(Error::IndexOutOfRange { index, length });
        }
        let word = self.load(address, 1 + index);
        Ok(self.value(word))
    }
}
