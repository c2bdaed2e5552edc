//! The harness: random programs over heap and model with the user's own policies, operations and checks.

use crate::coverage::Coverage;
use crate::failure::{Done, Failure};
use crate::model::{Id, Node, Slot};
use crate::operation::{Action, Operation, weighted};
use crate::run::run_caught;
use crate::settings::Settings;
use crate::world::{Pair, World};
use gcheap::policy::Policy;
use gcheap::{Heap, HeapOptions, Local, Scope, Value};

/// An operation of the user, drawn among the built-in ones.
///
/// It does the same to the heap, through [`Turn::scope`], and to the model, and must leave both in agreement even when it ends
/// early: what the heap refuses must not be written into the model. An operation that finds no fitting operand does
/// nothing and succeeds, so that any operation can be left out when a failing program is made small.
pub trait CustomOperation {
    /// The name in reports.
    fn name(&self) -> &str;

    /// Does it. The numbers choose operands and sizes; the same numbers must do the same.
    ///
    /// # Errors
    /// [`crate::Stop::Heap`] for what the heap refused, [`crate::Stop::wrong`] for a difference.
    fn run(&self, turn: &mut Turn<'_, '_, '_>, numbers: [u32; 3]) -> Done;
}

/// Looks at the heap after every operation.
pub trait Hook {
    /// Called after `operation`, whether the heap did it or refused it.
    ///
    /// # Errors
    /// In words, what is wrong: the program fails at this operation.
    fn after(&mut self, operation: Operation, heap: &mut Heap) -> Result<(), String>;
}

impl<F: FnMut(Operation, &mut Heap) -> Result<(), String>> Hook for F {
    fn after(&mut self, operation: Operation, heap: &mut Heap) -> Result<(), String> {
        self(operation, heap)
    }
}

type PolicyFactory = Box<dyn Fn() -> Box<dyn Policy>>;
type HookFactory = Box<dyn Fn() -> Box<dyn Hook>>;

/// What programs run under. Every run makes a fresh heap, a fresh policy and fresh hooks.
///
/// A policy of one's own, and a check of one's own:
///
/// ```
/// use gcheap::policy::{StartOfMarkingInputs, MarkingLimit, Policy};
/// use gcheap_check::{Harness, Settings, operation::Action};
///
/// #[derive(Debug)]
/// struct NeverMarkAhead;
/// impl Policy for NeverMarkAhead {
///     fn start_of_marking(&self, _: &StartOfMarkingInputs) -> MarkingLimit {
///         MarkingLimit::None
///     }
/// }
///
/// let harness = Harness::new(Settings::from_seed(5)).policy(|| Box::new(NeverMarkAhead)).hook(|| {
///     let mut most = 0;
///     Box::new(move |_, heap: &mut gcheap::Heap| {
///         most = most.max(heap.statistics().used_heap_size);
///         if most < 1 << 30 { Ok(()) } else { Err(format!("{most} bytes")) }
///     })
/// });
/// // By hand marking starts whatever a policy says.
/// let mut program = harness.program(5, 300);
/// program.retain(|operation| operation.action != Action::StartMarking);
/// assert_eq!(harness.check(&program)?.marking_starts, 0);
/// # Ok::<(), gcheap_check::Failure>(())
/// ```
///
/// An operation of one's own:
///
/// ```
/// use gcheap_check::{CustomOperation, Done, Harness, Settings, Turn};
/// use gcheap_check::model::{Node, Slot};
///
/// /// `[n, n]`
/// struct Twice;
/// impl CustomOperation for Twice {
///     fn name(&self) -> &str {
///         "twice"
///     }
///     fn run(&self, turn: &mut Turn<'_, '_, '_>, numbers: [u32; 3]) -> Done {
///         let number = numbers[0] as i32;
///         let array = turn.scope.array(&[number.into(), number.into()])?;
///         turn.keep(array.upcast(), Node::Array(vec![Slot::Smi(number); 2]), numbers[1])
///     }
/// }
///
/// let harness = Harness::new(Settings::from_seed(6)).operation(Twice, 50);
/// let coverage = harness.check(&harness.program(6, 300))?;
/// assert!(coverage.custom_operations > 0);
/// # Ok::<(), gcheap_check::Failure>(())
/// ```
pub struct Harness {
    settings: Settings,
    policy: Option<PolicyFactory>,
    operations: Vec<(Box<dyn CustomOperation>, u64)>,
    hooks: Vec<HookFactory>,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operations: Vec<&str> = self.operations.iter().map(|(operation, _)| operation.name()).collect();
        f.debug_struct("Harness")
            .field("settings", &self.settings)
            .field("own_policy", &self.policy.is_some())
            .field("operations", &operations)
            .field("hooks", &self.hooks.len())
            .finish()
    }
}

