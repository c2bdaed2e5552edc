//! Dominators: what would die with what.
//!
//! The algorithm of Lengauer and Tarjan ("A fast algorithm for finding dominators in a flowgraph", TOPLAS 1979) with path
//! compression: steps in the order of edges times the logarithm of nodes, whatever the graph looks like. It knows
//! nothing of heaps. Depth-first search and path compression keep their stacks in vectors.

/// No node, no number.
const NONE: u32 = u32::MAX;

/// The dominator tree of what is reachable from node 0. Numbers count nodes in the order in which the search found them.
#[derive(Debug)]
pub(super) struct Dominators {
    /// Number of a node; [`NONE`] if it is not reachable.
    number: Vec<u32>,
    /// Node of a number.
    order: Vec<u32>,
    /// Number of the immediate dominator of a number; 0 for 0.
    idom: Vec<u32>,
    /// Sum of the sizes of all that a number dominates, itself included.
    retained: Vec<u64>,
}

impl Dominators {
    /// `successor(node, position)` returns the successor at or after `position` and sets `position` behind it.
    pub(super) fn new(
        nodes: usize,
        successor: impl Fn(u32, &mut u32) -> Option<u32>,
        size: impl Fn(u32) -> u64,
    ) -> Dominators {
        let (number, order, parent) = search(nodes, &successor);
        let idom = immediate(&number, &order, &parent, &successor);
        let mut retained: Vec<u64> = order.iter().map(|&node| size(node)).collect();
        // A dominator has a smaller number than what it dominates.
        for number in (1..order.len()).rev() {
            retained[idom[number] as usize] += retained[number];
        }
        Dominators { number, order, idom, retained }
    }

    fn number(&self, node: u32) -> Option<usize> {
        self.number.get(node as usize).copied().filter(|&number| number != NONE).map(|number| number as usize)
    }

    /// The immediate dominator of a node; `None` for the root and for what is not reachable.
    pub(super) fn immediate(&self, node: u32) -> Option<u32> {
        let number = self.number(node).filter(|&number| number != 0)?;
        Some(self.order[self.idom[number] as usize])
    }

    /// The nodes that a node dominates, itself included, in the order of the search.
    pub(super) fn dominated(&self, node: u32) -> Vec<u32> {
        let Some(top) = self.number(node) else { return Vec::new() };
        let mut inside = vec![false; self.order.len()];
        for number in top..self.order.len() {
            inside[number] = number == top || inside[self.idom[number] as usize];
        }
        self.order.iter().zip(inside).filter(|&(_, inside)| inside).map(|(&node, _)| node).collect()
    }

    /// Bytes that would be free if the node were; 0 for what is not reachable.
    pub(super) fn retained(&self, node: u32) -> u64 {
        self.number(node).map_or(0, |number| self.retained[number])
    }
}

/// Depth-first search: numbers of nodes, nodes of numbers, number of each number's parent in the search tree.
fn search(nodes: usize, successor: &impl Fn(u32, &mut u32) -> Option<u32>) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let (mut number, mut order, mut parent) = (vec![NONE; nodes], Vec::new(), Vec::new());
    let mut stack = vec![(0u32, 0u32)];
    number[0] = 0;
    order.push(0);
    parent.push(0);
    while let Some((node, position)) = stack.last_mut() {
        let from = *node;
        match successor(from, position) {
            Some(to) if number[to as usize] == NONE => {
                number[to as usize] = order.len() as u32;
                order.push(to);
                parent.push(number[from as usize]);
                stack.push((to, 0));
            }
            Some(_) => {}
            None => {
                stack.pop();
            }
        }
    }
    (number, order, parent)
}

/// The numbers of the predecessors of every number, one after the other, and where those of a number begin.
fn predecessors(
    number: &[u32],
    order: &[u32],
    successor: &impl Fn(u32, &mut u32) -> Option<u32>,
) -> (Vec<u32>, Vec<u32>) {
    let each = |visit: &mut dyn FnMut(u32, u32)| {
        for (from, &node) in order.iter().enumerate() {
            let mut position = 0;
            while let Some(to) = successor(node, &mut position) {
                visit(from as u32, number[to as usize]);
            }
        }
    };
    let mut begin = vec![0u32; order.len() + 1];
    each(&mut |_, to| begin[to as usize] += 1);
    let mut sum = 0;
    for count in &mut begin {
        sum += *count;
        *count = sum;
    }
    // From the end of each part down to its beginning.
    let mut from = vec![0u32; sum as usize];
    each(&mut |source, to| {
        begin[to as usize] -= 1;
        from[begin[to as usize] as usize] = source;
    });
    (from, begin)
}

