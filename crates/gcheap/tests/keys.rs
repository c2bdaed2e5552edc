//! Keys of Maps and Sets: JavaScript's `SameValueZero`.

use gcheap::{Error, Heap, HeapOptions};

#[test]
fn a_number_is_the_same_key_however_it_is_kept() -> Result<(), Error> {
    let mut heap = Heap::new(HeapOptions::for_tests())?;
    let mut scope = heap.scope();
    for (first, second, same) in [
        (-0.0, 0.0, true),
        (7.0, 7.0, true),
        (0.5, 0.5, true),
        (f64::NAN, -f64::NAN, true),
        (f64::NAN, f64::from_bits(f64::NAN.to_bits() | 1), true),
        (2_147_483_648.0, 2_147_483_648.0, true),
        (0.5, -0.5, false),
        (f64::INFINITY, f64::NEG_INFINITY, false),
        (f64::NAN, 0.0, false),
    ] {
        let set = scope.set()?;
        let (one, other) = (scope.heap_number(first)?, scope.heap_number(second)?);
        scope.set_add(set, one.into())?;
        assert_eq!(scope.set_has(set, other.into())?, same, "{first} and {second}");
    }
    Ok(())
}

#[test]
fn a_boxed_number_is_the_small_integer_that_it_is() -> Result<(), Error> {
    let mut heap = Heap::new(HeapOptions::for_tests())?;
    let mut scope = heap.scope();
    let map = scope.map()?;
    for (number, small) in [(-0.0, 0), (1.0, 1), (-5.0, -5), (f64::from(i32::MIN), i32::MIN)] {
        let boxed = scope.heap_number(number)?;
        scope.map_set(map, boxed.into(), small.into())?;
        assert_eq!(scope.map_get(map, small.into())?.and_then(gcheap::Value::as_smi), Some(small), "{number}");
    }
    assert_eq!(scope.map_size(map)?, 4);
    Ok(())
}
