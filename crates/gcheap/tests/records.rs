//! Typed records: what is written is read, whatever moves; what does not belong there is an error.

use gcheap::record::{Any, RecordLayout, Smi};
use gcheap::types::{JsArray, JsString, Record};
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions, Kind, Value};

gcheap::record! {
    /// Every kind of field.
    struct Everything {
        text: JsString,
        other: Other,
        any: Any,
        small: Smi,
    } raw {
        a: u8,
        b: f64,
        c: u16,
        d: i32,
        e: u64,
        f: f32,
        g: i64,
        h: i8,
    }
}

gcheap::record! { struct Other { value: Any } }
gcheap::record! { struct Raw {} raw { byte: u8 } }

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

#[test]
fn what_is_written_is_read_after_every_collection() {
    let mut heap = heap();
    heap.collect_at_every(1, GcKind::Minor);
    let mut scope = heap.scope();
    let text = scope.string("text").unwrap();
    let other = Other::new(&mut scope, 5.into()).unwrap();
    let record = Everything::new(&mut scope, Some(text), Some(other), text.into(), -7).unwrap();
    scope.write(record, Everything::a, 0xfe).unwrap();
    scope.write(record, Everything::b, -0.5).unwrap();
    scope.write(record, Everything::c, 0xabcd).unwrap();
    scope.write(record, Everything::d, i32::MIN).unwrap();
    scope.write(record, Everything::e, u64::MAX).unwrap();
    scope.write(record, Everything::f, 1.5).unwrap();
    scope.write(record, Everything::g, i64::MIN).unwrap();
    scope.write(record, Everything::h, -1).unwrap();
    for kind in [GcKind::Minor, GcKind::Minor, GcKind::Major] {
        scope.collect(kind).unwrap();
        let read = scope.read(record, Everything::text).unwrap().unwrap();
        assert_eq!(scope.string_value(read).unwrap(), "text");
        let read = scope.read(record, Everything::other).unwrap().unwrap();
        assert_eq!(scope.read(read, Other::value).unwrap().as_smi(), Some(5));
        assert!(scope.read(record, Everything::any).unwrap().as_object().is_some());
        assert_eq!(scope.read(record, Everything::small).unwrap(), -7);
        assert_eq!(scope.read(record, Everything::a).unwrap(), 0xfe);
        assert_eq!(scope.read(record, Everything::b).unwrap(), -0.5);
        assert_eq!(scope.read(record, Everything::c).unwrap(), 0xabcd);
        assert_eq!(scope.read(record, Everything::d).unwrap(), i32::MIN);
        assert_eq!(scope.read(record, Everything::e).unwrap(), u64::MAX);
        assert_eq!(scope.read(record, Everything::f).unwrap(), 1.5);
        assert_eq!(scope.read(record, Everything::g).unwrap(), i64::MIN);
        assert_eq!(scope.read(record, Everything::h).unwrap(), -1);
    }
    scope.write(record, Everything::text, None).unwrap();
    assert!(scope.read(record, Everything::text).unwrap().is_none());
}

#[test]
fn a_record_has_the_size_of_its_fields() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let (raw, other) = (Raw::new(&mut scope).unwrap(), Other::new(&mut scope, Value::Undefined).unwrap());
    assert_eq!((scope.size(raw).unwrap(), scope.size(other).unwrap()), (16, 16));
    assert_eq!((Everything::FIELDS.len(), Everything::RAW_BYTES), (4, 56));
    assert_eq!(scope.read(raw, Raw::byte).unwrap(), 0);
}

#[test]
fn a_type_is_registered_once_a_heap() {
    let (mut one, mut two) = (heap(), heap());
    assert_eq!(one.record_type_for::<Other>().unwrap(), one.record_type_for::<Other>().unwrap());
    assert_ne!(one.record_type_for::<Other>().unwrap(), one.record_type_for::<Raw>().unwrap());
    assert_ne!(one.record_type_for::<Other>().unwrap(), two.record_type_for::<Other>().unwrap());
}

#[test]
fn a_record_of_another_type_is_an_error() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let other = Other::new(&mut scope, 1.into()).unwrap();
    let untyped = scope.downcast::<Record>(other).unwrap();
    assert!(scope.downcast::<Other>(untyped).is_ok());
    let refused = scope.downcast::<Raw>(untyped).unwrap_err();
    assert_eq!(refused, ErrorKind::WrongKind { expected: "Raw", found: Kind::Record });
    assert!(scope.downcast::<JsArray>(untyped).is_err());
}

#[test]
fn a_value_written_without_types_is_found_by_reading_with_them() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let record = Everything::new(&mut scope, None, None, Value::Undefined, 1).unwrap();
    let untyped = scope.downcast::<Record>(record).unwrap();
    let array = scope.array(&[]).unwrap();
    scope.set_field(untyped, 0, array.into()).unwrap();
    scope.set_field(untyped, 1, 3.into()).unwrap();
    scope.set_field(untyped, 3, Value::Undefined).unwrap();
    let wrong = |expected, found| ErrorKind::WrongKind { expected, found };
    assert_eq!(scope.read(record, Everything::text).unwrap_err(), wrong("string", Kind::JsArray));
    assert!(matches!(
        scope.read(record, Everything::other).as_ref().map_err(Error::kind),
        Err(ErrorKind::WrongValue { expected: "Other", .. })
    ));
    assert!(matches!(
        scope.read(record, Everything::small).as_ref().map_err(Error::kind),
        Err(ErrorKind::WrongValue { found: "undefined", .. })
    ));
}

#[test]
fn records_and_values_of_another_heap_are_errors() {
    let (mut one, mut two) = (heap(), heap());
    let mut here = one.scope();
    let mut there = two.scope();
    let record = Other::new(&mut here, Value::Undefined).unwrap();
    let stranger = there.string("stranger").unwrap();
    assert_eq!(there.read(record, Other::value).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(there.write(record, Other::value, Value::Undefined).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(here.write(record, Other::value, stranger.into()).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(Other::new(&mut here, stranger.into()).unwrap_err(), ErrorKind::WrongHeap);
}

#[test]
fn too_large_a_record_is_an_error() {
    gcheap::record! { struct Small {} raw { a: u8 } }
    let mut heap = heap();
    assert!(heap.record_type(u64::MAX, u64::MAX).is_err());
    assert!(heap.record_type(1 << 14, 0).is_err());
    let mut scope = heap.scope();
    assert!(matches!(
        scope.record_of::<Small>(&[1.into()]).as_ref().map_err(Error::kind),
        Err(ErrorKind::IndexOutOfRange { .. })
    ));
}
