//! Makes a [`program`](super::program) of a workload. Pure.
//!
//! What holds: bodies stand behind those that they call, and each step knows its bytes of bytecode.

use std::cell::Cell;

use super::program::{Block, Body, Callee, Make, Op, Part, Place, Plan, Program};
use super::{liveness, size};
use crate::workload::{Bound, Container, KeepId, Shape, ShapeId, Step, Value, Workload};

/// Compiles a workload.
pub(super) fn compile(workload: &Workload) -> (Program, Vec<Plan<'_>>) {
    let shapes = vec![None; workload.shapes.len()];
    let mut compiler = Compiler { workload, program: Program::default(), shapes, sites: 0, loops: 0 };
    let mut plan = compiler.steps(&workload.steps, 0, 0);
    liveness::analyze(&mut plan, workload.keeps.len());
    compiler.program.dying = liveness::dying(&plan, workload.keeps.len());
    let functions = compiler.program.bodies.iter().filter(|body| matches!(body.callee, Callee::Function)).count();
    compiler.program.length = size::PROGRAM + size::CLOSURE * functions as u32 + length(&plan);
    (compiler.program, plan)
}

/// Bytes of steps.
fn length(plan: &[Plan<'_>]) -> u32 {
    let inner = |part: &Part<'_>| match part {
        Part::Repeat { body, .. } | Part::IfGcExposed(body) => length(body),
        Part::Make { .. } | Part::Do(_) => 0,
    };
    plan.iter().map(|step| step.bytes + inner(&step.part)).sum()
}

struct Compiler<'w> {
    workload: &'w Workload,
    program: Program,
    /// The bodies of the named shapes, where there is one already.
    shapes: Vec<Option<usize>>,
    /// Sites so far of the whole program.
    sites: usize,
    /// Loops so far of the main program; 0 is none.
    loops: usize,
}

/// Operations that are being written, and how deep their operands stand.
#[derive(Default)]
struct Draft {
    ops: Vec<Op>,
    now: usize,
    depth: usize,
}

impl Draft {
    /// Appends an operation that takes so many values and leaves one.
    fn push(&mut self, op: Op, takes: usize) {
        self.now = self.now + 1 - takes;
        self.depth = self.depth.max(self.now);
        if let (Op::Integer(more), Some(last)) = (op, self.ops.last_mut()) {
            match last {
                Op::Integer(first) if *first + 1 == more => {
                    *last = Op::Integers { first: *first, count: 2 };
                    return;
                }
                Op::Integers { first, count } if *first + *count as i32 == more => {
                    *count += 1;
                    return;
                }
                _ => {}
            }
        }
        self.ops.push(op);
    }
}

/// Numbers the sites of one body.
#[derive(Default)]
struct Sites(usize);

impl Sites {
    fn next(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }
}

impl<'w> Compiler<'w> {
    /// Steps with so many loops around them.
    fn steps(&mut self, steps: &'w [Step], around: usize, loops: u32) -> Vec<Plan<'w>> {
        let last =
            steps.iter().rposition(|step| matches!(step, Step::Make { count: Some(_), .. } | Step::Repeat { .. }));
        let mut plans = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let (part, bytes) = match step {
                Step::Make { count, value, keep, numbered } => {
                    let at = if count.is_some() { self.next_loop() } else { around };
                    let (make, bytes) = self.make(value, *keep, *numbered, count.is_some(), (at, loops));
                    (Part::Make { count: *count, make }, bytes)
                }
                Step::Repeat { times, iterations, body } => {
                    let at = self.next_loop();
                    let body = self.steps(body, at, loops + 1);
                    (Part::Repeat { times: *times, iterations: *iterations, at, depth: loops, body }, size::LOOP)
                }
                Step::IfGcExposed { body } => (Part::IfGcExposed(self.steps(body, around, loops)), 0),
                Step::Comment(_) => continue,
                other => (Part::Do(other), size::STEP),
            };
            // A function that a step calls is inlined.
            let inlined = matches!(step, Step::Sample { .. }) && loops > 0;
            let compiled = bytes + if inlined { size::SAMPLE } else { 0 };
            let ends_loop = loops > 0 && last.is_none_or(|last| number > last);
            plans.push(Plan {
                part,
                reached: Cell::new(false),
                compiled,
                bytes,
                ends_loop,
                dead_after: Vec::new(),
                dead_within: Vec::new(),
            });
        }
        plans
    }

