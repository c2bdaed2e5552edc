//! Which tier a function runs in, and when it changes: V8's tiering manager (V8 src/execution/tiering-manager.cc) with the
//! rules of the profile.
//!
//! Knows no literal and no heap: it counts bytes of bytecode and is told the time. What holds: as long as the budget of a function
//! is not used up, nothing about it changes.

use gcheap::profile::{TieringRules, TurbofanRules};

/// What executes a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// The interpreter, or Sparkplug's code: both allocate alike.
    #[default]
    Unoptimized,
    Maglev,
    Turbofan,
}

/// A budget that is never used up.
const ENDLESS: i64 = i64::MAX / 4;
/// While a compiler works and code is entered that looks for interrupts, executions between two looks at the clock.
const EXECUTIONS_A_LOOK: i64 = 16;

/// A function, and the code that its calls, or the loop that it is in, run.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Bytes of bytecode until the next tick.
    pub budget: i64,
    pub tier: Tier,
    /// The one that runs the loops of the program: it is called once, so that its code can only be replaced within a loop.
    main: bool,
    length: i64,
    /// Bytes that a compiler has to deal with: its own and those that it would inline.
    compiled: i64,
    has_feedback: bool,
    ticks: u32,
    /// V8 has asked for better code, which the next call would get.
    requested: bool,
    urgency: u32,
    compiling: Option<Compilation>,
    /// Code of the main program that enters at other loops than the one that runs, and those loops.
    ready: Vec<(usize, Tier)>,
    /// It has just been deoptimised: the back edge that comes next does not ask for better code.
    deoptimized: bool,
    /// Its calls are inlined in optimised code of another: the budget that is left meanwhile.
    covered: Option<i64>,
}

/// What a compiler is at.
#[derive(Clone, Copy, Debug)]
struct Compilation {
    target: Tier,
    /// When it is done, ms.
    done: f64,
    /// The loop that asked for it, and at whose end the code is entered.
    at: usize,
}

/// Where the program is when a budget is used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Virtual time, ms.
    pub now: f64,
    /// The loop of the main program that runs.
    pub at: usize,
    /// Loops around the one that runs.
    pub depth: u32,
    /// Bytes that an execution costs.
    pub weight: i64,
    /// The loop calls functions, each of which looks for interrupts when it is entered.
    pub calls: bool,
}

impl Function {
    pub(super) fn new(main: bool, length: u32, compiled: u32, rules: &TieringRules) -> Function {
        Function {
            budget: i64::from(length) * i64::from(rules.feedback_invocations),
            tier: Tier::Unoptimized,
            main,
            length: i64::from(length),
            compiled: i64::from(compiled),
            has_feedback: false,
            ticks: 0,
            requested: false,
            urgency: 0,
            compiling: None,
            ready: Vec::new(),
            deoptimized: false,
            covered: None,
        }
    }

    /// More of the function has been executed, and would be compiled.
    pub(super) fn grow(&mut self, bytes: u32) {
        self.compiled += i64::from(bytes);
    }

    /// The budget is used up. Whether the tier has changed.
    pub(super) fn tick(&mut self, place: Place, rules: &TieringRules) -> bool {
        if !self.has_feedback {
            self.has_feedback = true;
            self.budget = self.until_request(rules);
            return false;
        }
        if let Some(compilation) = self.compiling {
            if place.now < compilation.done {
                self.budget += self.look(place, rules);
                return false;
            }
            self.compiling = None;
            if self.main && self.enters_at_its_loop(rules) && compilation.at != place.at {
                self.ready.push((compilation.at, compilation.target));
                self.budget = self.replacement(rules);
                return false;
            }
            self.run(compilation.target, place, rules);
            return true;
        }
        if !self.requested {
            self.ticks += 1;
            self.requested = self.is_hot(rules);
            if !self.requested {
                self.budget += self.until_request(rules);
                return false;
            }
            if self.main {
                self.budget += self.replacement(rules);
                return false;
            }
        }
        if self.main {
            self.ticks += 1;
            if rules.osr_size.is_none_or(|(base, more)| self.length <= i64::from(base + more * self.ticks)) {
                self.urgency += 1;
            }
            if self.urgency <= place.depth {
                self.budget += self.replacement(rules);
                return false;
            }
            self.urgency = 0;
        }
        self.start(self.next_tier(rules), place, rules);
        false
    }

