//! Memory refused at every place where a program asks for it, and out of memory inside each phase.
//!
//! [`Fault::opportunities`] runs a program that visits all phases of the collectors and counts how often it asks the system
//! for a page or a backing store; [`Fault::inject`] runs it again with one of these refused. Afterwards the heap must
//! verify, and after what was kept is dropped the rest of the program must run.

mod phases;

use crate::failure::{Caught, Found};
use gcheap::event::Event;
use gcheap::policy::{CompactionThresholds, Flags, MarkingLimit, PageFill, Policy, StartOfMarkingInputs, V8Policy};
use gcheap::profile::NODE_24;
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions, Placement, Scope};
use phases::{Kept, PHASES};
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
