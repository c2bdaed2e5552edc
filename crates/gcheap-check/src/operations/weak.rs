//! Weak maps, WeakRefs, registries and weak handles: what may be gone, what must be, and what may not.

use crate::failure::{Done, wrong};
use crate::model::{Cell, Id, Node, Slot};
use crate::operation::{Action, Operation};
use crate::world::{Pair, WatchedNode, World, can_be_weak, collections};
use gcheap::types::{JsArray, JsFinalizationRegistry, JsWeakMap, JsWeakRef};
use gcheap::{Heap, Local, Scope, Value};
use std::collections::BTreeMap;

impl World<'_> {
    pub(crate) fn weak<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
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
            Action::WeakMapChain => {
                // Each value is the key of the entry before it, so no order of the entries finds all in one round.
                let fits = |node: &Node| matches!(node, Node::WeakMap(_));
                let Some((local, id)) = self.pick_where(turn, locals, a, fits)? else { return Ok(()) };
                let map = turn.downcast::<JsWeakMap>(local)?;
                let Some((key, key_id)) = self.pick_where(turn, locals, b, can_be_weak)? else { return Ok(()) };
                let mut links = vec![(key, key_id)];
                for _ in 0..2 + c % 4 {
                    let number = self.number();
                    let link = turn.object(&[number.into(), Value::Undefined])?;
                    let link_id = self.model.add(Node::Object(vec![Slot::Smi(number), Slot::Undefined]));
                    links.push((link.upcast(), link_id));
                }
                let mut pairs: Vec<_> = links.windows(2).collect();
                if a.is_multiple_of(2) {
                    pairs.reverse();
                }
                for pair in pairs {
                    turn.weak_map_set(map, pair[0].0, pair[1].0.into())?;
                    if let Node::WeakMap(entries) = &mut self.model.nodes[id] {
                        entries.insert(pair[0].1, Slot::Node(pair[1].1));
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
                let id = self.model.add(Node::WeakRef(Some(target_id), clearing_collections(turn)));
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
                let collections = collections(turn);
                if self.watched.len() > 30 {
                    self.watched.swap_remove(b as usize % 30);
                }
                self.watched.push(WatchedNode { handle, target: Some(id), collections });
                Ok(())
            }
            other => wrong(format!("{other:?} is no operation on weak")),
        }
    }

    /// The target of a WeakRef, checked against what may have happened to it.
    pub(crate) fn deref<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        local: Local<'t>,
        id: Id,
        reachable: &[bool],
    ) -> Done<Option<Pair<'t>>> {
        let weak_ref = turn.downcast::<JsWeakRef>(local)?;
        let target = turn.deref_weak(weak_ref)?;
        let collections = clearing_collections(turn);
        let Node::WeakRef(expected, seen) = &mut self.model.nodes[id] else { return Ok(None) };
        match (target, *expected) {
            (Some(local), Some(node)) => {
                *seen = collections;
                self.kept.insert(node);
                Ok(Some((local, node)))
            }
            (Some(_), None) => wrong(format!("WeakRef {id} was cleared and has a target again")),
            (None, None) => Ok(None),
            (None, Some(node)) if reachable[node] => {
                wrong(format!("the target {node} of WeakRef {id} is reachable but gone"))
            }
            (None, Some(node)) if *seen == collections => {
                wrong(format!("the target {node} of WeakRef {id} is gone without a collection that clears it"))
            }
            (None, Some(_)) => {
                *expected = None;
                self.coverage.cleared_weak_refs += 1;
                Ok(None)
            }
        }
    }

    pub(crate) fn take_finalization(&mut self, turn: &mut Scope<'_>) -> Done<bool> {
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
}

/// Collections so far that may clear WeakRefs.
fn clearing_collections(heap: &Heap) -> u64 {
    if heap.profile().new_space.scavenges_clear_weak_refs { collections(heap) } else { heap.mark_compacts() }
}
