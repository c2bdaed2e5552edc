//! Programs on heap and model: the first byte chooses the heap, the rest is the program (`gcheap_check::fuzzed`).
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (settings, program) = gcheap_check::fuzzed(bytes);
    if let Err(failure) = gcheap_check::check(&settings, &program) {
        panic!("{failure}\n{}", gcheap_check::replay::to_text(&settings, &program));
    }
});
