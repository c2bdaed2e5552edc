//! All workloads but `splay`.

use super::{batches, collections};
use crate::measure::Outcome;
use crate::workload::{LEAVES, RING, Random, Scale};
use gc_arena::lock::RefLock;
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};

#[derive(Collect)]
#[collect(no_drop)]
struct TreeNode<'gc> {
    children: Option<(Gc<'gc, TreeNode<'gc>>, Gc<'gc, TreeNode<'gc>>)>,
}

fn build<'gc>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, TreeNode<'gc>> {
    Gc::new(mc, TreeNode { children: (depth > 0).then(|| (build(mc, depth - 1), build(mc, depth - 1))) })
}

fn count(tree: &TreeNode<'_>) -> u64 {
    tree.children.as_ref().map_or(1, |(left, right)| 1 + count(left) + count(right))
}

type TreeArena = Arena<Rootable![Option<Gc<'_, TreeNode<'_>>>]>;

pub(super) fn trees(scale: Scale) -> u64 {
    let mut arena: TreeArena = Arena::new(|_| None);
    let mut total = arena.mutate(|mc, _| count(&build(mc, scale.depth + 1)));
    arena.collect_debt();
    arena.mutate_root(|mc, root| *root = Some(build(mc, scale.depth)));
    for (depth, times) in scale.trees() {
        for _ in 0..times {
            total += arena.mutate(|mc, _| count(&build(mc, depth)));
            arena.collect_debt();
        }
    }
    total + arena.mutate(|_, root| root.as_ref().map_or(0, |tree| count(tree)))
}

#[derive(Collect)]
#[collect(require_static)]
struct Words<const N: usize>([u64; N]);

type Ring<'gc, const N: usize> = Vec<Option<Gc<'gc, Words<N>>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct Rings<'gc> {
    two: Ring<'gc, 2>,
    three: Ring<'gc, 3>,
    four: Ring<'gc, 4>,
    five: Ring<'gc, 5>,
}

fn replace<'gc, const N: usize>(mc: &Mutation<'gc>, ring: &mut Ring<'gc, N>, place: usize, number: u32) -> u64 {
    let object = Gc::new(mc, Words(std::array::from_fn(|word| u64::from(number) + word as u64)));
    ring[place].replace(object).map_or(0, |oldest| oldest.0[N - 1])
}

fn sum<const N: usize>(ring: &Ring<'_, N>) -> u64 {
    ring.iter().flatten().map(|object| object.0[N - 1]).sum()
}

pub(super) fn churn(scale: Scale) -> u64 {
    let places = RING as usize;
    let mut arena: Arena<Rootable![Rings<'_>]> = Arena::new(|_| Rings {
        two: vec![None; places],
        three: vec![None; places],
        four: vec![None; places],
        five: vec![None; places],
    });
    let mut total = 0;
    for batch in batches(scale.churn) {
        total += arena.mutate_root(|mc, rings| {
            batch
                .map(|number| {
                    let place = (number / 4 % RING) as usize;
                    match number % 4 {
                        0 => replace(mc, &mut rings.two, place, number),
                        1 => replace(mc, &mut rings.three, place, number),
                        2 => replace(mc, &mut rings.four, place, number),
                        _ => replace(mc, &mut rings.five, place, number),
                    }
                })
                .sum::<u64>()
        });
        arena.collect_debt();
    }
    total + arena.mutate(|_, rings| sum(&rings.two) + sum(&rings.three) + sum(&rings.four) + sum(&rings.five))
}

#[derive(Collect)]
#[collect(no_drop)]
struct ListCell<'gc> {
    next: Option<Gc<'gc, ListCell<'gc>>>,
    value: u64,
}

type ListArena = Arena<Rootable![Option<Gc<'_, ListCell<'_>>>]>;

pub(super) fn mark_list(scale: Scale) -> Outcome {
    let mut arena: ListArena = Arena::new(|_| None);
    for batch in batches(scale.live) {
        arena.mutate_root(|mc, head| {
            for number in batch {
                *head = Some(Gc::new(mc, ListCell { next: *head, value: u64::from(number) }));
            }
        });
        arena.collect_debt();
    }
    let collections_ms = collections(&mut arena);
    let checksum = arena.mutate(|_, head| {
        let (mut sum, mut cell) = (0, *head);
        while let Some(here) = cell {
            sum += here.value;
            cell = here.next;
        }
        sum
    });
    Outcome { checksum, collections_ms }
}

