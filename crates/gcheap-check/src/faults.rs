//! Memory refused at every place where a program asks for it, and out of memory inside each phase.
//!
//! [`Fault::opportunities`] runs a program that visits all phases of the collectors and counts how often it asks the system
//! for a page or a backing store; [`Fault::inject`] runs it again with one of these refused. Afterwards the heap must
//! verify, and after what was kept is dropped the rest of the program must run.

use crate::failure::{Caught, Found};
use gcheap::event::Event;
use gcheap::policy::{CompactionThresholds, Flags, MarkingLimit, PageFill, Policy, StartOfMarkingInputs, V8Policy};
use gcheap::profile::NODE_24;
use gcheap::types::{JsArray, JsMap, JsString, Record};
use gcheap::{Error, ErrorKind, GcKind, Global, Heap, HeapOptions, Local, NoGc, Placement, Scope, TaggedValue};
use std::cell::RefCell;
use std::rc::Rc;

/// What goes wrong in a run, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The system gives this many pages and then no more.
    Page(u64),
    /// The system gives this many backing stores and then no more.
    BackingStore(u64),
    /// The heap is filled up to its limit in front of a phase, but for this many KiB.
    Full {
        /// The phase, by its number.
        phase: usize,
        /// What is left free, KiB.
        but_for_kib: u64,
    },
}

/// How a fault ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In an `Err`; the heap verified and the rest of the program ran.
    Error,
    /// Nobody needed what was refused: the program ran to its end.
    Absorbed,
}

/// What the heap promises, and did not keep under a fault.
pub type Broken = Found;

type Phase = fn(&mut Scope<'_>, &mut Kept) -> Result<(), Error>;

/// The phases of the program, in their order.
const PHASES: [(&str, Phase); 11] = [
    ("survivors of scavenges", survivors),
    ("allocation in old space", old_objects),
    ("large objects, young and old", large_objects),
    ("changes under incremental marking", marking),
    ("evacuation of fragmented pages", evacuation),
    ("lazy sweeping", sweeping),
    ("weak objects and finalization", weak),
    ("backing stores", backing_stores),
    ("strings", strings),
    ("hash tables", tables),
    ("stretches without a collection", stretches),
];

/// Rounds of the phases in one run.
const ROUNDS: usize = 4;
/// MB of old space: room for a round, with little to spare.
const MAX_OLD_MB: u64 = 24;

/// Starts marking whenever it may and evacuates every page, so that each round has every phase.
#[derive(Debug)]
struct Eager;

impl Policy for Eager {
    fn start_of_marking(&self, inputs: &StartOfMarkingInputs) -> MarkingLimit {
        if inputs.can_start { MarkingLimit::Hard } else { V8Policy.start_of_marking(inputs) }
    }

    fn evacuation_candidates(&self, pages: &[PageFill], _area: u64, _thresholds: &CompactionThresholds) -> Vec<u32> {
        pages.iter().map(|fill| fill.page).collect()
    }
}

/// What the program keeps from phase to phase.
#[derive(Default)]
struct Kept {
    list: Option<Global>,
    filling: Option<Global>,
}

impl Kept {
    fn list<'s>(&mut self, scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
        if let Some(list) = &self.list {
            let list = scope.open(list)?;
            return scope.downcast(list);
        }
        let list = scope.array(&[])?;
        self.list = Some(scope.global(list.upcast())?);
        Ok(list)
    }
}

impl Fault {
    /// Every opportunity of the program for a fault: each page and each backing store that it asks for, and out of memory in
    /// front of and inside each phase.
    ///
    /// # Errors
    /// The program does not run without a fault.
    pub fn opportunities() -> Result<Vec<Fault>, Broken> {
        let (end, pages, stores) = run(None)?;
        if end != End::Absorbed {
            return Err(Found { by: Caught::Oracle, message: "the program fails without a fault".to_owned() });
        }
        let full = (0..PHASES.len()).flat_map(|phase| {
            [0, 64, 128, 256, 512, 1024, 2048, 4096].map(|but_for_kib| Fault::Full { phase, but_for_kib })
        });
        Ok((0..pages).map(Fault::Page).chain((0..stores).map(Fault::BackingStore)).chain(full).collect())
    }

    /// Runs the program with this fault.
    ///
    /// ```
    /// use gcheap_check::faults::{End, Fault};
    /// assert_eq!(Fault::Page(60).inject()?, End::Error);
    /// # Ok::<(), gcheap_check::Found>(())
    /// ```
    ///
    /// # Errors
    /// What the heap does not keep: a promise of the verifier, an error that is none of memory, or a rest that does not run.
    pub fn inject(self) -> Result<End, Broken> {
        run(Some(self)).map(|(end, ..)| end)
    }
}

