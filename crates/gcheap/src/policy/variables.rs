//! When markers come to the variables of a program that waits in its event loop.
//!
//! An asynchronous function that waits has its variables in the heap (`JSGeneratorObject`), and takes them back when it goes on. What it
//! holds is marked beside the program only if markers come by while it waits; else all of that is left to the pause. How long they
//! take is the operating system's: helper threads have to be woken and to get a processor, and work through Node's own objects.

use crate::profile::MIB;

/// Share of the cycles in which markers are there at once.
const AT_ONCE: f64 = 0.4;
/// In the others it takes up to so long, ms for each MiB of old objects.
///
/// A measurement of Node 20 to 26 on 2 processors, asynchronous programs with 10 to 80 MB that wait for 1 to 25 ms at a time: with 40 MB, half
/// of the cycles find the variables where the program waits for 2 ms, three quarters for 6 ms and nine tenths for 12 ms. Small heaps are
/// found nearly always.
const LONGEST_MS_PER_MIB: f64 = 0.28;
/// Its multiples modulo 1 are spread evenly, whatever their number (the golden ratio).
const SPREAD: f64 = 0.618_033_988_749_895;

/// How long after its start the markers of a cycle come to the variables, ms, with `old` bytes of old objects. What chance decides in a
/// real process goes by the number of the cycle here, so that the same input gives the same run.
///
/// ```
/// use gcheap::policy::variables_marked_ms;
/// let late = (0..100).filter(|&cycle| variables_marked_ms(cycle, 40 << 20) > 2.0).count();
/// assert!((45..55).contains(&late), "{late}");
/// ```
pub fn variables_marked_ms(cycle: u64, old: u64) -> f64 {
    let chance = ((cycle % (1 << 20)) as f64 * SPREAD).fract();
    let longest_ms = old as f64 / MIB as f64 * LONGEST_MS_PER_MIB;
    (chance - AT_ONCE).max(0.0) / (1.0 - AT_ONCE) * longest_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_waits_longer_is_seen_more_often() {
        let seen = |wait_ms: f64| (0..1000).filter(|&cycle| variables_marked_ms(cycle, 40 * MIB) <= wait_ms).count();
        assert!((450..550).contains(&seen(2.0)));
        assert!((680..780).contains(&seen(6.0)));
        assert_eq!(seen(12.0), 1000);
    }

    #[test]
    fn variables_of_a_small_heap_are_seen_at_once() {
        assert!((0..1000).all(|cycle| variables_marked_ms(cycle, 4 * MIB) <= 1.2));
    }
}
