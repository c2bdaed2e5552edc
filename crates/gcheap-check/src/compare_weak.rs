//! Weak things against the model: what may be gone, what must be gone, and what must not.

use crate::failure::{Done, wrong};
use crate::model::{Id, Key, Node};
use crate::world::{Pair, World, collections};
use gcheap::types::{JsMap, JsSet, JsWeakMap};
use gcheap::{Local, Scope};
use std::collections::BTreeMap;

impl World<'_> {
    /// A full collection without a head start frees exactly what cannot be reached.
    pub(crate) fn after_exact_collection(&mut self, turn: &mut Scope<'_>) -> Done {
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
        self.coverage.exact_collections += 1;
        self.exact_sums(turn, &reachable)
    }

    /// Weak maps, and Maps and Sets with nodes as keys, looked into with the handles of the keys that are known; the values
    /// that were found.
    pub(crate) fn compare_keyed<'t>(
        &self,
        turn: &mut Scope<'t>,
        handles: &BTreeMap<Id, Local<'t>>,
    ) -> Done<Vec<Pair<'t>>> {
        let mut values = Vec::new();
        for (&id, &local) in handles {
            match &self.model.nodes[id] {
                Node::WeakMap(entries) => {
                    let map = turn.downcast::<JsWeakMap>(local)?;
                    let mut known = 0;
                    for (key_id, slot) in entries {
                        let Some(&key) = handles.get(key_id) else { continue };
                        known += 1;
                        match turn.weak_map_get(map, key)? {
                            Some(value) => Self::compare_slot(value, *slot, &mut values)?,
                            None => return wrong(format!("weak map {id}: the entry of live key {key_id} is gone")),
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
                            Some(value) => Self::compare_slot(value, *slot, &mut values)?,
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
        Ok(values)
    }

    pub(crate) fn compare_watched<'t>(
        &mut self,
        turn: &mut Scope<'t>,
        handles: &BTreeMap<Id, Local<'t>>,
        reachable: &[bool],
    ) -> Done {
        let collections = collections(turn);
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
