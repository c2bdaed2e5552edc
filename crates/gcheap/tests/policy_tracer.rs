//! V8's tracer against lines that real processes printed.

use gcheap::policy::tracer::{BytesAndMs, GcTracer, MAX_SPEED, MarkCompactSample};
use gcheap::profile::{NODE_20, NODE_22, NODE_24};

fn mark_compact(end_ms: f64, pause_ms: f64, steps_ms: f64) -> MarkCompactSample {
    MarkCompactSample {
        end_ms,
        pause_ms,
        bytes_after: 1 << 20,
        incremental: (steps_ms > 0.0).then_some(BytesAndMs { bytes: 0, ms: steps_ms }),
    }
}

#[test]
fn utilisation_counts_pause_and_steps_but_not_the_start_of_marking() {
    let mut tracer = GcTracer::new(NODE_24.tracer);
    tracer.record_mark_compact(&mark_compact(377.0, 284.92, 0.48));
    assert_eq!(format!("{:.3}", tracer.current_mutator_utilization()), "0.243");
    assert_eq!(format!("{:.3}", tracer.average_mutator_utilization()), "0.243");
}

#[test]
fn node_20_does_not_record_its_first_mark_compact() {
    let mut old = GcTracer::new(NODE_20.tracer);
    let mut new = GcTracer::new(NODE_22.tracer);
    for tracer in [&mut old, &mut new] {
        assert_eq!((tracer.current_mutator_utilization(), tracer.average_mutator_utilization()), (1.0, 1.0));
        tracer.record_mark_compact(&mark_compact(100.0, 40.0, 0.0));
    }
    assert_eq!((old.current_mutator_utilization(), old.average_mutator_utilization()), (1.0, 1.0));
    assert_eq!((new.current_mutator_utilization(), new.average_mutator_utilization()), (0.6, 0.6));
    old.record_mark_compact(&mark_compact(200.0, 40.0, 0.0));
    assert_eq!((old.current_mutator_utilization(), old.average_mutator_utilization()), (0.6, 0.6));
}

#[test]
fn the_average_halves_the_weight_of_the_past_at_each_mark_compact() {
    let mut tracer = GcTracer::new(NODE_20.tracer);
    tracer.record_mark_compact(&mark_compact(0.0, 1.0, 0.0));
    tracer.record_mark_compact(&mark_compact(100.0, 45.0, 0.0));
    assert_eq!(tracer.average_mutator_utilization(), 0.55);
    tracer.record_mark_compact(&mark_compact(160.0, 54.0, 0.0));
    // mutator (55 + 6) / 2, collector (45 + 54) / 2
    assert_eq!(tracer.average_mutator_utilization(), 30.5 / 80.0);
    assert!((tracer.current_mutator_utilization() - 0.1).abs() < 1e-12);
}

#[test]
fn node_24_smooths_throughput_with_a_half_life_of_100_ms() {
    // A first scavenge after 19.1 ms of program time that filled 1 MiB printed new_space_allocation_throughput=6807.1.
    let mut tracer = GcTracer::new(NODE_24.tracer);
    tracer.sample_allocation(19.1, 1_048_512, 0);
    let speed = tracer.new_space_throughput().expect("a sample");
    assert!((speed - 6_807.1).abs() < 15.0, "{speed}");
    tracer.end_of_pause(20.3);
    // Half of the past is left after 100 ms in which nothing happens.
    tracer.sample_allocation(120.3, 1_048_512, 0);
    assert!((tracer.new_space_throughput().expect("a sample") - speed / 2.0).abs() < 1e-6);
}

#[test]
fn node_20_notes_the_time_of_its_first_sample_and_measures_from_the_second_on() {
    let mut tracer = GcTracer::new(NODE_20.tracer);
    tracer.sample_allocation(15.0, 1 << 20, 0);
    assert_eq!(tracer.new_space_throughput(), None);
    tracer.end_of_pause(17.0);
    tracer.sample_allocation(18.0, 2 << 20, 300_000);
    assert_eq!(tracer.new_space_throughput(), Some((1 << 20) as f64));
    assert_eq!(tracer.old_generation_throughput(), Some(300_000.0));
    tracer.end_of_pause(30.0);
    // The pause does not count: 2 ms of program time and 2 MiB in all.
    tracer.sample_allocation(31.0, 3 << 20, 300_000);
    assert_eq!(tracer.new_space_throughput(), Some((1 << 20) as f64));
    assert_eq!(tracer.old_generation_throughput(), Some(150_000.0));
}

#[test]
fn a_window_of_5_seconds_forgets_what_lies_before_it() {
    let mut tracer = GcTracer::new(NODE_22.tracer);
    tracer.sample_allocation(1.0, 1_000_000, 0);
    tracer.end_of_pause(1.0);
    tracer.sample_allocation(5_001.0, 1_005_000, 0);
    // Newest sample alone covers the window.
    assert_eq!(tracer.new_space_throughput(), Some(1.0));
    assert!(tracer.allocation_throughput() < 1_000.0);
}

#[test]
fn the_collectors_speed_is_that_of_atomic_mark_compacts_or_else_of_marking_then_pausing() {
    let mut tracer = GcTracer::new(NODE_24.tracer);
    assert_eq!(tracer.combined_mark_compact_speed(), None);
    let mut sample = mark_compact(100.0, 10.0, 2.0);
    sample.incremental = Some(BytesAndMs { bytes: 2_000_000, ms: 2.0 });
    sample.bytes_after = 10_000_000;
    tracer.record_mark_compact(&sample);
    assert_eq!(tracer.incremental_marking_speed(), 1e6);
    assert_eq!(tracer.combined_mark_compact_speed(), Some(5e5));
    tracer.record_mark_compact(&MarkCompactSample {
        end_ms: 200.0,
        pause_ms: 4.0,
        bytes_after: 3_000_000,
        incremental: None,
    });
    assert_eq!(tracer.combined_mark_compact_speed(), Some(750_000.0));
}

#[test]
fn averages_reach_back_ten_collections() {
    let mut tracer = GcTracer::new(NODE_24.tracer);
    assert_eq!(tracer.average_survival_ratio(), 0.0);
    tracer.record_survival(100.0);
    for _ in 0..10 {
        tracer.record_survival(50.0);
    }
    assert_eq!(tracer.average_survival_ratio(), 50.0);
    for pause in 1..=12 {
        tracer.record_scavenge(1_000, f64::from(pause));
    }
    assert_eq!(tracer.scavenge_speed(), Some(10_000.0 / 75.0));
}

#[test]
fn speeds_stay_within_what_v8_believes() {
    assert_eq!(BytesAndMs { bytes: 0, ms: 5.0 }.speed(), Some(1.0));
    assert_eq!(BytesAndMs { bytes: u64::MAX, ms: 1e-9 }.speed(), Some(MAX_SPEED));
}

#[test]
fn a_program_that_hardly_allocates_has_a_low_rate_and_one_that_does_not_at_all_has_none() {
    let mut tracer = GcTracer::new(NODE_22.tracer);
    assert!(!tracer.has_low_young_allocation_rate());
    tracer.sample_allocation(1_000.0, 1_000_000, 100_000);
    assert!(tracer.has_low_young_allocation_rate() && tracer.has_low_old_allocation_rate());
    tracer.end_of_pause(1_001.0);
    tracer.sample_allocation(1_002.0, 101_000_000, 90_100_000);
    assert!(!tracer.has_low_young_allocation_rate() && !tracer.has_low_old_allocation_rate());
}
