//! Sizes, indexes and times that nothing can have: an error, or the nearest that can be; never a panic, never a broken heap.

use gcheap::policy::Flags;
use gcheap::profile::{NODE_10, NODE_24, NODE_26};
use gcheap::record::{Any, Field, RawField};
use gcheap::{GcKind, GcPhase, Heap, HeapOptions, Placement, Scope, Value};

gcheap::record! {
    struct Both {
        value: Any,
    } raw {
        number: u32,
    }
}

const EXTREMES: [u64; 22] = [
    0,
    1,
    7,
    8,
    (16 << 10) + 1,
    (128 << 10) - 1,
    (256 << 10) + 1,
    (1 << 20) - 1,
    (1 << 27) - 3,
    (1 << 27) - 2,
    (1 << 28) + 1,
    (1 << 29) - 24,
    (1 << 29) - 23,
    (1 << 31) - 1,
    1 << 32,
    (1 << 35) + 1,
    1 << 53,
    (1 << 61) - 1,
    i64::MAX as u64,
    (1 << 63) + 8,
    u64::MAX - 8,
    u64::MAX,
];

fn heaps() -> impl Iterator<Item = Heap> {
    [(&NODE_10, None), (&NODE_24, None), (&NODE_24, Some(1)), (&NODE_26, Some(1 << 20))].into_iter().map(
        |(profile, nursery)| {
            let flags = Flags { max_old_space_size_mb: Some(16), max_semi_space_size_mb: Some(1), ..Flags::default() };
            Heap::new(HeapOptions { profile, flags, nursery, verify: false, ..HeapOptions::for_tests() }).unwrap()
        },
    )
}

