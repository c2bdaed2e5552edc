//! Moving a whole young page to old space instead of its objects.
//!
//! V8 `Evacuator`/`NewSpacePageEvacuationThreshold` (src/heap/mark-compact.cc). Full collections only. Sizes are bytes.

/// What it depends on.
///
/// ```
/// use gcheap::policy::{PagePromotionInputs, promote_page};
/// let page = |live| PagePromotionInputs { live, area: 262_128, percent: 70, reduce_memory: false, can_expand: true };
/// assert!(promote_page(&page(183_490)) && !promote_page(&page(183_489)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagePromotionInputs {
    /// Live bytes of the page.
    pub live: u64,
    /// Usable area of a page.
    pub area: u64,
    /// Threshold, percent of the area.
    pub percent: u64,
    /// The collection carries the reduce-memory flag.
    pub reduce_memory: bool,
    /// [`can_expand_old_generation`](super::can_expand_old_generation) with the live bytes.
    pub can_expand: bool,
}

/// The page goes to old space as it is.
pub fn promote_page(inputs: &PagePromotionInputs) -> bool {
    !inputs.reduce_memory && inputs.can_expand && inputs.live > inputs.percent * inputs.area / 100
}
