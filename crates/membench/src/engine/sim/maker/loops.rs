//! Values that take a loop to make: collections, lists, trees, long texts.
//!
//! What holds: a round of a loop is an execution of its body, and has a scope of its own for what it makes.

use gcheap::types::JsString;
use gcheap::{Error, Local, Placement, Scope, Value};

use super::super::program::{Block, Op};
use super::super::tier::Tier;
use super::{Maker, object};
use crate::workload::{Count, Growth};

impl Maker<'_, '_> {
    /// One round of a loop in a body, what it leaves being dealt with by `with`.
    fn round(
        &mut self,
        body: usize,
        of: Block,
        scope: &mut Scope<'_>,
        with: impl for<'i> FnOnce(&mut Scope<'i>, Value<'i>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.codes.enter_round(body, scope)?;
        let mut turn = scope.scope();
        let value = self.block(body, of, &mut turn)?;
        with(&mut turn, value)
    }

    /// Operations that loop.
    pub(super) fn collection<'s>(&mut self, body: usize, op: &Op, scope: &mut Scope<'s>) -> Result<Value<'s>, Error> {
        match *op {
            Op::Concat { parts, of, flat } => self.concat(body, parts, of, flat, scope),
            Op::Filled { site, length, of, by } => {
                let length = self.count(length);
                let array = match by {
                    Growth::Push => scope.array_literal(self.placement(body, site), &[])?,
                    Growth::Length => scope.array_with_length(self.placement_by_length(body, site, of), length)?,
                };
                let price = if by == Growth::Push { self.prices.push() } else { 0.0 };
                for index in 0..length {
                    scope.work(price);
                    self.round(body, of, scope, |turn, value| match by {
                        Growth::Push => turn.array_push(array, value).map(drop),
                        Growth::Length => turn.array_set(array, index, value),
                    })?;
                }
                Ok(array.into())
            }
            Op::Doubles { site, length, by } => {
                let length = self.count(length);
                match by {
                    Growth::Length => self.doubles_by_length(body, length, scope),
                    Growth::Push => self.pushed_doubles(body, site, length, scope),
                }
            }
            Op::Map { size, of } => {
                let map = scope.map()?;
                let count = self.count(size);
                for round in 0..count {
                    let key = key(size, count, round);
                    let price = self.prices.entry(round);
                    self.round(body, of, scope, |turn, value| {
                        turn.work(price);
                        turn.map_set(map, key, value)
                    })?;
                }
                Ok(map.into())
            }
            Op::Set { size } => {
                let set = scope.set()?;
                let count = self.count(size);
                for round in 0..count {
                    scope.work(self.prices.entry(round));
                    scope.scope().set_add(set, key(size, count, round))?;
                }
                Ok(set.into())
            }
            Op::List { site, length, of } => {
                let mut head = Value::Undefined;
                for _ in 0..self.count(length) {
                    self.codes.enter_round(body, scope)?;
                    let node = scope.escape(|inner| {
                        let value = self.block(body, of, inner)?;
                        inner.object_literal(self.placement(body, site), &[value, head])
                    })?;
                    head = node.into();
                }
                Ok(head)
            }
            Op::Tree { site, depth, of } => self.tree(body, site, depth, of, scope),
            // Everything else is dealt with before.
            _ => Ok(Value::Undefined),
        }
    }

    fn concat<'s>(
        &mut self,
        body: usize,
        parts: Count,
        of: Block,
        flat: bool,
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        let mut whole: Option<Local<'s, JsString>> = None;
        let parts = self.count(parts);
        for _ in 0..parts {
            self.codes.enter_round(body, scope)?;
            scope.work(self.prices.concat());
            let longer = scope.escape(|inner| {
                let part: Local<'_, JsString> = object(self.block(body, of, inner)?, inner)?;
                // The first part is added to the empty string, which gives the part itself.
                match whole {
                    Some(whole) => inner.concat(whole, part),
                    None => Ok(part),
                }
            })?;
            whole = Some(longer);
        }
        let Some(whole) = whole else { return Ok(Value::Undefined) };
        if flat {
            let characters = scope.string_length(whole)?;
            scope.work(self.prices.flatten(parts, characters));
            scope.flatten(whole)?;
        }
        Ok(whole.into())
    }

    /// `new Array(length)` follows its site as long as it holds small integers only: only then there are mementos behind its
    /// arrays (V8 `AllocationSite::ShouldTrack`), and without these no site is ever tenured.
    fn placement_by_length(&self, body: usize, site: usize, of: Block) -> Placement {
        let whole = &self.program.ops[of.start..of.end];
        if matches!(whole, [Op::Integer(_)]) { self.placement(body, site) } else { Placement::Young }
    }

    fn doubles_by_length<'s>(&mut self, body: usize, length: u64, scope: &mut Scope<'s>) -> Result<Value<'s>, Error> {
        let array = self.doubles(Placement::Young, length, scope)?;
        let mut left = length;
        while left > 0 {
            // Unoptimised code makes a number of each sum.
            let unoptimized = self.codes.tier(body) == Tier::Unoptimized;
            let rounds = if unoptimized { 1 } else { self.codes.affordable_rounds(body).clamp(1, left) };
            self.codes.enter_rounds(body, rounds, scope)?;
            if unoptimized {
                self.box_sum(body, scope)?;
            }
            left -= rounds;
        }
        Ok(array)
    }

    pub(super) fn doubles<'s>(
        &mut self,
        placement: Placement,
        length: u64,
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        let value = f64::from(self.n) + 0.5;
        let mut values = std::mem::take(&mut self.doubles);
        values.clear();
        values.resize(length as usize, value);
        let array = scope.array_of_doubles(placement, &values);
        self.doubles = values;
        Ok(array?.into())
    }

    fn pushed_doubles<'s>(
        &mut self,
        body: usize,
        site: usize,
        length: u64,
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        let value = f64::from(self.n) + 0.5;
        let array = scope.array_literal(self.placement(body, site), &[])?;
        for _ in 0..length {
            self.codes.enter_round(body, scope)?;
            scope.work(self.prices.push());
            self.box_sum(body, scope)?;
            scope.array_push_double(array, value)?;
        }
        Ok(array.into())
    }

    fn tree<'s>(
        &mut self,
        body: usize,
        site: usize,
        depth: u32,
        of: Block,
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        if depth == 0 {
            return Ok(Value::Undefined);
        }
        self.enter(body, scope)?;
        scope.work(self.prices.call());
        let node = scope.escape(|inner| {
            let value = self.block(body, of, inner)?;
            let left = self.tree(body, site, depth - 1, of, inner)?;
            let right = self.tree(body, site, depth - 1, of, inner)?;
            inner.object_literal(self.placement(body, site), &[value, left, right])
        })?;
        Ok(node.into())
    }
}

/// The key that the loop of the JavaScript program has in a round: a drawn number of rounds is counted down.
fn key(count: Count, rounds: u64, round: u64) -> Value<'static> {
    match count {
        Count::Fixed(_) => (round as i32).into(),
        Count::Drawn { .. } => ((rounds - round) as i32).into(),
    }
}
