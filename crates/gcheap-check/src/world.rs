//! One run: the heap's roots as the program holds them, the model, and how operands are chosen.

use crate::coverage::{Coverage, Seen};
use crate::failure::{Done, wrong};
use crate::harness::Harness;
use crate::model::{Cell, Id, Key, Model, Node, Slot};
use crate::operation::Operation;
use crate::random::Random;
use crate::statistics::Counters;
use gcheap::types::{JsArray, JsFunction, JsObject, Object, Record, Table};
use gcheap::{AllocationSite, Error, Global, Heap, Local, Placement, RecordType, Scope, Value, Variable, WeakHandle};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Global handles that a program has.
pub(crate) const ROOTS: usize = 24;
/// Nodes that bulk operations may add to a model between two comparisons.
pub(crate) const ROOM: usize = 60_000;

/// A handle with the node of the model that it should refer to.
pub type Pair<'s> = (Local<'s>, Id);

pub(crate) struct WatchedNode {
    pub(crate) handle: WeakHandle,
    /// `None` once it must have been cleared.
    pub(crate) target: Option<Id>,
    /// Collections when it was last seen alive.
    pub(crate) collections: u64,
}

/// The state of one run.
pub(crate) struct World<'p> {
    pub(crate) harness: &'p Harness,
    pub(crate) program: &'p [Operation],
    pub(crate) at: usize,
    pub(crate) model: Model,
    pub(crate) roots: Vec<Option<(Global, Id)>>,
    /// Nodes of the handles of the open scopes.
    pub(crate) locals: Vec<Id>,
    /// What the variables of the open scopes refer to now.
    pub(crate) variables: Vec<Id>,
    pub(crate) kept: BTreeSet<Id>,
    pub(crate) watched: Vec<WatchedNode>,
    /// Cells that have been queued for certain.
    pub(crate) queued: Vec<Cell>,
    pub(crate) counter: i32,
    pub(crate) time: u64,
    pub(crate) room: usize,
    /// None in a plain program.
    pub(crate) sites: Option<[AllocationSite; 2]>,
    pub(crate) record_types: [(RecordType, u64, u64); 3],
    pub(crate) near_limits: u32,
    pub(crate) refusing: bool,
    pub(crate) refusing_stores: bool,
    pub(crate) seen: Rc<RefCell<Seen>>,
    pub(crate) coverage: Coverage,
    pub(crate) counters: Counters,
    /// `heapUsed` and `arrayBuffers` of the fresh heap.
    pub(crate) used_at_start: u64,
    pub(crate) own_array_buffers: u64,
}

