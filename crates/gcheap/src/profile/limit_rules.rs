//! Pages and the constants of the heap configuration. Plain data: what each number is, and where V8 has it.

use super::GIB;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Pages (V8 src/heap/memory-chunk-layout.h, src/common/globals.h).
///
/// ```
/// let pages = gcheap::profile::NODE_20.pages;
/// assert_eq!((pages.usable(), pages.large_page(262_160)), (257_720, 270_336));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct PageRules {
    /// Size and alignment of a regular page, bytes.
    pub size: u64,
    /// Bytes at the start of a page that hold no objects.
    pub header: u64,
    /// Page size of the operating system, bytes; committed sizes of large and shrunk pages are multiples of it.
    pub os_page: u64,
    /// The largest object of a regular page, bytes (`kMaxRegularHeapObjectSize`); anything larger is a large object.
    pub max_regular_object: u64,
}

impl PageRules {
    /// Bytes of a regular page that objects can use.
    pub const fn usable(&self) -> u64 {
        self.size - self.header
    }

    /// Committed bytes of the page of a large object.
    pub const fn large_page(&self, object: u64) -> u64 {
        (self.header + object).next_multiple_of(self.os_page)
    }

    /// Usable bytes of a semi-space whose full capacity is `capacity`.
    pub const fn usable_of(&self, capacity: u64) -> u64 {
        capacity / self.size * self.usable()
    }
}

/// How the young generation follows from physical memory (V8 src/heap/heap.cc, `Heap::YoungGenerationSizeFromOldGenerationSize`).
///
/// ```
/// use gcheap::profile::{NODE_26, YoungSize};
/// assert!(matches!(NODE_26.limits.young, YoungSize::FromMemory { divisor: 32, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum YoungSize {
    /// Semi-space = old generation / ratio.
    FromOldGeneration {
        /// Ratio of old generation to semi-space.
        ratio: u64,
        /// The ratio while the old generation is not above [`LimitRules::low_memory_old_generation`].
        low_memory_ratio: u64,
    },
    /// Semi-space = heap size / divisor, where the heap size is a quarter of the memory.
    FromMemory {
        /// Ratio of heap size to semi-space.
        divisor: u64,
        /// The smallest semi-space that this rule gives, bytes.
        min: u64,
    },
}

/// From which memory on the old generation may have twice the usual maximum (V8 src/heap/heap.cc, `Heap::MaxOldGenerationSizeFromPhysicalMemory`).
///
/// ```
/// use gcheap::profile::LargeMemory;
/// assert!(!LargeMemory::From16GibRounded.applies(15_361 << 20) && LargeMemory::From16GibRounded.applies(15_872 << 20));
/// assert!(LargeMemory::From15Gib.applies(15_360 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum LargeMemory {
    /// Memory rounded to the nearest GiB is at least 16 GiB.
    From16GibRounded,
    /// Memory is at least 15 GiB.
    From15Gib,
    /// No machine is large (7.8 and earlier).
    Never,
}

impl LargeMemory {
    /// Whether a machine with `total` bytes counts as large.
    pub const fn applies(self, total: u64) -> bool {
        match self {
            LargeMemory::From16GibRounded => total.saturating_add(GIB / 2) / GIB >= 16,
            LargeMemory::From15Gib => total / GIB >= 15,
            LargeMemory::Never => false,
        }
    }
}

/// Constants of the heap configuration (V8 src/heap/heap.h, src/heap/heap.cc `Heap::ConfigureHeap`).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.limits.default_max_semi_space, 64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct LimitRules {
    /// Node tells V8 how much memory there is (10.2 and later, and 7.8); 6.8 only knows its own defaults.
    pub follows_memory: bool,
    /// The largest semi-space that `--max-semi-space-size` can ask for, bytes; `None`: no bound (7.8 alone has one).
    pub semi_space_flag_cap: Option<u64>,
    /// Semi-spaces that `heap_size_limit` makes room for: 2 in 6.8, 3 since there is a new large-object space.
    pub semi_spaces_in_limit: u64,
    /// `heap_size_limit` counts whole pages for the usable bytes in them (6.8).
    pub limit_counts_page_headers: bool,
    /// The largest old generation is a multiple of this, bytes: V8 7.8 was told its memory in MiB.
    pub old_generation_unit: u64,
    /// V8 has `--max-heap-size` and `--initial-heap-size` (7.8 and later).
    pub has_heap_size_flags: bool,
    /// Largest semi-space without flags, bytes.
    pub default_max_semi_space: u64,
    /// Smallest semi-space, and the first, without flags, bytes.
    pub default_min_semi_space: u64,
    /// Young generation from memory.
    pub young: YoungSize,
    /// Up to this old generation the machine counts as low on memory, bytes.
    pub low_memory_old_generation: u64,
    /// Smallest old generation derived from memory, bytes.
    pub min_old_generation_from_memory: u64,
    /// Largest old generation derived from memory, bytes; twice that on a large machine.
    pub max_old_generation_from_memory: u64,
    /// What a large machine is.
    pub large_memory: LargeMemory,
    /// Old generation when neither memory nor a flag says anything, bytes.
    pub default_max_old_generation: u64,
    /// Largest initial old-generation limit without flags, bytes.
    pub max_initial_old_generation: u64,
    /// Paged spaces that must have room for one page each in the smallest old generation.
    pub growable_paged_spaces: u64,
    /// `--min-semi-space-size` is a lower bound of its own (13.6 and later), not another name of the initial size.
    pub separate_min_semi_space: bool,
    /// The configuration forgets at its end that an initial old size was configured (12.4 only).
    pub forgets_configured_initial: bool,
    /// Node has `--max-old-space-size-percentage`.
    pub has_percentage_flag: bool,
}

/// How a bounded limit is put together (V8 src/heap/heap-controller.cc).
///
/// ```
/// use gcheap::profile::{LimitBound, NODE_22, NODE_24};
/// assert_ne!(NODE_22.growing.bound, NODE_24.growing.bound);
/// # let _ = LimitBound::HalfwayLast;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum LimitBound {
    /// min(max(limit, minimum), halfway): 11.3 and 12.4.
    HalfwayLast,
    /// max(min(limit, halfway), minimum): 13.6 and later.
    MinimumLast,
}
