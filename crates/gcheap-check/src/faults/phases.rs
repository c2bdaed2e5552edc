//! The phases of the program that faults are put into: each makes the collectors do one thing, and keeps some of what it made.

use gcheap::types::{JsArray, JsMap, JsString, Record};
use gcheap::{Error, GcKind, Global, LiteralRoom, Local, NoGc, Placement, Scope, TaggedValue};

type Phase = fn(&mut Scope<'_>, &mut Kept) -> Result<(), Error>;

/// The phases of the program, in their order.
pub(super) const PHASES: [(&str, Phase); 12] = [
    ("survivors of scavenges", survivors),
    ("allocation in old space", old_objects),
    ("large objects, young and old", large_objects),
    ("changes under incremental marking", marking),
    ("evacuation of fragmented pages", evacuation),
    ("lazy sweeping", sweeping),
    ("weak objects and finalization", weak),
    ("backing stores", backing_stores),
    ("strings", strings),
    ("hash tables", tables),
    ("stretches without a collection", stretches),
    ("literals by address", literals),
];

/// What the program keeps from phase to phase.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) list: Option<Global>,
    pub(super) filling: Option<Global>,
}

impl Kept {
    pub(super) fn list<'s>(&mut self, scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
        if let Some(list) = &self.list {
            let list = scope.open(list)?;
            return scope.downcast(list);
        }
        let list = scope.array(&[])?;
        self.list = Some(scope.global(list.upcast())?);
        Ok(list)
    }
}

fn survivors(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..12_000 {
        let mut inner = scope.scope();
        let object = inner.object(&[number.into(), number.into(), number.into(), number.into()])?;
        if number % 8 == 0 {
            inner.array_push(list, object.into())?;
        }
    }
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Minor)
}

fn old_objects(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..12_000 {
        let mut inner = scope.scope();
        let object = inner.object_literal(Placement::Old, &[number.into(), number.into(), number.into()])?;
        inner.array_push(list, object.into())?;
    }
    Ok(())
}

fn large_objects(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..60 {
        let mut inner = scope.scope();
        let placement = if number % 2 == 0 { Placement::Young } else { Placement::Old };
        let large = inner.array_with_length(placement, 20_000)?;
        let young = inner.object(&[number.into()])?;
        inner.array_set(large, 19_999, young.into())?;
        if number % 10 == 0 {
            inner.array_push(list, large.into())?;
        }
    }
    scope.collect(GcKind::Minor)
}

fn marking(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    if scope.array_length(list)? == 0 {
        survivors(scope, kept)?;
    }
    let length = scope.array_length(list)?;
    // What is marked and what is not change places while marking goes on.
    for number in 0..6_000u64 {
        let mut inner = scope.scope();
        let element = inner.array_get(list, number * 7 % length)?;
        let object = inner.object(&[element, (number as i32).into()])?;
        inner.array_set(list, number * 13 % length, object.into())?;
        inner.advance(0.01);
    }
    Ok(())
}

fn evacuation(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for index in 0..scope.array_length(list)? {
        if !index.is_multiple_of(4) {
            scope.array_set(list, index, 0.into())?;
        }
    }
    scope.collect(GcKind::Major)
}

fn sweeping(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for index in 0..scope.array_length(list)? {
        if index.is_multiple_of(8) {
            scope.array_set(list, index, 0.into())?;
        }
    }
    scope.collect(GcKind::Major)?;
    old_objects(scope, kept)?;
    scope.collect(GcKind::Minor)
}

fn weak(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    let (map, registry) = (scope.weak_map()?, scope.finalization_registry()?);
    for number in 0..1500 {
        let mut inner = scope.scope();
        let (key, value) = (inner.object(&[number.into()])?, inner.object(&[number.into()])?);
        inner.weak_map_set(map, key.upcast(), value.into())?;
        inner.register(registry, key.upcast(), number.into(), None)?;
        let weak_ref = inner.weak_ref(value.upcast())?;
        inner.array_push(list, weak_ref.into())?;
        if number % 3 == 0 {
            inner.array_push(list, key.into())?;
        }
    }
    scope.end_job();
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Major)?;
    while {
        let mut inner = scope.scope();
        inner.take_finalization().is_some()
    } {}
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(4000))
}

