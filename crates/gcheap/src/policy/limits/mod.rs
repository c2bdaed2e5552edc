//! Flags, memory and version to limits.
//!
//! The order is that of V8's `Heap::ConfigureHeap` (src/heap/heap.cc), fed as Node feeds it: the machine's memory, or the
//! container's when that is smaller, goes in as constraints, and V8's flags override them. All sizes are bytes; flags are in MiB
//! as typed. Nothing here can fail silently: a combination that V8 or Node refuses, or that could only crash, is a
//! [`LimitsError`].

mod error;
mod origin;

pub use error::LimitsError;
pub use origin::{Adjustment, Origin, Origins, Provenance};

use crate::profile::{LimitRules, MIB, PageRules, Profile, YoungSize};

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Bytes that a process can address on x64 with four-level page tables.
const ADDRESS_SPACE: u64 = 1 << 47;

/// Node's and V8's flags for the size of the heap, as typed; `None` was not given.
///
/// ```
/// use gcheap::policy::Flags;
/// let flags = Flags { max_old_space_size_mb: Some(256), ..Flags::default() };
/// assert!(!flags.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(default))]
pub struct Flags {
    /// `--max-old-space-size`, MiB.
    pub max_old_space_size_mb: Option<u64>,
    /// `--max-semi-space-size`, MiB.
    pub max_semi_space_size_mb: Option<u64>,
    /// `--min-semi-space-size`, MiB.
    pub min_semi_space_size_mb: Option<u64>,
    /// `--initial-old-space-size`, MiB.
    pub initial_old_space_size_mb: Option<u64>,
    /// `--initial-heap-size`, MiB.
    pub initial_heap_size_mb: Option<u64>,
    /// `--max-heap-size`, MiB.
    pub max_heap_size_mb: Option<u64>,
    /// Node's `--max-old-space-size-percentage`, percent of the memory; wins over `--max-old-space-size`.
    pub max_old_space_size_percentage: Option<f64>,
    /// `--semi-space-growth-factor`; anything below 2 counts as 2.
    pub semi_space_growth_factor: Option<u64>,
}

impl Flags {
    /// No flag was given.
    pub fn is_empty(&self) -> bool {
        *self == Flags::default()
    }
}

/// The limits of a heap, bytes.
///
/// ```
/// use gcheap::{policy::{Flags, limits}, profile::NODE_22};
/// let limits = limits(&Flags { max_old_space_size_mb: Some(256), ..Flags::default() }, Some(8 << 30), &NODE_22)?;
/// assert_eq!(limits.heap_size_limit, 304 << 20); // 256 + 3 * 16
/// # Ok::<(), gcheap::policy::LimitsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize))]
pub struct Limits {
    /// The old generation may not grow above this (V8 `max_old_generation_size`).
    pub max_old_generation: u64,
    /// First allocation limit of the old generation: marking starts there, or lower once survival has shrunk it.
    pub initial_old_generation: u64,
    /// That limit was configured, so survival does not shrink it.
    pub initial_old_generation_configured: bool,
    /// Allocation limits never go below this (V8 `min_old_generation_size`); 0 when no initial size was configured.
    pub min_old_generation: u64,
    /// Largest capacity of one semi-space.
    pub max_semi_space: u64,
    /// First capacity of one semi-space.
    pub initial_semi_space: u64,
    /// Smallest capacity that shrinking goes down to.
    pub min_semi_space: u64,
    /// Factor by which the new space grows.
    pub semi_space_growth_factor: u64,
    /// `heap_size_limit` of `v8.getHeapStatistics()` (V8 `Heap::MaxReserved`).
    pub heap_size_limit: u64,
    /// Semi-spaces that it has room for.
    pub semi_spaces_in_limit: u64,
    /// Size of a page and its usable bytes, where the limit counts pages for what is usable in them (V8 6.8).
    pub page_and_usable: Option<(u64, u64)>,
    /// Maximum of the global (heap and embedder) size.
    pub max_global: u64,
    /// Where each of them comes from.
    pub origins: Origins,
}

