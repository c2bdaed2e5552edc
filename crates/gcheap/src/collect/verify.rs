//! The verifier: a walk over everything that compares it with what is promised (see [`collect`](super)).
//!
//! It only reads, and stops at the first promise that is broken, naming the object, its page and the slot.

use super::Mechanism;
use super::weak::{ephemeron_capacity, ephemeron_entries};
use crate::event::SpaceName;
use crate::memory::WORD;
use crate::object::word::{address as address_of, is_reference};
use crate::object::{Header, Kind};
use crate::space::free_list::WASTE;
use crate::space::paged::PagedSpace;
use crate::space::pages::{LARGE, YOUNG};

/// A promise of the heap that does not hold: a fault of this crate (or a deliberate one).
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// assert!(heap.verify().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The broken promise in words, with object, page and slot.
    pub message: String,
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Object starts, one bit a word.
struct Starts(Vec<u64>);

impl Starts {
    fn insert(&mut self, address: u64) {
        self.0[(address / 512) as usize] |= 1 << (address / WORD % 64);
    }

    fn contains(&self, address: u64) -> bool {
        address.is_multiple_of(WORD)
            && self.0.get((address / 512) as usize).is_some_and(|bits| bits >> (address / WORD % 64) & 1 != 0)
    }
}

fn fail<T>(message: String) -> Result<T, VerifyError> {
    Err(VerifyError { message })
}

impl Mechanism {
    /// Checks every promise. Costs a walk over the heap.
    pub(crate) fn verify(&mut self) -> Result<(), VerifyError> {
        let (paged, pages) = self.spaces.paged_mut();
        for space in paged {
            space.make_iterable(pages);
        }
        let mut starts = Starts(vec![0; (self.spaces.pages.memory.bytes() / 512) as usize]);
        let mut objects = Vec::new();
        for space in self.spaces.paged() {
            self.walk_paged(space, &mut starts, &mut objects)?;
        }
        self.walk_new_space(&mut starts, &mut objects)?;
        for space in [&self.spaces.large, &self.spaces.new_large] {
            let mut size = 0;
            for &page in &space.objects {
                let address = self.spaces.pages.area_start(page);
                let header = Header(self.spaces.pages.memory.word(address));
                let entry = self.spaces.pages.page(page);
                if entry.owner != Some(space.name) || entry.allocated != header.bytes() {
                    return fail(format!(
                        "large object {address:#x}: its page says {:?} and {} bytes, the object {} bytes, the space {}",
                        entry.owner,
                        entry.allocated,
                        header.bytes(),
                        space.name.key()
                    ));
                }
                if (self.spaces.pages.page_flags(page) & YOUNG != 0) != space.is_young() {
                    return fail(format!("large object {address:#x} of {} has the wrong age", space.name.key()));
                }
                size += header.bytes();
                starts.insert(address);
                objects.push(address);
            }
            if size != space.size {
                return fail(format!("{} counts {} bytes, a walk finds {size}", space.name.key(), space.size));
            }
        }
        self.check_books()?;
        for object in objects {
            self.check_object(object, &starts)?;
        }
        self.check_roots(&starts)
    }

