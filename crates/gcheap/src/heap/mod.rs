//! The façade: allocate, mutate, collect, ask.
//!
//! A [`Heap`] ties the mechanism (spaces and collectors) to policy, clock and events. Everything here is safe code; no
//! call, however wrong its arguments, can break memory safety or the promises that [`Heap::verify`] checks.

mod allocate;
mod allocation_limit;
mod arrays;
mod baseline;
pub(crate) mod boilerplate;
mod buffers;
mod collect;
mod collections;
mod control;
pub(crate) mod error;
mod external_memory;
mod global;
pub(crate) mod handle;
mod heap_limit;
pub(crate) mod literal_room;
mod literal_texts;
pub(crate) mod literals;
mod marking;
pub(crate) mod no_gc;
mod number_text;
mod objects;
mod options;
pub(crate) mod peek;
mod profile_check;
mod record;
mod record_macro;
mod resize_new_space;
pub(crate) mod scope;
pub(crate) mod site;
mod statistics;
mod strings;
mod table;
pub(crate) mod tagged;
mod tasks;
pub(crate) mod typed_record;
mod weak_objects;

pub use collect::GcKind;
pub use control::{Compaction, GcPhase};
pub use options::HeapOptions;
pub use record::RecordType;
pub use statistics::{HeapStatistics, MemoryUsage};
pub use weak_objects::Finalization;

use crate::collect::{Mechanism, VerifyError};
use crate::event::Event;
use crate::object::layout::VersionSizes;
use crate::policy::{BACKGROUND_MARKERS, ExternalMemory, GcTracer, Limits, MARKING_SEGMENT, Policy, limits};
use crate::profile::{FullCollectionsCount, Profile};
use crate::space::Spaces;
use crate::space::pages::Geometry;
use crate::time::{Clock, CostModel};
use error::{Error, ErrorKind};
use site::SiteState;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU32, Ordering};

/// The largest reservation: object addresses are kept in 32 bits, in words.
const MAX_RESERVATION: u64 = 1 << 35;

/// Called near the limit with the current and the initial maximum of the old generation, bytes; returns the new maximum.
pub(crate) type NearHeapLimitCallback = Box<dyn FnMut(u64, u64) -> u64>;

/// Called with every event.
type Listener = Box<dyn FnMut(&Event)>;

/// What changes over the life of a heap and decides the next collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitState {
    pub(crate) max_old_generation: u64,
    pub(crate) old_limit: u64,
    pub(crate) global_limit: u64,
    /// The limit comes from a full collection or a flag.
    pub(crate) configured: bool,
    pub(crate) had_full_collection: bool,
    pub(crate) ineffective_mark_compacts: u32,
    pub(crate) survived_since_last_expansion: u64,
    /// Share of the initial limit below which a raised limit is restored.
    pub(crate) restore_limit_below: Option<f64>,
}

/// Deterministic stress: collections at chosen allocations.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stress {
    pub(crate) every: u64,
    pub(crate) countdown: u64,
    pub(crate) kind: GcKind,
}

