//! A path: what holds an object, in words.

use super::census::Label;
use super::edge::{Edge, through_store};
use super::graph::{Graph, NONE, Node, ROOTS};
use crate::object::word::is_reference;
use crate::{Error, Heap, Local, Type, WeakHandle};

/// Hops that a path shows at its start and at its end before it leaves out the middle.
const SHOWN: usize = 8;

/// One holder of a [`Path`], or a run of like holders.
///
/// ```
/// use gcheap::{Heap, HeapOptions, inspect::Edge};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let inner = scope.string("inner text")?;
/// scope.array(&[1.into(), inner.into()])?;
/// let path = scope.path_to(inner)?.expect("the array holds it");
/// assert_eq!((path.hops()[0].edge, path.hops()[0].times), (Edge::Element(1), 1));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What holds.
    pub holder: Label,
    /// By which slot.
    pub edge: Edge,
    /// How many such holders follow one another, as in a linked list.
    pub times: u64,
}

/// The shortest way from a root to an object. Its [`Display`](std::fmt::Display) form is a sentence.
///
/// Tables and backing stores are left out: an array holds its elements. Where the way is long, its middle is left out.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let (weak, _list) = {
///     let mut scope = heap.scope();
///     let name = scope.string("held too long")?;
///     let user = scope.object(&[1.into(), name.into()])?;
///     let list = scope.array(&[0.into(), 0.into(), 0.into(), user.into()])?;
///     (scope.weak_handle(name)?, scope.global(list)?)
/// };
/// let path = heap.path_to_weak(&weak)?.expect("it is held");
/// assert_eq!(path.to_string(), "a global handle -> JSArray element 3 -> JSObject property 1 -> SeqOneByteString");
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    root: &'static str,
    hops: Vec<Hop>,
    target: Label,
}

impl Path {
    /// What the root is, in words.
    pub fn root(&self) -> &'static str {
        self.root
    }

    /// The holders from the root on.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// What the object is.
    pub fn target(&self) -> Label {
        self.target
    }

    /// Holders between the root and the object.
    pub fn len(&self) -> u64 {
        self.hops.iter().map(|hop| hop.times).sum()
    }

    /// The root holds the object itself.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }

    /// Adds a holder behind the last.
    fn push(&mut self, holder: Label, edge: Edge) {
        match self.hops.last_mut() {
            Some(last) if last.holder == holder && last.edge == edge => last.times += 1,
            _ => self.hops.push(Hop { holder, edge, times: 1 }),
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.root)?;
        let left_out = self.hops.len().saturating_sub(2 * SHOWN);
        for (index, hop) in self.hops.iter().enumerate() {
            if left_out > 0 && index == SHOWN {
                write!(f, " -> ... {left_out} more ...")?;
            }
            if left_out > 0 && (SHOWN..SHOWN + left_out).contains(&index) {
                continue;
            }
            write!(f, " -> {} {}", hop.holder, hop.edge)?;
            if hop.times > 1 {
                write!(f, " ({} times)", hop.times)?;
            }
        }
        write!(f, " -> {}", self.target)
    }
}

impl Graph<'_> {
    /// The shortest way from a root to an object; `None` if nothing reaches it.
    pub fn path(&self, node: Node<'_>) -> Result<Option<Path>, Error> {
        Ok(self.path_to(self.unwrap(node)?))
    }

    fn path_to(&self, node: u32) -> Option<Path> {
        if node == ROOTS || self.parent[node as usize] == NONE {
            return None;
        }
        let mut way = vec![node];
        while let Some(&last) = way.last()
            && self.parent[last as usize] != ROOTS
        {
            way.push(self.parent[last as usize]);
        }
        way.reverse();
        let root = self.roots.iter().find(|(root, _)| *root == way[0]).map_or("a root", |(_, name)| name);
        let mut path = Path { root, hops: Vec::new(), target: self.label(node) };
        let mut rest = way.windows(2).peekable();
        while let Some(&[holder, held]) = rest.next() {
            let mut edge = self.edge_between(holder, held);
            if let Some(&&[_, behind]) = rest.peek() {
                let in_object = self.header(holder).words().saturating_sub(3);
                let inner = self.edge_between(held, behind);
                if let Some(joined) = through_store(self.label(holder), in_object, edge, self.label(held), inner) {
                    edge = joined;
                    rest.next();
                }
            }
            path.push(self.label(holder), edge);
        }
        Some(path)
    }

    fn label(&self, node: u32) -> Label {
        self.heap.label_of(self.header(node))
    }

    /// The first slot by which one holds the other.
    fn edge_between(&self, holder: u32, held: u32) -> Edge {
        let mut slot = 0;
        while let Some(found) = self.next_slot(holder, &mut slot) {
            if found == held {
                return self.heap.edge(self.address(holder), self.header(holder), u64::from(slot));
            }
        }
        Edge::WeakMapValue
    }
}

impl Heap {
    /// What holds an object, besides the handles that refer to it itself: the shortest way from a root. `None` if nothing
    /// else does.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn path_to<T: Type>(&self, local: Local<'_, T>) -> Result<Option<Path>, Error> {
        let word = self.word(local)?;
        let handles = self.mechanism.roots.handles.iter().filter(|&&word| is_reference(word)).count();
        let roots = self.mechanism.roots.describe_strong().into_iter().enumerate();
        let other = roots.filter(|(index, (root, _))| *index >= handles || *root != word).map(|(_, root)| root);
        let graph = Graph::new(self, other);
        let node = graph.node(local)?;
        graph.path(node)
    }

    /// What holds the object that a weak handle looks at; `None` if nothing does, or if it was collected.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn path_to_weak<T: Type>(&self, weak: &WeakHandle<T>) -> Result<Option<Path>, Error> {
        let graph = self.graph();
        match graph.node_of_weak(weak)? {
            Some(node) => graph.path(node),
            None => Ok(None),
        }
    }
}
