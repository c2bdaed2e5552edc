//! V8's rules against numbers that real processes printed, and against their own edges.

use gcheap::event::{Collector, CollectorReason, GcReason, SiteDecision};
use gcheap::policy::*;
use gcheap::profile::{InitialShrinking, LimitBound, NODE_20, NODE_22, NODE_24, NODE_26, Profile};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

#[test]
fn the_largest_factor_is_linear_up_to_2_gib_and_4_from_there_on() {
    for (mib, factor) in [
        (16, 1.3),
        (256, 1.3),
        (512, 1.4),
        (1_024, 1.6),
        (1_400, 1.746_875),
        (2_047, 1.999_609),
        (2_048, 4.0),
        (8_192, 4.0),
    ] {
        assert!((max_growing_factor(mib * MIB) - factor).abs() < 1e-6, "{mib} MiB");
    }
}

#[test]
fn the_factor_is_the_largest_unless_the_collector_is_far_faster_than_the_program() {
    let factor = |ratio: f64| growing_factor(&GrowingSpeeds { gc: Some(ratio), mutator: Some(1.0) }, 4.0);
    assert_eq!(growing_factor(&GrowingSpeeds::default(), 1.4), 1.4);
    assert_eq!(growing_factor(&GrowingSpeeds { gc: Some(1e6), mutator: Some(0.0) }, 1.4), 1.4);
    assert_eq!(factor(1.0), 4.0);
    assert_eq!(factor(32.0), 4.0);
    assert_eq!(factor(43.0), 4.0);
    assert!(factor(44.0) < 4.0);
    assert!((factor(50.0) - 1.5 / 0.53).abs() < 1e-9);
    assert_eq!(factor(1e6), MIN_GROWING_FACTOR);
}

/// `[HeapController]` lines of real processes: (node, max old MiB, semi-space as it counted it, mode, old KiB, printed new limit KiB).
#[test]
fn the_next_limit_is_the_one_that_real_processes_printed() {
    use GrowingMode::{Default, Minimal};
    let rows: [(&Profile, u64, u64, GrowingMode, u64, u64); 17] = [
        (&NODE_20, 256, 2 * MIB, Default, 2_583, 12_788),
        (&NODE_20, 4_096, 2 * MIB, Default, 2_585, 12_790),
        (&NODE_20, 64, 16 * MIB, Default, 17_133, 41_334),
        (&NODE_20, 64, 16 * MIB, Default, 47_156, 56_346),
        (&NODE_20, 64, 16 * MIB, Minimal, 61_235, 63_385),
        (&NODE_20, 64, 2 * MIB, Minimal, 62_639, 64_087),
        (&NODE_20, 4_096, 16 * MIB, Default, 24_719, 114_985),
        (&NODE_22, 256, 2 * MIB, Default, 3_462, 13_702),
        (&NODE_22, 4_096, 2 * MIB, Default, 3_463, 15_901),
        (&NODE_22, 4_096, 16 * MIB, Default, 23_816, 111_648),
        (&NODE_22, 64, MIB, Minimal, 61_775, 63_655),
        // Old space above its maximum: the limit ends below what is there.
        (&NODE_22, 64, 16 * MIB, Default, 65_940, 65_738),
        (&NODE_24, 256, 2 * MIB, Default, 3_783, 14_023),
        (&NODE_24, 4_096, 32 * MIB, Default, 37_492, 182_739),
        (&NODE_24, 4_096, 2 * MIB, Default, 3_783, 17_180),
        (&NODE_26, 256, 16 * MIB, Default, 48_764, 79_778),
        (&NODE_26, 256, 16 * MIB, Default, 233_310, 247_727),
    ];
    for (profile, max_mib, capacity, mode, old, expected) in rows {
        let inputs = RecomputeInputs {
            // The printed size is cut to whole KiB, so half of one is added.
            old_generation: old * KIB + KIB / 2,
            global: old * KIB,
            max_old_generation: max_mib * MIB,
            max_global: 2 * max_mib * MIB,
            min_old_generation: 0,
            new_space_capacity: capacity,
            speeds: GrowingSpeeds::default(),
            mode,
        };
        let update = recompute_limits(&inputs, profile);
        let printed = update.new_limit / KIB;
        assert!(printed.abs_diff(expected) <= 3, "Node {}: {old} -> {printed}, not {expected}", profile.node_major);
    }
}

