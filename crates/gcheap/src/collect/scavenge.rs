//! The scavenger: copies what is alive in the young generation out of from-space.
//!
//! Roots are the handles, the globals and the remembered slots of old objects; everything old counts as alive, and
//! every weak reference but an ephemeron key and a weak handle counts as strong; from V8 14.6 on the targets of young WeakRefs and
//! weak cells do not. An object below the age mark is promoted (all are in a nursery),
//! another is copied to to-space; if the one has no room the other is tried; if neither has, the object is *pinned*:
//! it stays where it is and its page becomes old, so a scavenge always ends with a valid heap.

use super::Mechanism;
use super::weak::{CELL_TARGET, CELL_TOKEN, WEAK_REF_TARGET, ephemeron_capacity, ephemeron_entries, remove_ephemeron};
use crate::event::SpaceName;
use crate::memory::{Reservation, SPAN, WORD, Worklist};
use crate::mutants::{Mutant, on};
use crate::object::layout::{ALLOCATION_MEMENTO, CONS_FIRST, CONS_SECOND};
use crate::object::word::{UNDEFINED, address as address_of, is_reference, is_weak, moved_to, reference};
use crate::object::{Header, Kind};
use crate::roots::Internal;
use crate::space::pages::{BELOW_AGE_MARK, CANDIDATE, FROM, LARGE, PINNED, YOUNG};

/// What a scavenge did, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scavenged {
    /// Copied within new space.
    pub(crate) copied: u64,
    /// Promoted to old space, large objects included.
    pub(crate) promoted: u64,
    /// Objects of neither, because no memory could be had: the collection must be reported as fatal.
    pub(crate) pinned: u64,
    /// Backing-store bytes of dead array buffers.
    pub(crate) freed_backing_stores: u64,
}

/// The state of one scavenge.
struct Scavenger<'h> {
    heap: &'h mut Mechanism,
    /// Promoted objects (and surviving large ones) whose slots are still to be visited.
    promoted: Worklist<u64>,
    age_mark: u64,
    age_mark_page: usize,
    promotes_at_once: bool,
    /// Weak slots of what survives are looked at in the end.
    weakly: bool,
    /// What flattened cons strings end with: such a string gives way to its first part. 0: none does.
    empty_string: u64,
    /// Cheney's scan: index of the page in to-space and address.
    scan: (usize, u64),
    result: Scavenged,
}

impl Mechanism {
    /// Scavenges. From-space must have been committed. What is promoted goes to areas of the scavenge's own: one that the program has
    /// open in old space stays as it is.
    pub(crate) fn scavenge(&mut self) -> Scavenged {
        let open = self.spaces.old.lay_aside(&mut self.spaces.pages);
        let age_mark = self.spaces.new.age_mark();
        let age_mark_page = self.spaces.pages.number(age_mark);
        self.spaces.new.flip(&mut self.spaces.pages);
        for index in 0..self.spaces.new_large.objects.len() {
            let page = self.spaces.new_large.objects[index];
            self.spaces.pages.set_flags(page, FROM, 0);
        }
        // A cycle of marking that runs has seen the targets.
        let weakly = self.scavenges_clear_weak_refs && !self.marking.active;
        let shortens = !self.marking.active;
        let empty_string = if shortens { self.roots.internal[Internal::EmptyString as usize] } else { 0 };
        let mut scavenger = Scavenger {
            weakly,
            empty_string,
            promoted: Worklist::new(),
            age_mark,
            age_mark_page,
            promotes_at_once: self.spaces.new.promotes_at_once,
            heap: &mut *self,
            scan: (0, 0),
            result: Scavenged::default(),
        };
        scavenger.visit_roots();
        scavenger.visit_remembered();
        scavenger.drain();
        scavenger.ephemerons();
        if weakly {
            scavenger.weak_targets();
        }
        let result = scavenger.finish();
        self.spaces.old.take_up(open);
        result
    }
}

