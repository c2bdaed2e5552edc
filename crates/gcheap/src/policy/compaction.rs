//! Which pages a full collection evacuates.
//!
//! V8 `MarkCompactCollector::CollectEvacuationCandidates` and `ComputeEvacuationHeuristics` (src/heap/mark-compact.cc). Chosen for
//! each space that is compacted at the start of marking. Sizes are bytes.

use crate::event::SpaceName;
use crate::profile::MIB;

/// What the thresholds depend on.
///
/// ```
/// use gcheap::policy::{CompactionInputs, compaction_thresholds};
/// let plain = CompactionInputs { reduce_memory: false, optimize_for_memory: false, speed: None, area: 262_128 };
/// assert_eq!(compaction_thresholds(&plain).fragmentation_percent, 70);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompactionInputs {
    /// The collection carries the reduce-memory flag.
    pub reduce_memory: bool,
    /// [`optimize_for_memory_usage`](super::optimize_for_memory_usage).
    pub optimize_for_memory: bool,
    /// Speed of earlier compactions, bytes per ms; `None` before the first.
    pub speed: Option<f64>,
    /// Usable area of a page.
    pub area: u64,
}

/// When a page is worth evacuating, and how much may be moved.
///
/// ```
/// let t = gcheap::policy::CompactionThresholds { fragmentation_percent: 20, max_evacuated: 12 << 20 };
/// assert!(t.max_evacuated > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionThresholds {
    /// Least free share of a page, percent.
    pub fragmentation_percent: u64,
    /// Most live bytes moved in one collection of one space.
    pub max_evacuated: u64,
}

/// Whether pages of a space are evacuated at all. Two thirds of trusted space are free once Node's unused code has gone, and still none
/// of its pages is evacuated, not even to reduce memory (a measurement of Node 22, 24 and 26 with `--trace-gc-verbose`).
///
/// ```
/// use gcheap::{event::SpaceName, policy::is_compacted};
/// assert!(is_compacted(SpaceName::Old) && !is_compacted(SpaceName::Trusted));
/// ```
pub const fn is_compacted(space: SpaceName) -> bool {
    !matches!(space, SpaceName::Trusted)
}

/// V8 `MarkCompactCollector::ComputeEvacuationHeuristics`.
pub fn compaction_thresholds(inputs: &CompactionInputs) -> CompactionThresholds {
    const TARGET_MS_PER_PAGE: f64 = 0.5;
    if inputs.reduce_memory {
        return CompactionThresholds { fragmentation_percent: 20, max_evacuated: 12 * MIB };
    }
    if inputs.optimize_for_memory {
        return CompactionThresholds { fragmentation_percent: 20, max_evacuated: 6 * MIB };
    }
    let fragmentation_percent = match inputs.speed {
        Some(speed) if speed > 0.0 => {
            let ms_per_page = 1.0 + inputs.area as f64 / speed;
            ((100.0 - 100.0 * TARGET_MS_PER_PAGE / ms_per_page) as u64).max(20)
        }
        _ => 70,
    };
    CompactionThresholds { fragmentation_percent, max_evacuated: 4 * MIB }
}

/// A page as compaction sees it. Pages with the open linear area, pinned pages and pages cut to size are left out by the caller.
///
/// ```
/// let page = gcheap::policy::PageFill { page: 7, live: 1_000, allocated: 60_000 };
/// assert!(page.live <= page.allocated);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFill {
    /// Number of the page in its heap.
    pub page: u32,
    /// Live bytes of the last marking.
    pub live: u64,
    /// Bytes not on the free list.
    pub allocated: u64,
}

/// The pages to evacuate, emptiest first; empty when moving would not free a page.
///
/// ```
/// use gcheap::policy::{CompactionThresholds, PageFill, evacuation_candidates};
/// let thresholds = CompactionThresholds { fragmentation_percent: 70, max_evacuated: 4 << 20 };
/// let page = |page, live| PageFill { page, live, allocated: live };
/// let pages = [page(1, 200_000), page(2, 50_000), page(3, 10_000)];
/// assert_eq!(evacuation_candidates(&pages, 262_128, &thresholds), [3, 2]);
/// assert_eq!(evacuation_candidates(&pages[1..2], 262_128, &thresholds), []); // one page moved is no page freed
/// ```
pub fn evacuation_candidates(pages: &[PageFill], area: u64, thresholds: &CompactionThresholds) -> Vec<u32> {
    let threshold = thresholds.fragmentation_percent * (area / 100);
    let mut fragmented: Vec<PageFill> =
        pages.iter().copied().filter(|page| area.saturating_sub(page.allocated) >= threshold).collect();
    // Page numbers break ties, so that the choice does not depend on the order of the list.
    fragmented.sort_unstable_by_key(|page| (page.live, page.page));
    let (mut total, mut chosen) = (0, 0);
    for page in &fragmented {
        if total + page.live > thresholds.max_evacuated {
            break;
        }
        total += page.live;
        chosen += 1;
    }
    let needed = total.div_ceil(area.max(1));
    if chosen as u64 <= needed {
        chosen = 0;
    }
    fragmented[..chosen].iter().map(|page| page.page).collect()
}
