//! Runs a program on the heap and on the model and compares them.

use crate::model::{Cell, Id, Key, Model, Node, Slot};
use crate::operation::{Action, Operation};
use crate::random::Random;
use crate::restless::Restless;
use gcheap::event::{Collector, Event, Location};
use gcheap::policy::{Flags, V8Policy};
use gcheap::profile::Profile;
use gcheap::time::CostModel;
use gcheap::types::{
    HeapNumber, JsArray, JsArrayBuffer, JsFinalizationRegistry, JsFunction, JsMap, JsObject, JsSet, JsString,
    JsTypedArray, JsWeakMap, JsWeakRef, Record,
};
use gcheap::{
    AllocationSite, BackendKind, Error, GcKind, Global, Heap, HeapOptions, Local, Placement, RecordType, Scope, Value,
    WeakHandle,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Global handles that a program has.
const ROOTS: usize = 24;
/// Scopes that may be open at once.
const MAX_DEPTH: usize = 6;
/// Longest text that concatenation makes.
const MAX_TEXT: usize = 300_000;
/// Nodes that bulk operations may add to a model between two comparisons.
const ROOM: usize = 60_000;

/// The heap that a program runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Node major.
    pub node: u32,
    /// `--max-old-space-size`.
    pub max_old_space_mb: u64,
    /// `--max-semi-space-size`.
    pub max_semi_space_mb: u64,
    /// Start with what a fresh Node holds.
    pub baseline: bool,
    /// Use the portable backend.
    pub portable: bool,
    /// Decide by chance, with this seed, instead of as V8.
    pub restless: Option<u64>,
    /// Verify after every collection.
    pub verify: bool,
}

impl Settings {
    /// Settings that vary with the seed over all profiles, backends and small limits.
    ///
    /// ```
    /// assert!([20, 22, 24, 26].contains(&gcheap_check::Settings::from_seed(3).node));
    /// ```
    pub fn from_seed(seed: u64) -> Settings {
        let mut random = Random::new(seed ^ 0x0bad_cafe);
        Settings {
            node: random.pick(&[20, 22, 24, 26]),
            max_old_space_mb: random.pick(&[4, 6, 8, 12, 16, 24, 32, 64]),
            max_semi_space_mb: random.pick(&[1, 1, 2, 4]),
            baseline: random.below(3) == 0,
            portable: random.below(3) == 0,
            restless: (random.below(2) == 0).then_some(seed),
            verify: true,
        }
    }
}

/// A program on which heap and model do not agree.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Index of the operation.
    pub at: usize,
    /// What differs.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at operation {}: {}", self.at, self.message)
    }
}

impl std::error::Error for Failure {}

/// What a run came through; a test that saw none of something has not tested it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named for what they count")]
pub struct Coverage {
    pub operations: u64,
    pub comparisons: u64,
    pub nodes_compared: u64,
    pub scavenges: u64,
    pub mark_compacts: u64,
    pub incremental_marks: u64,
    pub marking_starts: u64,
    pub interleaved_scavenges: u64,
    pub evacuated_pages: u64,
    pub promoted_pages: u64,
    pub lazily_swept: u64,
    pub large_objects: u64,
    pub resizes: u64,
    pub near_limits: u64,
    pub out_of_memory: u64,
    pub pinned_scavenges: u64,
    pub aborted_evacuations: u64,
    pub cleared_weak_refs: u64,
    pub cleared_weak_handles: u64,
    pub finalizations: u64,
    pub range_errors: u64,
    pub site_decisions: u64,
}

impl Coverage {
    /// Adds what another run came through.
    pub fn add(&mut self, other: &Coverage) {
        let pairs: [(&mut u64, u64); 22] = [
            (&mut self.operations, other.operations),
            (&mut self.comparisons, other.comparisons),
            (&mut self.nodes_compared, other.nodes_compared),
            (&mut self.scavenges, other.scavenges),
            (&mut self.mark_compacts, other.mark_compacts),
            (&mut self.incremental_marks, other.incremental_marks),
            (&mut self.marking_starts, other.marking_starts),
            (&mut self.interleaved_scavenges, other.interleaved_scavenges),
            (&mut self.evacuated_pages, other.evacuated_pages),
            (&mut self.promoted_pages, other.promoted_pages),
            (&mut self.lazily_swept, other.lazily_swept),
            (&mut self.large_objects, other.large_objects),
            (&mut self.resizes, other.resizes),
            (&mut self.near_limits, other.near_limits),
            (&mut self.out_of_memory, other.out_of_memory),
            (&mut self.pinned_scavenges, other.pinned_scavenges),
            (&mut self.aborted_evacuations, other.aborted_evacuations),
            (&mut self.cleared_weak_refs, other.cleared_weak_refs),
            (&mut self.cleared_weak_handles, other.cleared_weak_handles),
            (&mut self.finalizations, other.finalizations),
            (&mut self.range_errors, other.range_errors),
            (&mut self.site_decisions, other.site_decisions),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }
}

/// What the events of a heap tell.
#[derive(Default)]
struct Seen {
    coverage: Coverage,
    last_was_incremental: bool,
}

/// Why an operation was not done.
enum Stop {
    /// The heap said so.
    Heap(Error),
    /// Heap and model differ.
    Wrong(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Heap(error)
    }
}

type Done<T = ()> = Result<T, Stop>;

fn wrong<T>(message: String) -> Done<T> {
    Err(Stop::Wrong(message))
}

/// A handle with the node that it should refer to.
type Pair<'s> = (Local<'s>, Id);

struct WatchedNode {
    handle: WeakHandle,
    /// `None` once it must have been cleared.
    target: Option<Id>,
    /// Collections when it was last seen alive.
    collections: u64,
}

struct Runner<'p> {
    program: &'p [Operation],
    at: usize,
    model: Model,
    roots: Vec<Option<(Global, Id)>>,
    /// Nodes of the handles of the open scopes.
    locals: Vec<Id>,
    kept: BTreeSet<Id>,
    watched: Vec<WatchedNode>,
    /// Cells that have been queued for certain.
    queued: Vec<Cell>,
    counter: i32,
    time: u64,
    room: usize,
    sites: [AllocationSite; 2],
    record_types: [(RecordType, u64, u64); 3],
    near_limits: u32,
    refusing: bool,
    refusing_stores: bool,
    seen: Rc<RefCell<Seen>>,
    coverage: Coverage,
}

/// Runs a program; what it came through, or where heap and model differ.
///
/// # Errors
/// The first difference, a broken promise of the heap, or a panic.
pub fn check(settings: &Settings, program: &[Operation]) -> Result<Coverage, Failure> {
    let at = RefCell::new(0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(settings, program, &at)));
    match outcome {
        Ok(result) => result.map_err(|message| Failure { at: *at.borrow(), message }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Failure { at: *at.borrow(), message: format!("panic: {}", text.unwrap_or_default()) })
        }
    }
}

