//! Why flags and memory give no heap, in one sentence that says what helps.

use std::fmt;

use super::ADDRESS_SPACE;
use crate::profile::MIB;

/// Why flags and memory give no heap.
///
/// ```
/// use gcheap::{policy::{Flags, LimitsError, limits}, profile::NODE_24};
/// let flags = Flags { max_old_space_size_mb: Some(0), ..Flags::default() };
/// assert_eq!(limits(&flags, None, &NODE_24), Err(LimitsError::Zero { flag: "--max-old-space-size" }));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LimitsError {
    /// A size of 0 makes no heap.
    Zero {
        /// The flag.
        flag: &'static str,
    },
    /// More than a process can address.
    BeyondAddressSpace {
        /// The flag.
        flag: &'static str,
        /// Its value, MiB.
        mb: u64,
    },
    /// `--max-heap-size`, `--max-old-space-size` and `--max-semi-space-size` together.
    AllThreeGiven,
    /// The young generation alone is larger than the heap may be.
    SemiSpaceAboveHeap {
        /// `--max-semi-space-size`, MiB.
        semi_mb: u64,
        /// `--max-heap-size`, MiB.
        heap_mb: u64,
    },
    /// The old generation alone is larger than the heap may be.
    OldSpaceAboveHeap {
        /// `--max-old-space-size`, MiB.
        old_mb: u64,
        /// `--max-heap-size`, MiB.
        heap_mb: u64,
    },
    /// A percentage that is none.
    Percentage {
        /// What was given.
        given: f64,
    },
    /// A percentage of an unknown amount of memory.
    PercentageOfUnknownMemory,
    /// This Node does not have the flag.
    NotInThisVersion {
        /// The flag.
        flag: &'static str,
        /// Node's major version.
        node: u32,
    },
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitsError::Zero { flag } => {
                write!(f, "{flag} is 0, which leaves no room for any object; give a size in MiB or leave the flag out")
            }
            LimitsError::BeyondAddressSpace { flag, mb } => write!(
                f,
                "{flag}={mb} is more than the {} MiB a process can address; sizes are in MiB, not in bytes",
                ADDRESS_SPACE / MIB
            ),
            LimitsError::AllThreeGiven => f.write_str(
                "--max-heap-size, --max-old-space-size and --max-semi-space-size contradict each other; give at most two of them",
            ),
            LimitsError::SemiSpaceAboveHeap { semi_mb, heap_mb } => write!(
                f,
                "--max-semi-space-size={semi_mb} needs {} MiB of young generation (three semi-spaces), but --max-heap-size is \
                 {heap_mb}; make the semi-space smaller or the heap larger",
                semi_mb.saturating_mul(3)
            ),
            LimitsError::OldSpaceAboveHeap { old_mb, heap_mb } => write!(
                f,
                "--max-old-space-size={old_mb} leaves no young generation in --max-heap-size={heap_mb}; make the heap larger \
                 or leave one of the two flags out"
            ),
            LimitsError::Percentage { given } => write!(
                f,
                "--max-old-space-size-percentage must be greater than 0 and at most 100, not {given}"
            ),
            LimitsError::PercentageOfUnknownMemory => f.write_str(
                "--max-old-space-size-percentage needs to know the memory; give its size or use --max-old-space-size",
            ),
            LimitsError::NotInThisVersion { flag, node } => {
                write!(f, "Node {node} has no {flag}; use --max-old-space-size or a later version")
            }
        }
    }
}

impl std::error::Error for LimitsError {}
