//! Tables, and stretches without a collection: what is made, stored and read in one, however it ends.

use crate::failure::{Done, Stop, wrong};
use crate::model::{Id, Node, Slot};
use crate::operation::{Action, Operation};
use crate::random::Random;
use crate::world::{Pair, World};
use gcheap::record::Any;
use gcheap::types::{Object, Record, Table};
use gcheap::{Error, ErrorKind, LayoutOf, Local, NoGc, Placement, Scope, Tagged, TaggedValue};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

gcheap::record! {
    struct Link {
        number: Any,
        first: Any,
        second: Any,
    } raw {
        rest: u64,
    }
}

/// Bytes of a link, header included, and of its raw field.
const LINK: u64 = 40;
const LINK_RAW: u64 = 8;
/// Stores at most: more than wait together until they are remembered.
const MOST_STORES: u64 = 400;

/// How a stretch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    WithHandle,
    /// It asks for more than was reserved.
    Overdrawn,
    Panic,
}

/// What a panic on purpose carries.
pub(super) struct OnPurpose;

/// What is drawn before a stretch begins.
struct Plan {
    random: Random,
    /// The sorts of the objects to be made, in their order.
    sorts: Vec<u64>,
    stores: u64,
    /// What the objects take, and what of it is reserved.
    bytes: u64,
    reserved: u64,
    end: End,
}

impl Plan {
    fn draw(world: &World<'_>, a: u32, b: u32) -> Plan {
        let mut random = Random::new(u64::from(a) << 32 | u64::from(b));
        let objects = random.below(60);
        let sorts: Vec<u64> = (0..objects).map(|_| random.below(4)).collect();
        let bytes: u64 = sorts.iter().map(|&sort| world.bytes_of(sort)).sum();
        let most = random.pick(&[MOST_STORES, 40, 40, 40, 40, 40]);
        let stores = random.below(most);
        let end = random.pick(&[End::WithHandle, End::WithHandle, End::WithHandle, End::Overdrawn, End::Panic]);
        // More does no harm; less is an error at the object that does not fit any more.
        let reserved = match random.below(8) {
            0 => bytes - random.below(bytes.max(1)),
            1 => bytes + random.below(2000),
            _ => bytes,
        };
        Plan { random, sorts, stores, bytes, reserved, end }
    }
}

