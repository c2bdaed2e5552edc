//! How long V8's bytecode of a workload is: what budgets of its compilers are counted in. Pure.
//!
//! Estimates, operation for operation, of what the JavaScript program of [`script`](crate::engine::node::script) compiles to
//! (`node --print-bytecode`). They are right within some percent, which is enough: a budget is hundreds of times the length.

use super::program::{Block, Body, Op, Program};
use crate::workload::{Count, Growth};

/// Bytecode of one body, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// The whole of it.
    pub length: u32,
    /// What a call executes, but the rounds of its loop.
    pub call: u32,
    /// What a round of its loop executes.
    pub round: u32,
}

/// Stores an accumulator in a register, or a register in the accumulator.
const MOVE: u32 = 2;
/// A load or store of a named property, with its feedback slot.
const PROPERTY: u32 = 4;
/// A call, with its function in a register.
const CALL: u32 = 6;
/// The end of a loop: its variable moves on, and it jumps back.
const BACK: u32 = 9;
/// The operation of `n + 1`, `'text' + n` and the like.
const ADD: u32 = 3;
/// Comparison of a loop variable and the jump behind it.
const COMPARE: u32 = 5;

/// Bytes of a main program around its steps: what it prints first and last, and its variables.
pub(super) const PROGRAM: u32 = 160;
/// Bytes of a loop around its body.
pub(super) const LOOP: u32 = BACK + COMPARE + 6;
/// Bytes of a step that calls a function of the program, such as one that takes a sample.
pub(super) const STEP: u32 = 12;
/// Bytes of the function that takes samples.
pub(super) const SAMPLE: u32 = 150;
/// Bytes that put a thing where it belongs and count it.
pub(super) const KEEP: u32 = 14;
/// Bytes that make a function of the program.
pub(super) const CLOSURE: u32 = 5;
/// Bytes of a drawing of a number, and of the function that draws.
const DRAW: u32 = 18;

/// The size of a body that is a function of its own.
pub(super) fn function(program: &Program, body: &Body) -> Size {
    let mut size = Size { length: 1, call: 1, round: 0 };
    for op in &program.ops[body.block.start..body.block.end] {
        let bytes = straight(op);
        size.length += bytes;
        size.call += bytes;
        if let Some((of, more)) = inner_loop(op) {
            let round = of.map_or(0, |block| expression(program, block)) + more;
            size.length += round;
            size.round += round;
        }
    }
    if size.round == 0 {
        size.round = size.call;
    }
    size
}

/// The size of a library function of Node that a workload calls.
pub(super) const fn library(length: u32, executed: u32) -> Size {
    Size { length, call: executed, round: executed }
}

/// Bytes of an expression.
pub(super) fn expression(program: &Program, block: Block) -> u32 {
    program.ops[block.start..block.end].iter().map(straight).sum()
}

fn count(count: Count) -> u32 {
    match count {
        Count::Fixed(_) => MOVE,
        Count::Drawn { .. } => DRAW,
    }
}

/// What is executed once.
fn straight(op: &Op) -> u32 {
    match *op {
        Op::Integer(0) | Op::Null => MOVE,
        Op::Integer(_) => MOVE + ADD,
        Op::Integers { count, .. } => (MOVE + ADD) * count as u32,
        Op::Double(_) => MOVE + MOVE + 1 + ADD,
        Op::Text(_) => MOVE + 1 + MOVE + ADD,
        Op::String { length, .. } => 3 * MOVE + 2 * PROPERTY + CALL + count(length),
        Op::Slice { length } => PROPERTY + CALL + 2 * MOVE + count(length),
        Op::Object { fields, .. } => 5 + PROPERTY * fields as u32 + MOVE,
        Op::Instance { fields } | Op::Grown { fields } => 6 + PROPERTY * fields as u32 + 2 * MOVE,
        Op::Array { length, .. } => 5 + 7 * length as u32 + MOVE,
        Op::DoubleLiteral { length, .. } => 5 + (7 + 2 * MOVE + 1 + ADD) * length as u32 + MOVE,
        Op::Closure { captured } => CALL + 2 * MOVE * captured as u32,
        Op::Promise { resolved: true } => 2 * PROPERTY + CALL,
        Op::Promise { resolved: false } => 2 * PROPERTY + CALL + MOVE,
        Op::WeakRef => PROPERTY + CALL + 1,
        Op::Finalized | Op::WeakKey => CALL + 2 * MOVE,
        Op::Buffer { length, .. } => 2 * PROPERTY + CALL + count(length),
        Op::Subarray { length } => PROPERTY + CALL + MOVE + count(length),
        Op::Call(_) => CALL,
        Op::Concat { parts, flat, .. } => 2 * MOVE + count(parts) + if flat { CALL } else { 0 },
        Op::Filled { length, by, .. } | Op::Doubles { length, by, .. } => {
            count(length) + 5 + if by == Growth::Length { PROPERTY + CALL + MOVE } else { 0 }
        }
        Op::Map { size, .. } | Op::Set { size } => count(size) + PROPERTY + CALL,
        Op::List { length, .. } => count(length) + 2 * MOVE,
        // A comparison, two calls and a literal of three fields.
        Op::Tree { .. } => COMPARE + MOVE + 2 * (CALL + 2 * MOVE + ADD) + 5 + 3 * (PROPERTY + MOVE),
    }
}

/// What a round of the loop of an operation executes: a block, and so many bytes around it.
fn inner_loop(op: &Op) -> Option<(Option<Block>, u32)> {
    let head = |rounds: Count| BACK + COMPARE + if matches!(rounds, Count::Fixed(_)) { MOVE } else { 1 };
    Some(match *op {
        Op::Concat { parts, of, .. } => (Some(of), head(parts) + MOVE + ADD),
        Op::Filled { length, of, by, .. } => {
            (Some(of), head(length) + if by == Growth::Push { PROPERTY + CALL + MOVE } else { PROPERTY + MOVE })
        }
        Op::Doubles { length, by, .. } => (
            None,
            head(length) + MOVE + ADD + if by == Growth::Push { PROPERTY + CALL + MOVE } else { PROPERTY + MOVE },
        ),
        Op::Map { size, of } => (Some(of), head(size) + PROPERTY + CALL + 2 * MOVE),
        Op::Set { size } => (None, head(size) + PROPERTY + CALL + 2 * MOVE),
        Op::List { length, of, .. } => (Some(of), head(length) + 5 + 2 * PROPERTY + 2 * MOVE),
        _ => return None,
    })
}