impl<'p> World<'p> {
    /// The empty world of a fresh heap.
    ///
    /// # Errors
    /// The heap refuses a record type.
    pub(crate) fn new(
        harness: &'p Harness,
        program: &'p [Operation],
        heap: &mut Heap,
        seen: Rc<RefCell<Seen>>,
    ) -> Result<World<'p>, Error> {
        let mut record_type = |tagged, raw| heap.record_type(tagged, raw).map(|record_type| (record_type, tagged, raw));
        let record_types = [record_type(2, 0)?, record_type(0, 20)?, record_type(5, 300)?];
        Ok(World {
            harness,
            program,
            at: 0,
            model: Model::default(),
            roots: (0..ROOTS).map(|_| None).collect(),
            locals: Vec::new(),
            variables: Vec::new(),
            kept: BTreeSet::new(),
            watched: Vec::new(),
            queued: Vec::new(),
            counter: 0,
            time: 0,
            room: ROOM,
            sites: (!harness.settings().plain).then(|| [heap.allocation_site(), heap.allocation_site()]),
            record_types,
            near_limits: 0,
            refusing: false,
            refusing_stores: false,
            seen,
            coverage: Coverage::default(),
            counters: Counters::default(),
            used_at_start: heap.memory_usage().heap_used,
            own_array_buffers: heap.memory_usage().array_buffers,
        })
    }

    pub(crate) fn number(&mut self) -> i32 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn strong_roots(&self) -> impl Iterator<Item = Id> {
        let roots = self.roots.iter().flatten().map(|(_, id)| *id);
        let queued = self.queued.iter().flat_map(|cell| [cell.holdings, cell.registry]);
        let handles = self.locals.iter().chain(&self.variables).chain(&self.kept);
        roots.chain(handles.copied()).chain(queued)
    }

    pub(crate) fn reachable(&self) -> Vec<bool> {
        self.model.reachable(self.strong_roots())
    }

    pub(crate) fn open_local<'s>(
        &mut self,
        scope: &mut Scope<'s>,
        locals: &mut Vec<Pair<'s>>,
        numbers: [u32; 3],
    ) -> Done {
        let Some(Some((global, id))) = self.roots.get(numbers[0] as usize % ROOTS) else { return Ok(()) };
        let local = scope.open(global)?;
        locals.push((local, *id));
        self.locals.push(*id);
        Ok(())
    }

    /// A variable that refers to what a new local refers to; the local stays, whatever the variable is set to.
    pub(crate) fn open_variable<'s>(
        &mut self,
        scope: &mut Scope<'s>,
        locals: &mut Vec<Pair<'s>>,
        variables: &mut Vec<Rc<Variable<'s>>>,
        numbers: [u32; 3],
    ) -> Done {
        let before = locals.len();
        self.open_local(scope, locals, numbers)?;
        for &(local, id) in &locals[before..] {
            variables.push(Rc::new(scope.variable(local)?));
            self.variables.push(id);
        }
        Ok(())
    }

    /// Sets a variable of this scope or of one around it to what was found in this turn.
    pub(crate) fn set_variable<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        variables: &[Rc<Variable<'t>>],
        numbers: [u32; 3],
    ) -> Done {
        let place = Self::below(numbers[0], variables.len());
        let Some(variable) = variables.get(place) else { return Ok(()) };
        let Some((local, id)) = self.pick(turn, locals, numbers[1])? else { return Ok(()) };
        turn.variable_set(variable, local)?;
        self.variables[place] = id;
        self.coverage.variables_set += 1;
        Ok(())
    }

    /// The handles of a turn: the locals, and what the variables refer to now.
    pub(crate) fn handles<'t>(
        &self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        variables: &[Rc<Variable<'t>>],
    ) -> Done<Vec<Pair<'t>>> {
        let mut handles = locals.to_vec();
        for (variable, id) in variables.iter().zip(&self.variables) {
            handles.push((turn.variable_get(variable)?, *id));
        }
        Ok(handles)
    }

    /// A handle chosen by a number: a root or local, then some steps along references.
    pub(crate) fn pick<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        choice: u32,
    ) -> Done<Option<Pair<'t>>> {
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
    pub(crate) fn step<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        (local, id): Pair<'t>,
        choice: usize,
    ) -> Done<Option<Pair<'t>>> {
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
            Node::Table(slots) => {
                let Some((index, node)) = chosen(slots) else { return Ok(None) };
                let table = turn.downcast::<Table<Object>>(local)?;
                (turn.table_get(table, index as u64)?.map_or(Value::Undefined, Value::from), node)
            }
            _ => return Ok(None),
        };
        match value {
            Value::Object(local) => Ok(Some((local, node))),
            other => wrong(format!("a reference was expected and {other:?} found")),
        }
    }

    /// A handle to a node for which `fits` holds.
    pub(crate) fn pick_where<'t>(
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

    pub(crate) fn value<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        locals: &[Pair<'t>],
        choice: u32,
    ) -> Done<(Value<'t>, Slot)> {
        Ok(match choice % 5 {
            0 => (Value::Undefined, Slot::Undefined),
            1 => (Value::Smi(choice as i32), Slot::Smi(choice as i32)),
            _ => match self.pick(turn, locals, choice / 5)? {
                Some((local, id)) => (local.into(), Slot::Node(id)),
                None => (Value::Hole, Slot::Hole),
            },
        })
    }

    pub(crate) fn values<'t>(
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

    pub(crate) fn keep(&mut self, turn: &mut Scope<'_>, (local, id): Pair<'_>, place: u32) -> Done {
        let global = turn.global(local)?;
        self.roots[1 + place as usize % (ROOTS - 1)] = Some((global, id));
        Ok(())
    }

    pub(crate) fn placement(&self, choice: u32) -> Placement {
        match (choice % 6, self.sites) {
            (0, _) => Placement::Old,
            (1 | 2, Some(sites)) => Placement::YoungWithMemento(sites[choice as usize / 6 % 2]),
            _ => Placement::Young,
        }
    }

    pub(crate) fn key<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], choice: u32) -> Done<(Value<'t>, Key)> {
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

    pub(crate) fn fields(&mut self, id: Id) -> &mut Vec<Slot> {
        match &mut self.model.nodes[id] {
            Node::Object(slots) | Node::Array(slots) | Node::Record(slots, _) | Node::Table(slots) => slots,
            other => unreachable!("{other:?} has no slots"),
        }
    }

    /// A place below a length that the numbers choose.
    pub(crate) fn below(choice: u32, length: usize) -> usize {
        choice as usize % length.max(1)
    }
}

/// What may be a key of a WeakMap or a target of a WeakRef: what has an identity, and is held by nothing but what the model
/// knows (representations of strings hold each other).
pub(crate) fn can_be_weak(node: &Node) -> bool {
    !matches!(node, Node::Text(_) | Node::Number(_) | Node::Dead)
}

/// Collections that a heap has run.
pub(crate) fn collections(heap: &Heap) -> u64 {
    heap.scavenges() + heap.mark_compacts()
}
