//! Fragmentation, and what compaction makes of it.
//!
//! A table of records is filled, then nine of ten records are dropped. The pages are nearly empty, and none of them can be given
//! back: each still holds some record. A full collection that compacts moves the survivors together.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::event::SpaceName;
use gcheap::inspect::PageInfo;
use gcheap::{Compaction, Heap, HeapOptions, Value};

gcheap::record! {
    /// A row of the table.
    struct Row {} raw { key: u64, values: u64 }
}

const ROWS: u64 = 60_000;

fn old_pages(heap: &Heap) -> Vec<PageInfo> {
    heap.page_map().into_iter().filter(|page| page.space == SpaceName::Old).collect()
}

/// Free bytes on the pages, their number, and the average of their fragmentation.
fn summary(name: &str, pages: &[PageInfo]) -> (u64, usize) {
    let free: u64 = pages.iter().map(|page| page.free).sum();
    let fragmentation: f64 = pages.iter().map(PageInfo::fragmentation).sum::<f64>() / pages.len() as f64;
    println!("{name}: {} old pages, {free} bytes free, {:.0} % fragmented", pages.len(), 100.0 * fragmentation);
    for page in pages.iter().take(4) {
        println!("  {page}");
    }
    (free, pages.len())
}

/// Fills, drops, sweeps, compacts, and prints the page map each time.
///
/// # Errors
/// If the heap runs out.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut heap = Heap::new(HeapOptions { verify: false, ..HeapOptions::for_tests() })?;
    heap.force_compaction(Compaction::Never);
    let mut scope = heap.scope();
    let table = scope.array(&[])?;
    for key in 0..ROWS {
        let mut turn = scope.scope();
        let row = Row::new(&mut turn)?;
        turn.write(row, Row::key, key)?;
        turn.array_push(table, row.into())?;
    }
    scope.collect_garbage()?;
    while scope.sweep_page() {}
    summary("full", &old_pages(&scope));

    for index in (0..ROWS).filter(|index| index % 10 != 0) {
        scope.array_set(table, index, Value::Undefined)?;
    }
    scope.collect_garbage()?;
    while scope.sweep_page() {}
    let holes = summary("nine of ten dropped, swept", &old_pages(&scope));

    scope.force_compaction(Compaction::Policy);
    scope.collect(gcheap::GcKind::LastResort)?;
    while scope.sweep_page() {}
    let compact = summary("compacted", &old_pages(&scope));
    assert!(compact.1 < holes.1 / 2 && compact.0 < holes.0 / 2);
    for index in (0..ROWS).step_by(10) {
        let mut turn = scope.scope();
        let row = turn.array_get(table, index)?.as_object().ok_or("the row was kept")?;
        let row = turn.downcast::<Row>(row)?;
        assert_eq!(turn.read(row, Row::key)?, index, "a moved row is the same row");
    }
    Ok(())
}
