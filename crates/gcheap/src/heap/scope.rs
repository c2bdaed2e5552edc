//! Scopes: who owns the handles made while they are open.
//!
//! A scope is a mark on the handle stack; dropping it pops what was pushed since. Every operation of the heap is available
//! through the scope; those that can collect return [`Error`], so a `?` is where objects may move.

use super::Heap;
use super::error::Error;
use super::handle::types::Object;
use super::handle::{Global, Local, Type, WeakHandle};
use super::objects::wrong_kind;
use crate::object::word;
use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};

/// An open scope. Handles made through it live as long as it.
///
/// ```
/// use gcheap::{Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut outer = heap.scope();
/// let list = outer.array(&[])?;
/// for number in 0..3 {
///     // What a turn of the loop makes is forgotten with its scope, but for what the list keeps.
///     let mut turn = outer.scope();
///     let text = turn.string("element")?;
///     turn.array_push(list, text.into())?;
/// }
/// assert_eq!(outer.array_length(list)?, 3);
/// # Ok::<(), gcheap::Error>(())
/// ```
pub struct Scope<'s> {
    heap: &'s mut Heap,
    base: usize,
    /// What the handles of the heap had in their upper half when the scope was opened: another heap has another.
    key: NonZeroU64,
}

/// A variable of a program: a place on the handle stack that can be set again ([`Scope::variable`]). It is no handle, and none shares
/// its place, so a handle that was got from it stays what it is.
///
/// ```
/// use gcheap::{Heap, HeapOptions, Variable, types::JsString};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut outer = heap.scope();
/// let text = outer.string("one")?;
/// let newest: Variable<'_, JsString> = outer.variable(text)?;
/// let mut inner = outer.scope();
/// let other = inner.string("two")?;
/// inner.variable_set(&newest, other)?;
/// drop(inner);
/// outer.collect_garbage()?;
/// let now = outer.variable_get(&newest)?;
/// assert_eq!((outer.string_value(text)?, outer.string_value(now)?), ("one".into(), "two".into()));
/// # Ok::<(), gcheap::Error>(())
/// ```
///
/// It keeps its type:
///
/// ```compile_fail,E0308
/// let mut heap = gcheap::Heap::new(gcheap::HeapOptions::for_tests()).unwrap();
/// let mut scope = heap.scope();
/// let (text, array) = (scope.string("text").unwrap(), scope.array(&[]).unwrap());
/// let variable = scope.variable(text).unwrap();
/// scope.variable_set(&variable, array).unwrap();
/// ```
#[derive(Debug)]
pub struct Variable<'s, T: Type = Object>(Local<'s, T>);

impl Deref for Scope<'_> {
    type Target = Heap;

    #[inline(always)]
    fn deref(&self) -> &Heap {
        self.heap
    }
}

impl DerefMut for Scope<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Heap {
        if self.heap.handle_key != self.key {
            self.reopen();
        }
        self.heap
    }
}

impl Drop for Scope<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.heap.mechanism.roots.handles.truncate(self.base);
        if self.heap.handle_key != self.key || self.heap.home != self.heap.place() {
            self.heap.renumber_handles();
        }
    }
}

impl Heap {
    /// Opens a scope.
    #[inline(always)]
    pub fn scope(&mut self) -> Scope<'_> {
        if self.home != self.place() {
            self.settle_here();
        }
        let (base, key) = (self.mechanism.roots.handles.len(), self.handle_key);
        Scope { heap: self, base, key }
    }

    /// Where the heap lies now; it shows in no result. Scopes that are open on one place are nested, whatever heap is there.
    #[inline(always)]
    fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// A scope is opened on another place than the last one. If that one is still open, it may pop what this one pushes
    /// once the heap is back: lifetimes say nothing about the two.
    #[cold]
    #[inline(never)]
    fn settle_here(&mut self) {
        if !self.mechanism.roots.handles.is_empty() {
            self.renumber_handles();
        }
        self.home = self.place();
    }
}

impl<'s> Scope<'s> {
    /// Another heap lies here than when the scope was opened: from here on it is a scope of that one.
    #[cold]
    #[inline(never)]
    fn reopen(&mut self) {
        self.heap.settle_here();
        (self.base, self.key) = (self.heap.mechanism.roots.handles.len(), self.heap.handle_key);
    }