#[test]
fn a_configured_minimum_holds_up_to_12_4_only_below_halfway() {
    let inputs = |bound| NextLimitInputs {
        current: 10 * MIB,
        min: 100 * MIB,
        max: 150 * MIB,
        new_space_capacity: MIB,
        factor: 1.3,
        mode: GrowingMode::Default,
        bound,
    };
    assert_eq!(next_limit(&inputs(LimitBound::HalfwayLast)), 80 * MIB);
    assert_eq!(next_limit(&inputs(LimitBound::MinimumLast)), 100 * MIB);
}

#[test]
fn the_growing_mode_takes_the_most_frugal_reason_first() {
    let mode = |reduce_memory, optimize_for_memory, reducer_grows_slowly| {
        growing_mode(&GrowingModeInputs { reduce_memory, optimize_for_memory, reducer_grows_slowly })
    };
    assert_eq!(mode(true, true, true), GrowingMode::Minimal);
    assert_eq!(mode(false, true, true), GrowingMode::Conservative);
    assert_eq!(mode(false, false, true), GrowingMode::Slow);
    assert_eq!(mode(false, false, false), GrowingMode::Default);
}

#[test]
fn the_embedder_factor_of_node_26_only_matters_below_1_1() {
    let inputs = RecomputeInputs {
        old_generation: 100 * MIB,
        global: 100 * MIB,
        max_old_generation: 1_024 * MIB,
        max_global: 2_048 * MIB,
        min_old_generation: 0,
        new_space_capacity: MIB,
        speeds: GrowingSpeeds { gc: Some(1e6), mutator: Some(1.0) },
        mode: GrowingMode::Default,
    };
    let update = recompute_limits(&inputs, &NODE_26);
    assert_eq!((update.factor, update.new_limit), (1.1, update.new_global_limit));
}

#[test]
fn survival_shrinks_the_initial_limit_as_node_24s_nvp_lines_show() {
    // average survival %, old-generation bytes after the collection, printed old_gen_allocation_limit
    let mut limit = InitialLimit { old_limit: 512 * MIB, global_limit: 1_024 * MIB, configured: false };
    for (survival, old, expected) in [
        (68.502_4, 3_900_504, 367_769_518_u64),
        (79.353, 4_679_000, 291_835_053),
        (79.56, 5_619_000, 232_180_454),
        (81.14, 8_760_000, 188_385_530),
        (81.86, 14_280_000, 154_216_387),
        (84.88, 24_900_000, 130_906_099),
        (85.08, 46_100_000, 111_380_209),
    ] {
        limit = shrink_initial_limit(&InitialLimitInputs {
            configured: limit.configured,
            had_full_collection: false,
            old_generation: old,
            global: old,
            old_limit: limit.old_limit,
            global_limit: limit.global_limit,
            survival_percent: survival,
            mode: GrowingMode::Default,
            rule: InitialShrinking::UntilFirstFullCollection,
        });
        let off = limit.old_limit.abs_diff(expected) as f64 / expected as f64;
        assert!(off < 5e-4, "{survival} %: {} is not {expected}", limit.old_limit);
        assert!(limit.global_limit >= limit.old_limit);
        assert!(!limit.configured);
        limit.old_limit = expected;
    }
}

#[test]
fn a_limit_that_would_no_longer_fall_is_configured_in_node_20_and_not_later() {
    let inputs = |rule| InitialLimitInputs {
        configured: false,
        had_full_collection: false,
        old_generation: 45 * MIB,
        global: 45 * MIB,
        old_limit: 50 * MIB,
        global_limit: 100 * MIB,
        survival_percent: 90.0,
        mode: GrowingMode::Default,
        rule,
    };
    let old = shrink_initial_limit(&inputs(InitialShrinking::UntilItWouldGrow));
    assert_eq!((old.old_limit, old.configured), (50 * MIB, true));
    let new = shrink_initial_limit(&inputs(InitialShrinking::UntilFirstFullCollection));
    assert_eq!((new.old_limit, new.configured), (50 * MIB, false));
    let done = InitialLimitInputs { had_full_collection: true, ..inputs(InitialShrinking::UntilFirstFullCollection) };
    assert_eq!(shrink_initial_limit(&InitialLimitInputs { survival_percent: 1.0, ..done }).old_limit, 50 * MIB);
}

