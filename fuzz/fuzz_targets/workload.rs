//! The parser of workload files, and what is made from a workload before it runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use membench::workload::{Sizes, parse};

fuzz_target!(|source: &str| {
    match parse("fuzzed", "fuzzed.toml", source, &Sizes::default()) {
        Ok(workload) => {
            let _ = workload.longest_strings();
            let _ = workload.iterations();
        }
        Err(sentence) => assert!(!sentence.to_string().is_empty()),
    }
});