#[derive(Collect)]
#[collect(no_drop)]
struct GraphNode<'gc> {
    edges: [Option<Gc<'gc, RefLock<GraphNode<'gc>>>>; 3],
    value: u64,
}

type GraphRef<'gc> = Gc<'gc, RefLock<GraphNode<'gc>>>;

type GraphArena = Arena<Rootable![Vec<GraphRef<'_>>]>;

pub(super) fn mark_graph(scale: Scale) -> Outcome {
    let mut arena: GraphArena = Arena::new(|_| Vec::new());
    for batch in batches(scale.live) {
        arena.mutate_root(|mc, nodes| {
            nodes.extend(batch.map(|number| {
                Gc::new(mc, RefLock::new(GraphNode { edges: [None, None, None], value: u64::from(number) }))
            }));
        });
        arena.collect_debt();
    }
    let mut random = Random::new();
    let order = random.permutation(scale.live);
    arena.mutate_root(|mc, nodes| {
        for (place, &own) in order.iter().enumerate() {
            let child = |side: usize| order.get(2 * place + 1 + side).map(|&child| nodes[child as usize]);
            let other = nodes[random.below(scale.live) as usize];
            nodes[own as usize].borrow_mut(mc).edges = [child(0), child(1), Some(other)];
        }
        *nodes = vec![nodes[order[0] as usize]];
    });
    drop(order);
    let collections_ms = collections(&mut arena);
    let checksum = arena.mutate(|_, nodes| sum_of_graph(nodes[0]));
    Outcome { checksum, collections_ms }
}

fn sum_of_graph(node: GraphRef<'_>) -> u64 {
    let node = node.borrow();
    let other = node.edges[2].map_or(0, |other| other.borrow().value);
    node.value + other + node.edges[..2].iter().flatten().map(|child| sum_of_graph(*child)).sum::<u64>()
}

#[derive(Collect)]
#[collect(require_static)]
struct Leaf {
    value: u64,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Branch<'gc> {
    leaves: Vec<Gc<'gc, Leaf>>,
}

type BranchArena = Arena<Rootable![Vec<Gc<'_, Branch<'_>>>]>;

pub(super) fn mark_tree(scale: Scale) -> Outcome {
    let mut arena: BranchArena = Arena::new(|_| Vec::new());
    for branch in 0..scale.live / LEAVES {
        arena.mutate_root(|mc, root| {
            let leaf = |place| Gc::new(mc, Leaf { value: u64::from(branch * LEAVES + place) });
            root.push(Gc::new(mc, Branch { leaves: (0..LEAVES).map(leaf).collect() }));
        });
        arena.collect_debt();
    }
    let collections_ms = collections(&mut arena);
    let checksum =
        arena.mutate(|_, root| root.iter().flat_map(|branch| branch.leaves.iter()).map(|leaf| leaf.value).sum());
    Outcome { checksum, collections_ms }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Old<'gc> {
    field: Option<Gc<'gc, Leaf>>,
}

type OldArena = Arena<Rootable![Vec<Gc<'_, RefLock<Old<'_>>>>]>;

pub(super) fn oldnew(scale: Scale) -> u64 {
    let mut arena: OldArena = Arena::new(|_| Vec::new());
    for batch in batches(scale.old) {
        arena.mutate_root(|mc, old| old.extend(batch.map(|_| Gc::new(mc, RefLock::new(Old { field: None })))));
        arena.collect_debt();
    }
    let mut random = Random::new();
    for batch in batches(scale.stores) {
        arena.mutate(|mc, old| {
            for number in batch {
                let fresh = Gc::new(mc, Leaf { value: u64::from(number) });
                old[random.below(scale.old) as usize].borrow_mut(mc).field = Some(fresh);
            }
        });
        arena.collect_debt();
    }
    arena.mutate(|_, old| old.iter().map(|object| object.borrow().field.map_or(0, |stored| stored.value)).sum())
}