    fn walk_paged(&self, space: &PagedSpace, starts: &mut Starts, objects: &mut Vec<u64>) -> Result<(), VerifyError> {
        let pages = &self.spaces.pages;
        let mut size = 0;
        for &page in &space.pages {
            let entry = pages.page(page);
            if entry.owner != Some(space.name) {
                return fail(format!("page {page} is listed in {} but belongs to {:?}", space.name.key(), entry.owner));
            }
            if pages.page_flags(page) & YOUNG != 0 {
                return fail(format!("page {page} of {} is flagged young", space.name.key()));
            }
            let (mut at, end) = (pages.area_start(page), entry.end);
            let mut bytes = 0;
            if entry.unswept {
                while let Some(object) = pages.marks.next_set(at, end) {
                    if object < at {
                        return fail(format!("page {page}: marked object {object:#x} overlaps the one before"));
                    }
                    let header = self.header_at(object, end, page)?;
                    bytes += header.bytes();
                    at = object + header.bytes();
                    starts.insert(object);
                    objects.push(object);
                }
            } else {
                if let Some(marked) = pages.marks.next_set(at, end)
                    && !self.marking.active
                {
                    return fail(format!("page {page} is swept but {marked:#x} is still marked"));
                }
                while at < end {
                    let header = self.header_at(at, end, page)?;
                    let kind = header.kind();
                    // Free blocks and waste are not allocated; fillers are, until the page is swept.
                    let is_free = kind == Kind::FreeSpace || kind == Kind::Filler && header.type_id() == WASTE;
                    if !is_free {
                        bytes += header.bytes();
                    }
                    if !kind.is_free_or_filler() {
                        starts.insert(at);
                        objects.push(at);
                    }
                    at += header.bytes();
                }
            }
            if bytes != entry.allocated {
                return fail(format!(
                    "page {page} of {} counts {} allocated bytes, a walk finds {bytes} ({})",
                    space.name.key(),
                    entry.allocated,
                    if entry.unswept { "unswept" } else { "swept" }
                ));
            }
            size += bytes;
        }
        if size != space.size {
            return fail(format!("{} counts {} bytes, its pages {size}", space.name.key(), space.size));
        }
        let mut listed = 0;
        let mut wrong = None;
        space.free_list.for_each(&pages.memory, |address, bytes| {
            listed += bytes;
            let page = pages.number(address) as u64;
            let header = Header(pages.memory.word(address));
            if !header.is(Kind::FreeSpace) || pages.page(page).owner != Some(space.name) || pages.page(page).unswept {
                wrong.get_or_insert(address);
            }
        });
        if let Some(address) = wrong {
            return fail(format!("the free list of {} holds {address:#x}, which is not free", space.name.key()));
        }
        if listed != space.free_list.available {
            return fail(format!(
                "the free list of {} counts {} bytes and holds {listed}",
                space.name.key(),
                space.free_list.available
            ));
        }
        Ok(())
    }

    fn header_at(&self, address: u64, end: u64, page: u64) -> Result<Header, VerifyError> {
        let word = self.spaces.pages.memory.word(address);
        let header = Header(word);
        if !Header::is_present(word) || header.words() == 0 || address + header.bytes() > end {
            return fail(format!("page {page}: {address:#x} holds {word:#x}, which is no object of this page"));
        }
        Ok(header)
    }

    fn walk_new_space(&self, starts: &mut Starts, objects: &mut Vec<u64>) -> Result<(), VerifyError> {
        let pages = &self.spaces.pages;
        for &page in self.spaces.new.used_pages() {
            let (mut at, end) = (pages.area_start(page), self.spaces.new.objects_end(pages, page));
            while at < end {
                let header = self.header_at(at, end, page)?;
                if !header.kind().is_free_or_filler() {
                    starts.insert(at);
                    objects.push(at);
                }
                at += header.bytes();
            }
        }
        for &page in self.spaces.new.to.iter().chain(&self.spaces.new.from) {
            if pages.page(page).owner != Some(SpaceName::New) || pages.page_flags(page) & YOUNG == 0 {
                return fail(format!("page {page} is listed in new_space but is not its own"));
            }
        }
        Ok(())
    }

