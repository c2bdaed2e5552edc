//! Events as values: a recorder to ask afterwards what has happened.

use crate::Heap;
use crate::event::{Collector, Event, Fatal, GcEvent};
use std::cell::RefCell;
use std::rc::Rc;

/// Keeps every event of a heap from the moment it is attached.
///
/// ```
/// use gcheap::{GcKind, Heap, HeapOptions, event::Collector, inspect::EventLog};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let log = EventLog::attach(&mut heap);
/// heap.collect(GcKind::Minor)?;
/// heap.collect(GcKind::Major)?;
/// assert_eq!(log.collections(Collector::Scavenge).len(), 1);
/// assert_eq!(log.take().len(), 2);
/// assert!(log.is_empty());
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    events: Rc<RefCell<Vec<Event>>>,
}

impl EventLog {
    /// Starts to record.
    pub fn attach(heap: &mut Heap) -> EventLog {
        let log = EventLog::default();
        let events = Rc::clone(&log.events);
        heap.subscribe(move |event| events.borrow_mut().push(event.clone()));
        log
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.borrow().len()
    }

    /// Nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.events.borrow().is_empty()
    }

    /// The events so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Takes the events so far out of the log.
    pub fn take(&self) -> Vec<Event> {
        self.events.take()
    }

    /// The collections of one collector, oldest first.
    pub fn collections(&self, collector: Collector) -> Vec<GcEvent> {
        let of_it = |event: &Event| match event {
            Event::Gc(gc) if gc.collector == collector => Some((**gc).clone()),
            _ => None,
        };
        self.events.borrow().iter().filter_map(of_it).collect()
    }

    /// The last end that the heap came to, if it came to one.
    pub fn fatal(&self) -> Option<Fatal> {
        let is_fatal = |event: &Event| match event {
            Event::Fatal(fatal) => Some(fatal.clone()),
            _ => None,
        };
        self.events.borrow().iter().rev().find_map(is_fatal)
    }
}
