//! Makes what a step makes: the inner loop of the simulation.
//!
//! What holds: nothing is looked up by name, hashed or taken from malloc for an object of usual size. Handles of one thing
//! live in one scope, so nothing but the keeping variable holds it afterwards.

mod loops;
mod stretch;

use gcheap::types::{JsArray, JsFinalizationRegistry, JsString, JsTypedArray, JsWeakMap};
use gcheap::{Error, ErrorKind, Heap, Local, Placement, Scope, Value};

use super::code::{self, Codes, Library};
use super::keep::Holder;
use super::pool::Pool;
use super::price::Prices;
use super::program::{Block, Make, Op, Place, Program};
use super::tier::Tier;
use crate::engine::node::script::text_bytes;
use crate::workload::Value as Made;
use crate::workload::random::Random;
use crate::workload::{Bound, Count, Keep, WHOLE_SHARE, Workload};

/// Operands that fit on the stack of the machine; deeper expressions are rare.
const FEW: usize = 8;
/// Words of an empty object.
const OBJECT_WORDS: usize = 3;
/// Words of a function, and of a context with three variables.
const FUNCTION_WORDS: usize = 7;
/// What `new Promise` makes beside the promise: the executor, the two resolving functions and their context.
const RESOLVING: usize = 4;
/// Words that unoptimised code leaves behind `Buffer.alloc` without a fill and `Buffer.allocUnsafe`: 80 bytes on Node 20,
/// 22, 24 and 26.
const BUFFER_WORDS: usize = 10;
/// Words that it leaves behind `buffer.toString`: 72 bytes on Node 20, 24.
const TO_STRING_WORDS: usize = 9;

/// Everything that outlives a single thing.
pub(super) struct Maker<'p, 'o> {
    program: &'p Program,
    codes: Codes,
    prices: Prices,
    n: i32,
    random: Random,
    texts: Vec<Local<'o, JsString>>,
    keeps: &'p [Keep],
    holders: Vec<Holder<'o>>,
    sink: Option<Local<'o, JsArray>>,
    registry: Option<Local<'o, JsFinalizationRegistry>>,
    weak_map: Option<Local<'o, JsWeakMap>>,
    pool: Pool,
    /// What arrays of doubles are made of.
    doubles: Vec<f64>,
    /// For each body, those that a thing is made by, if some can be made in one stretch.
    entered: Vec<Option<Vec<usize>>>,
}

impl<'p, 'o> Maker<'p, 'o> {
    /// Sets up the variables of the program. Can collect.
    pub(super) fn new(
        program: &'p Program,
        workload: &'p Workload,
        seed: u64,
        prices: Prices,
        log: &code::Deoptimized,
        scope: &mut Scope<'o>,
    ) -> Result<Maker<'p, 'o>, Error> {
        // Variables of a running module body: they lie on the stack and nowhere else.
        let keeps = workload.keeps.iter().zip(&program.dying);
        let holders = keeps.map(|(keep, &dies)| Holder::new(keep, dies, scope)).collect::<Result<Vec<_>, _>>()?;
        let codes = Codes::new(program, prices, scope, log);
        let texts = program.texts.iter().map(|text| scope.string(text)).collect::<Result<Vec<_>, _>>()?;
        let [narrow, wide] = workload.longest_strings();
        if narrow > 0 {
            scope.buffer_alloc(text_bytes(narrow), Some(b'x'))?;
        }
        if wide > 0 {
            scope.buffer_alloc(text_bytes(2 * wide), Some(0x4e))?;
        }
        let sinks = workload.any_step(&|step| matches!(step, crate::workload::Step::Make { keep: None, .. }));
        let finalizes = workload.any_value(&|value| matches!(value, Made::Finalized(_)));
        let maps = workload.any_value(&|value| matches!(value, Made::WeakKey { .. }));
        Ok(Maker {
            program,
            codes,
            prices,
            n: 0,
            random: Random::new(seed),
            texts,
            keeps: &workload.keeps,
            holders,
            sink: if sinks { Some(scope.array(&[Value::Undefined])?) } else { None },
            registry: if finalizes { Some(scope.finalization_registry()?) } else { None },
            weak_map: if maps { Some(scope.weak_map()?) } else { None },
            pool: Pool::default(),
            doubles: Vec::new(),
            entered: (0..program.bodies.len()).map(|body| stretch::entered(program, body)).collect(),
        })
    }

    /// How many this time.
    #[inline]
    pub(super) fn count(&mut self, count: Count) -> u64 {
        match count {
            Count::Fixed(number) => number,
            Count::Drawn { from, to } => u64::from(self.random.draw(from, to)),
        }
    }

