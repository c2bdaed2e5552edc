//! A cache on WeakRef that leaks, and its repair.
//!
//! The values of the cache are weak, so it looks as if it could not leak. But each entry is a key and a WeakRef, and those stay
//! when the value has died. The repair is a FinalizationRegistry that takes the entry out, unless it has been replaced.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::types::{JsFinalizationRegistry, JsMap, JsObject, JsWeakRef};
use gcheap::{Error, Global, Heap, HeapOptions, Kind, Local, Scope};

const REQUESTS: i32 = 20_000;

struct Cache {
    entries: Global<JsMap>,
    /// The repair; a leaking cache has none.
    registry: Option<Global<JsFinalizationRegistry>>,
}

impl Cache {
    fn new(heap: &mut Heap, repaired: bool) -> Result<Cache, Error> {
        let mut scope = heap.scope();
        let entries = scope.map()?;
        let registry = if repaired { Some(scope.finalization_registry()?) } else { None };
        Ok(Cache {
            entries: scope.global(entries)?,
            registry: registry.map(|registry| scope.global(registry)).transpose()?,
        })
    }

    /// The WeakRef of a key, if there is an entry.
    fn entry<'s>(&self, scope: &mut Scope<'s>, key: i32) -> Result<Option<Local<'s, JsWeakRef>>, Error> {
        let entries = scope.open(&self.entries)?;
        match scope.map_get(entries, key.into())?.and_then(|value| value.as_object()) {
            Some(entry) => scope.downcast(entry).map(Some),
            None => Ok(None),
        }
    }

    fn get<'s>(&self, scope: &mut Scope<'s>, key: i32) -> Result<Local<'s, JsObject>, Error> {
        if let Some(entry) = self.entry(scope, key)?
            && let Some(value) = scope.deref_weak(entry)?
        {
            return scope.downcast(value);
        }
        let text = scope.string_of_length(200, false)?;
        let value = scope.object(&[key.into(), text.into()])?;
        let weak_ref = scope.weak_ref(value.upcast())?;
        let entries = scope.open(&self.entries)?;
        scope.map_set(entries, key.into(), weak_ref.into())?;
        if let Some(registry) = &self.registry {
            let registry = scope.open(registry)?;
            scope.register(registry, value.upcast(), key.into(), None)?;
        }
        Ok(value)
    }

    /// The callback: the value of a key has died.
    fn forget(&self, scope: &mut Scope<'_>, key: i32) -> Result<(), Error> {
        // A new value may have come meanwhile; its entry must stay.
        if let Some(entry) = self.entry(scope, key)?
            && scope.deref_weak(entry)?.is_none()
        {
            let entries = scope.open(&self.entries)?;
            scope.map_delete(entries, key.into())?;
        }
        Ok(())
    }
}

/// Serves requests, each for a key of its own; entries, WeakRefs and bytes that are left.
fn serve(repaired: bool) -> Result<(u64, u64, u64), Error> {
    let mut heap = Heap::new(HeapOptions { verify: false, ..HeapOptions::for_tests() })?;
    let cache = Cache::new(&mut heap, repaired)?;
    for request in 0..REQUESTS {
        heap.job(|scope| cache.get(scope, request).map(|_| ()))?;
        if request % 1_000 == 0 {
            heap.collect_garbage()?;
            heap.run_finalizers(|scope, due| cache.forget(scope, due.holdings.as_smi().unwrap_or(0)))?;
        }
    }
    heap.collect_garbage()?;
    heap.run_finalizers(|scope, due| cache.forget(scope, due.holdings.as_smi().unwrap_or(0)))?;
    let census = heap.census();
    let mut scope = heap.scope();
    let entries = scope.open(&cache.entries)?;
    Ok((scope.map_size(entries)?, census.of_kind(Kind::JsWeakRef).objects, census.total().bytes))
}

/// Serves with both caches and compares.
///
/// # Errors
/// If a heap runs out.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("after {REQUESTS} requests, no value of which is used any more:");
    let leaking = serve(false)?;
    let repaired = serve(true)?;
    for (name, (entries, weak_refs, bytes)) in [("leaking", leaking), ("repaired", repaired)] {
        println!("  {name:<9} {entries:>6} entries, {weak_refs:>6} WeakRefs, {bytes:>9} bytes");
    }
    assert_eq!(leaking.0, REQUESTS as u64, "no entry ever goes");
    assert_eq!(repaired.0, 0, "every entry goes with its value");
    Ok(())
}
