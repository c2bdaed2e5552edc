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
    pub const ALL: [Dialect; 4] = [Dialect::V8_11_3, Dialect::V8_12_4, Dialect::V8_13_6, Dialect::V8_14_6];

    /// The fatal text has an (always empty) section for the JavaScript stack.
    pub const fn has_js_stacktrace_section(self) -> bool {
        matches!(self, Dialect::V8_11_3 | Dialect::V8_12_4)
    }

    /// `--trace-gc-nvp` and controller lines carry the isolate's number after its address.
    pub(crate) const fn has_isolate_id(self) -> bool {
        matches!(self, Dialect::V8_13_6 | Dialect::V8_14_6)
    }

    /// `[HeapController]` lines come before the line of their collection, not after its verbose block.
    pub const fn controller_comes_first(self) -> bool {
        matches!(self, Dialect::V8_11_3 | Dialect::V8_12_4)
    }
}
