//! Where address space and memory come from: one small trait with two backends.
//!
//! [`Mmap`] reserves address space and commits page by page, so that resident memory is what the heap really holds.
//! [`Portable`] asks the global allocator for the whole reservation at once: it serves systems without mmap and
//! sanitizers; what it has committed it cannot give back before the heap is dropped.

use super::Refused;
#[cfg(unix)]
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// Source of address space.
///
/// # Safety
///
/// `reserve` must return a pointer to `bytes` of address space aligned to `align` that stays valid until `unreserve`,
/// and is used by nobody else. After `commit` of a range its bytes are readable and writable, and zero if they were
/// never written since `reserve`.
pub unsafe trait Backend {
    /// Reserves `bytes` of address space, aligned to `align` (a power of two); usable at once, as if committed, if `usable`.
    fn reserve(&self, bytes: usize, align: usize, usable: bool) -> Result<NonNull<u8>, Refused>;
    /// Makes a range usable. `start` and `bytes` are multiples of the system's page size.
    ///
    /// # Safety
    /// The range must lie inside one reservation of this backend.
    unsafe fn commit(&self, start: NonNull<u8>, bytes: usize) -> Result<(), Refused>;
    /// Gives a range back; its content is lost.
    ///
    /// # Safety
    /// As for `commit`; nobody may use the range until it is committed again.
    unsafe fn release(&self, start: NonNull<u8>, bytes: usize);
    /// Gives the memory of a range back but keeps the range usable; its content is lost.
    ///
    /// # Safety
    /// As for `commit`.
    unsafe fn discard(&self, start: NonNull<u8>, bytes: usize);
    /// Says that a committed range will be used as a whole, so that large system pages serve it better.
    ///
    /// # Safety
    /// As for `commit`.
    unsafe fn prefer_large_pages(&self, start: NonNull<u8>, bytes: usize);
    /// Ends a reservation.
    ///
    /// # Safety
    /// `start` and `bytes` must be those of `reserve`; nothing of it may be used afterwards.
    unsafe fn unreserve(&self, start: NonNull<u8>, bytes: usize, align: usize);
}

/// Which backend a heap uses.
///
/// ```
/// use gcheap::{BackendKind, Heap, HeapOptions};
/// let heap = Heap::new(HeapOptions { backend: BackendKind::Portable, ..HeapOptions::for_tests() })?;
/// assert!(heap.statistics().used_heap_size < 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// mmap, committed page by page (Unix).
    Mmap,
    /// The global allocator.
    Portable,
}

impl Default for BackendKind {
    fn default() -> Self {
        if cfg!(unix) { BackendKind::Mmap } else { BackendKind::Portable }
    }
}

impl BackendKind {
    pub(crate) fn make(self) -> Box<dyn Backend> {
        match self {
            #[cfg(unix)]
            BackendKind::Mmap => Box::new(Mmap::default()),
            #[cfg(not(unix))]
            BackendKind::Mmap => Box::new(Portable),
            BackendKind::Portable => Box::new(Portable),
        }
    }
}