    /// Opens a scope inside this one.
    #[inline(always)]
    pub fn scope(&mut self) -> Scope<'_> {
        self.heap.scope()
    }

    /// Runs `body` in a scope of its own and lets the handle that it returns out of it, into this one.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// let pair = scope.escape(|inner| {
    ///     let left = inner.string("left")?;
    ///     inner.array(&[left.into(), 2.into()])
    /// })?;
    /// assert_eq!(scope.array_length(pair)?, 2);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// What `body` returns; [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    #[inline(always)]
    pub fn escape<T: Type>(
        &mut self,
        body: impl for<'i> FnOnce(&mut Scope<'i>) -> Result<Local<'i, T>, Error>,
    ) -> Result<Local<'s, T>, Error> {
        let (word, key) = {
            let mut inner = self.heap.scope();
            let local = body(&mut inner)?;
            (inner.word(local)?, inner.handle_key)
        };
        // `body` may have put a scope of another heap in place of the one that it was given.
        if self.heap.handle_key != key {
            return Err(Error::wrong_heap());
        }
        Ok(self.heap.push_word(word))
    }

    /// Another handle to the same object, that lives as long as this scope.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut outer = heap.scope();
    /// let text = outer.string("of the outer scope")?;
    /// let mut inner = outer.scope();
    /// let same = inner.local(text)?;
    /// assert!(inner.is_same(text, same)?);
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn local<T: Type>(&mut self, local: Local<'_, T>) -> Result<Local<'s, T>, Error> {
        let word = self.word(local)?;
        Ok(self.heap.push_handle(word::address(word)))
    }

    /// A variable that refers to the object, as long as this scope.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a handle of another heap.
    pub fn variable<T: Type>(&mut self, local: Local<'_, T>) -> Result<Variable<'s, T>, Error> {
        self.local(local).map(Variable)
    }

    /// A handle to what a variable refers to now. It stays there when the variable is set again.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a variable of another heap.
    pub fn variable_get<T: Type>(&mut self, variable: &Variable<'_, T>) -> Result<Local<'s, T>, Error> {
        self.local(variable.0)
    }

    /// Makes a variable refer to another object. As with any handle no barrier is needed, and marking sees the object where it sees
    /// the stack.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a variable or a handle of another heap.
    pub fn variable_set<T: Type>(&mut self, variable: &Variable<'_, T>, to: Local<'_, T>) -> Result<(), Error> {
        let word = self.word(to)?;
        self.heap.set_word_of(variable.0, word)
    }

    /// A handle of a definite type, if the object is of it.
    #[inline(always)]
    pub fn downcast<T: Type>(&self, local: Local<'s, impl Type>) -> Result<Local<'s, T>, Error> {
        let address = self.address(local)?;
        if self.is_of::<T>(address) { Ok(local.cast()) } else { Err(wrong_kind::<T>(self.header(address))) }
    }

    /// Makes a global handle.
    pub fn global<T: Type>(&mut self, local: Local<'_, T>) -> Result<Global<T>, Error> {
        let word = self.word(local)?;
        let roots = &mut self.heap.mechanism.roots;
        roots.reap();
        let place = roots.globals.insert(word);
        Ok(Global::new(place, self.heap.id, roots.dropped_globals.clone()))
    }

    /// A handle to what a global refers to.
    pub fn open<T: Type>(&mut self, global: &Global<T>) -> Result<Local<'s, T>, Error> {
        let (index, generation) = global.place(self.heap)?;
        let word = self.heap.mechanism.roots.globals.get(index, generation).ok_or_else(Error::wrong_heap)?;
        let local = self.heap.push_handle(word::address(word));
        if self.heap.stressed {
            self.heap.stress_handle();
        }
        Ok(local)
    }

    /// Makes a weak handle: cleared when its object dies, in collections of either kind.
    pub fn weak_handle<T: Type>(&mut self, local: Local<'_, T>) -> Result<WeakHandle<T>, Error> {
        let word = self.word(local)?;
        let roots = &mut self.heap.mechanism.roots;
        roots.reap();
        let place = roots.weak.insert(word);
        Ok(WeakHandle::new(place, self.heap.id, roots.dropped_weak.clone()))
    }

    /// A handle to what a weak handle looks at, while it is alive.
    pub fn open_weak<T: Type>(&mut self, weak: &WeakHandle<T>) -> Result<Option<Local<'s, T>>, Error> {
        let (index, generation) = weak.place(self.heap)?;
        let word = self.heap.mechanism.roots.weak.get(index, generation).ok_or_else(Error::wrong_heap)?;
        let local = word::is_reference(word).then(|| self.heap.push_handle(word::address(word)));
        if self.heap.stressed {
            self.heap.stress_handle();
        }
        Ok(local)
    }
}
