//! The code of a program: in which tier each of its bodies runs, and so what its literals allocate.
//!
//! Unoptimised code leaves a memento behind every object of a literal; optimised code leaves none and allocates the objects
//! of tenured sites in old space. What holds: the heap decides about sites, [`tier`](super::tier) about tiers, and this module
//! brings both together. Entering a body costs a subtraction and two comparisons.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use gcheap::event::{Event, SiteDecision};
use gcheap::profile::{TieringRules, TurbofanRules};
use gcheap::{AllocationSite, Error, Heap, Placement};

use super::price::Prices;
use super::program::{Callee, Program};
use super::size::{self, Size};
use super::tier::{Function, Place, Tier};

/// Sites whose code must be thrown away, in the order in which that was decided.
pub(super) type Deoptimized = Rc<Log>;

/// A log that is cheap to ask whether it has grown.
#[derive(Default)]
pub(super) struct Log {
    length: Cell<usize>,
    sites: RefCell<Vec<Dependency>>,
}

/// A site that code depends on.
struct Dependency {
    site: u32,
    /// Where the site allocates has changed: what a compiler is at was built on it.
    changed: bool,
}

/// Watches a heap for decisions that throw code away.
pub(super) fn watch(heap: &mut Heap) -> Deoptimized {
    let deoptimized = Deoptimized::default();
    let flag = Rc::clone(&deoptimized);
    heap.subscribe(move |event| {
        if let Event::AllocationSite { deoptimize: true, site, decision, .. } = event {
            let changed = *decision != SiteDecision::MaybeTenure;
            flag.sites.borrow_mut().push(Dependency { site: *site, changed });
            flag.length.set(flag.length.get() + 1);
        }
    });
    deoptimized
}

/// Functions of Node that workloads call, and that leave garbage as long as they are not optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Library {
    /// `buffer.toString`.
    ToString,
    /// `Buffer.alloc` and `Buffer.allocUnsafe`.
    Allocate,
}

/// Their sizes, in their order.
const LIBRARY: [Size; 2] = [size::library(176, 97), size::library(60, 50)];

/// A body: the literals that share a tier.
struct Code {
    sites: Vec<AllocationSite>,
    /// Where their placements are among those of the whole program.
    placements: Range<usize>,
    function: usize,
    call: i64,
    round: i64,
    /// What a call and a round take in the present tier, ns.
    call_ns: f64,
    round_ns: f64,
    /// The loop of the main program that it is the body of.
    at: usize,
    depth: u32,
    calls: bool,
    /// Inlined when the main program is optimised.
    inlined: bool,
    /// What its literals are allocated as.
    tier: Tier,
}

impl Code {
    fn place(&self, heap: &Heap) -> Place {
        Place { now: heap.time_ms(), at: self.at, depth: self.depth, weight: self.call.max(1), calls: self.calls }
    }
}

/// All the code of a program. Functions: one of each body that is no part of the main program, then Node's, then the main program.
pub(super) struct Codes {
    codes: Vec<Code>,
    functions: Vec<Function>,
    /// Placements of all literals of the program, body after body.
    pub placements: Vec<Placement>,
    rules: TieringRules,
    prices: Prices,
    main: usize,
    deoptimized: Deoptimized,
    /// How much of the log was looked at.
    seen: usize,
}

impl Codes {
    /// Nothing of it optimised yet.
    pub(super) fn new(program: &Program, prices: Prices, heap: &mut Heap, log: &Deoptimized) -> Codes {
        let rules = heap.profile().tiering;
        let sizes: Vec<Size> = program.bodies.iter().map(|body| size::function(program, body)).collect();
        let (mut codes, mut functions, mut placements) = (Vec::new(), Vec::new(), Vec::new());
        let main = program.bodies.len() + LIBRARY.len();
        // What a tick costs in a version that counts calls is the length of the function, whatever is skipped.
        let by_length = matches!(rules.turbofan, TurbofanRules::Invocations { .. });
        for (number, body) in program.bodies.iter().enumerate() {
            let size = sizes[number];
            let sites: Vec<AllocationSite> = (0..body.sites).map(|_| heap.allocation_site()).collect();
            let first = placements.len();
            placements.extend(sites.iter().map(|&site| Placement::YoungWithMemento(site)));
            let called: u32 = program.called(body).map(|called| sizes[called].length).sum();
            let whole = size.length + called.min(rules.max_inlined_cumulative);
            functions.push(Function::new(false, size.length, whole, &rules));
            let (function, call, at, depth) = match body.callee {
                Callee::Main { at, depth, bytes } => (main, bytes, at, depth),
                Callee::Function => {
                    (number, if by_length && size.round == size.call { size.length } else { size.call }, 0, 0)
                }
            };
            codes.push(Code {
                sites,
                placements: first..placements.len(),
                function,
                call: i64::from(call),
                round: i64::from(size.round),
                call_ns: prices.bytecode(Tier::Unoptimized, call.into()),
                round_ns: prices.bytecode(Tier::Unoptimized, size.round.into()),
                at,
                depth,
                calls: program.called(body).next().is_some(),
                inlined: function == main || (size.length <= rules.max_inlined && !body.recursive),
                tier: Tier::Unoptimized,
            });
        }
        functions.extend(LIBRARY.map(|size| Function::new(false, size.length, size.length, &rules)));
        functions.push(Function::new(true, program.length, size::PROGRAM / 2, &rules));
        Codes { codes, functions, placements, rules, prices, main, deoptimized: Rc::clone(log), seen: 0 }
    }

