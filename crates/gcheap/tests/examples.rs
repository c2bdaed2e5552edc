//! Every example runs; each asserts what it shows.

/// An example as a module, and a test that runs it.
macro_rules! example {
    ($name:ident, $path:literal, $does:ident) => {
        #[path = $path]
        mod $name;

        #[test]
        fn $does() {
            $name::main().unwrap();
        }
    };
}

example!(first_test, "../examples/first_test.rs", a_first_test_explains_its_failure);
example!(weak_ref_cache, "../examples/weak_ref_cache.rs", a_weak_ref_cache_leaks_and_is_repaired);
example!(near_limit, "../examples/near_limit.rs", a_handler_near_the_limit_sheds_load);
example!(finalizer_starvation, "../examples/finalizer_starvation.rs", finalizers_starve_in_a_long_job);
example!(generational_hypothesis, "../examples/generational_hypothesis.rs", most_objects_die_young);
example!(fragmentation, "../examples/fragmentation.rs", compaction_closes_the_holes);
example!(lisp, "../examples/lisp.rs", a_lisp_recovers_from_out_of_memory);
example!(own_policy, "../examples/own_policy.rs", a_policy_of_ones_own_differs_from_v8s);
example!(policy_tradeoff, "../examples/policy_tradeoff.rs", every_policy_trades_memory_for_time);

#[test]
fn no_example_is_left_out() {
    let tested = include_str!("examples.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(tested.contains(&format!("\"../examples/{name}\"")), "{name} is not tested");
    }
}
