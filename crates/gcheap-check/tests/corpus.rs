//! The seeds of the fuzz target `heap`, and inputs that once failed, agree with the model.

use gcheap_check::{check, fuzzed, replay};
use std::path::Path;

#[test]
fn every_seed_of_the_fuzzer_agrees_with_the_model() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/heap");
    let mut files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} seeds", files.len());
    for file in files {
        let (settings, program) = fuzzed(&std::fs::read(&file).unwrap());
        if let Err(failure) = check(&settings, &program) {
            panic!("{}: {failure}\n{}", file.display(), replay::to_text(&settings, &program));
        }
    }
}
