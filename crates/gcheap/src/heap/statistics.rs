//! Statistics with the meaning and the key names of Node.

use super::Heap;
use crate::event::{SpaceName, SpaceSize};

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// `v8.getHeapStatistics()`, in bytes unless a name says otherwise.
///
/// ```
/// let heap = gcheap::Heap::new(gcheap::HeapOptions::default())?;
/// let statistics = heap.statistics();
/// assert!(statistics.used_heap_size <= statistics.total_heap_size);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct HeapStatistics {
    /// Mapped bytes of all spaces.
    pub total_heap_size: u64,
    /// Mapped bytes of code space.
    pub total_heap_size_executable: u64,
    /// Mapped bytes that were touched.
    pub total_physical_size: u64,
    /// What could still be allocated.
    pub total_available_size: u64,
    /// Bytes of objects.
    pub used_heap_size: u64,
    /// Old generation and young generation at their largest.
    pub heap_size_limit: u64,
    /// Bytes of V8's own malloc; a heap without V8 has none.
    pub malloced_memory: u64,
    /// The peak of that.
    pub peak_malloced_memory: u64,
    /// Number of native contexts.
    pub number_of_native_contexts: u64,
    /// Number of detached contexts.
    pub number_of_detached_contexts: u64,
    /// Bytes of the tables of global and weak handles.
    pub total_global_handles_size: u64,
    /// Bytes of those that are in use.
    pub used_global_handles_size: u64,
    /// Bytes of backing stores and external strings.
    pub external_memory: u64,
}

/// `process.memoryUsage()` without `rss`, which only a process has.
///
/// ```
/// let heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
/// assert_eq!(heap.memory_usage().array_buffers, 0);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "camelCase"))]
pub struct MemoryUsage {
    /// Mapped bytes of the heap.
    pub heap_total: u64,
    /// Bytes of objects.
    pub heap_used: u64,
    /// Bytes of backing stores and external strings, as far as V8 has noticed what was freed.
    pub external: u64,
    /// Bytes of array buffers.
    pub array_buffers: u64,
}

impl Heap {
    /// `heapUsed`.
    pub(crate) fn used(&self) -> u64 {
        self.mechanism.spaces.objects()
    }

    /// Bytes that may still be mapped (V8 `MemoryAllocator::Available`): its capacity is the limit, in whole pages.
    pub(crate) fn mappable(&self) -> u64 {
        let limit = self.limits.heap_size_limit_for(self.state.max_old_generation);
        let capacity =
            if self.limits.page_and_usable.is_some() { limit.next_multiple_of(self.profile.pages.size) } else { limit };
        capacity.saturating_sub(self.mechanism.spaces.pages.mapped)
    }

    /// `external` of `process.memoryUsage()`.
    pub(crate) fn backing_store_bytes(&self) -> u64 {
        self.external_strings
            + self.external_array_buffers
            + self.mechanism.buffers.bytes()
            + self.unswept_backing_stores
    }

    /// What `process.memoryUsage()` says of the heap.
    pub fn memory_usage(&self) -> MemoryUsage {
        MemoryUsage {
            heap_total: self.mechanism.spaces.committed(),
            heap_used: self.used(),
            external: self.backing_store_bytes(),
            array_buffers: self.external_array_buffers + self.mechanism.buffers.bytes(),
        }
    }

