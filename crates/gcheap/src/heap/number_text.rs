//! The text of an integer, all digits of a word at once. Pure.

/// The decimal digits of an integer, the first character in the lowest byte, and how many there are.
#[inline]
pub(super) fn integer_text(number: i32) -> (u128, u64) {
    if !(0..EIGHT_DIGITS as i32).contains(&number) {
        return long_text(number);
    }
    let digits = eight_digits(number as u32);
    // Zeros before the first digit that counts; the last one always does.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    (u128::from((digits | ZEROS) >> (8 * zeros)), u64::from(8 - zeros))
}

/// The first number of more than eight digits.
const EIGHT_DIGITS: u32 = 100_000_000;

/// As [`integer_text`], of any integer: kept apart, so that nothing of it is reckoned where it is not needed.
#[cold]
#[inline(never)]
fn long_text(number: i32) -> (u128, u64) {
    if number < 0 {
        let size = number.unsigned_abs();
        let (text, length) = i32::try_from(size).map_or_else(|_| above_eight(size), integer_text);
        return (text << 8 | u128::from(b'-'), length + 1);
    }
    above_eight(number as u32)
}

fn above_eight(number: u32) -> (u128, u64) {
    let low = u128::from(eight_digits(number % EIGHT_DIGITS) | ZEROS);
    let high = number / EIGHT_DIGITS;
    let (tens, ones) = (u128::from(high / 10), u128::from(b'0') + u128::from(high % 10));
    if tens == 0 { (low << 8 | ones, 9) } else { (low << 16 | ones << 8 | (u128::from(b'0') + tens), 10) }
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The values of the eight digits of a number below 10^8, the first in the lowest byte: halves, then pairs, then digits, all
/// parts of a word at once.
#[inline(always)]
fn eight_digits(number: u32) -> u64 {
    let halves = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    // A hundredth of what is below 10,000, a tenth of what is below 100.
    let hundreds = ((halves * 5243) >> 19) & 0x7f_0000_007f;
    let pairs = hundreds | (halves - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::strings::used;

    #[test]
    fn an_integer_is_written_as_the_language_writes_it() {
        let around = (0..31).flat_map(|bit| [(1i64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let tens = (0..10).flat_map(|power| [10i64.pow(power) - 1, 10i64.pow(power), 10i64.pow(power) + 1]);
        let steps = (0..20_000i64).chain((0..4_000).map(|step| step * 536_871));
        for number in around.chain(tens).chain(steps).chain([i64::from(i32::MIN)]).flat_map(|number| [number, -number])
        {
            let Ok(number) = i32::try_from(number) else { continue };
            let (text, length) = integer_text(number);
            assert_eq!(&text.to_le_bytes()[..length as usize], number.to_string().as_bytes());
            assert_eq!(used(text as u64, (text >> 64) as u64, length), text);
        }
    }
}
