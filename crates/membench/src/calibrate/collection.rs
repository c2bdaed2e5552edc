//! A collection as `--trace-gc-nvp` tells of it, in any dialect: name=value pairs up to Node 24, a JSON object in Node 26. Pure.

use std::collections::BTreeMap;

/// Which collector ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The young generation only.
    Scavenge,
    /// Everything.
    MarkCompact,
}

/// What calibration needs of a collection: bytes and milliseconds.
///
/// ```
/// use membench::calibrate::collection::{Collection, Kind};
/// let line = "[1:0x2]  28 ms: pause=0.9 mutator=26.5 gc=s allocated=2642784 promoted=0 semi_space_copied=668424 total_size_after=9";
/// let gc = Collection::parse(line).unwrap();
/// assert_eq!((gc.kind, gc.pause_ms, gc.survived), (Kind::Scavenge, 0.9, 668_424.0));
/// assert_eq!(Collection::parse("hello"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collection {
    /// Which collector.
    pub kind: Kind,
    /// Length of the pause.
    pub pause_ms: f64,
    /// Program time since the collection before.
    pub mutator_ms: f64,
    /// Bytes allocated in it.
    pub allocated: f64,
    /// Bytes copied within the new space.
    pub survived: f64,
    /// Bytes promoted.
    pub promoted: f64,
    /// Bytes of objects afterwards.
    pub live: f64,
    /// From the start of marking to the end of the pause; 0 for a collection without incremental marking.
    pub marking_ms: f64,
}

impl Collection {
    /// The collection that a line tells of, if it does.
    pub fn parse(line: &str) -> Option<Collection> {
        let (_, body) = line.split_once(" ms: ")?;
        let values = match body.strip_prefix("GC: ") {
            Some(json) => json_values(json)?,
            None => body.split_whitespace().filter_map(|pair| pair.split_once('=')).map(owned).collect(),
        };
        let kind = match values.get("gc")?.as_str() {
            "s" => Kind::Scavenge,
            "mc" | "ms" => Kind::MarkCompact,
            _ => return None,
        };
        let number =
            |names: &[&str]| names.iter().find_map(|&name| values.get(name)?.trim_end_matches('%').parse::<f64>().ok());
        let marking_ms = match kind {
            Kind::Scavenge => 0.0,
            Kind::MarkCompact => number(&["incremental_walltime_duration"]).unwrap_or(0.0),
        };
        Some(Collection {
            kind,
            pause_ms: number(&["pause"])?,
            mutator_ms: number(&["mutator"])?,
            allocated: number(&["allocated"])?,
            survived: number(&["new_space_survived", "semi_space_copied"])?,
            promoted: number(&["promoted"])?,
            live: number(&["end_object_size", "total_size_after"])?,
            marking_ms,
        })
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn json_values(text: &str) -> Option<BTreeMap<String, String>> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text.trim()).ok()?;
    let plain = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Some(object.into_iter().map(|(name, value)| (name, plain(value))).collect())
}

#[cfg(test)]
mod tests {
    use gcheap::profile::Profile;
    use gcheap::trace::{Process, TraceOptions, Tracer};
    use gcheap::{Heap, HeapOptions};
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// The lines of every dialect, as gcheap writes them, are read back.
    #[test]
    fn the_lines_of_every_version_are_read() {
        for profile in Profile::all() {
            let lines = Rc::new(RefCell::new(String::new()));
            let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::default() }).expect("a heap");
            let options = TraceOptions { nvp: true, ..TraceOptions::default() };
            let mut tracer = Tracer::new(profile.dialect, Process { pid: 1, isolate: 2 }, options, 0);
            let sink = Rc::clone(&lines);
            heap.subscribe(move |event| sink.borrow_mut().push_str(&tracer.render(event)));
            heap.collect(gcheap::GcKind::Minor).expect("room");
            heap.collect(gcheap::GcKind::Major).expect("room");
            let lines = lines.borrow();
            let found: Vec<Collection> = lines.lines().filter_map(Collection::parse).collect();
            assert_eq!(found.len(), 2, "Node {}: {lines}", profile.node_major);
            assert_eq!((found[0].kind, found[1].kind), (Kind::Scavenge, Kind::MarkCompact));
            assert!(found[1].live > 1e6 && found[1].pause_ms > 0.0 && found[1].marking_ms == 0.0);
        }
    }
}
