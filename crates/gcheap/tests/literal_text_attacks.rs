//! What a hostile but safe program can try on texts that are made in stretches of literals: they are what those through handles are.

use gcheap::policy::Flags;
use gcheap::profile::{NODE_10, NODE_24, NODE_26};
use gcheap::types::JsString;
use gcheap::{ErrorKind, GcKind, Heap, HeapOptions, Local, Placement, Scope};

fn heaps() -> impl Iterator<Item = Heap> {
    [(&NODE_10, None), (&NODE_24, None), (&NODE_24, Some(256 << 10)), (&NODE_26, None)]
        .into_iter()
        .map(|(profile, nursery)| Heap::new(HeapOptions { profile, nursery, ..HeapOptions::for_tests() }).unwrap())
}

/// Fills a nursery with empty strings, each made of the one before.
fn fill_with_empty_strings(nursery: u64, by_address: bool) {
    let mut heap =
        Heap::new(HeapOptions { nursery: Some(nursery), verify: false, ..HeapOptions::for_tests() }).unwrap();
    let mut scope = heap.scope();
    let mut last = scope.string("").unwrap();
    let mut made = 0u64;
    while scope.scavenges() + scope.mark_compacts() == 0 {
        if by_address {
            let filled = scope.literals(|literals| {
                let mut last = literals.tagged(last)?;
                while let Ok(next) = literals.concat(last, last) {
                    (last, made) = (next, made + 1);
                }
                // What is read of it is refused later, for want of room.
                assert!(literals.concat_number(last, 7).is_err());
                Ok(literals.local(last))
            });
            last = filled.unwrap();
        }
        last = scope.concat(last, last).unwrap();
        made += 1;
    }
    assert_eq!(scope.string_length(last).unwrap(), 0);
    assert!(made * 16 > nursery / 2, "{made}");
    scope.verify().unwrap();
}

#[test]
fn an_empty_string_at_the_very_end_of_what_is_mapped_is_put_together() {
    // One of these ends where memory does that is made usable together. A thread that has had a heap would begin with more.
    for pages in 1..20 {
        for by_address in [false, true] {
            std::thread::spawn(move || fill_with_empty_strings(pages << 18, by_address)).join().unwrap();
        }
    }
}

#[test]
fn strings_of_any_sort_are_put_together_as_through_handles_or_refused() {
    for mut heap in heaps() {
        let mut scope = heap.scope();
        let latin: String = ('\u{e0}'..'\u{ec}').collect();
        let mut strings: Vec<Local<'_, JsString>> = Vec::new();
        for text in ["", "a", "seven77", "eight888", "nine99999", "twelve121212", "thirteen13131", "中", "中文", &latin]
        {
            strings.push(scope.string(text).unwrap());
        }
        for length in [0, 1, 4, 8, 12, 13, 16, 17, 300] {
            strings.push(scope.string_of_length(length, length % 2 == 0).unwrap());
        }
        let long = scope.string("a text of which others are parts").unwrap();
        let cons = scope.concat(long, strings[7]).unwrap();
        let flat = scope.concat(long, strings[1]).unwrap();
        scope.flatten(flat).unwrap();
        let slice = scope.substring(long, 3, 20).unwrap();
        strings.extend([long, cons, flat, slice]);
        let mut refused = 0;
        for &one in &strings {
            for &two in &strings {
                let mut turn = scope.scope();
                let made = turn.literals(|literals| {
                    let (one, two) = (literals.tagged(one)?, literals.tagged(two)?);
                    let made = literals.concat(one, two);
                    let numbered = literals.concat_number(one, -7);
                    Ok((made.map(|made| literals.local(made)), numbered.map(|made| literals.local(made))))
                });
                let (made, numbered) = made.unwrap();
                let expected = turn.concat(one, two).unwrap();
                let expected = turn.string_value(expected).unwrap();
                match made {
                    Ok(made) => assert_eq!(turn.string_value(made).unwrap(), expected),
                    Err(error) => {
                        assert!(matches!(
                            error.kind(),
                            ErrorKind::WrongKind { .. } | ErrorKind::IndexOutOfRange { .. }
                        ));
                        refused += 1;
                    }
                }
                if let Ok(numbered) = numbered {
                    let expected = turn.string_value(one).unwrap() + "-7";
                    assert_eq!(turn.string_value(numbered).unwrap(), expected);
                }
            }
        }
        assert!(refused < strings.len() * strings.len() / 2, "{refused}");
        scope.collect(GcKind::Major).unwrap();
        scope.verify().unwrap();
    }
}

#[test]
fn the_longest_strings_are_refused_and_not_wrapped_around() {
    let flags = Flags { max_old_space_size_mb: Some(2048), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, verify: false, ..HeapOptions::for_tests() }).unwrap();
    let mut scope = heap.scope();
    let mut text = scope.string("sixteen letters.").unwrap();
    loop {
        let mut room = 0;
        let doubled = scope.literals(|literals| {
            room = literals.room().young;
            let text = literals.tagged(text)?;
            let doubled = literals.concat(text, text)?;
            Ok(literals.local(doubled))
        });
        match doubled {
            Ok(doubled) => text = doubled,
            Err(_) if room < 100 => text = scope.concat(text, text).unwrap(),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::RangeError(_)), "{error}");
                break;
            }
        }
    }
    assert_eq!(scope.string_length(text).unwrap(), 1 << 28);
    scope.verify().unwrap();
}

#[test]
fn while_the_number_string_cache_is_small_texts_of_numbers_are_refused_and_then_served() {
    for profile in [&NODE_10, &NODE_24, &NODE_26] {
        let mut heap = Heap::new(HeapOptions { profile, baseline: true, ..HeapOptions::for_tests() }).unwrap();
        let mut scope = heap.scope();
        let text = |scope: &mut Scope<'_>, number: i32| {
            let mut turn = scope.scope();
            let text = turn.literals(|literals| {
                let promised = literals.room_of_text().is_some_and(|room| room.times_in(literals.room()) > 0);
                let text = literals.number_to_string(number);
                assert!(text.is_ok() || !promised);
                text.map(|text| literals.local(text))
            });
            text.map(|text| turn.string_value(text).unwrap())
        };
        let starts_small = profile.objects.number_string_cache_starts_small;
        assert_eq!(text(&mut scope, i32::MAX).is_err(), starts_small);
        for number in [i32::MAX, 0, -1, i32::MIN, 255, 256, 1 << 20] {
            let expected = scope.number_to_string(number).unwrap();
            let expected = scope.string_value(expected).unwrap();
            assert_eq!(expected, number.to_string());
            // The same entry has the text of a double in between.
            let double = scope.double_to_string(f64::from(number) + 0.25).unwrap();
            assert!(scope.string_length(double).unwrap() > 2);
            for _ in 0..2 {
                if let Ok(found) = text(&mut scope, number) {
                    assert_eq!(found, expected);
                }
            }
            scope.collect(if number < 0 { GcKind::Major } else { GcKind::Minor }).unwrap();
        }
        // Room at hand in old space, where some versions have them.
        scope.object_literal(Placement::Old, &[]).unwrap();
        assert_eq!(text(&mut scope, -12_345).unwrap(), "-12345");
        scope.verify().unwrap();
    }
}
