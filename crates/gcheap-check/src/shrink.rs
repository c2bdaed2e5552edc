//! Makes a failing program small by leaving operations out while it still fails.

use crate::failure::Failure;
use crate::harness::Harness;
use crate::operation::Operation;
use std::time::{Duration, Instant};

/// The smallest failing program found within `time`, and how it fails.
///
/// Any failure counts, not only the first: a smaller program may show the same fault in another way.
pub fn shrink(
    harness: &Harness,
    program: Vec<Operation>,
    failure: Failure,
    time: Duration,
) -> (Vec<Operation>, Failure) {
    let start = Instant::now();
    let (mut best, mut failure) = (program, failure);
    best.truncate(failure.at + 1);
    let mut chunk = best.len().div_ceil(2);
    loop {
        let mut at = 0;
        let mut smaller = false;
        while at < best.len() {
            if start.elapsed() > time {
                return (best, failure);
            }
            let mut candidate = best.clone();
            candidate.drain(at..(at + chunk).min(best.len()));
            match harness.check(&candidate) {
                Err(now) => {
                    candidate.truncate(now.at + 1);
                    (best, failure) = (candidate, now);
                    smaller = true;
                }
                Ok(_) => at += chunk,
            }
        }
        if chunk > 1 {
            chunk /= 2;
        } else if !smaller {
            return (best, failure);
        }
    }
}
