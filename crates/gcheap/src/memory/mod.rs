//! Raw memory: the only room of the crate in which `unsafe` is written.
//!
//! It may touch the operating system (through [`backend`]) and nothing else; it knows neither objects nor spaces.
//!
//! What holds here, and what every caller may rely on:
//!
//! * A heap address is a byte offset into one reservation whose size is a power of two. Every access masks the offset
//!   into the reservation and down to a word, so **no offset, however wrong, reads or writes outside the reservation**.
//! * Words of a page that is not committed are never handed out by the floors above; touching one is a bug of this
//!   crate that the mmap backend answers with a fault, never with somebody else's memory.
//! * Reads take `&self`, writes take `&mut self`: a borrowed byte slice cannot be overwritten under its reader.
//! * Nothing here calls back.

pub mod backend;
mod backing_store;
mod bits;
mod mark_view;
mod mutator_view;
mod page_slots;
mod prefault;
mod reservation;
mod side_tables;
mod update_view;
mod worklist;

pub(crate) use backing_store::BackingStore;
pub(crate) use bits::{BitTable, Bits, SPAN};
pub(crate) use mark_view::{Half, MarkView, Share, Slots, Whole};
pub(crate) use mutator_view::{Brand, MutatorView, Place, STORED, Sum};
pub(crate) use page_slots::PageSlots;
pub(crate) use reservation::{Reservation, SMALL_HEAP};
pub(crate) use side_tables::{SideTables, Table};
pub(crate) use update_view::UpdateView;
pub(crate) use worklist::{Top, Worklist};

/// Bytes of a tagged word.
pub(crate) const WORD: u64 = 8;
/// Commit granularity of large pages; what V8 rounds large chunks and shrunk pages to.
pub(crate) const OS_PAGE: u64 = 4096;

/// The operating system would not give memory. It is the cause behind an out-of-memory error, never a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Bytes that were asked for.
    pub bytes: u64,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the operating system refused {} bytes of memory", self.bytes)
    }
}

impl std::error::Error for Refused {}