    /// A body is called.
    #[inline]
    pub(super) fn enter(&mut self, body: usize, heap: &mut Heap) -> Result<(), Error> {
        let code = &self.codes[body];
        let (function, cost) = (code.function, code.call);
        heap.work(code.call_ns);
        self.spend(body, function, cost, heap)
    }

    /// How often these bodies can be entered, all of them each time, before [`Self::enter`] would look at more than a budget.
    pub(super) fn affordable(&self, bodies: &[usize]) -> u64 {
        if self.deoptimized.length.get() != self.seen {
            return 0;
        }
        let rounds = |&body: &usize| {
            let function = self.codes[body].function;
            let same = bodies.iter().map(|&other| &self.codes[other]).filter(|other| other.function == function);
            let cost = same.map(|other| other.call).sum::<i64>();
            match u64::try_from(self.functions[function].budget) {
                Ok(budget) => budget.checked_div(cost.unsigned_abs()).unwrap_or(u64::MAX),
                Err(_) => 0,
            }
        };
        bodies.iter().map(rounds).min().unwrap_or(0)
    }

    /// What entering these bodies in their present tiers takes, ns.
    pub(super) fn work_for(&self, bodies: &[usize]) -> f64 {
        bodies.iter().map(|&body| self.codes[body].call_ns).sum()
    }

    /// These bodies were entered so often.
    pub(super) fn spend_for(&mut self, bodies: &[usize], times: u64) {
        for &body in bodies {
            let code = &self.codes[body];
            self.functions[code.function].budget -= code.call * times as i64;
        }
    }

    /// One round of the loop in a body.
    #[inline]
    pub(super) fn enter_round(&mut self, body: usize, heap: &mut Heap) -> Result<(), Error> {
        self.enter_rounds(body, 1, heap)
    }

    /// So many rounds, one after the other.
    #[inline]
    pub(super) fn enter_rounds(&mut self, body: usize, rounds: u64, heap: &mut Heap) -> Result<(), Error> {
        let code = &self.codes[body];
        let (function, cost) = (code.function, code.round * rounds as i64);
        heap.work(code.round_ns * rounds as f64);
        self.spend(body, function, cost, heap)
    }

    /// How many rounds of the loop in a body there are before its budget is looked at.
    pub(super) fn affordable_rounds(&self, body: usize) -> u64 {
        let code = &self.codes[body];
        let budget = self.functions[code.function].budget;
        u64::try_from(budget).map_or(0, |budget| budget.checked_div(code.round.unsigned_abs()).unwrap_or(u64::MAX))
    }

    #[inline]
    fn spend(&mut self, body: usize, function: usize, cost: i64, heap: &mut Heap) -> Result<(), Error> {
        let left = &mut self.functions[function].budget;
        *left -= cost;
        if *left < 0 || self.deoptimized.length.get() != self.seen {
            self.look(body, function, heap)?;
        }
        Ok(())
    }

    /// The tier that a body runs in.
    #[inline]
    pub(super) fn tier(&self, body: usize) -> Tier {
        self.codes[body].tier
    }

    /// The main program runs in optimised code.
    pub(super) fn main_is_optimized(&self) -> bool {
        self.functions[self.main].tier != Tier::Unoptimized
    }

    /// A body calls a function of Node: whether that leaves the garbage of code that is not TurboFan's.
    pub(super) fn calls(&mut self, body: usize, library: Library, heap: &mut Heap) -> bool {
        if self.codes[body].tier == Tier::Turbofan {
            return false;
        }
        let which = library as usize;
        let function = &mut self.functions[self.codes.len() + which];
        let size = LIBRARY[which];
        let by_length = matches!(self.rules.turbofan, TurbofanRules::Invocations { .. });
        let weight = i64::from(if by_length { size.length } else { size.call });
        function.budget -= weight;
        if function.budget < 0 {
            heap.advance(0.0);
            function.tick(Place { now: heap.time_ms(), at: 0, depth: 0, weight, calls: true }, &self.rules);
        }
        function.tier != Tier::Turbofan
    }

