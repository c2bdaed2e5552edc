//! A first test of GC logic: does a listener that was removed still hold its component?
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::{Heap, HeapOptions, assert};

/// The test. In a test file it would carry `#[test]`.
fn a_removed_listener_lets_its_component_go(forgets_to_remove: bool) -> Result<(), assert::Failure> {
    let mut heap = Heap::new(HeapOptions::for_tests())?;
    let mut scope = heap.scope();
    let listeners = scope.array(&[])?;
    let component = {
        let mut page = scope.scope();
        let component = page.object(&[1.into()])?;
        let listener = page.closure(&[component.into()], false)?;
        page.array_push(listeners, listener.into())?;
        page.weak_handle(component)?
    };
    if !forgets_to_remove {
        scope.array_clear(listeners)?;
    }
    scope.collect_garbage()?;
    assert::collected(&scope, &component)
}

/// Runs the test twice and shows what it says when it fails.
///
/// # Errors
/// If the test is wrong.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    a_removed_listener_lets_its_component_go(false)?;
    let told = a_removed_listener_lets_its_component_go(true).expect_err("the listener is still there");
    println!("{told}");
    assert!(told.to_string().contains("JSArray element 0 -> JSFunction captured variable 0 -> JSObject"));
    Ok(())
}
