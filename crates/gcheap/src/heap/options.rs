//! What a heap is made with. Plain data: `Heap::new` looks at it.

use crate::memory::backend::BackendKind;
use crate::policy::{Flags, Policy, V8Policy};
use crate::profile::{NODE_24, Profile};
use crate::time::{Clock, CostModel, VirtualClock};

/// How a heap is made.
///
/// ```
/// use gcheap::policy::Flags;
/// use gcheap::{Heap, HeapOptions};
/// let flags = Flags { max_old_space_size_mb: Some(64), ..Flags::default() };
/// let heap = Heap::new(HeapOptions { flags, physical_memory: Some(16 << 30), ..HeapOptions::default() })?;
/// assert_eq!(heap.limits().heap_size_limit, (64 + 3 * 64) << 20); // Node 24
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Debug)]
pub struct HeapOptions {
    /// The Node version to behave as.
    pub profile: &'static Profile,
    /// Node's flags.
    pub flags: Flags,
    /// Memory that the process believes it has, bytes; decides the defaults. `None`: V8's defaults without an embedder.
    pub physical_memory: Option<u64>,
    /// Fill the heap with what a fresh Node process holds.
    pub baseline: bool,
    /// A nursery of so many bytes, rounded up to whole pages, in place of V8's two semi-spaces: what survives one collection of
    /// it is old. One that the processor keeps in its cache (1 to 4 MiB) serves programs of one's own best. Where most
    /// survives, it becomes old with what is dead on it, which the next full collection frees. `None`: as V8.
    pub nursery: Option<u64>,
    /// What work costs in virtual time; the profile's if `None`.
    pub cost: Option<CostModel>,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// The decisions.
    pub policy: Box<dyn Policy>,
    /// Where memory comes from.
    pub backend: BackendKind,
    /// Run [`Heap::verify`](super::Heap::verify) after every collection.
    pub verify: bool,
    /// Let a second thread help to mark large heaps (V8 `--parallel-marking`) and to update pointers (`--parallel-compaction`). No result depends on it; with one processor
    /// it only costs.
    pub parallel_marking: bool,
    /// Let a second thread have the system clear the pages that the heap will use next, from a size of 8 MiB on (Linux 5.14 and later). No
    /// result depends on it; 2 MiB more may be resident, and with one processor it only costs.
    pub prefault: bool,
}

impl Default for HeapOptions {
    /// Node 24 with its baseline, the virtual clock, V8's policy.
    fn default() -> Self {
        HeapOptions {
            profile: &NODE_24,
            flags: Flags::default(),
            physical_memory: Some(16 << 30),
            baseline: true,
            nursery: None,
            cost: None,
            clock: Box::new(VirtualClock::default()),
            policy: Box::new(V8Policy),
            backend: BackendKind::default(),
            verify: false,
            parallel_marking: true,
            prefault: false,
        }
    }
}

impl HeapOptions {
    /// An empty heap of at most 64 MiB that verifies itself after every collection.
    ///
    /// ```
    /// let heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests())?;
    /// assert_eq!(heap.statistics().used_heap_size, 0);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn for_tests() -> Self {
        HeapOptions {
            flags: Flags { max_old_space_size_mb: Some(64), max_semi_space_size_mb: Some(4), ..Flags::default() },
            baseline: false,
            verify: true,
            ..HeapOptions::default()
        }
    }
}
