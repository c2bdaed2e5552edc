//! The generator that both engines share: 32-bit integer arithmetic only, so that JavaScript gives the same numbers to the
//! last bit. Pure.
//!
//! What holds: no number that JavaScript sees on the way is above 2^31 - 1 or below -2^31, so none of them is a boxed double
//! that would be garbage in the heap under study.

/// A generator of whole numbers: a xorshift step of 32 bits, scrambled by a multiplication.
///
/// ```
/// use membench::workload::random::Random;
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert!((0..100).all(|_| one.draw(1, 6) == other.draw(1, 6)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random {
    state: i32,
}

/// The odd number next to 2^32 divided by the golden ratio.
pub const SCRAMBLE: i32 = 0x9e37_79b1_u32 as i32;

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Random {
        // The steps never leave 0, and seeds that differ in one bit shall not begin alike.
        let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let folded = (mixed >> 32) as u32 as i32;
        Random { state: if folded == 0 { 1 } else { folded } }
    }

    /// What the generator starts from: the constant of the JavaScript program.
    pub fn state(self) -> i32 {
        self.state
    }

    /// A whole number from `from` to `to`, both included; `from` where `to` is not above it.
    #[inline]
    pub fn draw(&mut self, from: u32, to: u32) -> u32 {
        let mut state = self.state;
        state ^= state.wrapping_shl(13);
        state ^= (state as u32 >> 17) as i32;
        state ^= state.wrapping_shl(5);
        self.state = state;
        let number = state.wrapping_mul(SCRAMBLE) as u32 >> 1;
        from + number % (to.saturating_sub(from) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_range_comes_about_as_often() {
        let mut random = Random::new(1);
        let mut seen = [0; 6];
        (0..60_000).for_each(|_| seen[random.draw(0, 5) as usize] += 1);
        assert!(seen.iter().all(|&count| (9_500..10_500).contains(&count)), "{seen:?}");
    }

    #[test]
    fn seeds_differ_from_the_first_number_on() {
        let firsts: Vec<u32> = (0..8).map(|seed| Random::new(seed).draw(0, 1 << 30)).collect();
        for (index, first) in firsts.iter().enumerate() {
            assert!(!firsts[..index].contains(first), "{firsts:?}");
        }
    }
}