/// The forest of Lengauer and Tarjan.
struct Forest {
    semi: Vec<u32>,
    label: Vec<u32>,
    ancestor: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    /// The number with the smallest semidominator on the way from `v` up to, without, the root of its tree.
    fn eval(&mut self, v: u32) -> u32 {
        if self.ancestor[v as usize] == NONE {
            return v;
        }
        let mut at = v;
        loop {
            let above = self.ancestor[at as usize];
            if self.ancestor[above as usize] == NONE {
                break;
            }
            self.path.push(at);
            at = above;
        }
        while let Some(at) = self.path.pop() {
            let above = self.ancestor[at as usize];
            let (upper, own) = (self.label[above as usize], self.label[at as usize]);
            if self.semi[upper as usize] < self.semi[own as usize] {
                self.label[at as usize] = upper;
            }
            self.ancestor[at as usize] = self.ancestor[above as usize];
        }
        self.label[v as usize]
    }
}

fn immediate(
    number: &[u32],
    order: &[u32],
    parent: &[u32],
    successor: &impl Fn(u32, &mut u32) -> Option<u32>,
) -> Vec<u32> {
    let count = order.len() as u32;
    let (from, begin) = predecessors(number, order, successor);
    let mut forest = Forest {
        semi: (0..count).collect(),
        label: (0..count).collect(),
        ancestor: vec![NONE; order.len()],
        path: Vec::new(),
    };
    let mut idom = vec![0u32; order.len()];
    // What has a number as its semidominator, as linked lists.
    let (mut bucket, mut next) = (vec![NONE; order.len()], vec![NONE; order.len()]);
    for w in (1..count).rev() {
        let here = w as usize;
        for &v in &from[begin[here] as usize..begin[here + 1] as usize] {
            let u = forest.eval(v);
            forest.semi[here] = forest.semi[here].min(forest.semi[u as usize]);
        }
        let semi = forest.semi[here] as usize;
        next[here] = bucket[semi];
        bucket[semi] = w;
        let above = parent[here];
        forest.ancestor[here] = above;
        let mut v = std::mem::replace(&mut bucket[above as usize], NONE);
        while v != NONE {
            let u = forest.eval(v);
            idom[v as usize] = if forest.semi[u as usize] < forest.semi[v as usize] { u } else { above };
            v = next[v as usize];
        }
    }
    for w in 1..order.len() {
        if idom[w] != forest.semi[w] {
            idom[w] = idom[idom[w] as usize];
        }
    }
    idom
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(edges: &[Vec<u32>]) -> Dominators {
        let successor = |node: u32, position: &mut u32| {
            let found = edges[node as usize].get(*position as usize).copied();
            *position += 1;
            found
        };
        Dominators::new(edges.len(), successor, |_| 1)
    }

    /// By definition: `a` dominates `b` if `b` cannot be reached without it.
    fn reachable_without(edges: &[Vec<u32>], without: Option<u32>) -> Vec<bool> {
        let mut seen = vec![false; edges.len()];
        let mut stack = vec![0u32];
        while let Some(node) = stack.pop() {
            if Some(node) != without && !std::mem::replace(&mut seen[node as usize], true) {
                stack.extend(&edges[node as usize]);
            }
        }
        seen
    }

    #[test]
    fn it_agrees_with_the_definition_on_random_graphs() {
        let mut state = 88_172_645_463_325_252u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for round in 0..400 {
            let nodes = 1 + random(14);
            let mut edges = vec![Vec::new(); nodes as usize];
            for _ in 0..random(3 * nodes + 1) {
                edges[random(nodes) as usize].push(random(nodes) as u32);
            }
            let found = of(&edges);
            let all = reachable_without(&edges, None);
            for node in 0..nodes as u32 {
                let without = reachable_without(&edges, Some(node));
                let dominated = (0..nodes as usize).filter(|&other| all[other] && !without[other]).count();
                let expected = if all[node as usize] { dominated as u64 } else { 0 };
                assert_eq!(found.retained(node), expected, "round {round}, node {node}: {edges:?}");
                if let Some(above) = found.immediate(node) {
                    assert!(!reachable_without(&edges, Some(above))[node as usize], "round {round}: {edges:?}");
                }
            }
        }
    }

    #[test]
    fn a_ladder_with_rungs_back_to_its_foot_is_done_in_no_time() {
        let nodes = 200_000u32;
        let mut edges: Vec<Vec<u32>> = (0..nodes).map(|node| vec![(node + 1).min(nodes - 1), 1, node / 2]).collect();
        edges[0] = vec![1];
        let found = of(&edges);
        assert_eq!(found.retained(1), u64::from(nodes) - 1);
        assert_eq!(found.immediate(nodes - 1), Some(nodes - 2));
    }
}
