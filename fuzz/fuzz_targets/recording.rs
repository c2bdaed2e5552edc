//! The reader of recordings: the first line is the name of the file, the rest its JSON lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use membench::fidelity::recording::{Cell, parse};
use std::path::Path;

fuzz_target!(|text: &str| {
    let (name, text) = text.split_once('\n').unwrap_or((text, ""));
    let Some(cell) = Cell::from_file_name(name) else { return };
    assert_eq!(Cell::from_file_name(&cell.file_name()).as_ref(), Some(&cell));
    if let Ok(runs) = parse(Path::new(name), &cell, text) {
        for run in &runs {
            let again = serde_json_line(run);
            assert_eq!(parse(Path::new(name), &cell, &again).map(|runs| serde_json_line(&runs[0])).ok(), Some(again));
        }
    }
});

/// A run as the line that a recording has.
fn serde_json_line(run: &membench::fidelity::recording::RealRun) -> String {
    let line = membench::record::file::json_line(run).expect("a run can be written");
    String::from_utf8(line).expect("JSON is UTF-8")
}