    /// Code that replaces a loop is compiled while the program goes on (11.3 and later), and entered where that loop jumps back
    /// (V8 `OSROptimizedCodeCache`); before, the program stood still meanwhile.
    fn enters_at_its_loop(&self, rules: &TieringRules) -> bool {
        rules.osr_invocations.is_some()
    }

    /// From here on in this code.
    fn run(&mut self, tier: Tier, place: Place, rules: &TieringRules) {
        self.tier = tier;
        self.urgency = u32::from(tier == Tier::Turbofan && !place.calls);
        self.budget = match tier {
            Tier::Turbofan => ENDLESS,
            _ if self.main => self.replacement(rules),
            _ => self.until_turbofan(rules),
        };
    }

    /// A compiler works on it, or code of it waits for its loop.
    pub(super) fn awaits_code(&self) -> bool {
        self.compiling.is_some() || !self.ready.is_empty()
    }

    /// The main program is at the end of a loop: code that enters there is entered. Whether the tier has changed.
    pub(super) fn arrive(&mut self, place: Place, rules: &TieringRules) -> bool {
        if !self.enters_at_its_loop(rules) {
            return false;
        }
        if let Some(compilation) = self.compiling
            && place.now >= compilation.done
        {
            self.compiling = None;
            self.ready.push((compilation.at, compilation.target));
        }
        let Some(found) = self.ready.iter().position(|&(at, tier)| at == place.at && tier > self.tier) else {
            return false;
        };
        let (_, tier) = self.ready.swap_remove(found);
        self.run(tier, place, rules);
        true
    }

    /// The main program jumps back in a loop around others.
    pub(super) fn back_edge(&mut self, place: Place, rules: &TieringRules) {
        let just_deoptimized = std::mem::take(&mut self.deoptimized);
        let waits = self.requested && self.compiling.is_none() && self.tier == Tier::Unoptimized;
        if waits && self.urgency > place.depth && !just_deoptimized {
            self.urgency = 0;
            self.start(self.next_tier(rules), place, rules);
        }
    }

    fn start(&mut self, target: Tier, place: Place, rules: &TieringRules) {
        let ns = match (target, rules.maglev) {
            (Tier::Maglev, Some(maglev)) => maglev.compile_ns,
            _ => rules.turbofan_ns,
        };
        if !self.main {
            self.requested = false;
        }
        self.compiling = Some(Compilation { target, done: place.now + self.compiled as f64 * ns / 1e6, at: place.at });
        self.budget = self.look(place, rules);
    }

    /// Bytes until somebody may find that the compiler is done.
    fn look(&self, place: Place, rules: &TieringRules) -> i64 {
        if self.main && !place.calls { self.replacement(rules) } else { place.weight * EXECUTIONS_A_LOOK }
    }

    fn next_tier(&self, rules: &TieringRules) -> Tier {
        if self.tier == Tier::Unoptimized && rules.maglev.is_some() { Tier::Maglev } else { Tier::Turbofan }
    }

    fn is_hot(&self, rules: &TieringRules) -> bool {
        match rules.turbofan {
            TurbofanRules::Ticks { count, bytes_per_tick, small, .. } => {
                self.length < i64::from(small)
                    || i64::from(self.ticks) >= i64::from(count) + self.length / i64::from(bytes_per_tick)
            }
            TurbofanRules::Invocations { .. } => true,
        }
    }