    fn check_books(&self) -> Result<(), VerifyError> {
        let pages = &self.spaces.pages;
        let mapped: u64 = pages.all().map(|page| pages.page(page).committed).sum();
        if mapped != pages.mapped {
            return fail(format!("{} bytes are counted as mapped, the pages sum up to {mapped}", pages.mapped));
        }
        for space in self.spaces.paged() {
            let capacity: u64 = space.pages.iter().map(|&page| pages.page(page).end - pages.area_start(page)).sum();
            let committed: u64 = space.pages.iter().map(|&page| pages.page(page).committed).sum();
            if (capacity, committed) != (space.capacity, space.committed) {
                return fail(format!(
                    "{} counts capacity {} and committed {}, its pages {capacity} and {committed}",
                    space.name.key(),
                    space.capacity,
                    space.committed
                ));
            }
        }
        let bytes: u64 = self.buffers.iter().map(|(_, buffer)| buffer.bytes).sum();
        if bytes != self.buffers.bytes() {
            return fail(format!("array buffers count {} bytes and hold {bytes}", self.buffers.bytes()));
        }
        Ok(())
    }

    fn check_object(&self, object: u64, starts: &Starts) -> Result<(), VerifyError> {
        let pages = &self.spaces.pages;
        let header = Header(pages.memory.word(object));
        let old = pages.flags(object) & YOUNG == 0;
        for index in 1..=header.tagged() {
            let slot = object + index * WORD;
            let word = pages.memory.word(slot);
            if !is_reference(word) {
                continue;
            }
            if !starts.contains(address_of(word)) {
                return fail(format!(
                    "{} {object:#x} (page {}): slot {index} holds {word:#x}, where no object starts",
                    header.kind().name(),
                    pages.number(object)
                ));
            }
            let flags = pages.flags(word);
            if old && flags & YOUNG != 0 && !pages.is_remembered(slot) {
                return fail(format!(
                    "old {} {object:#x} (page {}): slot {index} holds young {word:#x} but is not remembered",
                    header.kind().name(),
                    pages.number(object)
                ));
            }
            if self.marking.active
                && old
                && flags & (YOUNG | LARGE) == 0
                && self.marking.is_drained()
                && pages.marks.get(object)
                && !crate::object::word::is_weak(word)
                && !pages.marks.get(word)
            {
                return fail(format!(
                    "marked {object:#x} holds unmarked {word:#x} in slot {index} and marking is drained"
                ));
            }
        }
        if header.is(Kind::EphemeronHashTable) {
            let Some(entry) = self.weak.ephemeron_tables.iter().find(|table| table.address == object) else {
                return fail(format!("ephemeron table {object:#x} is not on the list of ephemeron tables"));
            };
            let capacity = ephemeron_capacity(&pages.memory, object);
            for (key_slot, value_slot) in ephemeron_entries(object, capacity) {
                for slot in [key_slot, value_slot] {
                    let word = pages.memory.word(slot);
                    if is_reference(word) && !starts.contains(address_of(word)) {
                        return fail(format!("ephemeron table {object:#x} holds {word:#x}, where no object starts"));
                    }
                    if is_reference(word) && pages.flags(word) & YOUNG != 0 && !entry.has_young {
                        return fail(format!("ephemeron table {object:#x} holds young {word:#x} unknown to scavenges"));
                    }
                }
            }
        }
        Ok(())
    }

    fn check_roots(&self, starts: &Starts) -> Result<(), VerifyError> {
        for (word, name) in self.roots.describe_strong() {
            if !starts.contains(address_of(word)) {
                return fail(format!("{name} holds {word:#x}, where no object starts"));
            }
        }
        for &word in self.roots.weak.words() {
            if is_reference(word) && !starts.contains(address_of(word)) {
                return fail(format!("a weak handle holds {word:#x}, where no object starts"));
            }
        }
        for (_, buffer) in self.buffers.iter() {
            if !starts.contains(buffer.address) {
                return fail(format!("a backing store belongs to {:#x}, where no object starts", buffer.address));
            }
        }
        let tables = self.weak.ephemeron_tables.iter().map(|table| table.address);
        for address in self.weak.weak_refs.iter().chain(&self.weak.weak_cells).copied().chain(tables) {
            if !starts.contains(address) {
                return fail(format!("a weak list holds {address:#x}, where no object starts"));
            }
        }
        Ok(())
    }
}
