//! Backing stores of array buffers: real bytes outside the reservation, zero until written, resident where touched.

use super::Refused;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Bytes of one array buffer.
pub(crate) struct BackingStore {
    start: NonNull<u8>,
    layout: Layout,
}

impl BackingStore {
    /// Asks the system for zeroed bytes.
    pub(crate) fn new(bytes: u64) -> Result<Self, Refused> {
        let refused = Refused { bytes };
        let size = usize::try_from(bytes.max(1)).map_err(|_| refused)?;
        let layout = Layout::from_size_align(size, 16).map_err(|_| refused)?;
        // SAFETY: the layout has a size above zero.
        let start = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).ok_or(refused)?;
        Ok(BackingStore { start, layout })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the block is `layout.size()` initialised (zeroed) bytes that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and exclusive through `&mut self`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }
}

impl Drop for BackingStore {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) }
    }
}