    fn next_loop(&mut self) -> usize {
        self.loops += 1;
        self.loops
    }

    /// What a step makes, and the bytes of it; `at` the loop that it is the body of, and the number of loops around the step.
    fn make(
        &mut self,
        value: &Value,
        keep: Option<KeepId>,
        numbered: bool,
        counted: bool,
        (at, loops): (usize, u32),
    ) -> (Make, u32) {
        let keep = keep.map(|id| (id.0, self.workload.keeps[id.0].container, self.workload.keeps[id.0].bound));
        let mut node = 0;
        let body = self.body(|compiler, sites, draft| {
            if let Some((_, Container::List, _)) = keep {
                node = sites.next();
            }
            compiler.value(value, sites, draft);
        });
        let place = match keep {
            None => Place::Sink,
            Some((keep, Container::Array, bound @ (Bound::Window(_) | Bound::Table(_)))) => Place::Slot { keep, bound },
            Some((keep, Container::Array, bound)) => Place::Push { keep, bound },
            Some((keep, Container::Map, bound)) => Place::Map { keep, bound },
            Some((keep, Container::Set, bound)) => Place::Set { keep, bound },
            Some((keep, Container::List, bound)) => Place::List { keep, bound, site: node },
        };
        let around = if counted { size::KEEP + size::LOOP } else { size::KEEP };
        let bytes = around + size::expression(&self.program, self.program.bodies[body].block);
        let depth = (loops + u32::from(counted)).saturating_sub(1);
        self.program.bodies[body].callee = Callee::Main { at, depth, bytes };
        (Make { body, place, numbered }, bytes)
    }

    /// A new body; bodies that it calls get smaller numbers.
    fn body(&mut self, write: impl FnOnce(&mut Self, &mut Sites, &mut Draft)) -> usize {
        let (mut sites, mut draft) = (Sites::default(), Draft::default());
        write(self, &mut sites, &mut draft);
        let block = self.block(draft);
        let recursive = self.program.ops[block.start..block.end].iter().any(|op| matches!(op, Op::Tree { .. }));
        let callee = Callee::Function;
        self.program.bodies.push(Body { block, first_site: self.sites, sites: sites.0, callee, recursive });
        self.sites += sites.0;
        self.program.bodies.len() - 1
    }

    fn block(&mut self, draft: Draft) -> Block {
        let start = self.program.ops.len();
        self.program.ops.extend(draft.ops);
        Block { start, end: self.program.ops.len(), depth: draft.depth }
    }

    fn shape(&mut self, id: ShapeId) -> usize {
        if let Some(body) = self.shapes[id.0] {
            return body;
        }
        let workload = self.workload;
        let body = self.body(|compiler, sites, draft| compiler.inside(&workload.shapes[id.0].value, sites, draft));
        self.shapes[id.0] = Some(body);
        body
    }

    fn value(&mut self, value: &Value, sites: &mut Sites, draft: &mut Draft) {
        match value {
            Value::Shape(id) => {
                let body = self.shape(*id);
                draft.push(Op::Call(body), 0);
            }
            // These are functions of their own, as in the JavaScript program.
            Value::Concat { .. }
            | Value::Grown(_)
            | Value::Filled { .. }
            | Value::Doubles { .. }
            | Value::Map { .. }
            | Value::Set { .. }
            | Value::List { .. }
            | Value::Tree { .. } => {
                let body = self.body(|compiler, sites, draft| compiler.inside(value, sites, draft));
                draft.push(Op::Call(body), 0);
            }
            other => self.inside(other, sites, draft),
        }
    }

    /// What is made in a loop, in the body that has the loop.
    fn of(&mut self, value: &Value, sites: &mut Sites) -> Block {
        let mut draft = Draft::default();
        self.value(value, sites, &mut draft);
        self.block(draft)
    }

