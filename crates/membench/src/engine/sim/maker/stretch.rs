//! Records in bulk: as many as need no collection, no look at a budget and no look at what the heap tells.
//!
//! Most of a run makes small records of one shape. Where the room for some of them is at hand, they are made in one stretch by
//! address, without handles and without asking anew for each. What holds: a stretch does what making them one by one does,
//! in the same order; whatever is not certain to go well is left to that.

use gcheap::types::JsString;
use gcheap::{Boilerplate, Error, LiteralRoom, Literals, Local, Placement, Scope, TaggedWord};

use super::super::code::Codes;
use super::super::keep::Holder;
use super::super::program::{Body, Make, Op, Place, Program};
use super::super::tier::Tier;
use super::{FEW, Maker};
use crate::workload::Bound;

/// The bodies that a thing of a body is made by, as often as they are entered; `None` if one does what a stretch does not.
pub(super) fn entered(program: &Program, body: usize) -> Option<Vec<usize>> {
    let body_of = &program.bodies[body];
    if body_of.recursive || body_of.block.depth > FEW {
        return None;
    }
    let mut bodies = vec![body];
    for op in &program.ops[body_of.block.start..body_of.block.end] {
        match *op {
            Op::Integer(_) | Op::Integers { .. } | Op::Double(_) | Op::Null => {}
            Op::Object { .. } | Op::Array { .. } | Op::Instance { .. } => {}
            // A short text of two bytes a character is not put together in a stretch.
            Op::Text(text) if program.texts[text].chars().all(|unit| u32::from(unit) < 256) => {}
            Op::Call(called) => bodies.extend(entered(program, called)?),
            _ => return None,
        }
    }
    Some(bodies)
}

/// Things of which so many are made in one stretch are copied: putting a boilerplate together takes as long as some of them.
const WORTH_A_BOILERPLATE: u64 = 16;

/// What a stretch needs of a maker.
struct Hands<'m, 'o> {
    program: &'m Program,
    codes: &'m Codes,
    texts: &'m [Local<'o, JsString>],
    n: i32,
}

impl Maker<'_, '_> {
    /// Makes things one after the other, as many as `most` if no more has to be looked at than they themselves. How many: none if
    /// that is not certain even of one. Collects nothing.
    pub(in super::super) fn make_some(&mut self, make: &Make, most: u64, scope: &mut Scope<'_>) -> Result<u64, Error> {
        let Some(bodies) = &self.entered[make.body] else { return Ok(0) };
        let most = self.codes.affordable(bodies).min(most);
        if most == 0 {
            return Ok(0);
        }
        let mut turn = scope.scope();
        let (target, is_sink) = match make.place {
            Place::Push { keep, bound: Bound::All } => match &self.holders[keep] {
                Holder::Array(array) => (turn.local(*array)?, false),
                Holder::Grows(array) => match array.open(&mut turn)? {
                    Some(array) => (array, false),
                    None => return Ok(0),
                },
                _ => return Ok(0),
            },
            Place::Sink => match self.sink {
                Some(sink) => (turn.local(sink)?, true),
                None => return Ok(0),
            },
            _ => return Ok(0),
        };
        let mut hands = Hands { program: self.program, codes: &self.codes, texts: &self.texts, n: self.n };
        let made = turn.literals(|literals| {
            let target = literals.tagged(target)?;
            let Some(each) = hands.room_of(bodies, literals) else { return Ok(0) };
            let mut count = each.times_in(literals.room()).min(most);
            if !is_sink {
                count = count.min(literals.array_room(target));
            }
            let boilerplate = if count < WORTH_A_BOILERPLATE { None } else { hands.boilerplate(make.body, literals) };
            for _ in 0..count {
                let copy = match &boilerplate {
                    Some(boilerplate) => literals.copy(boilerplate, hands.n)?,
                    None => None,
                };
                let value = match copy {
                    Some(copy) => copy,
                    None => hands.thing(make.body, literals)?,
                };
                if is_sink {
                    literals.array_set(target, 0, value)?;
                } else {
                    literals.array_push(target, value)?;
                }
                hands.n = hands.n.wrapping_add(i32::from(make.numbered));
            }
            Ok(count)
        })?;
        self.n = hands.n;
        self.codes.spend_for(bodies, made);
        turn.work(made as f64 * self.work_of(bodies, is_sink));
        Ok(made)
    }

    /// What making a thing that enters these bodies takes beside its allocations, ns.
    fn work_of(&self, bodies: &[usize], is_sink: bool) -> f64 {
        let ops = |&body: &usize| {
            let block = self.program.bodies[body].block;
            &self.program.ops[block.start..block.end]
        };
        let texts = bodies.iter().flat_map(ops).filter(|op| matches!(op, Op::Text(_))).count();
        self.codes.work_for(bodies) + texts as f64 * self.prices.text() + self.prices.place(!is_sink)
    }
}

