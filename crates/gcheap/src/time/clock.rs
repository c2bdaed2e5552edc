//! Clocks. Nanoseconds in a `u64` last for 584 years, and adding them is exact, so two runs that do the same work read
//! the same time to the last digit.

use std::fmt;
use std::time::Instant;

/// What a heap asks for the time.
///
/// ```
/// use gcheap::time::{Clock, VirtualClock};
/// let mut clock = VirtualClock::default();
/// clock.advance(1_500_000);
/// assert_eq!((clock.now(), clock.now_ms()), (1_500_000, 1.5));
/// ```
pub trait Clock: fmt::Debug {
    /// Nanoseconds since the clock was made. Never less than an earlier answer.
    fn now(&self) -> u64;

    /// Tells the clock that work of `ns` nanoseconds was done. A clock that measures for itself ignores it.
    fn advance(&mut self, ns: u64);

    /// [`now`](Clock::now) in milliseconds.
    fn now_ms(&self) -> f64 {
        ns_to_ms(self.now())
    }
}

/// A clock that moves only when it is told to.
///
/// ```
/// use gcheap::time::{Clock, VirtualClock};
/// let mut clock = VirtualClock::starting_at(5);
/// clock.advance(2);
/// assert_eq!(clock.now(), 7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtualClock {
    ns: u64,
}

impl VirtualClock {
    /// A clock that already shows `ns` nanoseconds.
    pub const fn starting_at(ns: u64) -> Self {
        VirtualClock { ns }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> u64 {
        self.ns
    }

    fn advance(&mut self, ns: u64) {
        // A clock at its end stands still; wrapping would send it backwards.
        self.ns = self.ns.saturating_add(ns);
    }
}

/// The monotonic clock of the machine.
///
/// ```
/// use gcheap::time::{Clock, RealClock};
/// let mut clock = RealClock::default();
/// let before = clock.now();
/// clock.advance(u64::MAX); // ignored
/// assert!(clock.now() >= before && clock.now() < u64::MAX / 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: Instant,
}

impl Default for RealClock {
    fn default() -> Self {
        RealClock { start: Instant::now() }
    }
}

impl Clock for RealClock {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn advance(&mut self, _ns: u64) {}
}

/// Nanoseconds to milliseconds.
///
/// ```
/// assert_eq!(gcheap::time::ns_to_ms(250_000), 0.25);
/// ```
pub fn ns_to_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Milliseconds to whole nanoseconds; negative and not-a-number count as 0.
///
/// ```
/// assert_eq!(gcheap::time::ms_to_ns(0.25), 250_000);
/// assert_eq!(gcheap::time::ms_to_ns(-1.0), 0);
/// ```
pub fn ms_to_ns(ms: f64) -> u64 {
    // `as` saturates: below zero and NaN give 0, too large gives u64::MAX.
    (ms * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_never_goes_backwards_not_even_at_its_end() {
        let mut clock = VirtualClock::starting_at(u64::MAX - 1);
        clock.advance(10);
        assert_eq!(clock.now(), u64::MAX);
    }

    #[test]
    fn a_real_clock_moves_by_itself_and_cannot_be_pushed() {
        let mut clock = RealClock::default();
        clock.advance(1 << 60);
        let first = clock.now();
        assert!(first < 1 << 59);
        while clock.now() == first {}
        assert!(clock.now() > first);
    }

    #[test]
    fn milliseconds_that_make_no_sense_are_no_time() {
        assert_eq!(ms_to_ns(f64::NAN), 0);
        assert_eq!(ms_to_ns(f64::INFINITY), u64::MAX);
    }
}
