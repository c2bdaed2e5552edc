//! Control: collections where a test wants them, phases one by one, full spaces, refused memory.
//!
//! Whatever is forced here is something that can happen anyway, so every promise of the heap holds through it. All of it is
//! deterministic: the same calls and the same seed lead to the same heap.

use super::allocate::smi;
use super::error::Error;
use super::{GcKind, Heap};
use crate::event::GcReason;
use crate::memory::WORD;
use crate::object::Header;
use crate::object::layout;
use crate::space::free_list::Origin;

/// Which pages full collections evacuate.
///
/// ```
/// use gcheap::{Compaction, Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// heap.force_compaction(Compaction::Every);
/// let mut scope = heap.scope();
/// let text = scope.string("moved by every full collection")?;
/// scope.collect_garbage()?;
/// let old = scope.inspect(text)?;
/// scope.collect_garbage()?;
/// assert!(scope.inspect(text)?.has_moved_from(&old));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compaction {
    /// Those that policy chooses.
    #[default]
    Policy,
    /// Every page that can be; and no young page is handed over whole, so that every object but the large ones moves.
    Every,
    /// No old page. Young survivors are promoted as ever.
    Never,
}

/// A part of a collection in which memory can be refused on purpose.
///
/// ```
/// use gcheap::{GcKind, GcPhase, Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let list = scope.array(&[1.into(), 2.into()])?;
/// scope.refuse_pages_during(GcPhase::Scavenge, Some(0));
/// assert!(scope.collect(GcKind::Minor).is_err(), "there is no page to copy to");
/// scope.refuse_pages_during(GcPhase::Scavenge, None);
/// scope.collect(GcKind::Minor)?;
/// assert_eq!(scope.array_length(list)?, 2);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GcPhase {
    /// A scavenge: mapping the semi-space to copy to, copying, promotion.
    Scavenge,
    /// The end of a full collection: promotion of young objects, evacuation of old pages.
    Evacuation,
}

/// A chain of random numbers (xorshift, never 0).
#[derive(Clone, Copy, Debug)]
struct Dice(u64);

impl Dice {
    /// Any seed gives a chain of its own.
    fn new(seed: u64) -> Dice {
        // A step of SplitMix64 spreads neighbouring seeds.
        let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Dice((state ^ (state >> 31)).max(1))
    }

    fn roll(&mut self, sides: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.is_multiple_of(sides)
    }
}

/// What is forced.
#[derive(Debug, Default)]
pub(crate) struct Control {
    promotes_all: bool,
    pub(super) compaction: Compaction,
    pub(super) marks_by_hand: bool,
    dice: Option<Dice>,
    at_handles: Option<GcKind>,
    /// What a collection at a handle could not report there.
    pending: Option<Error>,
    refuse_in_scavenge: Option<u64>,
    refuse_in_evacuation: Option<u64>,
}

impl Control {
    fn refusals(&mut self, phase: GcPhase) -> &mut Option<u64> {
        match phase {
            GcPhase::Scavenge => &mut self.refuse_in_scavenge,
            GcPhase::Evacuation => &mut self.refuse_in_evacuation,
        }
    }
}

impl Heap {
    /// A collection of `kind` at one allocation in `one_in`, chosen by a seed; 0 ends the stress. The same seed and program
    /// collect at the same places. Replaces [`Self::collect_at_every`].
    ///
    /// ```
    /// use gcheap::{GcKind, Heap, HeapOptions};
    /// let collections = |seed| {
    ///     let mut heap = Heap::new(HeapOptions::for_tests())?;
    ///     heap.collect_at_random(seed, 10, GcKind::Minor);
    ///     for number in 0..1000 {
    ///         heap.scope().object(&[number.into()])?;
    ///     }
    ///     Ok::<u64, gcheap::Error>(heap.scavenges())
    /// };
    /// assert_eq!(collections(7)?, collections(7)?);
    /// assert!((50..200).contains(&collections(8)?));
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn collect_at_random(&mut self, seed: u64, one_in: u64, kind: GcKind) {
        self.collect_at_every(one_in, kind);
        self.control.dice = (one_in > 0).then(|| Dice::new(seed));
    }