    fn fields(&mut self, shape: &Shape, sites: &mut Sites, draft: &mut Draft) -> usize {
        shape.fields.iter().for_each(|field| self.value(&field.value, sites, draft));
        shape.fields.len()
    }

    fn inside(&mut self, value: &Value, sites: &mut Sites, draft: &mut Draft) {
        match value {
            Value::Integer(more) => draft.push(Op::Integer(*more as i32), 0),
            Value::Double(more) => draft.push(Op::Double(*more), 0),
            Value::Null => draft.push(Op::Null, 0),
            Value::Shape(_) => self.value(value, sites, draft),
            Value::Text { prefix } => {
                self.program.texts.push(prefix.clone());
                draft.push(Op::Text(self.program.texts.len() - 1), 0);
            }
            Value::String { length, two_byte } => {
                draft.push(Op::String { length: *length, two_byte: *two_byte }, 0);
            }
            Value::Slice { of, length } => {
                self.value(of, sites, draft);
                draft.push(Op::Slice { length: *length }, 1);
            }
            Value::Object(shape) => {
                let site = sites.next();
                let fields = self.fields(shape, sites, draft);
                draft.push(Op::Object { site, fields }, fields);
            }
            Value::Class(shape) => {
                // The expressions of the fields stand in the constructor, which V8 optimises as a function of its own.
                let body = self.body(|compiler, sites, draft| {
                    let fields = compiler.fields(shape, sites, draft);
                    draft.push(Op::Instance { fields }, fields);
                });
                draft.push(Op::Call(body), 0);
            }
            Value::Grown(shape) => {
                let fields = self.fields(shape, sites, draft);
                draft.push(Op::Grown { fields }, fields);
            }
            Value::Array(values) => {
                let (site, length) = (sites.next(), values.len());
                let numbers = values.iter().all(|value| matches!(value, Value::Integer(_) | Value::Double(_)));
                if numbers && values.iter().any(|value| matches!(value, Value::Double(_))) {
                    draft.push(Op::DoubleLiteral { site, length }, 0);
                } else {
                    values.iter().for_each(|value| self.value(value, sites, draft));
                    draft.push(Op::Array { site, length }, length);
                }
            }
            Value::Closure(values) => {
                values.iter().for_each(|value| self.value(value, sites, draft));
                draft.push(Op::Closure { captured: values.len() }, values.len());
            }
            Value::Promise { resolved } => draft.push(Op::Promise { resolved: *resolved }, 0),
            Value::WeakRef(of) => {
                self.value(of, sites, draft);
                draft.push(Op::WeakRef, 1);
            }
            Value::Finalized(of) => {
                self.value(of, sites, draft);
                draft.push(Op::Finalized, 1);
            }
            Value::WeakKey { key, value } => {
                self.value(key, sites, draft);
                self.value(value, sites, draft);
                draft.push(Op::WeakKey, 2);
            }
            Value::Buffer { length, fill, pooled } => {
                draft.push(Op::Buffer { length: *length, fill: *fill, pooled: *pooled }, 0);
            }
            Value::Subarray { of, length } => {
                self.value(of, sites, draft);
                draft.push(Op::Subarray { length: *length }, 1);
            }
            Value::Concat { parts, of, flat } => {
                let of = self.of(of, sites);
                draft.push(Op::Concat { parts: *parts, of, flat: *flat }, 0);
            }
            Value::Filled { length, of, by } => {
                let site = sites.next();
                let of = self.of(of, sites);
                draft.push(Op::Filled { site, length: *length, of, by: *by }, 0);
            }
            Value::Doubles { length, by } => {
                draft.push(Op::Doubles { site: sites.next(), length: *length, by: *by }, 0);
            }
            Value::Map { size, of } => {
                let of = self.of(of, sites);
                draft.push(Op::Map { size: *size, of }, 0);
            }
            Value::Set { size } => draft.push(Op::Set { size: *size }, 0),
            Value::List { length, of } => {
                let site = sites.next();
                let of = self.of(of, sites);
                draft.push(Op::List { site, length: *length, of }, 0);
            }
            Value::Tree { depth, of } => {
                let site = sites.next();
                let of = self.of(of, sites);
                draft.push(Op::Tree { site, depth: *depth, of }, 0);
            }
        }
    }
}
