//! Records with the layout of the library's user: what [`record!`](crate::record!) is made of.
//!
//! [`Any`], [`Smi`] and the [types of handles](crate::types) say what a tagged field holds; [`RawValue`] what a raw field can
//! be. Layouts that are known only when the program runs are registered with [`Heap::record_type`](crate::Heap::record_type).

pub use crate::heap::typed_record::{Any, Field, Key, RawField, RawValue, RecordLayout, Smi, TaggedField};
