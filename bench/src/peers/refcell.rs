// The workloads on collectors of the shape of rust-gc: `Gc<T>` with interior mutability by a cell of the collector.
//
// Included by a module for each of them, which brings `Gc`, `Cell`, `Trace`, `Finalize` and `force_collect` into scope.

use crate::measure::{Outcome, time_collections};
use crate::workload::{LEAVES, PAYLOAD_DEPTH, PAYLOAD_ELEMENTS, RING, Random, Scale, Workload, leaf_text};

/// Runs a workload.
pub fn run(workload: Workload, scale: Scale) -> Outcome {
    match workload {
        Workload::Bt16 | Workload::Bt18 => trees(scale).into(),
        Workload::Churn => churn(scale).into(),
        Workload::MarkList => mark_list(scale),
        Workload::MarkGraph => mark_graph(scale),
        Workload::MarkTree => mark_tree(scale),
        Workload::Oldnew => oldnew(scale).into(),
        Workload::Splay => splay(scale).into(),
    }
}

fn collections() -> Vec<f64> {
    time_collections(|| {
        force_collect();
        Ok::<(), std::convert::Infallible>(())
    })
    .unwrap_or_default()
}

#[derive(Trace, Finalize)]
struct TreeNode {
    children: Option<(Gc<TreeNode>, Gc<TreeNode>)>,
}

fn build(depth: u32) -> Gc<TreeNode> {
    Gc::new(TreeNode { children: (depth > 0).then(|| (build(depth - 1), build(depth - 1))) })
}

fn count(tree: &TreeNode) -> u64 {
    tree.children.as_ref().map_or(1, |(left, right)| 1 + count(left) + count(right))
}

fn trees(scale: Scale) -> u64 {
    let mut total = count(&build(scale.depth + 1));
    let long_lived = build(scale.depth);
    for (depth, times) in scale.trees() {
        for _ in 0..times {
            total += count(&build(depth));
        }
    }
    total + count(&long_lived)
}

#[derive(Trace, Finalize)]
struct Words<const N: usize>([u64; N]);

struct Ring<const N: usize>(Vec<Option<Gc<Words<N>>>>);

impl<const N: usize> Ring<N> {
    fn new() -> Self {
        Ring((0..RING).map(|_| None).collect())
    }

    fn replace(&mut self, place: usize, number: u32) -> u64 {
        let object = Gc::new(Words(std::array::from_fn(|word| u64::from(number) + word as u64)));
        self.0[place].replace(object).map_or(0, |oldest| oldest.0[N - 1])
    }

    fn sum(&self) -> u64 {
        self.0.iter().flatten().map(|object| object.0[N - 1]).sum()
    }
}

fn churn(scale: Scale) -> u64 {
    let (mut two, mut three, mut four, mut five) =
        (Ring::<2>::new(), Ring::<3>::new(), Ring::<4>::new(), Ring::<5>::new());
    let mut total = 0;
    for number in 0..scale.churn {
        let place = (number / 4 % RING) as usize;
        total += match number % 4 {
            0 => two.replace(place, number),
            1 => three.replace(place, number),
            2 => four.replace(place, number),
            _ => five.replace(place, number),
        };
    }
    total + two.sum() + three.sum() + four.sum() + five.sum()
}

#[derive(Trace, Finalize)]
struct ListCell {
    next: Option<Gc<ListCell>>,
    value: u64,
}

fn mark_list(scale: Scale) -> Outcome {
    let mut head = None;
    for number in 0..scale.live {
        head = Some(Gc::new(ListCell { next: head, value: u64::from(number) }));
    }
    let collections_ms = collections();
    let mut checksum = 0;
    let mut cell = head.as_ref();
    while let Some(here) = cell {
        checksum += here.value;
        cell = here.next.as_ref();
    }
    Outcome { checksum, collections_ms }
}