/// A heap.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let kept = scope.array(&[])?;
/// loop {
///     let mut turn = scope.scope();
///     let record = turn.object(&[1.into(), 2.into()])?;
///     if let Err(error) = turn.array_push(kept, record.into()).map(|_| ()) {
///         return Err(error.into());
///     }
///     if turn.array_length(kept)? == 1000 {
///         break;
///     }
/// }
/// assert!(scope.statistics().used_heap_size >= 1000 * 40);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Heap {
    pub(crate) id: u32,
    /// What the handles of this heap have in their upper half: its number.
    pub(crate) handle_key: NonZeroU64,
    /// Where the heap lay when a scope of it was opened last.
    pub(crate) home: usize,
    pub(crate) mechanism: Mechanism,
    pub(crate) profile: &'static Profile,
    pub(crate) limits: Limits,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) cost: CostModel,
    pub(crate) tracer: GcTracer,
    pub(crate) state: LimitState,
    /// Collections of a nursery that hand it over whole: how many are left, and how many policy granted.
    pub(crate) without_copying: (u32, u32),
    pub(crate) external: ExternalMemory,
    /// Backing-store bytes that were freed but not yet taken off the counters (V8 sweeps array buffers in the background).
    pub(crate) unswept_backing_stores: u64,
    /// External bytes that are not array buffers (the sources of Node's modules).
    pub(crate) external_strings: u64,
    /// Array-buffer bytes of the baseline.
    pub(crate) external_array_buffers: u64,
    pub(crate) sites: Vec<SiteState>,
    pub(crate) cycle: marking::Cycle,
    pub(crate) marking_tasks: marking::Tasks,
    listeners: Vec<Listener>,
    pub(crate) near_heap_limit: Vec<NearHeapLimitCallback>,
    /// Objects (upper bits) and words allocated since the totals were settled.
    pub(crate) tally: u64,
    pub(crate) objects_allocated: u64,
    pub(crate) bytes_allocated: u64,
    pub(crate) old_bytes_allocated: u64,
    pub(crate) promoted_bytes: u64,
    pub(crate) evacuated_pages: u64,
    pub(crate) promoted_pages: u64,
    /// What of the tally the clock has been told of.
    charged: (u64, u64),
    /// Work of the program that the clock has not been told of, ns.
    worked: f64,
    pub(crate) collections: u64,
    pub(crate) scavenges: u64,
    pub(crate) mark_compacts: u64,
    /// Bytes of Node's own objects that the marker does not read of those that stand for them.
    pub(crate) own_objects: u64,
    /// Full collections that let code age.
    pub(crate) aging_collections: u64,
    pub(crate) total_gc_ms: f64,
    pub(crate) last_gc_end_ms: f64,
    pub(crate) used_after_last_gc: u64,
    pub(crate) identity_hashes: u32,
    pub(crate) always_allocate: bool,
    pub(crate) retry_of_failed_allocation: bool,
    pub(crate) in_failed_allocation: bool,
    /// Some kind of stress is on: every allocation takes the slow path.
    pub(crate) stressed: bool,
    pub(crate) stress: Stress,
    pub(crate) control: control::Control,
    pub(crate) refuse_backing_stores_after: Option<u64>,
    /// Policy decided at the start of the collection to shrink new space at its end.
    pub(crate) shrink_at_end: bool,
    /// V8 still calls the sweep of the last cycle unfinished.
    pub(crate) sweeping_unfinished: bool,
    /// When the background sweepers will be through with what the last full collection left them.
    pub(crate) swept_at_ms: f64,
    /// Capacity of a semi-space that decides on allocation sites in this collection.
    pub(crate) capacity_for_sites: u64,
    /// Bytes of copy buffers that the next scavenge leaves beside its own.
    pub(crate) copy_buffers_owed: u64,
    verify_after_gc: bool,
    pub(crate) record_types: Vec<record::Layout>,
    /// The types of tables, by their numbers.
    pub(crate) table_types: Vec<std::any::TypeId>,
    pub(crate) peak_used: u64,
}

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap")
            .field("node", &self.profile.node_major)
            .field("used", &self.mechanism.spaces.objects())
            .field("committed", &self.mechanism.spaces.committed())
            .field("collections", &self.collections)
            .finish_non_exhaustive()
    }
}

/// Heaps are told apart by a number; it never shows in any result. `None` once all have been given: a number is never given
/// twice.
fn next_id() -> Option<NonZeroU32> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let next = |id: u32| (id < u32::MAX).then_some(id + 1);
    NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().and_then(NonZeroU32::new)
}

/// Values of the lower half of a handle.
const HANDLES_OF_A_HEAP: NonZeroU64 = NonZeroU64::MIN.saturating_add(u32::MAX as u64);

