//! The small readers: sizes of the command line, names of recordings, replays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use membench::cli::value::{kib, limit, mib};

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let _ = (mib(line), kib(line), limit(line));
    }
    if let Ok((settings, program)) = gcheap_check::replay::from_text(text) {
        let again = gcheap_check::replay::to_text(&settings, &program);
        assert_eq!(gcheap_check::replay::from_text(&again), Ok((settings, program)));
    }
});