#[derive(Trace, Finalize)]
struct GraphNode {
    edges: Cell<[Option<Gc<GraphNode>>; 3]>,
    value: u64,
}

fn mark_graph(scale: Scale) -> Outcome {
    let root = {
        let nodes: Vec<Gc<GraphNode>> = (0..u64::from(scale.live))
            .map(|value| Gc::new(GraphNode { edges: Cell::new([None, None, None]), value }))
            .collect();
        let mut random = Random::new();
        let order = random.permutation(scale.live);
        for (place, &own) in order.iter().enumerate() {
            let child = |side: usize| order.get(2 * place + 1 + side).map(|&child| nodes[child as usize].clone());
            let other = nodes[random.below(scale.live) as usize].clone();
            *nodes[own as usize].edges.borrow_mut() = [child(0), child(1), Some(other)];
        }
        nodes[order[0] as usize].clone()
    };
    let collections_ms = collections();
    Outcome { checksum: sum_of_graph(&root), collections_ms }
}

fn sum_of_graph(node: &GraphNode) -> u64 {
    let edges = node.edges.borrow();
    let other = edges[2].as_ref().map_or(0, |other| other.value);
    node.value + other + edges[..2].iter().flatten().map(|child| sum_of_graph(child)).sum::<u64>()
}

#[derive(Trace, Finalize)]
struct Leaf {
    value: u64,
}

#[derive(Trace, Finalize)]
struct Branch {
    leaves: Vec<Gc<Leaf>>,
}

fn mark_tree(scale: Scale) -> Outcome {
    let branch = |branch: u32| {
        let leaves = (0..LEAVES).map(|place| Gc::new(Leaf { value: u64::from(branch * LEAVES + place) })).collect();
        Gc::new(Branch { leaves })
    };
    let root: Vec<Gc<Branch>> = (0..scale.live / LEAVES).map(branch).collect();
    let collections_ms = collections();
    let checksum = root.iter().flat_map(|branch| branch.leaves.iter()).map(|leaf| leaf.value).sum();
    Outcome { checksum, collections_ms }
}

#[derive(Trace, Finalize)]
struct Old {
    field: Cell<Option<Gc<Leaf>>>,
}

fn oldnew(scale: Scale) -> u64 {
    let old: Vec<Gc<Old>> = (0..scale.old).map(|_| Gc::new(Old { field: Cell::new(None) })).collect();
    let mut random = Random::new();
    for number in 0..scale.stores {
        let fresh = Gc::new(Leaf { value: u64::from(number) });
        *old[random.below(scale.old) as usize].field.borrow_mut() = Some(fresh);
    }
    old.iter().map(|object| object.field.borrow().as_ref().map_or(0, |stored| stored.value)).sum()
}

#[derive(Trace, Finalize)]
struct Elements([u64; PAYLOAD_ELEMENTS]);

#[derive(Trace, Finalize)]
struct Array {
    elements: Gc<Elements>,
}

#[derive(Trace, Finalize)]
enum Payload {
    Pair(Gc<Payload>, Gc<Payload>),
    Leaf(Gc<Array>, Gc<String>),
}

type Link = Option<Gc<SplayNode>>;

#[derive(Trace, Finalize)]
struct SplayNode {
    key: u32,
    payload: Option<Gc<Payload>>,
    // Left and right.
    sides: Cell<[Link; 2]>,
}

const LEFT: usize = 0;
const RIGHT: usize = 1;

impl SplayNode {
    fn new(key: u32, payload: Option<Gc<Payload>>) -> Gc<SplayNode> {
        Gc::new(SplayNode { key, payload, sides: Cell::new([None, None]) })
    }

    fn side(&self, side: usize) -> Link {
        self.sides.borrow()[side].clone()
    }

    fn set(&self, side: usize, link: Link) {
        self.sides.borrow_mut()[side] = link;
    }
}

