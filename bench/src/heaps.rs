//! Set-up and tear-down of a heap: tests make thousands.

use crate::measure::median;
use gcheap::{Heap, HeapOptions};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Heaps of each sort that are made.
pub const HEAPS: usize = 300;

/// Wall time of making and dropping a heap, medians, microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Heaps {
    /// Without baseline.
    pub empty_us: f64,
    /// With one record in it, which makes it take its first page.
    pub first_object_us: f64,
    /// With the objects of a fresh Node 24.
    pub baseline_us: f64,
}

/// Measures and prints one line of JSON.
///
/// # Errors
/// A heap could not be made.
pub fn run() -> Result<(), String> {
    let heaps = measure().map_err(|error| error.to_string())?;
    println!("{}", serde_json::to_string(&heaps).map_err(|error| error.to_string())?);
    Ok(())
}

fn measure() -> Result<Heaps, gcheap::Error> {
    let time = |baseline: bool, object: bool| -> Result<f64, gcheap::Error> {
        let mut times = Vec::new();
        for _ in 0..HEAPS {
            let options = HeapOptions { baseline, ..HeapOptions::default() };
            let start = Instant::now();
            let mut heap = Heap::new(options)?;
            if object {
                heap.scope().heap_number(1.5)?;
            }
            drop(heap);
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(&times))
    };
    Ok(Heaps { empty_us: time(false, false)?, first_object_us: time(false, true)?, baseline_us: time(true, false)? })
}