    /// Bytes from one tick to the next while nothing is requested.
    fn until_request(&self, rules: &TieringRules) -> i64 {
        match rules.maglev {
            Some(maglev) if self.tier == Tier::Unoptimized => self.length * i64::from(maglev.invocations),
            _ => self.until_turbofan(rules),
        }
    }

    fn until_turbofan(&self, rules: &TieringRules) -> i64 {
        match rules.turbofan {
            TurbofanRules::Ticks { budget, .. } => i64::from(budget),
            TurbofanRules::Invocations { count } => self.length * i64::from(count),
        }
    }

    /// Bytes from one tick to the next while a loop waits for better code.
    fn replacement(&self, rules: &TieringRules) -> i64 {
        if let Some(maglev) = rules.maglev {
            let budget = self.length * i64::from(maglev.osr_invocations);
            return if self.tier == Tier::Maglev { (budget as f64 / maglev.loop_weight) as i64 } else { budget };
        }
        match (rules.osr_invocations, rules.turbofan) {
            (None, TurbofanRules::Ticks { budget, .. }) => i64::from(budget),
            (times, _) => self.length * i64::from(times.unwrap_or(1)),
        }
    }

    /// Optimised code has come to something that it has never seen: on from here unoptimised. `outer`: it has left a loop that is
    /// within another one.
    pub(super) fn deoptimize_eagerly(&mut self, outer: bool, rules: &TieringRules) {
        self.tier = Tier::Unoptimized;
        self.ready.clear();
        self.deoptimized = outer;
        if self.compiling.is_some() && self.enters_at_its_loop(rules) {
            // A compiler goes on, and its code is used: the place that was new is not new to it any more.
            self.budget = 0;
            return;
        }
        self.compiling = None;
        self.budget = if rules.maglev.is_some() && outer && self.urgency > 0 {
            // The back edge of the outer loop asks Maglev for code, and while it waits for that, budgets are TurboFan's.
            self.requested = false;
            self.urgency = 0;
            self.until_turbofan(rules)
        } else if matches!(rules.turbofan, TurbofanRules::Ticks { .. }) {
            self.replacement(rules)
        } else {
            self.requested = false;
            self.until_request(rules)
        };
    }

    /// What the code took for granted does not hold any more, or is to be looked at once more; its feedback holds. `changed`:
    /// so does not what a compiler is at; else it goes on and its code will be used (V8 `CompilationDependencies::Commit`
    /// checks whether each of them holds, not whether code that had the same was thrown away).
    pub(super) fn deoptimize_lazily(&mut self, place: Place, changed: bool, rules: &TieringRules) {
        let was = self.tier;
        self.covered = None;
        self.tier = Tier::Unoptimized;
        self.urgency = 0;
        self.ready.clear();
        if !changed && self.compiling.is_some_and(|compilation| place.now < compilation.done) {
            self.budget = self.look(place, rules);
            return;
        }
        self.compiling = None;
        if self.main {
            self.requested = true;
            self.budget = self.replacement(rules);
        } else if rules.maglev.is_some() {
            // It was hot and stable before: asked for again with the next call.
            self.start(was, place, rules);
        } else {
            self.requested = false;
            self.budget = self.until_request(rules);
        }
    }

    /// It runs unoptimised, and what code of it took for granted does not hold any more, or is to be looked at once more: the
    /// code that waits for its loop is thrown away. `changed`: a compiler's work is for nothing too, and is asked for again.
    pub(super) fn abort(&mut self, place: Place, changed: bool, rules: &TieringRules) {
        self.ready.clear();
        let Some(Compilation { target, .. }) = self.compiling.take_if(|_| changed) else { return };
        if self.main {
            self.budget = self.replacement(rules);
            // The loop has been waiting long enough: the next tick starts the compiler anew.
            self.urgency = place.depth;
        } else {
            self.start(target, place, rules);
        }
    }

