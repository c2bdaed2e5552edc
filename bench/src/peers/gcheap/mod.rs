//! The workloads on gcheap, through its public safe interface only.
//!
//! Written as a user of the library would: records for objects of a known layout, a scope around what a step makes,
//! `escape` for what it returns. No step relies on how long a collection is away.

mod churn;
mod marks;
mod splay;
mod trees;

use crate::measure::Outcome;
use crate::workload::{Scale, Workload};
use gcheap::types::{Record, Table};
use gcheap::{Error, Heap, HeapOptions, Local, Scope, Value};

/// Where objects are born, KiB: it fits in the processor's cache.
const NURSERY: u64 = 4096;

/// Runs a workload on a fresh heap.
///
/// # Errors
/// Any error of the heap: none is expected.
pub fn run(workload: Workload, scale: Scale) -> Result<Outcome, Error> {
    let mut heap = Heap::new(options())?;
    match workload {
        Workload::Bt16 | Workload::Bt18 => trees::run(&mut heap, scale).map(Outcome::from),
        Workload::Churn => churn::churn(&mut heap, scale).map(Outcome::from),
        Workload::Oldnew => churn::oldnew(&mut heap, scale).map(Outcome::from),
        Workload::MarkList => marks::list(&mut heap, scale),
        Workload::MarkGraph => marks::graph(&mut heap, scale),
        Workload::MarkTree => marks::tree(&mut heap, scale),
        Workload::Splay => splay::run(&mut heap, scale).map(Outcome::from),
    }
}

/// One setting for all workloads: an empty heap, V8's policy and limits of a machine with 16 GiB, a nursery of 4 MiB.
///
/// `BENCH_NURSERY` sets its KiB, for experiments.
pub fn options() -> HeapOptions {
    let nursery = std::env::var("BENCH_NURSERY").ok().and_then(|text| text.parse::<u64>().ok());
    HeapOptions { nursery: Some(nursery.unwrap_or(NURSERY) << 10), baseline: false, ..HeapOptions::default() }
}

/// A field that holds a record, if it does.
#[inline(always)]
fn record_field<'s>(
    scope: &mut Scope<'s>,
    record: Local<'_, Record>,
    index: u64,
) -> Result<Option<Local<'s, Record>>, Error> {
    match scope.field(record, index)? {
        Value::Object(object) => scope.downcast(object).map(Some),
        _ => Ok(None),
    }
}

/// A field that holds a small integer; 0 if it does not.
#[inline(always)]
fn number_field(scope: &mut Scope<'_>, record: Local<'_, Record>, index: u64) -> Result<u64, Error> {
    Ok(scope.field(record, index)?.as_smi().map_or(0, |number| number as u64))
}

/// The number in a field of the record in a place of a table; 0 if there is none.
#[inline(always)]
fn number_in_place(scope: &Scope<'_>, table: Local<'_, Table<Record>>, place: u64, field: u64) -> Result<u64, Error> {
    match scope.peek(table)?.get(place)? {
        Some(object) => Ok(object.field(field)?.as_smi().map_or(0, |number| number as u64)),
        None => Ok(0),
    }
}

/// An element that holds a record, if it does.
#[inline(always)]
fn record_element<'s>(
    scope: &mut Scope<'s>,
    array: Local<'_, gcheap::types::JsArray>,
    index: u64,
) -> Result<Option<Local<'s, Record>>, Error> {
    match scope.array_get(array, index)? {
        Value::Object(object) => scope.downcast(object).map(Some),
        _ => Ok(None),
    }
}
