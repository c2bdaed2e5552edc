//! The policies shipped beside V8's, on a heap: when they collect and how large they let it grow.

use gcheap::event::Collector;
use gcheap::inspect::EventLog;
use gcheap::policy::{FixedSize, Flags, MemBalancer, PercentOfMemory, Policy, V8Policy};
use gcheap::profile::Profile;
use gcheap::{Heap, HeapOptions};

const MIB: u64 = 1 << 20;

/// Full collections and most bytes used by a program that keeps `live` MiB and turns over `garbage` MiB of old garbage.
fn run(node: u32, policy: Box<dyn Policy>, live: u64, garbage: u64) -> (usize, u64) {
    let flags = Flags { max_old_space_size_mb: Some(192), max_semi_space_size_mb: Some(1), ..Flags::default() };
    let profile = Profile::for_node(node).unwrap();
    let mut heap =
        Heap::new(HeapOptions { profile, flags, policy, verify: false, ..HeapOptions::for_tests() }).unwrap();
    let log = EventLog::attach(&mut heap);
    let mut scope = heap.scope();
    let ring = scope.array(&[]).unwrap();
    let texts = live * MIB / 10_000;
    let mut most = 0;
    for step in 0..(live + garbage) * MIB / 10_000 {
        let mut turn = scope.scope();
        let text = turn.string_of_length(10_000, false).unwrap();
        if step < texts {
            turn.array_push(ring, text.into()).unwrap();
        } else {
            turn.array_set(ring, step % texts, text.into()).unwrap();
        }
        most = most.max(turn.memory_usage().heap_used);
    }
    assert_eq!(scope.array_length(ring).unwrap(), texts);
    scope.verify().unwrap();
    (log.collections(Collector::MarkCompact).len(), most)
}

#[test]
fn a_fixed_size_is_about_where_the_heap_turns() {
    for node in [10, 12, 18, 20, 22, 24, 26] {
        for size in [24, 48] {
            let (collections, most) = run(node, Box::new(FixedSize { bytes: size * MIB }), 10, 100);
            // What is allocated while marking runs comes on top.
            assert!((size - 2..size + 12).contains(&(most / MIB)), "Node {node}, {size} MiB: {}", most / MIB);
            assert!(collections >= 1, "Node {node}");
        }
    }
}

#[test]
fn a_size_below_what_is_alive_still_lets_the_program_run() {
    for node in [10, 12, 18, 20, 22, 24, 26] {
        let (collections, most) = run(node, Box::new(FixedSize { bytes: MIB }), 20, 30);
        assert!(collections > 5 && most < 40 * MIB, "Node {node}: {collections}, {most}");
    }
}

#[test]
fn a_percentage_of_memory_is_the_same_as_its_bytes() {
    let percent = run(24, Box::new(PercentOfMemory { percent: 12.5, memory: 256 * MIB }), 10, 60);
    assert_eq!(percent, run(24, Box::new(FixedSize { bytes: 32 * MIB }), 10, 60));
}

#[test]
fn membalancer_gives_more_room_where_a_mib_is_worth_less_time() {
    for node in [10, 12, 18, 20, 22, 24, 26] {
        let runs = [0.3, 0.03, 0.003].map(|c| run(node, Box::new(MemBalancer { time_per_mib: c }), 12, 150));
        assert!(runs.is_sorted_by(|a, b| a.0 > b.0 && a.1 <= b.1) && runs[0].1 < runs[2].1, "Node {node}: {runs:?}");
    }
}

#[test]
fn no_policy_lets_a_heap_beyond_its_limit() {
    let policies: [Box<dyn Policy>; 4] = [
        Box::new(V8Policy),
        Box::new(FixedSize { bytes: 1 << 40 }),
        Box::new(PercentOfMemory { percent: 1e9, memory: u64::MAX }),
        Box::new(MemBalancer { time_per_mib: 0.0 }),
    ];
    for policy in policies {
        let flags = Flags { max_old_space_size_mb: Some(16), max_semi_space_size_mb: Some(1), ..Flags::default() };
        let mut heap = Heap::new(HeapOptions { flags, policy, ..HeapOptions::for_tests() }).unwrap();
        let mut scope = heap.scope();
        let list = scope.array(&[]).unwrap();
        let death = loop {
            let mut turn = scope.scope();
            let text = turn.string_of_length(50_000, false);
            if let Err(error) = text.and_then(|text| turn.array_push(list, text.into())) {
                break error;
            }
        };
        let fatal = death.out_of_memory().expect("it is the end");
        assert!(fatal.committed <= (16 + 6) * MIB, "{death}");
    }
}
