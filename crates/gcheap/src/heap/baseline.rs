//! What a fresh Node process holds: real objects in every space, so that the heap starts where Node starts.
//!
//! The contents are plain arrays and byte arrays of the right total sizes: what they stand for (functions, maps, source
//! positions) does not matter to a collector, how many bytes of them there are does.

use super::Heap;
use super::error::{Error, ErrorKind};
use crate::event::SpaceName;
use crate::memory::{Refused, WORD};
use crate::object::layout;
use crate::object::word::{UNDEFINED, reference, smi};
use crate::object::{Header, Kind};
use crate::roots::Internal;
use crate::space::free_list::Origin;
use crate::space::paged::PagedSpace;
use crate::space::pages::{Pages, YOUNG};

/// Bytes of one piece of the baseline: about the mean of what a start-up snapshot holds, kept large enough that making
/// the baseline is cheap.
const PIECE: u64 = 1024;

/// Of the bytes of its pieces, every eighth is one that a marker reads: half of them have slots, each of which counts as two bytes. What they
/// stand for are small objects, of which it reads all (measured: 3.9 to 4.6 MB in each cycle of Node 22 to 26).
const READ_SHARE: u64 = 8;

impl Heap {
    /// Fills the spaces as the profile says and makes the number-string cache.
    pub(crate) fn fill_baseline(&mut self) -> Result<(), Error> {
        let start = self.profile.baseline;
        let large = start.large_object;
        if !self.profile.objects.number_string_cache_starts_small {
            self.make_number_string_cache(2 * self.profile.objects.number_string_cache_entries)?;
        } else if large.used > 0 {
            let spaces = &mut self.mechanism.spaces;
            let object = spaces.large.allocate(&mut spaces.pages, large.used)?;
            let memory = &mut spaces.pages.memory;
            memory.set_word(object, layout::byte_array(large.used - 16).0);
            memory.set_word(object + WORD, smi((large.used / WORD) as i32 - 2));
            self.mechanism.roots.internal[Internal::StartupLarge as usize] = reference(object);
        }
        // The old pieces hang on one list of roots that is itself the first object of old space.
        let cache = match self.profile.objects.number_string_cache_starts_small {
            true => layout::fixed_array(2 * super::strings::INITIAL_CACHE_ENTRIES).bytes(),
            false => 0,
        };
        let old_live = (start.old.used - start.old_garbage).saturating_sub(cache);
        let slots = (start.old.used + start.trusted.used + start.code.used + start.new.used) / PIECE + 64;
        let roots = self.baseline_object(layout::fixed_array(slots), SpaceChoice::Old)?;
        self.mechanism.roots.internal[Internal::Baseline as usize] = reference(roots);
        let mut next = 2;
        let mut hang = |heap: &mut Heap, object: u64| {
            heap.store(roots, next, reference(object));
            next += 1;
        };
        let unused = start.unused_code;
        let aging = layout::fixed_array(unused.old / PIECE + unused.trusted / PIECE + 4);
        let ages = self.baseline_object(aging, SpaceChoice::Old)?;
        self.mechanism.roots.internal[Internal::UnusedCode as usize] = reference(ages);
        let mut next_unused = 2;
        let mut hang_unused = |heap: &mut Heap, object: u64| {
            heap.store(ages, next_unused, reference(object));
            next_unused += 1;
        };
        let mut left = old_live.saturating_sub(layout::fixed_array(slots).bytes() + aging.bytes());
        let mut spread = Spread::new(unused.old, left);
        while left >= 16 {
            let object = self.baseline_piece(&mut left, SpaceChoice::Old)?;
            if spread.next() { hang_unused(self, object) } else { hang(self, object) }
        }
        if self.profile.objects.number_string_cache_starts_small {
            let slots = 2 * super::strings::INITIAL_CACHE_ENTRIES;
            self.make_number_string_cache(slots)?;
        }
        let mut garbage = start.old_garbage;
        while garbage >= 16 {
            self.baseline_piece(&mut garbage, SpaceChoice::Old)?;
        }
        let spaces = &mut self.mechanism.spaces;
        set_committed(&mut spaces.old, &mut spaces.pages, start.old.committed)?;
        for (used, choice) in [(start.trusted.used, SpaceChoice::Trusted), (start.code.used, SpaceChoice::Code)] {
            let mut left = if choice == SpaceChoice::Code { start.code_live.min(used) } else { used };
            let mut spread = Spread::new(if choice == SpaceChoice::Trusted { unused.trusted } else { 0 }, left);
            while left >= 16 {
                let object = self.baseline_piece(&mut left, choice)?;
                if spread.next() { hang_unused(self, object) } else { hang(self, object) }
            }
        }
        let spaces = &mut self.mechanism.spaces;
        set_committed(&mut spaces.trusted, &mut spaces.pages, start.trusted.committed)?;
        if !start.code.committed.is_multiple_of(self.profile.pages.size) {
            set_committed(&mut spaces.code, &mut spaces.pages, start.code.committed)?;
        }
        self.fill_read_only_space()?;
        // New space: what has survived start-up's collections survives the next ones, of the rest so many of every hundred bytes.
        let pieces = start.new.used / PIECE;
        let mut left = start.new.used;
        let mut survivors = 0.0;
        for _ in 0..pieces {
            let aged = start.startup_aged > 0 && start.new.used - left <= start.startup_aged;
            if aged {
                let spaces = &mut self.mechanism.spaces;
                spaces.new.set_age_mark(&mut spaces.pages);
            }
            let object = self.baseline_piece(&mut left, SpaceChoice::New)?;
            survivors += if aged { 1.0 } else { start.new_space_survival };
            if survivors >= 1.0 {
                survivors -= 1.0;
                hang(self, object);
            }
        }
        while left >= 16 {
            self.baseline_piece(&mut left, SpaceChoice::New)?;
        }
        self.repeat_startup_collections();
        let dead = start.old_garbage + start.code.used.saturating_sub(start.code_live);
        self.own_objects = start.heap_used().saturating_sub(dead) / READ_SHARE * (READ_SHARE - 1);
        self.external_strings = start.external.saturating_sub(start.array_buffers);
        self.external_array_buffers = start.array_buffers;
        self.external.total = start.external;
        self.external.reset(&self.profile.external);
        self.tally = 0;
        self.clock.advance(crate::time::ms_to_ns(start.start_ms));
        self.last_gc_end_ms = self.time_ms();
        self.used_after_last_gc = 0;
        // Where an open linear area counts as used, code space shows the rest of its page until the first collection.
        let keep_open = self.profile.collection.open_linear_areas_count_as_used;
        let (paged, pages) = self.mechanism.spaces.paged_mut();
        for space in paged {
            if keep_open && space.name == SpaceName::Code {
                let excess = space.size.saturating_sub(start.code.used).min(space.limit - space.top);
                space.limit -= excess;
                space.free(pages, space.limit, excess);
            } else {
                space.free_linear_area(pages);
            }
        }
        Ok(())
    }