fn run(settings: &Settings, program: &[Operation], at: &RefCell<usize>) -> Result<Coverage, String> {
    let profile = Profile::for_node(settings.node).ok_or_else(|| format!("no profile for Node {}", settings.node))?;
    let mut heap = Heap::new(HeapOptions {
        profile,
        flags: Flags {
            max_old_space_size_mb: Some(settings.max_old_space_mb),
            max_semi_space_size_mb: Some(settings.max_semi_space_mb),
            ..Flags::default()
        },
        baseline: settings.baseline,
        backend: if settings.portable { BackendKind::Portable } else { BackendKind::default() },
        verify: settings.verify,
        // Markers so slow that the program changes much under them.
        cost: settings.restless.map(|_| CostModel { concurrent_marking_ns_per_byte: 40.0, ..CostModel::REFERENCE }),
        policy: match settings.restless {
            Some(seed) => Box::new(Restless::new(seed)),
            None => Box::new(V8Policy),
        },
        ..HeapOptions::default()
    })
    .map_err(|error| error.to_string())?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let sink = Rc::clone(&seen);
    heap.subscribe(move |event| listen(&mut sink.borrow_mut(), event));
    let record_types = [(2, 0), (0, 20), (5, 300)]
        .map(|(tagged, raw)| heap.record_type(tagged, raw).map(|record_type| (record_type, tagged, raw)));
    let record_types = match record_types {
        [Ok(one), Ok(two), Ok(three)] => [one, two, three],
        _ => return Err("a record type was refused".to_owned()),
    };
    let mut runner = Runner {
        program,
        at: 0,
        model: Model::default(),
        roots: (0..ROOTS).map(|_| None).collect(),
        locals: Vec::new(),
        kept: BTreeSet::new(),
        watched: Vec::new(),
        queued: Vec::new(),
        counter: 0,
        time: 0,
        room: ROOM,
        sites: [heap.allocation_site(), heap.allocation_site()],
        record_types,
        near_limits: 0,
        refusing: false,
        refusing_stores: false,
        seen,
        coverage: Coverage::default(),
    };
    let mut scope = heap.scope();
    while runner.at < program.len() {
        let result = runner.level(&mut scope, &[], 0);
        *at.borrow_mut() = runner.at.min(program.len().saturating_sub(1));
        result?;
    }
    runner.finish(&mut scope)?;
    let mut coverage = runner.coverage;
    coverage.add(&runner.seen.borrow().coverage);
    coverage.evacuated_pages = scope.evacuated_pages();
    coverage.promoted_pages = scope.promoted_pages();
    Ok(coverage)
}

fn listen(seen: &mut Seen, event: &Event) {
    let coverage = &mut seen.coverage;
    match event {
        Event::Gc(gc) => {
            match gc.collector {
                Collector::Scavenge => coverage.scavenges += 1,
                Collector::MarkCompact => coverage.mark_compacts += 1,
            }
            coverage.incremental_marks += u64::from(gc.incremental.is_some());
            coverage.interleaved_scavenges += u64::from(gc.interleaved);
            coverage.lazily_swept += u64::from(gc.sweeping && gc.collector == Collector::Scavenge);
            seen.last_was_incremental = gc.incremental.is_some();
        }
        Event::MarkingStarted { .. } => coverage.marking_starts += 1,
        Event::NewSpaceResized { .. } => coverage.resizes += 1,
        Event::NearHeapLimit { .. } => coverage.near_limits += 1,
        Event::AllocationSite { .. } => coverage.site_decisions += 1,
        Event::Fatal(fatal) => match fatal.location {
            Location::ScavengerSemiSpaceCopy => coverage.pinned_scavenges += 1,
            Location::YoungObjectPromotion => coverage.aborted_evacuations += 1,
            _ => {}
        },
        _ => {}
    }
}

impl<'p> Runner<'p> {
    /// Runs operations in a scope until it is closed.
    fn level<'s>(&mut self, scope: &mut Scope<'s>, outer: &[Pair<'s>], depth: usize) -> Result<(), String> {
        let mut locals = outer.to_vec();
        let inherited = locals.len();
        while let Some(&operation) = self.program.get(self.at) {
            self.coverage.operations += 1;
            let result = match operation.action {
                Action::OpenScope if depth < MAX_DEPTH => {
                    self.at += 1;
                    let mut inner = scope.scope();
                    self.level(&mut inner, &locals, depth + 1)?;
                    continue;
                }
                Action::CloseScope if depth > 0 => {
                    self.at += 1;
                    self.locals.truncate(inherited);
                    return Ok(());
                }
                Action::OpenLocal => self.open_local(scope, &mut locals, operation.numbers),
                _ => {
                    let mut turn = scope.scope();
                    self.execute(&mut turn, &locals, operation)
                }
            };
            match result {
                Ok(()) => {}
                Err(Stop::Wrong(message)) => return Err(format!("{operation:?}: {message}")),
                Err(Stop::Heap(Error::RangeError(_))) => self.coverage.range_errors += 1,
                Err(Stop::Heap(error @ Error::OutOfMemory(_))) => {
                    self.recover(scope, &error)
                        .map_err(|message| format!("{operation:?}, after {error}: {message}"))?;
                }
                Err(Stop::Heap(error)) => return Err(format!("{operation:?}: {error}")),
            }
            self.at += 1;
        }
        self.locals.truncate(inherited);
        Ok(())
    }

    /// After out of memory the heap is valid, and serves again once roots are dropped.
    fn recover(&mut self, scope: &mut Scope<'_>, error: &Error) -> Result<(), String> {
        self.coverage.out_of_memory += 1;
        scope.refuse_pages_after(None);
        self.refusing = false;
        scope.verify().map_err(|broken| broken.message)?;
        if error.to_string().is_empty() {
            return Err("an error without words".to_owned());
        }
        for root in self.roots.iter_mut().step_by(2) {
            *root = None;
        }
        // It may still be above its limit: the collection is allowed to say so.
        match scope.collect_garbage() {
            Ok(()) | Err(Error::OutOfMemory(_)) => scope.verify().map_err(|broken| broken.message),
            Err(error) => Err(error.to_string()),
        }
    }