impl World<'_> {
    fn bytes_of(&self, sort: u64) -> u64 {
        match self.record_types.get(sort as usize) {
            Some((_, tagged, raw)) => 8 * (1 + tagged + raw.div_ceil(8)),
            None => LINK,
        }
    }

    pub(crate) fn stretches<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
            Action::Table => {
                let length = [0, 1, 7, 40, 300, 20_000][a as usize % 6];
                let placement = if b.is_multiple_of(2) { Placement::Old } else { Placement::Young };
                let table = turn.table::<Object>(placement, length)?;
                let id = self.model.add(Node::Table(vec![Slot::Undefined; length as usize]));
                self.keep(turn, (table.upcast(), id), c)
            }
            Action::TableSet => {
                let fits = |node: &Node| matches!(node, Node::Table(slots) if !slots.is_empty());
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let table = turn.downcast::<Table<Object>>(local)?;
                let place = Self::below(b, self.fields(id).len());
                let object = self.pick(turn, locals, c)?;
                turn.table_set(table, place as u64, object.map(|(local, _)| local))?;
                self.fields(id)[place] = object.map_or(Slot::Undefined, |(_, id)| Slot::Node(id));
                Ok(())
            }
            Action::Stretch => self.stretch(turn, locals, [a, b, c]),
            other => wrong(format!("{other:?} is no operation on stretches")),
        }
    }

    fn stretch<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], [a, b, c]: [u32; 3]) -> Done {
        let mut plan = Plan::draw(self, a, b);
        let (mut objects, mut tables) = (Vec::new(), Vec::new());
        for choice in 0..6 {
            let place = plan.random.next() as u32;
            let pair = match choice {
                0..2 => self.pick_where(turn, locals, place, |node| matches!(node, Node::Record(..)))?,
                2..4 => self.pick_where(turn, locals, place, |node| matches!(node, Node::Table(_)))?,
                _ => self.pick(turn, locals, place)?,
            };
            let Some((local, id)) = pair else { continue };
            objects.push((local, id));
            if matches!(self.model.nodes[id], Node::Table(_)) {
                tables.push((turn.downcast(local)?, id));
            }
        }
        let (reserved, enough, end) = (plan.reserved, plan.reserved >= plan.bytes, plan.end);
        // What the oracle finds inside is no error of the stretch.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            turn.no_gc(reserved, |no_gc| match self.inside(no_gc, &objects, &tables, plan) {
                Ok(kept) => Ok(Ok(kept)),
                Err(Stop::Heap(error)) => Err(error),
                Err(Stop::Wrong(found)) => Ok(Err(found)),
            })
        }));
        self.coverage.stretches += 1;
        let as_planned = enough && end == End::WithHandle;
        match outcome {
            Ok(Ok(Ok(kept))) if as_planned => kept.map_or(Ok(()), |pair| self.keep(turn, pair, c)),
            Ok(Ok(Ok(_))) => wrong(format!("{reserved} bytes were reserved and more was had")),
            Ok(Ok(Err(found))) => Err(Stop::Wrong(found)),
            Ok(Err(error)) if error.out_of_memory().is_some() => Err(error.into()),
            Ok(Err(error)) if is_refused(&error) && (!as_planned || reserved > NoGc::MOST_BYTES) => Ok(()),
            Ok(Err(error)) => Err(Stop::Wrong(error.into())),
            Err(panic) if panic.is::<OnPurpose>() && end == End::Panic => Ok(()),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn inside<'n, 't>(
        &mut self,
        no_gc: &mut NoGc<'n, '_, 't>,
        objects: &[Pair<'t>],
        tables: &[(Local<'t, Table<Object>>, Id)],
        plan: Plan,
    ) -> Done<Option<Pair<'t>>> {
        let Plan { mut random, sorts, mut stores, end, .. } = plan;
        let mut known = Known { layout: no_gc.layout()?, objects: Vec::new(), tables: Vec::new() };
        for &(local, id) in objects {
            known.objects.push((no_gc.tagged(local)?, id));
        }
        for &(local, id) in tables {
            known.tables.push((no_gc.tagged(local)?, id));
        }
        let mut sorts = sorts.into_iter();
        while sorts.len() as u64 + stores > 0 {
            if random.below(sorts.len() as u64 + stores) >= stores {
                let fresh = self.make(no_gc, &known, sorts.next().unwrap_or(0), &mut random)?;
                known.objects.push(fresh);
            } else {
                stores -= 1;
                let found = match known.tables.len() {
                    0 => self.look_and_store(no_gc, &known, &mut random)?,
                    _ if random.below(2) == 0 => self.look_and_store(no_gc, &known, &mut random)?,
                    _ => self.look_and_store_in_table(no_gc, &known, &mut random)?,
                };
                known.objects.extend(found.filter(|_| known.objects.len() < 100));
            }
        }
        match end {
            End::WithHandle => {}
            End::Overdrawn => {
                for _ in 0..=NoGc::MOST_BYTES / 24 {
                    no_gc.empty_record(self.record_types[0].0)?;
                }
            }
            End::Panic => resume_unwind(Box::new(OnPurpose)),
        }
        Ok(known.any(&mut random).map(|(tagged, id)| (no_gc.local(tagged), id)))
    }

    fn make<'n>(
        &mut self,
        no_gc: &mut NoGc<'n, '_, '_>,
        known: &Known<'n>,
        sort: u64,
        random: &mut Random,
    ) -> Done<(Tagged<'n>, Id)> {
        let number = self.number();
        let ((first, first_slot), (second, second_slot)) = (known.value(random), known.value(random));
        let (number, number_slot) = (TaggedValue::from(number), Slot::Smi(number));
        let [two, raw, wide] = self.record_types.map(|(record_type, ..)| record_type);
        let (tagged, slots) = match sort {
            0 => (no_gc.record(two, [number, first])?.upcast(), vec![number_slot, first_slot]),
            1 => (no_gc.empty_record(raw)?.upcast(), Vec::new()),
            2 => {
                let record = no_gc.empty_record(wide)?;
                no_gc.set_field(record, 0, number)?;
                no_gc.set_field(record, 4, first)?;
                let empty = Slot::Undefined;
                (record.upcast(), vec![number_slot, empty, empty, empty, first_slot])
            }
            _ => {
                let link = no_gc.record_of(known.layout, [number, first, second])?;
                (link.upcast(), vec![number_slot, first_slot, second_slot])
            }
        };
        let raw_bytes = self.record_types.get(sort as usize).map_or(LINK_RAW, |(_, _, raw)| *raw);
        Ok((tagged, self.model.add(Node::Record(slots, vec![0; raw_bytes as usize]))))
    }

    /// Reads a field of some record, compares it with the model, and stores something else there. What was read, if it is an object.
    fn look_and_store<'n>(
        &mut self,
        no_gc: &mut NoGc<'n, '_, '_>,
        known: &Known<'n>,
        random: &mut Random,
    ) -> Done<Option<(Tagged<'n>, Id)>> {
        let Some((host, id)) = known.any(random) else { return Ok(None) };
        let (value, slot) = known.value(random);
        // The first field keeps the number by which two objects are told apart.
        let index = match &self.model.nodes[id] {
            Node::Record(slots, _) if slots.len() > 1 => 1 + random.below(slots.len() as u64 - 1),
            _ => return Ok(None),
        };
        let found = if let Ok(link) = no_gc.downcast_to(host, known.layout) {
            let field = if index == 1 { Link::first } else { Link::second };
            let found = no_gc.read(link, field)?;
            no_gc.write(link, field, value)?;
            found
        } else {
            let record = no_gc.downcast::<Record>(host)?;
            let found = no_gc.field(record, index)?;
            no_gc.set_field(record, index, value)?;
            found
        };
        agree(found, std::mem::replace(&mut self.fields(id)[index as usize], slot))
    }

    fn look_and_store_in_table<'n>(
        &mut self,
        no_gc: &mut NoGc<'n, '_, '_>,
        known: &Known<'n>,
        random: &mut Random,
    ) -> Done<Option<(Tagged<'n>, Id)>> {
        let (table, id) = random.pick(&known.tables);
        let length = self.fields(id).len() as u64;
        if no_gc.table_get(table, length).is_ok() || no_gc.table_set(table, u64::MAX, None).is_ok() {
            return wrong("a place behind the last one of a table".to_owned());
        }
        if length == 0 {
            return Ok(None);
        }
        let place = random.below(length);
        let object = known.any(random).filter(|_| random.below(8) > 0);
        let found = no_gc.table_get(table, place)?.map_or(TaggedValue::Undefined, TaggedValue::from);
        no_gc.table_set(table, place, object.map(|(tagged, _)| tagged))?;
        let slot = object.map_or(Slot::Undefined, |(_, id)| Slot::Node(id));
        agree(found, std::mem::replace(&mut self.fields(id)[place as usize], slot))
    }
}

