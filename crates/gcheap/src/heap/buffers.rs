//! Array buffers and typed arrays: small objects on the heap, real bytes outside it.

use super::Heap;
use super::allocate::smi;
use super::error::{Error, ErrorKind};
use super::handle::Local;
use super::handle::types::{JsArrayBuffer, JsTypedArray};
use super::scope::Scope;
use crate::event::GcReason;
use crate::memory::BackingStore;
use crate::object::layout;
use crate::object::word::{UNDEFINED, address as address_of, is_reference};
use crate::space::pages::YOUNG;

/// Typed arrays up to this many bytes keep their data on the heap (V8 `--typed-array-max-size-in-heap`).
const MAX_ON_HEAP: u64 = 64;
/// Word index of the number of the backing store in a JSArrayBuffer; plus one so that 0 is none.
const STORE: u64 = 3;
const BYTE_LENGTH: u64 = 4;
/// Data on the heap, if it is there.
const TYPED_ELEMENTS: u64 = 2;
const TYPED_BUFFER: u64 = 3;
const TYPED_OFFSET: u64 = 4;
const TYPED_LENGTH: u64 = 5;

impl Heap {
    /// The number of the backing store of an array buffer.
    fn store_number(&self, buffer: u64) -> Option<u32> {
        (self.load(buffer, STORE) as u32).checked_sub(1)
    }

    /// Bytes of the backing store of the array buffer at an address.
    pub(crate) fn backing_store_length(&self, buffer: u64) -> u64 {
        let store = self.store_number(buffer).and_then(|number| self.mechanism.buffers.get(number));
        store.map_or(0, |entry| entry.bytes)
    }

    /// The bytes of an array buffer.
    pub fn array_buffer_bytes(&self, buffer: Local<'_, JsArrayBuffer>) -> Result<&[u8], Error> {
        let address = self.typed(buffer)?;
        let store = self.store_number(address).and_then(|number| self.mechanism.buffers.get(number));
        Ok(store.map_or(&[], |entry| &entry.store.bytes()[..entry.bytes as usize]))
    }

    /// The bytes of an array buffer, writable.
    pub fn array_buffer_bytes_mut(&mut self, buffer: Local<'_, JsArrayBuffer>) -> Result<&mut [u8], Error> {
        let address = self.typed(buffer)?;
        let number = self.store_number(address);
        let store = number.and_then(|number| self.mechanism.buffers.get_mut(number));
        Ok(store.map_or(&mut [], |entry| {
            let bytes = entry.bytes as usize;
            &mut entry.store.bytes_mut()[..bytes]
        }))
    }

    /// Length of a typed array in bytes.
    pub fn typed_array_length(&self, array: Local<'_, JsTypedArray>) -> Result<u64, Error> {
        Ok(self.load(self.typed(array)?, TYPED_LENGTH))
    }

    /// Asks the system for a backing store, collecting as V8 does when young buffers hold much or the system refuses
    /// (V8 `Heap::AllocateExternalBackingStore`).
    fn allocate_backing_store(&mut self, bytes: u64) -> Result<BackingStore, Error> {
        self.before_backing_store(bytes)?;
        const REFUSED: ErrorKind = ErrorKind::RangeError("Array buffer allocation failed");
        for _ in 0..2 {
            if let Some(store) = self.system_backing_store(bytes) {
                return Ok(store);
            }
            self.collect_for_external_memory()?;
        }
        if let Some(store) = self.system_backing_store(bytes) {
            return Ok(store);
        }
        self.collect_all_available_garbage(GcReason::ExternalMemoryPressure)?;
        self.system_backing_store(bytes).ok_or_else(|| REFUSED.into())
    }

    fn system_backing_store(&mut self, bytes: u64) -> Option<BackingStore> {
        if let Some(left) = &mut self.refuse_backing_stores_after {
            if *left == 0 {
                return None;
            }
            *left -= 1;
        }
        BackingStore::new(bytes).ok()
    }
}

