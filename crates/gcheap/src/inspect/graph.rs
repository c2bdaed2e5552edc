//! The graph of a heap as it stands: who holds whom, from the roots on.
//!
//! What counts is what would keep an object alive: strong references. A WeakRef, a weak handle or the target of a
//! registration holds nothing. The value of a WeakMap's entry is held by the key, as long as the map is alive. So what the
//! graph does not reach is what the next full collection frees.

use super::census::Census;
use super::dominators::Dominators;
use super::edge::Edge;
use super::walk::ObjectInfo;
use crate::collect::weak::{ephemeron_capacity, ephemeron_entries};
use crate::memory::WORD;
use crate::object::Header;
use crate::object::word::{address as address_of, is_reference, is_weak};
use crate::space::pages::LARGE;
use crate::{Error, Heap, Local, Type, WeakHandle};
use std::cell::OnceCell;
use std::marker::PhantomData;

/// Node 0 stands for the roots.
pub(super) const ROOTS: u32 = 0;
pub(super) const NONE: u32 = u32::MAX;

/// An object of a [`Graph`].
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let text = scope.string("node")?;
/// let graph = scope.graph();
/// let node = graph.node(text)?;
/// assert_eq!(graph.info(node)?.size, scope.size(text)?);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node<'h> {
    index: u32,
    heap: u32,
    heap_is_still: PhantomData<&'h Heap>,
}

/// Where the objects of a page are, for finding their numbers.
struct PageIndex {
    /// One bit a word: an object starts there.
    starts: Vec<u64>,
    /// Objects before each word of `starts`.
    before: Vec<u32>,
}

/// The value of an entry of a WeakMap that is held by its key.
#[derive(Clone, Copy)]
struct Ephemeron {
    key: u32,
    table: u32,
    value: u32,
}

/// Who holds whom, as long as the heap is not changed (the graph borrows it). Costs a walk over the heap.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let kept = scope.array(&[])?;
/// {
///     let mut turn = scope.scope();
///     let text = turn.string_of_length(1000, false)?;
///     let user = turn.object(&[text.into()])?;
///     turn.array_push(kept, user.into())?;
/// }
/// let graph = scope.graph();
/// let array = graph.node(kept)?;
/// assert!(graph.retained_size(array)? > 1000, "the array holds the text");
/// let text = graph.nodes().find(|&node| graph.info(node).is_ok_and(|info| info.size > 1000)).expect("it is reachable");
/// let path = graph.path(text)?.expect("it is reachable").to_string();
/// assert!(path.ends_with("-> JSArray element 0 -> JSObject property 0 -> SeqOneByteString"), "{path}");
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// What a graph says cannot be out of date: while it is there the heap does not change.
///
/// ```compile_fail
/// # let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let graph = heap.graph();
/// heap.collect_garbage().unwrap();
/// graph.nodes().count();
/// ```
pub struct Graph<'h> {
    pub(super) heap: &'h Heap,
    /// By page slot; empty where there is none.
    index: Vec<Option<PageIndex>>,
    /// Address of every node, in words.
    places: Vec<u32>,
    /// The holder from which a node was reached first; [`NONE`] if none reaches it.
    pub(super) parent: Vec<u32>,
    /// In the order in which they were reached.
    reached: Vec<u32>,
    pub(super) roots: Vec<(u32, &'static str)>,
    /// Sorted by key; those of live tables only.
    ephemerons: Vec<Ephemeron>,
    dominators: OnceCell<Dominators>,
}

impl std::fmt::Debug for Graph<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("objects", &(self.places.len() - 1))
            .field("reachable", &self.reached.len())
            .finish_non_exhaustive()
    }
}