#[test]
fn marking_starts_hard_at_the_limit_and_soft_within_a_semi_space_of_it() {
    let base = StartOfMarkingInputs {
        can_start: true,
        old_generation: 40 * MIB,
        embedder: 0,
        old_available: 17 * MIB,
        global_available: 100 * MIB,
        new_space_capacity: 16 * MIB,
        optimize_for_memory: false,
        high_memory_pressure: false,
    };
    let cases = [
        (base, MarkingLimit::None),
        (StartOfMarkingInputs { old_available: 16 * MIB, ..base }, MarkingLimit::Soft),
        (StartOfMarkingInputs { old_available: 0, ..base }, MarkingLimit::Hard),
        (StartOfMarkingInputs { global_available: 0, ..base }, MarkingLimit::Hard),
        (StartOfMarkingInputs { old_available: 16 * MIB, optimize_for_memory: true, ..base }, MarkingLimit::Hard),
        // Plenty of room: memory pressure is not asked for.
        (StartOfMarkingInputs { optimize_for_memory: true, ..base }, MarkingLimit::None),
        (StartOfMarkingInputs { high_memory_pressure: true, ..base }, MarkingLimit::Hard),
        (StartOfMarkingInputs { old_available: 0, old_generation: 8 * MIB, ..base }, MarkingLimit::None),
        (StartOfMarkingInputs { old_available: 0, old_generation: 0, embedder: 9 * MIB, ..base }, MarkingLimit::Hard),
        (StartOfMarkingInputs { old_available: 0, can_start: false, ..base }, MarkingLimit::None),
    ];
    for (inputs, expected) in cases {
        assert_eq!(start_of_marking(&inputs), expected, "{inputs:?}");
    }
    assert_eq!(start_of_marking_reason(&cases[2].0), GcReason::AllocationLimit);
    assert_eq!(start_of_marking_reason(&cases[3].0), GcReason::GlobalAllocationLimit);
}

/// Which column of a table holds for a version: there is one for Node 20 and older, and one for each later major.
fn column(profile: &Profile) -> usize {
    [22, 24, 26].iter().filter(|&&major| profile.node_major >= major).count()
}

#[test]
fn the_first_matching_rule_selects_the_collector() {
    use CollectorReason::*;
    let base = SelectCollectorInputs {
        young_requested: true,
        forced_by_flags: false,
        marking: false,
        marking_complete: false,
        overshot_by_large_margin: false,
        can_promote_young: true,
    };
    let marked =
        SelectCollectorInputs { marking: true, marking_complete: true, overshot_by_large_margin: true, ..base };
    let rows = [
        (base, [None, None, None, None]),
        (SelectCollectorInputs { young_requested: false, ..marked }, [GcInOldSpaceRequested; 4]),
        (SelectCollectorInputs { forced_by_flags: true, ..marked }, [GcInOldSpaceForcedByFlags; 4]),
        (SelectCollectorInputs { can_promote_young: false, ..base }, [ScavengeMightNotSucceed; 4]),
        (
            SelectCollectorInputs { marking: true, ..base },
            [None, None, IncrementalMarkingForcedFinalization, IncrementalMarkingForcedFinalization],
        ),
        (
            marked,
            [
                IncrementalMarkingNeedsFinalization,
                IncrementalMarkingNeedsFinalization,
                IncrementalMarkingForcedFinalization,
                IncrementalMarkingForcedFinalization,
            ],
        ),
        // Complete marking that counts as stopped: only versions up to 13.6 finalise it.
        (
            SelectCollectorInputs { marking: false, ..marked },
            [
                IncrementalMarkingNeedsFinalization,
                IncrementalMarkingNeedsFinalization,
                IncrementalMarkingNeedsFinalization,
                None,
            ],
        ),
    ];
    for (inputs, reasons) in rows {
        for profile in Profile::all() {
            let reason = reasons[column(profile)];
            let collector = if reason == None { Collector::Scavenge } else { Collector::MarkCompact };
            assert_eq!(
                select_collector(&inputs, &profile.collection),
                (collector, reason),
                "Node {}: {inputs:?}",
                profile.node_major
            );
        }
    }
}

