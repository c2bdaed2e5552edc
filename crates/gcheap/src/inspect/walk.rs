//! One object: where it is and what the collectors know of it; and all of them, page by page.

use super::census::Label;
use crate::event::SpaceName;
use crate::memory::WORD;
use crate::object::word::address as address_of;
use crate::object::{Header, Kind};
use crate::space::pages::{BELOW_AGE_MARK, LARGE, YOUNG};
use crate::{Error, Heap, Local, Type, WeakHandle};

/// How often an object has survived.
///
/// ```
/// use gcheap::{GcKind, Heap, HeapOptions, inspect::Age};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let text = scope.string("survivor")?;
/// let mut ages = vec![scope.inspect(text)?.age];
/// for _ in 0..2 {
///     scope.collect(GcKind::Minor)?;
///     ages.push(scope.inspect(text)?.age);
/// }
/// assert_eq!(ages, [Age::New, Age::Intermediate, Age::Old]);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Age {
    /// Young, above the age mark: it has survived no scavenge.
    New,
    /// Young, below the age mark: it has survived one scavenge and is promoted if it survives another.
    Intermediate,
    /// In the old generation.
    Old,
}

/// Where an object is and what the collectors know of it.
///
/// ```
/// use gcheap::{Heap, HeapOptions, Kind, event::SpaceName};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let pair = scope.object(&[1.into(), 2.into()])?;
/// let born = scope.inspect(pair)?;
/// assert_eq!((born.kind, born.size, born.space), (Kind::JsObject, 40, SpaceName::New));
/// scope.collect_garbage()?;
/// let now = scope.inspect(pair)?;
/// assert!(now.is_promoted() && now.has_moved_from(&born));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// What it is.
    pub kind: Kind,
    /// Name of its type, if it is a record of a named one.
    pub record: Option<&'static str>,
    /// Size in bytes, header included, without what it refers to.
    pub size: u64,
    /// The space it lies in.
    pub space: SpaceName,
    /// Number of its page in the heap; the first page of a large object.
    pub page: u64,
    /// Bytes from the start of the page to the object.
    pub offset: u64,
    /// How often it has survived.
    pub age: Age,
    /// Its mark bit is set: marking that runs has reached it, or it was found alive and its page waits for the sweeper.
    pub marked: bool,
    /// How many of its slots are in the remembered set: slots of an old object that hold (or held) something young.
    pub remembered_slots: u64,
}

impl ObjectInfo {
    /// It lies in the old generation.
    pub fn is_promoted(&self) -> bool {
        self.age == Age::Old
    }

    /// It lies elsewhere than at the earlier look.
    pub fn has_moved_from(&self, earlier: &ObjectInfo) -> bool {
        (self.page, self.offset) != (earlier.page, earlier.offset)
    }

    /// Its kind, or the name of its record type.
    pub fn label(&self) -> Label {
        Label { kind: self.kind, record: self.record }
    }
}

impl std::fmt::Display for ObjectInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let age = match self.age {
            Age::New => "new",
            Age::Intermediate => "survived one scavenge",
            Age::Old => "old",
        };
        write!(
            f,
            "{} of {} bytes in {}, page {} at {:#x}, {age}{}",
            self.label(),
            self.size,
            self.space.key(),
            self.page,
            self.offset,
            if self.marked { ", marked" } else { "" }
        )?;
        match self.remembered_slots {
            0 => Ok(()),
            1 => f.write_str(", 1 remembered slot"),
            slots => write!(f, ", {slots} remembered slots"),
        }
    }
}

/// The objects of one page, in address order: those with a mark where the page waits for the sweeper, all others otherwise.
pub(super) struct PageObjects<'h> {
    heap: &'h Heap,
    at: u64,
    end: u64,
    /// The open linear allocation area, which holds no objects yet.
    hole: (u64, u64),
    unswept: bool,
}

