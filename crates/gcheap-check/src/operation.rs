//! What a random program is made of.

use crate::random::Random;

/// What an operation does; its three numbers choose operands and sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the call of the façade that it is named after")]
pub enum Action {
    Object,
    SetProperty,
    AddProperty,
    Array,
    ArrayWithLength,
    ArrayOfDoubles,
    ArrayPush,
    ArrayPushMany,
    Hoard,
    ArraySet,
    ArrayTruncate,
    ArrayClear,
    LargeArray,
    PunchHoles,
    Text,
    LongText,
    Concat,
    Substring,
    Flatten,
    NumberToString,
    Number,
    Closure,
    Promise,
    Map,
    MapSet,
    MapSetMany,
    MapDelete,
    MapDeleteMany,
    Set,
    SetAdd,
    SetDelete,
    WeakMap,
    WeakMapSet,
    WeakMapChain,
    WeakMapDelete,
    WeakRef,
    Deref,
    Registry,
    Register,
    Unregister,
    TakeFinalization,
    WeakHandle,
    ArrayBuffer,
    WriteBuffer,
    TypedArray,
    View,
    Record,
    SetField,
    WriteRaw,
    Garbage,
    DropRoot,
    CopyRoot,
    OpenLocal,
    OpenScope,
    CloseScope,
    EndJob,
    Minor,
    Major,
    LastResort,
    Advance,
    Stress,
    RefusePages,
    RefuseBackingStores,
    AddNearLimit,
    RemoveNearLimit,
    Compare,
    StartMarking,
    MarkBytes,
    FinishMarking,
    Evacuate,
    SweepPage,
    ForceCompaction,
    ForcePromotion,
    FillNewSpace,
    FillOldSpace,
    RefuseDuring,
    Table,
    TableSet,
    Stretch,
    Literals,
    OpenVariable,
    SetVariable,
    /// An operation of the user, by its place in the harness.
    Custom(u16),
}

/// How often each action is drawn.
const WEIGHTS: &[(Action, u64)] = &[
    (Action::Object, 60),
    (Action::SetProperty, 50),
    (Action::AddProperty, 20),
    (Action::Array, 40),
    (Action::ArrayWithLength, 6),
    (Action::ArrayOfDoubles, 6),
    (Action::ArrayPush, 60),
    (Action::ArrayPushMany, 24),
    (Action::Hoard, 30),
    (Action::ArraySet, 50),
    (Action::ArrayTruncate, 14),
    (Action::ArrayClear, 3),
    (Action::LargeArray, 3),
    (Action::PunchHoles, 8),
    (Action::Text, 20),
    (Action::LongText, 2),
    (Action::Concat, 16),
    (Action::Substring, 10),
    (Action::Flatten, 6),
    (Action::NumberToString, 6),
    (Action::Number, 8),
    (Action::Closure, 10),
    (Action::Promise, 3),
    (Action::Map, 6),
    (Action::MapSet, 40),
    (Action::MapSetMany, 3),
    (Action::MapDelete, 20),
    (Action::MapDeleteMany, 2),
    (Action::Set, 4),
    (Action::SetAdd, 20),
    (Action::SetDelete, 10),
    (Action::WeakMap, 4),
    (Action::WeakMapSet, 30),
    (Action::WeakMapChain, 3),
    (Action::WeakMapDelete, 8),
    (Action::WeakRef, 16),
    (Action::Deref, 10),
    (Action::Registry, 4),
    (Action::Register, 24),
    (Action::Unregister, 6),
    (Action::TakeFinalization, 12),
    (Action::WeakHandle, 8),
    (Action::ArrayBuffer, 6),
    (Action::WriteBuffer, 10),
    (Action::TypedArray, 6),
    (Action::View, 6),
    (Action::Record, 20),
    (Action::SetField, 20),
    (Action::WriteRaw, 8),
    (Action::Garbage, 24),
    (Action::DropRoot, 24),
    (Action::CopyRoot, 20),
    (Action::OpenLocal, 20),
    (Action::OpenScope, 8),
    (Action::CloseScope, 10),
    (Action::EndJob, 12),
    (Action::Minor, 6),
    (Action::Major, 1),
    (Action::LastResort, 1),
    (Action::Advance, 8),
    (Action::Stress, 1),
    (Action::RefusePages, 5),
    (Action::RefuseBackingStores, 3),
    (Action::AddNearLimit, 1),
    (Action::RemoveNearLimit, 1),
    (Action::Compare, 3),
    // Behind the others: the bytes of a fuzzer choose by place.
    (Action::StartMarking, 5),
    (Action::MarkBytes, 12),
    (Action::FinishMarking, 3),
    (Action::Evacuate, 3),
    (Action::SweepPage, 6),
    (Action::ForceCompaction, 2),
    (Action::ForcePromotion, 2),
    (Action::FillNewSpace, 3),
    (Action::FillOldSpace, 1),
    (Action::RefuseDuring, 3),
    (Action::Table, 4),
    (Action::TableSet, 16),
    (Action::Stretch, 50),
    (Action::Literals, 40),
    (Action::OpenVariable, 8),
    (Action::SetVariable, 30),
];

