//! The limits: what allocation, and marking, cost where nothing else is done.
//!
//! `bumpalo` and the hand-written loop free a whole region at once, so they do only the workloads in which what lives
//! is known beforehand. The hand-written loop also has a marker over words in a vector: a side bitmap, and a queue of
//! prefetched objects.

use crate::measure::{Outcome, time_collections};
use crate::workload::{CHURN_WORDS, LEAVES, RING, Random, Scale, Workload};
use bumpalo::Bump;
use prefetch_index::prefetch_index;

/// Runs a workload on bumpalo; `None` where it cannot be done.
pub fn bumpalo(workload: Workload, scale: Scale) -> Option<Outcome> {
    match workload {
        Workload::Bt16 | Workload::Bt18 => Some(bumpalo_trees(scale).into()),
        Workload::Churn => Some(bumpalo_churn(scale).into()),
        _ => None,
    }
}

/// Runs a workload by hand; `None` where it cannot be done.
pub fn by_hand(workload: Workload, scale: Scale) -> Option<Outcome> {
    match workload {
        Workload::Bt16 | Workload::Bt18 => Some(trees(scale).into()),
        Workload::Churn => Some(churn(scale).into()),
        Workload::MarkList => Some(marked(list(scale))),
        Workload::MarkGraph => Some(marked(graph(scale))),
        Workload::MarkTree => Some(marked(tree(scale))),
        Workload::Oldnew | Workload::Splay => None,
    }
}

struct TreeNode<'a> {
    children: Option<(&'a TreeNode<'a>, &'a TreeNode<'a>)>,
}

fn bumpalo_build(bump: &Bump, depth: u32) -> &TreeNode<'_> {
    let children = (depth > 0).then(|| (bumpalo_build(bump, depth - 1), bumpalo_build(bump, depth - 1)));
    bump.alloc(TreeNode { children })
}

fn bumpalo_count(tree: &TreeNode<'_>) -> u64 {
    tree.children.map_or(1, |(left, right)| 1 + bumpalo_count(left) + bumpalo_count(right))
}

fn bumpalo_trees(scale: Scale) -> u64 {
    let mut bump = Bump::new();
    let mut total = bumpalo_count(bumpalo_build(&bump, scale.depth + 1));
    bump.reset();
    let kept = Bump::new();
    let long_lived = bumpalo_build(&kept, scale.depth);
    for (depth, times) in scale.trees() {
        for _ in 0..times {
            total += bumpalo_count(bumpalo_build(&bump, depth));
            bump.reset();
        }
    }
    total + bumpalo_count(long_lived)
}

/// A region lives as long as the four rings are filled once.
fn bumpalo_churn(scale: Scale) -> u64 {
    let mut bump = Bump::new();
    let mut total = 0;
    for first in (0..scale.churn).step_by(4 * RING as usize) {
        let mut ring: Vec<&[u64]> = Vec::with_capacity(4 * RING as usize);
        for number in first..scale.churn.min(first + 4 * RING) {
            let number = u64::from(number);
            ring.push(match number % 4 {
                0 => bump.alloc(words::<3>(number)),
                1 => bump.alloc(words::<4>(number)),
                2 => bump.alloc(words::<5>(number)),
                _ => bump.alloc(words::<6>(number)),
            });
        }
        total += ring.iter().map(|object| object[object.len() - 1]).sum::<u64>();
        drop(ring);
        bump.reset();
    }
    total
}

/// A header and the words behind it.
fn words<const N: usize>(number: u64) -> [u64; N] {
    std::array::from_fn(|word| if word == 0 { N as u64 } else { number + word as u64 - 1 })
}

/// Objects are runs of words in a vector: a header of sizes, references as indexes, numbers.
struct Region {
    words: Vec<u64>,
    top: usize,
}

/// A header: words of the object, and how many of them, directly behind it, are references.
fn header(words: usize, references: usize) -> u64 {
    (words as u64) << 32 | references as u64
}

impl Region {
    fn new(words: usize) -> Region {
        Region { words: vec![0; words], top: 1 }
    }

    #[inline(always)]
    fn allocate<const N: usize>(&mut self, object: [u64; N]) -> u64 {
        let at = self.top;
        self.words[at..at + N].copy_from_slice(&object);
        self.top += N;
        at as u64
    }
}

fn build(region: &mut Region, depth: u32) -> u64 {
    let (left, right) = if depth == 0 { (0, 0) } else { (build(region, depth - 1), build(region, depth - 1)) };
    region.allocate([header(3, 2), left, right])
}

fn count(region: &Region, tree: u64) -> u64 {
    let tree = tree as usize;
    match region.words[tree + 1] {
        0 => 1,
        left => 1 + count(region, left) + count(region, region.words[tree + 2]),
    }
}

fn trees(scale: Scale) -> u64 {
    let largest = 3 << (scale.depth + 2);
    let mut region = Region::new(largest + 1);
    let tree = build(&mut region, scale.depth + 1);
    let mut total = count(&region, tree);
    region.top = 1;
    let mut kept = Region::new(largest / 2 + 1);
    let long_lived = build(&mut kept, scale.depth);
    for (depth, times) in scale.trees() {
        for _ in 0..times {
            let tree = build(&mut region, depth);
            total += count(&region, tree);
            region.top = 1;
        }
    }
    total + count(&kept, long_lived)
}