impl<'h> Graph<'h> {
    pub(super) fn new(heap: &'h Heap, roots: impl IntoIterator<Item = (u64, &'static str)>) -> Graph<'h> {
        let slots = heap.mechanism.spaces.pages.all().last().map_or(0, |page| page as usize + 1);
        let mut graph = Graph {
            heap,
            index: (0..slots).map(|_| None).collect(),
            places: vec![0],
            parent: Vec::new(),
            reached: Vec::new(),
            roots: Vec::new(),
            ephemerons: Vec::new(),
            dominators: OnceCell::new(),
        };
        for page in heap.mechanism.spaces.pages.all() {
            graph.index_page(page);
        }
        graph.roots = roots.into_iter().filter_map(|(word, name)| Some((graph.find(word)?, name))).collect();
        graph.find_ephemerons();
        graph.reach();
        let parent = &graph.parent;
        graph.ephemerons.retain(|entry| parent[entry.table as usize] != NONE);
        graph
    }

    fn index_page(&mut self, page: u64) {
        let pages = &self.heap.mechanism.spaces.pages;
        let start = pages.start(page);
        // Only one object starts on a large page, near its beginning.
        let large = pages.page_flags(page) & LARGE != 0;
        let bytes = if large { pages.geometry.header + 512 } else { pages.geometry.page_size() };
        let words = bytes.div_ceil(512) as usize;
        let mut index = PageIndex { starts: vec![0; words], before: vec![0; words] };
        let first = self.places.len() as u32;
        for (address, _) in self.heap.page_objects(page) {
            let word = ((address - start) / WORD) as usize;
            index.starts[word / 64] |= 1 << (word % 64);
            self.places.push((address / WORD) as u32);
        }
        let mut before = first;
        for (starts, count) in index.starts.iter().zip(&mut index.before) {
            *count = before;
            before += starts.count_ones();
        }
        self.index[page as usize] = Some(index);
    }

    /// The node that a reference points at.
    pub(super) fn find(&self, word: u64) -> Option<u32> {
        let address = address_of(word);
        let pages = &self.heap.mechanism.spaces.pages;
        let page = pages.number(address);
        let index = self.index.get(page)?.as_ref()?;
        let word = ((address - pages.start(page as u64)) / WORD) as usize;
        let (starts, bit) = (*index.starts.get(word / 64)?, 1u64 << (word % 64));
        (starts & bit != 0).then(|| index.before[word / 64] + (starts & (bit - 1)).count_ones())
    }

    pub(super) fn address(&self, node: u32) -> u64 {
        u64::from(self.places[node as usize]) * WORD
    }

    pub(super) fn header(&self, node: u32) -> Header {
        self.heap.header(self.address(node))
    }

    fn find_ephemerons(&mut self) {
        let memory = &self.heap.mechanism.spaces.pages.memory;
        let mut entries = Vec::new();
        for table in &self.heap.mechanism.weak.ephemeron_tables {
            let Some(node) = self.find(table.address) else { continue };
            let capacity = ephemeron_capacity(memory, table.address);
            for (key_slot, value_slot) in ephemeron_entries(table.address, capacity) {
                let (key, value) = (memory.word(key_slot), memory.word(value_slot));
                if is_reference(key)
                    && is_reference(value)
                    && let (Some(key), Some(value)) = (self.find(key), self.find(value))
                {
                    entries.push(Ephemeron { key, table: node, value });
                }
            }
        }
        entries.sort_unstable_by_key(|entry| (entry.key, entry.table, entry.value));
        self.ephemerons = entries;
    }

    /// The entries of live WeakMaps whose key is a node.
    fn entries_of(&self, key: u32) -> &[Ephemeron] {
        let first = self.ephemerons.partition_point(|entry| entry.key < key);
        let rest = &self.ephemerons[first..];
        &rest[..rest.partition_point(|entry| entry.key == key)]
    }

    /// The next node held by a slot, at or after `slot` (a word index); `slot` is set behind it.
    pub(super) fn next_slot(&self, node: u32, slot: &mut u32) -> Option<u32> {
        let address = self.address(node);
        let tagged = self.header(node).tagged();
        while u64::from(*slot) < tagged {
            *slot += 1;
            let word = self.heap.load(address, u64::from(*slot));
            if is_reference(word)
                && !is_weak(word)
                && let Some(found) = self.find(word)
            {
                return Some(found);
            }
        }
        None
    }

    /// The next node that a node holds; `position` counts slots, then entries of WeakMaps.
    fn successor(&self, node: u32, position: &mut u32) -> Option<u32> {
        if node == ROOTS {
            let found = self.roots.get(*position as usize)?.0;
            *position += 1;
            return Some(found);
        }
        if let Some(found) = self.next_slot(node, position) {
            return Some(found);
        }
        if self.ephemerons.is_empty() {
            return None;
        }
        let tagged = self.header(node).tagged() as u32;
        let found = self.entries_of(node).get((*position - tagged) as usize)?.value;
        *position += 1;
        Some(found)
    }

    /// Breadth first from the roots. The value of an entry follows when both its key and its table were reached.
    fn reach(&mut self) {
        let mut parent = vec![NONE; self.places.len()];
        parent[ROOTS as usize] = ROOTS;
        let mut queue = Vec::new();
        let mut visit = |node: u32, from: u32, queue: &mut Vec<u32>| {
            if parent[node as usize] == NONE {
                parent[node as usize] = from;
                queue.push(node);
            }
        };
        for &(node, _) in &self.roots {
            visit(node, ROOTS, &mut queue);
        }
        let mut by_table = self.ephemerons.clone();
        by_table.sort_unstable_by_key(|entry| (entry.table, entry.key, entry.value));
        let mut done = vec![false; if by_table.is_empty() { 0 } else { self.places.len() }];
        let mut next = 0;
        while let Some(&node) = queue.get(next) {
            next += 1;
            let mut slot = 0;
            while let Some(found) = self.next_slot(node, &mut slot) {
                visit(found, node, &mut queue);
            }
            if by_table.is_empty() {
                continue;
            }
            done[node as usize] = true;
            for entry in self.entries_of(node) {
                if done[entry.table as usize] {
                    visit(entry.value, entry.key, &mut queue);
                }
            }
            let first = by_table.partition_point(|entry| entry.table < node);
            for entry in by_table[first..].iter().take_while(|entry| entry.table == node) {
                if done[entry.key as usize] {
                    visit(entry.value, entry.key, &mut queue);
                }
            }
        }
        self.parent = parent;
        self.reached = queue;
    }

    fn wrap(&self, index: u32) -> Node<'h> {
        Node { index, heap: self.heap.id, heap_is_still: PhantomData }
    }

    pub(super) fn unwrap(&self, node: Node<'_>) -> Result<u32, Error> {
        // A node borrows its heap, so the heap has not changed since; only another heap can be wrong.
        if node.heap == self.heap.id { Ok(node.index) } else { Err(Error::wrong_heap()) }
    }

    /// The node of what a handle refers to.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn node<T: Type>(&self, local: Local<'_, T>) -> Result<Node<'h>, Error> {
        self.find(self.heap.word(local)?).map(|node| self.wrap(node)).ok_or_else(Error::wrong_heap)
    }

    /// The node of what a weak handle looks at; `None` once it was collected.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn node_of_weak<T: Type>(&self, weak: &WeakHandle<T>) -> Result<Option<Node<'h>>, Error> {
        Ok(self.heap.weak_word(weak)?.and_then(|word| self.find(word)).map(|node| self.wrap(node)))
    }

    /// What the roots reach, nearest first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'h>> + '_ {
        self.reached.iter().map(|&node| self.wrap(node))
    }

    /// What nothing reaches and no collection has found yet, in address order.
    pub fn garbage(&self) -> impl Iterator<Item = Node<'h>> + '_ {
        (1..self.places.len() as u32).filter(|&node| self.parent[node as usize] == NONE).map(|node| self.wrap(node))
    }

    /// Where an object is.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a node of another heap, here and in the other questions.
    pub fn info(&self, node: Node<'_>) -> Result<ObjectInfo, Error> {
        Ok(self.heap.info_at(self.address(self.unwrap(node)?)))
    }

    /// A root holds it, or something that a root holds.
    pub fn is_reachable(&self, node: Node<'_>) -> Result<bool, Error> {
        Ok(self.parent[self.unwrap(node)? as usize] != NONE)
    }

    /// What an object holds, and by which slots.
    pub fn holds(&self, node: Node<'_>) -> Result<Vec<(Edge, Node<'h>)>, Error> {
        let node = self.unwrap(node)?;
        let (address, header) = (self.address(node), self.header(node));
        let mut held = Vec::new();
        let mut slot = 0;
        while let Some(found) = self.next_slot(node, &mut slot) {
            held.push((self.heap.edge(address, header, u64::from(slot)), self.wrap(found)));
        }
        held.extend(self.entries_of(node).iter().map(|entry| (Edge::WeakMapValue, self.wrap(entry.value))));
        Ok(held)
    }

    /// Whether the roots reach the object at an address.
    pub(super) fn reaches(&self, address: u64) -> bool {
        self.find(address).is_some_and(|node| self.parent[node as usize] != NONE)
    }

    /// The addresses of what the roots reach.
    pub(super) fn reached(&self) -> impl Iterator<Item = u64> + '_ {
        self.reached.iter().map(|&node| self.address(node))
    }

    fn dominators(&self) -> &Dominators {
        self.dominators.get_or_init(|| {
            let size = |node: u32| if node == ROOTS { 0 } else { self.header(node).bytes() };
            Dominators::new(self.places.len(), |node, position| self.successor(node, position), size)
        })
    }

    /// Bytes that would be free if the object were: those of all objects that nothing but it keeps alive, and its own. Backing
    /// stores of array buffers lie outside the heap and do not count. 0 for what is not reachable.
    pub fn retained_size(&self, node: Node<'_>) -> Result<u64, Error> {
        let node = self.unwrap(node)?;
        Ok(self.dominators().retained(node))
    }

    /// Of which kinds the [retained](Self::retained_size) objects are, the object itself included.
    pub fn retained(&self, node: Node<'_>) -> Result<Census, Error> {
        let node = self.unwrap(node)?;
        let inside = self.dominators().dominated(node);
        let objects = inside.into_iter().filter(|&node| node != ROOTS).map(|node| self.address(node));
        Ok(Census::of(self.heap, objects))
    }

    /// The nearest object without which this one would be free; `None` if there is none but the roots.
    pub fn dominator(&self, node: Node<'_>) -> Result<Option<Node<'h>>, Error> {
        let node = self.unwrap(node)?;
        Ok(self.dominators().immediate(node).filter(|&above| above != ROOTS).map(|above| self.wrap(above)))
    }
}

impl Heap {
    /// The word of what a weak handle looks at, while it is alive.
    pub(super) fn weak_word<T: Type>(&self, weak: &WeakHandle<T>) -> Result<Option<u64>, Error> {
        let (index, generation) = weak.place(self)?;
        let word = self.mechanism.roots.weak.get(index, generation).ok_or_else(Error::wrong_heap)?;
        Ok(is_reference(word).then_some(word))
    }

    /// Who holds whom at this moment.
    pub fn graph(&self) -> Graph<'_> {
        Graph::new(self, self.mechanism.roots.describe_strong())
    }

    /// As [`Self::graph`], as if every scope had ended: handles hold nothing, globals and the rest of the roots do.
    pub fn graph_without_handles(&self) -> Graph<'_> {
        let handles = self.mechanism.roots.handles.iter().filter(|&&word| is_reference(word)).count();
        // Handles are described first.
        Graph::new(self, self.mechanism.roots.describe_strong().split_off(handles))
    }

    /// Bytes that would be free if the object were, see [`Graph::retained_size`].
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn retained_size<T: Type>(&self, local: Local<'_, T>) -> Result<u64, Error> {
        let graph = self.graph();
        let node = graph.node(local)?;
        graph.retained_size(node)
    }
}
