//! The page map: how full every page is, and with what.

use super::graph::Graph;
use crate::Heap;
use crate::event::SpaceName;
use crate::space::pages::{BELOW_AGE_MARK, CANDIDATE, LARGE, YOUNG};

/// One page, or the run of pages of a large object.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// {
///     let mut scope = heap.scope();
///     scope.string_of_length(100_000, false)?;
/// }
/// let page = heap.page_map().into_iter().find(|page| page.allocated > 0).expect("the string lies on one");
/// assert_eq!((page.live, page.fragmentation()), (0, 0.0)); // nothing holds it, and no hole is left by it yet
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Number of the page in the heap.
    pub page: u64,
    /// The space that owns it.
    pub space: SpaceName,
    /// Mapped bytes.
    pub committed: u64,
    /// Bytes for objects.
    pub usable: u64,
    /// Bytes of objects, dead ones included where no sweeper has been.
    pub allocated: u64,
    /// Bytes of objects that the roots reach.
    pub live: u64,
    /// Bytes of the free blocks and holes between the objects and behind them.
    pub free: u64,
    /// The largest run of free bytes.
    pub largest_free: u64,
    /// It is a page of new space or holds a young large object.
    pub young: bool,
    /// Everything on it (below the age mark, on the page that this lies on) has survived a scavenge.
    pub below_age_mark: bool,
    /// It holds one large object.
    pub large: bool,
    /// Marking that runs has chosen it for evacuation.
    pub evacuation_candidate: bool,
    /// It waits for the sweeper.
    pub unswept: bool,
}

impl PageInfo {
    /// Share of the free bytes that are not in the largest free run, 0 to 1: how badly the free memory is cut up.
    pub fn fragmentation(&self) -> f64 {
        if self.free == 0 { 0.0 } else { 1.0 - self.largest_free as f64 / self.free as f64 }
    }
}

impl std::fmt::Display for PageInfo {
    /// One line: number, space, how full in percent of the usable bytes, what is special about it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |bytes: u64| 100 * bytes / self.usable.max(1);
        write!(
            f,
            "page {:>4} {:<16} {:>3} % allocated, {:>3} % live, {:>3} % fragmented",
            self.page,
            self.space.key(),
            percent(self.allocated),
            percent(self.live),
            (self.fragmentation() * 100.0) as u64
        )?;
        for (flag, name) in [
            (self.below_age_mark, "below the age mark"),
            (self.large, "large"),
            (self.evacuation_candidate, "evacuation candidate"),
            (self.unswept, "unswept"),
        ] {
            if flag {
                write!(f, ", {name}")?;
            }
        }
        Ok(())
    }
}

impl Heap {
    /// Every page of every space, in address order. Costs a walk over the heap, for what is alive is found anew.
    pub fn page_map(&self) -> Vec<PageInfo> {
        let graph = self.graph();
        let pages = &self.mechanism.spaces.pages;
        pages.all().filter_map(|page| self.page_info(page, &graph)).collect()
    }

    fn page_info(&self, number: u64, graph: &Graph<'_>) -> Option<PageInfo> {
        let pages = &self.mechanism.spaces.pages;
        let page = pages.page(number);
        let flags = pages.page_flags(number);
        let (start, large) = (pages.area_start(number), flags & LARGE != 0);
        let (mut allocated, mut live, mut free, mut largest_free, mut at) = (0, 0, 0, 0, start);
        for (object, header) in self.page_objects(number) {
            free += object - at;
            largest_free = largest_free.max(object - at);
            allocated += header.bytes();
            if graph.reaches(object) {
                live += header.bytes();
            }
            at = object + header.bytes();
        }
        let end = if large { at } else { page.end };
        let last = end.saturating_sub(at);
        Some(PageInfo {
            page: number,
            space: page.owner?,
            committed: page.committed,
            usable: end - start,
            allocated,
            live,
            free: free + last,
            largest_free: largest_free.max(last),
            young: flags & YOUNG != 0,
            below_age_mark: flags & BELOW_AGE_MARK != 0,
            large,
            evacuation_candidate: flags & CANDIDATE != 0,
            unswept: page.unswept,
        })
    }
}
