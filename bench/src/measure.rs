//! What a run of a process costs: CPU time and peak memory, as the system counts them.

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// CPU time of this process so far, user and system, milliseconds.
pub fn cpu_ms() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
        let ms = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
        ms(usage.user_time()) + ms(usage.system_time())
    })
}

/// The most memory that was resident at once, kB.
pub fn peak_rss_kb() -> u64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() as u64)
}

/// What a peer says of its work.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The same for all peers.
    pub checksum: u64,
    /// CPU time of each forced collection, milliseconds; empty where the process is timed.
    pub collections_ms: Vec<f64>,
}

impl From<u64> for Outcome {
    fn from(checksum: u64) -> Outcome {
        Outcome { checksum, collections_ms: Vec::new() }
    }
}

/// Runs forced collections and notes what each costs.
///
/// # Errors
/// The first error of `collect`.
pub fn time_collections<E>(mut collect: impl FnMut() -> Result<(), E>) -> Result<Vec<f64>, E> {
    let mut times = Vec::new();
    for _ in 0..crate::workload::COLLECTIONS {
        let before = cpu_ms();
        collect()?;
        times.push(cpu_ms() - before);
    }
    Ok(times)
}

/// One run, as the JSON line that each process prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// The workload.
    pub workload: String,
    /// Who did it.
    pub peer: String,
    /// The same for all peers.
    pub checksum: u64,
    /// What counts, milliseconds of CPU time: the process, or the median of the forced collections but the first.
    pub cpu_ms: f64,
    /// The most memory that was resident at once, kB.
    pub peak_rss_kb: u64,
}

/// The middle value; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => (sorted[length / 2 - 1] + sorted[length / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        let cases: [(&[f64], f64); 4] =
            [(&[3.0], 3.0), (&[5.0, 1.0, 3.0], 3.0), (&[4.0, 1.0, 3.0, 2.0], 2.5), (&[1.0, 1.0, 9.0], 1.0)];
        for (values, middle) in cases {
            assert_eq!(median(values), middle, "{values:?}");
        }
        assert!(median(&[]).is_nan());
    }
}