#[test]
fn both_the_old_generation_and_all_mapped_memory_bound_expansion() {
    let heap = |capacity, mapped| CanExpandInputs {
        capacity: capacity * MIB,
        mapped: mapped * MIB,
        max_old_generation: 256 * MIB,
        max_young_generation: 48 * MIB,
    };
    assert!(can_expand_old_generation(&heap(256, 304), 0));
    assert!(!can_expand_old_generation(&heap(256, 304), 1));
    assert!(!can_expand_old_generation(&heap(0, 305), 0));
    assert!(!can_expand_old_generation(&heap(0, 0), u64::MAX));
    assert!(!optimize_for_memory_usage(&heap(224, 224), false));
    assert!(optimize_for_memory_usage(&heap(100, 273), false));
    assert!(optimize_for_memory_usage(&heap(0, 0), true));
}

#[test]
fn the_soft_limit_lets_an_allocation_overshoot_while_marking_runs() {
    let base = ShouldExpandInputs::default();
    let ask = |inputs: ShouldExpandInputs| {
        Profile::all()
            .iter()
            .map(move |profile| (column(profile), should_expand_old_generation(&inputs, &profile.collection)))
            .collect::<Vec<_>>()
    };
    let rows = [
        (base, [false; 4]),
        (ShouldExpandInputs { old_available: 1, ..base }, [true; 4]),
        (ShouldExpandInputs { always_allocate: true, ..base }, [true; 4]),
        (ShouldExpandInputs { allocated_by_collector: true, optimize_for_memory: true, ..base }, [true; 4]),
        (ShouldExpandInputs { retry: true, ..base }, [false, false, true, true]),
        (ShouldExpandInputs { marking: true, collection_requested: true, ..base }, [false; 4]),
        (ShouldExpandInputs { marking: true, optimize_for_memory: true, ..base }, [false; 4]),
        (ShouldExpandInputs { marking: true, ..base }, [true; 4]),
        (ShouldExpandInputs { marking: true, overshot_by_large_margin: true, ..base }, [true, false, false, false]),
        (
            ShouldExpandInputs { marking: true, marking_complete: true, overshot_by_large_margin: true, ..base },
            [false; 4],
        ),
        (ShouldExpandInputs { marking_limit: MarkingLimit::Hard, ..base }, [true; 4]),
    ];
    for (inputs, expected) in rows {
        for (column, expands) in ask(inputs) {
            assert_eq!(expands, expected[column], "{inputs:?}");
        }
    }
}

#[test]
fn the_overshoot_margin_is_half_the_limit_but_at_least_32_mib_and_at_most_half_the_rest() {
    let ask = |old: u64, limit: u64, max: u64| {
        overshot_by_large_margin(&OvershootInputs {
            old_generation: old,
            old_limit: limit,
            max_old_generation: max,
            global: old,
            global_limit: 2 * limit,
            max_global: 2 * max,
            external_since_full: 0,
            young: 0,
        })
    };
    assert!(!ask(100 * MIB, 100 * MIB, 1_024 * MIB));
    assert!(!ask(150 * MIB - 1, 100 * MIB, 1_024 * MIB));
    assert!(ask(150 * MIB, 100 * MIB, 1_024 * MIB));
    assert!(!ask(52 * MIB - 1, 20 * MIB, 1_024 * MIB));
    assert!(ask(52 * MIB, 20 * MIB, 1_024 * MIB));
    assert!(ask(228 * MIB, 200 * MIB, 256 * MIB));
    assert!(!ask(227 * MIB, 200 * MIB, 256 * MIB));
}

#[test]
fn external_and_young_bytes_count_in_the_overshoot() {
    let inputs = OvershootInputs {
        old_generation: 100 * MIB,
        old_limit: 100 * MIB,
        max_old_generation: 1_024 * MIB,
        global: 100 * MIB,
        global_limit: 200 * MIB,
        max_global: 2_048 * MIB,
        external_since_full: 20 * MIB,
        young: 20 * MIB,
    };
    assert!(!overshot_by_large_margin(&inputs));
    assert!(overshot_by_large_margin(&OvershootInputs { young: 30 * MIB, ..inputs }));
}

