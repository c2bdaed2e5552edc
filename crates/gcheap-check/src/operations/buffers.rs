//! Array buffers and the views on them; a refused backing store is a RangeError only when one was to be refused.

use crate::failure::{Done, wrong};
use crate::model::Node;
use crate::operation::{Action, Operation};
use crate::world::{Pair, World};
use gcheap::types::JsArrayBuffer;
use gcheap::{Error, ErrorKind, Scope};

impl World<'_> {
    pub(crate) fn buffers<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
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
            other => wrong(format!("{other:?} is no operation on buffers")),
        }
    }

    /// An operation that asks for a backing store: it may be refused only when it was told to be.
    pub(crate) fn store<T>(&self, make: impl FnOnce() -> Result<T, Error>) -> Done<T> {
        match make() {
            Err(error) if !self.refusing_stores && matches!(error.kind(), ErrorKind::RangeError(_)) => {
                wrong(error.to_string())
            }
            other => Ok(other?),
        }
    }
}
