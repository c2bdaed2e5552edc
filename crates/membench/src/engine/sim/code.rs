//! Which tier the code of a literal runs in: what V8's compilers do to allocation.
//!
//! Unoptimised code leaves a memento behind every object of a literal; optimised code leaves none and allocates the objects
//! of tenured sites in old space. When code is optimised is a matter of time in V8; here it is a number of executions, from
//! the profile. What holds: the heap decides about sites, this module only about the tier.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gcheap::event::{Event, SiteDecision};
use gcheap::{AllocationSite, Error, Heap, Placement};

use crate::workload::{Shape, Step, Value};

/// Sites whose code must be thrown away, in the order in which that was decided.
pub(super) type Deoptimized = Rc<Log>;

/// A log that is cheap to ask whether it has grown.
#[derive(Default)]
pub(super) struct Log {
    length: Cell<usize>,
    sites: RefCell<Vec<u32>>,
}

/// The loop body of one step: its literals share their tier.
pub(super) struct Code {
    sites: Vec<AllocationSite>,
    placements: Vec<Placement>,
    /// Executions until the optimised code is there; 0: it is.
    until_optimized: u64,
    until_reoptimized: u64,
    deoptimized: Deoptimized,
    /// How much of the log was looked at.
    seen: usize,
    /// Where the texts of this step begin among all prefixes.
    pub(super) first_text: usize,
}

impl Code {
    /// Watches a heap for decisions that throw code away.
    pub(super) fn watch(heap: &mut Heap) -> Deoptimized {
        let deoptimized = Deoptimized::default();
        let flag = Rc::clone(&deoptimized);
        heap.subscribe(move |event| {
            if let Event::AllocationSite { deoptimize: true, site, .. } = event {
                flag.sites.borrow_mut().push(*site);
                flag.length.set(flag.length.get() + 1);
            }
        });
        deoptimized
    }

    /// The body is about to be executed once more.
    #[inline]
    pub(super) fn enter(&mut self, heap: &Heap) -> Result<(), Error> {
        if self.deoptimized.length.get() != self.seen {
            let news = &self.deoptimized.sites.borrow()[self.seen..];
            self.seen = self.deoptimized.length.get();
            if self.sites.iter().any(|site| news.contains(&site.number())) {
                self.until_optimized = self.until_reoptimized;
                self.placements = unoptimized(&self.sites);
            }
        }
        if self.until_optimized > 0 {
            self.until_optimized -= 1;
            if self.until_optimized == 0 {
                self.optimize(heap)?;
            }
        }
        Ok(())
    }

    /// Optimised code has the decisions of its day built in. Within one function, what is stored into an object that is
    /// allocated old is allocated old too (V8 src/compiler/memory-optimizer.cc); the outermost literal comes first.
    fn optimize(&mut self, heap: &Heap) -> Result<(), Error> {
        let mut old = false;
        for (site, placement) in self.sites.iter().zip(&mut self.placements) {
            old |= heap.site_decision(*site)? == SiteDecision::Tenure;
            *placement = if old { Placement::Old } else { Placement::Young };
        }
        Ok(())
    }

    #[inline]
    pub(super) fn placement(&self, site: usize) -> Placement {
        self.placements[site]
    }
}

fn unoptimized(sites: &[AllocationSite]) -> Vec<Placement> {
    sites.iter().map(|&site| Placement::YoungWithMemento(site)).collect()
}

/// One [`Code`] for each step that executes literals, in the order of the steps.
pub(super) fn of_steps(steps: &[Step], heap: &mut Heap, deoptimized: &Deoptimized) -> Vec<Code> {
    let mut codes = Vec::new();
    let mut texts = 0;
    walk(steps, &mut |shape| {
        let sites: Vec<AllocationSite> = (0..count_sites(shape)).map(|_| heap.allocation_site()).collect();
        let rules = heap.profile().pretenuring;
        codes.push(Code {
            placements: unoptimized(&sites),
            sites,
            until_optimized: rules.executions_until_optimized,
            until_reoptimized: rules.executions_until_reoptimized,
            deoptimized: Rc::clone(deoptimized),
            seen: 0,
            first_text: texts,
        });
        texts += count_texts(shape);
    });
    codes
}

/// The constant prefixes of all texts, in the order in which records use them.
pub(super) fn prefixes(steps: &[Step]) -> Vec<String> {
    let mut all = Vec::new();
    walk(steps, &mut |shape| shape.fields.iter().for_each(|field| collect(&field.value, &mut all)));
    all
}

fn collect(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Counter(_) => {}
        Value::Text { prefix } => all.push(prefix.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, all)),
        Value::Object(shape) => shape.fields.iter().for_each(|field| collect(&field.value, all)),
    }
}

fn walk(steps: &[Step], visit: &mut impl FnMut(&Shape)) {
    for step in steps {
        match step {
            Step::Records { shape, .. } => visit(shape),
            Step::Repeat { body, .. } | Step::IfGcExposed { body } => walk(body, visit),
            _ => {}
        }
    }
}

/// Literals with an allocation site: arrays, and objects with properties (`{}` has none).
fn count_sites(shape: &Shape) -> usize {
    fn of_value(value: &Value) -> usize {
        match value {
            Value::Counter(_) | Value::Text { .. } => 0,
            Value::Array(values) => 1 + values.iter().map(of_value).sum::<usize>(),
            Value::Object(shape) => count_sites(shape),
        }
    }
    usize::from(!shape.fields.is_empty()) + shape.fields.iter().map(|field| of_value(&field.value)).sum::<usize>()
}

fn count_texts(shape: &Shape) -> usize {
    let mut all = Vec::new();
    shape.fields.iter().for_each(|field| collect(&field.value, &mut all));
    all.len()
}