fn payload(depth: u32, text: &str) -> Gc<Payload> {
    Gc::new(if depth == 0 {
        let elements = Gc::new(Elements(std::array::from_fn(|index| index as u64)));
        Payload::Leaf(Gc::new(Array { elements }), Gc::new(text.to_owned()))
    } else {
        Payload::Pair(payload(depth - 1, text), payload(depth - 1, text))
    })
}

/// Moves the node with the key, or one beside where it would be, to the root.
fn splayed(root: Link, key: u32) -> Link {
    let mut current = root?;
    let dummy = SplayNode::new(0, None);
    let (mut left, mut right) = (dummy.clone(), dummy.clone());
    loop {
        let (near, far) = match key.cmp(&current.key) {
            std::cmp::Ordering::Less => (LEFT, RIGHT),
            std::cmp::Ordering::Greater => (RIGHT, LEFT),
            std::cmp::Ordering::Equal => break,
        };
        let Some(mut child) = current.side(near) else { break };
        if (near == LEFT && key < child.key) || (near == RIGHT && key > child.key) {
            current.set(near, child.side(far));
            child.set(far, Some(current));
            current = child;
            match current.side(near) {
                Some(next) => child = next,
                None => break,
            }
        }
        if near == LEFT {
            right.set(LEFT, Some(current.clone()));
            right = current;
        } else {
            left.set(RIGHT, Some(current.clone()));
            left = current;
        }
        current = child;
    }
    left.set(RIGHT, current.side(LEFT));
    right.set(LEFT, current.side(RIGHT));
    current.set(LEFT, dummy.side(RIGHT));
    current.set(RIGHT, dummy.side(LEFT));
    Some(current)
}

fn insert_new(root: &mut Link, random: &mut Random) -> u32 {
    let key = loop {
        let key = random.key();
        *root = splayed(root.take(), key);
        if root.as_ref().is_none_or(|root| root.key != key) {
            break key;
        }
    };
    let node = SplayNode::new(key, Some(payload(PAYLOAD_DEPTH, &leaf_text(key))));
    *root = splayed(root.take(), key);
    if let Some(root) = root.take() {
        let (near, far) = if root.key < key { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
        node.set(far, root.side(far));
        root.set(far, None);
        node.set(near, Some(root));
    }
    *root = Some(node);
    key
}

fn greatest_below(root: &mut Link, key: u32) -> Option<u32> {
    *root = splayed(root.take(), key);
    let top = root.as_ref()?;
    if top.key < key {
        return Some(top.key);
    }
    let mut node = top.side(LEFT)?;
    while let Some(next) = node.side(RIGHT) {
        node = next;
    }
    Some(node.key)
}

fn remove(root: &mut Link, key: u32) {
    let Some(top) = splayed(root.take(), key) else { return };
    let (left, right) = (top.side(LEFT), top.side(RIGHT));
    if left.is_none() {
        *root = right;
        return;
    }
    *root = splayed(left, key);
    if let Some(root) = root {
        root.set(RIGHT, right);
    }
}

fn splay(scale: Scale) -> u64 {
    let mut root = None;
    let mut random = Random::new();
    for _ in 0..scale.nodes {
        insert_new(&mut root, &mut random);
    }
    for _ in 0..scale.replacements {
        let key = insert_new(&mut root, &mut random);
        let victim = greatest_below(&mut root, key).unwrap_or(key);
        remove(&mut root, victim);
    }
    checksum(&root)
}

fn checksum(link: &Link) -> u64 {
    let Some(node) = link else { return 0 };
    let mut leaf = node.payload.clone();
    while let Some(Payload::Pair(left, _)) = leaf.as_deref() {
        leaf = Some(left.clone());
    }
    let own = match leaf.as_deref() {
        Some(Payload::Leaf(array, text)) => array.elements.0[PAYLOAD_ELEMENTS - 1] + text.len() as u64,
        _ => 0,
    };
    u64::from(node.key) + own + checksum(&node.side(LEFT)) + checksum(&node.side(RIGHT))
}