    /// A full collection begins: Node's own code that is not called again becomes older, and is let go of in the end.
    pub(super) fn age_code(&mut self) {
        let unused = self.profile.baseline.unused_code;
        self.aging_collections += 1;
        if self.aging_collections == u64::from(unused.collections) {
            self.mechanism.roots.internal[Internal::UnusedCode as usize] = UNDEFINED;
            let bytes = unused.old + unused.trusted;
            self.own_objects = self.own_objects.saturating_sub(bytes / READ_SHARE * (READ_SHARE - 1));
        }
    }

    /// Read-only space is a page of its own where the version does not share it: one object, which nothing refers to and no collector
    /// looks at.
    fn fill_read_only_space(&mut self) -> Result<(), Error> {
        let start = self.profile.baseline;
        if start.read_only_committed == 0 {
            return Ok(());
        }
        let spaces = &mut self.mechanism.spaces;
        let page = spaces.pages.take(SpaceName::ReadOnly, 0, false)?;
        let object = spaces.pages.area_start(page);
        spaces.pages.memory.set_word(object, layout::byte_array(start.read_only_used - 16).0);
        spaces.pages.memory.set_word(object + WORD, smi((start.read_only_used / WORD) as i32 - 2));
        spaces.read_only = start.read_only_used;
        Ok(())
    }

