//! Every heap_size_limit that was measured on a real Node, against the rule that computes it.

use gcheap::policy::{Flags, limits};
use gcheap::profile::Profile;

const MIB: f64 = 1_048_576.0;

fn flags_of(text: &str) -> Flags {
    let mut flags = Flags::default();
    for flag in text.split_whitespace().filter(|&flag| flag != "-") {
        let (name, value) = flag.split_once('=').expect("name=value");
        let whole = || Some(value.parse().expect("a whole number"));
        match name {
            "max_old" => flags.max_old_space_size_mb = whole(),
            "max_semi" => flags.max_semi_space_size_mb = whole(),
            "min_semi" => flags.min_semi_space_size_mb = whole(),
            "max_heap" => flags.max_heap_size_mb = whole(),
            "initial_old" => flags.initial_old_space_size_mb = whole(),
            "initial_heap" => flags.initial_heap_size_mb = whole(),
            "percent" => flags.max_old_space_size_percentage = value.parse().ok(),
            _ => panic!("no flag {name}"),
        }
    }
    flags
}

#[test]
fn every_measured_heap_size_limit_comes_out_to_the_byte() {
    let mut rows = 0;
    for row in include_str!("data/limits.tsv").lines().filter(|row| !row.starts_with('#')) {
        let [node, memory, flags, expected] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {row}")
        };
        let profile = Profile::for_node(node.parse().expect("a major")).expect("a profile");
        let memory = (memory.parse::<f64>().expect("MiB") * MIB) as u64;
        let limits = limits(&flags_of(flags), Some(memory), profile).unwrap_or_else(|error| panic!("{row}: {error}"));
        // Compared in bytes: Node 10's limit is no whole number of MiB.
        let expected = (expected.parse::<f64>().expect("MiB") * MIB).round() as u64;
        assert_eq!(limits.heap_size_limit, expected, "{row}");
        assert_eq!(limits.max_global, 2 * limits.max_old_generation, "{row}");
        assert_eq!(limits.heap_size_limit, limits.heap_size_limit_for(limits.max_old_generation), "{row}");
        assert!(limits.min_semi_space <= limits.initial_semi_space, "{row}");
        assert!(limits.initial_semi_space <= limits.max_semi_space, "{row}");
        assert!(limits.initial_old_generation <= limits.max_old_generation / 2, "{row}");
        rows += 1;
    }
    assert!(rows > 150, "the table was read: {rows} rows");
}

#[test]
fn a_container_gets_the_same_default_from_4_gib_to_just_below_15() {
    for profile in Profile::all() {
        let plateau: Vec<u64> = (4..15)
            .map(|gib| limits(&Flags::default(), Some(gib << 30), profile).expect("valid").heap_size_limit)
            .collect();
        assert!(plateau.iter().all(|&limit| limit == plateau[0]), "Node {}", profile.node_major);
    }
}

#[test]
fn the_semi_space_does_not_follow_the_old_space_flag() {
    for profile in Profile::all() {
        let semi = |mb| {
            let flags = Flags { max_old_space_size_mb: mb, ..Flags::default() };
            limits(&flags, Some(8 << 30), profile).expect("valid").max_semi_space
        };
        assert_eq!(semi(None), semi(Some(16)));
        assert_eq!(semi(None), profile.limits.default_max_semi_space);
    }
}

#[test]
fn a_flag_that_a_version_does_not_know_is_refused_by_name() {
    let heap = Flags { max_heap_size_mb: Some(512), ..Flags::default() };
    let percent = Flags { max_old_space_size_percentage: Some(50.0), ..Flags::default() };
    for (node, flags, name) in [
        (10, heap, "--max-heap-size"),
        (10, percent, "--max-old-space-size-percentage"),
        (12, percent, "--max-old-space-size-percentage"),
        (18, percent, "--max-old-space-size-percentage"),
        (20, percent, "--max-old-space-size-percentage"),
    ] {
        let profile = Profile::for_node(node).expect("a profile");
        let error = limits(&flags, Some(8 << 30), profile).expect_err("refused").to_string();
        assert!(error.contains(name) && error.contains(&format!("Node {node}")), "{error}");
    }
}

#[test]
fn the_heap_never_shrinks_when_a_size_flag_grows() {
    for profile in Profile::all().iter().filter(|profile| profile.limits.has_heap_size_flags) {
        let mut before = 0;
        for mb in (1..600).chain((600..9_000).step_by(97)) {
            let flags = Flags { max_heap_size_mb: Some(mb), ..Flags::default() };
            let now = limits(&flags, Some(8 << 30), profile).expect("valid").heap_size_limit;
            assert!(now >= before, "Node {} at {mb} MiB", profile.node_major);
            before = now;
        }
    }
}
