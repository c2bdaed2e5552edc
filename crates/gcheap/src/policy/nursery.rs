//! Handing a nursery over whole instead of copying what survives.
//!
//! Not V8's: V8 has no nursery. Where nearly everything survives, copying buys little room for much work. So once a scavenge
//! has found that, the next collections make the pages old as they are, what is dead on them included, and then one looks
//! again.

/// Share of the nursery that must have survived, percent.
const SURVIVAL: u64 = 75;
/// At most so many collections in a row look at nothing.
const MOST: u32 = 8;

/// What it depends on. Sizes are bytes.
///
/// ```
/// use gcheap::policy::{NurseryInputs, collections_without_copying};
/// let after = |survived, granted| NurseryInputs { young: 4 << 20, survived, granted };
/// assert_eq!(collections_without_copying(&after(4 << 20, 0)), 1);
/// assert_eq!(collections_without_copying(&after(4 << 20, 1)), 2);
/// assert_eq!(collections_without_copying(&after(4 << 20, 8)), 8);
/// assert_eq!(collections_without_copying(&after(2 << 20, 8)), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NurseryInputs {
    /// Bytes in the nursery before a scavenge of it.
    pub young: u64,
    /// Bytes of them that it found alive.
    pub survived: u64,
    /// What was said after the scavenge before it.
    pub granted: u32,
}

/// How many collections of the nursery from here on hand it over whole: one after the first scavenge that found most of it
/// alive, twice as many after each that still does, none after one that does not.
pub fn collections_without_copying(inputs: &NurseryInputs) -> u32 {
    if inputs.young > 0 && inputs.survived * 100 >= inputs.young * SURVIVAL {
        (inputs.granted * 2).clamp(1, MOST)
    } else {
        0
    }
}
