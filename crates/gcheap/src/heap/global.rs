//! Handles that are not bound to a scope: they live as long as they are kept.
//!
//! Each is a place in a table of roots, with a generation that no other handle of the place has.

use super::Heap;
use super::error::Error;
use super::handle::{Type, types};
use crate::roots::Dropped;
use std::marker::PhantomData;

/// A root that is not bound to a scope. Dropping it lets go.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let kept = {
///     let mut scope = heap.scope();
///     let text = scope.string("kept by a global")?;
///     scope.global(text)?
/// };
/// heap.collect_garbage()?;
/// let mut scope = heap.scope();
/// let text = scope.open(&kept)?;
/// assert_eq!(scope.string_value(text)?, "kept by a global");
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct Global<T: Type = types::Object> {
    index: u32,
    generation: u32,
    heap: u32,
    dropped: Dropped,
    marker: PhantomData<fn() -> T>,
}

/// Looks at an object without keeping it alive. Dropping it frees its slot.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let weak = {
///     let mut scope = heap.scope();
///     let text = scope.string("nobody keeps this")?;
///     scope.weak_handle(text)?
/// };
/// heap.collect_garbage()?;
/// assert!(heap.scope().open_weak(&weak)?.is_none());
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct WeakHandle<T: Type = types::Object> {
    index: u32,
    generation: u32,
    heap: u32,
    dropped: Dropped,
    marker: PhantomData<fn() -> T>,
}

macro_rules! table_handle {
    ($name:ident) => {
        impl<T: Type> $name<T> {
            pub(crate) fn new(place: (u32, u32), heap: u32, dropped: Dropped) -> Self {
                $name { index: place.0, generation: place.1, heap, dropped, marker: PhantomData }
            }

            pub(crate) fn place(&self, heap: &Heap) -> Result<(u32, u32), Error> {
                if self.heap == heap.id { Ok((self.index, self.generation)) } else { Err(Error::wrong_heap()) }
            }
        }

        impl<T: Type> Drop for $name<T> {
            fn drop(&mut self) {
                // The heap may be borrowed or gone: leave a note that it reads before its next collection.
                if let Ok(mut dropped) = self.dropped.lock() {
                    dropped.push((self.index, self.generation));
                }
            }
        }

        impl<T: Type> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}<{}>({})", stringify!($name), T::NAME, self.index)
            }
        }
    };
}

table_handle!(Global);
table_handle!(WeakHandle);