impl Hands<'_, '_> {
    fn placement(&self, body: usize, site: usize) -> Placement {
        self.codes.placements[self.program.bodies[body].first_site + site]
    }

    /// Bytes of a double, and of the number that unoptimised code makes of the sum.
    fn room_of_double(&self, body: usize) -> LiteralRoom {
        let one = LiteralRoom::of_number();
        if self.codes.tier(body) == Tier::Unoptimized { one + one } else { one }
    }

    /// The most that a thing takes that enters these bodies; `None` if its text cannot be made now.
    fn room_of(&self, bodies: &[usize], literals: &Literals<'_, '_, '_>) -> Option<LiteralRoom> {
        let mut sum = LiteralRoom::default();
        for &body in bodies {
            let block = self.program.bodies[body].block;
            for op in &self.program.ops[block.start..block.end] {
                let room = match *op {
                    Op::Object { site, fields } => LiteralRoom::of_object(self.placement(body, site), fields as u64),
                    Op::Array { site, length } => LiteralRoom::of_array(self.placement(body, site), length as u64),
                    Op::Instance { fields } => LiteralRoom::of_object(Placement::Young, fields as u64),
                    Op::Text(_) => literals.room_of_text()?,
                    Op::Double(_) => self.room_of_double(body),
                    _ => LiteralRoom::default(),
                };
                sum = sum + room;
            }
        }
        Some(sum)
    }

    /// What a thing is copied from, if it can be.
    fn boilerplate(&self, body: usize, literals: &Literals<'_, '_, '_>) -> Option<Boilerplate> {
        let mut boilerplate = Boilerplate::new(literals, self.n);
        self.put_together(&mut boilerplate, body, literals)?;
        Some(boilerplate)
    }

    /// As [`Self::thing`], into a boilerplate.
    fn put_together(&self, into: &mut Boilerplate, body: usize, literals: &Literals<'_, '_, '_>) -> Option<()> {
        let program = self.program;
        let block = program.bodies[body].block;
        for op in &program.ops[block.start..block.end] {
            match *op {
                Op::Integer(more) => into.number(more),
                Op::Integers { first, count } => {
                    (0..count).for_each(|more| into.number(first.wrapping_add(more as i32)));
                }
                Op::Text(text) => into.text(literals, literals.tagged(self.texts[text]).ok()?)?,
                Op::Object { site, fields } => into.object(self.placement(body, site), fields)?,
                Op::Instance { fields } => into.object(Placement::Young, fields)?,
                Op::Array { site, length } => into.array(self.placement(body, site), length)?,
                Op::Call(called) => self.put_together(into, called, literals)?,
                Op::Null => into.undefined(),
                _ => return None,
            }
        }
        Some(())
    }

    /// The value that a body leaves.
    #[inline]
    fn thing<'n>(&self, body: usize, literals: &mut Literals<'n, '_, '_>) -> Result<TaggedWord<'n>, Error> {
        let program = self.program;
        let Body { block, first_site, .. } = program.bodies[body];
        let mut stack = [TaggedWord::UNDEFINED; FEW];
        let mut top = 0;
        for op in &program.ops[block.start..block.end] {
            match *op {
                Op::Integer(more) => stack[top] = self.n.wrapping_add(more).into(),
                Op::Integers { first, count } => {
                    let mut number = self.n.wrapping_add(first);
                    for _ in 0..count {
                        stack[top] = number.into();
                        number = number.wrapping_add(1);
                        top += 1;
                    }
                    continue;
                }
                Op::Text(text) => {
                    let text = literals.tagged(self.texts[text])?;
                    stack[top] = literals.concat_number(text, self.n)?.into();
                }
                Op::Object { site, fields } => {
                    top -= fields;
                    let placement = self.codes.placements[first_site + site];
                    stack[top] = literals.object(placement, &stack[top..top + fields])?.into();
                }
                Op::Instance { fields } => {
                    top -= fields;
                    stack[top] = literals.object(Placement::Young, &stack[top..top + fields])?.into();
                }
                Op::Array { site, length } => {
                    top -= length;
                    let placement = self.codes.placements[first_site + site];
                    stack[top] = literals.array(placement, &stack[top..top + length])?.into();
                }
                Op::Double(more) => {
                    if self.codes.tier(body) == Tier::Unoptimized {
                        literals.heap_number(0.0)?;
                    }
                    stack[top] = literals.heap_number(f64::from(self.n) + more)?.into();
                }
                Op::Call(called) => stack[top] = self.called(called, literals)?,
                // `Null`: nothing else is in a body that is entered here.
                _ => stack[top] = TaggedWord::UNDEFINED,
            }
            top += 1;
        }
        Ok(stack[0])
    }

    /// As [`Self::thing`], of a body that another one calls.
    #[inline(never)]
    fn called<'n>(&self, body: usize, literals: &mut Literals<'n, '_, '_>) -> Result<TaggedWord<'n>, Error> {
        self.thing(body, literals)
    }
}
