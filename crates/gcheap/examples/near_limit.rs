//! A handler that sheds load when the heap is near its limit.
//!
//! A server keeps sessions. Too many come at once. Without a handler it dies; with one, the heap raises its limit a little once
//! and tells the server, which drops the older half of its sessions; the limit is restored once they are collected.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::policy::Flags;
use gcheap::types::JsArray;
use gcheap::{Error, Global, Heap, HeapOptions, Value};
use std::cell::Cell;
use std::rc::Rc;

const SESSIONS: u64 = 4_000;
const SESSION_BYTES: u64 = 10_000;
const MIB: u64 = 1 << 20;

#[derive(Debug, Default)]
struct Outcome {
    accepted: u64,
    dropped: u64,
    died: Option<String>,
}

fn accept(heap: &mut Heap, sessions: &Global<JsArray>) -> Result<(), Error> {
    heap.job(|scope| {
        let sessions = scope.open(sessions)?;
        let text = scope.string_of_length(SESSION_BYTES, false)?;
        let session = scope.object(&[text.into()])?;
        scope.array_push(sessions, session.into()).map(|_| ())
    })
}

/// Drops half of the sessions, the oldest first.
fn shed(heap: &mut Heap, sessions: &Global<JsArray>, first: &mut u64) -> Result<u64, Error> {
    let mut scope = heap.scope();
    let sessions = scope.open(sessions)?;
    let length = scope.array_length(sessions)?;
    let drops = (length - *first) / 2;
    for index in *first..*first + drops {
        scope.array_set(sessions, index, Value::Undefined)?;
    }
    *first += drops;
    Ok(drops)
}

fn serve(with_handler: bool) -> Result<Outcome, Error> {
    let flags = Flags { max_old_space_size_mb: Some(24), max_semi_space_size_mb: Some(1), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, verify: false, ..HeapOptions::for_tests() })?;
    let near = Rc::new(Cell::new(false));
    if with_handler {
        let near = Rc::clone(&near);
        heap.add_near_heap_limit_callback(move |current, initial| {
            near.set(true);
            // Room for what runs at the moment, once; then the limit holds.
            if current == initial { current + 8 * MIB } else { current }
        });
        heap.automatically_restore_initial_heap_limit(0.8);
    }
    let sessions = {
        let mut scope = heap.scope();
        let sessions = scope.array(&[])?;
        scope.global(sessions)?
    };
    let initial = heap.statistics().heap_size_limit;
    let (mut outcome, mut first) = (Outcome::default(), 0);
    for _ in 0..SESSIONS {
        if near.take() {
            outcome.dropped += shed(&mut heap, &sessions, &mut first)?;
            heap.collect_garbage()?;
            assert_eq!(heap.statistics().heap_size_limit, initial, "the limit is back");
        }
        match accept(&mut heap, &sessions) {
            Ok(()) => outcome.accepted += 1,
            Err(error) => {
                outcome.died = Some(error.to_string());
                break;
            }
        }
    }
    Ok(outcome)
}

/// Serves without and with the handler.
///
/// # Errors
/// If something else goes wrong than what is shown.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (without, with) = (serve(false)?, serve(true)?);
    println!("without a handler: {without:?}");
    println!("with a handler:    {with:?}");
    assert!(without.died.is_some() && with.died.is_none());
    assert!(with.dropped > 0 && with.accepted > without.accepted);
    Ok(())
}