    /// Its calls are inlined from now on, or not any more.
    pub(super) fn cover(&mut self, covered: bool) {
        match (covered, self.covered) {
            (true, None) => {
                self.covered = Some(self.budget);
                self.budget = ENDLESS;
            }
            (false, Some(left)) => {
                self.budget = left;
                self.covered = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gcheap::profile::Profile;

    fn rules(node: u32) -> TieringRules {
        Profile::for_node(node).expect("supported").tiering
    }

    /// Executions until a compiler starts.
    fn until_compiled(function: &mut Function, weight: i64, depth: u32, rules: &TieringRules) -> u64 {
        let place = Place { now: 0.0, at: 0, depth, weight, calls: false };
        for execution in 1.. {
            function.budget -= weight;
            if function.budget < 0 {
                function.tick(place, rules);
            }
            if function.awaits_code() {
                return execution;
            }
        }
        unreachable!("a loop that is executed often enough is hot")
    }

    #[test]
    fn a_loop_is_replaced_after_as_many_rounds_as_in_a_real_node() {
        // `--trace-osr` on a main program of 357 bytes with a loop of 146, inside another loop.
        for (node, real) in [(20, 4_783.0), (22, 11_272.0), (24, 1_735.0), (26, 1_735.0)] {
            let mut main = Function::new(true, 357, 250, &rules(node));
            let rounds = until_compiled(&mut main, 146, 1, &rules(node)) as f64;
            assert!((rounds / real - 1.0).abs() < 0.01, "Node {node}: {rounds} rounds, really {real}");
        }
    }

    #[test]
    fn a_small_function_is_optimized_after_as_many_calls_as_in_a_real_node() {
        // `--trace-opt` on a function of 67 bytes without a loop.
        for (node, real) in [(20, 1_017.0), (22, 3_009.0), (24, 509.0), (26, 509.0)] {
            let mut function = Function::new(false, 67, 67, &rules(node));
            let calls = until_compiled(&mut function, 67, 0, &rules(node)) as f64;
            assert!((calls / real - 1.0).abs() < 0.01, "Node {node}: {calls} calls, really {real}");
        }
    }

    #[test]
    fn code_is_there_when_the_compiler_is_done_and_not_before() {
        let rules = rules(22);
        let mut function = Function::new(false, 100, 100, &rules);
        until_compiled(&mut function, 100, 0, &rules);
        let mut look = |now: f64| {
            function.budget = -1;
            function.tick(Place { now, at: 0, depth: 0, weight: 100, calls: true }, &rules)
        };
        let done = 100.0 * rules.turbofan_ns / 1e6;
        assert!(!look(done * 0.9));
        assert!(look(done * 1.1));
        assert_eq!(function.tier, Tier::Turbofan);
    }

    #[test]
    fn code_for_a_loop_is_entered_when_the_program_is_there_again() {
        let rules = rules(24);
        let mut main = Function::new(true, 100, 100, &rules);
        until_compiled(&mut main, 100, 0, &rules);
        let late = |at: usize| Place { now: 1e6, at, depth: 0, weight: 100, calls: true };
        main.budget = -1;
        assert!(!main.tick(late(1), &rules), "another loop runs");
        assert!(!main.arrive(late(2), &rules));
        assert!(main.arrive(late(0), &rules));
        assert_eq!(main.tier, Tier::Maglev);
    }

    #[test]
    fn a_compilation_outlives_code_whose_sites_are_only_looked_at_once_more() {
        let rules = rules(20);
        let now = Place { now: 0.0, at: 0, depth: 0, weight: 100, calls: true };
        for changed in [false, true] {
            let mut main = Function::new(true, 100, 100, &rules);
            until_compiled(&mut main, 100, 0, &rules);
            main.deoptimize_lazily(now, changed, &rules);
            assert_eq!(main.awaits_code(), !changed);
        }
    }

    #[test]
    fn calls_that_are_inlined_do_not_count() {
        let rules = rules(24);
        let mut function = Function::new(false, 100, 100, &rules);
        let before = function.budget;
        function.cover(true);
        function.budget -= 1_000_000;
        function.cover(false);
        assert_eq!(function.budget, before);
    }
}
