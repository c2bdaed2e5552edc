//! A workload by the word that the command line has for it: the name of a shipped one, or the path of a file.
//!
//! Reads the file, nothing else. What holds: what a word means depends on the word alone, not on what files there are.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{Sizes, Workload, parse, shipped};
use crate::text::Text;

/// Whether `word` is a path: it has a `/` in it, or ends in `.toml`.
///
/// ```
/// use membench::workload::is_path;
/// assert!(is_path("./leak.toml") && is_path("leak.toml") && is_path("mine/leak"));
/// assert!(!is_path("heap"));
/// ```
pub fn is_path(word: &str) -> bool {
    word.contains(std::path::MAIN_SEPARATOR) || Path::new(word).extension().is_some_and(|end| end == "toml")
}

/// The shipped workload of the name `word`, or that of the file at the path `word`, in `sizes`.
///
/// # Errors
///
/// There is no such workload, the file cannot be read, or it is no workload; in one sentence.
pub fn find(word: &str, sizes: Sizes) -> Result<Workload, Text> {
    if is_path(word) { from_file(Path::new(word), &sizes) } else { shipped(word, sizes) }
}

/// The workload of the file `path`, in `sizes`. Its name is that of the file, without the ending.
///
/// # Errors
///
/// The file cannot be read, or it is no workload; in one sentence.
pub fn from_file(path: &Path, sizes: &Sizes) -> Result<Workload, Text> {
    let file = path.to_string_lossy();
    let source = fs::read_to_string(path).map_err(|error| {
        Text::new(
            format!("the workload file {file} cannot be read: {error}"),
            format!("无法读取负载文件 {file}:{error}"),
        )
    })?;
    let name = path.file_stem().unwrap_or(OsStr::new("")).to_string_lossy();
    parse(&name, &file, &source, sizes)
}
