//! Arrays: literals, growth, large stores, holes, truncation.

use crate::failure::{Done, wrong};
use crate::model::{Node, Slot};
use crate::operation::{Action, Operation};
use crate::random::Random;
use crate::world::{Pair, World};
use gcheap::types::JsArray;
use gcheap::{ErrorKind, Scope, Value};

impl World<'_> {
    pub(crate) fn arrays<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
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
                let is_refused =
                    refused.as_ref().is_err_and(|error| matches!(error.kind(), ErrorKind::WrongKind { .. }));
                if !is_refused && !doubles.is_empty() {
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
                        Err(error) if matches!(error.kind(), ErrorKind::IndexOutOfRange { .. }) => Ok(()),
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
            other => wrong(format!("{other:?} is no operation on arrays")),
        }
    }
}