impl<'s> Scope<'s> {
    /// `new ArrayBuffer(bytes)`: zeroed, resident only where it is written. Can collect.
    pub fn array_buffer(&mut self, bytes: u64) -> Result<Local<'s, JsArrayBuffer>, Error> {
        // The object stands before its store is asked for (V8 `ArrayBuffer` constructor), so that a scavenge that the store calls
        // for is the first one the object survives.
        let buffer = self.empty_array_buffer()?;
        if bytes > 0 {
            let store = self.allocate_backing_store(bytes)?;
            self.attach(buffer, store, bytes)?;
        }
        Ok(buffer)
    }

    fn empty_array_buffer(&mut self) -> Result<Local<'s, JsArrayBuffer>, Error> {
        let header = layout::js_array_buffer(&self.sizes());
        let buffer = self.allocate(header)?;
        self.initialize(buffer, 1, &[UNDEFINED, UNDEFINED]);
        for index in STORE..header.words() {
            self.store_raw(buffer, index, 0);
        }
        Ok(self.push_handle(buffer))
    }

    /// Gives a store to an array buffer that has none (V8 `JSArrayBuffer::Attach`). Can collect.
    fn attach(&mut self, buffer: Local<'_, JsArrayBuffer>, store: BackingStore, bytes: u64) -> Result<(), Error> {
        let address = self.typed(buffer)?;
        self.store_raw(address, BYTE_LENGTH, bytes);
        let young = self.mechanism.spaces.pages.flags(address) & YOUNG != 0;
        let number = self.mechanism.buffers.insert(address, bytes, store, young);
        self.store_raw(address, STORE, u64::from(number) + 1);
        self.adjust_external_memory(bytes as i64)
    }

    /// A typed array of its own: data up to 64 bytes on the heap, a backing store from there on. Can collect.
    pub fn typed_array(&mut self, bytes: u64) -> Result<Local<'s, JsTypedArray>, Error> {
        let on_heap = bytes <= MAX_ON_HEAP;
        let buffer = self.array_buffer(if on_heap { 0 } else { bytes })?;
        let data = if on_heap {
            let header = layout::byte_array(bytes);
            let data = self.allocate(header)?;
            self.store_raw(data, 1, smi(bytes));
            for index in 2..header.words() {
                self.store_raw(data, index, 0);
            }
            Some(self.push_handle(data))
        } else {
            None
        };
        self.view_of(buffer, data, 0, bytes)
    }

    /// A view on an array buffer, as `buffer.subarray()` or a slice of Node's Buffer pool is. Can collect.
    pub fn view(
        &mut self,
        buffer: Local<'_, JsArrayBuffer>,
        offset: u64,
        bytes: u64,
    ) -> Result<Local<'s, JsTypedArray>, Error> {
        let length = self.load(self.typed(buffer)?, BYTE_LENGTH);
        if offset.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(Error::out_of_range(offset.saturating_add(bytes), length));
        }
        self.view_of(buffer, None, offset, bytes)
    }

    /// A typed array on a buffer. Data on the heap is its elements; it refers to its (empty) buffer all the same.
    fn view_of(
        &mut self,
        buffer: Local<'_, JsArrayBuffer>,
        data: Option<Local<'_>>,
        offset: u64,
        bytes: u64,
    ) -> Result<Local<'s, JsTypedArray>, Error> {
        let header = layout::js_typed_array(&self.sizes());
        let array = self.allocate(header)?;
        let data = match data {
            Some(data) => self.word(data)?,
            None => UNDEFINED,
        };
        let buffer = self.word(buffer)?;
        self.initialize(array, 1, &[UNDEFINED, data, buffer]);
        for index in TYPED_OFFSET..header.words() {
            self.store_raw(array, index, 0);
        }
        self.store_raw(array, TYPED_OFFSET, offset);
        self.store_raw(array, TYPED_LENGTH, bytes);
        Ok(self.push_handle(array))
    }

    /// `Buffer.alloc(bytes, fill)`: a typed array whose bytes are all written, so they are resident. Can collect.
    pub fn buffer_alloc(&mut self, bytes: u64, fill: Option<u8>) -> Result<Local<'s, JsTypedArray>, Error> {
        let Some(fill) = fill.filter(|_| bytes > MAX_ON_HEAP) else {
            return self.typed_array(bytes);
        };
        // Node asks for memory that is not zeroed first and wraps it then (`createUnsafeArrayBuffer`).
        let store = self.allocate_backing_store(bytes)?;
        let buffer = self.empty_array_buffer()?;
        self.attach(buffer, store, bytes)?;
        let array = self.view_of(buffer, None, 0, bytes)?;
        let address = self.typed(buffer)?;
        if let Some(entry) = self.store_number(address).and_then(|number| self.mechanism.buffers.get_mut(number)) {
            entry.store.bytes_mut().fill(fill);
        }
        self.charge_backing_store_fill(bytes);
        Ok(array)
    }

    /// The array buffer of a typed array; `None` while the data lies on the heap (JavaScript that asks for the buffer makes V8
    /// move the data out, which this heap does not do).
    pub fn buffer_of(&mut self, array: Local<'_, JsTypedArray>) -> Result<Option<Local<'s, JsArrayBuffer>>, Error> {
        let address = self.typed(array)?;
        if is_reference(self.load(address, TYPED_ELEMENTS)) {
            return Ok(None);
        }
        let buffer = self.load(address, TYPED_BUFFER);
        let buffer = self.push_handle(address_of(buffer));
        if self.stressed {
            self.stress_handle();
        }
        Ok(Some(buffer))
    }
}
