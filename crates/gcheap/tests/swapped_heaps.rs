//! What safe code can do with `std::mem::swap` to open scopes: handles of before are refused, never mistaken.

use gcheap::{ErrorKind, Heap, HeapOptions};
use std::mem::swap;
use std::sync::Mutex;

gcheap::record! {
    struct Small {
        only: gcheap::record::Any,
    }
}

gcheap::record! {
    struct Wide {
        first: gcheap::record::Any,
        second: gcheap::record::Any,
        third: gcheap::record::Any,
    }
}

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

/// A heap that nobody ends, as the scope of an escape demands of one that is put in its place. A static knows where it is, so that
/// a search for leaks finds only others.
fn leaked() -> &'static mut Heap {
    static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let heap = Box::leak(Box::new(heap()));
    LEAKED.lock().unwrap().push(std::ptr::from_mut(heap).expose_provenance());
    heap
}

#[test]
fn a_scope_that_was_put_in_place_of_that_of_an_escape_lets_nothing_out() {
    let mut one = heap();
    let mut scope = one.scope();
    scope.string("so that the addresses differ").unwrap();
    let escaped = scope.escape(|inner| {
        let mut foreign = leaked().scope();
        swap(inner, &mut foreign);
        inner.array(&[7.into()])
    });
    assert_eq!(escaped.unwrap_err(), ErrorKind::WrongHeap);
    scope.verify().unwrap();
}

#[test]
fn what_escapes_is_of_the_heap_that_lies_there_now() {
    let (mut one, mut two) = (heap(), heap());
    let mut scope = one.scope();
    let escaped = scope.escape(|inner| {
        swap(&mut **inner, &mut two);
        inner.array(&[7.into()])
    });
    if let Ok(list) = escaped {
        assert_eq!(scope.array_length(list).unwrap(), 1, "it is in the heap that lies there now");
    }
    drop(scope);
    one.verify().unwrap();
    two.verify().unwrap();
}

#[test]
fn a_handle_that_was_pushed_while_its_heap_was_elsewhere_is_refused_once_it_is_popped() {
    let (mut one, mut two) = (heap(), heap());
    let mut first = one.scope();
    let mut second = two.scope();
    swap(&mut *first, &mut *second);
    // This is in the heap of the first scope, and lives as long as the second.
    let wide = Wide::new(&mut second, 1.into(), 2.into(), 3.into()).unwrap();
    swap(&mut *first, &mut *second);
    drop(first);
    let mut again = one.scope();
    let _small = Small::new(&mut again, 4.into()).unwrap();
    assert_eq!(again.read(wide, Wide::third).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(again.write(wide, Wide::third, 9.into()).unwrap_err(), ErrorKind::WrongHeap);
    again.verify().unwrap();
}

#[test]
fn a_handle_of_a_scope_opened_while_its_heap_was_elsewhere_is_refused_once_it_is_popped() {
    let (mut one, mut two) = (heap(), heap());
    let mut first = one.scope();
    let mut second = two.scope();
    swap(&mut *first, &mut *second);
    let mut inner = second.scope();
    let wide = Wide::new(&mut inner, 1.into(), 2.into(), 3.into()).unwrap();
    swap(&mut *first, &mut *inner);
    // A scope of its own, opened and closed at home, does not hide it.
    drop(first.scope());
    drop(first);
    let mut again = one.scope();
    let _small = Small::new(&mut again, 4.into()).unwrap();
    assert_eq!(again.write(wide, Wide::third, 9.into()).unwrap_err(), ErrorKind::WrongHeap);
    again.verify().unwrap();
}

#[test]
fn a_scope_that_is_forgotten_takes_nothing_from_those_outside() {
    let mut one = heap();
    let mut scope = one.scope();
    let kept = scope.array(&[1.into()]).unwrap();
    let mut inner = scope.scope();
    inner.array(&[]).unwrap();
    std::mem::forget(inner);
    let later = scope.array(&[1.into(), 2.into()]).unwrap();
    assert_eq!((scope.array_length(kept).unwrap(), scope.array_length(later).unwrap()), (1, 2));
    drop(scope);
    one.verify().unwrap();
}

#[test]
fn a_variable_of_another_heap_is_refused_and_sets_nothing() {
    let (mut one, mut two) = (heap(), heap());
    let (mut one, mut two) = (one.scope(), two.scope());
    let (text, other) = (one.string("one").unwrap(), two.string("two").unwrap());
    let variable = one.variable(text).unwrap();
    assert_eq!(two.variable_set(&variable, other).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(one.variable_set(&variable, other).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(two.variable_get(&variable).unwrap_err(), ErrorKind::WrongHeap);
    let now = one.variable_get(&variable).unwrap();
    assert_eq!(one.string_value(now).unwrap(), "one");
}

#[test]
fn a_variable_that_is_set_leaves_the_handles_that_were_got_from_it_alone() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let (text, array) = (scope.string("text").unwrap(), scope.array(&[1.into()]).unwrap());
    let variable = scope.variable(text.upcast()).unwrap();
    let before = scope.variable_get(&variable).unwrap();
    let before = scope.downcast::<gcheap::types::JsString>(before).unwrap();
    scope.variable_set(&variable, array.upcast()).unwrap();
    scope.collect_garbage().unwrap();
    assert_eq!(scope.string_value(before).unwrap(), "text");
    let now = scope.variable_get(&variable).unwrap();
    let now = scope.downcast::<gcheap::types::JsArray>(now).unwrap();
    assert_eq!(scope.array_length(now).unwrap(), 1);
}
