//! A splay tree whose nodes carry payloads.

use crate::workload::{PAYLOAD_DEPTH, PAYLOAD_ELEMENTS, Random, Scale, leaf_text};
use gc_arena::barrier::unlock;
use gc_arena::lock::RefLock;
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};

#[derive(Collect)]
#[collect(require_static)]
struct Elements([u64; PAYLOAD_ELEMENTS]);

#[derive(Collect)]
#[collect(no_drop)]
struct Array<'gc> {
    elements: Gc<'gc, Elements>,
}

#[derive(Collect)]
#[collect(no_drop)]
enum Payload<'gc> {
    Pair(Gc<'gc, Payload<'gc>>, Gc<'gc, Payload<'gc>>),
    Leaf(Gc<'gc, Array<'gc>>, Gc<'gc, String>),
}

type Link<'gc> = Option<Gc<'gc, SplayNode<'gc>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct SplayNode<'gc> {
    key: u32,
    payload: Option<Gc<'gc, Payload<'gc>>>,
    // Left and right.
    sides: RefLock<[Link<'gc>; 2]>,
}

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// Insertions or replacements between two calls of the collector: some 1,000 objects.
const STEPS: u32 = 6;

fn new_node<'gc>(mc: &Mutation<'gc>, key: u32, payload: Option<Gc<'gc, Payload<'gc>>>) -> Gc<'gc, SplayNode<'gc>> {
    Gc::new(mc, SplayNode { key, payload, sides: RefLock::new([None, None]) })
}

fn side<'gc>(node: Gc<'gc, SplayNode<'gc>>, side: usize) -> Link<'gc> {
    node.sides.borrow()[side]
}

fn set<'gc>(mc: &Mutation<'gc>, node: Gc<'gc, SplayNode<'gc>>, side: usize, link: Link<'gc>) {
    unlock!(Gc::write(mc, node), SplayNode, sides).borrow_mut()[side] = link;
}

fn payload<'gc>(mc: &Mutation<'gc>, depth: u32, text: &str) -> Gc<'gc, Payload<'gc>> {
    let payload = if depth == 0 {
        let elements = Gc::new(mc, Elements(std::array::from_fn(|index| index as u64)));
        Payload::Leaf(Gc::new(mc, Array { elements }), Gc::new(mc, text.to_owned()))
    } else {
        Payload::Pair(payload(mc, depth - 1, text), payload(mc, depth - 1, text))
    };
    Gc::new(mc, payload)
}

/// Moves the node with the key, or one beside where it would be, to the root.
fn splayed<'gc>(mc: &Mutation<'gc>, root: Link<'gc>, key: u32) -> Link<'gc> {
    let mut current = root?;
    let dummy = new_node(mc, 0, None);
    let (mut left, mut right) = (dummy, dummy);
    loop {
        let (near, far) = match key.cmp(&current.key) {
            std::cmp::Ordering::Less => (LEFT, RIGHT),
            std::cmp::Ordering::Greater => (RIGHT, LEFT),
            std::cmp::Ordering::Equal => break,
        };
        let Some(mut child) = side(current, near) else { break };
        if (near == LEFT && key < child.key) || (near == RIGHT && key > child.key) {
            set(mc, current, near, side(child, far));
            set(mc, child, far, Some(current));
            current = child;
            match side(current, near) {
                Some(next) => child = next,
                None => break,
            }
        }
        if near == LEFT {
            set(mc, right, LEFT, Some(current));
            right = current;
        } else {
            set(mc, left, RIGHT, Some(current));
            left = current;
        }
        current = child;
    }
    set(mc, left, RIGHT, side(current, LEFT));
    set(mc, right, LEFT, side(current, RIGHT));
    set(mc, current, LEFT, side(dummy, RIGHT));
    set(mc, current, RIGHT, side(dummy, LEFT));
    Some(current)
}

fn insert_new<'gc>(mc: &Mutation<'gc>, root: &mut Link<'gc>, random: &mut Random) -> u32 {
    let key = loop {
        let key = random.key();
        *root = splayed(mc, *root, key);
        if root.is_none_or(|root| root.key != key) {
            break key;
        }
    };
    let node = new_node(mc, key, Some(payload(mc, PAYLOAD_DEPTH, &leaf_text(key))));
    if let Some(root) = splayed(mc, *root, key) {
        let (near, far) = if root.key < key { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
        set(mc, node, near, Some(root));
        set(mc, node, far, side(root, far));
        set(mc, root, far, None);
    }
    *root = Some(node);
    key
}

fn greatest_below<'gc>(mc: &Mutation<'gc>, root: &mut Link<'gc>, key: u32) -> Option<u32> {
    *root = splayed(mc, *root, key);
    let top = (*root)?;
    if top.key < key {
        return Some(top.key);
    }
    let mut node = side(top, LEFT)?;
    while let Some(next) = side(node, RIGHT) {
        node = next;
    }
    Some(node.key)
}

fn remove<'gc>(mc: &Mutation<'gc>, root: &mut Link<'gc>, key: u32) {
    let Some(top) = splayed(mc, *root, key) else { return };
    let right = side(top, RIGHT);
    *root = match side(top, LEFT) {
        None => right,
        left => splayed(mc, left, key),
    };
    if let (Some(_), Some(root)) = (side(top, LEFT), *root) {
        set(mc, root, RIGHT, right);
    }
}

pub(super) fn run(scale: Scale) -> u64 {
    let mut arena: Arena<Rootable![Link<'_>]> = Arena::new(|_| None);
    let mut random = Random::new();
    for first in (0..scale.nodes).step_by(STEPS as usize) {
        arena.mutate_root(|mc, root| {
            for _ in first..scale.nodes.min(first + STEPS) {
                insert_new(mc, root, &mut random);
            }
        });
        arena.collect_debt();
    }
    for first in (0..scale.replacements).step_by(STEPS as usize) {
        arena.mutate_root(|mc, root| {
            for _ in first..scale.replacements.min(first + STEPS) {
                let key = insert_new(mc, root, &mut random);
                let victim = greatest_below(mc, root, key).unwrap_or(key);
                remove(mc, root, victim);
            }
        });
        arena.collect_debt();
    }
    arena.mutate(|_, root| checksum(*root))
}

fn checksum(link: Link<'_>) -> u64 {
    let Some(node) = link else { return 0 };
    let mut leaf = node.payload;
    while let Some(Payload::Pair(left, _)) = leaf.as_deref() {
        leaf = Some(*left);
    }
    let own = match leaf.as_deref() {
        Some(Payload::Leaf(array, text)) => array.elements.0[PAYLOAD_ELEMENTS - 1] + text.len() as u64,
        _ => 0,
    };
    u64::from(node.key) + own + checksum(side(node, LEFT)) + checksum(side(node, RIGHT))
}
