//! Runs a program on heap and model: scopes, recovery from out of memory, the end.

use crate::coverage::{Coverage, Seen};
use crate::failure::{Caught, Done, Failure, Found, Stop};
use crate::harness::{Harness, Hook};
use crate::operation::{Action, Operation};
use crate::operations::phases;
use crate::settings::Settings;
use crate::world::{Pair, ROOTS, World};
use gcheap::{Error, ErrorKind, GcKind, GcPhase, Heap, Scope, Variable};
use std::cell::RefCell;
use std::rc::Rc;

/// Scopes that may be open at once.
const MAX_DEPTH: usize = 6;

/// Runs a program of the built-in operations; what it came through, or where heap and model differ.
///
/// # Errors
/// The first difference, a broken promise of the heap, or a panic.
///
/// ```
/// use gcheap_check::{Settings, check, operation::program};
/// let coverage = check(&Settings::from_seed(1), &program(1, 200))?;
/// assert_eq!(coverage.operations, 200);
/// # Ok::<(), gcheap_check::Failure>(())
/// ```
pub fn check(settings: &Settings, program: &[Operation]) -> Result<Coverage, Failure> {
    Harness::new(settings.clone()).check(program)
}

/// Runs a program under a harness. A panic of the code under test is a failure like any other.
pub(crate) fn run_caught(harness: &Harness, program: &[Operation]) -> Result<Coverage, Failure> {
    let at = RefCell::new(0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(harness, program, &at)));
    let found = match outcome {
        Ok(Ok(coverage)) => return Ok(coverage),
        Ok(Err(found)) => found,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Found { by: Caught::Panic, message: text.unwrap_or_default() }
        }
    };
    Err(Failure { at: *at.borrow(), by: found.by, message: found.message })
}

fn run(harness: &Harness, program: &[Operation], at: &RefCell<usize>) -> Result<Coverage, Found> {
    let mut heap = Heap::new(harness.options().map_err(Found::oracle)?)?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let sink = Rc::clone(&seen);
    heap.subscribe(move |event| sink.borrow_mut().listen(event));
    let mut world = World::new(harness, program, &mut heap, seen)?;
    let mut hooks = harness.hooks();
    let mut scope = heap.scope();
    while world.at < program.len() {
        let mut outermost = scope.scope();
        let result = world.level(&mut outermost, &mut hooks, (&[], &[]), 0);
        *at.borrow_mut() = world.at.min(program.len().saturating_sub(1));
        result?;
    }
    world.finish(&mut scope)?;
    let mut coverage = world.coverage;
    coverage.add(&world.seen.borrow().coverage);
    coverage.evacuated_pages = scope.evacuated_pages();
    coverage.promoted_pages = scope.promoted_pages();
    Ok(coverage)
}

