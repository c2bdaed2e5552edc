//! Large objects that are born old, and the start of marking.

use std::cell::Cell;
use std::rc::Rc;

use gcheap::event::Event;
use gcheap::profile::Profile;
use gcheap::{Error, Heap, HeapOptions, Placement};

/// Bytes of the elements of one array.
const ELEMENTS: u64 = 8 << 17;

/// Old arrays of 1 MiB until one starts marking: how many there are with it, and the old generation as marking found it.
fn start_of_marking(node: u32) -> Result<(u64, u64), Error> {
    let profile = Profile::for_node(node).expect("supported");
    let flags = gcheap::policy::Flags { max_old_space_size_mb: Some(256), ..Default::default() };
    let mut heap = Heap::new(HeapOptions { profile, flags, baseline: false, ..HeapOptions::default() })?;
    let found = Rc::new(Cell::new(0));
    let told = Rc::clone(&found);
    heap.subscribe(move |event| {
        if let Event::MarkingStarted { old_size, .. } = event {
            told.set(*old_size);
        }
    });
    let mut scope = heap.scope();
    for arrays in 1..200 {
        scope.array_with_length(Placement::Old, ELEMENTS / 8)?;
        if found.get() > 0 {
            return Ok((arrays, found.get()));
        }
    }
    panic!("Node {node}: 200 MiB do not start marking")
}

#[test]
fn marking_that_a_large_object_starts_finds_it_there_up_to_11_3() -> Result<(), Error> {
    for node in [10, 12, 18, 20] {
        let (arrays, old) = start_of_marking(node)?;
        assert!(old >= arrays * ELEMENTS, "Node {node}: {old} bytes with {arrays} arrays");
    }
    Ok(())
}

#[test]
fn marking_that_a_large_object_starts_comes_before_it_from_12_4_on() -> Result<(), Error> {
    for node in [22, 24, 26] {
        let (arrays, old) = start_of_marking(node)?;
        assert!(old < arrays * ELEMENTS, "Node {node}: {old} bytes with {arrays} arrays");
    }
    Ok(())
}