impl Limits {
    /// The semi-spaces' worth of young generation that the heap size limit allows for, bytes.
    pub const fn max_young_generation(&self) -> u64 {
        self.semi_spaces_in_limit * self.max_semi_space
    }

    /// `heap_size_limit` when the old generation's maximum is `max_old_generation`: it follows a raised limit.
    pub const fn heap_size_limit_for(&self, max_old_generation: u64) -> u64 {
        let sum = max_old_generation.saturating_add(self.max_young_generation());
        match self.page_and_usable {
            Some((page, usable)) => (sum as f64 * (page as f64 / usable as f64)) as u64,
            None => sum,
        }
    }
}

/// Old generation and semi-space that V8 derives from an amount of memory, before any flag.
struct FromMemory {
    old: u64,
    semi: u64,
}

/// V8 `Heap::HeapSizeFromPhysicalMemory` and its kin (src/heap/heap.cc): sizes that `ConfigureDefaults` gets. Bytes.
fn from_memory(total: u64, rules: &LimitRules, pages: &PageRules) -> FromMemory {
    let ceiling = rules.max_old_generation_from_memory * if rules.large_memory.applies(total) { 2 } else { 1 };
    // A quarter of the memory, doubled because tagged words have 8 bytes here.
    let old = (total / 4 * 2).min(ceiling).max(rules.min_old_generation_from_memory);
    let old = old.next_multiple_of(pages.size);
    let semi = match rules.young {
        YoungSize::FromOldGeneration { .. } => semi_from_old(old, rules, pages),
        YoungSize::FromMemory { .. } => semi_from_heap(total / 4, rules).next_multiple_of(pages.size),
    };
    FromMemory { old, semi }
}

/// V8 `Heap::YoungGenerationSizeFromOldGenerationSize` (up to 13.6): one semi-space, bytes.
fn semi_from_old(old: u64, rules: &LimitRules, pages: &PageRules) -> u64 {
    let YoungSize::FromOldGeneration { ratio, low_memory_ratio } = rules.young else {
        return semi_from_heap(old, rules);
    };
    let ratio = if old <= rules.low_memory_old_generation { low_memory_ratio } else { ratio };
    (old / ratio).clamp(rules.default_min_semi_space, rules.default_max_semi_space).next_multiple_of(pages.size)
}

/// V8 14.6: one semi-space from the size of a heap, bytes.
fn semi_from_heap(heap: u64, rules: &LimitRules) -> u64 {
    match rules.young {
        YoungSize::FromMemory { divisor, min } => (heap / divisor).clamp(min, rules.default_max_semi_space),
        YoungSize::FromOldGeneration { .. } => rules.default_min_semi_space,
    }
}

/// V8 `Heap::GenerationSizesFromHeapSize`: the young generation (three semi-spaces) of a heap of a given size, bytes.
fn young_from_heap(heap: u64, rules: &LimitRules, pages: &PageRules) -> u64 {
    if matches!(rules.young, YoungSize::FromMemory { .. }) {
        return (3 * semi_from_heap(heap, rules)).next_multiple_of(MIB);
    }
    // The largest old generation that fits beside its own young generation. Bisection, because rounding makes the sum uneven.
    let (mut fits, mut too_large, mut young) = (0, heap, 0);
    while fits + 1 < too_large {
        let old = fits + (too_large - fits) / 2;
        let its_young = 3 * semi_from_old(old, rules, pages);
        if old + its_young <= heap {
            (fits, young) = (old, its_young);
        } else {
            too_large = old;
        }
    }
    young
}

/// A flag's MiB in bytes; 0 and more than the address space are errors.
fn size_of(flag: &'static str, value: Option<u64>) -> Result<Option<u64>, LimitsError> {
    match value {
        None => Ok(None),
        Some(0) => Err(LimitsError::Zero { flag }),
        Some(mb) if mb >= ADDRESS_SPACE / MIB => Err(LimitsError::BeyondAddressSpace { flag, mb }),
        Some(mb) => Ok(Some(mb * MIB)),
    }
}