#[test]
fn four_ineffective_mark_compacts_in_a_row_are_the_end() {
    let mut count = 0;
    // (old MiB, average mu): the worked example of Node 24 at 256 MiB.
    let run = [(115, 0.63), (207, 0.52), (228, 0.35), (240, 0.24), (247, 0.16), (251, 0.11)];
    let verdicts: Vec<Ineffective> = run
        .iter()
        .map(|&(old, mu)| {
            let inputs = IneffectiveInputs {
                old_generation: old * MIB,
                max_old_generation: 256 * MIB,
                average_mutator_utilization: mu,
                consecutive: count,
            };
            let verdict = check_ineffective(&inputs, &NODE_24.ineffective);
            count = verdict.count();
            verdict
        })
        .collect();
    use Ineffective::*;
    assert_eq!(verdicts, [Effective, Effective, Counted(1), Counted(2), Counted(3), Fatal(4)]);
}

#[test]
fn node_26_counts_only_from_95_percent_on() {
    let ask = |old: u64, profile: &Profile| {
        let inputs = IneffectiveInputs {
            old_generation: old,
            max_old_generation: 100 * MIB,
            average_mutator_utilization: 0.39,
            consecutive: 2,
        };
        check_ineffective(&inputs, &profile.ineffective)
    };
    assert_eq!(ask(80 * MIB, &NODE_24), Ineffective::Counted(3));
    assert_eq!(ask(80 * MIB - 1, &NODE_24), Ineffective::Effective);
    assert_eq!(ask(94 * MIB, &NODE_26), Ineffective::Effective);
    assert_eq!(ask(95 * MIB, &NODE_26), Ineffective::Counted(3));
}

#[test]
fn a_failed_allocation_goes_its_whole_way_before_it_is_fatal() {
    use AfterFailure::*;
    let way = |young, must_succeed, profile: &Profile| {
        let mut failure = AllocationFailure { young, must_succeed, collections: 0, last_resort_done: false };
        let mut steps = vec![];
        loop {
            let step = next_attempt(&failure, &profile.collection);
            steps.push(step);
            match step {
                CollectSpace | CollectOld => failure.collections += 1,
                LastResort => failure.last_resort_done = true,
                Fail | Fatal => return steps,
            }
        }
    };
    assert_eq!(way(true, true, &NODE_24), [CollectSpace, CollectSpace, LastResort, Fatal]);
    assert_eq!(way(true, true, &NODE_26), [CollectSpace, CollectSpace, CollectOld, CollectOld, LastResort, Fatal]);
    assert_eq!(way(false, true, &NODE_26), [CollectSpace, CollectSpace, LastResort, Fatal]);
    assert_eq!(way(false, false, &NODE_22), [CollectSpace, CollectSpace, Fail]);
}

#[test]
fn a_last_resort_takes_two_to_seven_collections() {
    let count = |handles_changed, over_limit, late_check| {
        (0..)
            .take_while(|&done| {
                last_resort_continues(&LastResortInputs { done, handles_changed, over_limit, late_check })
            })
            .count()
    };
    assert_eq!(count(false, false, false), 2);
    assert_eq!(count(false, true, false), 2);
    assert_eq!(count(false, true, true), 7);
    assert_eq!(count(true, false, false), 7);
}

#[test]
fn the_hard_limit_is_checked_after_every_collection_unless_this_version_checks_late() {
    let heap = CanExpandInputs {
        capacity: 101 * MIB,
        mapped: 101 * MIB,
        max_old_generation: 100 * MIB,
        max_young_generation: 48 * MIB,
    };
    let ask = |late_check, in_failed_allocation| {
        check_hard_limit(&HardLimitInputs { heap, late_check, in_failed_allocation })
    };
    assert_eq!(ask(false, true), HardLimit::Exceeded);
    assert_eq!(ask(true, true), HardLimit::CheckedLater);
    assert_eq!(ask(true, false), HardLimit::Exceeded);
    assert_eq!(raise_limit(100 * MIB, 99 * MIB), None);
    let restore = |old| {
        restore_limit(&RestoreLimitInputs {
            initial: 64 * MIB,
            current: 112 * MIB,
            old_generation: old,
            threshold_share: 0.95,
        })
    };
    assert_eq!(restore(60 * MIB), Some(64 * MIB));
    assert_eq!(restore(61 * MIB), None);
}