impl Scavenger<'_> {
    /// Moves what a word refers to, if it lies in from-space; the new word.
    #[inline(always)]
    fn forward(&mut self, word: u64) -> u64 {
        let pages = &self.heap.spaces.pages;
        let flags = pages.flags(word);
        if flags & FROM == 0 {
            return word;
        }
        let header = pages.memory.word(word);
        if !Header::is_present(header) {
            return moved_to(word, header);
        }
        self.relocate(word, Header(header), flags)
    }

    /// First visit of a young object: the usual case of a small object on a page of its kind for which there is room where it
    /// belongs.
    #[inline(always)]
    fn relocate(&mut self, word: u64, header: Header, flags: u8) -> u64 {
        let words = header.small_words();
        if !header.is_small() || words > Reservation::MOST_IN_A_RUN || flags & (LARGE | PINNED) != 0 {
            return self.relocate_any(word, header, flags);
        }
        let (address, bytes) = (address_of(word), words * WORD);
        if header.is(Kind::ConsString)
            && let Some(moved) = self.shorten(word)
        {
            return moved;
        }
        let is_promoted = self.is_old_enough(address, flags);
        let heap = &mut *self.heap;
        let room = if is_promoted { heap.spaces.old.bump(bytes) } else { heap.spaces.new.bump(bytes) };
        let Some(target) = room else { return self.relocate_any(word, header, flags) };
        let bits = heap.spaces.pages.memory.move_object(target, address, header.0, words);
        if heap.marking.active {
            heap.spaces.pages.keep_mark(target, address, bytes);
        }
        if is_promoted {
            self.result.promoted += bytes;
            // Where no word has the bit of a reference there is nothing to visit.
            if header.small_tagged() > 0 && is_reference(bits) && !on(Mutant::SkipPromotedVisit) {
                self.promoted.push(target);
            }
        } else {
            self.result.copied += bytes;
            if heap.count_mementos {
                heap.count_memento(address, header);
            }
        }
        moved_to(word, target)
    }

    /// Whether an object has survived before, or need not have.
    #[inline(always)]
    fn is_old_enough(&self, address: u64, flags: u8) -> bool {
        self.promotes_at_once
            || flags & BELOW_AGE_MARK != 0
                && (address < self.age_mark || self.heap.spaces.pages.number(address) != self.age_mark_page)
    }

    /// First visit of any young object.
    #[cold]
    #[inline(never)]
    fn relocate_any(&mut self, word: u64, header: Header, flags: u8) -> u64 {
        let address = address_of(word);
        if flags & LARGE != 0 {
            self.keep_large(address);
            return word;
        }
        if flags & PINNED != 0 && self.heap.spaces.pages.slots.get(address) {
            return word;
        }
        if header.is(Kind::ConsString)
            && let Some(moved) = self.shorten(word)
        {
            return moved;
        }
        let bytes = header.bytes();
        let target = if self.is_old_enough(address, flags) {
            self.promote(bytes).or_else(|| self.copy(bytes))
        } else {
            self.copy(bytes).or_else(|| self.promote(bytes))
        };
        let Some((target, is_promoted)) = target else {
            self.pin(address, bytes);
            return word;
        };
        if !is_promoted && self.heap.count_mementos {
            self.heap.count_memento(address, header);
        }
        let heap = &mut *self.heap;
        heap.spaces.pages.memory.copy_words(target, address, header.words());
        heap.spaces.pages.memory.set_word(address, target);
        if heap.marking.active {
            heap.spaces.pages.keep_mark(target, address, bytes);
        }
        if is_promoted {
            self.result.promoted += bytes;
            if header.tagged() > 0 {
                self.promoted.push(target);
            }
        } else {
            self.result.copied += bytes;
        }
        moved_to(word, target)
    }

    /// A cons string that was flattened is replaced by the flat one, unless marking runs, which may have come to it (V8
    /// `Scavenger::EvacuateShortcutCandidate`). The new word.
    #[inline]
    fn shorten(&mut self, word: u64) -> Option<u64> {
        let second = self.heap.spaces.pages.memory.word(address_of(word) + CONS_SECOND * WORD);
        (self.empty_string != 0 && second == self.empty_string).then(|| self.shorten_to_first(word))
    }

    #[inline(never)]
    fn shorten_to_first(&mut self, word: u64) -> u64 {
        let address = address_of(word);
        let first = self.heap.spaces.pages.memory.word(address + CONS_FIRST * WORD);
        let target = address_of(self.forward(first));
        self.heap.spaces.pages.memory.set_word(address, target);
        moved_to(word, target)
    }

    #[inline]
    fn copy(&mut self, bytes: u64) -> Option<(u64, bool)> {
        let spaces = &mut self.heap.spaces;
        spaces.new.allocate_in_gc(&mut spaces.pages, bytes).map(|address| (address, false))
    }

    #[inline]
    fn promote(&mut self, bytes: u64) -> Option<(u64, bool)> {
        let spaces = &mut self.heap.spaces;
        spaces.old.allocate_in_gc(&mut spaces.pages, bytes).ok().map(|address| (address, true))
    }

    #[cold]
    fn pin(&mut self, address: u64, bytes: u64) {
        let pages = &mut self.heap.spaces.pages;
        // The slot bitmap of a from-page is unused: it records the pinned objects until the page changes hands.
        if pages.slots.set(address) {
            let page = pages.number(address) as u64;
            pages.set_flags(page, PINNED, 0);
            self.result.pinned += bytes;
            self.promoted.push(address);
        }
    }

    #[cold]
    fn keep_large(&mut self, address: u64) {
        let pages = &mut self.heap.spaces.pages;
        let page = pages.number(address) as u64;
        pages.set_flags(page, 0, FROM);
        self.result.promoted += pages.page(page).allocated;
        self.promoted.push(address);
    }

    fn visit_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.heap.roots);
        roots.for_each_global(|word| *word = self.forward(*word));
        roots.for_each_stack(|word| {
            let moved = self.forward(*word);
            *word = if on(Mutant::ForgetForwardedRoot) { *word } else { moved };
        });
        self.heap.roots = roots;
    }

    fn visit_remembered(&mut self) {
        let chunk_bytes = self.heap.spaces.pages.geometry.page_size() / 64;
        for slot_page in self.heap.spaces.pages.remembered_slots() {
            let page_start = self.heap.spaces.pages.start(slot_page);
            let mut chunks = self.heap.spaces.pages.take_remembered_chunks(slot_page);
            while chunks != 0 {
                let chunk = chunks.trailing_zeros();
                chunks &= chunks - 1;
                let start = page_start + u64::from(chunk) * chunk_bytes;
                let mut kept = 0;
                for span in (start..start + chunk_bytes).step_by(SPAN as usize) {
                    kept |= self.visit_remembered_span(span);
                }
                if kept != 0 {
                    self.heap.spaces.pages.mark_remembered_chunk(slot_page, chunk);
                }
            }
        }
    }

    /// Visits the remembered slots of one word of bits; the bits of those that still point to young objects.
    #[inline]
    fn visit_remembered_span(&mut self, span: u64) -> u64 {
        let all = self.heap.spaces.pages.slots.span(span);
        if all & all.wrapping_sub(1) != 0 {
            self.prefetch_remembered(span, all);
        }
        let (mut bits, mut kept) = (all, all);
        while bits != 0 {
            let slot = span + u64::from(bits.trailing_zeros()) * WORD;
            let bit = bits & bits.wrapping_neg();
            bits ^= bit;
            let word = self.heap.spaces.pages.memory.word(slot);
            let mut young = false;
            if is_reference(word) {
                let moved = self.forward(word);
                let pages = &mut self.heap.spaces.pages;
                pages.memory.set_word(slot, moved);
                young = pages.flags(moved) & (YOUNG | FROM | LARGE) == YOUNG;
            }
            if !young {
                kept ^= bit;
            }
        }
        if kept != all {
            self.heap.spaces.pages.slots.set_span(span, kept);
        }
        kept
    }

    /// Asks for the objects that some slots point to: those of one word of bits lie anywhere in the young generation.
    #[inline(always)]
    fn prefetch_remembered(&self, span: u64, mut bits: u64) {
        let memory = &self.heap.spaces.pages.memory;
        while bits != 0 {
            memory.prefetch(memory.word(span + u64::from(bits.trailing_zeros()) * WORD));
            bits &= bits - 1;
        }
    }

    /// Visits the tagged words of an object in to-space.
    #[inline]
    fn visit_young(&mut self, address: u64, header: Header) {
        for slot in slots_of(address, header) {
            let word = self.heap.spaces.pages.memory.word(slot);
            if is_reference(word) && !(self.weakly && is_weak(word)) {
                let moved = self.forward(word);
                if moved != word {
                    self.heap.spaces.pages.memory.set_word(slot, moved);
                }
            }
        }
    }

    /// Visits the tagged words of an object that is old now: slots that still point to young objects are remembered.
    #[inline]
    fn visit_promoted(&mut self, address: u64) {
        let header = Header(self.heap.spaces.pages.memory.word(address));
        let pinned = self.heap.spaces.pages.flags(address) & PINNED != 0;
        // An unmarked object may be shortened or die before the pause; if it is marked later, the marker records.
        let record_candidates =
            self.heap.marking.active && self.heap.marking.has_candidates() && self.heap.spaces.pages.marks.get(address);
        for slot in slots_of(address, header) {
            let word = self.heap.spaces.pages.memory.word(slot);
            if !is_reference(word) || (self.weakly && is_weak(word)) {
                continue;
            }
            let moved = self.forward(word);
            let pages = &mut self.heap.spaces.pages;
            if moved != word {
                pages.memory.set_word(slot, moved);
            }
            let flags = pages.flags(moved);
            if flags & (YOUNG | LARGE) == YOUNG {
                // The slot bits of a pinned page hold the pins; `release_pinned` remembers for it.
                if !pinned && flags & FROM == 0 && !on(Mutant::LoseSlotAtPromotion) {
                    pages.remember(slot);
                }
            } else if record_candidates && flags & CANDIDATE != 0 && !on(Mutant::LoseCandidateAtPromotion) {
                self.heap.marking.record_slot(slot);
            }
        }
    }

    /// Cheney's loop over to-space, and the promoted objects, until neither has anything new.
    fn drain(&mut self) {
        loop {
            while let Some(address) = self.promoted.pop() {
                self.visit_promoted(address);
            }
            let used = self.heap.spaces.new.used_pages();
            let (index, mut scan) = self.scan;
            let Some(&page) = used.get(index) else { break };
            if scan == 0 {
                scan = self.heap.spaces.pages.area_start(page);
            }
            let end = self.heap.spaces.new.objects_end(&self.heap.spaces.pages, page);
            if scan >= end {
                if index + 1 == used.len() {
                    self.scan = (index, scan);
                    break;
                }
                self.scan = (index + 1, 0);
                continue;
            }
            while scan < end {
                let header = Header(self.heap.spaces.pages.memory.word(scan));
                self.visit_young(scan, header);
                scan += header.bytes();
            }
            self.scan = (index, scan);
        }
    }

    /// Weak maps with young entries: an entry dies with its key, but the values of all that were there count as strong (V8
    /// `ScavengeVisitor::VisitEphemeronHashTable`, and the remembered slots of old tables).
    fn ephemerons(&mut self) {
        let mut tables = std::mem::take(&mut self.heap.weak.ephemeron_tables);
        loop {
            let before = self.result;
            for table in tables.iter_mut().filter(|table| table.has_young) {
                let Some(address) = survivor(self.heap, table.address) else { continue };
                let capacity = ephemeron_capacity(&self.heap.spaces.pages.memory, address);
                for (key_slot, value_slot) in ephemeron_entries(address, capacity) {
                    let value = self.heap.spaces.pages.memory.word(value_slot);
                    if is_reference(value) {
                        let moved = self.forward(value);
                        self.heap.spaces.pages.memory.set_word(value_slot, moved);
                    }
                    let key = self.heap.spaces.pages.memory.word(key_slot);
                    if is_reference(key)
                        && let Some(moved) = survivor_word(self.heap, key)
                    {
                        self.heap.spaces.pages.memory.set_word(key_slot, moved);
                    }
                }
            }
            self.drain();
            if self.result == before || on(Mutant::ForgetYoungEphemeronRound) {
                break;
            }
        }
        for table in &mut tables {
            let Some(address) = survivor(self.heap, table.address) else { continue };
            if !table.has_young {
                continue;
            }
            let capacity = ephemeron_capacity(&self.heap.spaces.pages.memory, address);
            table.has_young = false;
            for (key_slot, value_slot) in ephemeron_entries(address, capacity) {
                let key = self.heap.spaces.pages.memory.word(key_slot);
                if !is_reference(key) {
                    continue;
                }
                if survivor_word(self.heap, key).is_none() {
                    remove_ephemeron(&mut self.heap.spaces.pages.memory, address, key_slot, value_slot);
                    continue;
                }
                let value = self.heap.spaces.pages.memory.word(value_slot);
                let young = |word: u64| is_reference(word) && self.heap.spaces.pages.flags(word) & YOUNG != 0;
                table.has_young |= (young(key) || young(value)) && !on(Mutant::ForgetYoungTable);
            }
        }
        self.heap.weak.ephemeron_tables = tables;
    }

    /// WeakRefs and weak cells that survived: dead targets are cleared, finalizers are queued.
    fn weak_targets(&mut self) {
        let weak = std::mem::take(&mut self.heap.weak);
        for &weak_ref in &weak.weak_refs {
            if let Some(address) = survivor(self.heap, weak_ref) {
                self.weak_slot(address, WEAK_REF_TARGET);
            }
        }
        for &cell in &weak.weak_cells {
            let Some(address) = survivor(self.heap, cell) else { continue };
            if self.weak_slot(address, CELL_TARGET) {
                self.heap.roots.finalization_queue.push_back(reference(address));
            }
            self.weak_slot(address, CELL_TOKEN);
        }
        self.heap.weak = weak;
    }

    /// Renames what a weak slot refers to, or clears it; whether it was cleared.
    fn weak_slot(&mut self, host: u64, index: u64) -> bool {
        let slot = host + index * WORD;
        let word = self.heap.spaces.pages.memory.word(slot);
        if !is_reference(word) || !is_weak(word) {
            return false;
        }
        let Some(moved) = survivor_word(self.heap, word) else {
            self.heap.spaces.pages.memory.set_word(slot, UNDEFINED);
            return true;
        };
        let pages = &mut self.heap.spaces.pages;
        pages.memory.set_word(slot, moved);
        let young = |flags: u8| flags & (YOUNG | LARGE) == YOUNG;
        if young(pages.flags(moved)) && pages.flags(moved) & FROM == 0 && !young(pages.flags(host)) {
            pages.remember(slot);
        }
        false
    }

    /// Everything that only looks at objects learns where they are; the dead are freed.
    fn finish(self) -> Scavenged {
        let Scavenger { heap, mut result, .. } = self;
        let mut weak_handles = std::mem::take(&mut heap.roots.weak);
        for word in weak_handles.words_mut() {
            if is_reference(*word) {
                *word = survivor_word(heap, *word).unwrap_or(UNDEFINED);
            }
        }
        heap.roots.weak = weak_handles;
        let mut weak = std::mem::take(&mut heap.weak);
        weak.update(|address| survivor(heap, address));
        heap.weak = weak;
        let mut buffers = std::mem::take(&mut heap.buffers);
        result.freed_backing_stores = buffers.sweep_young(|address| {
            let survivor = survivor(heap, address)?;
            let flags = heap.spaces.pages.flags(survivor);
            Some((survivor, flags & (YOUNG | FROM) == YOUNG && flags & LARGE == 0))
        });
        heap.buffers = buffers;
        // Marked objects that wait to be visited: the marker counts their bytes then, so what moving them counted is
        // taken back.
        let mut waiting = Vec::new();
        if heap.marking.active {
            let mut marking = std::mem::take(&mut heap.marking);
            let place = |address| survivor(heap, address);
            marking.update(place, |address| {
                let now = survivor(heap, address)?;
                if heap.spaces.pages.flags(address) & FROM != 0 {
                    waiting.push(now);
                }
                Some(now)
            });
            heap.marking = marking;
        }
        if result.pinned > 0 {
            release_pinned(heap);
        }
        for address in waiting {
            let pages = &mut heap.spaces.pages;
            let bytes = Header(pages.memory.word(address)).bytes();
            pages.sub_live(address, bytes);
        }
        for page in std::mem::take(&mut heap.spaces.new_large.objects) {
            let spaces = &mut heap.spaces;
            spaces.new_large.forget(&spaces.pages, page);
            if spaces.pages.page_flags(page) & FROM != 0 && !on(Mutant::KeepDeadLargeObject) {
                spaces.pages.release(page);
            } else {
                spaces.large.adopt(&mut spaces.pages, page);
            }
        }
        let spaces = &mut heap.spaces;
        if heap.marking.active {
            for &page in &spaces.new.from {
                let (start, bytes) = (spaces.pages.start(page), spaces.pages.geometry.page_size());
                spaces.pages.marks.clear_run(start, bytes);
                spaces.pages.set_live(page, 0);
            }
        }
        spaces.old.free_linear_area(&mut spaces.pages);
        spaces.new.set_age_mark(&mut spaces.pages);
        if spaces.new.promotes_at_once {
            spaces.new.reuse_if_empty(&spaces.pages);
        }
        result
    }
}