/// What a stretch refers to.
struct Known<'n> {
    layout: LayoutOf<'n, Link>,
    objects: Vec<(Tagged<'n>, Id)>,
    tables: Vec<(Tagged<'n, Table<Object>>, Id)>,
}

impl<'n> Known<'n> {
    fn any(&self, random: &mut Random) -> Option<(Tagged<'n>, Id)> {
        self.objects.get(random.below(self.objects.len().max(1) as u64) as usize).copied()
    }

    fn value(&self, random: &mut Random) -> (TaggedValue<'n>, Slot) {
        match (random.below(6), self.any(random)) {
            (0, _) => (TaggedValue::Undefined, Slot::Undefined),
            (1, _) => (TaggedValue::Hole, Slot::Hole),
            (2.., Some((tagged, id))) => (tagged.into(), Slot::Node(id)),
            (_, None) => (TaggedValue::Smi(-7), Slot::Smi(-7)),
        }
    }
}

/// What was read against what the model has; whether it is the right object is seen when all are compared.
fn agree<'n>(found: TaggedValue<'n>, expected: Slot) -> Done<Option<(Tagged<'n>, Id)>> {
    match (found, expected) {
        (TaggedValue::Undefined, Slot::Undefined) | (TaggedValue::Hole, Slot::Hole) => Ok(None),
        (TaggedValue::Smi(one), Slot::Smi(two)) if one == two => Ok(None),
        (TaggedValue::Object(object), Slot::Node(id)) => Ok(Some((object, id))),
        (found, expected) => wrong(format!("{found:?} where {expected:?} was expected in a stretch")),
    }
}

pub(super) fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::IndexOutOfRange { .. })
}