fn backing_stores(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..120 {
        let mut inner = scope.scope();
        let array = inner.buffer_alloc(16 << 10, Some(1))?;
        if number % 4 == 0 {
            inner.array_push(list, array.into())?;
        }
    }
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Major)
}

fn strings(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    for number in 0..120 {
        let mut inner = scope.scope();
        let mut text: Local<'_, JsString> = inner.string_of_length(3000, number % 2 == 0)?;
        for _ in 0..4 {
            text = inner.concat(text, text)?;
        }
        inner.flatten(text)?;
        let part = inner.substring(text, 5, 500)?;
        if number % 10 == 0 {
            inner.array_push(list, part.into())?;
        }
    }
    Ok(())
}

fn tables(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    let map: Local<'_, JsMap> = scope.map()?;
    scope.array_push(list, map.into())?;
    for key in 0..9000 {
        let mut inner = scope.scope();
        let value = inner.object(&[key.into()])?;
        inner.map_set(map, key.into(), value.into())?;
    }
    for key in 0..8900 {
        let mut inner = scope.scope();
        inner.map_delete(map, key.into())?;
    }
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(1000))?;
    scope.collect(GcKind::LastResort)
}

/// Each stretch first makes room for as much as one can have. Tables hold some of it, one in old space and a large young one.
fn stretches(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    const PAIR: u64 = 24;
    let (list, pair) = (kept.list(scope)?, scope.record_type(2, 0)?);
    let tables = [scope.table::<Record>(Placement::Old, 600)?, scope.table::<Record>(Placement::Young, 20_000)?];
    for table in tables {
        scope.array_push(list, table.into())?;
    }
    for round in 0..200 {
        scope.no_gc(NoGc::MOST_BYTES, |no_gc| {
            let tables = [no_gc.tagged(tables[0])?, no_gc.tagged(tables[1])?];
            let mut next = TaggedValue::Undefined;
            for number in 0..NoGc::MOST_BYTES / PAIR {
                let fresh = no_gc.record(pair, [next, (number as i32).into()])?;
                next = if number % 5 == 0 { TaggedValue::Undefined } else { fresh.into() };
                if number % 7 == 0 {
                    no_gc.table_set(tables[round % 2], number % 600, Some(fresh))?;
                }
            }
            Ok(())
        })?;
    }
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(1000))?;
    scope.collect(GcKind::Minor)
}

/// As many at once as there is room for, in either space; where there is none, one by the long way, which makes room.
fn literals(scope: &mut Scope<'_>, kept: &mut Kept) -> Result<(), Error> {
    let list = kept.list(scope)?;
    let mut made = 0u64;
    while made < 6000 {
        let placement = if made.is_multiple_of(2) { Placement::Young } else { Placement::Old };
        let by_address = scope.literals(|literals| {
            let list = literals.tagged(list)?;
            let each = LiteralRoom::of_object(placement, 2);
            let count = each.times_in(literals.room()).min(literals.array_room(list)).min(37);
            for number in 0..count {
                let object = literals.object(placement, &[((made + number) as i32).into(), 0.into()])?;
                literals.array_push(list, object.into())?;
            }
            Ok(count)
        })?;
        if by_address == 0 {
            let mut inner = scope.scope();
            let object = inner.object_literal(placement, &[(made as i32).into(), 0.into()])?;
            inner.array_push(list, object.into())?;
        }
        made += by_address.max(1);
    }
    let length = scope.array_length(list)?;
    scope.array_truncate(list, length.min(1000))?;
    scope.collect(GcKind::Minor)
}