impl Action {
    /// Every built-in action, in an order that stays.
    pub fn all() -> impl Iterator<Item = Action> {
        WEIGHTS.iter().map(|(action, _)| *action)
    }

    /// The name in replays.
    ///
    /// ```
    /// use gcheap_check::operation::Action;
    /// assert_eq!(Action::Minor.name(), "Minor");
    /// assert_eq!(Action::from_name("Minor"), Some(Action::Minor));
    /// ```
    pub fn name(self) -> String {
        match self {
            Action::Custom(index) => format!("Custom:{index}"),
            other => format!("{other:?}"),
        }
    }

    /// The action of a name.
    pub fn from_name(name: &str) -> Option<Action> {
        if let Some(index) = name.strip_prefix("Custom:") {
            return index.parse().ok().map(Action::Custom);
        }
        Action::all().find(|action| action.name() == name)
    }
}

/// One step of a program. An operation that finds no fitting operand does nothing, so that any of them can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What to do.
    pub action: Action,
    /// Chooses operands and sizes.
    pub numbers: [u32; 3],
}

/// A program of `count` operations.
///
/// ```
/// let program = gcheap_check::operation::program(7, 100);
/// assert_eq!(program, gcheap_check::operation::program(7, 100));
/// ```
pub fn program(seed: u64, count: usize) -> Vec<Operation> {
    weighted(seed, count, &[])
}

/// A program in which other actions are drawn too, as often as their weights say.
pub(crate) fn weighted(seed: u64, count: usize, more: &[(Action, u64)]) -> Vec<Operation> {
    let mut random = Random::new(seed ^ 0x5eed);
    let total = WEIGHTS.iter().chain(more).map(|(_, weight)| weight).sum();
    (0..count)
        .map(|_| {
            let mut at = random.below(total);
            let action = WEIGHTS
                .iter()
                .chain(more)
                .find(|(_, weight)| match at.checked_sub(*weight) {
                    Some(rest) => {
                        at = rest;
                        false
                    }
                    None => true,
                })
                .map_or(Action::Compare, |(action, _)| *action);
            let numbers = [random.next() as u32, random.next() as u32, random.next() as u32];
            Operation { action, numbers }
        })
        .collect()
}

/// Bytes of one operation in [`from_bytes`].
const OPERATION_BYTES: usize = 7;

/// A program from any bytes, for fuzzers: a byte chooses the action, two each the numbers. A rest is left out.
///
/// ```
/// use gcheap_check::operation::{from_bytes, program, to_bytes};
/// assert_eq!(from_bytes(&[0, 1, 0, 2, 0, 3, 0])[0].numbers, [1, 2, 3]);
/// let short = from_bytes(&to_bytes(&program(1, 50)));
/// assert_eq!(from_bytes(&to_bytes(&short)), short);
/// ```
pub fn from_bytes(bytes: &[u8]) -> Vec<Operation> {
    let number = |bytes: &[u8], at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    bytes
        .chunks_exact(OPERATION_BYTES)
        .map(|bytes| Operation {
            action: WEIGHTS[usize::from(bytes[0]) % WEIGHTS.len()].0,
            numbers: [number(bytes, 1), number(bytes, 3), number(bytes, 5)],
        })
        .collect()
}

/// Bytes of a program of built-in operations; of each number the lower half.
pub fn to_bytes(program: &[Operation]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for operation in program {
        let Some(place) = WEIGHTS.iter().position(|(action, _)| *action == operation.action) else { continue };
        bytes.push(place as u8);
        for number in operation.numbers {
            bytes.extend((number as u16).to_le_bytes());
        }
    }
    bytes
}
