//! Strings of all representations; the model knows only their characters.

use crate::failure::{Done, wrong};
use crate::model::Node;
use crate::operation::{Action, Operation};
use crate::world::{Pair, World};
use gcheap::Scope;
use gcheap::types::JsString;
use std::rc::Rc;

/// Longest text that concatenation makes.
pub(super) const MAX_TEXT: usize = 300_000;

impl World<'_> {
    pub(crate) fn strings<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
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
            other => wrong(format!("{other:?} is no operation on strings")),
        }
    }
}
