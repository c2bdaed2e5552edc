//! A policy of one's own against V8's.
//!
//! A process in a container shares its memory with native code, which V8 knows nothing of. This policy is told how much the whole
//! container has and how much the others use, and lets the old generation grow only into what is left: the less is left, the
//! sooner it collects. Everything else stays V8's: a policy says only what it does differently.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::event::{Collector, LimitUpdate};
use gcheap::inspect::EventLog;
use gcheap::policy::{Flags, Policy, RecomputeInputs, V8Policy, limit_update};
use gcheap::profile::Profile;
use gcheap::{Error, Heap, HeapOptions};

/// Takes half of what is left of the container at a time.
#[derive(Debug)]
struct ContainerAware {
    container: u64,
    others: u64,
}

impl Policy for ContainerAware {
    fn recompute_limits(&self, inputs: &RecomputeInputs, profile: &Profile) -> LimitUpdate {
        let v8 = V8Policy.recompute_limits(inputs, profile);
        let left = self.container.saturating_sub(self.others).saturating_sub(inputs.old_generation);
        limit_update(inputs, v8.new_limit.min(inputs.old_generation + left / 2))
    }
}

const MIB: u64 = 1 << 20;

/// Most bytes mapped, full collections and their time in ms, for a program whose cache turns over.
fn run(policy: Box<dyn Policy>) -> Result<(u64, usize, f64), Error> {
    let flags = Flags { max_old_space_size_mb: Some(256), max_semi_space_size_mb: Some(1), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, policy, verify: false, ..HeapOptions::for_tests() })?;
    let log = EventLog::attach(&mut heap);
    let mut scope = heap.scope();
    let cache = scope.array(&[])?;
    for _ in 0..4_000 {
        let mut turn = scope.scope();
        let text = turn.string_of_length(5_000, false)?;
        turn.array_push(cache, text.into())?;
    }
    scope.collect_garbage()?;
    let mut most = 0;
    for step in 0..60_000 {
        {
            let mut turn = scope.scope();
            let text = turn.string_of_length(5_000, false)?;
            turn.array_set(cache, step * 7 % 4_000, text.into())?;
        }
        most = most.max(scope.memory_usage().heap_total);
    }
    let full = log.collections(Collector::MarkCompact);
    Ok((most, full.len(), full.iter().map(|gc| gc.pause_ms).sum()))
}

/// Runs the program under both policies.
///
/// # Errors
/// If a heap runs out.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let v8 = run(Box::new(V8Policy))?;
    let own = run(Box::new(ContainerAware { container: 64 * MIB, others: 43 * MIB }))?;
    for (name, (most, collections, ms)) in [("V8", v8), ("container-aware", own)] {
        println!(
            "{name:<16} {:>5.1} MiB at most, {collections:>3} full collections, {ms:>6.1} ms",
            most as f64 / MIB as f64
        );
    }
    assert!(own.0 < v8.0, "it needs less memory");
    assert!(own.1 > v8.1, "and pays for it in collections");
    Ok(())
}
