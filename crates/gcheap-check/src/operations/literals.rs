//! Stretches in which literals are made: as many as there is room for, by address, and the same in the model at once.

use super::stretches::{OnPurpose, is_refused};
use super::strings::MAX_TEXT;
use crate::failure::{Done, Stop, wrong};
use crate::model::{Id, Node, Slot};
use crate::operation::Operation;
use crate::random::Random;
use crate::world::{Pair, World};
use gcheap::types::{JsArray, JsString};
use gcheap::{Boilerplate, Error, ErrorKind, LiteralRoom, Literals, Placement, Scope, Tagged, TaggedValue, TaggedWord};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// How a stretch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    WithHandle,
    Error,
    Panic,
}

/// What a stretch refers to.
struct Known<'n> {
    all: Vec<(Tagged<'n>, Id)>,
    arrays: Vec<(Tagged<'n, JsArray>, Id)>,
    texts: Vec<(Tagged<'n, JsString>, Id)>,
}

impl<'n> Known<'n> {
    fn value(&self, random: &mut Random) -> (TaggedWord<'n>, Slot) {
        match random.below(6) {
            0 => (TaggedWord::UNDEFINED, Slot::Undefined),
            1 => (TaggedValue::Hole.into(), Slot::Hole),
            2.. if !self.all.is_empty() => {
                let (tagged, id) = random.pick(&self.all);
                (tagged.into(), Slot::Node(id))
            }
            _ => ((-7).into(), Slot::Smi(-7)),
        }
    }

    fn add_text(&mut self, string: Tagged<'n, JsString>, id: Id) {
        self.texts.push((string, id));
        self.all.push((string.upcast(), id));
    }
}

impl World<'_> {
    pub(crate) fn literals<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        let mut random = Random::new(u64::from(a) << 32 | u64::from(b));
        let mut objects = Vec::new();
        for choice in 0..6 {
            let place = random.next() as u32;
            let pair = match choice {
                0..2 => self.pick_where(turn, locals, place, |node| matches!(node, Node::Array(_)))?,
                2..4 => self.pick_where(turn, locals, place, |node| matches!(node, Node::Text(_)))?,
                _ => self.pick(turn, locals, place)?,
            };
            objects.extend(pair);
        }
        let end = random.pick(&[End::WithHandle, End::WithHandle, End::WithHandle, End::Error, End::Panic]);
        let steps = random.pick(&[20, 20, 20, 20, 20, 2000]);
        // What the oracle finds inside is no error of the stretch.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            turn.literals(|literals| match self.make_literals(literals, &objects, random.below(steps), &mut random) {
                Ok(kept) => match end {
                    End::WithHandle => Ok(Ok(kept)),
                    End::Error => Err(ErrorKind::WrongHeap.into()),
                    End::Panic => resume_unwind(Box::new(OnPurpose)),
                },
                Err(Stop::Heap(error)) => Ok(Err(Stop::Wrong(error.into()))),
                Err(found) => Ok(Err(found)),
            })
        }));
        match outcome {
            Ok(Ok(Ok(kept))) => kept.map_or(Ok(()), |pair| self.keep(turn, pair, c)),
            Ok(Ok(Err(found))) => Err(found),
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::WrongHeap) && end == End::Error => Ok(()),
            Ok(Err(error)) => Err(Stop::Wrong(error.into())),
            Err(panic) if panic.is::<OnPurpose>() && end == End::Panic => Ok(()),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Makes literals and writes elements until there is no room for one or all steps are done; a handle of one of them.
    fn make_literals<'n, 't>(
        &mut self,
        literals: &mut Literals<'n, '_, 't>,
        objects: &[Pair<'t>],
        steps: u64,
        random: &mut Random,
    ) -> Done<Option<Pair<'t>>> {
        let mut known = Known { all: Vec::new(), arrays: Vec::new(), texts: Vec::new() };
        for &(local, id) in objects {
            let tagged = literals.tagged(local)?;
            match &self.model.nodes[id] {
                Node::Array(_) => known.arrays.push((literals.downcast(tagged)?, id)),
                Node::Text(_) => known.texts.push((literals.downcast(tagged)?, id)),
                _ => {}
            }
            known.all.push((tagged, id));
        }
        for _ in 0..steps {
            let goes_on = match random.below(12) {
                0..4 => self.make_literal(literals, &mut known, random)?,
                4 => self.make_number(literals, &mut known)?,
                5 => self.make_text(literals, &mut known, random)?,
                10.. => self.copy_some(literals, &known, random)?,
                _ => self.write_element(literals, &known, random)?,
            };
            if !goes_on {
                break;
            }
            self.coverage.literals += 1;
        }
        let kept = if known.all.is_empty() { None } else { Some(random.pick(&known.all)) };
        Ok(kept.map(|(tagged, id)| (literals.local(tagged), id)))
    }

    /// An object or an array; false if there was no room for it.
    fn make_literal<'n>(
        &mut self,
        literals: &mut Literals<'n, '_, '_>,
        known: &mut Known<'n>,
        random: &mut Random,
    ) -> Done<bool> {
        let placement: Placement = self.placement(random.next() as u32);
        let number = self.number();
        let (mut values, mut slots) = (vec![TaggedWord::from(number)], vec![Slot::Smi(number)]);
        let most = random.pick(&[4, 4, 4, 4, 4, 4, 520]);
        for _ in 0..random.below(most) {
            let (value, slot) = known.value(random);
            values.push(value);
            slots.push(slot);
        }
        let (count, is_array) = (values.len() as u64, random.below(2) == 0);
        let needed =
            if is_array { LiteralRoom::of_array(placement, count) } else { LiteralRoom::of_object(placement, count) };
        let fits = count <= 500 && needed.times_in(literals.room()) > 0;
        let made = if is_array {
            literals.array(placement, &values).map(|array| {
                let id = self.model.add(Node::Array(slots));
                known.arrays.push((array, id));
                (array.upcast(), id)
            })
        } else {
            literals.object(placement, &values).map(|object| (object.upcast(), self.model.add(Node::Object(slots))))
        };
        as_promised(made.as_ref().err(), fits, fits)?;
        known.all.extend(made.ok());
        // One that no literal can be is refused alone.
        Ok(fits || count > 500)
    }

    fn make_number<'n>(&mut self, literals: &mut Literals<'n, '_, '_>, known: &mut Known<'n>) -> Done<bool> {
        let fits = LiteralRoom::of_number().times_in(literals.room()) > 0;
        let value = f64::from(self.number()) + 0.5;
        let made = literals.heap_number(value);
        as_promised(made.as_ref().err(), fits, fits)?;
        known.all.extend(made.ok().map(|made| (made.upcast(), self.model.add(Node::Number(value)))));
        Ok(fits)
    }

    /// The text of a number, or what two texts make; false if it was refused.
    fn make_text<'n>(
        &mut self,
        literals: &mut Literals<'n, '_, '_>,
        known: &mut Known<'n>,
        random: &mut Random,
    ) -> Done<bool> {
        let Some(room) = literals.room_of_text() else { return Ok(false) };
        let fits = room.times_in(literals.room()) > 0;
        let number = random.next() as i32 >> random.below(32);
        let of_number: Vec<u16> = number.to_string().encode_utf16().collect();
        let sort = if known.texts.is_empty() { 0 } else { random.below(3) };
        let (made, text) = match sort {
            0 => (literals.number_to_string(number), of_number),
            sort => {
                let ((one, first), (two, second)) = (random.pick(&known.texts), random.pick(&known.texts));
                let mut text = self.text(first).to_vec();
                let more = if sort == 1 { &of_number[..] } else { self.text(second) };
                if text.len() + more.len() > MAX_TEXT {
                    return Ok(true);
                }
                text.extend(more);
                (if sort == 1 { literals.concat_number(one, number) } else { literals.concat(one, two) }, text)
            }
        };
        if sort > 0 && text.len() < 13 && made.as_ref().is_err_and(is_wrong_kind) {
            return Ok(true);
        }
        // It may be less than the most that a text takes.
        as_promised(made.as_ref().err(), fits, true)?;
        let goes_on = made.is_ok();
        if let Ok(made) = made {
            known.add_text(made, self.model.add(Node::Text(Rc::from(text))));
        }
        Ok(goes_on)
    }

    /// Pushes copies of one thing to an array.
    fn copy_some<'n>(
        &mut self,
        literals: &mut Literals<'n, '_, '_>,
        known: &Known<'n>,
        random: &mut Random,
    ) -> Done<bool> {
        let (placement, is_array) = (self.placement(random.next() as u32), random.below(2) == 0);
        let first = self.number();
        let mut thing = Boilerplate::new(literals, first);
        thing.number(0);
        thing.undefined();
        let prefix = if known.texts.is_empty() { None } else { Some(random.pick(&known.texts)) };
        let prefix = prefix.filter(|&(prefix, _)| thing.text(literals, prefix).is_some()).map(|(_, id)| id);
        let fields = 2 + usize::from(prefix.is_some());
        let made = if is_array { thing.array(placement, fields) } else { thing.object(placement, fields) };
        if made.is_none() {
            return wrong("what was put together is no boilerplate".to_owned());
        }
        for turn in 0..1 + random.below(4) {
            let number = if turn == 0 { first } else { self.number() };
            let Some(&(array, array_id)) = known.arrays.first() else { break };
            if literals.array_room(array) == 0 {
                break;
            }
            let Some(copy) = literals.copy(&thing, number)? else { break };
            let mut slots = vec![Slot::Smi(number), Slot::Undefined];
            if let Some(prefix) = prefix {
                let mut text = self.text(prefix).to_vec();
                text.extend(number.to_string().encode_utf16());
                slots.push(Slot::Node(self.model.add(Node::Text(Rc::from(text)))));
            }
            let id = self.model.add(if is_array { Node::Array(slots) } else { Node::Object(slots) });
            literals.array_push(array, copy)?;
            self.fields(array_id).push(Slot::Node(id));
        }
        Ok(true)
    }

    fn text(&self, id: Id) -> &[u16] {
        match &self.model.nodes[id] {
            Node::Text(text) => text,
            other => unreachable!("{other:?} is no text"),
        }
    }

    /// Pushes to an array or writes an element of it.
    fn write_element<'n>(
        &mut self,
        literals: &mut Literals<'n, '_, '_>,
        known: &Known<'n>,
        random: &mut Random,
    ) -> Done<bool> {
        if known.arrays.is_empty() {
            return Ok(true);
        }
        let ((array, id), (value, slot)) = (random.pick(&known.arrays), known.value(random));
        let length = self.fields(id).len() as u64;
        if literals.array_set(array, length, value).is_ok() || literals.array_set(array, u64::MAX, value).is_ok() {
            return wrong("an element behind the last one of an array".to_owned());
        }
        if random.below(2) == 0 {
            let fits = literals.array_room(array) > 0;
            as_promised(literals.array_push(array, value).as_ref().err(), fits, fits)?;
            if fits {
                self.fields(id).push(slot);
            }
        } else if length > 1 {
            // The first one keeps the number by which two arrays are told apart.
            let index = 1 + random.below(length - 1);
            literals.array_set(array, index, value)?;
            self.fields(id)[index as usize] = slot;
        }
        Ok(true)
    }
}

/// What surely fits is made; what is refused is refused for want of room, where it may be.
fn as_promised(error: Option<&Error>, must: bool, may: bool) -> Done {
    match error {
        None if may => Ok(()),
        None => wrong("more was had than there is room for".to_owned()),
        Some(error) if is_refused(error) && !must => Ok(()),
        Some(error) => wrong(format!("a literal for which there is room: {error}")),
    }
}

fn is_wrong_kind(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WrongKind { .. })
}
