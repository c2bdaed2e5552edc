//! The rules of the limits, one sentence each.

use super::*;
use crate::profile::{NODE_20, NODE_22, NODE_24, NODE_26};

const BIG: Option<u64> = Some(24_104 * MIB);

fn with(change: impl FnOnce(&mut Flags)) -> Flags {
    let mut flags = Flags::default();
    change(&mut flags);
    flags
}

#[test]
fn an_initial_size_is_capped_by_half_of_the_largest() {
    let flags = with(|flags| {
        flags.max_old_space_size_mb = Some(100);
        flags.initial_old_space_size_mb = Some(80);
    });
    let limits = limits(&flags, BIG, &NODE_24).unwrap();
    assert_eq!(limits.initial_old_generation, 50 * MIB);
    assert_eq!(limits.min_old_generation, 50 * MIB);
    assert!(limits.initial_old_generation_configured);
}

#[test]
fn node_22_forgets_that_the_initial_size_was_configured_but_keeps_it_as_the_minimum() {
    let flags = with(|flags| flags.initial_old_space_size_mb = Some(32));
    let limits = limits(&flags, BIG, &NODE_22).unwrap();
    assert!(!limits.initial_old_generation_configured);
    assert_eq!((limits.initial_old_generation, limits.min_old_generation), (32 * MIB, 32 * MIB));
}

#[test]
fn the_min_semi_space_flag_is_the_initial_size_up_to_node_22_and_a_bound_of_its_own_later() {
    let flags = with(|flags| flags.min_semi_space_size_mb = Some(8));
    for profile in [&NODE_20, &NODE_22, &NODE_24, &NODE_26] {
        let limits = limits(&flags, BIG, profile).unwrap();
        assert_eq!((limits.initial_semi_space, limits.min_semi_space), (8 * MIB, 8 * MIB));
    }
}

#[test]
fn a_semi_space_never_starts_above_its_maximum() {
    let flags = with(|flags| {
        flags.min_semi_space_size_mb = Some(64);
        flags.max_semi_space_size_mb = Some(2);
    });
    for profile in [&NODE_20, &NODE_24] {
        let limits = limits(&flags, BIG, profile).unwrap();
        assert_eq!((limits.initial_semi_space, limits.min_semi_space), (2 * MIB, 2 * MIB));
    }
}

#[test]
fn a_tiny_heap_still_has_a_page_for_each_paged_space() {
    let flags = with(|flags| flags.max_heap_size_mb = Some(1));
    let limits = limits(&flags, BIG, &NODE_20).unwrap();
    assert_eq!(limits.max_old_generation, 3 * 256 * 1024);
    assert_eq!(limits.max_semi_space, MIB);
}

#[test]
fn without_memory_and_flags_v8s_own_defaults_hold() {
    let limits = limits(&Flags::default(), None, &NODE_20).unwrap();
    assert_eq!((limits.max_old_generation, limits.max_semi_space), (1_400 * MIB, 16 * MIB));
    assert_eq!(limits.origins.max_old_generation.origin, Origin::VersionDefault);
}

#[test]
fn what_cannot_be_a_heap_is_refused_with_a_sentence_that_helps() {
    let cases: [(Flags, &str); 8] = [
        (with(|flags| flags.max_old_space_size_mb = Some(0)), "--max-old-space-size is 0"),
        (with(|flags| flags.max_semi_space_size_mb = Some(0)), "--max-semi-space-size is 0"),
        (with(|flags| flags.max_old_space_size_mb = Some(u64::MAX)), "sizes are in MiB"),
        (
            with(|flags| {
                flags.max_old_space_size_mb = Some(100);
                flags.max_semi_space_size_mb = Some(1);
                flags.max_heap_size_mb = Some(200);
            }),
            "at most two",
        ),
        (
            with(|flags| {
                flags.max_semi_space_size_mb = Some(64);
                flags.max_heap_size_mb = Some(128);
            }),
            "192 MiB of young generation",
        ),
        (
            with(|flags| {
                flags.max_old_space_size_mb = Some(256);
                flags.max_heap_size_mb = Some(128);
            }),
            "leaves no young generation",
        ),
        (with(|flags| flags.max_old_space_size_percentage = Some(0.0)), "greater than 0"),
        (with(|flags| flags.max_old_space_size_percentage = Some(f64::NAN)), "greater than 0"),
    ];
    for (flags, expected) in cases {
        let error = limits(&flags, BIG, &NODE_24).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let percent = with(|flags| flags.max_old_space_size_percentage = Some(10.0));
    assert!(limits(&percent, BIG, &NODE_20).unwrap_err().to_string().starts_with("Node 20 has no"));
    assert_eq!(limits(&percent, None, &NODE_24), Err(LimitsError::PercentageOfUnknownMemory));
}

#[test]
fn every_limit_says_where_it_comes_from() {
    let flags = with(|flags| flags.max_semi_space_size_mb = Some(3));
    let origins = limits(&flags, BIG, &NODE_24).unwrap().origins;
    assert_eq!(origins.max_semi_space.to_string(), "flag --max-semi-space-size, rounded up to a power of two");
    assert_eq!(origins.max_old_generation.to_string(), "24104 MiB of memory");
    assert_eq!(origins.initial_old_generation.to_string(), "default of this version");
}

#[test]
fn no_limit_overflows_for_any_memory() {
    for shift in 0..64 {
        for profile in Profile::all() {
            let limits = limits(&Flags::default(), Some(u64::MAX >> shift), profile).unwrap();
            assert!(limits.heap_size_limit <= 4_288 * MIB && limits.max_old_generation >= 256 * MIB);
        }
    }
}
