//! Large-object spaces: one object a run of pages. Objects never move; they change owner.

use super::pages::{FROM, Pages, YOUNG};
use crate::event::SpaceName;
use crate::memory::Refused;
use crate::object::Header;

pub(crate) struct LargeObjectSpace {
    pub(crate) name: SpaceName,
    /// First page slots, in the order of allocation.
    pub(crate) objects: Vec<u64>,
    /// Bytes of objects.
    pub(crate) size: u64,
    pub(crate) committed: u64,
}

impl LargeObjectSpace {
    pub(crate) fn new(name: SpaceName) -> Self {
        LargeObjectSpace { name, objects: Vec::new(), size: 0, committed: 0 }
    }

    pub(crate) fn is_young(&self) -> bool {
        self.name == SpaceName::NewLargeObject
    }

    /// Maps a run for an object of `bytes` and returns its address. The caller writes the header at once.
    pub(crate) fn allocate(&mut self, pages: &mut Pages, bytes: u64) -> Result<u64, Refused> {
        let flags = if self.is_young() { YOUNG } else { 0 };
        let page = pages.take_large(self.name, flags, bytes)?;
        self.objects.push(page);
        self.size += bytes;
        self.committed += pages.page(page).committed;
        pages.page_mut(page).allocated = bytes;
        Ok(pages.area_start(page))
    }

    /// Takes over an object from another large-object space.
    pub(crate) fn adopt(&mut self, pages: &mut Pages, page: u64) {
        self.objects.push(page);
        self.size += pages.page(page).allocated;
        self.committed += pages.page(page).committed;
        pages.page_mut(page).owner = Some(self.name);
        let (set, clear) = if self.is_young() { (YOUNG, 0) } else { (0, YOUNG) };
        pages.set_flags(page, set, clear | FROM);
    }

    /// Takes an object out of the books.
    pub(crate) fn forget(&mut self, pages: &Pages, page: u64) {
        self.size -= pages.page(page).allocated;
        self.committed -= pages.page(page).committed;
    }

    /// The object of a page was shortened in place: its unused pages at the end go back.
    pub(crate) fn shrink(&mut self, pages: &mut Pages, page: u64) {
        let start = pages.area_start(page);
        let bytes = Header(pages.memory.word(start)).bytes();
        self.forget(pages, page);
        pages.page_mut(page).allocated = bytes;
        pages.shrink(page, start + bytes);
        self.size += bytes;
        self.committed += pages.page(page).committed;
    }
}