const MAX_OLD: &str = "--max-old-space-size";
const MAX_SEMI: &str = "--max-semi-space-size";
const MIN_SEMI: &str = "--min-semi-space-size";
const INITIAL_OLD: &str = "--initial-old-space-size";
const INITIAL_HEAP: &str = "--initial-heap-size";
const MAX_HEAP: &str = "--max-heap-size";
const PERCENTAGE: &str = "--max-old-space-size-percentage";
const OLD_AND_THREE_SEMI_SPACES: &str = "old generation + 3 * semi-space";
const PAGES_OF_BOTH: &str = "whole pages of (old generation + 2 * semi-space)";

/// The limits that `flags` give on a machine with `memory` bytes (the container's limit when that is smaller; `None` when
/// unknown), V8 `Heap::ConfigureHeap`.
///
/// # Errors
///
/// [`LimitsError`], when the flags contradict each other or can give no heap.
///
/// ```
/// use gcheap::{policy::{Flags, limits}, profile::NODE_24};
/// let limits = limits(&Flags::default(), Some(4 << 30), &NODE_24)?;
/// assert_eq!(limits.heap_size_limit, 2_240 << 20);
/// assert_eq!(limits.initial_old_generation, 512 << 20);
/// # Ok::<(), gcheap::policy::LimitsError>(())
/// ```
pub fn limits(flags: &Flags, memory: Option<u64>, profile: &Profile) -> Result<Limits, LimitsError> {
    let (rules, pages) = (&profile.limits, &profile.pages);
    let memory = memory.filter(|&total| total > 0 && rules.follows_memory);

    let old_flag = old_generation_flag(flags, memory, profile)?;
    let semi_flag = size_of(MAX_SEMI, flags.max_semi_space_size_mb)?;
    let min_semi_flag = size_of(MIN_SEMI, flags.min_semi_space_size_mb)?;
    let initial_old_flag = size_of(INITIAL_OLD, flags.initial_old_space_size_mb)?;
    let initial_heap_flag = size_of(INITIAL_HEAP, flags.initial_heap_size_mb)?;
    let heap_flag = size_of(MAX_HEAP, flags.max_heap_size_mb)?;
    if !rules.has_heap_size_flags
        && let Some(flag) = heap_flag.map(|_| MAX_HEAP).or(initial_heap_flag.map(|_| INITIAL_HEAP))
    {
        return Err(LimitsError::NotInThisVersion { flag, node: profile.node_major });
    }
    refuse_contradictions(old_flag, semi_flag, heap_flag)?;

    let defaults = memory.map(|total| from_memory(total, rules, pages));
    let by_memory = Origin::PhysicalMemory { total: memory.unwrap_or(0) };

    // 1. The largest semi-space.
    let (raw_semi, semi_origin) = match (semi_flag, heap_flag) {
        (Some(semi), _) => (semi, Origin::Flag(MAX_SEMI)),
        (None, Some(heap)) => {
            let young = match old_flag {
                Some((old, _)) => heap.saturating_sub(old),
                None => young_from_heap(heap, rules, pages),
            };
            (young / 3, Origin::Flag(MAX_HEAP))
        }
        (None, None) => match &defaults {
            Some(defaults) => (defaults.semi, by_memory),
            None => (rules.default_max_semi_space, Origin::VersionDefault),
        },
    };
    let power = raw_semi.max(1).next_power_of_two();
    let by_flag = matches!(semi_origin, Origin::Flag(_));
    let cap = rules.semi_space_flag_cap.filter(|&cap| by_flag && power > cap);
    let max_semi = cap.unwrap_or(power).max(rules.default_min_semi_space) / pages.size * pages.size;
    let max_semi_story = Provenance {
        origin: semi_origin,
        adjustment: if cap.is_some() {
            Some(Adjustment::LoweredTo("the largest semi-space of this version"))
        } else if power < rules.default_min_semi_space {
            Some(Adjustment::RaisedTo("the smallest semi-space"))
        } else if power != raw_semi {
            Some(Adjustment::RoundedUpToPowerOfTwo)
        } else {
            None
        },
    };
    let young = rules.semi_spaces_in_limit * max_semi;

    // 2. The largest old generation.
    let (raw_old, old_origin) = match (old_flag, heap_flag) {
        (Some((old, flag)), _) => (old, Origin::Flag(flag)),
        (None, Some(heap)) => (heap.saturating_sub(young), Origin::Flag(MAX_HEAP)),
        (None, None) => match &defaults {
            Some(defaults) => (defaults.old, by_memory),
            None => (rules.default_max_old_generation, Origin::VersionDefault),
        },
    };
    let floor = rules.growable_paged_spaces * pages.size;
    let unit = rules.old_generation_unit.max(pages.size);
    let max_old = raw_old.max(floor.next_multiple_of(unit)) / unit * unit;
    let max_old_story = Provenance {
        origin: old_origin,
        adjustment: if raw_old < floor {
            Some(Adjustment::RaisedTo("a page for each paged space"))
        } else if max_old != raw_old {
            Some(if unit > pages.size { Adjustment::RoundedDownToMib } else { Adjustment::RoundedDownToPage })
        } else {
            None
        },
    };
    let page_and_usable = rules.limit_counts_page_headers.then_some((pages.size, pages.usable()));
    let heap_size_limit = max_old + young;
    if heap_size_limit >= ADDRESS_SPACE {
        return Err(LimitsError::BeyondAddressSpace {
            flag: if semi_flag.is_some() { MAX_SEMI } else { MAX_OLD },
            mb: heap_size_limit / MIB,
        });
    }

    // 3. The first semi-space, and the smallest.
    let semi_of_initial_heap = initial_heap_flag.map(|heap| young_from_heap(heap, rules, pages) / 3);
    let (raw_initial_semi, initial_semi_origin) = match (min_semi_flag, semi_of_initial_heap) {
        (Some(semi), _) if !rules.separate_min_semi_space => (semi, Origin::Flag(MIN_SEMI)),
        (_, Some(semi)) => (semi, Origin::Flag(INITIAL_HEAP)),
        (Some(_), None) => (0, Origin::Flag(MIN_SEMI)),
        (None, None) => (rules.default_min_semi_space, Origin::VersionDefault),
    };
    let (min_semi, min_semi_story) = if rules.separate_min_semi_space {
        match min_semi_flag {
            Some(semi) => (semi.min(max_semi) / pages.size * pages.size, Provenance::of(Origin::Flag(MIN_SEMI))),
            None => (rules.default_min_semi_space.min(max_semi), Provenance::of(Origin::VersionDefault)),
        }
    } else {
        (0, Provenance::derived("initial semi-space"))
    };
    let initial_semi = (raw_initial_semi.max(min_semi).min(max_semi) / pages.size * pages.size).max(pages.size);
    let min_semi = if rules.separate_min_semi_space { min_semi } else { initial_semi };
    let initial_semi_story = Provenance {
        origin: initial_semi_origin,
        adjustment: (raw_initial_semi > max_semi).then_some(Adjustment::LoweredTo("the largest semi-space")),
    };

    // 4. The first limit of the old generation.
    let (raw_initial_old, initial_old_origin) = match (initial_old_flag, initial_heap_flag) {
        (Some(old), _) => (old, Origin::Flag(INITIAL_OLD)),
        (None, Some(heap)) => (heap.saturating_sub(3 * initial_semi), Origin::Flag(INITIAL_HEAP)),
        (None, None) => (rules.max_initial_old_generation, Origin::VersionDefault),
    };
    let given = initial_old_flag.is_some() || initial_heap_flag.is_some();
    let initial_old = raw_initial_old.min(max_old / 2) / pages.size * pages.size;
    let initial_old_story = Provenance {
        origin: initial_old_origin,
        adjustment: if raw_initial_old > max_old / 2 {
            Some(Adjustment::LoweredTo("half of the largest old generation"))
        } else if initial_old != raw_initial_old {
            Some(Adjustment::RoundedDownToPage)
        } else {
            None
        },
    };

    let limits = Limits {
        max_old_generation: max_old,
        initial_old_generation: initial_old,
        initial_old_generation_configured: given && !rules.forgets_configured_initial,
        min_old_generation: if given { initial_old } else { 0 },
        max_semi_space: max_semi,
        initial_semi_space: initial_semi,
        min_semi_space: min_semi,
        semi_space_growth_factor: flags.semi_space_growth_factor.unwrap_or(2).max(2),
        heap_size_limit,
        semi_spaces_in_limit: rules.semi_spaces_in_limit,
        page_and_usable,
        max_global: 2 * max_old,
        origins: Origins {
            max_old_generation: max_old_story,
            initial_old_generation: initial_old_story,
            min_old_generation: if given {
                initial_old_story
            } else {
                Provenance::derived("0: no initial size was configured")
            },
            max_semi_space: max_semi_story,
            initial_semi_space: initial_semi_story,
            min_semi_space: min_semi_story,
            heap_size_limit: Provenance::derived(if rules.limit_counts_page_headers {
                PAGES_OF_BOTH
            } else {
                OLD_AND_THREE_SEMI_SPACES
            }),
            max_global: Provenance::derived("2 * old generation"),
        },
    };
    Ok(Limits { heap_size_limit: limits.heap_size_limit_for(max_old), ..limits })
}

