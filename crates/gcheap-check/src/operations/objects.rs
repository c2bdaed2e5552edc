//! Objects, closures, boxed numbers, promises and records.

use crate::failure::{Done, wrong};
use crate::model::{Node, Slot};
use crate::operation::{Action, Operation};
use crate::world::{Pair, World};
use gcheap::Scope;
use gcheap::types::{JsObject, Record};

impl World<'_> {
    pub(crate) fn objects<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
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
            other => wrong(format!("{other:?} is no operation on objects")),
        }
    }
}