/// More than any run asks for.
const PLENTY: u64 = 1 << 40;

/// Runs the program; how it ended, and how many pages and backing stores it asked for before it did.
fn run(fault: Option<Fault>) -> Result<(End, u64, u64), Broken> {
    let mut heap = Heap::new(HeapOptions {
        profile: &NODE_24,
        flags: Flags { max_old_space_size_mb: Some(MAX_OLD_MB), max_semi_space_size_mb: Some(1), ..Flags::default() },
        baseline: false,
        policy: Box::new(Eager),
        // A fault may break a promise that the next collection hides.
        verify: fault.is_some(),
        ..HeapOptions::default()
    })?;
    let fatal = Rc::new(RefCell::new(0));
    let seen = Rc::clone(&fatal);
    heap.subscribe(move |event| *seen.borrow_mut() += u32::from(matches!(event, Event::Fatal(_))));
    let mut scope = heap.scope();
    let (pages, stores) = match fault {
        Some(Fault::Page(pages)) => (pages, PLENTY),
        Some(Fault::BackingStore(stores)) => (PLENTY, stores),
        _ => (PLENTY, PLENTY),
    };
    scope.refuse_pages_after(Some(pages));
    scope.refuse_backing_stores_after(Some(stores));
    let mut kept = Kept::default();
    let mut end = End::Absorbed;
    let mut round = 0;
    while round < ROUNDS {
        for (index, (name, phase)) in PHASES.iter().enumerate() {
            let in_phase = |found: Found| Found { message: format!("{name}: {}", found.message), ..found };
            let mut result = Ok(());
            if let Some(Fault::Full { phase, but_for_kib }) = fault
                && end == End::Absorbed
                && round == 0
                && phase == index
            {
                let mut inner = scope.scope();
                result = fill(&mut inner, &mut kept, but_for_kib << 10);
            }
            if result.is_ok() {
                let mut inner = scope.scope();
                result = phase(&mut inner, &mut kept);
            }
            match result {
                Ok(()) => {}
                Err(error)
                    if fault.is_some()
                        && end == End::Absorbed
                        && matches!(error.kind(), ErrorKind::OutOfMemory(_) | ErrorKind::RangeError(_)) =>
                {
                    end = End::Error;
                    recover(&mut scope, &mut kept).map_err(in_phase)?;
                    // The rest of this round shows that the heap serves; more rounds would show the same.
                    round = ROUNDS;
                }
                Err(error) => return Err(in_phase(error.into())),
            }
        }
        kept.filling = None;
        round += 1;
    }
    let asked = PLENTY - scope.pages_before_refusal().unwrap_or(PLENTY).min(PLENTY);
    let asked_stores = PLENTY - scope.backing_stores_before_refusal().unwrap_or(PLENTY).min(PLENTY);
    scope.verify()?;
    Ok((end, asked, asked_stores))
}

/// The fault is over: the heap verifies as it is, and after everything is dropped a full collection leaves it empty.
fn recover(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Broken> {
    scope.verify()?;
    scope.refuse_pages_after(None);
    scope.refuse_backing_stores_after(None);
    *kept = Kept::default();
    scope.end_job();
    // What marking had reached when the fault struck stays until the collection after this one.
    for _ in 0..2 {
        match scope.collect(GcKind::Major) {
            Err(error) if error.out_of_memory().is_none() => return Err(error.into()),
            _ => {}
        }
        scope.verify()?;
    }
    let used = scope.statistics().used_heap_size;
    if used > 1 << 20 {
        return Err(Found { by: Caught::Statistics, message: format!("everything is dropped, {used} bytes are used") });
    }
    Ok(())
}

/// Fills old space until `free` bytes are left below its limit.
fn fill(scope: &mut Scope<'_>, kept: &mut Kept, free: u64) -> Result<(), Error> {
    let filling = scope.array(&[])?;
    kept.filling = Some(scope.global(filling.upcast())?);
    loop {
        let used = scope.statistics().used_heap_size;
        if used + free + (96 << 10) >= MAX_OLD_MB << 20 {
            return Ok(());
        }
        let mut inner = scope.scope();
        let piece = inner.array_with_length(Placement::Old, 4000)?;
        inner.array_push(filling, piece.into())?;
    }
}

fn survivors(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..12_000 {
        let mut inner = scope.scope();
        let object = inner.object(&[number.into(), number.into(), number.into(), number.into()])?;
        if number % 8 == 0 {
            inner.array_push(list, object.into())?;
        }
    }
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Minor)
}

fn old_objects(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..12_000 {
        let mut inner = scope.scope();
        let object = inner.object_literal(Placement::Old, &[number.into(), number.into(), number.into()])?;
        inner.array_push(list, object.into())?;
    }
    Ok(())
}

