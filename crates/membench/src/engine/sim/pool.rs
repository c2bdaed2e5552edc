//! Node's pool of small Buffers: `Buffer.allocUnsafe` hands out views on one shared array buffer
//! (Node lib/buffer.js `allocate`, `createPool`, `alignPool`).

use gcheap::types::{JsArrayBuffer, JsTypedArray};
use gcheap::{Error, ErrorKind, Global, Local, Scope};

/// Views begin at multiples of this (`alignPool`).
const ALIGNMENT: u64 = 8;

/// `Buffer.poolSize`, asked of Node 20.20.2, 22.23.3, 24.21.0 and 26.10.0.
fn pool_size(node_major: u32) -> u64 {
    if node_major < 24 { 8 << 10 } else { 64 << 10 }
}

/// The pool of a process.
#[derive(Default)]
pub(super) struct Pool {
    current: Option<Global<JsArrayBuffer>>,
    offset: u64,
}

impl Pool {
    /// `Buffer.allocUnsafe(bytes)` for less than half of the pool. Can collect.
    pub(super) fn allocate<'s>(&mut self, bytes: u64, scope: &mut Scope<'s>) -> Result<Local<'s, JsTypedArray>, Error> {
        let size = pool_size(scope.profile().node_major);
        let buffer = match &self.current {
            Some(pool) if bytes <= size - self.offset => scope.open(pool)?,
            _ => {
                // The Buffer that the pool comes from is garbage at once; its array buffer stays.
                let whole = scope.buffer_alloc(size, None)?;
                let fresh = scope
                    .buffer_of(whole)?
                    .ok_or_else(|| Error::from(ErrorKind::RangeError("Array buffer allocation failed")))?;
                self.current = Some(scope.global(fresh)?);
                self.offset = 0;
                fresh
            }
        };
        let view = scope.view(buffer, self.offset, bytes)?;
        self.offset = (self.offset + bytes).next_multiple_of(ALIGNMENT).min(size);
        Ok(view)
    }
}