    /// The main program comes to a part that it has not executed yet; `outer`: out of a loop, within another one.
    pub(super) fn reach(&mut self, bytes: u32, outer: bool, heap: &Heap) -> Result<(), Error> {
        self.functions[self.main].grow(bytes);
        if self.functions[self.main].tier != Tier::Unoptimized {
            let rules = self.rules;
            self.functions[self.main].deoptimize_eagerly(outer, &rules);
            self.refresh(heap)?;
        }
        Ok(())
    }

    /// The main program begins a loop that makes things.
    pub(super) fn begin(&mut self, body: usize, heap: &mut Heap) -> Result<(), Error> {
        let code = &self.codes[body];
        if code.function != self.main || !self.functions[self.main].awaits_code() {
            return Ok(());
        }
        heap.advance(0.0);
        let place = code.place(heap);
        self.arrive(place, heap)
    }

    /// The main program jumps back in a loop with so many loops around it, and others in it.
    pub(super) fn back_edge(&mut self, at: usize, depth: u32, heap: &mut Heap) -> Result<(), Error> {
        heap.advance(0.0);
        let place = Place { now: heap.time_ms(), at, depth, weight: i64::from(size::LOOP), calls: true };
        self.arrive(place, heap)?;
        self.functions[self.main].back_edge(place, &self.rules);
        Ok(())
    }

    /// What has been decided about sites comes before what enters at a loop: code may have to go.
    fn arrive(&mut self, place: Place, heap: &Heap) -> Result<(), Error> {
        let mut changed = false;
        if self.deoptimized.length.get() != self.seen {
            self.deoptimize(place);
            changed = true;
        }
        changed |= self.functions[self.main].arrive(place, &self.rules);
        if changed { self.refresh(heap) } else { Ok(()) }
    }

    #[cold]
    fn look(&mut self, body: usize, function: usize, heap: &mut Heap) -> Result<(), Error> {
        // What has been allocated since the clock was told last takes its time too.
        heap.advance(0.0);
        let code = &self.codes[body];
        let place = code.place(heap);
        let mut changed = false;
        if self.deoptimized.length.get() != self.seen {
            self.deoptimize(place);
            changed = true;
        }
        if self.functions[function].budget < 0 {
            changed |= self.functions[function].tick(place, &self.rules);
        }
        if changed { self.refresh(heap) } else { Ok(()) }
    }

    fn deoptimize(&mut self, place: Place) {
        let log = Rc::clone(&self.deoptimized);
        let news = &log.sites.borrow()[self.seen..];
        self.seen = log.length.get();
        let rules = self.rules;
        for code in &self.codes {
            let depends = |on: &&Dependency| code.sites.iter().any(|site| site.number() == on.site);
            if !news.iter().any(|on| depends(&on)) {
                continue;
            }
            let changed = news.iter().any(|on| on.changed && depends(&on));
            let main = code.inlined.then_some(self.main);
            for function in [main, Some(code.function).filter(|&function| function != self.main)].into_iter().flatten()
            {
                let function = &mut self.functions[function];
                if function.tier != Tier::Unoptimized {
                    function.deoptimize_lazily(place, changed, &rules);
                } else if function.awaits_code() {
                    function.abort(place, changed, &rules);
                }
            }
        }
    }

    /// Tiers have changed: what that is for the literals.
    fn refresh(&mut self, heap: &Heap) -> Result<(), Error> {
        let main = self.functions[self.main].tier;
        for code in &mut self.codes {
            let function = &mut self.functions[code.function];
            if code.function != self.main {
                function.cover(code.inlined && main > function.tier);
            }
            let tier = if code.inlined { main.max(function.tier) } else { function.tier };
            if tier == code.tier {
                continue;
            }
            code.tier = tier;
            code.call_ns = self.prices.bytecode(tier, code.call);
            code.round_ns = self.prices.bytecode(tier, code.round);
            let placements = &mut self.placements[code.placements.clone()];
            // Optimised code has the decisions of its day built in. Within one function, what is stored into an object that is
            // allocated old is allocated old too (V8 src/compiler/memory-optimizer.cc); the outermost literal comes first.
            let mut old = false;
            for (site, placement) in code.sites.iter().zip(placements) {
                *placement = if tier == Tier::Unoptimized {
                    Placement::YoungWithMemento(*site)
                } else {
                    old |= heap.site_decision(*site)? == SiteDecision::Tenure;
                    if old { Placement::Old } else { Placement::Young }
                };
            }
        }
        Ok(())
    }
}
