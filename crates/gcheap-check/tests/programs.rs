//! Random programs agree with the model, and between them come through everything that the collectors do.

use gcheap_check::{Coverage, Settings, check, operation::program};

#[test]
fn random_programs_agree_with_the_model() {
    let mut total = Coverage::default();
    for seed in 1..=12 {
        let mut settings = Settings::from_seed(seed);
        settings.node = [20, 22, 24, 26][seed as usize % 4];
        let program = program(seed, 1500);
        match check(&settings, &program) {
            Ok(coverage) => total.add(&coverage),
            Err(failure) => panic!(
                "{failure}\nreplay: cargo run -p gcheap-check --release -- --seed {seed} --operations 1500 --node {}",
                settings.node
            ),
        }
    }
    let must_be_seen = [
        ("comparisons", total.comparisons),
        ("scavenges", total.scavenges),
        ("mark-compacts", total.mark_compacts),
        ("incremental marking", total.incremental_marks),
        ("scavenges during a cycle", total.interleaved_scavenges),
        ("evacuated pages", total.evacuated_pages),
        ("promoted pages", total.promoted_pages),
        ("lazy sweeping", total.lazily_swept),
        ("large objects", total.large_objects),
        ("resizing", total.resizes),
        ("out of memory", total.out_of_memory),
        ("aborted evacuations", total.aborted_evacuations),
        ("cleared WeakRefs", total.cleared_weak_refs),
        ("cleared weak handles", total.cleared_weak_handles),
        ("finalizations", total.finalizations),
        ("range errors", total.range_errors),
    ];
    for (what, count) in must_be_seen {
        assert!(count > 0, "no {what}: {total:#?}");
    }
}

#[test]
fn the_same_seed_comes_through_the_same() {
    let settings = Settings::from_seed(2);
    let program = program(2, 600);
    assert_eq!(check(&settings, &program).unwrap(), check(&settings, &program).unwrap());
}
