//! Finalizers starve while a job does not end.
//!
//! A wrapper holds a file; a FinalizationRegistry closes the file when the wrapper has died. The collector does its part, but
//! callbacks run only between jobs. A program that opens files in one long loop has none left, although almost every wrapper
//! has been dead for long.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::types::JsFinalizationRegistry;
use gcheap::{Error, Global, Heap, HeapOptions, Scope};
use std::cell::Cell;

/// Files that the system lets a process have open.
const FILES: i32 = 1_000;
const TASKS: i32 = 5_000;

/// The files of a process: how many are open.
#[derive(Default)]
struct System {
    open: Cell<i32>,
    most: Cell<i32>,
}

impl System {
    fn open(&self) -> Result<i32, String> {
        if self.open.get() == FILES {
            return Err(format!("EMFILE: too many open files ({FILES})"));
        }
        self.open.set(self.open.get() + 1);
        self.most.set(self.most.get().max(self.open.get()));
        Ok(self.open.get())
    }

    fn close(&self) {
        self.open.set(self.open.get() - 1);
    }
}

type Registry = Global<JsFinalizationRegistry>;

/// Opens a file, wraps it, and forgets the wrapper.
fn task(scope: &mut Scope<'_>, registry: &Registry, system: &System) -> Result<(), Box<dyn std::error::Error>> {
    let file = system.open()?;
    let mut turn = scope.scope();
    let registry = turn.open(registry)?;
    let wrapper = turn.object(&[file.into()])?;
    turn.register(registry, wrapper.upcast(), file.into(), None)?;
    Ok(())
}

/// Runs all tasks, `per_job` in a job; how it ended, most files open at once, callbacks that still wait.
fn run(per_job: i32) -> Result<(Result<(), String>, i32, usize), Error> {
    let mut heap = Heap::new(HeapOptions { verify: false, ..HeapOptions::for_tests() })?;
    let registry = heap.job(|scope| {
        let registry = scope.finalization_registry()?;
        scope.global(registry)
    })?;
    let system = System::default();
    let mut ended = Ok(());
    for first in (0..TASKS).step_by(per_job as usize) {
        ended = heap.job(|scope| {
            for number in first..TASKS.min(first + per_job) {
                // The collector is not to blame: it runs often enough.
                if number % 100 == 0 {
                    scope.collect_garbage().map_err(|error| error.to_string())?;
                }
                task(scope, &registry, &system).map_err(|error| error.to_string())?;
            }
            Ok(())
        });
        heap.run_finalizers(|_, _| {
            system.close();
            Ok::<(), Error>(())
        })?;
        if ended.is_err() {
            break;
        }
    }
    Ok((ended, system.most.get(), heap.queued_finalizations()))
}

/// Runs the tasks in one job and in many.
///
/// # Errors
/// If a heap runs out.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    for per_job in [TASKS, 50] {
        let (ended, most, _) = run(per_job)?;
        println!("{per_job:>5} tasks a job: at most {most} files open, {ended:?}");
        assert_eq!(ended.is_err(), per_job == TASKS);
    }
    Ok(())
}