/// Has the system make the pages of a range present, as writing to them would; what they hold stays as it is. A refusal changes
/// nothing, and where the range is no mapping that can be written to it is refused.
pub(super) fn populate(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: neither content nor protection of any mapping is changed, so it is harmless with any range.
    unsafe {
        let _ = rustix::mm::madvise(start.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxPopulateWrite);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

/// mmap of inaccessible address space; commit changes its protection. One is made for each reservation.
///
/// The last reservations of a thread that stayed small are kept, without their memory, for its next heaps: to unmap
/// and to map address space costs more than everything else that an empty heap needs.
#[cfg(unix)]
#[derive(Debug, Default)]
pub(crate) struct Mmap {
    /// Bytes made usable so far.
    committed: Cell<usize>,
    /// The system was told to use large pages for tables, which would not suit another heap.
    advised: Cell<bool>,
    usable: Cell<bool>,
}

/// Address space that no heap uses: all of it reads as zero where it is readable.
#[cfg(unix)]
struct Idle {
    start: NonNull<u8>,
    bytes: usize,
    align: usize,
    usable: bool,
}

#[cfg(unix)]
impl Drop for Idle {
    fn drop(&mut self) {
        // SAFETY: a whole mapping that belongs to nobody else.
        unsafe {
            let _ = rustix::mm::munmap(self.start.as_ptr().cast(), self.bytes);
        }
    }
}

/// Reservations that a thread keeps: address space and tables of one heap.
#[cfg(unix)]
const KEPT: usize = 2;
/// A reservation of which more was made usable is not kept: the system would keep its page tables.
#[cfg(unix)]
const KEPT_COMMITTED: usize = 16 << 20;

#[cfg(unix)]
thread_local! {
    static IDLE: RefCell<Vec<Idle>> = const { RefCell::new(Vec::new()) };
}

#[cfg(unix)]
fn take_idle(bytes: usize, align: usize, usable: bool) -> Option<NonNull<u8>> {
    // A thread that is ending keeps nothing any more.
    let idle = IDLE.try_with(|idle| {
        let mut idle = idle.borrow_mut();
        let fits = |idle: &Idle| (idle.bytes, idle.align, idle.usable) == (bytes, align, usable);
        idle.iter().position(fits).map(|place| idle.swap_remove(place))
    });
    let idle = std::mem::ManuallyDrop::new(idle.ok()??);
    Some(idle.start)
}

#[cfg(unix)]
// SAFETY: an anonymous private mapping is exclusively ours, and zero when first made accessible or after its memory was given
// back. What `reserve` returns is aligned already, has been cut out of `align` bytes more than asked, or was reserved before
// with the same alignment and handed back.
unsafe impl Backend for Mmap {
    fn reserve(&self, bytes: usize, align: usize, usable: bool) -> Result<NonNull<u8>, Refused> {
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
        self.usable.set(usable);
        if let Some(start) = take_idle(bytes, align, usable) {
            return Ok(start);
        }
        let refused = Refused { bytes: bytes as u64 };
        let protection = if usable { ProtFlags::READ.union(ProtFlags::WRITE) } else { ProtFlags::empty() };
        let map = |bytes| {
            let flags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);
            // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing that exists.
            let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, protection, flags) };
            NonNull::new(start.map_err(|_| refused)?.cast::<u8>()).ok_or(refused)
        };
        // The system aligns large mappings by itself, most of the time.
        let start = map(bytes)?;
        if start.addr().get().is_multiple_of(align) {
            return Ok(start);
        }
        // SAFETY: the mapping just made, which nobody uses.
        let _ = unsafe { munmap(start.as_ptr().cast(), bytes) };
        let start = map(bytes.checked_add(align).ok_or(refused)?)?;
        let head = start.addr().get().wrapping_neg() & (align - 1);
        let tail = align - head;
        // SAFETY: both ranges are parts of the mapping just made, outside what is returned.
        unsafe {
            if head > 0 {
                let _ = munmap(start.as_ptr().cast(), head);
            }
            let _ = munmap(start.add(head + bytes).as_ptr().cast(), tail);
            Ok(start.add(head))
        }
    }

    unsafe fn commit(&self, start: NonNull<u8>, bytes: usize) -> Result<(), Refused> {
        use rustix::mm::{MprotectFlags, mprotect};
        self.committed.set(self.committed.get().saturating_add(bytes));
        // SAFETY: the caller promises that the range is inside our reservation.
        unsafe { mprotect(start.as_ptr().cast(), bytes, MprotectFlags::READ.union(MprotectFlags::WRITE)) }
            .map_err(|_| Refused { bytes: bytes as u64 })
    }

    unsafe fn release(&self, start: NonNull<u8>, bytes: usize) {
        use rustix::mm::{Advice, MprotectFlags, madvise, mprotect};
        // SAFETY: the caller promises that the range is ours and unused. A refusal leaves it resident: only more
        // memory is held than necessary; `commit` works either way, and `Reservation` never relies on zeroes.
        unsafe {
            let _ = madvise(start.as_ptr().cast(), bytes, Advice::LinuxDontNeed);
            let _ = mprotect(start.as_ptr().cast(), bytes, MprotectFlags::empty());
        }
    }

    unsafe fn discard(&self, start: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller promises that the range is ours and unused. A refusal only leaves it resident.
        unsafe {
            let _ = rustix::mm::madvise(start.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxDontNeed);
        }
    }

    unsafe fn prefer_large_pages(&self, start: NonNull<u8>, bytes: usize) {
        self.advised.set(self.advised.get() || self.usable.get());
        // SAFETY: advice on a range that is ours; a refusal changes nothing.
        unsafe {
            let _ = rustix::mm::madvise(start.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxHugepage);
        }
    }

    unsafe fn unreserve(&self, start: NonNull<u8>, bytes: usize, align: usize) {
        let idle = Idle { start, bytes, align, usable: self.usable.get() };
        if self.advised.get() || self.committed.get() > KEPT_COMMITTED {
            return;
        }
        // SAFETY: the caller hands back exactly what `reserve` returned, and nobody uses it any more.
        let emptied =
            unsafe { rustix::mm::madvise(start.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxDontNeed) }.is_ok();
        if emptied {
            let _ = IDLE.try_with(|kept| {
                let mut kept = kept.borrow_mut();
                if kept.len() == KEPT {
                    kept.remove(0);
                }
                kept.push(idle);
            });
        }
    }
}

