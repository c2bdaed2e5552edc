//! What the work of the JavaScript program costs beside its allocations: nanoseconds an operation. Pure.
//!
//! Each price was measured on real programs that do little else, on the machine of [`CostModel::REFERENCE`]: the same on Node 20
//! and 24 within a third. A cost model with another price of a byte makes the whole program faster or slower by as much.

use gcheap::time::CostModel;

use super::tier::Tier;

/// A byte that is allocated and written: 10,000 characters are read in 500 ns.
const BYTE: f64 = 0.035;
/// An object: its room is taken and its header is written.
const OBJECT: f64 = 0.5;
/// A byte of bytecode, in baseline code, in Maglev's and in TurboFan's: a round of a loop of 30 bytes that makes a node takes 27,
/// 3.6 and 2.5 ns with the node.
const BYTECODE: [f64; 3] = [0.9, 0.05, 0.04];

/// A thing is put where it stays until the next one comes, or where it is kept: in an object that lies in old space, which is
/// remembered.
const PLACE: f64 = 5.0;
const KEEP: f64 = 16.0;
/// An element is pushed on an array: 50 take 130 ns on Node 24 and 300 on Node 20.
const PUSH: f64 = 3.0;
/// A call that is not inlined.
const CALL: f64 = 3.0;
/// The text of an integer, which is not in the cache of such texts.
const NUMBER_TEXT: f64 = 9.0;
/// `a + b` of two strings.
const CONCAT: f64 = 5.0;
/// A flat string made of a chain, for each part of it, and for each character.
const FLATTEN_PART: f64 = 10.0;
const FLATTEN_CHARACTER: f64 = 0.05;
/// `buffer.toString`: from JavaScript to C++ and back.
const TO_STRING: f64 = 85.0;
/// `text.substring`.
const SUBSTRING: f64 = 10.0;
/// An entry of a small Map or Set is made, and one of a table that no cache of the processor holds is made, replaced or deleted.
const ENTRY: f64 = 25.0;
const FAR_ENTRY: f64 = 60.0;
/// `Buffer.alloc`: the backing store comes from the C library, and is announced to the collector.
const BUFFER: f64 = 700.0;
/// A view on the pool of small Buffers, or on another Buffer.
const VIEW: f64 = 55.0;
const WEAK_REF: f64 = 110.0;
const REGISTER: f64 = 120.0;
const WEAK_ENTRY: f64 = 250.0;
/// A sample: `process.memoryUsage`, which asks the system, and a line that is written.
const SAMPLE: f64 = 16_000.0;

/// Entries of a table of a Map from which on its entries are far: the table is larger than the second cache of a processor.
const FAR_TABLE: u64 = 16 << 10;

/// The prices of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    /// How long a nanosecond of the reference takes.
    speed: f64,
}

impl Prices {
    /// With this cost model.
    pub(super) fn new(cost: &CostModel) -> Prices {
        Prices { speed: cost.mutator_ns_per_byte / CostModel::REFERENCE.mutator_ns_per_byte }
    }

    /// The cost model of a heap whose program is charged by these prices: what remains for allocations.
    pub(super) fn of_allocation(&self, cost: CostModel) -> CostModel {
        CostModel {
            mutator_ns_per_object: cost.mutator_ns_per_object + OBJECT * self.speed,
            mutator_ns_per_byte: BYTE * self.speed,
            ..cost
        }
    }

    /// A price of the reference in this run, in whole 1,024ths of a nanosecond: sums of such numbers are exact, so it does not matter
    /// in which order, or how many at once, operations are charged.
    fn of(&self, ns: f64) -> f64 {
        (ns * self.speed * 1024.0).round() / 1024.0
    }

    /// Bytes of bytecode that are executed in a tier.
    pub(super) fn bytecode(&self, tier: Tier, bytes: i64) -> f64 {
        self.of(BYTECODE[tier as usize] * bytes as f64)
    }

    /// A thing is put into its place.
    pub(super) fn place(&self, kept: bool) -> f64 {
        self.of(if kept { KEEP } else { PLACE })
    }

    /// An element is pushed on an array that the program does not keep.
    pub(super) fn push(&self) -> f64 {
        self.of(PUSH)
    }

    /// A function calls itself.
    pub(super) fn call(&self) -> f64 {
        self.of(CALL)
    }

    /// `'text' + number`.
    pub(super) fn text(&self) -> f64 {
        self.of(NUMBER_TEXT + CONCAT)
    }

    pub(super) fn concat(&self) -> f64 {
        self.of(CONCAT)
    }

    /// A chain of so many parts and characters becomes flat.
    pub(super) fn flatten(&self, parts: u64, characters: u64) -> f64 {
        self.of(FLATTEN_PART * parts as f64 + FLATTEN_CHARACTER * characters as f64)
    }

    pub(super) fn flat_string(&self) -> f64 {
        self.of(TO_STRING)
    }

    pub(super) fn substring(&self) -> f64 {
        self.of(SUBSTRING)
    }

    /// An entry of a Map or Set with so many is made, replaced or deleted.
    pub(super) fn entry(&self, entries: u64) -> f64 {
        self.of(if entries < FAR_TABLE { ENTRY } else { FAR_ENTRY })
    }

    pub(super) fn buffer(&self) -> f64 {
        self.of(BUFFER)
    }

    pub(super) fn view(&self) -> f64 {
        self.of(VIEW)
    }

    pub(super) fn weak_ref(&self) -> f64 {
        self.of(WEAK_REF)
    }

    pub(super) fn register(&self) -> f64 {
        self.of(REGISTER)
    }

    pub(super) fn weak_entry(&self) -> f64 {
        self.of(WEAK_ENTRY)
    }

    pub(super) fn sample(&self) -> f64 {
        self.of(SAMPLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_slower_by_as_much_as_a_byte_is_dearer() {
        let reference = Prices::new(&CostModel::REFERENCE);
        let slow =
            CostModel { mutator_ns_per_byte: 3.0 * CostModel::REFERENCE.mutator_ns_per_byte, ..CostModel::REFERENCE };
        assert_eq!(reference.text(), NUMBER_TEXT + CONCAT);
        assert!((Prices::new(&slow).text() / reference.text() - 3.0).abs() < 1e-9);
        assert!((Prices::new(&slow).of_allocation(slow).mutator_ns_per_byte / BYTE - 3.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_charged_for_a_small_record_is_near_the_price_of_its_bytes() {
        // `{ id: i, name: 'item' + i, data: [i, i + 1, i + 2] }` in optimised code: the program that calibration runs. 174 bytes in
        // five objects, about 90 bytes of bytecode.
        let prices = Prices::new(&CostModel::REFERENCE);
        let cost = prices.of_allocation(CostModel::REFERENCE);
        let allocation = 174.0 * cost.mutator_ns_per_byte + 5.0 * cost.mutator_ns_per_object;
        let ns = allocation + prices.text() + prices.bytecode(Tier::Turbofan, 90) + prices.place(false);
        let measured = 174.0 * CostModel::REFERENCE.mutator_ns_per_byte;
        assert!((ns / measured - 1.0).abs() < 0.2, "{ns} ns, measured {measured}");
    }
}