fn churn(scale: Scale) -> u64 {
    let mut region = Region::new(4 * RING as usize * 6 + 1);
    let mut ring = vec![0; 4 * RING as usize];
    let mut total = 0;
    for first in (0..scale.churn).step_by(ring.len()) {
        let end = scale.churn.min(first + 4 * RING);
        for number in first..end {
            let value = u64::from(number);
            ring[(number - first) as usize] = match number % 4 {
                0 => region.allocate(words::<3>(value)),
                1 => region.allocate(words::<4>(value)),
                2 => region.allocate(words::<5>(value)),
                _ => region.allocate(words::<6>(value)),
            };
        }
        for (size, &object) in (0..(end - first) as usize).zip(&ring) {
            total += region.words[object as usize + CHURN_WORDS[size % 4]];
        }
        region.top = 1;
    }
    total
}

/// Objects reached from a root, by marking on push with a queue of prefetched objects in front of the stack.
struct Graph {
    region: Region,
    root: u64,
    checksum: fn(&Region, u64) -> u64,
}

const QUEUE: usize = 8;

fn mark(region: &Region, root: u64, bits: &mut [u64]) {
    bits.fill(0);
    let mut stack = Vec::with_capacity(1 << 16);
    let mut queue = [0_u64; QUEUE];
    let (mut first, mut length) = (0, 0);
    stack.push(root);
    loop {
        while length < QUEUE {
            let Some(object) = stack.pop() else { break };
            prefetch_index(&region.words, object as usize);
            queue[(first + length) % QUEUE] = object;
            length += 1;
        }
        if length == 0 {
            return;
        }
        let object = queue[first % QUEUE] as usize;
        (first, length) = (first + 1, length - 1);
        let references = region.words[object] as u32 as usize;
        for &target in &region.words[object + 1..object + 1 + references] {
            let (word, bit) = ((target / 64) as usize, 1 << (target % 64));
            if target != 0 && bits[word] & bit == 0 {
                bits[word] |= bit;
                stack.push(target);
            }
        }
    }
}

fn marked(graph: Graph) -> Outcome {
    let mut bits = vec![0; graph.region.top / 64 + 1];
    let collections_ms = time_collections(|| {
        mark(&graph.region, graph.root, &mut bits);
        Ok::<(), std::convert::Infallible>(())
    });
    Outcome {
        checksum: (graph.checksum)(&graph.region, graph.root),
        collections_ms: collections_ms.unwrap_or_default(),
    }
}

fn list(scale: Scale) -> Graph {
    let mut region = Region::new(scale.live as usize * 3 + 1);
    let mut root = 0;
    for number in 0..scale.live {
        root = region.allocate([header(3, 1), root, u64::from(number)]);
    }
    fn checksum(region: &Region, mut cell: u64) -> u64 {
        let mut sum = 0;
        while cell != 0 {
            sum += region.words[cell as usize + 2];
            cell = region.words[cell as usize + 1];
        }
        sum
    }
    Graph { region, root, checksum }
}

fn graph(scale: Scale) -> Graph {
    let mut region = Region::new(scale.live as usize * 5 + 1);
    for number in 0..scale.live {
        region.allocate([header(5, 3), 0, 0, 0, u64::from(number)]);
    }
    let mut random = Random::new();
    let order = random.permutation(scale.live);
    let at = |node: u32| u64::from(node) * 5 + 1;
    for (place, &own) in order.iter().enumerate() {
        let child = |side: usize| order.get(2 * place + 1 + side).map_or(0, |&child| at(child));
        let edges = [child(0), child(1), at(random.below(scale.live))];
        let own = at(own) as usize;
        region.words[own + 1..own + 4].copy_from_slice(&edges);
    }
    fn checksum(region: &Region, node: u64) -> u64 {
        if node == 0 {
            return 0;
        }
        let words = &region.words[node as usize..node as usize + 5];
        words[4] + region.words[words[3] as usize + 4] + checksum(region, words[1]) + checksum(region, words[2])
    }
    let root = at(order[0]);
    Graph { region, root, checksum }
}

fn tree(scale: Scale) -> Graph {
    let arrays = (scale.live / LEAVES) as usize;
    let mut region = Region::new(arrays * (LEAVES as usize * 3 + 2) + 2);
    let root = region.top;
    region.words[root] = header(arrays + 1, arrays);
    region.top += arrays + 1;
    for branch in 0..arrays {
        let array = region.top;
        region.words[array] = header(LEAVES as usize + 1, LEAVES as usize);
        region.top += LEAVES as usize + 1;
        for place in 0..LEAVES as usize {
            let leaf = region.allocate([header(2, 0), (branch * LEAVES as usize + place) as u64]);
            region.words[array + 1 + place] = leaf;
        }
        region.words[root + 1 + branch] = array as u64;
    }
    fn checksum(region: &Region, node: u64) -> u64 {
        let node = node as usize;
        match region.words[node] as u32 as usize {
            0 => region.words[node + 1],
            references => (1..=references).map(|place| checksum(region, region.words[node + place])).sum(),
        }
    }
    Graph { region, root: root as u64, checksum }
}
