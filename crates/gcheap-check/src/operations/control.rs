//! What is not allocation: roots, jobs, collections, the clock, stress, faults and limits.

use crate::failure::{Done, wrong};
use crate::operation::{Action, Operation};
use crate::world::{Pair, ROOTS, World};
use gcheap::{GcKind, Scope, Value};
use std::rc::Rc;

impl World<'_> {
    pub(crate) fn control<'t>(&mut self, turn: &mut Scope<'t>, locals: &[Pair<'t>], operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        match operation.action {
            Action::Garbage => {
                for _ in 0..a % 2000 {
                    let mut inner = turn.scope();
                    let object = inner.object_literal(self.placement(b), &[1.into(), 2.into()])?;
                    inner.array(&[object.into(), 3.into(), 4.into(), Value::Undefined])?;
                    if c.is_multiple_of(7) {
                        inner.string_of_length(u64::from(c % 900), false)?;
                    }
                }
                Ok(())
            }
            Action::DropRoot => {
                // The hoard goes rarely: old space has to fill up.
                let place = a as usize % ROOTS;
                if place > 0 || b.is_multiple_of(16) {
                    self.roots[place] = None;
                }
                Ok(())
            }
            Action::CopyRoot => match self.pick(turn, locals, a)? {
                Some(pair) => self.keep(turn, pair, c),
                None => Ok(()),
            },
            Action::EndJob => {
                turn.end_job();
                self.kept.clear();
                Ok(())
            }
            Action::Minor => Ok(turn.collect(GcKind::Minor)?),
            Action::Major => {
                let exact = turn.queued_finalizations() == self.queued.len();
                let before = turn.mark_compacts();
                turn.collect(GcKind::Major)?;
                let alone = turn.mark_compacts() == before + 1 && !self.seen.borrow().last_was_incremental;
                if exact && alone {
                    self.after_exact_collection(turn)?;
                }
                Ok(())
            }
            Action::LastResort => Ok(turn.collect(GcKind::LastResort)?),
            Action::Advance => {
                turn.advance(f64::from(a % 200));
                Ok(())
            }
            Action::Stress => {
                let every = if a.is_multiple_of(2) { 0 } else { 40 + u64::from(b % 200) };
                if c.is_multiple_of(8) {
                    turn.collect_at_every(every * 40, GcKind::Major);
                } else {
                    turn.collect_at_every(every, GcKind::Minor);
                }
                Ok(())
            }
            Action::RefusePages => {
                self.refusing = a.is_multiple_of(2);
                turn.refuse_pages_after(self.refusing.then_some(u64::from(b % 5)));
                Ok(())
            }
            Action::RefuseBackingStores => {
                self.refusing_stores = a.is_multiple_of(3);
                turn.refuse_backing_stores_after(self.refusing_stores.then_some(u64::from(b % 4)));
                Ok(())
            }
            Action::AddNearLimit => {
                if self.near_limits < 3 {
                    self.near_limits += 1;
                    let raise = u64::from(a % 3) << 20;
                    let seen = Rc::clone(&self.seen);
                    turn.add_near_heap_limit_callback(move |current, initial| {
                        let raised = if current < initial + (16 << 20) { current + raise } else { current };
                        seen.borrow_mut().coverage.raised_limits += u64::from(raised > current);
                        raised
                    });
                    if b.is_multiple_of(2) {
                        turn.automatically_restore_initial_heap_limit(0.5);
                    }
                }
                Ok(())
            }
            Action::RemoveNearLimit => {
                let removed = turn.remove_near_heap_limit_callback();
                if removed != (self.near_limits > 0) {
                    return wrong(format!("{} callbacks were added, removed: {removed}", self.near_limits));
                }
                self.near_limits = self.near_limits.saturating_sub(1);
                Ok(())
            }
            other => wrong(format!("{other:?} is no operation on control")),
        }
    }
}
