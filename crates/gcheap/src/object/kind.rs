//! The kinds of objects, with V8's names.

/// What an object is.
///
/// ```
/// assert_eq!(gcheap::Kind::JsArray.name(), "JSArray");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are V8's own")]
pub enum Kind {
    FreeSpace,
    Filler,
    AllocationMemento,
    FixedArray,
    PropertyArray,
    FixedDoubleArray,
    ByteArray,
    HeapNumber,
    OneByteString,
    TwoByteString,
    ConsString,
    SlicedString,
    Symbol,
    BigInt,
    JsObject,
    JsArray,
    JsFunction,
    Context,
    JsPromise,
    JsMap,
    JsSet,
    OrderedHashMap,
    OrderedHashSet,
    JsWeakMap,
    EphemeronHashTable,
    JsWeakRef,
    WeakCell,
    JsFinalizationRegistry,
    JsArrayBuffer,
    JsTypedArray,
    /// Machine code and its metadata; the baseline's code space is made of it.
    Code,
    /// A record with the layout of the library's user.
    Record,
}

impl Kind {
    pub(crate) const ALL: [Kind; 32] = [
        Kind::FreeSpace,
        Kind::Filler,
        Kind::AllocationMemento,
        Kind::FixedArray,
        Kind::PropertyArray,
        Kind::FixedDoubleArray,
        Kind::ByteArray,
        Kind::HeapNumber,
        Kind::OneByteString,
        Kind::TwoByteString,
        Kind::ConsString,
        Kind::SlicedString,
        Kind::Symbol,
        Kind::BigInt,
        Kind::JsObject,
        Kind::JsArray,
        Kind::JsFunction,
        Kind::Context,
        Kind::JsPromise,
        Kind::JsMap,
        Kind::JsSet,
        Kind::OrderedHashMap,
        Kind::OrderedHashSet,
        Kind::JsWeakMap,
        Kind::EphemeronHashTable,
        Kind::JsWeakRef,
        Kind::WeakCell,
        Kind::JsFinalizationRegistry,
        Kind::JsArrayBuffer,
        Kind::JsTypedArray,
        Kind::Code,
        Kind::Record,
    ];

    /// The kind with a number, if there is one.
    #[inline]
    pub(crate) fn from_number(number: u8) -> Option<Kind> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// V8's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::FreeSpace => "FreeSpace",
            Kind::Filler => "Filler",
            Kind::AllocationMemento => "AllocationMemento",
            Kind::FixedArray => "FixedArray",
            Kind::PropertyArray => "PropertyArray",
            Kind::FixedDoubleArray => "FixedDoubleArray",
            Kind::ByteArray => "ByteArray",
            Kind::HeapNumber => "HeapNumber",
            Kind::OneByteString => "SeqOneByteString",
            Kind::TwoByteString => "SeqTwoByteString",
            Kind::ConsString => "ConsString",
            Kind::SlicedString => "SlicedString",
            Kind::Symbol => "Symbol",
            Kind::BigInt => "BigInt",
            Kind::JsObject => "JSObject",
            Kind::JsArray => "JSArray",
            Kind::JsFunction => "JSFunction",
            Kind::Context => "Context",
            Kind::JsPromise => "JSPromise",
            Kind::JsMap => "JSMap",
            Kind::JsSet => "JSSet",
            Kind::OrderedHashMap => "OrderedHashMap",
            Kind::OrderedHashSet => "OrderedHashSet",
            Kind::JsWeakMap => "JSWeakMap",
            Kind::EphemeronHashTable => "EphemeronHashTable",
            Kind::JsWeakRef => "JSWeakRef",
            Kind::WeakCell => "WeakCell",
            Kind::JsFinalizationRegistry => "JSFinalizationRegistry",
            Kind::JsArrayBuffer => "JSArrayBuffer",
            Kind::JsTypedArray => "JSTypedArray",
            Kind::Code => "Code",
            Kind::Record => "Record",
        }
    }

    /// Free memory that only looks like an object so that a page can be walked.
    pub fn is_free_or_filler(self) -> bool {
        matches!(self, Kind::FreeSpace | Kind::Filler)
    }
}