/// The number of a heap in the upper half.
const fn handle_key(id: NonZeroU32) -> NonZeroU64 {
    match NonZeroU64::new(id.get() as u64) {
        Some(id) => id.saturating_mul(HANDLES_OF_A_HEAP),
        None => HANDLES_OF_A_HEAP,
    }
}

/// Of a heap that would have needed another number when there was none left: it has no handles any more.
const SPENT: NonZeroU64 = handle_key(NonZeroU32::MAX);

impl Heap {
    /// Makes a heap. It owns address space for twice its limit and what one huge object can add; memory only as it is used.
    ///
    /// # Errors
    /// [`ErrorKind::Limits`](crate::ErrorKind::Limits) for flags that cannot be, [`ErrorKind::Profile`](crate::ErrorKind::Profile)
    /// for a profile of one's own whose pages or objects cannot be, [`ErrorKind::TooManyHeaps`](crate::ErrorKind::TooManyHeaps),
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the system has no address space.
    pub fn new(options: HeapOptions) -> Result<Heap, Error> {
        let profile = options.profile;
        profile_check::check(profile)?;
        let mut limits = limits(&options.flags, options.physical_memory, profile).map_err(ErrorKind::Limits)?;
        if let Some(bytes) = options.nursery {
            let bytes = bytes.clamp(1, limits.max_old_generation).next_multiple_of(profile.pages.size);
            (limits.min_semi_space, limits.initial_semi_space, limits.max_semi_space) = (bytes, bytes, bytes);
        }
        let geometry = Geometry {
            shift: profile.pages.size.trailing_zeros(),
            header: profile.pages.header,
            max_regular: profile.pages.max_regular_object,
        };
        let huge = (profile.objects.max_fixed_array_length + 2) * 8;
        let reservation = (limits.heap_size_limit * 2 + 2 * huge).next_power_of_two().min(MAX_RESERVATION);
        if limits.heap_size_limit > MAX_RESERVATION / 2 {
            return Err(ErrorKind::Refused(crate::Refused { bytes: limits.heap_size_limit }).into());
        }
        let mut spaces = Spaces::new(
            options.backend,
            geometry,
            reservation,
            limits.initial_semi_space,
            profile.new_space.lazy_commit,
            options.nursery.is_some(),
        )?;
        if options.prefault {
            spaces.pages.memory.prefault();
        }
        let external = ExternalMemory::new(0, &profile.external);
        let id = next_id().ok_or(ErrorKind::TooManyHeaps)?;
        let mut heap = Heap {
            id: id.get(),
            handle_key: handle_key(id),
            home: 0,
            mechanism: Mechanism::new(spaces, options.parallel_marking),
            profile,
            state: LimitState {
                max_old_generation: limits.max_old_generation,
                old_limit: limits.initial_old_generation,
                global_limit: limits.initial_old_generation * 2,
                configured: limits.initial_old_generation_configured,
                had_full_collection: false,
                ineffective_mark_compacts: 0,
                survived_since_last_expansion: 0,
                restore_limit_below: None,
            },
            limits,
            without_copying: (0, 0),
            policy: options.policy,
            clock: options.clock,
            cost: options.cost.unwrap_or(profile.cost),
            tracer: GcTracer::new(profile.tracer),
            external,
            unswept_backing_stores: 0,
            external_strings: 0,
            external_array_buffers: 0,
            sites: Vec::new(),
            cycle: marking::Cycle::default(),
            marking_tasks: marking::Tasks::default(),
            listeners: Vec::new(),
            near_heap_limit: Vec::new(),
            tally: 0,
            objects_allocated: 0,
            bytes_allocated: 0,
            old_bytes_allocated: 0,
            promoted_bytes: 0,
            evacuated_pages: 0,
            promoted_pages: 0,
            charged: (0, 0),
            worked: 0.0,
            collections: 0,
            scavenges: 0,
            mark_compacts: 0,
            own_objects: 0,
            aging_collections: 0,
            total_gc_ms: 0.0,
            last_gc_end_ms: 0.0,
            used_after_last_gc: 0,
            identity_hashes: 0,
            always_allocate: false,
            retry_of_failed_allocation: false,
            in_failed_allocation: false,
            stressed: false,
            stress: Stress::default(),
            control: control::Control::default(),
            refuse_backing_stores_after: None,
            shrink_at_end: false,
            sweeping_unfinished: false,
            swept_at_ms: 0.0,
            copy_buffers_owed: 0,
            capacity_for_sites: 0,
            verify_after_gc: options.verify,
            record_types: Vec::new(),
            table_types: Vec::new(),
            peak_used: 0,
        };
        heap.mechanism.marking.set_background(BACKGROUND_MARKERS, MARKING_SEGMENT);
        heap.mechanism.evacuation_sweeps = profile.collection.evacuation_sweeps.pages_a_refill();
        heap.mechanism.promotes_all = profile.new_space.full_collection_promotes_all || options.nursery.is_some();
        heap.mechanism.count_mementos_of_promoted_pages =
            profile.pretenuring.full_collections_count != FullCollectionsCount::Moved;
        heap.mechanism.scavenges_clear_weak_refs = profile.new_space.scavenges_clear_weak_refs;
        for space in heap.mechanism.spaces.paged_mut().0 {
            space.counts_open_area = profile.collection.open_linear_areas_count_as_used;
        }
        if profile.new_space.takes_whole_copy_buffers {
            heap.mechanism.spaces.new.copy_buffer = profile.new_space.copy_buffer;
        }
        if options.baseline {
            heap.fill_baseline()?;
        }
        Ok(heap)
    }