    /// A collection of `kind` whenever a handle is made, by an allocation or by reading; `None` ends it. What was read is on
    /// the handle stack already, so it moves before the program sees it. If such a collection runs out of memory, the next
    /// allocation says so.
    ///
    /// ```
    /// use gcheap::{GcKind, Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let text = scope.string("element")?;
    /// let list = scope.array(&[text.into()])?;
    /// scope.collect_at_handles(Some(GcKind::Minor));
    /// scope.array_get(list, 0)?;
    /// assert_eq!(scope.scavenges(), 1);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn collect_at_handles(&mut self, kind: Option<GcKind>) {
        self.control.at_handles = kind;
        self.stressed = self.stress.every > 0 || kind.is_some();
    }

    /// A handle was made by reading.
    #[cold]
    pub(crate) fn stress_handle(&mut self) {
        if let Some(kind) = self.control.at_handles
            && let Err(error) = self.collect_unstressed(kind)
        {
            self.control.pending = Some(error);
        }
    }

    fn collect_unstressed(&mut self, kind: GcKind) -> Result<(), Error> {
        self.stressed = false;
        let result = self.collect(kind);
        self.stressed = true;
        result
    }

    /// An allocation begins: collects if one is due.
    pub(crate) fn stress(&mut self) -> Result<(), Error> {
        if let Some(error) = self.control.pending.take() {
            return Err(error);
        }
        let due = match (self.stress.every, &mut self.control.dice) {
            (0, _) => false,
            (every, Some(dice)) => dice.roll(every),
            (every, None) => {
                self.stress.countdown -= 1;
                let due = self.stress.countdown == 0;
                if due {
                    self.stress.countdown = every;
                }
                due
            }
        };
        match (due, self.control.at_handles) {
            (true, _) => self.collect_unstressed(self.stress.kind),
            (false, Some(kind)) => self.collect_unstressed(kind),
            (false, None) => Ok(()),
        }
    }

    /// Ends a stress by a seed; the stress at every handle goes on.
    pub(super) fn forget_dice(&mut self) {
        self.control.dice = None;
        self.stressed |= self.control.at_handles.is_some();
    }

    /// Scavenges promote every survivor at once, whatever its age.
    ///
    /// ```
    /// use gcheap::{GcKind, Heap, HeapOptions, assert};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// heap.force_promotion(true);
    /// let mut scope = heap.scope();
    /// let text = scope.string("old after its first scavenge")?;
    /// scope.collect(GcKind::Minor)?;
    /// assert::promoted(&scope, text)?;
    /// # Ok::<(), assert::Failure>(())
    /// ```
    pub fn force_promotion(&mut self, on: bool) {
        self.control.promotes_all = on;
    }

    /// Which pages the full collections evacuate whose marking starts from now on.
    pub fn force_compaction(&mut self, compaction: Compaction) {
        self.control.compaction = compaction;
    }

    /// Within this phase the system "refuses" every page after `pages` more, over all collections; `None` ends it. What could
    /// not be moved stays, the collection ends, and what V8 would die of comes back as [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory).
    pub fn refuse_pages_during(&mut self, phase: GcPhase, pages: Option<u64>) {
        *self.control.refusals(phase) = pages;
    }

    /// A phase begins; what [`Self::leave_phase`] is to put back.
    pub(super) fn enter_phase(&mut self, phase: GcPhase) -> Option<u64> {
        let spaces = &mut self.mechanism.spaces;
        if phase == GcPhase::Scavenge && self.control.promotes_all {
            // Everything has survived often enough.
            spaces.new.set_age_mark(&mut spaces.pages);
        }
        let outside = spaces.pages.refuse_after;
        if let Some(pages) = *self.control.refusals(phase) {
            spaces.pages.refuse_after = Some(outside.map_or(pages, |outside| outside.min(pages)));
        }
        outside
    }

    pub(super) fn leave_phase(&mut self, phase: GcPhase, outside: Option<u64>) {
        let refusals = self.control.refusals(phase);
        if let Some(pages) = refusals {
            let inside = self.mechanism.spaces.pages.refuse_after.unwrap_or(0);
            let used = outside.map_or(*pages, |outside| outside.min(*pages)) - inside;
            *pages -= used;
            self.mechanism.spaces.pages.refuse_after = outside.map(|outside| outside - used);
        }
    }

    /// Marking goes on only by [`Self::mark_bytes`] and in the pause that ends the cycle, not with the clock.
    pub fn mark_by_hand(&mut self, on: bool) {
        self.control.marks_by_hand = on;
    }

    /// Marking runs: the write barrier is up.
    pub fn is_marking(&self) -> bool {
        self.mechanism.marking.active
    }

    /// Starts incremental marking, as reaching the allocation limit does; false if it runs already. Roots off the stack are
    /// marked, evacuation candidates are chosen.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// heap.mark_by_hand(true);
    /// let mut scope = heap.scope();
    /// let text = scope.string("not yet marked")?;
    /// let kept = scope.global(text)?;
    /// assert!(scope.start_marking());
    /// while !scope.mark_bytes(8) {}
    /// assert!(scope.inspect(text)?.marked);
    /// scope.evacuate()?;
    /// assert!(!scope.is_marking());
    /// while scope.sweep_page() {}
    /// # drop(kept);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn start_marking(&mut self) -> bool {
        let starts = !self.is_marking();
        self.start_incremental_marking(GcReason::Testing);
        starts
    }

    /// Marks about so many bytes: whole objects, long arrays in pieces. True if nothing is left to mark (or no marking runs).
    pub fn mark_bytes(&mut self, bytes: u64) -> bool {
        if !self.is_marking() {
            return true;
        }
        self.mechanism.drain_marking(bytes);
        self.cycle.complete = self.mechanism.marking.is_drained();
        self.cycle.complete
    }

    /// Marks all that is reachable now, the stack included. Marking stays on, so what is stored from here on is marked by the
    /// barrier, until [`Self::evacuate`]. Does nothing if no marking runs.
    pub fn finish_marking(&mut self) {
        if self.is_marking() {
            self.mechanism.mark_global_roots();
            self.mechanism.mark_stack_roots();
            self.mechanism.drain_marking(u64::MAX);
            self.mechanism.mark_ephemerons();
            self.cycle.complete = true;
        }
    }

    /// The pause that ends the cycle: the rest is marked, weak references are cleared, young survivors promoted, candidates
    /// evacuated. Pages then wait for [`Self::sweep_page`]. If no marking runs it is a whole mark-compact.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory), as for [`Self::collect_garbage`].
    pub fn evacuate(&mut self) -> Result<(), Error> {
        self.collect_full(GcReason::Testing, false)
    }

    /// Sweeps the next page that waits for it; false if none does. Allocation sweeps by itself when it needs room.
    pub fn sweep_page(&mut self) -> bool {
        let (paged, pages) = self.mechanism.spaces.paged_mut();
        paged.into_iter().any(|space| space.sweep_one(pages))
    }

    /// Pages that wait for the sweeper.
    pub fn pages_to_sweep(&self) -> usize {
        self.mechanism.spaces.paged().iter().map(|space| space.to_sweep.len()).sum()
    }

    /// Fills new space with garbage until at most about `leave` bytes of its capacity are free, and collects nothing, so that
    /// the next allocations meet a full space. Returns the bytes taken.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// heap.fill_new_space(64);
    /// heap.scope().string_of_length(1000, false)?;
    /// assert_eq!(heap.scavenges(), 1);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn fill_new_space(&mut self, leave: u64) -> u64 {
        // The observer of marking would stop each bump after a step.
        self.mechanism.spaces.new.set_observer_step(u64::MAX >> 1, 0);
        let mut taken = 0;
        loop {
            let spaces = &mut self.mechanism.spaces;
            let room = spaces.new.available(&spaces.pages).saturating_sub(leave);
            let Some((address, bytes)) = largest(&spaces.pages.geometry, room, |bytes| spaces.new.bump(bytes)) else {
                if room >= LEAST && spaces.new.next_page(&mut spaces.pages, LEAST, false) {
                    continue;
                }
                break;
            };
            taken += bytes;
            self.write_garbage(address, bytes);
        }
        self.observe_new_space(0);
        taken
    }

    /// Fills the free memory of the pages of old space with garbage until at most about `leave` bytes are free, and collects
    /// nothing, so that the next old allocation needs a page. Sweeps what waits. Returns the bytes taken.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// scope.string("one object makes a page")?;
    /// scope.collect_garbage()?;
    /// assert!(scope.fill_old_space(1024) > 100_000);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn fill_old_space(&mut self, leave: u64) -> u64 {
        let spaces = &mut self.mechanism.spaces;
        spaces.old.finish_sweeping(&mut spaces.pages);
        let mut taken = 0;
        loop {
            let spaces = &mut self.mechanism.spaces;
            let room = spaces.old.available().saturating_sub(leave);
            let (old, pages) = (&mut spaces.old, &mut spaces.pages);
            let geometry = pages.geometry;
            let found = largest(&geometry, room, |bytes| match old.bump(bytes) {
                Some(address) => Some(address),
                None if old.refill_from_free_list(pages, bytes, Origin::Mutator) => old.bump(bytes),
                None => None,
            });
            let Some((address, bytes)) = found else { break };
            taken += bytes;
            self.old_bytes_allocated += bytes;
            self.write_garbage(address, bytes);
            if self.is_marking() {
                self.mechanism.spaces.pages.marks.set(address);
                self.mechanism.spaces.pages.add_live(address, bytes);
            }
        }
        taken
    }

    /// A byte array that nothing refers to.
    fn write_garbage(&mut self, address: u64, bytes: u64) {
        let length = bytes - LEAST;
        let header: Header = layout::byte_array(length);
        self.tally += (1 << 36) + header.words();
        self.store_raw(address, 0, header.0);
        self.store_raw(address, 1, smi(length));
    }
}

/// The smallest byte array, bytes.
const LEAST: u64 = 2 * WORD;

/// Takes the largest piece that can be had: halves what it asks for until it is given.
fn largest(
    geometry: &crate::space::pages::Geometry,
    room: u64,
    mut take: impl FnMut(u64) -> Option<u64>,
) -> Option<(u64, u64)> {
    let mut bytes = room.min(geometry.max_regular) / WORD * WORD;
    while bytes >= LEAST {
        if let Some(address) = take(bytes) {
            return Some((address, bytes));
        }
        bytes = bytes / 2 / WORD * WORD;
    }
    None
}