    /// Drops all that a variable keeps. Can collect.
    pub(super) fn drop_all(&mut self, keep: usize, again: bool, scope: &mut Scope<'_>) -> Result<(), Error> {
        self.holders[keep].drop_all(&self.keeps[keep], again, scope)
    }

    /// Variables that nothing reads any more: optimised code of the main program lets go of what they keep.
    pub(super) fn forget(&mut self, dead: &[usize], scope: &mut Scope<'_>) -> Result<(), Error> {
        if dead.is_empty() || !self.codes.main_is_optimized() {
            return Ok(());
        }
        dead.iter().try_for_each(|&keep| self.drop_all(keep, false, scope))
    }

    /// Makes one thing and keeps it; what else was made is garbage. Can collect.
    #[inline]
    pub(super) fn make(&mut self, make: &Make, scope: &mut Scope<'_>) -> Result<(), Error> {
        let mut turn = scope.scope();
        match make.place {
            Place::Push { keep, bound: Bound::All } => {
                let value = self.call(make.body, &mut turn)?;
                turn.work(self.prices.place(true));
                match &self.holders[keep] {
                    Holder::Array(array) => turn.array_push(*array, value)?,
                    Holder::Grows(array) => match array.open(&mut turn)? {
                        Some(array) => turn.array_push(array, value)?,
                        None => 0,
                    },
                    _ => 0,
                };
            }
            place => self.make_elsewhere(place, make.body, &mut turn)?,
        }
        if make.numbered {
            self.n = self.n.wrapping_add(1);
        }
        Ok(())
    }

