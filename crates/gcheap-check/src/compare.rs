//! Compares everything that is reachable in the heap with the model.

use crate::failure::{Done, Found, Stop, wrong};
use crate::model::{Id, Key, Node, Slot};
use crate::world::{Pair, ROOM, World};
use gcheap::types::{
    HeapNumber, JsArray, JsArrayBuffer, JsFinalizationRegistry, JsFunction, JsMap, JsObject, JsPromise, JsSet,
    JsString, JsTypedArray, Object, Record, Table,
};
use gcheap::{Local, Scope, Value};
use std::collections::BTreeMap;

impl World<'_> {
    /// Compares everything that is reachable, and the weak things; ends the job, as reading WeakRefs keeps their targets.
    pub(crate) fn compare<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>]) -> Done {
        turn.verify().map_err(Found::from)?;
        self.coverage.comparisons += 1;
        let reachable = self.reachable();
        let mut handles: BTreeMap<Id, Local<'t>> = BTreeMap::new();
        let mut pending: Vec<Pair<'t>> = locals.to_vec();
        for root in self.roots.iter().flatten() {
            pending.push((turn.open(&root.0)?, root.1));
        }
        // What a weak map holds is known once its keys are: until nothing new is found.
        while !pending.is_empty() {
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
                    Stop::Wrong(found) => {
                        Stop::Wrong(Found { message: format!("node {id}: {}", found.message), ..found })
                    }
                    other => other,
                })?;
            }
            for (local, id) in self.compare_keyed(turn, &handles)? {
                match handles.get(&id) {
                    Some(&known) if turn.is_same(known, local)? => {}
                    Some(_) => return wrong(format!("node {id} is two objects")),
                    None => pending.push((local, id)),
                }
            }
        }
        self.compare_sums(turn, &handles)?;
        self.compare_watched(turn, &handles, &reachable)?;
        turn.end_job();
        self.kept.clear();
        self.forget_the_dead();
        self.room = ROOM;
        Ok(())
    }

    /// Empties nodes that nothing can lead to any more, not even a WeakRef that is not cleared.
    pub(crate) fn forget_the_dead(&mut self) {
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

    pub(crate) fn compare_slot<'t>(value: Value<'t>, slot: Slot, pending: &mut Vec<Pair<'t>>) -> Done {
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

    pub(crate) fn compare_node<'t>(
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
                turn.downcast::<JsPromise>(local)?;
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
            Node::Table(slots) => {
                let table = turn.downcast::<Table<Object>>(local)?;
                if turn.table_length(table)? != slots.len() as u64 {
                    return wrong(format!("{} places, not {}", turn.table_length(table)?, slots.len()));
                }
                for (index, slot) in slots.iter().enumerate() {
                    let found = turn.table_get(table, index as u64)?.map_or(Value::Undefined, Value::from);
                    Self::compare_slot(found, *slot, pending)?;
                }
            }
            Node::WeakMap(_) | Node::WeakRef(..) => {}
        }
        Ok(())
    }
}
