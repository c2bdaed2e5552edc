//! The spaces of a heap: who owns which page, and where the next object goes.
//!
//! This floor may touch [`memory`](crate::memory) and [`object`](crate::object). It decides nothing: whether a space
//! may grow is asked of policy by the heap above. What holds: every mapped page belongs to exactly one space (or to the
//! pool); the numbers of a space are the sums over its pages.

pub(crate) mod free_list;
pub(crate) mod large;
pub(crate) mod new_space;
pub(crate) mod paged;
pub(crate) mod pages;
mod resident;

use crate::event::SpaceName;
use crate::memory::{Refused, backend::BackendKind};
use large::LargeObjectSpace;
use new_space::NewSpace;
use paged::PagedSpace;
use pages::{Geometry, Pages};

/// All memory of one heap.
pub(crate) struct Spaces {
    pub(crate) pages: Pages,
    pub(crate) new: NewSpace,
    pub(crate) new_large: LargeObjectSpace,
    pub(crate) old: PagedSpace,
    pub(crate) code: PagedSpace,
    pub(crate) trusted: PagedSpace,
    pub(crate) large: LargeObjectSpace,
    /// Bytes of objects in read-only space, where the heap has one of its own.
    pub(crate) read_only: u64,
}

impl Spaces {
    pub(crate) fn new(
        backend: BackendKind,
        geometry: Geometry,
        reservation: u64,
        semi_space: u64,
        lazy_new_space: bool,
        nursery: bool,
    ) -> Result<Self, Refused> {
        let mut spaces = Spaces {
            pages: Pages::new(backend, geometry, reservation)?,
            new: NewSpace::new(semi_space, lazy_new_space || nursery, nursery),
            new_large: LargeObjectSpace::new(SpaceName::NewLargeObject),
            old: PagedSpace::new(SpaceName::Old),
            code: PagedSpace::new(SpaceName::Code),
            trusted: PagedSpace::new(SpaceName::Trusted),
            large: LargeObjectSpace::new(SpaceName::LargeObject),
            read_only: 0,
        };
        spaces.new.commit_to(&mut spaces.pages)?;
        Ok(spaces)
    }

    /// The paged spaces of the old generation.
    pub(crate) fn paged(&self) -> [&PagedSpace; 3] {
        [&self.old, &self.code, &self.trusted]
    }

    pub(crate) fn paged_mut(&mut self) -> ([&mut PagedSpace; 3], &mut Pages) {
        ([&mut self.old, &mut self.code, &mut self.trusted], &mut self.pages)
    }

    /// Bytes of objects of all spaces (V8 `Heap::SizeOfObjects`).
    pub(crate) fn objects(&self) -> u64 {
        self.young_objects() + self.old_generation_objects() + self.read_only
    }

    pub(crate) fn young_objects(&self) -> u64 {
        self.new.size(&self.pages) + self.new_large.size
    }

    /// Bytes of objects of the old generation (V8 `OldGenerationSizeOfObjects`).
    pub(crate) fn old_generation_objects(&self) -> u64 {
        self.paged().iter().map(|space| space.objects()).sum::<u64>() + self.large.size
    }

    /// Page areas of the old generation and bytes of large objects (V8 `OldGenerationCapacity`).
    pub(crate) fn old_generation_capacity(&self) -> u64 {
        self.paged().iter().map(|space| space.capacity).sum::<u64>() + self.large.size
    }

    pub(crate) fn old_generation_wasted(&self) -> u64 {
        self.paged().iter().map(|space| space.wasted).sum()
    }

    /// Bytes in free blocks and holes of the old generation.
    pub(crate) fn holes(&self) -> u64 {
        self.paged().iter().map(|space| space.available() + space.wasted).sum()
    }

    /// Mapped bytes of all spaces (`heapTotal`).
    pub(crate) fn committed(&self) -> u64 {
        self.pages.mapped
    }

    pub(crate) fn is_sweeping(&self) -> bool {
        self.paged().iter().any(|space| !space.to_sweep.is_empty())
    }

    /// Bytes of the pages that wait for the sweeper.
    pub(crate) fn unswept(&self) -> u64 {
        self.paged().iter().map(|space| space.to_sweep.len() as u64).sum::<u64>() * self.pages.geometry.page_size()
    }

    pub(crate) fn finish_sweeping(&mut self) {
        let (paged, pages) = self.paged_mut();
        for space in paged {
            space.finish_sweeping(pages);
        }
    }

    /// Gives back what is left of the open linear areas.
    pub(crate) fn free_linear_areas(&mut self) {
        let (paged, pages) = self.paged_mut();
        for space in paged {
            space.free_linear_area(pages);
        }
    }
}
