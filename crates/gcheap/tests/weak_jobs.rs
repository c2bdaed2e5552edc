//! Jobs: what a WeakRef keeps until the job ends, when callbacks run, what an error among them does.

use gcheap::policy::Flags;
use gcheap::{Error, GcKind, Global, Heap, HeapOptions, types};

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

/// A registry with so many dead targets, whose held values count up.
fn registry_with_dead(heap: &mut Heap, targets: i32) -> Global<types::JsFinalizationRegistry> {
    let registry = heap
        .job(|scope| {
            let registry = scope.finalization_registry()?;
            for number in 0..targets {
                let mut turn = scope.scope();
                let target = turn.object(&[])?;
                turn.register(registry, target.upcast(), number.into(), None)?;
            }
            scope.global(registry)
        })
        .unwrap();
    heap.collect_garbage().unwrap();
    registry
}

#[test]
fn a_target_lives_until_its_job_ends() {
    let mut heap = heap();
    let weak = heap
        .job(|scope| {
            let target = scope.object(&[])?;
            scope.weak_ref(target.upcast())?;
            let weak = scope.weak_handle(target)?;
            scope.collect_garbage()?;
            Ok::<_, Error>(weak)
        })
        .unwrap();
    gcheap::assert::alive(&heap, &weak).unwrap();
    heap.collect_garbage().unwrap();
    gcheap::assert::collected(&heap, &weak).unwrap();
}

#[test]
fn reading_weak_refs_in_turns_does_not_fill_the_job() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let (one, two) = (scope.object(&[]).unwrap(), scope.object(&[]).unwrap());
    let refs = [scope.weak_ref(one.upcast()).unwrap(), scope.weak_ref(two.upcast()).unwrap()];
    for number in 0..100_000 {
        scope.scope().deref_weak(refs[number % 2]).unwrap().unwrap();
    }
    let kept = scope.graph().nodes().count();
    assert_eq!(kept, 5, "two targets, two WeakRefs, and the table that keeps the targets");
    scope.end_job();
    drop(scope);
}

#[test]
fn callbacks_run_oldest_first_after_the_job_and_not_by_themselves() {
    let mut heap = heap();
    let _registry = registry_with_dead(&mut heap, 3);
    heap.job(|scope| scope.collect_garbage()).unwrap();
    assert_eq!(heap.queued_finalizations(), 3);
    let mut order = Vec::new();
    let ran = heap.run_finalizers(|_, due| {
        order.push(due.holdings.as_smi().unwrap());
        Ok::<(), Error>(())
    });
    assert_eq!(ran, Ok(3));
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
    assert_eq!(heap.run_finalizers(|_, _| Ok::<(), Error>(())), Ok(0), "each runs once");
}

#[test]
fn an_error_in_a_callback_leaves_those_behind_it_waiting() {
    let mut heap = heap();
    let _registry = registry_with_dead(&mut heap, 5);
    let mut calls = 0;
    let ran = heap.run_finalizers(|_, _| {
        calls += 1;
        if calls == 2 { Err("thrown") } else { Ok(()) }
    });
    assert_eq!((ran, calls, heap.queued_finalizations()), (Err("thrown"), 2, 3));
    assert_eq!(heap.run_finalizers(|_, _| Ok::<(), Error>(())), Ok(3));
}

#[test]
fn callbacks_queued_by_callbacks_wait_for_the_next_time() {
    let mut heap = heap();
    let _registry = registry_with_dead(&mut heap, 2);
    let ran = heap.run_finalizers(|scope, due| {
        {
            let mut inner = scope.scope();
            let target = inner.object(&[])?;
            inner.register(due.registry, target.upcast(), 9.into(), None)?;
        }
        scope.collect_garbage()
    });
    assert_eq!(ran, Ok(2));
    assert!(heap.queued_finalizations() >= 1);
}

#[test]
fn callbacks_survive_a_collection_at_every_handle() {
    let mut heap = heap();
    let registry = registry_with_dead(&mut heap, 4);
    heap.collect_at_handles(Some(GcKind::Minor));
    let ran = heap.run_finalizers(|scope, due| {
        let own = scope.open(&registry)?;
        assert!(scope.is_same(own, due.registry)?);
        Ok::<(), Error>(())
    });
    assert_eq!(ran, Ok(4));
}

#[test]
fn an_unregistered_target_calls_nobody() {
    let mut heap = heap();
    let registry = heap
        .job(|scope| {
            let registry = scope.finalization_registry()?;
            let token = scope.object(&[])?;
            let target = scope.object(&[])?;
            scope.register(registry, target.upcast(), 1.into(), Some(token.upcast()))?;
            assert!(scope.unregister(registry, token.upcast())?);
            scope.global(registry)
        })
        .unwrap();
    heap.collect_garbage().unwrap();
    assert_eq!(heap.queued_finalizations(), 0);
    drop(registry);
}

#[test]
fn a_near_limit_callback_raises_the_limit_for_a_while() {
    let flags = Flags { max_old_space_size_mb: Some(16), max_semi_space_size_mb: Some(1), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, ..HeapOptions::for_tests() }).unwrap();
    let limit = heap.statistics().heap_size_limit;
    heap.add_near_heap_limit_callback(|current, _| current + (16 << 20));
    heap.automatically_restore_initial_heap_limit(0.5);
    let list = {
        let mut scope = heap.scope();
        let list = scope.array(&[]).unwrap();
        for _ in 0..200 {
            let mut turn = scope.scope();
            let text = turn.string_of_length(100_000, false).unwrap();
            turn.array_push(list, text.into()).unwrap();
        }
        scope.global(list).unwrap()
    };
    assert!(heap.statistics().heap_size_limit > limit, "raised to take 20 MB");
    drop(list);
    heap.collect_garbage().unwrap();
    assert_eq!(heap.statistics().heap_size_limit, limit, "restored once little is alive");
}