/// One zeroed block of the global allocator.
///
/// The block is asked for with a small alignment and aligned here: allocators hand out large zeroed blocks without
/// touching them, but fill those of a large alignment by hand, which would make the whole reservation resident.
pub(crate) struct Portable;

const SMALL_ALIGN: usize = 16;

impl Portable {
    fn layout(bytes: usize, align: usize) -> Option<std::alloc::Layout> {
        let padded = bytes.checked_add(align.max(SMALL_ALIGN))?.checked_add(SMALL_ALIGN)?;
        std::alloc::Layout::from_size_align(padded, SMALL_ALIGN).ok()
    }
}

// SAFETY: the block is zeroed, exclusively ours and aligned as asked; commit and release change nothing about it.
unsafe impl Backend for Portable {
    fn reserve(&self, bytes: usize, align: usize, _usable: bool) -> Result<NonNull<u8>, Refused> {
        let refused = Refused { bytes: bytes as u64 };
        let layout = Self::layout(bytes, align).ok_or(refused)?;
        // SAFETY: the layout has a size above zero.
        let block = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).ok_or(refused)?;
        let offset = (block.as_ptr().addr() + SMALL_ALIGN).next_multiple_of(align) - block.as_ptr().addr();
        // SAFETY: `offset` is at least SMALL_ALIGN and at most SMALL_ALIGN + align, by which the block is larger than
        // `bytes`; the word before the result is aligned as `align` and SMALL_ALIGN are multiples of eight.
        unsafe {
            let start = block.add(offset);
            start.cast::<usize>().sub(1).write(offset);
            Ok(start)
        }
    }

    unsafe fn commit(&self, _start: NonNull<u8>, _bytes: usize) -> Result<(), Refused> {
        Ok(())
    }

    unsafe fn release(&self, _start: NonNull<u8>, _bytes: usize) {}

    unsafe fn discard(&self, _start: NonNull<u8>, _bytes: usize) {}

    unsafe fn prefer_large_pages(&self, _start: NonNull<u8>, _bytes: usize) {}

    unsafe fn unreserve(&self, start: NonNull<u8>, bytes: usize, align: usize) {
        if let Some(layout) = Self::layout(bytes, align) {
            // SAFETY: `reserve` wrote the offset into the block before `start`; the same layout as there, and the caller
            // is done with the block.
            unsafe {
                let offset = start.cast::<usize>().sub(1).read();
                std::alloc::dealloc(start.sub(offset).as_ptr(), layout);
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_keeps_is_empty_and_used_again() {
        let bytes = 1 << 22;
        let one = Mmap::default();
        let start = one.reserve(bytes, 1 << 21, true).unwrap();
        // SAFETY: the reservation is usable and ours; it is not used after it was handed back.
        unsafe {
            start.write(7);
            one.unreserve(start, bytes, 1 << 21);
        }
        let (other, unlike) = (Mmap::default(), Mmap::default());
        let apart = unlike.reserve(bytes, 1 << 21, false).unwrap();
        let again = other.reserve(bytes, 1 << 21, true).unwrap();
        assert_eq!(again, start);
        assert_ne!(apart, start);
        // SAFETY: as before.
        unsafe {
            assert_eq!(again.read(), 0);
            other.unreserve(again, bytes, 1 << 21);
            unlike.unreserve(apart, bytes, 1 << 21);
        }
    }
}