impl Mechanism {
    /// A young object that survives with a memento behind it counts for its allocation site.
    #[inline]
    pub(crate) fn count_memento(&mut self, address: u64, header: Header) {
        if !(header.is(Kind::JsObject) || header.is(Kind::JsArray)) {
            return;
        }
        let pages = &self.spaces.pages;
        let behind = address + header.bytes();
        if pages.number(behind) != pages.number(address) {
            return;
        }
        if pages.memory.word(behind) == ALLOCATION_MEMENTO.0 {
            let site = pages.memory.word(behind + WORD) as usize;
            if let Some(found) = self.mementos_found.get_mut(site) {
                *found += 1;
            }
        }
    }
}

/// The addresses of the tagged words of an object. (An inclusive range would take twice the instructions.)
#[inline(always)]
fn slots_of(address: u64, header: Header) -> impl Iterator<Item = u64> {
    (0..header.tagged()).map(move |index| address + WORD + index * WORD)
}

/// Where an object of before the scavenge is now, if it is alive.
#[inline]
fn survivor(heap: &Mechanism, address: u64) -> Option<u64> {
    let pages = &heap.spaces.pages;
    let flags = pages.flags(address);
    if flags & FROM == 0 {
        return Some(address);
    }
    let first = pages.memory.word(address);
    if !Header::is_present(first) {
        return Some(first);
    }
    (flags & PINNED != 0 && pages.slots.get(address)).then_some(address)
}

