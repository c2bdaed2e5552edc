//! Where a limit comes from, and what V8 did to it before it used it. Plain data, worded for people.

use std::fmt;

use crate::profile::MIB;

#[cfg(feature = "serde")]
use serde::Serialize;

/// Where a limit comes from.
///
/// ```
/// use gcheap::policy::Origin;
/// assert_eq!(Origin::Flag("--max-old-space-size").to_string(), "flag --max-old-space-size");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize), serde(rename_all = "kebab-case"))]
pub enum Origin {
    /// A constant of this V8.
    VersionDefault,
    /// V8's formula over the memory of the machine or container.
    PhysicalMemory {
        /// That memory, bytes.
        total: u64,
    },
    /// A flag said so.
    Flag(&'static str),
    /// It follows from other limits; the text is the formula.
    Derived(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::VersionDefault => f.write_str("default of this version"),
            Origin::PhysicalMemory { total } => write!(f, "{} MiB of memory", total / MIB),
            Origin::Flag(name) => write!(f, "flag {name}"),
            Origin::Derived(formula) => f.write_str(formula),
        }
    }
}

/// What V8 did to a value before it used it.
///
/// ```
/// use gcheap::policy::Adjustment;
/// assert_eq!(Adjustment::RoundedUpToPowerOfTwo.to_string(), "rounded up to a power of two");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize), serde(rename_all = "kebab-case"))]
pub enum Adjustment {
    /// Semi-spaces are powers of two.
    RoundedUpToPowerOfTwo,
    /// Raised to a lower bound; the text names it.
    RaisedTo(&'static str),
    /// Lowered to an upper bound; the text names it.
    LoweredTo(&'static str),
    /// Cut to whole pages.
    RoundedDownToPage,
    /// Cut to whole MiB.
    RoundedDownToMib,
}

impl fmt::Display for Adjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Adjustment::RoundedUpToPowerOfTwo => f.write_str("rounded up to a power of two"),
            Adjustment::RaisedTo(bound) => write!(f, "raised to {bound}"),
            Adjustment::LoweredTo(bound) => write!(f, "lowered to {bound}"),
            Adjustment::RoundedDownToPage => f.write_str("rounded down to a page"),
            Adjustment::RoundedDownToMib => f.write_str("rounded down to a MiB"),
        }
    }
}

/// The story of one limit.
///
/// ```
/// use gcheap::policy::{Adjustment, Origin, Provenance};
/// let story = Provenance { origin: Origin::VersionDefault, adjustment: Some(Adjustment::RoundedDownToPage) };
/// assert_eq!(story.to_string(), "default of this version, rounded down to a page");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize))]
pub struct Provenance {
    /// Where the value comes from.
    pub origin: Origin,
    /// The last thing that was done to it, if anything.
    pub adjustment: Option<Adjustment>,
}

impl Provenance {
    pub(super) const fn of(origin: Origin) -> Self {
        Provenance { origin, adjustment: None }
    }

    pub(super) const fn derived(formula: &'static str) -> Self {
        Provenance::of(Origin::Derived(formula))
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)?;
        match self.adjustment {
            Some(adjustment) => write!(f, ", {adjustment}"),
            None => Ok(()),
        }
    }
}

/// Where each term of [`Limits`](super::Limits) comes from, under the same names.
///
/// ```
/// use gcheap::{policy::{Flags, Origin, limits}, profile::NODE_24};
/// let flags = Flags { max_old_space_size_mb: Some(256), ..Flags::default() };
/// let limits = limits(&flags, Some(8 << 30), &NODE_24)?;
/// assert_eq!(limits.origins.max_old_generation.origin, Origin::Flag("--max-old-space-size"));
/// # Ok::<(), gcheap::policy::LimitsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize))]
#[allow(missing_docs, reason = "the fields are those of Limits")]
pub struct Origins {
    pub max_old_generation: Provenance,
    pub initial_old_generation: Provenance,
    pub min_old_generation: Provenance,
    pub max_semi_space: Provenance,
    pub initial_semi_space: Provenance,
    pub min_semi_space: Provenance,
    pub heap_size_limit: Provenance,
    pub max_global: Provenance,
}
