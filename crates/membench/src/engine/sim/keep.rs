//! Variables of the simulated program: where things are kept.
//!
//! What holds: a variable holds what its JavaScript twin holds, and nothing of it lies in the heap but its container. It lies on
//! the stack, as the variables of the JavaScript program do, so marking that begins while the program runs does not see it.
//! A variable that is set again stands in an array of one element, because a handle cannot be set.

use gcheap::types::{JsArray, JsMap, JsSet, Type};
use gcheap::{Error, Local, Placement, Scope, Value};

use crate::workload::{Bound, Container, Keep};

/// What a variable holds.
pub(super) enum Holder<'o> {
    /// An array that grows.
    Array(Local<'o, JsArray>),
    /// An array that grows, of a variable that gets another one when it is dropped. The old one stays as it is: where it is in old
    /// space already, a scavenge keeps alive what it refers to.
    Grows(Variable<'o, JsArray>),
    /// The head of a list: the only element of an array.
    Head(Local<'o, JsArray>),
    /// `new Array(size)`.
    Slots(Variable<'o, JsArray>),
    Map(Variable<'o, JsMap>),
    Set(Variable<'o, JsSet>),
}

/// A variable with a container.
pub(super) enum Variable<'o, T: Type> {
    /// `const`.
    Constant(Local<'o, T>),
    /// `let`: the only element of an array.
    Cell(Local<'o, JsArray>),
}

impl<T: Type> Variable<'_, T> {
    /// The container; `None` while the variable is null.
    #[inline]
    pub(super) fn open<'t>(&self, turn: &mut Scope<'t>) -> Result<Option<Local<'t, T>>, Error> {
        match *self {
            Variable::Constant(container) => turn.local(container).map(Some),
            Variable::Cell(cell) => match turn.array_get(cell, 0)? {
                Value::Object(container) => turn.downcast(container).map(Some),
                _ => Ok(None),
            },
        }
    }
}

impl<'o> Holder<'o> {
    /// A new, empty container; `dies`: the program lets go of it before it ends. Can collect.
    pub(super) fn new(keep: &Keep, dies: bool, scope: &mut Scope<'o>) -> Result<Holder<'o>, Error> {
        let changes = keep.dropped || dies;
        Ok(match (keep.container, keep.bound) {
            (Container::Map, _) => Holder::Map(variable(changes, scope, |scope| scope.map())?),
            (Container::Set, _) => Holder::Set(variable(changes, scope, |scope| scope.set())?),
            (Container::Array, Bound::Window(size) | Bound::Table(size)) => {
                Holder::Slots(variable(changes, scope, |scope| slots(size, scope))?)
            }
            (Container::Array, _) if changes => Holder::Grows(variable(changes, scope, |scope| scope.array(&[]))?),
            (Container::Array, _) => Holder::Array(scope.array(&[])?),
            (Container::List, _) => Holder::Head(scope.array(&[Value::Undefined])?),
        })
    }

    /// The variable becomes null or, where it is used `again`, a new container. Can collect.
    pub(super) fn drop_all(&mut self, keep: &Keep, again: bool, scope: &mut Scope<'_>) -> Result<(), Error> {
        let mut turn = scope.scope();
        let (cell, container) = match *self {
            Holder::Grows(Variable::Cell(cell)) => {
                (cell, if again { turn.array(&[])?.into() } else { Value::Undefined })
            }
            Holder::Head(cell) => return turn.array_set(cell, 0, Value::Undefined),
            Holder::Map(Variable::Cell(cell)) => (cell, if again { turn.map()?.into() } else { Value::Undefined }),
            Holder::Set(Variable::Cell(cell)) => (cell, if again { turn.set()?.into() } else { Value::Undefined }),
            Holder::Slots(Variable::Cell(cell)) => match keep.bound {
                Bound::Window(size) | Bound::Table(size) if again => (cell, slots(size, &mut turn)?.into()),
                _ => (cell, Value::Undefined),
            },
            // A constant that lives to the end is never dropped.
            Holder::Array(_) | Holder::Grows(_) | Holder::Map(_) | Holder::Set(_) | Holder::Slots(_) => return Ok(()),
        };
        turn.array_set(cell, 0, container)
    }
}

fn slots<'s>(size: u32, scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
    scope.array_with_length(Placement::Young, u64::from(size))
}

/// Nothing but the cell of a variable that is dropped holds its first container.
fn variable<'o, T: Type>(
    changes: bool,
    scope: &mut Scope<'o>,
    make: impl for<'s> Fn(&mut Scope<'s>) -> Result<Local<'s, T>, Error>,
) -> Result<Variable<'o, T>, Error> {
    if !changes {
        return make(scope).map(Variable::Constant);
    }
    let cell = scope.escape(|inner| {
        let container = make(inner)?;
        inner.array(&[container.into()])
    });
    cell.map(Variable::Cell)
}
