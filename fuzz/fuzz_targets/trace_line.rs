//! The reader of the lines that Node prints under `--trace-gc` and `--trace-gc-nvp`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use membench::engine::node::trace_line::parse;

fuzz_target!(|text: &str| {
    for line in text.lines() {
        if let Some(gc) = parse(line) {
            assert!(gc.kind == "scavenge" || gc.kind == "mark-compact", "{}", gc.kind);
        }
    }
});