    /// What the scavenges of start-up left in the books: their survivors, their survival, and the limits that it shrank.
    fn repeat_startup_collections(&mut self) {
        let start = self.profile.baseline;
        let ran = start.startup_survival_percent.into_iter().filter(|&percent| percent > 0.0);
        for percent in ran {
            self.tracer.record_survival(percent);
            self.shrink_initial_limit(false);
            self.scavenges += 1;
            self.collections += 1;
        }
        self.state.survived_since_last_expansion = start.startup_survived;
        let spaces = &mut self.mechanism.spaces;
        if start.new.committed > spaces.new.committed(&spaces.pages) {
            // A refusal leaves the space smaller, which is always allowed.
            let _ = spaces.new.commit_from(&mut spaces.pages);
        }
    }

    /// One object of at most [`PIECE`] bytes, taken off what is left.
    fn baseline_piece(&mut self, left: &mut u64, choice: SpaceChoice) -> Result<u64, Error> {
        let bytes = (*left).min(PIECE) / WORD * WORD;
        *left -= bytes;
        let header = match choice {
            SpaceChoice::Code => Header::new(Kind::Code, 0, bytes / WORD, 0),
            // Half of them with references to look at, half without.
            _ if (*left / PIECE).is_multiple_of(2) => layout::fixed_array(bytes / WORD - 2),
            _ => layout::byte_array(bytes - 16),
        };
        self.baseline_object(header, choice)
    }

    fn baseline_object(&mut self, header: Header, choice: SpaceChoice) -> Result<u64, Error> {
        let bytes = header.bytes();
        let spaces = &mut self.mechanism.spaces;
        let object = match choice {
            SpaceChoice::New => loop {
                if let Some(object) = spaces.new.bump(bytes) {
                    break object;
                }
                if !spaces.new.next_page(&mut spaces.pages, bytes, true) {
                    return Err(ErrorKind::Refused(Refused { bytes }).into());
                }
            },
            SpaceChoice::Old => spaces.old.allocate_in_gc(&mut spaces.pages, bytes)?,
            SpaceChoice::Code => spaces.code.allocate_in_gc(&mut spaces.pages, bytes)?,
            SpaceChoice::Trusted => spaces.trusted.allocate_in_gc(&mut spaces.pages, bytes)?,
        };
        let memory = &mut spaces.pages.memory;
        memory.set_word(object, header.0);
        if header.words() > 1 {
            memory.fill_words(object + WORD, header.words() - 1, UNDEFINED);
            memory.set_word(object + WORD, smi(header.words() as i32 - 2));
        }
        debug_assert!((spaces.pages.flags(object) & YOUNG != 0) == (choice == SpaceChoice::New));
        Ok(object)
    }
}

/// Chooses pieces that are spread over a space.
struct Spread {
    share: f64,
    owed: f64,
}

impl Spread {
    /// So many bytes of so many.
    fn new(part: u64, whole: u64) -> Spread {
        Spread { share: part as f64 / whole.max(1) as f64, owed: 0.0 }
    }

    /// Whether the next piece is one of them.
    fn next(&mut self) -> bool {
        self.owed += self.share;
        let chosen = self.owed >= 1.0;
        self.owed -= f64::from(u8::from(chosen));
        chosen
    }
}

/// Maps as many bytes as a fresh process has in a space. Start-up does not fill every page, and the last page of the
/// snapshot is cut to its used end (V8 `Heap::NotifyDeserializationComplete`).
fn set_committed(space: &mut PagedSpace, pages: &mut Pages, committed: u64) -> Result<(), Refused> {
    let before = space.pages.len();
    while space.committed < committed {
        space.expand(pages)?;
    }
    if space.pages.len() > before {
        // Only the fresh page has a block as long as a whole area.
        space.refill_from_free_list(pages, pages.geometry.area(), Origin::Mutator);
    }
    space.cut_last_page(pages, committed);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SpaceChoice {
    New,
    Old,
    Code,
    Trusted,
}
