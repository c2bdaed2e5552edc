//! The workloads that come with membench: the files of the directory `workloads`, built in. Pure data.

use super::{Sizes, Workload, parse};
use crate::text::{Text, nearest};

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        /// The names of all shipped workloads, in the order in which they are listed.
        pub const NAMES: [&str; SOURCES.len()] = {
            let mut names = [""; SOURCES.len()];
            let mut at = 0;
            while at < SOURCES.len() {
                names[at] = SOURCES[at].0;
                at += 1;
            }
            names
        };

        /// Name and text of each file.
        const SOURCES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../workloads/", $name, ".toml")))),*];
    };
}

library![
    "heap",
    "buffer",
    "compare",
    "record-leak",
    "list-leak",
    "growing-array",
    "growing-map",
    "listeners",
    "slices",
    "cache-window",
    "cache-random",
    "churn",
    "doubles",
    "strings",
    "dictionary",
    "sets",
    "trees",
    "fragmentation",
    "phases",
    "service",
    "build-tool",
    "promises",
    "weak-cache",
    "finalizers",
    "buffer-window",
    "buffer-untouched",
    "buffer-pool",
];

/// All shipped workloads in their own sizes.
///
/// ```
/// assert!(membench::workload::shipped::all().len() >= 18);
/// ```
pub fn all() -> Vec<Workload> {
    NAMES.iter().filter_map(|name| shipped(name, Sizes::default()).ok()).collect()
}

/// The text of the file of the shipped workload `name`.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// The shipped workload `name` in `sizes`.
///
/// # Errors
///
/// Names no workload, or gives a size that the workload does not have.
pub fn shipped(name: &str, sizes: Sizes) -> Result<Workload, Text> {
    match source(name) {
        Some(source) => parse(name, &format!("workloads/{name}.toml"), source, &sizes),
        None => Err(match nearest(name, NAMES) {
            Some(near) => Text::new(
                format!("there is no workload {name:?}: did you mean {near}?"),
                format!("没有负载 {name:?}:是否想用 {near}?"),
            ),
            None => Text::new(
                format!("there is no workload {name:?}: the shipped ones are {}", NAMES.join(", ")),
                format!("没有负载 {name:?}:自带的有 {}", NAMES.join("、")),
            ),
        }),
    }
}
