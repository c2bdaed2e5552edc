//! Random programs agree with the model, and between them come through everything that the collectors do.

use gcheap_check::soak::{Soak, soak};
use gcheap_check::{Caught, Coverage, CustomOperation, Done, Harness, Settings, Stop, Turn, check, operation::program};

#[test]
fn random_programs_agree_with_the_model() {
    let mut total = Coverage::default();
    for seed in 1..=12 {
        let mut settings = Settings::from_seed(seed);
        settings.node = [10, 12, 18, 20, 22, 24, 26][seed as usize % 7];
        settings.verify = true;
        let program = program(seed, 1500);
        match check(&settings, &program) {
            Ok(coverage) => total.add(&coverage),
            Err(failure) => panic!(
                "{failure}\nreplay: cargo xtask soak --seed {seed} --operations 1 --length 1500 --node {}",
                settings.node
            ),
        }
    }
    let must_be_seen = [
        ("comparisons", total.comparisons),
        ("scavenges", total.scavenges),
        ("mark-compacts", total.mark_compacts),
        ("incremental marking", total.incremental_marks),
        ("marking by hand", total.steps_by_hand),
        ("evacuation by hand", total.evacuations_by_hand),
        ("sweeping by hand", total.pages_swept_by_hand),
        ("filled spaces", total.filled_spaces),
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
        ("exact collections", total.exact_collections),
        ("range errors", total.range_errors),
        ("stretches", total.stretches),
        ("literals", total.literals),
        ("variables set", total.variables_set),
    ];
    for (what, count) in must_be_seen {
        assert!(count > 0, "no {what}: {total:#?}");
    }
}

#[test]
fn heap_and_model_agree_after_every_operation() {
    for seed in 1..=4 {
        let settings = Settings { compare_every: 1, ..Settings::from_seed(seed) };
        let coverage = check(&settings, &program(seed, 250)).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        assert!(coverage.comparisons >= 200, "{coverage:?}");
    }
}

#[test]
fn plain_programs_hand_nurseries_over_and_agree_with_the_model() {
    let mut total = Coverage::default();
    for (seed, nursery) in (1..=6).zip([1, 256 << 10, 1 << 20].into_iter().cycle()) {
        let settings =
            Settings { nursery: Some(nursery), plain: true, restless: None, verify: true, ..Settings::from_seed(seed) };
        let program = program(seed, 1500);
        total.add(&check(&settings, &program).unwrap_or_else(|failure| panic!("seed {seed}: {failure}")));
    }
    assert!(total.handed_over > 5 && total.stretches > 100, "{total:#?}");
}

#[test]
fn the_same_seed_comes_through_the_same() {
    let settings = Settings::from_seed(2);
    let program = program(2, 600);
    assert_eq!(check(&settings, &program).unwrap(), check(&settings, &program).unwrap());
}

#[test]
fn a_soak_does_not_depend_on_its_threads() {
    let options = Soak { seed: 40, operations: 3_000, threads: 1, length: Some(300), ..Soak::default() };
    let alone = soak(&options, |_| {}).unwrap();
    let together = soak(&Soak { threads: 3, ..options }, |_| {}).unwrap();
    assert_eq!((alone.programs, alone.coverage), (together.programs, together.coverage));
}

/// Finds something wrong when its first number is divisible by 50.
struct Picky;

impl CustomOperation for Picky {
    fn name(&self) -> &str {
        "picky"
    }

    fn run(&self, _: &mut Turn<'_, '_, '_>, numbers: [u32; 3]) -> Done {
        if numbers[0].is_multiple_of(50) { Err(Stop::wrong("divisible by 50")) } else { Ok(()) }
    }
}

#[test]
fn what_an_operation_of_the_user_finds_fails_the_program_and_shrinks_to_that_operation() {
    let harness = Harness::new(Settings::from_seed(8)).operation(Picky, 200);
    let program = harness.program(8, 600);
    let failure = harness.check(&program).unwrap_err();
    assert_eq!(failure.by, Caught::User);
    let time = std::time::Duration::from_secs(20);
    let (small, failure) = gcheap_check::shrink::shrink(&harness, program, failure, time);
    assert_eq!(small.len(), 1, "{small:?}");
    assert!(failure.message.contains("divisible by 50"), "{failure}");
}

#[test]
fn what_a_hook_says_fails_the_program() {
    let harness = Harness::new(Settings::from_seed(9)).hook(|| {
        let mut calls = 0;
        Box::new(move |_, _: &mut gcheap::Heap| {
            calls += 1;
            if calls < 100 { Ok(()) } else { Err("a hundred calls".to_owned()) }
        })
    });
    let failure = harness.check(&harness.program(9, 300)).unwrap_err();
    assert_eq!((failure.by, failure.at < 200), (Caught::User, true), "{failure}");
}
