//! Most objects die young: the generational hypothesis in numbers.
//!
//! A server answers requests. What a request needs dies with it, one session in fifty stays for long. The events of the heap say
//! how much of the young generation survives its first scavenge, how much its second, and how much of what was promoted
//! a full collection finds dead.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::event::Collector;
use gcheap::inspect::EventLog;
use gcheap::policy::Flags;
use gcheap::{Heap, HeapOptions, Value};

const REQUESTS: i32 = 60_000;
const SESSIONS: u64 = 1_000;

/// Runs the server and prints what survived.
///
/// # Errors
/// If the heap runs out.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags { max_old_space_size_mb: Some(64), max_semi_space_size_mb: Some(2), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, verify: false, ..HeapOptions::for_tests() })?;
    let log = EventLog::attach(&mut heap);
    let mut scope = heap.scope();
    let sessions = scope.array(&[])?;
    for _ in 0..SESSIONS {
        scope.array_push(sessions, Value::Undefined)?;
    }
    for request in 0..REQUESTS {
        let mut turn = scope.scope();
        let body = turn.string_of_length(400, false)?;
        let header = turn.object(&[request.into(), body.into()])?;
        let parsed = turn.array(&[header.into(), body.into(), request.into()])?;
        if request % 50 == 0 {
            let slot = (request as u64 / 50) % SESSIONS;
            turn.array_set(sessions, slot, parsed.into())?;
        }
    }
    let before = scope.census().total().bytes;
    scope.collect_garbage()?;

    let scavenges = log.collections(Collector::Scavenge);
    let (mut young, mut copied, mut promoted) = (0, 0, 0);
    // The first scavenge meets the tables of the server itself.
    for gc in &scavenges[1..] {
        young += gc.young_before;
        copied += gc.survived;
        promoted += gc.promoted;
    }
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
    println!("{} scavenges found {young} bytes in the young generation", scavenges.len());
    println!("  survived once and were copied: {:>5.1} %", percent(copied, young));
    println!("  survived twice and were promoted: {:>5.1} %", percent(promoted, young));
    let full = log.collections(Collector::MarkCompact);
    let last = full.last().ok_or("there was a full collection")?;
    println!("  of {} old and young bytes {} were alive in the end", last.used_before, last.used_after);
    assert!(percent(copied + promoted, young) < 10.0, "the hypothesis holds for a server");
    assert_eq!(last.used_after, before, "what the roots reach is what is left");
    Ok(())
}
