//! The census: how many objects of each kind the roots hold, and what has become of it since an earlier one.

use crate::Heap;
use crate::object::Kind;
use std::collections::BTreeMap;

/// What an object is called: its kind, or the name of its record type.
///
/// ```
/// use gcheap::{Kind, inspect::Label};
/// assert_eq!(Label { kind: Kind::JsArray, record: None }.to_string(), "JSArray");
/// assert_eq!(Label { kind: Kind::Record, record: Some("Node") }.to_string(), "Node");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The kind.
    pub kind: Kind,
    /// Name of the type, if it is a record of a named one.
    pub record: Option<&'static str>,
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.record.unwrap_or(self.kind.name()))
    }
}

/// The objects of one kind or record type.
///
/// ```
/// let row = gcheap::inspect::CensusRow { objects: 2, bytes: 80 };
/// assert_eq!(row.bytes / row.objects, 40);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CensusRow {
    /// How many there are.
    pub objects: u64,
    /// Their bytes, without what they refer to.
    pub bytes: u64,
}

/// What the roots hold, by kind and record type. What is garbage already does not count, collected or not, so that no
/// collection is needed before.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let list = scope.array(&[])?;
/// let before = scope.census();
/// for number in 0..3 {
///     let mut turn = scope.scope();
///     let item = turn.object(&[number.into()])?;
///     turn.array_push(list, item.into())?;
/// }
/// let growth = scope.census().since(&before);
/// assert_eq!(growth.to_string(), "JSObject: +3 objects, +96 bytes; FixedArray: +1 object, +152 bytes");
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    rows: BTreeMap<Label, CensusRow>,
    external: u64,
}

impl Census {
    /// Of the objects at these addresses.
    pub(super) fn of(heap: &Heap, objects: impl Iterator<Item = u64>) -> Census {
        let mut census = Census { rows: BTreeMap::new(), external: 0 };
        for address in objects {
            let header = heap.header(address);
            let row = census.rows.entry(heap.label_of(header)).or_default();
            row.objects += 1;
            row.bytes += header.bytes();
            if header.is(Kind::JsArrayBuffer) {
                census.external += heap.backing_store_length(address);
            }
        }
        census
    }

    /// Each kind and record type that there is.
    pub fn rows(&self) -> impl Iterator<Item = (Label, CensusRow)> + '_ {
        self.rows.iter().map(|(&label, &row)| (label, row))
    }

    /// Objects and bytes of one kind (all its record types) or record type.
    pub fn of_kind(&self, kind: Kind) -> CensusRow {
        self.sum(|label| label.kind == kind)
    }

    /// Objects and bytes of the records of a name.
    pub fn of_record(&self, name: &str) -> CensusRow {
        self.sum(|label| label.record == Some(name))
    }

    /// All of them.
    pub fn total(&self) -> CensusRow {
        self.sum(|_| true)
    }

    /// Bytes of the backing stores of the array buffers among them.
    pub fn external(&self) -> u64 {
        self.external
    }

    fn sum(&self, wanted: impl Fn(&Label) -> bool) -> CensusRow {
        let rows = self.rows.iter().filter(|(label, _)| wanted(label));
        rows.fold(CensusRow::default(), |sum, (_, row)| CensusRow {
            objects: sum.objects + row.objects,
            bytes: sum.bytes + row.bytes,
        })
    }

    /// What there is more and less of than at an earlier census of the same heap.
    pub fn since(&self, earlier: &Census) -> Growth {
        let labels: std::collections::BTreeSet<Label> = self.rows.keys().chain(earlier.rows.keys()).copied().collect();
        let row = |census: &Census, label: &Label| census.rows.get(label).copied().unwrap_or_default();
        let mut rows: Vec<(Label, i64, i64)> = labels
            .iter()
            .map(|label| {
                let (now, then) = (row(self, label), row(earlier, label));
                (*label, now.objects as i64 - then.objects as i64, now.bytes as i64 - then.bytes as i64)
            })
            .filter(|&(_, objects, bytes)| (objects, bytes) != (0, 0))
            .collect();
        rows.sort_by_key(|&(label, objects, bytes)| (-objects, -bytes, label));
        Growth { rows, external: self.external as i64 - earlier.external as i64 }
    }
}

impl std::fmt::Display for Census {
    /// A line each, the most bytes first.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rows: Vec<(Label, CensusRow)> = self.rows().collect();
        rows.sort_by_key(|&(label, row)| (std::cmp::Reverse(row.bytes), label));
        for (label, row) in rows {
            writeln!(f, "{:>12} bytes in {:>9} {label}", row.bytes, row.objects)?;
        }
        Ok(())
    }
}

/// What there is more and less of: the difference of two [censuses](Census).
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let before = heap.census();
/// heap.scope().string("garbage at once")?;
/// assert!(heap.census().since(&before).is_none());
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Label, objects, bytes; those that grew most first.
    rows: Vec<(Label, i64, i64)>,
    external: i64,
}

impl Growth {
    /// What changed: kind or record type, objects and bytes more (or, negative, less); what grew most objects first.
    pub fn rows(&self) -> &[(Label, i64, i64)] {
        &self.rows
    }

    /// Bytes of backing stores more (or less).
    pub fn external(&self) -> i64 {
        self.external
    }

    /// Nothing has changed.
    pub fn is_none(&self) -> bool {
        self.rows.is_empty() && self.external == 0
    }

    /// Only what there is more of.
    pub fn grown(&self) -> Growth {
        Growth {
            rows: self.rows.iter().copied().filter(|&(_, objects, bytes)| objects > 0 || bytes > 0).collect(),
            external: self.external.max(0),
        }
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_none() {
            return f.write_str("nothing has changed");
        }
        let plural = |count: i64| if count.abs() == 1 { "" } else { "s" };
        let rows = self.rows.iter().map(|&(label, objects, bytes)| {
            format!("{label}: {objects:+} object{}, {bytes:+} byte{}", plural(objects), plural(bytes))
        });
        let external = (self.external != 0).then(|| format!("backing stores: {:+} bytes", self.external));
        f.write_str(&rows.chain(external).collect::<Vec<_>>().join("; "))
    }
}

impl Heap {
    /// What the roots hold, by kind and record type. Costs a walk over the heap.
    pub fn census(&self) -> Census {
        Census::of(self, self.graph().reached())
    }
}