/// The old generation that a flag asks for, with the flag's name: Node turns the percentage into `--max-old-space-size`
/// (Node src/node_options.cc), in whole MiB.
fn old_generation_flag(
    flags: &Flags,
    memory: Option<u64>,
    profile: &Profile,
) -> Result<Option<(u64, &'static str)>, LimitsError> {
    let Some(percent) = flags.max_old_space_size_percentage else {
        return Ok(size_of(MAX_OLD, flags.max_old_space_size_mb)?.map(|size| (size, MAX_OLD)));
    };
    if !profile.limits.has_percentage_flag {
        return Err(LimitsError::NotInThisVersion { flag: PERCENTAGE, node: profile.node_major });
    }
    if !(percent > 0.0 && percent <= 100.0) {
        return Err(LimitsError::Percentage { given: percent });
    }
    let total = memory.ok_or(LimitsError::PercentageOfUnknownMemory)?;
    let mb = ((total / MIB) as f64 * percent / 100.0) as u64;
    Ok(size_of(PERCENTAGE, Some(mb))?.map(|size| (size, PERCENTAGE)))
}

/// Combinations that V8 refuses with a failed check, or that leave one generation without any room.
fn refuse_contradictions(
    old: Option<(u64, &'static str)>,
    semi: Option<u64>,
    heap: Option<u64>,
) -> Result<(), LimitsError> {
    match (old, semi, heap) {
        (Some(_), Some(_), Some(_)) => Err(LimitsError::AllThreeGiven),
        (None, Some(semi), Some(heap)) if 3 * semi.next_power_of_two() >= heap => {
            Err(LimitsError::SemiSpaceAboveHeap { semi_mb: semi / MIB, heap_mb: heap / MIB })
        }
        (Some((old, _)), None, Some(heap)) if old >= heap => {
            Err(LimitsError::OldSpaceAboveHeap { old_mb: old / MIB, heap_mb: heap / MIB })
        }
        _ => Ok(()),
    }
}

/// The memory that a process believes it has: the container's limit when that is set and smaller (Node src/api/environment.cc). Bytes.
///
/// ```
/// use gcheap::policy::effective_memory;
/// assert_eq!(effective_memory(8 << 30, Some(512 << 20)), 512 << 20);
/// assert_eq!(effective_memory(8 << 30, Some(u64::MAX)), 8 << 30); // "no limit" of a container
/// ```
pub fn effective_memory(physical: u64, constrained: Option<u64>) -> u64 {
    match constrained {
        Some(limit) if limit > 0 => physical.min(limit),
        _ => physical,
    }
}

#[cfg(test)]
mod tests;
