//! Programs from a fuzzer's bytes.

use crate::operation::{Operation, from_bytes};
use crate::settings::Settings;

/// Operations of one input at most: a fuzzer learns more from many short programs.
const MOST_OPERATIONS: usize = 400;

/// A heap and a program from any bytes: the first byte chooses the settings, the rest is the program. The heap verifies after
/// every collection and is small, so that its limits are near; its memory is mapped, because sanitizers keep shadow for
/// every byte that is allocated, and a reservation has gigabytes.
///
/// ```
/// let (settings, program) = gcheap_check::fuzzed(&[7, 0, 1, 0, 2, 0, 3, 0]);
/// assert!(settings.verify);
/// assert_eq!(program.len(), 1);
/// ```
pub fn fuzzed(bytes: &[u8]) -> (Settings, Vec<Operation>) {
    let (seed, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (u64::from(*first), rest));
    let chosen = Settings::from_seed(seed);
    let max_old_space_mb = chosen.max_old_space_mb.min(8);
    let settings = Settings { verify: true, baseline: false, portable: false, max_old_space_mb, ..chosen };
    let mut program = from_bytes(rest);
    program.truncate(MOST_OPERATIONS);
    (settings, program)
}