    fn finish(&mut self, scope: &mut Scope<'_>) -> Result<(), String> {
        scope.refuse_pages_after(None);
        scope.refuse_backing_stores_after(None);
        scope.collect_at_every(0, GcKind::Minor);
        self.locals.clear();
        let compared = {
            let mut turn = scope.scope();
            self.compare(&mut turn, &[])
        };
        if let Err(stop) = compared {
            return Err(match stop {
                Stop::Wrong(message) => message,
                Stop::Heap(error) => error.to_string(),
            });
        }
        // Nothing is left when nothing is kept: full collections free all that is not the heap's own.
        self.roots.iter_mut().for_each(|root| *root = None);
        scope.end_job();
        while {
            let mut turn = scope.scope();
            turn.take_finalization().is_some()
        } {}
        for _ in 0..3 {
            match scope.collect(GcKind::Major) {
                Ok(()) | Err(Error::OutOfMemory(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
            while {
                let mut turn = scope.scope();
                turn.take_finalization().is_some()
            } {}
        }
        scope.verify().map_err(|broken| broken.message)
    }

    fn number(&mut self) -> i32 {
        self.counter += 1;
        self.counter
    }

    fn collections(&self) -> u64 {
        let seen = self.seen.borrow();
        seen.coverage.scavenges + seen.coverage.mark_compacts
    }

    fn mark_compacts(&self) -> u64 {
        self.seen.borrow().coverage.mark_compacts
    }

    fn strong_roots(&self) -> impl Iterator<Item = Id> {
        let roots = self.roots.iter().flatten().map(|(_, id)| *id);
        let queued = self.queued.iter().flat_map(|cell| [cell.holdings, cell.registry]);
        roots.chain(self.locals.iter().copied()).chain(self.kept.iter().copied()).chain(queued)
    }

    fn reachable(&self) -> Vec<bool> {
        self.model.reachable(self.strong_roots())
    }

    fn open_local<'s>(&mut self, scope: &mut Scope<'s>, locals: &mut Vec<Pair<'s>>, numbers: [u32; 3]) -> Done {
        let Some(Some((global, id))) = self.roots.get(numbers[0] as usize % ROOTS) else { return Ok(()) };
        let local = scope.open(global)?;
        locals.push((local, *id));
        self.locals.push(*id);
        Ok(())
    }

    /// A handle chosen by a number: a root or local, then some steps along references.
    fn pick<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], choice: u32) -> Done<Option<Pair<'t>>> {
        let place = choice as usize % (ROOTS + locals.len());
        let start = match place.checked_sub(ROOTS) {
            Some(local) => Some(locals[local]),
            None => match &self.roots[place] {
                Some((global, id)) => Some((turn.open(global)?, *id)),
                None => None,
            },
        };
        let Some(mut pair) = start else { return Ok(None) };
        let mut random = Random::new(u64::from(choice));
        for _ in 0..random.below(5) {
            match self.step(turn, pair, random.next() as usize)? {
                Some(next) => pair = next,
                None => break,
            }
        }
        Ok(Some(pair))
    }

    /// Follows one reference, if the slot that the number chooses holds one.
    fn step<'t>(&mut self, turn: &mut Scope<'t>, (local, id): Pair<'t>, choice: usize) -> Done<Option<Pair<'t>>> {
        let chosen = |slots: &[Slot]| match slots.len() {
            0 => None,
            length => match slots[choice % length] {
                Slot::Node(node) => Some((choice % length, node)),
                _ => None,
            },
        };
        let (value, node) = match &self.model.nodes[id] {
            Node::Object(slots) => {
                let Some((index, node)) = chosen(slots) else { return Ok(None) };
                let object = turn.downcast::<JsObject>(local)?;
                (turn.property(object, index as u64)?, node)
            }
            Node::Array(slots) => {
                let Some((index, node)) = chosen(slots) else { return Ok(None) };
                let array = turn.downcast::<JsArray>(local)?;
                (turn.array_get(array, index as u64)?, node)
            }
            Node::Closure(slots) => {
                let Some((index, node)) = chosen(slots) else { return Ok(None) };
                let function = turn.downcast::<JsFunction>(local)?;
                (turn.captured(function, index as u64)?, node)
            }
            Node::Record(slots, _) => {
                let Some((index, node)) = chosen(slots) else { return Ok(None) };
                let record = turn.downcast::<Record>(local)?;
                (turn.field(record, index as u64)?, node)
            }
            _ => return Ok(None),
        };
        match value {
            Value::Object(local) => Ok(Some((local, node))),
            other => wrong(format!("a reference was expected and {other:?} found")),
        }
    }

    /// A handle to a node for which `fits` holds.
    fn pick_where<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        choice: u32,
        fits: impl Fn(&Node) -> bool,
    ) -> Done<Option<Pair<'t>>> {
        let mut random = Random::new(u64::from(choice) << 7);
        for _ in 0..3 {
            let pair = self.pick(turn, locals, random.next() as u32)?;
            if let Some((local, id)) = pair
                && fits(&self.model.nodes[id])
            {
                return Ok(Some((local, id)));
            }
        }
        let first = random.below(ROOTS as u64) as usize;
        for offset in 0..ROOTS {
            if let Some((global, id)) = &self.roots[(first + offset) % ROOTS]
                && fits(&self.model.nodes[*id])
            {
                return Ok(Some((turn.open(global)?, *id)));
            }
        }
        Ok(locals.iter().copied().find(|(_, id)| fits(&self.model.nodes[*id])))
    }

    fn value<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], choice: u32) -> Done<(Value<'t>, Slot)> {
        Ok(match choice % 5 {
            0 => (Value::Undefined, Slot::Undefined),
            1 => (Value::Smi(choice as i32), Slot::Smi(choice as i32)),
            _ => match self.pick(turn, locals, choice / 5)? {
                Some((local, id)) => (local.into(), Slot::Node(id)),
                None => (Value::Hole, Slot::Hole),
            },
        })
    }

    fn values<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        count: u64,
        choice: u32,
    ) -> Done<(Vec<Value<'t>>, Vec<Slot>)> {
        let mut random = Random::new(u64::from(choice) + 1);
        let number = self.number();
        let (mut values, mut slots) = (vec![Value::Smi(number)], vec![Slot::Smi(number)]);
        for _ in 0..count {
            let (value, slot) = self.value(turn, locals, random.next() as u32)?;
            values.push(value);
            slots.push(slot);
        }
        Ok((values, slots))
    }

    fn keep(&mut self, turn: &mut Scope<'_>, (local, id): Pair<'_>, place: u32) -> Done {
        let global = turn.global(local)?;
        self.roots[1 + place as usize % (ROOTS - 1)] = Some((global, id));
        Ok(())
    }

    fn placement(&self, choice: u32) -> Placement {
        match choice % 6 {
            0 => Placement::Old,
            1 | 2 => Placement::YoungWithMemento(self.sites[choice as usize / 6 % 2]),
            _ => Placement::Young,
        }
    }

    fn key<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], choice: u32) -> Done<(Value<'t>, Key)> {
        Ok(match choice % 3 {
            0 => (Value::Smi((choice % 64) as i32), Key::Smi((choice % 64) as i32)),
            1 => {
                let text = format!("key {}", choice % 40);
                (turn.string(&text)?.into(), Key::Text(text.encode_utf16().collect()))
            }
            _ => match self.pick(turn, locals, choice / 3)? {
                Some((local, id)) => match &self.model.nodes[id] {
                    Node::Text(text) => (local.into(), Key::Text(Rc::clone(text))),
                    // A boxed number is a key by value, which the model does not follow.
                    Node::Number(_) => (Value::Smi(-1), Key::Smi(-1)),
                    _ => (local.into(), Key::Node(id)),
                },
                None => (Value::Smi(-2), Key::Smi(-2)),
            },
        })
    }

    fn fields(&mut self, id: Id) -> &mut Vec<Slot> {
        match &mut self.model.nodes[id] {
            Node::Object(slots) | Node::Array(slots) | Node::Record(slots, _) => slots,
            other => unreachable!("{other:?} has no slots"),
        }
    }

    /// A place below a length that the numbers choose.
    fn below(choice: u32, length: usize) -> usize {
        choice as usize % length.max(1)
    }

    fn execute<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
            Action::Object => {
                let (values, slots) = self.values(turn, locals, u64::from(a % 6), b)?;
                let object = turn.object_literal(self.placement(a / 6), &values)?;
                let id = self.model.add(Node::Object(slots));
                self.keep(turn, (object.upcast(), id), c)
            }
            Action::SetProperty => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Object(_)))?
                else {
                    return Ok(());
                };
                let length = self.fields(id).len();
                // The first slot keeps the number by which two objects are told apart.
                let index = 1 + Self::below(b, length - 1);
                if index >= length {
                    return Ok(());
                }
                let (value, slot) = self.value(turn, locals, c)?;
                let object = turn.downcast::<JsObject>(local)?;
                turn.set_property(object, index as u64, value)?;
                self.fields(id)[index] = slot;
                Ok(())
            }
            Action::AddProperty => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Object(_)))?
                else {
                    return Ok(());
                };
                let object = turn.downcast::<JsObject>(local)?;
                for extra in 0..1 + b % 5 {
                    let (value, slot) = self.value(turn, locals, c.wrapping_add(extra))?;
                    let index = self.fields(id).len() as u64;
                    turn.set_property(object, index, value)?;
                    self.fields(id).push(slot);
                }
                Ok(())
            }
            Action::Array => {
                let (values, slots) = self.values(turn, locals, u64::from(a % 30), b)?;
                let array = turn.array_literal(self.placement(a / 30), &values)?;
                let id = self.model.add(Node::Array(slots));
                self.keep(turn, (array.upcast(), id), c)
            }
            Action::ArrayWithLength => {
                let length = u64::from(a % 400);
                let array = turn.array_with_length(self.placement(b), length)?;
                let id = self.model.add(Node::Array(vec![Slot::Hole; length as usize]));
                self.keep(turn, (array.upcast(), id), c)
            }
            Action::LargeArray => {
                let length = 16_300 + u64::from(a % 40_000);
                let array = turn.array_with_length(self.placement(b), length)?;
                self.coverage.large_objects += u64::from(length > 16_382);
                let id = self.model.add(Node::Array(vec![Slot::Hole; length as usize]));
                self.keep(turn, (array.upcast(), id), c)?;
                let mut random = Random::new(u64::from(b));
                for _ in 0..random.below(20) {
                    let index = random.below(length);
                    let (value, slot) = self.value(turn, locals, random.next() as u32)?;
                    turn.array_set(array, index, value)?;
                    self.fields(id)[index as usize] = slot;
                }
                Ok(())
            }
            Action::ArrayOfDoubles => {
                let mut random = Random::new(u64::from(a));
                let count = if b.is_multiple_of(20) { 20_000 } else { random.below(60) };
                let doubles: Vec<f64> = (0..count).map(|_| random.next() as f64 / 3.0).collect();
                let array = turn.array_of_doubles(self.placement(b), &doubles)?;
                let refused = turn.array_push(array, Value::Smi(1));
                if !matches!(refused, Err(Error::WrongKind { .. })) && !doubles.is_empty() {
                    return wrong(format!("a small integer was pushed to an array of doubles: {refused:?}"));
                }
                if doubles.is_empty() {
                    return Ok(());
                }
                let id = self.model.add(Node::Doubles(doubles));
                self.keep(turn, (array.upcast(), id), c)
            }
            Action::ArrayPush => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Array(_)))? else {
                    return Ok(());
                };
                let (value, slot) = self.value(turn, locals, b)?;
                let array = turn.downcast::<JsArray>(local)?;
                let length = turn.array_push(array, value)?;
                self.fields(id).push(slot);
                let expected = self.fields(id).len() as u64;
                if length != expected { wrong(format!("length {length}, not {expected}")) } else { Ok(()) }
            }
            Action::Hoard | Action::ArrayPushMany => {
                if self.roots[0].is_none() {
                    let hoard = turn.array(&[])?;
                    let id = self.model.add(Node::Array(Vec::new()));
                    self.roots[0] = Some((turn.global(hoard.upcast())?, id));
                }
                let found = match (&self.roots[0], operation.action) {
                    (Some((global, id)), Action::Hoard) => Some((turn.open(global)?, *id)),
                    _ => self.pick_where(turn, locals, a, |node| matches!(node, Node::Array(_)))?,
                };
                let Some((local, id)) = found else { return Ok(()) };
                let array = turn.downcast::<JsArray>(local)?;
                let count = (b as usize % 1500).min(self.room);
                self.room -= count;
                for _ in 0..count {
                    let number = self.number();
                    let mut inner = turn.scope();
                    let slots = vec![Slot::Smi(number), Slot::Undefined];
                    let object = inner.object_literal(self.placement(c), &[number.into(), Value::Undefined])?;
                    inner.array_push(array, object.into())?;
                    let object = self.model.add(Node::Object(slots));
                    self.fields(id).push(Slot::Node(object));
                }
                Ok(())
            }
            Action::ArraySet => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Array(_)))? else {
                    return Ok(());
                };
                let length = self.fields(id).len();
                let array = turn.downcast::<JsArray>(local)?;
                let (value, slot) = self.value(turn, locals, c)?;
                if length == 0 {
                    let refused = turn.array_set(array, 0, value);
                    return match refused {
                        Err(Error::IndexOutOfRange { .. }) => Ok(()),
                        other => wrong(format!("a write behind the end gave {other:?}")),
                    };
                }
                let index = Self::below(b, length);
                turn.array_set(array, index as u64, value)?;
                self.fields(id)[index] = slot;
                Ok(())
            }
            Action::PunchHoles => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Array(_)))? else {
                    return Ok(());
                };
                let array = turn.downcast::<JsArray>(local)?;
                let keep_every = 2 + b as usize % 30;
                for index in 0..self.fields(id).len() {
                    if !index.is_multiple_of(keep_every) {
                        turn.array_set(array, index as u64, Value::Undefined)?;
                        self.fields(id)[index] = Slot::Undefined;
                    }
                }
                Ok(())
            }
            Action::ArrayTruncate => {
                let fits = |node: &Node| matches!(node, Node::Array(_) | Node::Doubles(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let array = turn.downcast::<JsArray>(local)?;
                let length = turn.array_length(array)? as usize;
                let keep = if b.is_multiple_of(3) { length.saturating_sub(1) } else { Self::below(c, length) };
                turn.array_truncate(array, keep as u64)?;
                match &mut self.model.nodes[id] {
                    Node::Doubles(doubles) if keep == 0 => {
                        doubles.clear();
                        // Nothing remembers that it held doubles.
                        self.model.nodes[id] = Node::Array(Vec::new());
                    }
                    Node::Doubles(doubles) => doubles.truncate(keep),
                    _ => self.fields(id).truncate(keep),
                }
                Ok(())
            }
            Action::ArrayClear => {
                let Some((local, id)) = self.pick_where(turn, locals, a, |node| matches!(node, Node::Array(_)))? else {
                    return Ok(());
                };
                let array = turn.downcast::<JsArray>(local)?;
                turn.array_clear(array)?;
                self.fields(id).clear();
                Ok(())
            }
            Action::Text => {
                let number = self.number();
                let text = match a % 4 {
                    0 => format!("text {number}"),
                    1 => format!("größer {number}"),
                    2 => format!("文字列 {number} 長い文字列"),
                    _ => String::new(),
                };
                let string = turn.string(&text)?;
                let id = self.model.add(Node::Text(text.encode_utf16().collect()));
                self.keep(turn, (string.upcast(), id), c)
            }
            Action::LongText => {
                let length = u64::from(a % 200_000);
                let two_byte = b.is_multiple_of(2);
                let string = turn.string_of_length(length, two_byte)?;
                let unit = if two_byte { 0x4e2d } else { u16::from(b'x') };
                let id = self.model.add(Node::Text(vec![unit; length as usize].into()));
                self.keep(turn, (string.upcast(), id), c)
            }
            Action::Concat => {
                let fits = |node: &Node| matches!(node, Node::Text(_));
                let Some((first, one)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let Some((second, two)) = self.pick_where(turn, locals, b, fits)? else { return Ok(()) };
                let (Node::Text(one), Node::Text(two)) = (&self.model.nodes[one], &self.model.nodes[two]) else {
                    return Ok(());
                };
                if one.len() + two.len() > MAX_TEXT {
                    return Ok(());
                }
                let text: Rc<[u16]> = one.iter().chain(two.iter()).copied().collect();
                let (first, second) = (turn.downcast::<JsString>(first)?, turn.downcast::<JsString>(second)?);
                let string = turn.concat(first, second)?;
                let id = self.model.add(Node::Text(text));
                self.keep(turn, (string.upcast(), id), c)
            }
            Action::Substring => {
                let fits = |node: &Node| matches!(node, Node::Text(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let Node::Text(text) = &self.model.nodes[id] else { return Ok(()) };
                let start = Self::below(b, text.len() + 1);
                let end = start + Self::below(b.rotate_left(16), text.len() - start + 1);
                let part: Rc<[u16]> = text[start..end].into();
                let string = turn.downcast::<JsString>(local)?;
                let slice = turn.substring(string, start as u64, end as u64)?;
                let id = self.model.add(Node::Text(part));
                self.keep(turn, (slice.upcast(), id), c)
            }
            Action::Flatten => {
                let fits = |node: &Node| matches!(node, Node::Text(_));
                let Some((local, _)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let string = turn.downcast::<JsString>(local)?;
                Ok(turn.flatten(string)?)
            }
            Action::NumberToString => {
                let number = a as i32 >> (b % 32);
                let string = turn.number_to_string(number)?;
                let id = self.model.add(Node::Text(number.to_string().encode_utf16().collect()));
                self.keep(turn, (string.upcast(), id), c)
            }
            Action::Number => {
                let number = f64::from(a) / 7.0;
                let boxed = turn.heap_number(number)?;
                let id = self.model.add(Node::Number(number));
                self.keep(turn, (boxed.upcast(), id), c)
            }
            Action::Closure => {
                let (values, slots) = self.values(turn, locals, u64::from(a % 4), b)?;
                let closure = turn.closure(&values, b.is_multiple_of(2))?;
                let id = self.model.add(Node::Closure(slots));
                self.keep(turn, (closure.upcast(), id), c)
            }
            Action::Promise => {
                let promise = turn.promise()?;
                let id = self.model.add(Node::Promise);
                self.keep(turn, (promise.upcast(), id), c)
            }
            Action::Map => {
                let map = turn.map()?;
                let id = self.model.add(Node::Map(BTreeMap::new()));
                self.keep(turn, (map.upcast(), id), c)
            }
            Action::MapSet | Action::MapSetMany => {
                let fits = |node: &Node| matches!(node, Node::Map(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsMap>(local)?;
                if operation.action == Action::MapSet {
                    let (key, model_key) = self.key(turn, locals, b)?;
                    let (value, slot) = self.value(turn, locals, c)?;
                    turn.map_set(map, key, value)?;
                    self.map_set(id, model_key, slot);
                    return Ok(());
                }
                for key in 0..(b % 600) as i32 {
                    let key = 1000 + key;
                    let mut inner = turn.scope();
                    let (value, slot) = self.value(&mut inner, &[], c)?;
                    inner.map_set(map, key.into(), value)?;
                    self.map_set(id, Key::Smi(key), slot);
                }
                Ok(())
            }
            Action::MapDelete => {
                let fits = |node: &Node| matches!(node, Node::Map(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsMap>(local)?;
                let (key, model_key) = self.key(turn, locals, b)?;
                self.map_delete(turn, map, id, key, &model_key)
            }
            Action::MapDeleteMany => {
                let fits = |node: &Node| matches!(node, Node::Map(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsMap>(local)?;
                for key in 0..(b % 600) as i32 {
                    self.map_delete(turn, map, id, Value::Smi(1000 + key), &Key::Smi(1000 + key))?;
                }
                Ok(())
            }
            Action::Set => {
                let set = turn.set()?;
                let id = self.model.add(Node::Set(BTreeSet::new()));
                self.keep(turn, (set.upcast(), id), c)
            }
            Action::SetAdd => {
                let fits = |node: &Node| matches!(node, Node::Set(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let set = turn.downcast::<JsSet>(local)?;
                let (key, model_key) = self.key(turn, locals, b)?;
                turn.set_add(set, key)?;
                if let Node::Set(keys) = &mut self.model.nodes[id] {
                    keys.insert(model_key);
                }
                Ok(())
            }
            Action::SetDelete => {
                let fits = |node: &Node| matches!(node, Node::Set(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let set = turn.downcast::<JsSet>(local)?;
                let (key, model_key) = self.key(turn, locals, b)?;
                let deleted = turn.set_delete(set, key);
                let Node::Set(keys) = &mut self.model.nodes[id] else { return Ok(()) };
                let expected = keys.remove(&model_key);
                match deleted? == expected {
                    true => Ok(()),
                    false => wrong(format!("whether {model_key:?} was in the Set should be {expected}")),
                }
            }
            Action::WeakMap => {
                let map = turn.weak_map()?;
                let id = self.model.add(Node::WeakMap(BTreeMap::new()));
                self.keep(turn, (map.upcast(), id), c)
            }
            Action::WeakMapSet => {
                let fits = |node: &Node| matches!(node, Node::WeakMap(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsWeakMap>(local)?;
                for extra in 0..1 + c % 8 {
                    let Some((key, key_id)) = self.pick_where(turn, locals, b.wrapping_add(extra), can_be_weak)? else {
                        return Ok(());
                    };
                    let (value, slot) = self.value(turn, locals, c.wrapping_mul(extra + 1))?;
                    turn.weak_map_set(map, key, value)?;
                    if let Node::WeakMap(entries) = &mut self.model.nodes[id] {
                        entries.insert(key_id, slot);
                    }
                }
                Ok(())
            }
            Action::WeakMapDelete => {
                let fits = |node: &Node| matches!(node, Node::WeakMap(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsWeakMap>(local)?;
                let Some((key, key_id)) = self.pick_where(turn, locals, b, can_be_weak)? else { return Ok(()) };
                let deleted = turn.weak_map_delete(map, key)?;
                let Node::WeakMap(entries) = &mut self.model.nodes[id] else { return Ok(()) };
                let expected = entries.remove(&key_id).is_some();
                if deleted != expected { wrong(format!("deleted from a WeakMap: {deleted}")) } else { Ok(()) }
            }
            Action::WeakRef => {
                let Some((target, target_id)) = self.pick_where(turn, locals, a, can_be_weak)? else { return Ok(()) };
                let weak_ref = turn.weak_ref(target)?;
                self.kept.insert(target_id);
                let id = self.model.add(Node::WeakRef(Some(target_id), self.mark_compacts()));
                self.keep(turn, (weak_ref.upcast(), id), c)
            }
            Action::Deref => {
                let fits = |node: &Node| matches!(node, Node::WeakRef(..));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let reachable = self.reachable();
                let target = self.deref(turn, local, id, &reachable)?;
                if let Some(pair) = target
                    && b.is_multiple_of(2)
                {
                    self.keep(turn, pair, c)?;
                }
                Ok(())
            }
            Action::Registry => {
                let registry = turn.finalization_registry()?;
                let id = self.model.add(Node::Registry(Vec::new()));
                self.keep(turn, (registry.upcast(), id), c)
            }
            Action::Register => {
                let fits = |node: &Node| matches!(node, Node::Registry(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let registry = turn.downcast::<JsFinalizationRegistry>(local)?;
                let Some((target, target_id)) = self.pick_where(turn, locals, b, can_be_weak)? else { return Ok(()) };
                let number = self.number();
                let (value, slot) = self.value(turn, locals, c)?;
                let holdings = turn.array(&[number.into(), value])?;
                let token = match c % 3 {
                    0 => self.pick_where(turn, locals, c / 3, can_be_weak)?,
                    _ => None,
                };
                turn.register(registry, target, holdings.into(), token.map(|(local, _)| local))?;
                let holdings = self.model.add(Node::Array(vec![Slot::Smi(number), slot]));
                let token = token.map(|(_, id)| id);
                if let Node::Registry(cells) = &mut self.model.nodes[id] {
                    cells.push(Cell { number, registry: id, target: target_id, holdings, token });
                }
                Ok(())
            }
            Action::Unregister => {
                let fits = |node: &Node| matches!(node, Node::Registry(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let registry = turn.downcast::<JsFinalizationRegistry>(local)?;
                let Node::Registry(cells) = &self.model.nodes[id] else { return Ok(()) };
                // A token that is worth trying: one that was used, if it is at hand, or any object.
                let wanted = cells.iter().filter_map(|cell| cell.token).nth(b as usize % 4);
                let token = match wanted {
                    Some(wanted) => self
                        .roots
                        .iter()
                        .flatten()
                        .find(|(_, id)| *id == wanted)
                        .map(|(global, id)| turn.open(global).map(|local| (local, *id)))
                        .transpose()?,
                    None => self.pick_where(turn, locals, b, can_be_weak)?,
                };
                let Some((token, token_id)) = token else { return Ok(()) };
                let found = turn.unregister(registry, token)?;
                let Node::Registry(cells) = &mut self.model.nodes[id] else { return Ok(()) };
                let before = cells.len();
                let mut gone = Vec::new();
                cells.retain(|cell| {
                    let ends = cell.token == Some(token_id);
                    if ends {
                        gone.push(cell.number);
                    }
                    !ends
                });
                let expected = cells.len() < before;
                self.queued.retain(|cell| !gone.contains(&cell.number));
                if found != expected { wrong(format!("unregister found {found}, not {expected}")) } else { Ok(()) }
            }
            Action::TakeFinalization => {
                for _ in 0..1 + a % 4 {
                    let mut inner = turn.scope();
                    if !self.take_finalization(&mut inner)? {
                        break;
                    }
                }
                Ok(())
            }
            Action::WeakHandle => {
                let Some((local, id)) = self.pick_where(turn, locals, a, can_be_weak)? else { return Ok(()) };
                let handle = turn.weak_handle(local)?;
                let collections = self.collections();
                if self.watched.len() > 30 {
                    self.watched.swap_remove(b as usize % 30);
                }
                self.watched.push(WatchedNode { handle, target: Some(id), collections });
                Ok(())
            }
            Action::ArrayBuffer => {
                let bytes = if a.is_multiple_of(16) { 1 << 21 } else { u64::from(a % 5000) };
                let buffer = self.store(|| turn.array_buffer(bytes))?;
                let id = self.model.add(Node::Buffer(vec![0; bytes as usize]));
                self.keep(turn, (buffer.upcast(), id), c)
            }
            Action::TypedArray => {
                let bytes = u64::from(a % 300);
                let fill = if a.is_multiple_of(2) { Some(b as u8) } else { None };
                let array = self.store(|| turn.buffer_alloc(bytes, fill))?;
                let buffer = match bytes > 64 {
                    true => Some(self.model.add(Node::Buffer(vec![fill.unwrap_or(0); bytes as usize]))),
                    false => None,
                };
                let id = self.model.add(Node::Typed(buffer, bytes));
                self.keep(turn, (array.upcast(), id), c)
            }
            Action::WriteBuffer => {
                let fits = |node: &Node| matches!(node, Node::Buffer(bytes) if !bytes.is_empty());
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let buffer = turn.downcast::<JsArrayBuffer>(local)?;
                let Node::Buffer(bytes) = &mut self.model.nodes[id] else { return Ok(()) };
                let index = Self::below(b, bytes.len());
                bytes[index] = c as u8;
                match turn.array_buffer_bytes_mut(buffer)?.get_mut(index) {
                    Some(byte) => *byte = c as u8,
                    None => return wrong(format!("the buffer is too short for index {index}")),
                }
                Ok(())
            }
            Action::View => {
                let fits = |node: &Node| matches!(node, Node::Buffer(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let buffer = turn.downcast::<JsArrayBuffer>(local)?;
                let Node::Buffer(bytes) = &self.model.nodes[id] else { return Ok(()) };
                let offset = Self::below(b, bytes.len() + 1);
                let length = (bytes.len() - offset) as u64;
                let view = turn.view(buffer, offset as u64, length)?;
                let view_id = self.model.add(Node::Typed(Some(id), length));
                self.keep(turn, (view.upcast(), view_id), c)
            }
            Action::Record => {
                let (record_type, tagged, raw) = self.record_types[a as usize % 3];
                let mut slots = vec![Slot::Undefined; tagged as usize];
                let mut values = Vec::new();
                if tagged > 0 {
                    let (some, chosen) = self.values(turn, locals, u64::from(b % 2), b)?;
                    slots[..chosen.len()].copy_from_slice(&chosen);
                    values = some;
                }
                let record = turn.record(record_type, &values)?;
                let id = self.model.add(Node::Record(slots, vec![0; raw as usize]));
                self.keep(turn, (record.upcast(), id), c)
            }
            Action::SetField => {
                let fits = |node: &Node| matches!(node, Node::Record(slots, _) if slots.len() > 1);
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let record = turn.downcast::<Record>(local)?;
                let index = 1 + Self::below(b, self.fields(id).len() - 1);
                let (value, slot) = self.value(turn, locals, c)?;
                turn.set_field(record, index as u64, value)?;
                self.fields(id)[index] = slot;
                Ok(())
            }
            Action::WriteRaw => {
                let fits = |node: &Node| matches!(node, Node::Record(_, raw) if !raw.is_empty());
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let record = turn.downcast::<Record>(local)?;
                let Node::Record(_, raw) = &mut self.model.nodes[id] else { return Ok(()) };
                let index = Self::below(b, raw.len());
                raw[index] = c as u8;
                turn.raw_mut(record)?[index] = c as u8;
                Ok(())
            }
            Action::Garbage => {
                for _ in 0..a % 2000 {
                    let mut inner = turn.scope();
                    let object = inner.object_literal(self.placement(b), &[1.into(), 2.into()])?;
                    inner.array(&[object.into(), 3.into(), 4.into(), Value::Undefined])?;
                    if c.is_multiple_of(7) {
                        inner.string_of_length(u64::from(c % 900), false)?;
                    }
                }
                Ok(())
            }
            Action::DropRoot => {
                // The hoard goes rarely: old space has to fill up.
                let place = a as usize % ROOTS;
                if place > 0 || b.is_multiple_of(16) {
                    self.roots[place] = None;
                }
                Ok(())
            }
            Action::CopyRoot => match self.pick(turn, locals, a)? {
                Some(pair) => self.keep(turn, pair, c),
                None => Ok(()),
            },
            Action::EndJob => {
                turn.end_job();
                self.kept.clear();
                Ok(())
            }
            Action::Minor => Ok(turn.collect(GcKind::Minor)?),
            Action::Major => {
                let exact = turn.queued_finalizations() == self.queued.len();
                let before = self.mark_compacts();
                turn.collect(GcKind::Major)?;
                let alone = self.mark_compacts() == before + 1 && !self.seen.borrow().last_was_incremental;
                if exact && alone {
                    self.after_exact_collection(turn)?;
                }
                Ok(())
            }
            Action::LastResort => Ok(turn.collect(GcKind::LastResort)?),
            Action::Advance => {
                turn.advance(f64::from(a % 200));
                Ok(())
            }
            Action::Stress => {
                let every = if a.is_multiple_of(2) { 0 } else { 40 + u64::from(b % 200) };
                if c.is_multiple_of(8) {
                    turn.collect_at_every(every * 40, GcKind::Major);
                } else {
                    turn.collect_at_every(every, GcKind::Minor);
                }
                Ok(())
            }
            Action::RefusePages => {
                self.refusing = a.is_multiple_of(2);
                turn.refuse_pages_after(self.refusing.then_some(u64::from(b % 5)));
                Ok(())
            }
            Action::RefuseBackingStores => {
                self.refusing_stores = a.is_multiple_of(3);
                turn.refuse_backing_stores_after(self.refusing_stores.then_some(u64::from(b % 4)));
                Ok(())
            }
            Action::AddNearLimit => {
                if self.near_limits < 3 {
                    self.near_limits += 1;
                    let raise = u64::from(a % 3) << 20;
                    turn.add_near_heap_limit_callback(move |current, initial| {
                        if current < initial + (16 << 20) { current + raise } else { current }
                    });
                    if b.is_multiple_of(2) {
                        turn.automatically_restore_initial_heap_limit(0.5);
                    }
                }
                Ok(())
            }
            Action::RemoveNearLimit => {
                let removed = turn.remove_near_heap_limit_callback();
                if removed != (self.near_limits > 0) {
                    return wrong(format!("{} callbacks were added, removed: {removed}", self.near_limits));
                }
                self.near_limits = self.near_limits.saturating_sub(1);
                Ok(())
            }
            Action::Compare => self.compare(turn, locals),
            Action::OpenScope | Action::CloseScope | Action::OpenLocal => Ok(()),
        }
    }

    /// An operation that asks for a backing store: it may be refused only when it was told to be.
    fn store<T>(&self, make: impl FnOnce() -> Result<T, Error>) -> Done<T> {
        match make() {
            Err(Error::RangeError(text)) if !self.refusing_stores => wrong(format!("RangeError: {text}")),
            other => Ok(other?),
        }
    }

    fn map_set(&mut self, id: Id, key: Key, slot: Slot) {
        self.time += 1;
        let time = self.time;
        if let Node::Map(entries) = &mut self.model.nodes[id] {
            entries.entry(key).or_insert((time, slot)).1 = slot;
        }
    }

    fn map_delete(
        &mut self,
        turn: &mut Scope<'_>,
        map: Local<'_, JsMap>,
        id: Id,
        key: Value<'_>,
        model_key: &Key,
    ) -> Done {
        // Out of memory while the table shrinks comes after the deletion.
        let deleted = turn.map_delete(map, key);
        let Node::Map(entries) = &mut self.model.nodes[id] else { return Ok(()) };
        let expected = entries.remove(model_key).is_some();
        match deleted? == expected {
            true => Ok(()),
            false => wrong(format!("whether {model_key:?} was in the Map should be {expected}")),
        }
    }

    /// The target of a WeakRef, checked against what may have happened to it.
    fn deref<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        local: Local<'t>,
        id: Id,
        reachable: &[bool],
    ) -> Done<Option<Pair<'t>>> {
        let weak_ref = turn.downcast::<JsWeakRef>(local)?;
        let target = turn.deref_weak(weak_ref)?;
        let mark_compacts = self.mark_compacts();
        let Node::WeakRef(expected, seen) = &mut self.model.nodes[id] else { return Ok(None) };
        match (target, *expected) {
            (Some(local), Some(node)) => {
                *seen = mark_compacts;
                self.kept.insert(node);
                Ok(Some((local, node)))
            }
            (Some(_), None) => wrong(format!("WeakRef {id} was cleared and has a target again")),
            (None, None) => Ok(None),
            (None, Some(node)) if reachable[node] => {
                wrong(format!("the target {node} of WeakRef {id} is reachable but gone"))
            }
            (None, Some(node)) if *seen == mark_compacts => {
                wrong(format!("the target {node} of WeakRef {id} is gone without a full collection"))
            }
            (None, Some(_)) => {
                *expected = None;
                self.coverage.cleared_weak_refs += 1;
                Ok(None)
            }
        }
    }

    fn take_finalization(&mut self, turn: &mut Scope<'_>) -> Done<bool> {
        let Some(taken) = turn.take_finalization() else {
            return match self.queued.first() {
                Some(cell) => wrong(format!("callback {} should be queued", cell.number)),
                None => Ok(false),
            };
        };
        let Some(holdings) = taken.holdings.as_object() else { return wrong("held value is no object".to_owned()) };
        let holdings = turn.downcast::<JsArray>(holdings)?;
        let Some(number) = turn.array_get(holdings, 0)?.as_smi() else {
            return wrong("held value has no number".to_owned());
        };
        self.coverage.finalizations += 1;
        let reachable = self.reachable();
        if let Some(cell) = self.queued.iter().find(|cell| cell.number == number)
            && self.queued[0].number != cell.number
        {
            return wrong(format!("callback {number} came before {}", self.queued[0].number));
        }
        self.queued.retain(|cell| cell.number != number);
        let mut found = None;
        for (id, node) in self.model.nodes.iter_mut().enumerate() {
            if let Node::Registry(cells) = node
                && let Some(place) = cells.iter().position(|cell| cell.number == number)
            {
                found = Some((id, cells.remove(place)));
                break;
            }
        }
        // The registry itself may have been dropped from the model: only the queue held it.
        let Some((id, cell)) = found else { return Ok(true) };
        if reachable.get(cell.target) == Some(&true) {
            return wrong(format!("callback {number} is queued but its target {} is reachable", cell.target));
        }
        if let Some((global, _)) = self.roots.iter().flatten().find(|(_, root)| *root == id) {
            let registry = turn.open(global)?;
            if !turn.is_same(registry, taken.registry)? {
                return wrong(format!("callback {number} came with another registry"));
            }
        }
        Ok(true)
    }

    /// A full collection without a head start frees exactly what cannot be reached.
    fn after_exact_collection(&mut self, turn: &mut Scope<'_>) -> Done {
        let reachable = self.reachable();
        let mut due = Vec::new();
        for id in 0..self.model.nodes.len() {
            if !reachable[id] {
                continue;
            }
            match &mut self.model.nodes[id] {
                Node::WeakRef(target, _) if target.is_some_and(|target| !reachable[target]) => {
                    *target = None;
                    self.coverage.cleared_weak_refs += 1;
                }
                Node::WeakMap(entries) => entries.retain(|key, _| reachable[*key]),
                Node::Registry(cells) => {
                    due.extend(cells.iter().filter(|cell| !reachable[cell.target]).copied());
                }
                _ => {}
            }
        }
        due.retain(|cell| !self.queued.iter().any(|queued| queued.number == cell.number));
        due.sort_by_key(|cell| cell.number);
        self.queued.extend(due);
        let queued = turn.queued_finalizations();
        if queued != self.queued.len() {
            return wrong(format!("{queued} callbacks are queued, not {}", self.queued.len()));
        }
        for watched in &mut self.watched {
            if watched.target.is_some_and(|target| !reachable[target]) {
                watched.target = None;
                self.coverage.cleared_weak_handles += 1;
            }
        }
        Ok(())
    }

    /// Compares everything that is reachable, and the weak things; ends the job, as reading WeakRefs keeps their targets.
    fn compare<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>]) -> Done {
        turn.verify().map_err(|broken| Stop::Wrong(broken.message))?;
        self.coverage.comparisons += 1;
        let reachable = self.reachable();
        let mut handles: HashMap<Id, Local<'t>> = HashMap::new();
        let mut pending: Vec<Pair<'t>> = locals.to_vec();
        for root in self.roots.iter().flatten() {
            pending.push((turn.open(&root.0)?, root.1));
        }
        while let Some((local, id)) = pending.pop() {
            if let Some(&known) = handles.get(&id) {
                if !turn.is_same(known, local)? {
                    return wrong(format!("node {id} is two objects"));
                }
                continue;
            }
            handles.insert(id, local);
            self.coverage.nodes_compared += 1;
            self.compare_node(turn, (local, id), &mut pending, &reachable).map_err(|stop| match stop {
                Stop::Wrong(message) => Stop::Wrong(format!("node {id}: {message}")),
                other => other,
            })?;
        }
        self.compare_weak_maps(turn, &handles)?;
        self.compare_watched(turn, &handles, &reachable)?;
        turn.end_job();
        self.kept.clear();
        self.forget_the_dead();
        self.room = ROOM;
        Ok(())
    }

    /// Empties nodes that nothing can lead to any more, not even a WeakRef that is not cleared.
    fn forget_the_dead(&mut self) {
        let weak = self.model.nodes.iter().filter_map(|node| match node {
            Node::WeakRef(target, _) => *target,
            _ => None,
        });
        let watched = self.watched.iter().filter_map(|watched| watched.target);
        let kept = self.model.reachable(self.strong_roots().chain(weak).chain(watched));
        for (node, kept) in self.model.nodes.iter_mut().zip(kept) {
            if !kept && !matches!(node, Node::Registry(_)) {
                *node = Node::Dead;
            }
        }
    }

    fn compare_slot<'t>(value: Value<'t>, slot: Slot, pending: &mut Vec<Pair<'t>>) -> Done {
        match (value, slot) {
            (Value::Undefined, Slot::Undefined) | (Value::Hole, Slot::Hole) => Ok(()),
            (Value::Smi(one), Slot::Smi(two)) if one == two => Ok(()),
            (Value::Object(local), Slot::Node(id)) => {
                pending.push((local, id));
                Ok(())
            }
            (value, slot) => wrong(format!("{value:?} where {slot:?} was expected")),
        }
    }

    fn compare_node<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        (local, id): Pair<'t>,
        pending: &mut Vec<Pair<'t>>,
        reachable: &[bool],
    ) -> Done {
        if let Node::WeakRef(..) = self.model.nodes[id] {
            if let Some(target) = self.deref(turn, local, id, reachable)? {
                pending.push(target);
            }
            return Ok(());
        }
        match &self.model.nodes[id] {
            Node::Dead => return wrong("it was found although it is dead".to_owned()),
            Node::Object(slots) => {
                let object = turn.downcast::<JsObject>(local)?;
                for (index, slot) in slots.iter().enumerate() {
                    Self::compare_slot(turn.property(object, index as u64)?, *slot, pending)?;
                }
            }
            Node::Array(slots) => {
                let array = turn.downcast::<JsArray>(local)?;
                if turn.array_length(array)? != slots.len() as u64 {
                    return wrong(format!("length {}, not {}", turn.array_length(array)?, slots.len()));
                }
                for (index, slot) in slots.iter().enumerate() {
                    Self::compare_slot(turn.array_get(array, index as u64)?, *slot, pending)?;
                }
            }
            Node::Doubles(doubles) => {
                let array = turn.downcast::<JsArray>(local)?;
                if turn.array_length(array)? != doubles.len() as u64 {
                    return wrong(format!("length {}, not {}", turn.array_length(array)?, doubles.len()));
                }
                for (index, double) in doubles.iter().enumerate() {
                    let found = turn.array_double(array, index as u64)?;
                    if found.to_bits() != double.to_bits() {
                        return wrong(format!("{found} at {index}, not {double}"));
                    }
                }
            }
            Node::Text(text) => {
                let string = turn.downcast::<JsString>(local)?;
                if turn.string_length(string)? != text.len() as u64 {
                    return wrong(format!("{} characters, not {}", turn.string_length(string)?, text.len()));
                }
                let found: Vec<u16> = turn.string_value(string)?.encode_utf16().collect();
                if found[..] != text[..] {
                    return wrong("another text".to_owned());
                }
            }
            Node::Number(number) => {
                let boxed = turn.downcast::<HeapNumber>(local)?;
                if turn.number(boxed)?.to_bits() != number.to_bits() {
                    return wrong(format!("{}, not {number}", turn.number(boxed)?));
                }
            }
            Node::Closure(slots) => {
                let closure = turn.downcast::<JsFunction>(local)?;
                for (index, slot) in slots.iter().enumerate() {
                    Self::compare_slot(turn.captured(closure, index as u64)?, *slot, pending)?;
                }
            }
            Node::Promise => {
                turn.downcast::<gcheap::types::JsPromise>(local)?;
            }
            Node::Map(entries) => {
                let map = turn.downcast::<JsMap>(local)?;
                if turn.map_size(map)? != entries.len() as u64 {
                    return wrong(format!("{} entries, not {}", turn.map_size(map)?, entries.len()));
                }
                for (key, (_, slot)) in entries {
                    if let Key::Smi(key) = key {
                        match turn.map_get(map, Value::Smi(*key))? {
                            Some(value) => Self::compare_slot(value, *slot, pending)?,
                            None => return wrong(format!("no entry for {key}")),
                        }
                    }
                }
                let oldest = entries.iter().min_by_key(|(_, (time, _))| *time);
                match (turn.map_first_key(map)?, oldest) {
                    (None, None) => {}
                    (Some(Value::Smi(found)), Some((Key::Smi(key), _))) if found == *key => {}
                    (Some(Value::Object(found)), Some((Key::Node(key), _))) => pending.push((found, *key)),
                    (Some(Value::Object(found)), Some((Key::Text(text), _))) => {
                        let string = turn.downcast::<JsString>(found)?;
                        if !turn.string_value(string)?.encode_utf16().eq(text.iter().copied()) {
                            return wrong("another text is the oldest key".to_owned());
                        }
                    }
                    (found, expected) => return wrong(format!("oldest key {found:?}, not {expected:?}")),
                }
            }
            Node::Set(keys) => {
                let set = turn.downcast::<JsSet>(local)?;
                if turn.set_size(set)? != keys.len() as u64 {
                    return wrong(format!("{} values, not {}", turn.set_size(set)?, keys.len()));
                }
                for key in keys {
                    if let Key::Smi(key) = key
                        && !turn.set_has(set, Value::Smi(*key))?
                    {
                        return wrong(format!("{key} is missing"));
                    }
                }
            }
            Node::Registry(_) => {
                turn.downcast::<JsFinalizationRegistry>(local)?;
            }
            Node::Buffer(bytes) => {
                let buffer = turn.downcast::<JsArrayBuffer>(local)?;
                if turn.array_buffer_bytes(buffer)? != &bytes[..] {
                    return wrong("other bytes".to_owned());
                }
            }
            Node::Typed(buffer, length) => {
                let array = turn.downcast::<JsTypedArray>(local)?;
                if turn.typed_array_length(array)? != *length {
                    return wrong(format!("{} bytes, not {length}", turn.typed_array_length(array)?));
                }
                match (turn.buffer_of(array)?, buffer) {
                    (Some(local), Some(id)) => pending.push((local.upcast(), *id)),
                    (None, None) => {}
                    (found, expected) => return wrong(format!("buffer {found:?}, not {expected:?}")),
                }
            }
            Node::Record(slots, raw) => {
                let record = turn.downcast::<Record>(local)?;
                for (index, slot) in slots.iter().enumerate() {
                    Self::compare_slot(turn.field(record, index as u64)?, *slot, pending)?;
                }
                if turn.raw(record)? != &raw[..] {
                    return wrong("other raw bytes".to_owned());
                }
            }
            Node::WeakMap(_) | Node::WeakRef(..) => {}
        }
        Ok(())
    }

    /// Weak maps, and Maps and Sets with nodes as keys, are looked into when a handle of every reachable node is known.
    fn compare_weak_maps<'t>(&mut self, turn: &mut Scope<'t>, handles: &HashMap<Id, Local<'t>>) -> Done {
        let mut more = Vec::new();
        for (&id, &local) in handles {
            match &self.model.nodes[id] {
                Node::WeakMap(entries) => {
                    let map = turn.downcast::<JsWeakMap>(local)?;
                    let mut known = 0;
                    for (key, slot) in entries {
                        let Some(&key) = handles.get(key) else { continue };
                        known += 1;
                        match turn.weak_map_get(map, key)? {
                            Some(value) => match (value, *slot) {
                                (Value::Object(found), Slot::Node(id)) => {
                                    if let Some(&handle) = handles.get(&id)
                                        && !turn.is_same(handle, found)?
                                    {
                                        return wrong(format!("weak map {id}: another value"));
                                    }
                                }
                                (value, slot) => Self::compare_slot(value, slot, &mut more)?,
                            },
                            None => return wrong(format!("weak map {id}: an entry with a live key is gone")),
                        }
                    }
                    let size = turn.weak_map_size(map)?;
                    if size < known || size > entries.len() as u64 {
                        return wrong(format!("weak map {id}: {size} entries, not {known} to {}", entries.len()));
                    }
                }
                Node::Map(entries) => {
                    let map = turn.downcast::<JsMap>(local)?;
                    for (key, (_, slot)) in entries {
                        let Key::Node(key_id) = key else { continue };
                        let Some(&key) = handles.get(key_id) else { continue };
                        match turn.map_get(map, key.into())? {
                            Some(value) => Self::compare_slot(value, *slot, &mut more)?,
                            None => return wrong(format!("map {id}: the entry of node {key_id} is gone")),
                        }
                    }
                }
                Node::Set(keys) => {
                    let set = turn.downcast::<JsSet>(local)?;
                    for key in keys {
                        let Key::Node(key_id) = key else { continue };
                        if let Some(&key) = handles.get(key_id)
                            && !turn.set_has(set, key.into())?
                        {
                            return wrong(format!("set {id}: node {key_id} is gone"));
                        }
                    }
                }
                _ => {}
            }
        }
        for (local, id) in more {
            if let Some(&known) = handles.get(&id)
                && !turn.is_same(known, local)?
            {
                return wrong(format!("node {id} is two objects"));
            }
        }
        Ok(())
    }

    fn compare_watched<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        handles: &HashMap<Id, Local<'t>>,
        reachable: &[bool],
    ) -> Done {
        let collections = self.collections();
        for watched in &mut self.watched {
            match (turn.open_weak(&watched.handle)?, watched.target) {
                (Some(found), Some(id)) => {
                    watched.collections = collections;
                    if let Some(&known) = handles.get(&id)
                        && !turn.is_same(known, found)?
                    {
                        return wrong(format!("a weak handle of node {id} looks at another object"));
                    }
                }
                (Some(_), None) => return wrong("a weak handle was not cleared".to_owned()),
                (None, None) => {}
                (None, Some(id)) if reachable[id] => {
                    return wrong(format!("a weak handle of reachable node {id} was cleared"));
                }
                (None, Some(id)) if watched.collections == collections => {
                    return wrong(format!("a weak handle of node {id} was cleared without a collection"));
                }
                (None, Some(_)) => {
                    watched.target = None;
                    self.coverage.cleared_weak_handles += 1;
                }
            }
        }
        Ok(())
    }
}

/// What may be a key of a WeakMap or a target of a WeakRef: what has an identity, and is held by nothing but what the model
/// knows (representations of strings hold each other).
fn can_be_weak(node: &Node) -> bool {
    !matches!(node, Node::Text(_) | Node::Number(_) | Node::Dead)
}
