//! Allocation sites: whose mementos count when it is decided where objects are born.

use gcheap::event::SiteDecision;
use gcheap::profile::Profile;
use gcheap::{Error, Heap, HeapOptions, Placement};

/// What a full collection decides on a site whose objects, so many in hundred of them kept, are all there is. Their pages are full
/// enough to become old as they are where all are kept: mementos count as dead.
fn decision(node: u32, kept_percent: u32) -> Result<SiteDecision, Error> {
    let flags = gcheap::policy::Flags {
        max_old_space_size_mb: Some(128),
        min_semi_space_size_mb: Some(16),
        max_semi_space_size_mb: Some(16),
        ..Default::default()
    };
    let profile = Profile::for_node(node).expect("supported");
    let mut heap = Heap::new(HeapOptions { profile, flags, baseline: false, ..HeapOptions::default() })?;
    let site = heap.allocation_site();
    let mut scope = heap.scope();
    let kept = scope.array(&[])?;
    for number in 0..40_000 {
        let mut turn = scope.scope();
        let object = turn.object_literal(Placement::YoungWithMemento(site), &[number.into(); 4])?;
        if number as u32 % 100 < kept_percent {
            turn.array_push(kept, object.into())?;
        }
    }
    scope.collect_garbage()?;
    scope.site_decision(site)
}

#[test]
fn full_collections_of_10_2_to_12_4_find_no_mementos_on_pages_that_become_old_as_a_whole() -> Result<(), Error> {
    for (node, expected) in [
        (18, SiteDecision::DontTenure),
        (20, SiteDecision::DontTenure),
        (22, SiteDecision::DontTenure),
        (24, SiteDecision::Tenure),
        (26, SiteDecision::Undecided),
    ] {
        assert_eq!((node, decision(node, 100)?), (node, expected));
    }
    Ok(())
}

#[test]
fn objects_that_mostly_die_are_born_young_in_every_version_that_counts() -> Result<(), Error> {
    for node in [18, 20, 22, 24] {
        assert_eq!(decision(node, 40)?, SiteDecision::DontTenure, "Node {node}");
    }
    Ok(())
}
