//! Which tier the code of a literal runs in: what V8's compilers do to allocation.
//!
//! Unoptimised code leaves a memento behind every object of a literal; optimised code leaves none and allocates the objects
//! of tenured sites in old space. When code is optimised is a matter of time in V8; here it is a number of executions, from
//! the profile. What holds: the heap decides about sites, this module only about the tier.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use gcheap::event::{Event, SiteDecision};
use gcheap::{AllocationSite, Error, Heap, Placement};

/// Sites whose code must be thrown away, in the order in which that was decided.
pub(super) type Deoptimized = Rc<Log>;

/// A log that is cheap to ask whether it has grown.
#[derive(Default)]
pub(super) struct Log {
    length: Cell<usize>,
    sites: RefCell<Vec<u32>>,
}

/// The body of one function or loop: its literals share their tier.
pub(super) struct Code {
    sites: Vec<AllocationSite>,
    /// Where their placements are among those of the whole program.
    placements: Range<usize>,
    /// Executions until the optimised code is there; 0: it is.
    until_optimized: u64,
    until_reoptimized: u64,
    deoptimized: Deoptimized,
    /// How much of the log was looked at.
    seen: usize,
}

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

impl Code {
    /// Code with so many literals, not optimised yet; their placements are appended to those of the program.
    pub(super) fn new(sites: usize, placements: &mut Vec<Placement>, heap: &mut Heap, log: &Deoptimized) -> Code {
        let sites: Vec<AllocationSite> = (0..sites).map(|_| heap.allocation_site()).collect();
        let first = placements.len();
        placements.extend(sites.iter().map(|&site| Placement::YoungWithMemento(site)));
        let rules = heap.profile().pretenuring;
        Code {
            sites,
            placements: first..placements.len(),
            until_optimized: rules.executions_until_optimized,
            until_reoptimized: rules.executions_until_reoptimized,
            deoptimized: Rc::clone(log),
            seen: 0,
        }
    }

    /// The body is about to be executed once more.
    #[inline]
    pub(super) fn enter(&mut self, placements: &mut [Placement], heap: &Heap) -> Result<(), Error> {
        if self.deoptimized.length.get() != self.seen {
            self.deoptimize(placements);
        }
        if self.until_optimized > 0 {
            self.until_optimized -= 1;
            if self.until_optimized == 0 {
                self.optimize(placements, heap)?;
            }
        }
        Ok(())
    }

    /// The optimised code is there.
    #[inline]
    pub(super) fn is_optimized(&self) -> bool {
        self.until_optimized == 0
    }

    #[cold]
    fn deoptimize(&mut self, placements: &mut [Placement]) {
        let news = &self.deoptimized.sites.borrow()[self.seen..];
        self.seen = self.deoptimized.length.get();
        if self.sites.iter().any(|site| news.contains(&site.number())) {
            self.until_optimized = self.until_reoptimized;
            for (site, placement) in self.sites.iter().zip(&mut placements[self.placements.clone()]) {
                *placement = Placement::YoungWithMemento(*site);
            }
        }
    }

    /// Optimised code has the decisions of its day built in. Within one function, what is stored into an object that is
    /// allocated old is allocated old too (V8 src/compiler/memory-optimizer.cc); the outermost literal comes first.
    fn optimize(&mut self, placements: &mut [Placement], heap: &Heap) -> Result<(), Error> {
        let mut old = false;
        for (site, placement) in self.sites.iter().zip(&mut placements[self.placements.clone()]) {
            old |= heap.site_decision(*site)? == SiteDecision::Tenure;
            *placement = if old { Placement::Old } else { Placement::Young };
        }
        Ok(())
    }
}
