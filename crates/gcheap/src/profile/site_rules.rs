//! Allocation sites and compilers. Plain data: what each number is, and where V8 has it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// From which semi-space capacity on a site may be tenured (V8 src/heap/pretenuring-handler.cc).
///
/// ```
/// use gcheap::profile::PretenuringThreshold;
/// assert_eq!(PretenuringThreshold::AtMost(16 << 20).capacity(4 << 20), 4 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum PretenuringThreshold {
    /// The maximum capacity (up to 11.3).
    Maximum,
    /// The maximum capacity, but at most so many bytes (12.4 and later).
    AtMost(u64),
}

impl PretenuringThreshold {
    /// The threshold for a given maximum capacity of one semi-space, bytes.
    pub const fn capacity(self, max_semi_space: u64) -> u64 {
        match self {
            PretenuringThreshold::AtMost(bytes) if bytes < max_semi_space => bytes,
            _ => max_semi_space,
        }
    }
}

/// Whose mementos a full collection counts for allocation sites (V8 `EvacuateNewSpaceVisitor` and
/// `EvacuateNewSpacePageVisitor::Visit`, src/heap/mark-compact.cc). Measured too: `--no-opt --trace-pretenuring-statistics`, records
/// that all survive, `gc()`.
///
/// ```
/// use gcheap::profile::{FullCollectionsCount, NODE_22};
/// assert_eq!(NODE_22.pretenuring.full_collections_count, FullCollectionsCount::Moved);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum FullCollectionsCount {
    /// Those of all survivors (6.8, 7.8 and 13.6).
    All,
    /// Those of survivors that are moved, not those on pages that become old as a whole (10.2 to 12.4): where nearly all
    /// survive, nearly none are found.
    Moved,
    /// None: full collections decide nothing (14.6).
    None,
}

/// Allocation sites (V8 src/heap/pretenuring-handler.cc).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_22.pretenuring.min_created, 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct PretenuringRules {
    /// Capacity from which on a site may be tenured.
    pub threshold: PretenuringThreshold,
    /// The capacity that counts is the one that new space has grown to at the start of the collection (12.4): then no scavenge
    /// finds the threshold crossed, and code of sites that may be tenured is never thrown away for that.
    pub capacity_after_growth: bool,
    /// Mementos that must have been created, and found, before a site is decided.
    pub min_created: u64,
    /// Found over created from which on a site survives well enough, 0 to 1.
    pub min_ratio: f64,
    /// Whose mementos full collections count.
    pub full_collections_count: FullCollectionsCount,
    /// Every tenured site is undecided again when a full collection leaves less than this share of the heap, 0 to 1.
    pub reset_below_survival: f64,
}

/// When V8's compilers come to the code of a function (V8 src/execution/tiering-manager.cc, src/flags/flag-definitions.h).
///
/// Unoptimised code counts the bytes of bytecode that it has executed against a budget; each time the budget is used up,
/// V8 looks at the function (a tick). The heap itself does not use these rules: whoever runs a program on it does, because the
/// tier of the code decides what a statement allocates.
///
/// ```
/// let rules = gcheap::profile::NODE_24.tiering;
/// assert_eq!(rules.maglev.map(|maglev| maglev.invocations), Some(500));
/// assert!(gcheap::profile::NODE_22.tiering.maglev.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct TieringRules {
    /// Executions of a function until it has a feedback vector, with which it begins to count.
    pub feedback_invocations: u32,
    /// How long unoptimised code runs until V8 asks for TurboFan; with Maglev in between, how long Maglev's code does.
    pub turbofan: TurbofanRules,
    /// Times the length of a function that a loop runs between two ticks once its function is to be optimised; `None`: the
    /// budget of a tick.
    pub osr_invocations: Option<u32>,
    /// Bytes of bytecode that a function may have for its loop to be replaced, and how many more with each tick; `None`: any.
    pub osr_size: Option<(u32, u32)>,
    /// The compiler between; `None`: there is none, or it is off.
    pub maglev: Option<MaglevRules>,
    /// The largest function that is inlined, bytes of bytecode (V8 `max_inlined_bytecode_size`).
    pub max_inlined: u32,
    /// All that is inlined in one function, at most, bytes of bytecode (V8 `max_inlined_bytecode_size_cumulative`).
    pub max_inlined_cumulative: u32,
    /// Nanoseconds of the virtual clock that TurboFan takes for a byte of bytecode (a measurement, not V8's).
    pub turbofan_ns: f64,
    /// Pending promises keep the function that `new Promise` was given, in TurboFan's code (a measurement).
    pub keeps_executors: bool,
}

/// What makes unoptimised code, or Maglev's, hot enough for TurboFan.
///
/// ```
/// use gcheap::profile::{NODE_22, TurbofanRules};
/// assert_eq!(NODE_22.tiering.turbofan, TurbofanRules::Invocations { count: 3_000 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum TurbofanRules {
    /// A number of ticks, each after the same number of bytes (up to 11.3).
    Ticks {
        /// Bytes of bytecode between two ticks.
        budget: u32,
        /// Ticks that every function needs.
        count: u32,
        /// One more for so many bytes of its length.
        bytes_per_tick: u32,
        /// Functions below this length need only one.
        small: u32,
    },
    /// So many times its length (12.4 and later).
    Invocations {
        /// The times.
        count: u32,
    },
}

/// Maglev, the compiler between the interpreter and TurboFan (V8 13.6 and 14.6).
///
/// ```
/// assert_eq!(gcheap::profile::NODE_26.tiering.maglev.map(|maglev| maglev.osr_invocations), Some(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct MaglevRules {
    /// Times its length that a function runs unoptimised, counted from the last change of its feedback.
    pub invocations: u32,
    /// Times its length that a loop runs between two ticks once its function is to be optimised.
    pub osr_invocations: u32,
    /// What a byte counts in a loop of Maglev's code.
    pub loop_weight: f64,
    /// Nanoseconds of the virtual clock that Maglev takes for a byte of bytecode (a measurement, not V8's).
    pub compile_ns: f64,
}