#[test]
fn three_thousand_garbage_buffers_scavenge_every_32_mib_in_node_20_and_22() {
    for (profile, expected) in [(&NODE_20, 93), (&NODE_22, 93), (&NODE_24, 23), (&NODE_26, 46)] {
        let (mut young, mut scavenges) = (0, 0);
        for _ in 0..3_000 {
            let inputs = YoungBuffersInputs { young_bytes: young, requested: MIB, marking: false };
            if scavenge_before_backing_store(&inputs, &profile.external) {
                scavenges += 1;
                young = 0;
            }
            young += MIB;
        }
        assert_eq!(scavenges, expected, "Node {}", profile.node_major);
    }
    let marking = YoungBuffersInputs { young_bytes: 200 * MIB, requested: MIB, marking: true };
    assert!(!scavenge_before_backing_store(&marking, &NODE_24.external));
    assert!(scavenge_before_backing_store(&marking, &NODE_22.external));
    // One buffer larger than all young ones: collecting would not pay.
    let large = YoungBuffersInputs { young_bytes: 40 * MIB, requested: 41 * MIB, marking: false };
    assert!(!scavenge_before_backing_store(&large, &NODE_22.external));
}

#[test]
fn external_growth_counts_from_the_last_full_collection_and_follows_what_is_freed() {
    for profile in Profile::all() {
        let rules = &profile.external;
        let mut external = ExternalMemory::new(0, rules);
        external.adjust(70 * MIB as i64, rules);
        assert_eq!(external.pressure(256 * MIB, rules), ExternalPressure::Mark);
        external.reset(rules);
        assert_eq!((external.since_full(), external.pressure(256 * MIB, rules)), (0, ExternalPressure::None));
        external.adjust(-30 * MIB as i64, rules);
        assert_eq!(external.low_since_full, 40 * MIB);
        assert!(
            !external.adjust(100 * KIB as i64, rules),
            "Node {}: a small step is not looked at",
            profile.node_major
        );
        assert!(external.adjust(129 * MIB as i64, rules));
        assert_eq!(external.pressure(256 * MIB, rules), ExternalPressure::Collect);
        external.adjust(i64::MIN, rules);
        assert_eq!(external.total, 0);
    }
}

#[test]
fn new_space_grows_when_more_than_its_capacity_has_survived() {
    let base = NewSpaceResizeInputs {
        capacity: 8 * MIB,
        min: MIB,
        max: 16 * MIB,
        growth_factor: 2,
        used: 3 * MIB + 1,
        page: 256 * KIB,
        survived_since_last_expansion: 8 * MIB + 1,
        throughput: 50_000.0,
        low_throughput: 1_000.0,
        reduce_memory: false,
    };
    use NewSpaceResize::*;
    let rows = [
        (base, Grow(16 * MIB)),
        (NewSpaceResizeInputs { growth_factor: 4, ..base }, Grow(16 * MIB)),
        (NewSpaceResizeInputs { growth_factor: 0, capacity: 2 * MIB, ..base }, Grow(4 * MIB)),
        // 8.0 is not more than 8.
        (NewSpaceResizeInputs { survived_since_last_expansion: 8 * MIB, ..base }, Keep { forget_survivors: false }),
        (
            NewSpaceResizeInputs { capacity: 16 * MIB, survived_since_last_expansion: 99 * MIB, ..base },
            Keep { forget_survivors: false },
        ),
        (NewSpaceResizeInputs { throughput: 999.0, ..base }, Keep { forget_survivors: true }),
        (
            NewSpaceResizeInputs { throughput: 999.0, survived_since_last_expansion: 0, ..base },
            Shrink(6 * MIB + 256 * KIB),
        ),
        (
            NewSpaceResizeInputs { throughput: 0.0, survived_since_last_expansion: 0, ..base },
            Keep { forget_survivors: false },
        ),
        (NewSpaceResizeInputs { reduce_memory: true, used: 0, ..base }, Shrink(MIB)),
        // Twice what is in it would be more than there is: it stays, and only from-space goes.
        (NewSpaceResizeInputs { reduce_memory: true, used: 7 * MIB, ..base }, Shrink(8 * MIB)),
    ];
    for (inputs, expected) in rows {
        assert_eq!(resize_new_space(&inputs), expected, "{inputs:?}");
    }
}

