//! Sizes of objects, and the state that start-up leaves behind. Plain data: what each number is, and where V8 has it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Sizes of objects that differ between versions, bytes of heap unless said otherwise.
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.objects.js_typed_array, 104);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ObjectSizes {
    /// What a string has more than its 16 bytes of header (6.8: hash and length were words of their own).
    pub string_padding: u64,
    /// What a function context has more than scope info, previous and extension (up to 7.8: the native context).
    pub context_padding: u64,
    /// JSArrayBuffer.
    pub js_array_buffer: u64,
    /// JSTypedArray, also Node's Buffer.
    pub js_typed_array: u64,
    /// JSDataView.
    pub js_data_view: u64,
    /// Strings of numbers are born old, because the number-string cache is (up to 7.8).
    pub number_strings_are_old: bool,
    /// A string that becomes a key of a Map or Set is internalized: made flat, and copied into old space (14.6; measured with
    /// `v8.getHeapSpaceStatistics()` around `set.add` and `map.set`).
    pub string_keys_are_internalized: bool,
    /// The weak cells of a FinalizationRegistry are born old (up to 13.6; measured on 10.2 to 14.6).
    pub weak_cells_are_old: bool,
    /// JSProxy.
    pub js_proxy: u64,
    /// JSDate, without the boxed value.
    pub js_date: u64,
    /// The boxed value of a JSDate; 0 where it is inside.
    pub js_date_value: u64,
    /// JSError with a short stack, all that hangs on it included.
    pub js_error: u64,
    /// Longest FixedArray, elements.
    pub max_fixed_array_length: u64,
    /// Longest string, characters.
    pub max_string_length: u64,
    /// Largest data that a typed array keeps on the heap (`--typed-array-max-size-in-heap`).
    pub max_on_heap_typed_array: u64,
    /// Entries of the full number-string cache.
    pub number_string_cache_entries: u64,
    /// Start-up leaves the cache at its first size of 256 entries, and so full that the next number makes the full one.
    pub number_string_cache_starts_small: bool,
    /// Size of the FixedArray behind it, header included.
    pub number_string_cache_bytes: u64,
    /// Bytes of one slab of Node's Buffer pool (`Buffer.poolSize`); external.
    pub buffer_pool: u64,
}

/// One space at the start of a script.
///
/// ```
/// let old = gcheap::profile::NODE_24.baseline.old;
/// assert!(old.used <= old.committed);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct BaselineSpace {
    /// Mapped bytes.
    pub committed: u64,
    /// Bytes of objects.
    pub used: u64,
}

/// Code of Node's own functions that a program does not call again: its bytecode, and what hangs on it, goes when it has become old
/// (V8 `SharedFunctionInfo::IsOld`, `MarkCompactCollector::ClearOldBytecodeCandidates`). A collection that was asked for by `gc()` lets
/// nothing age.
///
/// Measured by the size of the heap after each full collection of a program whose live objects stay the same.
///
/// ```
/// assert_eq!(gcheap::profile::NODE_24.baseline.unused_code.collections, 6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct UnusedCode {
    /// Bytes of it in old space.
    pub old: u64,
    /// Bytes of it in trusted space.
    pub trusted: u64,
    /// The full collection that frees it, counted from 1.
    pub collections: u32,
}

/// What start-up leaves behind: the state that a small CommonJS script finds after `require('fs')`.
///
/// Measured without loading any further module (`fs` is there already, but the first `require` of a script costs something on
/// Node 12 and 18): `require('v8')` alone adds about 200 KB of objects, so scripts that ask for
/// `v8.getHeapSpaceStatistics()` see more than the others.
///
/// ```
/// let start = gcheap::profile::NODE_20.baseline;
/// assert_eq!(start.heap_total(), 4_169_728);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Baseline {
    /// New space; where start-up has collected already, both semi-spaces are mapped and what is used has survived.
    pub new: BaselineSpace,
    /// Old space. Pages of the snapshot are cut to their used end, so committed is no multiple of the page size.
    pub old: BaselineSpace,
    /// Code space.
    pub code: BaselineSpace,
    /// Code space bytes that objects use; less than `code.used` where an open linear area counts as used until the first collection.
    pub code_live: u64,
    /// Trusted space; map space in 10.2 and earlier; nothing in 11.3, which has neither.
    pub trusted: BaselineSpace,
    /// Large-object space: the number-string cache, or what else start-up put there.
    pub large_object: BaselineSpace,
    /// Bytes of read-only space that are part of heapTotal: the version does not share it between isolates (6.8, 7.8).
    pub read_only_committed: u64,
    /// Read-only space: shown by `--trace-gc-verbose`; part of heapUsed where it is part of heapTotal.
    pub read_only_used: u64,
    /// Survival of the scavenges that start-up ran, in their order, percent; 0 for none.
    pub startup_survival_percent: [f64; 2],
    /// Bytes that survived them.
    pub startup_survived: u64,
    /// Bytes of new space that have survived one of them and are promoted next.
    pub startup_aged: u64,
    /// Share of the new-space start content that survives its first scavenge, 0 to 1.
    pub new_space_survival: f64,
    /// Bytes of old space that the first full collection frees.
    pub old_garbage: u64,
    /// What of the code that start-up ran is let go of later.
    pub unused_code: UnusedCode,
    /// `external` of `process.memoryUsage()`.
    pub external: u64,
    /// `arrayBuffers` of `process.memoryUsage()`.
    pub array_buffers: u64,
    /// Resident set of the process.
    pub rss: u64,
    /// Time from the creation of the isolate to the first statement, ms.
    pub start_ms: f64,
}

impl Baseline {
    /// `heapTotal` of `process.memoryUsage()`, bytes.
    pub const fn heap_total(&self) -> u64 {
        self.new.committed
            + self.old.committed
            + self.code.committed
            + self.trusted.committed
            + self.large_object.committed
            + self.read_only_committed
    }

    /// `heapUsed` of `process.memoryUsage()`, bytes.
    pub const fn heap_used(&self) -> u64 {
        let read_only = if self.read_only_committed > 0 { self.read_only_used } else { 0 };
        self.new.used + self.old.used + self.code.used + self.trusted.used + self.large_object.used + read_only
    }
}