fn large_objects(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..60 {
        let mut inner = scope.scope();
        let placement = if number % 2 == 0 { Placement::Young } else { Placement::Old };
        let large = inner.array_with_length(placement, 20_000)?;
        let young = inner.object(&[number.into()])?;
        inner.array_set(large, 19_999, young.into())?;
        if number % 10 == 0 {
            inner.array_push(list, large.into())?;
        }
    }
    scope.collect(GcKind::Minor)
}

fn marking(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    if scope.array_length(list)? == 0 {
        survivors(scope, kept)?;
    }
    let length = scope.array_length(list)?;
    // What is marked and what is not change places while marking goes on.
    for number in 0..6_000u64 {
        let mut inner = scope.scope();
        let element = inner.array_get(list, number * 7 % length)?;
        let object = inner.object(&[element, (number as i32).into()])?;
        inner.array_set(list, number * 13 % length, object.into())?;
        inner.advance(0.01);
    }
    Ok(())
}

fn evacuation(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for index in 0..scope.array_length(list)? {
        if !index.is_multiple_of(4) {
            scope.array_set(list, index, 0.into())?;
        }
    }
    scope.collect(GcKind::Major)
}

fn sweeping(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for index in 0..scope.array_length(list)? {
        if index.is_multiple_of(8) {
            scope.array_set(list, index, 0.into())?;
        }
    }
    scope.collect(GcKind::Major)?;
    old_objects(scope, kept)?;
    scope.collect(GcKind::Minor)
}

fn weak(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    let (map, registry) = (scope.weak_map()?, scope.finalization_registry()?);
    for number in 0..1500 {
        let mut inner = scope.scope();
        let (key, value) = (inner.object(&[number.into()])?, inner.object(&[number.into()])?);
        inner.weak_map_set(map, key.upcast(), value.into())?;
        inner.register(registry, key.upcast(), number.into(), None)?;
        let weak_ref = inner.weak_ref(value.upcast())?;
        inner.array_push(list, weak_ref.into())?;
        if number % 3 == 0 {
            inner.array_push(list, key.into())?;
        }
    }
    scope.end_job();
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Major)?;
    while {
        let mut inner = scope.scope();
        inner.take_finalization().is_some()
    } {}
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(4000))
}

fn backing_stores(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..120 {
        let mut inner = scope.scope();
        let array = inner.buffer_alloc(16 << 10, Some(1))?;
        if number % 4 == 0 {
            inner.array_push(list, array.into())?;
        }
    }
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Major)
}

fn strings(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..120 {
        let mut inner = scope.scope();
        let mut text: Local<'_, JsString> = inner.string_of_length(3000, number % 2 == 0)?;
        for _ in 0..4 {
            text = inner.concat(text, text)?;
        }
        inner.flatten(text)?;
        let part = inner.substring(text, 5, 500)?;
        if number % 10 == 0 {
            inner.array_push(list, part.into())?;
        }
    }
    Ok(())
}

fn tables(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    let map: Local<'_, JsMap> = scope.map()?;
    scope.array_push(list, map.into())?;
    for key in 0..9000 {
        let mut inner = scope.scope();
        let value = inner.object(&[key.into()])?;
        inner.map_set(map, key.into(), value.into())?;
    }
    for key in 0..8900 {
        let mut inner = scope.scope();
        inner.map_delete(map, key.into())?;
    }
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(1000))?;
    scope.collect(GcKind::LastResort)
}

/// Each stretch first makes room for as much as one can have. Tables hold some of it, one in old space and a large young one.
fn stretches(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    const PAIR: u64 = 24;
    let (list, pair) = (kept.list(scope)?, scope.record_type(2, 0)?);
    let tables = [scope.table::<Record>(Placement::Old, 600)?, scope.table::<Record>(Placement::Young, 20_000)?];
    for table in tables {
        scope.array_push(list, table.into())?;
    }
    for round in 0..200 {
        scope.no_gc(NoGc::MOST_BYTES, |no_gc| {
            let tables = [no_gc.tagged(tables[0])?, no_gc.tagged(tables[1])?];
            let mut next = TaggedValue::Undefined;
            for number in 0..NoGc::MOST_BYTES / PAIR {
                let fresh = no_gc.record(pair, [next, (number as i32).into()])?;
                next = if number % 5 == 0 { TaggedValue::Undefined } else { fresh.into() };
                if number % 7 == 0 {
                    no_gc.table_set(tables[round % 2], number % 600, Some(fresh))?;
                }
            }
            Ok(())
        })?;
    }
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(1000))?;
    scope.collect(GcKind::Minor)
}