    /// Refuses all handles made so far: somebody has put another heap behind an open scope (`std::mem::swap` can), and handles
    /// were popped that lifetimes still say are there.
    #[cold]
    #[inline(never)]
    pub(crate) fn renumber_handles(&mut self) {
        self.refuse_handles(next_id());
    }

    fn refuse_handles(&mut self, id: Option<NonZeroU32>) {
        self.handle_key = id.map_or(SPENT, handle_key);
        if id.is_none() {
            // Without room, so that the next one asks for some and gets none.
            self.mechanism.roots.handles = Vec::new();
        }
    }

    /// The profile that the heap behaves as.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The limits that flags and memory gave.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls `listener` with every event from now on.
    pub fn subscribe(&mut self, listener: impl FnMut(&Event) + 'static) {
        self.listeners.push(Box::new(listener));
    }

    pub(crate) fn emit(&mut self, event: &Event) {
        for listener in &mut self.listeners {
            listener(event);
        }
    }

    /// Adds a callback that is asked when the heap is near its limit: it gets the current and the initial maximum of the old
    /// generation and returns the new maximum. The one added last is asked (V8 `AddNearHeapLimitCallback`).
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// heap.add_near_heap_limit_callback(|current, _initial| current + (16 << 20));
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn add_near_heap_limit_callback(&mut self, callback: impl FnMut(u64, u64) -> u64 + 'static) {
        if self.near_heap_limit.len() < crate::policy::MAX_NEAR_HEAP_LIMIT_CALLBACKS {
            self.near_heap_limit.push(Box::new(callback));
        }
    }

    /// Removes the callback that was added last; false if there is none.
    pub fn remove_near_heap_limit_callback(&mut self) -> bool {
        self.near_heap_limit.pop().is_some()
    }

    /// Restores the initial limit once a full collection leaves less than `share` of it alive
    /// (V8 `AutomaticallyRestoreInitialHeapLimit`).
    pub fn automatically_restore_initial_heap_limit(&mut self, share: f64) {
        self.state.restore_limit_below = Some(share);
    }

    /// Milliseconds since the heap was made, on its clock.
    pub fn time_ms(&self) -> f64 {
        self.clock.now_ms()
    }

