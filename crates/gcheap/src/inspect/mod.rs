//! Sight: where an object is, what holds it, what it holds, what lies on the pages, what has happened.
//!
//! All of it only reads the heap, so looking changes nothing: no collection runs, no limit moves, no time passes. It stands
//! above the mechanism and beside the façade; nothing below imports it. No recursion: a list of millions of elements needs
//! no more stack than one of three.
//!
//! | question | answer |
//! |---|---|
//! | where is this object? | [`Heap::inspect`](crate::Heap::inspect): an [`ObjectInfo`] |
//! | which objects are there? | [`Heap::walk`](crate::Heap::walk) |
//! | what holds it? | [`Heap::path_to`](crate::Heap::path_to), [`Graph::path`]: a [`Path`] |
//! | what does it hold? | [`Heap::retained_size`](crate::Heap::retained_size), [`Graph::dominator`] |
//! | how full are the pages? | [`Heap::page_map`](crate::Heap::page_map): a [`PageInfo`] each |
//! | what has grown? | [`Heap::census`](crate::Heap::census): a [`Census`], and its [difference](Census::since) |
//! | what has happened? | [`EventLog`] |

mod census;
mod dominators;
mod edge;
mod events;
mod graph;
mod pages;
mod path;
mod walk;

pub use census::{Census, CensusRow, Growth, Label};
pub use edge::Edge;
pub use events::EventLog;
pub use graph::{Graph, Node};
pub use pages::PageInfo;
pub use path::{Hop, Path};
pub use walk::{Age, ObjectInfo};
