//! Variables of the simulated program: where things are kept.
//!
//! What holds: a variable holds what its JavaScript twin holds, and nothing of it lies in the heap but its container. It lies on
//! the stack, as the variables of the JavaScript program do, so marking that begins while the program runs does not see it, and
//! setting it anew takes no barrier.

use gcheap::types::{JsArray, JsMap, JsSet, Type};
use gcheap::{Error, Local, Placement, Scope};

use crate::workload::{Bound, Container, Keep};

/// What a variable holds.
pub(super) enum Holder<'o> {
    /// An array that grows.
    Array(Local<'o, JsArray>),
    /// An array that grows, of a variable that gets another one when it is dropped. The old one stays as it is: where it is in old
    /// space already, a scavenge keeps alive what it refers to.
    Grows(Variable<'o, JsArray>),
    /// The head of a list.
    Head(Cell<'o>),
    /// `new Array(size)`.
    Slots(Variable<'o, JsArray>),
    Map(Variable<'o, JsMap>),
    Set(Variable<'o, JsSet>),
}

/// A variable with a container.
pub(super) enum Variable<'o, T: Type> {
    /// `const`.
    Constant(Local<'o, T>),
    /// `let`.
    Cell(Cell<'o>),
}

/// A variable that is set again, and may be null.
pub(super) struct Cell<'o> {
    variable: gcheap::Variable<'o>,
    /// What it refers to while the variable is null.
    null: Local<'o>,
    is_null: bool,
}

impl<'o> Cell<'o> {
    fn new(scope: &mut Scope<'o>) -> Result<Cell<'o>, Error> {
        let null = scope.array(&[])?.upcast();
        Ok(Cell { variable: scope.variable(null)?, null, is_null: true })
    }

    /// The object; `None` for null.
    #[inline]
    pub(super) fn get<'t>(&self, turn: &mut Scope<'t>) -> Result<Option<Local<'t>>, Error> {
        if self.is_null { Ok(None) } else { turn.variable_get(&self.variable).map(Some) }
    }

    /// `None` is null.
    #[inline]
    pub(super) fn set(&mut self, object: Option<Local<'_>>, turn: &mut Scope<'_>) -> Result<(), Error> {
        self.is_null = object.is_none();
        match object {
            Some(object) => turn.variable_set(&self.variable, object),
            None => turn.variable_set(&self.variable, self.null),
        }
    }
}

impl<T: Type> Variable<'_, T> {
    /// The container; `None` while the variable is null.
    #[inline]
    pub(super) fn open<'t>(&self, turn: &mut Scope<'t>) -> Result<Option<Local<'t, T>>, Error> {
        match self {
            Variable::Constant(container) => turn.local(*container).map(Some),
            Variable::Cell(cell) => cell.get(turn)?.map(|container| turn.downcast(container)).transpose(),
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
            (Container::List, _) => Holder::Head(Cell::new(scope)?),
        })
    }

    /// The variable becomes null or, where it is used `again`, a new container. Can collect.
    pub(super) fn drop_all(&mut self, keep: &Keep, again: bool, scope: &mut Scope<'_>) -> Result<(), Error> {
        let mut turn = scope.scope();
        let (cell, container) = match self {
            Holder::Grows(Variable::Cell(cell)) => {
                (cell, again.then(|| turn.array(&[])).transpose()?.map(Local::upcast))
            }
            Holder::Head(cell) => (cell, None),
            Holder::Map(Variable::Cell(cell)) => (cell, again.then(|| turn.map()).transpose()?.map(Local::upcast)),
            Holder::Set(Variable::Cell(cell)) => (cell, again.then(|| turn.set()).transpose()?.map(Local::upcast)),
            Holder::Slots(Variable::Cell(cell)) => match keep.bound {
                Bound::Window(size) | Bound::Table(size) if again => (cell, Some(slots(size, &mut turn)?.upcast())),
                _ => (cell, None),
            },
            // A constant is never dropped.
            Holder::Array(_) | Holder::Grows(_) | Holder::Map(_) | Holder::Set(_) | Holder::Slots(_) => return Ok(()),
        };
        cell.set(container, &mut turn)
    }
}

fn slots<'s>(size: u32, scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
    scope.array_with_length(Placement::Young, u64::from(size))
}

/// Nothing but a variable that is dropped holds its first container.
fn variable<'o, T: Type>(
    changes: bool,
    scope: &mut Scope<'o>,
    make: impl for<'s> Fn(&mut Scope<'s>) -> Result<Local<'s, T>, Error>,
) -> Result<Variable<'o, T>, Error> {
    if !changes {
        return make(scope).map(Variable::Constant);
    }
    let mut cell = Cell::new(scope)?;
    let mut turn = scope.scope();
    let container = make(&mut turn)?;
    cell.set(Some(container.upcast()), &mut turn)?;
    Ok(Variable::Cell(cell))
}
