//! Memory refused where a program asks for it. All opportunities are run by `gcheap-check faults`; here every so many.

use gcheap_check::faults::{End, Fault};

/// A prime, so that all phases are met.
const EVERY: usize = 41;

#[test]
fn every_fault_ends_in_an_error_or_is_absorbed_and_the_heap_goes_on() {
    let all = Fault::opportunities().unwrap_or_else(|broken| panic!("{}", broken.message));
    assert!(all.len() >= 1000, "only {} opportunities", all.len());
    let mut errors = 0;
    for fault in all.iter().step_by(EVERY) {
        match fault.inject() {
            Ok(End::Error) => errors += 1,
            Ok(End::Absorbed) => {}
            Err(broken) => panic!("{fault:?} breaks the heap: {}", broken.message),
        }
    }
    assert!(errors > 10, "only {errors} of the faults were felt");
}