impl World<'_> {
    /// Runs operations in a scope until it is closed.
    fn level<'s>(
        &mut self,
        scope: &mut Scope<'s>,
        hooks: &mut [Box<dyn Hook>],
        (locals, variables): (&[Pair<'s>], &[Rc<Variable<'s>>]),
        depth: usize,
    ) -> Result<(), Found> {
        let inherited = (locals.len(), variables.len());
        let (mut locals, mut variables) = (locals.to_vec(), variables.to_vec());
        while let Some(&operation) = self.program.get(self.at) {
            self.coverage.operations += 1;
            let result = match operation.action {
                Action::OpenScope if depth < MAX_DEPTH => {
                    self.at += 1;
                    let mut inner = scope.scope();
                    self.level(&mut inner, hooks, (&locals, &variables), depth + 1)?;
                    continue;
                }
                Action::CloseScope if depth > 0 => {
                    self.at += 1;
                    self.leave(inherited);
                    return Ok(());
                }
                Action::OpenLocal => self.open_local(scope, &mut locals, operation.numbers),
                Action::OpenVariable => self.open_variable(scope, &mut locals, &mut variables, operation.numbers),
                action => {
                    let mut turn = scope.scope();
                    let handles = self.handles(&mut turn, &locals, &variables);
                    handles.and_then(|handles| match action {
                        Action::SetVariable => self.set_variable(&mut turn, &handles, &variables, operation.numbers),
                        _ => self.execute(&mut turn, &handles, operation),
                    })
                }
            };
            let in_operation = |found: Found| Found { message: format!("{operation:?}: {}", found.message), ..found };
            match result {
                Ok(()) => {}
                Err(Stop::Wrong(found)) => return Err(in_operation(found)),
                Err(Stop::Heap(error)) if matches!(error.kind(), ErrorKind::RangeError(_)) => {
                    self.coverage.range_errors += 1
                }
                Err(Stop::Heap(error)) if error.out_of_memory().is_some() => {
                    self.recover(scope, &error).map_err(|found| Found {
                        message: format!("{operation:?}, after {error}: {}", found.message),
                        ..found
                    })?;
                }
                Err(Stop::Heap(error)) => return Err(in_operation(error.into())),
            }
            self.check_statistics(scope).map_err(in_operation)?;
            let every = self.harness.settings().compare_every;
            if every > 0 && self.coverage.operations.is_multiple_of(every) {
                let mut turn = scope.scope();
                let handles = self.handles(&mut turn, &locals, &variables);
                settled(handles.and_then(|handles| self.compare(&mut turn, &handles))).map_err(in_operation)?;
            }
            for hook in hooks.iter_mut() {
                hook.after(operation, scope).map_err(|message| in_operation(Found { by: Caught::User, message }))?;
            }
            self.at += 1;
        }
        self.leave(inherited);
        Ok(())
    }

    /// The locals and variables of a scope end with it.
    fn leave(&mut self, (locals, variables): (usize, usize)) {
        self.locals.truncate(locals);
        self.variables.truncate(variables);
    }

    /// After out of memory the heap is valid, and serves again once roots are dropped.
    fn recover(&mut self, scope: &mut Scope<'_>, error: &Error) -> Result<(), Found> {
        self.coverage.out_of_memory += 1;
        scope.refuse_pages_after(None);
        self.refusing = false;
        for phase in [GcPhase::Scavenge, GcPhase::Evacuation] {
            scope.refuse_pages_during(phase, None);
        }
        scope.verify()?;
        if error.to_string().is_empty() {
            return Err(Found::oracle("an error without words".to_owned()));
        }
        for root in self.roots.iter_mut().step_by(2) {
            *root = None;
        }
        // It may still be above its limit: the collection is allowed to say so.
        match scope.collect_garbage() {
            Err(error) if error.out_of_memory().is_none() => Err(error.into()),
            _ => Ok(scope.verify()?),
        }
    }

    fn finish(&mut self, scope: &mut Scope<'_>) -> Result<(), Found> {
        scope.refuse_pages_after(None);
        scope.refuse_backing_stores_after(None);
        scope.collect_at_every(0, GcKind::Minor);
        phases::release(scope);
        self.leave((0, 0));
        {
            let mut turn = scope.scope();
            settled(self.compare(&mut turn, &[]))?;
        }
        // Nothing is left when nothing is kept: full collections free all that is not the heap's own.
        self.roots = (0..ROOTS).map(|_| None).collect();
        scope.end_job();
        take_all_finalizations(scope);
        for _ in 0..3 {
            match scope.collect(GcKind::Major) {
                Err(error) if error.out_of_memory().is_none() => return Err(error.into()),
                _ => {}
            }
            take_all_finalizations(scope);
        }
        scope.verify()?;
        self.check_statistics(scope)?;
        self.nothing_is_left(scope)
    }
}

fn take_all_finalizations(scope: &mut Scope<'_>) {
    while {
        let mut turn = scope.scope();
        turn.take_finalization().is_some()
    } {}
}

/// Where no error is legitimate.
fn settled(done: Done) -> Result<(), Found> {
    done.map_err(|stop| match stop {
        Stop::Wrong(found) => found,
        Stop::Heap(error) => error.into(),
    })
}
