//! Variables of the simulated program: where things are kept.
//!
//! What holds: a variable holds what its JavaScript twin holds, and nothing of it lies in the heap but its container. The
//! head of a list is the exception: it stands in an array of one element, because a handle cannot be set.

use gcheap::types::{JsArray, JsMap, JsSet};
use gcheap::{Error, Global, Local, Placement, Scope, Value};

use crate::workload::{Bound, Container, Keep};

/// What a variable holds.
pub(super) enum Holder<'o> {
    /// An array that grows.
    Array(Local<'o, JsArray>),
    /// An array that grows, of a variable that gets another one when it is dropped. The old one stays as it is: where it is in old
    /// space already, a scavenge keeps alive what it refers to.
    Grows(Global<JsArray>),
    /// The head of a list: the only element of an array.
    Head(Local<'o, JsArray>),
    /// `new Array(size)`.
    Slots(Global<JsArray>),
    Map(Global<JsMap>),
    Set(Global<JsSet>),
    /// null.
    Dropped,
}

impl<'o> Holder<'o> {
    /// A new, empty container. Can collect.
    pub(super) fn new(keep: &Keep, scope: &mut Scope<'o>) -> Result<Holder<'o>, Error> {
        Ok(match (keep.container, keep.bound) {
            (Container::Array, Bound::Window(_) | Bound::Table(_)) | (Container::Map | Container::Set, _) => {
                Holder::global(keep, scope)?
            }
            (Container::Array, _) if keep.dropped => Holder::global(keep, scope)?,
            (Container::Array, _) => Holder::Array(scope.array(&[])?),
            (Container::List, _) => Holder::Head(scope.array(&[Value::Undefined])?),
        })
    }

    /// A container that is held by a global handle, so that another one can take its place.
    fn global(keep: &Keep, scope: &mut Scope<'_>) -> Result<Holder<'o>, Error> {
        let mut turn = scope.scope();
        Ok(match (keep.container, keep.bound) {
            (Container::Map, _) => {
                let map = turn.map()?;
                Holder::Map(turn.global(map)?)
            }
            (Container::Set, _) => {
                let set = turn.set()?;
                Holder::Set(turn.global(set)?)
            }
            (_, Bound::Window(size) | Bound::Table(size)) => {
                let slots = turn.array_with_length(Placement::Young, u64::from(size))?;
                Holder::Slots(turn.global(slots)?)
            }
            (Container::Array, _) => {
                let array = turn.array(&[])?;
                Holder::Grows(turn.global(array)?)
            }
            _ => Holder::Dropped,
        })
    }

    /// The variable becomes null or, where it is used `again`, a new container. Can collect.
    pub(super) fn drop_all(&mut self, keep: &Keep, again: bool, scope: &mut Scope<'_>) -> Result<(), Error> {
        match self {
            Holder::Array(array) => scope.array_clear(*array),
            Holder::Head(cell) => scope.array_set(*cell, 0, Value::Undefined),
            _ => {
                *self = if again { Holder::global(keep, scope)? } else { Holder::Dropped };
                Ok(())
            }
        }
    }
}
