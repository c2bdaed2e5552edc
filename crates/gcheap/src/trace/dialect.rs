//! Which V8 is being spoken. One enum, and the small questions that decide the wording.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// A V8 version, as far as its text differs from the others'.
///
/// ```
/// use gcheap::trace::Dialect;
/// assert!(Dialect::V8_12_4.has_js_stacktrace_section() && !Dialect::V8_13_6.has_js_stacktrace_section());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[allow(non_camel_case_types, reason = "an underscore stands for the dot of a version number")]
pub enum Dialect {
    /// Node 10.
    V8_6_8,
    /// Node 12.
    V8_7_8,
    /// Node 18.
    V8_10_2,
    /// Node 20.
    V8_11_3,
    /// Node 22.
    V8_12_4,
    /// Node 24.
    V8_13_6,
    /// Node 26.
    V8_14_6,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: [Dialect; 7] = [
        Dialect::V8_6_8,
        Dialect::V8_7_8,
        Dialect::V8_10_2,
        Dialect::V8_11_3,
        Dialect::V8_12_4,
        Dialect::V8_13_6,
        Dialect::V8_14_6,
    ];

    /// The fatal text has a section for the JavaScript stack (empty from Node 18 on).
    pub const fn has_js_stacktrace_section(self) -> bool {
        !matches!(self, Dialect::V8_13_6 | Dialect::V8_14_6)
    }

    /// The last collections and the JavaScript stack go to standard output, only the rest to standard error (up to 7.8).
    pub const fn prints_last_collections_to_stdout(self) -> bool {
        matches!(self, Dialect::V8_6_8 | Dialect::V8_7_8)
    }

    /// The native frames have a headline (11.3 and later).
    pub(crate) const fn has_native_headline(self) -> bool {
        !matches!(self, Dialect::V8_6_8 | Dialect::V8_7_8 | Dialect::V8_10_2)
    }

    /// `--trace-gc-nvp` and controller lines carry the isolate's number after its address.
    pub(crate) const fn has_isolate_id(self) -> bool {
        matches!(self, Dialect::V8_13_6 | Dialect::V8_14_6)
    }

    /// `[HeapController]` lines come before the line of their collection, not after its verbose block.
    pub const fn controller_comes_first(self) -> bool {
        !matches!(self, Dialect::V8_13_6 | Dialect::V8_14_6)
    }

    /// `--trace-gc-verbose` implies `--trace-gc` (7.8 and later).
    pub const fn verbose_implies_trace(self) -> bool {
        !matches!(self, Dialect::V8_6_8)
    }

    /// A full collection is called mark-sweep: `Mark-sweep` in lines, `ms` in name=value pairs (up to 10.2).
    pub(crate) const fn says_mark_sweep(self) -> bool {
        matches!(self, Dialect::V8_6_8 | Dialect::V8_7_8 | Dialect::V8_10_2)
    }

    /// `--trace-gc-verbose` has a line on the fast promotion mode before each collection (up to 10.2).
    pub(crate) const fn tells_fast_promotion(self) -> bool {
        matches!(self, Dialect::V8_6_8 | Dialect::V8_7_8 | Dialect::V8_10_2)
    }
}
