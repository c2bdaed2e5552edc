//! A workload as flat operations: no names, no tree, nothing to look up while it runs. [`compile`](super::compile) makes it.
//!
//! What holds: operations stand in the order in which JavaScript evaluates the expression, and the sites of one body are
//! numbered from its outermost literal inwards, from 0 in each body.

use std::cell::Cell;

use crate::workload::{Bound, Count, Growth, Step};

/// A run of operations that leaves one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub start: usize,
    pub end: usize,
    /// Values that stand on the operand stack at once, at most.
    pub depth: usize,
}

/// One operation. Values that it takes are on top of the operand stack, the last one uppermost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    Integer(i32),
    /// So many integers, each one more than the one before.
    Integers {
        first: i32,
        count: usize,
    },
    Double(f64),
    Null,
    /// The counter behind a text.
    Text(usize),
    String {
        length: Count,
        two_byte: bool,
    },
    Slice {
        length: Count,
    },
    Object {
        site: usize,
        fields: usize,
    },
    Instance {
        fields: usize,
    },
    Grown {
        fields: usize,
    },
    Array {
        site: usize,
        length: usize,
    },
    DoubleLiteral {
        site: usize,
        length: usize,
    },
    Closure {
        captured: usize,
    },
    Promise {
        resolved: bool,
    },
    WeakRef,
    Finalized,
    WeakKey,
    Buffer {
        length: Count,
        fill: Option<u8>,
        pooled: bool,
    },
    Subarray {
        length: Count,
    },
    /// Another body.
    Call(usize),
    Concat {
        parts: Count,
        of: Block,
        flat: bool,
    },
    Filled {
        site: usize,
        length: Count,
        of: Block,
        by: Growth,
    },
    Doubles {
        site: usize,
        length: Count,
        by: Growth,
    },
    Map {
        size: Count,
        of: Block,
    },
    Set {
        size: Count,
    },
    List {
        site: usize,
        length: Count,
        of: Block,
    },
    Tree {
        site: usize,
        depth: u32,
        of: Block,
    },
}

/// A function, or the body of a loop: what is optimised as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub block: Block,
    /// Where its sites begin among those of the whole program.
    pub first_site: usize,
    pub sites: usize,
    pub callee: Callee,
    /// It calls itself.
    pub recursive: bool,
}

/// Where a body stands in the JavaScript program.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    /// In a function of its own.
    Function,
    /// In a loop of the main program, with so many loops around it; an execution is so many bytes of bytecode.
    Main { at: usize, depth: u32, bytes: u32 },
}

/// What one step makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Make {
    pub body: usize,
    pub place: Place,
    pub numbered: bool,
}

/// Where a thing is put.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Until the next one comes.
    Sink,
    Push {
        keep: usize,
        bound: Bound,
    },
    Slot {
        keep: usize,
        bound: Bound,
    },
    Map {
        keep: usize,
        bound: Bound,
    },
    Set {
        keep: usize,
        bound: Bound,
    },
    /// The node is a literal of the making body.
    List {
        keep: usize,
        bound: Bound,
        site: usize,
    },
}

impl Place {
    /// The variable that keeps the thing.
    pub(super) fn keep(&self) -> Option<usize> {
        match *self {
            Place::Sink => None,
            Place::Push { keep, .. }
            | Place::Slot { keep, .. }
            | Place::Map { keep, .. }
            | Place::Set { keep, .. }
            | Place::List { keep, .. } => Some(keep),
        }
    }
}

/// The steps with what they make compiled.
pub(super) struct Plan<'w> {
    pub part: Part<'w>,
    /// It has been executed.
    pub reached: Cell<bool>,
    /// Bytes of bytecode that a compiler has to deal with, once it was reached.
    pub compiled: u32,
    /// Bytes of bytecode.
    pub bytes: u32,
    /// It is within a loop, and no other loop follows it there.
    pub ends_loop: bool,
    /// Variables that nothing reads once it is done, before they are set anew.
    pub dead_after: Vec<usize>,
    /// Those of them that it does not use either.
    pub dead_within: Vec<usize>,
}

/// One step.
pub(super) enum Part<'w> {
    Make {
        count: Option<Count>,
        make: Make,
    },
    /// `at`: its number, `depth`: loops around it.
    Repeat {
        times: Option<Count>,
        iterations: bool,
        at: usize,
        depth: u32,
        body: Vec<Plan<'w>>,
    },
    IfGcExposed(Vec<Plan<'w>>),
    Do(&'w Step),
}

/// All that runs, but the steps.
#[derive(Default)]
pub(super) struct Program {
    pub ops: Vec<Op>,
    pub bodies: Vec<Body>,
    /// What stands before the counter in texts.
    pub texts: Vec<String>,
    /// Bytes of bytecode of the main program.
    pub length: u32,
    /// Variables that are read by nothing in a later part of the program.
    pub dying: Vec<bool>,
}

impl Program {
    /// The functions that a body calls.
    pub(super) fn called(&self, body: &Body) -> impl Iterator<Item = usize> {
        let inner = self.ops[body.block.start..body.block.end].iter().filter_map(Op::rounds);
        [body.block].into_iter().chain(inner).flat_map(|block| &self.ops[block.start..block.end]).filter_map(|op| {
            match op {
                Op::Call(called) => Some(*called),
                _ => None,
            }
        })
    }
}

impl Op {
    /// What is made in each round of a loop.
    fn rounds(&self) -> Option<Block> {
        match self {
            Op::Concat { of, .. }
            | Op::Filled { of, .. }
            | Op::Map { of, .. }
            | Op::List { of, .. }
            | Op::Tree { of, .. } => Some(*of),
            _ => None,
        }
    }
}