    /// Time passes in which the program does other work than allocating, ms of the virtual clock.
    pub fn advance(&mut self, ms: f64) {
        self.sync_clock();
        self.clock.advance(crate::time::ms_to_ns(ms));
    }

    /// The program does other work than allocating, ns of the virtual clock. The clock is told when it is looked at next, so this costs
    /// next to nothing.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let before = heap.time_ms();
    /// heap.work(250_000.0);
    /// heap.advance(1.0);
    /// assert_eq!(heap.time_ms() - before, 1.25);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    #[inline]
    pub fn work(&mut self, ns: f64) {
        self.worked += ns;
    }

    /// Tells the clock what has been allocated and worked since it was told last.
    pub(crate) fn sync_clock(&mut self) {
        self.settle_tally();
        let (objects, bytes) = (self.objects_allocated - self.charged.0, self.bytes_allocated - self.charged.1);
        let worked = std::mem::take(&mut self.worked).max(0.0).round() as u64;
        let touched = self.cost.fresh_memory_ns(self.mechanism.spaces.pages.take_touched());
        let took = self.cost.mutator_ns(objects, bytes).saturating_add(worked).saturating_add(touched);
        let took = (took as f64 * self.slowdown()).round() as u64;
        self.clock.advance(CostModel::beside_ns(took, self.cost.slowdown_while_sweeping, self.sweeping_left_ns()));
        self.charged = (self.objects_allocated, self.bytes_allocated);
    }

    pub(crate) fn charge_backing_store_fill(&mut self, bytes: u64) {
        self.clock.advance(self.cost.fill_ns(bytes));
    }

    pub(crate) fn sizes(&self) -> VersionSizes {
        VersionSizes {
            array_buffer: self.profile.objects.js_array_buffer,
            typed_array: self.profile.objects.js_typed_array,
        }
    }

    /// Walks everything and compares it with the promises of the heap.
    ///
    /// # Errors
    /// The first promise that does not hold, with object, page and slot.
    pub fn verify(&mut self) -> Result<(), VerifyError> {
        self.mechanism.verify()
    }

    /// Switches verification after every collection on or off.
    pub fn verify_after_collections(&mut self, on: bool) {
        self.verify_after_gc = on;
    }

    /// A collection of `kind` at every `every`th allocation; 0 ends the stress. The same program collects at the same places.
    ///
    /// ```
    /// use gcheap::{GcKind, Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// heap.collect_at_every(1, GcKind::Minor);
    /// let mut scope = heap.scope();
    /// let list = scope.array(&[1.into(), 2.into()])?;
    /// assert_eq!(scope.array_length(list)?, 2);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn collect_at_every(&mut self, every: u64, kind: GcKind) {
        self.stress = Stress { every, countdown: every, kind };
        self.stressed = every > 0;
        self.forget_dice();
    }

    /// Lets the system "refuse" every page after `pages` more; `None` ends it.
    pub fn refuse_pages_after(&mut self, pages: Option<u64>) {
        self.mechanism.spaces.pages.refuse_after = pages;
    }

    /// Lets the system "refuse" every backing store after `stores` more; `None` ends it.
    pub fn refuse_backing_stores_after(&mut self, stores: Option<u64>) {
        self.refuse_backing_stores_after = stores;
    }

    /// Pages that the system still gives before it "refuses": what is left of [`Self::refuse_pages_after`].
    pub fn pages_before_refusal(&self) -> Option<u64> {
        self.mechanism.spaces.pages.refuse_after
    }

    /// Backing stores that are left of [`Self::refuse_backing_stores_after`].
    pub fn backing_stores_before_refusal(&self) -> Option<u64> {
        self.refuse_backing_stores_after
    }

    pub(crate) fn verify_if_asked(&mut self) -> Result<(), Error> {
        if self.verify_after_gc { self.verify().map_err(|error| ErrorKind::Verify(error).into()) } else { Ok(()) }
    }
}