    /// What `process.memoryUsage()` says of the heap, and what asking does to it: from V8 12.4 on the unused rests of open linear
    /// areas go back to the free lists (V8 `Isolate::GetHeapStatistics`), so that the next object born old meets V8's question
    /// whether marking is due.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let silent = heap.memory_usage();
    /// assert_eq!(heap.process_memory_usage(), silent);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn process_memory_usage(&mut self) -> MemoryUsage {
        if self.profile.collection.statistics_free_linear_areas {
            self.mechanism.spaces.free_linear_areas();
        }
        self.memory_usage()
    }

    /// What `v8.getHeapStatistics()` says.
    pub fn statistics(&self) -> HeapStatistics {
        let spaces = self.space_statistics();
        let reserved = self.limits.heap_size_limit_for(self.state.max_old_generation);
        let available: u64 = spaces.iter().map(|space| space.available).sum();
        let roots = &self.mechanism.roots;
        let slots = (roots.globals.words().len() + roots.weak.words().len()) as u64;
        HeapStatistics {
            total_heap_size: self.mechanism.spaces.committed(),
            total_heap_size_executable: self.mechanism.spaces.code.committed,
            total_physical_size: self.mechanism.spaces.committed(),
            total_available_size: available + reserved.saturating_sub(self.mechanism.spaces.pages.mapped),
            used_heap_size: self.used(),
            heap_size_limit: reserved,
            malloced_memory: 0,
            peak_malloced_memory: 0,
            number_of_native_contexts: 1,
            number_of_detached_contexts: 0,
            total_global_handles_size: slots * 8,
            used_global_handles_size: slots * 8,
            external_memory: self.backing_store_bytes(),
        }
    }

    /// What `v8.getHeapSpaceStatistics()` says: every space of the version, in V8's order.
    pub fn space_statistics(&self) -> Vec<SpaceSize> {
        self.profile.spaces.iter().map(|&space| self.space_size(space)).collect()
    }

    fn space_size(&self, space: SpaceName) -> SpaceSize {
        let spaces = &self.mechanism.spaces;
        let paged =
            |paged: &crate::space::paged::PagedSpace| (paged.objects(), paged.free_list.available, paged.committed);
        let (used, available, committed) = match space {
            SpaceName::New => (
                spaces.new.size(&spaces.pages),
                spaces.new.available(&spaces.pages),
                spaces.new.committed(&spaces.pages),
            ),
            SpaceName::Old => paged(&spaces.old),
            SpaceName::Code => paged(&spaces.code),
            // The versions that have a map space have no trusted space; one space serves for both.
            SpaceName::Trusted | SpaceName::Map => paged(&spaces.trusted),
            SpaceName::ReadOnly if spaces.read_only > 0 => {
                let committed = self.profile.baseline.read_only_committed;
                let available = self.profile.pages.usable().saturating_sub(spaces.read_only);
                (spaces.read_only, available, committed)
            }
            SpaceName::NewLargeObject => (
                spaces.new_large.size,
                spaces.new.capacity.saturating_sub(spaces.new_large.size),
                spaces.new_large.committed,
            ),
            SpaceName::LargeObject => {
                // Without a young large-object space this one is where all that can still be mapped is offered.
                let room = if self.profile.new_space.has_large_objects { 0 } else { self.mappable() };
                let pages = &self.profile.pages;
                (spaces.large.size, room.saturating_sub(pages.size + pages.header), spaces.large.committed)
            }
            _ => (0, 0, 0),
        };
        SpaceSize { space, used, available, committed, physical: committed }
    }

    /// Objects allocated so far, the baseline apart.
    pub fn objects_allocated(&self) -> u64 {
        self.objects_allocated + (self.tally >> 36)
    }

    /// Bytes allocated so far, the baseline apart.
    pub fn bytes_allocated(&self) -> u64 {
        self.bytes_allocated + (self.tally & ((1 << 36) - 1)) * crate::memory::WORD
    }

    /// Scavenges so far.
    pub fn scavenges(&self) -> u64 {
        self.scavenges
    }

    /// Mark-compacts so far.
    pub fn mark_compacts(&self) -> u64 {
        self.mark_compacts
    }

    /// Old pages that full collections have emptied by moving their objects, and released.
    pub fn evacuated_pages(&self) -> u64 {
        self.evacuated_pages
    }

    /// New-space pages that full collections have handed to old space whole, without moving their objects.
    pub fn promoted_pages(&self) -> u64 {
        self.promoted_pages
    }

    /// Sum of the pauses of all collections, ms.
    pub fn total_gc_ms(&self) -> f64 {
        self.total_gc_ms
    }

    /// Most bytes that were mapped at once.
    pub fn peak_committed(&self) -> u64 {
        self.mechanism.spaces.pages.peak_mapped
    }

    /// The old-generation allocation limit at which marking starts, bytes.
    pub fn old_generation_limit(&self) -> u64 {
        self.state.old_limit
    }
}
