//! A list of five million elements is marked, moved, explained and dropped on a thread stack of 256 KiB.

use gcheap::policy::Flags;
use gcheap::record::Smi;
use gcheap::{Compaction, GcKind, Heap, HeapOptions, assert};

const ELEMENTS: u64 = 5_000_000;

gcheap::record! {
    struct Element { next: Element, number: Smi }
}

fn list_of_millions() -> Result<(), assert::Failure> {
    let flags = Flags { max_old_space_size_mb: Some(1024), max_semi_space_size_mb: Some(16), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, verify: false, ..HeapOptions::for_tests() })?;
    let first = {
        let mut scope = heap.scope();
        let last = Element::new(&mut scope, None, 0)?;
        let mut front = scope.global(last)?;
        for number in 1..ELEMENTS {
            let mut turn = scope.scope();
            let next = turn.open(&front)?;
            let element = Element::new(&mut turn, Some(next), number as i32)?;
            front = turn.global(element)?;
        }
        front
    };
    let weak = {
        let mut scope = heap.scope();
        let element = scope.open(&first)?;
        let behind = scope.read(element, Element::next)?.expect("there are millions");
        scope.weak_handle(behind)?
    };
    heap.collect(GcKind::Minor)?;
    heap.collect_garbage()?;
    let before = heap.inspect_weak(&weak)?.expect("it is alive");
    assert!(before.is_promoted());
    heap.force_compaction(Compaction::Every);
    heap.collect_garbage()?;
    assert!(heap.inspect_weak(&weak)?.is_some_and(|now| now.has_moved_from(&before)));
    assert!(heap.evacuated_pages() >= (ELEMENTS * 24) >> 18);
    {
        let mut scope = heap.scope();
        let element = scope.open(&first)?;
        assert_eq!(scope.retained_size(element)?, ELEMENTS * 24);
        let graph = scope.graph_without_handles();
        let last = graph.nodes().last().expect("the roots reach the list");
        let path = graph.path(last)?.expect("the list holds it");
        assert_eq!(path.len(), ELEMENTS - 1);
        let words = format!("a global handle -> Element field next ({} times) -> Element", ELEMENTS - 1);
        assert_eq!(path.to_string(), words);
    }
    assert::alive(&heap, &weak)?;
    drop(first);
    heap.collect_garbage()?;
    assert::collected(&heap, &weak)?;
    assert::reachable_at_most(&heap, 0)?;
    heap.verify().expect("the heap is whole");
    Ok(())
}

#[test]
fn a_list_of_five_million_elements_needs_no_stack() {
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(list_of_millions);
    thread.expect("the thread starts").join().expect("it does not overflow").unwrap();
}