/// Does it with every extreme, in a scope of its own each; the heap verifies and serves behind each.
fn with_every(what: &str, body: impl Fn(&mut Scope<'_>, u64)) {
    for mut heap in heaps() {
        for extreme in EXTREMES {
            let mut scope = heap.scope();
            {
                let mut turn = scope.scope();
                body(&mut turn, extreme);
            }
            scope.verify().unwrap_or_else(|error| panic!("{what} {extreme}: {error}"));
            let list = scope.array(&[1.into()]).unwrap_or_else(|error| panic!("behind {what} {extreme}: {error}"));
            assert_eq!(scope.array_length(list).unwrap(), 1);
        }
        heap.collect_garbage().unwrap();
        heap.verify().unwrap();
    }
}

#[test]
fn lengths_of_arrays_and_tables() {
    with_every("length", |scope, length| {
        // A GiB is not filled for this.
        if length == (1 << 27) - 3 {
            return;
        }
        for placement in [Placement::Young, Placement::Old] {
            if let Ok(table) = scope.table::<Both>(placement, length) {
                assert_eq!(scope.table_length(table).unwrap(), length);
                assert!(scope.table_get(table, length).is_err() && scope.table_set(table, length, None).is_err());
            }
            if let Ok(array) = scope.array_with_length(placement, length) {
                assert_eq!(scope.array_length(array).unwrap(), length);
                assert!(scope.array_get(array, length).is_err());
            }
        }
    });
}

#[test]
fn lengths_of_strings() {
    with_every("characters", |scope, length| {
        let short = scope.string("short").unwrap();
        for two_byte in [false, true] {
            if let Ok(text) = scope.string_of_length(length, two_byte) {
                assert_eq!(scope.string_length(text).unwrap(), length);
                let _ = scope.concat(text, text).and_then(|twice| scope.flatten(twice));
            }
        }
        assert_eq!(scope.substring(short, length, length).is_ok(), length <= 5, "{length}");
        assert_eq!(scope.substring(short, 0, length).is_ok(), length <= 5, "{length}");
        let _ = scope.substring(short, length, 1);
    });
}

#[test]
fn bytes_of_buffers() {
    with_every("bytes", |scope, bytes| {
        // What the machine might have is not asked for.
        if (1 << 24..1 << 41).contains(&bytes) {
            return;
        }
        if let Ok(buffer) = scope.array_buffer(bytes) {
            assert_eq!(scope.array_buffer_bytes(buffer).unwrap().len() as u64, bytes);
        }
        let _ = scope.typed_array(bytes);
        let _ = scope.buffer_alloc(bytes, Some(7));
        let buffer = scope.array_buffer(100).unwrap();
        assert_eq!(scope.view(buffer, bytes, 0).is_ok(), bytes <= 100);
        assert_eq!(scope.view(buffer, 0, bytes).is_ok(), bytes <= 100);
        assert_eq!(scope.view(buffer, bytes, bytes).is_ok(), bytes <= 50);
    });
}

#[test]
fn indexes_of_what_is_there() {
    with_every("index", |scope, index| {
        let (array, object) = (scope.array(&[1.into(); 3]).unwrap(), scope.object(&[2.into()]).unwrap());
        assert_eq!(scope.array_get(array, index).is_ok(), index < 3);
        assert!(scope.array_double(array, index).is_err());
        let _ = scope.array_set(array, index, 4.into());
        let _ = scope.array_truncate(array, index);
        assert_eq!(scope.property(object, index).is_ok(), index < 1);
        if !(1 << 16..=1 << 40).contains(&index) {
            let _ = scope.set_property(object, index, 5.into());
        }
        let function = scope.closure(&[6.into()], true).unwrap();
        assert_eq!(scope.captured(function, index).is_ok(), index < 1);
        let both = Both::new(scope, 7.into()).unwrap();
        let (tagged, raw) = (Field::<Both, Any>::at(index as usize), RawField::<Both, u32>::at(index as usize));
        assert_eq!(scope.read(both, tagged).is_ok(), index < 1);
        assert_eq!(scope.write(both, tagged, Value::Smi(8)).is_ok(), index < 1);
        assert_eq!(scope.read(both, raw).is_ok(), index < 1, "{index}");
        assert_eq!(scope.write(both, raw, 9).is_ok(), index < 1);
        assert!(scope.read(both, RawField::<Both, u64>::at(index as usize)).is_err());
    });
}

#[test]
fn layouts_of_records() {
    for mut heap in heaps() {
        for tagged in EXTREMES {
            for raw in EXTREMES {
                let Ok(record_type) = heap.record_type(tagged, raw) else { continue };
                let mut scope = heap.scope();
                let record = scope.record(record_type, &[]).unwrap();
                assert_eq!(scope.raw(record).unwrap().len() as u64, raw);
                assert!(scope.field(record, tagged).is_err());
                let _ = scope.no_gc(gcheap::NoGc::MOST_BYTES, |no_gc| no_gc.empty_record(record_type).map(|_| ()));
                scope.verify().unwrap();
            }
        }
    }
}

#[test]
fn what_controls_a_heap() {
    with_every("control", |scope, number| {
        scope.fill_new_space(number);
        scope.fill_old_space(number);
        scope.mark_bytes(number);
        scope.start_marking();
        scope.mark_bytes(number);
        scope.refuse_pages_after(Some(number));
        scope.refuse_pages_during(GcPhase::Scavenge, Some(number));
        scope.refuse_pages_during(GcPhase::Evacuation, Some(number));
        scope.refuse_backing_stores_after(Some(number));
        for kind in [GcKind::Minor, GcKind::Major] {
            let _ = scope.collect(kind);
        }
        scope.refuse_pages_after(None);
        scope.refuse_pages_during(GcPhase::Scavenge, None);
        scope.refuse_pages_during(GcPhase::Evacuation, None);
        scope.refuse_backing_stores_after(None);
        scope.collect_at_random(number, number, GcKind::Minor);
        let _ = scope.array(&[1.into()]);
        scope.collect_at_every(number, GcKind::Minor);
        let _ = scope.array(&[1.into()]);
        scope.collect_at_every(0, GcKind::Minor);
    });
}

#[test]
fn times_and_shares() {
    for time in [-1.0, -f64::INFINITY, f64::NAN, f64::MIN_POSITIVE, 1e-300, 1e9, 1e30, f64::MAX, f64::INFINITY] {
        for mut heap in heaps() {
            heap.automatically_restore_initial_heap_limit(time);
            let before = heap.time_ms();
            heap.advance(time);
            assert!(heap.time_ms() >= before, "{time}");
            heap.scope().array(&[1.into()]).unwrap();
            heap.start_marking();
            let _ = heap.turn_event_loop(time.min(1e6));
            heap.collect(GcKind::Minor).unwrap();
            heap.collect(GcKind::Major).unwrap();
            heap.verify().unwrap();
        }
    }
}

#[test]
fn answers_of_a_callback_near_the_limit() {
    for answer in EXTREMES.into_iter().step_by(3) {
        for mut heap in heaps() {
            let mut asked = 0;
            heap.add_near_heap_limit_callback(move |current, _| {
                asked += 1;
                if asked == 1 { answer } else { current }
            });
            let mut scope = heap.scope();
            let list = scope.array(&[]).unwrap();
            let mut pieces = 0;
            // With a limit of 128 TiB it would never end.
            while pieces < 80 {
                let mut turn = scope.scope();
                let Ok(piece) = turn.array_with_length(Placement::Young, 40_000) else { break };
                if turn.array_push(list, piece.into()).is_err() {
                    break;
                }
                pieces += 1;
            }
            scope.verify().unwrap();
            assert!(pieces > 30, "{answer}: {pieces}");
        }
    }
}

#[test]
fn sizes_of_nurseries() {
    for nursery in EXTREMES {
        for mb in [1, 16] {
            let flags = Flags { max_old_space_size_mb: Some(mb), ..Flags::default() };
            let options = HeapOptions { nursery: Some(nursery), flags, verify: false, ..HeapOptions::for_tests() };
            let mut heap = Heap::new(options).unwrap_or_else(|error| panic!("{nursery}: {error}"));
            let mut scope = heap.scope();
            let list = scope.array(&[]).unwrap();
            for number in 0..20_000 {
                let mut turn = scope.scope();
                let Ok(fresh) = turn.object(&[number.into()]) else { break };
                if number % 100 == 0 && turn.array_push(list, fresh.into()).is_err() {
                    break;
                }
            }
            scope.verify().unwrap();
        }
    }
}
