//! Objects: a header word, tagged words, then raw words.
//!
//! This room says how the words of the [reservation](crate::memory) are read as objects: [`word`] what a tagged word
//! can be, [`header`] what the first word of an object says, [`layout`] the sizes that V8 gives to its kinds,
//! [`growth`] the rules by which backing stores and hash tables grow. It keeps no state and knows no spaces.
//!
//! What holds: every object starts with a header whose lowest bit is set, or, while a collector moves objects, with
//! the address of its new place, whose lowest bit is clear. The collectors trace an object by its header alone.

pub(crate) mod growth;
pub(crate) mod header;
pub(crate) mod kind;
pub(crate) mod layout;
pub(crate) mod word;

pub(crate) use header::{Header, USUAL_TAGGED};
pub use kind::Kind;