impl Harness {
    /// The built-in operations on a heap with these settings.
    pub fn new(settings: Settings) -> Harness {
        Harness { settings, policy: None, operations: Vec::new(), hooks: Vec::new() }
    }

    /// Decides with the policies that `make` gives, one a run, instead of the settings' own.
    #[must_use]
    pub fn policy(mut self, make: impl Fn() -> Box<dyn Policy> + 'static) -> Harness {
        self.policy = Some(Box::new(make));
        self
    }

    /// Draws an operation more. All built-in operations together weigh about 1000.
    #[must_use]
    pub fn operation(mut self, operation: impl CustomOperation + 'static, weight: u64) -> Harness {
        self.operations.push((Box::new(operation), weight));
        self
    }

    /// Calls a hook, one a run, after every operation.
    #[must_use]
    pub fn hook(mut self, make: impl Fn() -> Box<dyn Hook> + 'static) -> Harness {
        self.hooks.push(Box::new(make));
        self
    }

    /// The settings of the heap.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A random program of `count` operations, those of the user among them.
    pub fn program(&self, seed: u64, count: usize) -> Vec<Operation> {
        let own = self.operations.iter().enumerate();
        let own: Vec<(Action, u64)> = own.map(|(index, (_, weight))| (Action::Custom(index as u16), *weight)).collect();
        weighted(seed, count, &own)
    }

    /// Runs a program; what it came through.
    ///
    /// # Errors
    /// The first difference between heap and model, a broken promise of the heap, what a hook said, or a panic.
    pub fn check(&self, program: &[Operation]) -> Result<Coverage, Failure> {
        run_caught(self, program)
    }

    pub(crate) fn options(&self) -> Result<HeapOptions, String> {
        self.settings.options(self.policy.as_ref().map(|make| make()))
    }

    pub(crate) fn hooks(&self) -> Vec<Box<dyn Hook>> {
        self.hooks.iter().map(|make| make()).collect()
    }

    pub(crate) fn operation_at(&self, index: u16) -> Option<&dyn CustomOperation> {
        self.operations.get(usize::from(index)).map(|(operation, _)| &**operation)
    }
}

/// What an operation of the user works on: a scope of its own, and heap and model as the program has left them.
pub struct Turn<'w, 'p, 't> {
    /// The heap. Handles made here end with the operation.
    pub scope: &'w mut Scope<'t>,
    pub(crate) world: &'w mut World<'p>,
    pub(crate) locals: &'w [Pair<'t>],
}

impl std::fmt::Debug for Turn<'_, '_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("heap", &**self.scope).finish_non_exhaustive()
    }
}

impl<'t> Turn<'_, '_, 't> {
    /// A handle chosen by a number among all that is reachable, with its node.
    ///
    /// # Errors
    /// A difference met on the way.
    pub fn pick(&mut self, choice: u32) -> Done<Option<Pair<'t>>> {
        self.world.pick(self.scope, self.locals, choice)
    }

    /// The same among those for which `fits` holds.
    ///
    /// # Errors
    /// A difference met on the way.
    pub fn pick_where(&mut self, choice: u32, fits: impl Fn(&Node) -> bool) -> Done<Option<Pair<'t>>> {
        self.world.pick_where(self.scope, self.locals, choice, fits)
    }

    /// A value chosen by a number, with what the model calls it.
    ///
    /// # Errors
    /// A difference met on the way.
    pub fn value(&mut self, choice: u32) -> Done<(Value<'t>, Slot)> {
        self.world.value(self.scope, self.locals, choice)
    }

    /// What the model knows of a node.
    pub fn node(&mut self, id: Id) -> &mut Node {
        &mut self.world.model.nodes[id]
    }

    /// A fresh object and what it is, held from now on by one of the program's roots, which `place` chooses.
    ///
    /// # Errors
    /// What the heap refused.
    pub fn keep(&mut self, object: Local<'t>, node: Node, place: u32) -> Done {
        let id = self.world.model.add(node);
        self.world.keep(self.scope, (object, id), place)
    }
}
