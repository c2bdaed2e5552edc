//! What happens in the event loop, and what a program in the middle of a job leaves to it.

use gcheap::profile::Profile;
use gcheap::types::JsArray;
use gcheap::{Error, Global, Heap, HeapOptions, Value};

/// A heap with some MB alive, as long as what comes with it is kept, whose marking has just started; new space is large enough for what is allocated meanwhile.
fn marking(node: u32) -> Result<(Heap, Global<JsArray>), Error> {
    let flags = gcheap::policy::Flags {
        max_old_space_size_mb: Some(512),
        min_semi_space_size_mb: Some(64),
        ..Default::default()
    };
    let mut heap = Heap::new(HeapOptions {
        profile: Profile::for_node(node).expect("supported"),
        flags,
        baseline: false,
        ..HeapOptions::default()
    })?;
    let mut scope = heap.scope();
    let kept = scope.array(&[])?;
    for _ in 0..20_000 {
        let mut turn = scope.scope();
        let numbers = turn.array(&[Value::Smi(0); 125])?;
        turn.array_push(kept, numbers.into())?;
    }
    scope.collect_garbage()?;
    let kept = scope.global(kept)?;
    scope.start_marking();
    drop(scope);
    Ok((heap, kept))
}

/// Garbage for so many milliseconds of the heap's clock, or until marking has been ended.
fn allocate_for(heap: &mut Heap, ms: f64) -> Result<(), Error> {
    let until = heap.time_ms() + ms;
    while heap.time_ms() < until && heap.is_marking() {
        heap.scope().string_of_length(1_000, false)?;
    }
    Ok(())
}

#[test]
fn what_tasks_do_is_done_while_the_program_waits() -> Result<(), Error> {
    let mut heap = Heap::new(HeapOptions::for_tests())?;
    while heap.memory_usage().heap_used < 900_000 {
        heap.scope().string_of_length(1_000, false)?;
    }
    heap.advance(0.0);
    let before = (heap.time_ms(), heap.scavenges());
    heap.turn_event_loop(20.0)?;
    assert_eq!(heap.scavenges(), before.1 + 1);
    assert!((heap.time_ms() - before.0 - 20.0).abs() < 1e-3, "the scavenge is part of the 20 ms");
    Ok(())
}

#[test]
fn marking_goes_on_in_the_job_after_a_wait_that_was_too_short_for_it() -> Result<(), Error> {
    for node in [18, 20, 22, 24, 26] {
        let (mut heap, _kept) = marking(node)?;
        let full = heap.mark_compacts();
        heap.turn_event_loop(2.0)?;
        assert!(heap.is_marking(), "Node {node}: 20 MB are not marked in 2 ms");
        // Longer than marking takes, and shorter than its end may wait for a task.
        allocate_for(&mut heap, 45.0)?;
        assert_eq!(heap.mark_compacts(), full, "Node {node}: the end waits for a task");
        heap.turn_event_loop(2.0)?;
        assert_eq!(heap.mark_compacts(), full + 1, "Node {node}: the task ends it");
    }
    Ok(())
}

#[test]
fn a_program_that_never_was_in_its_event_loop_is_not_waited_for() -> Result<(), Error> {
    for node in [12, 18, 24] {
        let (mut heap, _kept) = marking(node)?;
        let full = heap.mark_compacts();
        allocate_for(&mut heap, 45.0)?;
        assert_eq!(heap.mark_compacts(), full + 1, "Node {node}");
    }
    Ok(())
}

#[test]
fn a_job_that_goes_on_and_on_is_not_waited_for_for_ever() -> Result<(), Error> {
    let (mut heap, _kept) = marking(24)?;
    let full = heap.mark_compacts();
    heap.turn_event_loop(2.0)?;
    allocate_for(&mut heap, 150.0)?;
    assert_eq!(heap.mark_compacts(), full + 1);
    Ok(())
}

#[test]
fn tasks_that_are_left_run_when_the_program_ends() -> Result<(), Error> {
    let (mut heap, _kept) = marking(22)?;
    let full = heap.mark_compacts();
    heap.drain_tasks()?;
    assert_eq!((heap.mark_compacts(), heap.is_marking()), (full + 1, false));
    Ok(())
}