#[test]
fn a_site_that_survives_is_tenured_once_new_space_is_large_enough() {
    use SiteDecision::*;
    // (state, created, found, capacity reached) -> (state, deoptimise); nothing: too few mementos.
    let rows = [
        ((Undecided, 99, 99, true), None),
        ((Undecided, 100, 85, false), Some((MaybeTenure, false))),
        ((Undecided, 100, 85, true), Some((Tenure, true))),
        ((Undecided, 100, 84, true), Some((DontTenure, false))),
        ((MaybeTenure, 3_800, 3_800, true), Some((Tenure, true))),
        ((MaybeTenure, 3_800, 100, true), Some((DontTenure, false))),
        ((DontTenure, 1_000, 1_000, true), Some((DontTenure, false))),
        ((Tenure, 1_000, 40, true), Some((Tenure, false))),
    ];
    for ((state, created, found, capacity_reached), expected) in rows {
        for profile in Profile::all() {
            let verdict = decide_site(&SiteInputs { state, created, found, capacity_reached }, &profile.pretenuring);
            assert_eq!(verdict.map(|verdict| (verdict.decision, verdict.deoptimize)), expected);
        }
    }
    let thresholds: Vec<u64> = Profile::all()
        .iter()
        .map(|profile| profile.pretenuring.threshold.capacity(profile.limits.default_max_semi_space))
        .collect();
    assert_eq!(thresholds, [16, 16, 16, 16, 16, 16, 8].map(|mib| mib * MIB));
    assert_eq!(NODE_20.pretenuring.threshold.capacity(64 * MIB), 64 * MIB);
    assert_eq!(NODE_24.pretenuring.threshold.capacity(MIB), MIB);
}

#[test]
fn tenured_sites_start_again_when_a_full_collection_leaves_less_than_a_tenth() {
    assert!(resets_tenured_sites(99_978_160, 3_871_936, &NODE_24.pretenuring));
    assert!(!resets_tenured_sites(100, 10, &NODE_24.pretenuring));
    assert!(!resets_tenured_sites(0, 0, &NODE_24.pretenuring));
}

#[test]
fn compaction_moves_little_and_only_when_it_frees_a_page() {
    let thresholds = |reduce_memory, optimize_for_memory, speed| {
        compaction_thresholds(&CompactionInputs { reduce_memory, optimize_for_memory, speed, area: 262_128 })
    };
    assert_eq!(
        thresholds(true, true, None),
        CompactionThresholds { fragmentation_percent: 20, max_evacuated: 12 * MIB }
    );
    assert_eq!(
        thresholds(false, true, None),
        CompactionThresholds { fragmentation_percent: 20, max_evacuated: 6 * MIB }
    );
    assert_eq!(
        thresholds(false, false, None),
        CompactionThresholds { fragmentation_percent: 70, max_evacuated: 4 * MIB }
    );
    assert_eq!(thresholds(false, false, Some(1e9)).fragmentation_percent, 50);
    assert_eq!(thresholds(false, false, Some(262_128.0)).fragmentation_percent, 75);

    let area = 262_128;
    let rules = CompactionThresholds { fragmentation_percent: 70, max_evacuated: 100_000 };
    let page = |page, live| PageFill { page, live, allocated: live };
    let pages = [page(4, 40_000), page(1, 30_000), page(9, 200_000), page(2, 30_000), page(3, 20_000)];
    // 20,000 + 30,000 + 30,000; the fourth would exceed the limit.
    assert_eq!(evacuation_candidates(&pages, area, &rules), [3, 1, 2]);
    // What counts for choosing is what is allocated, not what is live: the last sweep has not been here yet.
    assert_eq!(evacuation_candidates(&[PageFill { page: 1, live: 0, allocated: area }], area, &rules), [0; 0]);
    assert_eq!(evacuation_candidates(&[page(1, 0)], area, &rules), [1]);
    assert_eq!(evacuation_candidates(&[], area, &rules), [0; 0]);
}

#[test]
fn a_page_is_moved_whole_above_70_percent_and_never_to_save_memory() {
    for profile in Profile::all() {
        let area = profile.pages.usable();
        let ask = |live, reduce_memory, can_expand| {
            promote_page(&PagePromotionInputs {
                live,
                area,
                percent: profile.new_space.page_promotion_percent,
                reduce_memory,
                can_expand,
            })
        };
        assert!(ask(area, false, true) && !ask(area, true, true) && !ask(area, false, false));
        assert!(!ask(area * 7 / 10, false, true) && ask(area * 7 / 10 + 1, false, true));
    }
}