#[inline]
fn survivor_word(heap: &Mechanism, word: u64) -> Option<u64> {
    survivor(heap, address_of(word)).map(|address| moved_to(word, address))
}

/// Pages with objects that could not be moved become old pages; what is not pinned on them is free.
#[cold]
fn release_pinned(heap: &mut Mechanism) {
    let spaces = &mut heap.spaces;
    let from = std::mem::take(&mut spaces.new.from);
    for page in from {
        if spaces.pages.page_flags(page) & PINNED == 0 {
            spaces.new.from.push(page);
            continue;
        }
        let (area, end) = (spaces.pages.area_start(page), spaces.pages.page(page).end);
        let mut pinned = Vec::new();
        let mut at = area;
        while let Some(address) = spaces.pages.slots.next_set(at, end) {
            let bytes = Header(spaces.pages.memory.word(address)).bytes();
            pinned.push((address, bytes, heap.marking.active && spaces.pages.marks.get(address)));
            at = address + bytes;
        }
        let (start, page_size) = (spaces.pages.start(page), spaces.pages.geometry.page_size());
        spaces.pages.slots.clear_run(start, page_size);
        spaces.pages.marks.clear_run(start, page_size);
        spaces.pages.set_live(page, 0);
        spaces.pages.set_flags(page, 0, YOUNG | FROM | PINNED | BELOW_AGE_MARK);
        spaces.pages.page_mut(page).owner = Some(SpaceName::Old);
        for &(address, ..) in &pinned {
            spaces.pages.marks.set(address);
        }
        spaces.old.adopt(&mut spaces.pages, page);
        let live = pinned.iter().map(|&(_, bytes, _)| bytes).sum::<u64>();
        spaces.pages.page_mut(page).allocated = live;
        spaces.old.size += live;
        spaces.old.sweep(&mut spaces.pages, page);
        for &(address, bytes, marked) in &pinned {
            if marked {
                spaces.pages.marks.set(address);
                spaces.pages.add_live(address, bytes);
            }
            // The slot bits of the page were needed for the pins until now: remember what points to young objects.
            let header = Header(spaces.pages.memory.word(address));
            for slot in (1..=header.tagged()).map(|index| address + index * WORD) {
                let word = spaces.pages.memory.word(slot);
                if is_reference(word) && spaces.pages.flags(word) & (YOUNG | FROM | LARGE) == YOUNG {
                    spaces.pages.remember(slot);
                }
            }
        }
    }
}