impl Iterator for PageObjects<'_> {
    type Item = (u64, Header);

    fn next(&mut self) -> Option<(u64, Header)> {
        let pages = &self.heap.mechanism.spaces.pages;
        if self.unswept {
            let object = pages.marks.next_set(self.at, self.end)?;
            let header = Header(pages.memory.word(object));
            self.at = object + header.bytes();
            return Some((object, header));
        }
        while self.at < self.end {
            if self.at == self.hole.0 && self.hole.1 > self.hole.0 {
                self.at = self.hole.1;
                continue;
            }
            let object = self.at;
            let header = Header(pages.memory.word(object));
            self.at += header.bytes().max(WORD);
            if !header.kind().is_free_or_filler() {
                return Some((object, header));
            }
        }
        None
    }
}

impl Heap {
    pub(super) fn page_objects(&self, page: u64) -> PageObjects<'_> {
        let spaces = &self.mechanism.spaces;
        let pages = &spaces.pages;
        let entry = pages.page(page);
        let start = pages.area_start(page);
        let mut objects = PageObjects { heap: self, at: start, end: entry.end, hole: (0, 0), unswept: entry.unswept };
        if pages.page_flags(page) & LARGE != 0 {
            objects.end = start + WORD;
        } else if entry.owner == Some(SpaceName::New) {
            let used = spaces.new.used_pages().contains(&page);
            objects.end = if used { spaces.new.objects_end(pages, page) } else { start };
        } else if let Some(space) = spaces.paged().into_iter().find(|space| entry.owner == Some(space.name)) {
            objects.hole = (space.top, space.limit);
        }
        objects
    }

    /// Addresses and headers of all objects, page by page in address order.
    pub(super) fn objects(&self) -> impl Iterator<Item = (u64, Header)> + '_ {
        self.mechanism.spaces.pages.all().flat_map(|page| self.page_objects(page))
    }

    pub(super) fn label_of(&self, header: Header) -> Label {
        let kind = header.kind();
        let record = if kind == Kind::Record { self.record_name(header.type_id()) } else { None };
        Label { kind, record }
    }

    pub(super) fn info_at(&self, address: u64) -> ObjectInfo {
        let spaces = &self.mechanism.spaces;
        let pages = &spaces.pages;
        let header = self.header(address);
        let flags = pages.flags(address);
        let number = pages.number(address);
        let mark = spaces.new.age_mark();
        let age = if flags & YOUNG == 0 {
            Age::Old
        } else if flags & BELOW_AGE_MARK != 0 && (address < mark || number != pages.number(mark)) {
            Age::Intermediate
        } else {
            Age::New
        };
        let page = pages.find(address).unwrap_or(number as u64);
        let end = address + header.bytes();
        let mut remembered_slots = 0;
        let mut slot = pages.slots.next_set(address, end);
        while let Some(at) = slot {
            remembered_slots += 1;
            slot = pages.slots.next_set(at + WORD, end);
        }
        let label = self.label_of(header);
        ObjectInfo {
            kind: label.kind,
            record: label.record,
            size: header.bytes(),
            space: pages.page(page).owner.unwrap_or(SpaceName::New),
            page,
            offset: address - pages.start(page),
            age,
            marked: pages.marks.get(address),
            remembered_slots,
        }
    }

    /// Where an object is and what the collectors know of it.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn inspect<T: Type>(&self, local: Local<'_, T>) -> Result<ObjectInfo, Error> {
        Ok(self.info_at(self.address(local)?))
    }

    /// As [`Self::inspect`] through a weak handle; `None` once the object was collected.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn inspect_weak<T: Type>(&self, weak: &WeakHandle<T>) -> Result<Option<ObjectInfo>, Error> {
        Ok(self.weak_word(weak)?.map(|word| self.info_at(address_of(word))))
    }

    /// All objects in address order, those included that nothing reaches any more and no collection has found yet. Where a
    /// page waits for the sweeper its dead objects are left out. Backing stores and tables are objects of their own.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions, Kind};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// scope.array(&[1.into(), 2.into()])?;
    /// let kinds: Vec<Kind> = scope.walk().map(|object| object.kind).collect();
    /// assert_eq!(kinds, [Kind::JsArray, Kind::FixedArray]);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn walk(&self) -> impl Iterator<Item = ObjectInfo> + '_ {
        self.objects().map(|(address, _)| self.info_at(address))
    }
}