    #[inline(never)]
    fn make_elsewhere(&mut self, place: Place, body: usize, turn: &mut Scope<'_>) -> Result<(), Error> {
        match place {
            Place::Sink => {
                let value = self.call(body, turn)?;
                turn.work(self.prices.place(false));
                match self.sink {
                    Some(sink) => turn.array_set(sink, 0, value),
                    None => Ok(()),
                }
            }
            Place::Push { keep, bound } => {
                let value = self.call(body, turn)?;
                let stays = self.stays(bound);
                turn.work(self.prices.place(stays));
                match &self.holders[keep] {
                    Holder::Array(array) if stays => turn.array_push(*array, value).map(drop),
                    Holder::Grows(array) if stays => match array.open(turn)? {
                        Some(array) => turn.array_push(array, value).map(drop),
                        None => Ok(()),
                    },
                    _ => Ok(()),
                }
            }
            Place::Slot { keep, bound } => {
                // JavaScript evaluates the index first.
                let index = self.slot(bound);
                let value = self.call(body, turn)?;
                turn.work(self.prices.place(true));
                match &self.holders[keep] {
                    Holder::Slots(slots) => match slots.open(turn)? {
                        Some(slots) => turn.array_set(slots, index, value),
                        None => Ok(()),
                    },
                    _ => Ok(()),
                }
            }
            Place::Map { keep, bound } => {
                let key = match bound {
                    Bound::Table(_) => self.slot(bound) as i32,
                    _ => self.n,
                };
                let value = self.call(body, turn)?;
                let stays = self.stays(bound);
                let Holder::Map(map) = &self.holders[keep] else { return Ok(()) };
                let Some(map) = map.open(turn)? else { return Ok(()) };
                let price = self.prices.entry(turn.map_size(map)?);
                if stays {
                    turn.work(price);
                    turn.map_set(map, key.into(), value)?;
                }
                if let Bound::Window(size) = bound {
                    turn.work(price);
                    turn.map_delete(map, key.wrapping_sub(size as i32).into())?;
                }
                Ok(())
            }
            Place::Set { keep, bound } => {
                let value = self.call(body, turn)?;
                let stays = self.stays(bound);
                match &self.holders[keep] {
                    Holder::Set(set) if stays => match set.open(turn)? {
                        Some(set) => {
                            let entries = turn.set_size(set)?;
                            turn.work(self.prices.entry(entries));
                            turn.set_add(set, value)
                        }
                        None => Ok(()),
                    },
                    _ => Ok(()),
                }
            }
            Place::List { keep, bound, site } => {
                let value = self.call(body, turn)?;
                let stays = self.stays(bound);
                turn.work(self.prices.place(stays));
                let placement = self.placement(body, site);
                match &mut self.holders[keep] {
                    Holder::Head(head) if stays => {
                        let next = head.get(turn)?.map_or(Value::Undefined, Value::Object);
                        let node = turn.object_literal(placement, &[value, next])?;
                        head.set(Some(node.upcast()), turn)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether the thing is one of those that are kept.
    fn stays(&mut self, bound: Bound) -> bool {
        match bound {
            Bound::OneIn(every) => (self.n as u32).is_multiple_of(every),
            Bound::Share(millionths) => self.random.draw(1, WHOLE_SHARE) <= millionths,
            _ => true,
        }
    }

    fn slot(&mut self, bound: Bound) -> u64 {
        match bound {
            Bound::Window(size) => u64::from(self.n as u32 % size),
            Bound::Table(size) => u64::from(self.random.draw(0, size - 1)),
            _ => 0,
        }
    }

    #[inline]
    fn placement(&self, body: usize, site: usize) -> Placement {
        self.codes.placements[self.program.bodies[body].first_site + site]
    }

    #[inline]
    fn enter(&mut self, body: usize, heap: &mut Heap) -> Result<(), Error> {
        self.codes.enter(body, heap)
    }

    /// Executes a body: the value that it leaves.
    #[inline]
    fn call<'s>(&mut self, body: usize, scope: &mut Scope<'s>) -> Result<Value<'s>, Error> {
        self.enter(body, scope)?;
        self.block(body, self.program.bodies[body].block, scope)
    }

    /// The main program comes to a step for the first time.
    pub(super) fn reach(&mut self, bytes: u32, ends_loop: bool, heap: &Heap) -> Result<(), Error> {
        self.codes.reach(bytes, ends_loop, heap)
    }

    /// The main program begins a loop of a body.
    pub(super) fn begin(&mut self, body: usize, heap: &mut Heap) -> Result<(), Error> {
        self.codes.begin(body, heap)
    }

    /// The main program jumps back in a loop of steps, with so many loops around it.
    pub(super) fn back_edge(&mut self, at: usize, depth: u32, heap: &mut Heap) -> Result<(), Error> {
        self.codes.back_edge(at, depth, heap)
    }

    /// The number that unoptimised code makes of a sum of doubles. Can collect.
    #[inline]
    fn box_sum(&mut self, body: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        if self.codes.tier(body) != Tier::Unoptimized {
            return Ok(());
        }
        scope.scope().heap_number(0.0).map(drop)
    }

    /// A call of a function of Node: garbage that it leaves unless TurboFan has dealt with it, in words. Can collect.
    fn library(&mut self, body: usize, library: Library, words: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        if !self.codes.calls(body, library, scope) {
            return Ok(());
        }
        scope.scope().object(&[Value::Undefined; BUFFER_WORDS][..words - OBJECT_WORDS]).map(drop)
    }

    #[inline]
    fn block<'s>(&mut self, body: usize, block: Block, scope: &mut Scope<'s>) -> Result<Value<'s>, Error> {
        if block.depth <= FEW {
            self.run(body, block, &mut [Value::Undefined; FEW], scope)
        } else {
            self.run(body, block, &mut vec![Value::Undefined; block.depth], scope)
        }
    }

    #[inline]
    fn run<'s>(
        &mut self,
        body: usize,
        block: Block,
        stack: &mut [Value<'s>],
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        let program = self.program;
        let first_site = program.bodies[body].first_site;
        let mut top = 0;
        for op in &program.ops[block.start..block.end] {
            // Each arm puts its value where it belongs: one that went through a variable of all arms would be written in parts
            // and read as a whole, which stalls.
            match *op {
                Op::Integer(more) => stack[top] = Value::Smi(self.n.wrapping_add(more)),
                Op::Integers { first, count } => {
                    let mut number = self.n.wrapping_add(first);
                    for slot in &mut stack[top..top + count] {
                        *slot = Value::Smi(number);
                        number = number.wrapping_add(1);
                    }
                    top += count;
                    continue;
                }
                Op::Text(text) => {
                    scope.work(self.prices.text());
                    let number = scope.number_to_string(self.n)?;
                    let text = scope.concat(self.texts[text], number)?;
                    stack[top] = Value::Object(text.upcast());
                }
                Op::Object { site, fields } => {
                    top -= fields;
                    let placement = self.codes.placements[first_site + site];
                    let object = scope.object_literal(placement, &stack[top..top + fields])?;
                    stack[top] = Value::Object(object.upcast());
                }
                Op::Array { site, length } => {
                    top -= length;
                    let placement = self.codes.placements[first_site + site];
                    let array = scope.array_literal(placement, &stack[top..top + length])?;
                    stack[top] = Value::Object(array.upcast());
                }
                Op::Call(called) => stack[top] = self.call(called, scope)?,
                ref other => {
                    let value = self.rare(body, other, stack, &mut top, scope)?;
                    stack[top] = value;
                }
            }
            top += 1;
        }
        Ok(stack[0])
    }

    /// Operations that are no part of small records.
    #[inline(never)]
    fn rare<'s>(
        &mut self,
        body: usize,
        op: &Op,
        stack: &[Value<'s>],
        top: &mut usize,
        scope: &mut Scope<'s>,
    ) -> Result<Value<'s>, Error> {
        let mut take = |count: usize| {
            *top -= count;
            &stack[*top..*top + count]
        };
        match *op {
            Op::Double(more) => {
                self.box_sum(body, scope)?;
                Ok(scope.heap_number(f64::from(self.n) + more)?.into())
            }
            Op::Null => Ok(Value::Undefined),
            Op::String { length, two_byte } => {
                let length = self.count(length);
                scope.work(self.prices.flat_string());
                self.library(body, Library::ToString, TO_STRING_WORDS, scope)?;
                Ok(scope.string_of_length(length, two_byte)?.into())
            }
            Op::Slice { length } => {
                let parent: Local<'_, JsString> = object(take(1)[0], scope)?;
                let length = self.count(length);
                scope.work(self.prices.substring());
                Ok(scope.substring(parent, 1, 1 + length)?.into())
            }
            Op::Instance { fields } => Ok(scope.object(take(fields))?.into()),
            Op::Grown { fields } => {
                let object = scope.empty_object()?;
                for (index, value) in take(fields).iter().enumerate() {
                    scope.set_property(object, index as u64, *value)?;
                }
                Ok(object.into())
            }
            Op::DoubleLiteral { site, length } => {
                for _ in 0..length {
                    self.box_sum(body, scope)?;
                }
                self.doubles(self.placement(body, site), length as u64, scope)
            }
            Op::Closure { captured } => Ok(scope.closure(take(captured), false)?.into()),
            Op::Promise { resolved } => {
                let promise = scope.promise()?;
                if !resolved {
                    let resolving = match (self.codes.tier(body), scope.profile().tiering.keeps_executors) {
                        (Tier::Turbofan, keeps) => usize::from(keeps),
                        _ => RESOLVING,
                    };
                    for _ in 0..resolving {
                        scope.scope().object(&[Value::Undefined; FUNCTION_WORDS - OBJECT_WORDS])?;
                    }
                }
                Ok(promise.into())
            }
            Op::WeakRef => {
                let target: Local<'_> = object(take(1)[0], scope)?;
                scope.work(self.prices.weak_ref());
                Ok(scope.weak_ref(target)?.into())
            }
            Op::Finalized => {
                let target: Local<'s> = object(take(1)[0], scope)?;
                if let Some(registry) = self.registry {
                    scope.work(self.prices.register());
                    scope.register(registry, target, self.n.into(), None)?;
                }
                Ok(target.into())
            }
            Op::WeakKey => {
                let pair = take(2);
                let key: Local<'s> = object(pair[0], scope)?;
                if let Some(map) = self.weak_map {
                    scope.work(self.prices.weak_entry());
                    scope.weak_map_set(map, key, pair[1])?;
                }
                Ok(key.into())
            }
            Op::Buffer { length, fill, pooled } => {
                let bytes = self.count(length);
                scope.work(if pooled { self.prices.view() } else { self.prices.buffer() });
                if fill.is_none() {
                    self.library(body, Library::Allocate, BUFFER_WORDS, scope)?;
                }
                let buffer =
                    if pooled { self.pool.allocate(bytes, scope)? } else { scope.buffer_alloc(bytes, fill)? };
                Ok(buffer.into())
            }
            Op::Subarray { length } => {
                let parent: Local<'_, JsTypedArray> = object(take(1)[0], scope)?;
                let bytes = self.count(length);
                scope.work(self.prices.view());
                match scope.buffer_of(parent)? {
                    Some(buffer) => Ok(scope.view(buffer, 0, bytes)?.into()),
                    None => Ok(scope.typed_array(bytes)?.into()),
                }
            }
            ref collection => self.collection(body, collection, scope),
        }
    }
}

/// The object that a value is, of the type that the language has checked.
fn object<'s, T: gcheap::types::Type>(value: Value<'s>, scope: &Scope<'s>) -> Result<Local<'s, T>, Error> {
    let object = value.as_object().ok_or(ErrorKind::WrongHeap)?;
    scope.downcast(object)
}
