//! Map and Set, with keys by identity and by value.

use crate::failure::{Done, wrong};
use crate::model::{Id, Key, Node, Slot};
use crate::operation::{Action, Operation};
use crate::world::{Pair, World};
use gcheap::types::{JsMap, JsSet};
use gcheap::{Local, Scope, Value};
use std::collections::{BTreeMap, BTreeSet};

impl World<'_> {
    pub(crate) fn collections<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
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
                let deleted = turn.set_delete(set, key)?;
                let Node::Set(keys) = &mut self.model.nodes[id] else { return Ok(()) };
                let expected = keys.remove(&model_key);
                match deleted == expected {
                    true => Ok(()),
                    false => wrong(format!("whether {model_key:?} was in the Set should be {expected}")),
                }
            }
            other => wrong(format!("{other:?} is no operation on collections")),
        }
    }

    pub(crate) fn map_set(&mut self, id: Id, key: Key, slot: Slot) {
        self.time += 1;
        let time = self.time;
        if let Node::Map(entries) = &mut self.model.nodes[id] {
            entries.entry(key).or_insert((time, slot)).1 = slot;
        }
    }

    pub(crate) fn map_delete(
        &mut self,
        turn: &mut Scope<'_>,
        map: Local<'_, JsMap>,
        id: Id,
        key: Value<'_>,
        model_key: &Key,
    ) -> Done {
        // Without memory for the smaller table nothing is deleted.
        let deleted = turn.map_delete(map, key)?;
        let Node::Map(entries) = &mut self.model.nodes[id] else { return Ok(()) };
        let expected = entries.remove(model_key).is_some();
        match deleted == expected {
            true => Ok(()),
            false => wrong(format!("whether {model_key:?} was in the Map should be {expected}")),
        }
    }
}
