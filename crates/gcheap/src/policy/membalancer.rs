//! MemBalancer's square-root rule.
//!
//! M. Kirisame, P. Shenoy, P. Panchekha: "Optimal heap limits for reducing browser memory use", OOPSLA 2022. A heap with `L`
//! live bytes whose program allocates `g` bytes per ms and whose collector goes through `s` bytes per ms spends the share
//! `L g / (s E)` of its time on collections when it is given `E` bytes of room. If a byte of room is worth the share `c` of
//! the time, the sum of both costs is least at `E = sqrt(L g / (s c))`. The same `c` for every heap of a machine divides
//! its memory among them so that no byte would save more time elsewhere.

use super::fixed_size::{first_limit, limit_update};
use super::{InitialLimit, InitialLimitInputs, Policy, RecomputeInputs};
use crate::event::LimitUpdate;
use crate::profile::{MIB, Profile};

/// The limit of a heap about which nothing is known yet, bytes. An own choice: small, and above the size from which V8 starts
/// marking by itself.
const UNKNOWN: u64 = 16 * MIB;

/// Room in proportion to the square root of the live bytes and of the speed ratio.
///
/// ```
/// use gcheap::policy::MemBalancer;
/// let rule = MemBalancer { time_per_mib: 0.001 };
/// // 64 MiB live, 100 KB per ms allocated, 1 MB per ms collected: 6.4 MiB of live bytes a unit of room.
/// let room = rule.room(64 << 20, 100e3, 1e6);
/// assert!((80.0..80.1).contains(&(room / 1_048_576.0)));
/// // Four times the live bytes get twice the room.
/// assert!((rule.room(256 << 20, 100e3, 1e6) / room - 2.0).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemBalancer {
    /// Share of the running time that saving one MiB is worth (the paper's `c`, for a MiB): 0.001 gives up to a thousandth of
    /// the time for each MiB.
    pub time_per_mib: f64,
}

impl MemBalancer {
    /// Room for a heap with so many live bytes at these speeds, bytes per ms; bytes.
    pub fn room(&self, live: u64, allocation_speed: f64, gc_speed: f64) -> f64 {
        let c = self.time_per_mib / MIB as f64;
        (live as f64 * allocation_speed / (gc_speed * c)).sqrt()
    }
}

impl Policy for MemBalancer {
    fn recompute_limits(&self, inputs: &RecomputeInputs, _: &Profile) -> LimitUpdate {
        let limit = match (inputs.speeds.mutator, inputs.speeds.gc) {
            (Some(mutator), Some(gc)) if gc > 0.0 => {
                let room = self.room(inputs.old_generation, mutator, gc);
                // A quotient of odd numbers may be infinite or none at all; the maximum holds either way.
                if room.is_nan() { UNKNOWN } else { inputs.old_generation.saturating_add(room as u64) }
            }
            _ => inputs.old_generation.saturating_add(UNKNOWN),
        };
        limit_update(inputs, limit)
    }

    fn shrink_initial_limit(&self, inputs: &InitialLimitInputs) -> InitialLimit {
        first_limit(inputs, UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{GrowingMode, GrowingSpeeds};
    use crate::profile::NODE_24;

    fn inputs(live: u64, mutator: Option<f64>, gc: Option<f64>) -> RecomputeInputs {
        RecomputeInputs {
            old_generation: live,
            global: live,
            max_old_generation: 1 << 30,
            max_global: 2 << 30,
            min_old_generation: 0,
            new_space_capacity: MIB,
            speeds: GrowingSpeeds { gc, mutator },
            mode: GrowingMode::Default,
        }
    }

    #[test]
    fn room_is_where_both_costs_together_are_least() {
        let rule = MemBalancer { time_per_mib: 0.002 };
        let (live, mutator, gc) = (50 * MIB, 60_000.0, 700_000.0);
        let cost = |room: f64| rule.time_per_mib * room / MIB as f64 + live as f64 * mutator / (gc * room);
        let best = rule.room(live, mutator, gc);
        for share in [0.5, 0.9, 1.1, 2.0] {
            assert!(cost(best) < cost(best * share));
        }
    }

    #[test]
    fn a_limit_stays_between_the_heap_and_its_maximum_whatever_the_speeds() {
        let values = [None, Some(0.0), Some(1e-300), Some(1.0), Some(1e300), Some(f64::INFINITY), Some(f64::NAN)];
        for time_per_mib in [0.0, 1e-9, 1.0, f64::INFINITY] {
            for mutator in values {
                for gc in values {
                    let update =
                        MemBalancer { time_per_mib }.recompute_limits(&inputs(40 * MIB, mutator, gc), &NODE_24);
                    assert!((41 * MIB..=1 << 30).contains(&update.new_limit), "{mutator:?} {gc:?}: {update:?}");
                }
            }
        }
    }
}
