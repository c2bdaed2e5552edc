//! What a workload makes: values, and the numbers in them. Pure data.

use super::{NamedShape, ShapeId};

/// A number that is fixed or drawn anew each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Always the same.
    Fixed(u64),
    /// Drawn, both ends included.
    Drawn {
        /// The smallest.
        from: u32,
        /// The largest.
        to: u32,
    },
}

impl Count {
    /// The largest that it can be.
    pub fn most(self) -> u64 {
        match self {
            Count::Fixed(number) => number,
            Count::Drawn { to, .. } => u64::from(to),
        }
    }

    /// The smallest that it can be.
    pub fn least(self) -> u64 {
        match self {
            Count::Fixed(number) => number,
            Count::Drawn { from, .. } => u64::from(from),
        }
    }
}

/// An object's properties in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The properties.
    pub fields: Vec<Field>,
}

/// One property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name, a JavaScript identifier.
    pub name: String,
    /// What it holds.
    pub value: Value,
}

/// How an array comes to its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// `[]`, then `push`.
    Push,
    /// `new Array(length)`, then its elements are set.
    Length,
}

/// What is made: what a property, an element or a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `n + k`, a small integer.
    Integer(u32),
    /// `n + x`, a number that is no integer.
    Double(f64),
    /// `null`.
    Null,
    /// What the function of a named shape makes.
    Shape(ShapeId),
    /// `'prefix' + n`.
    Text {
        /// The part before the number, ASCII.
        prefix: String,
    },
    /// A flat string of so many characters, read out of bytes.
    String {
        /// Characters.
        length: Count,
        /// Two bytes a character.
        two_byte: bool,
    },
    /// Strings added one behind the other: a cons string, or the flat string that reading it makes of it.
    Concat {
        /// How many parts.
        parts: Count,
        /// Each part, a string.
        of: Box<Value>,
        /// It is read, which makes it flat.
        flat: bool,
    },
    /// A slice of a string: it keeps its parent alive.
    Slice {
        /// The parent.
        of: Box<Value>,
        /// Characters of the slice.
        length: Count,
    },
    /// An object literal.
    Object(Shape),
    /// An instance of a class whose constructor sets the properties.
    Class(Shape),
    /// `{}`, then its properties are added one by one.
    Grown(Shape),
    /// An array literal.
    Array(Vec<Value>),
    /// An array whose elements are made in a loop.
    Filled {
        /// Elements.
        length: Count,
        /// Each element.
        of: Box<Value>,
        /// How it comes to its length.
        by: Growth,
    },
    /// An array of doubles.
    Doubles {
        /// Elements.
        length: Count,
        /// How it comes to its length.
        by: Growth,
    },
    /// A Map from 0, 1, … to values.
    Map {
        /// Entries.
        size: Count,
        /// Each value.
        of: Box<Value>,
    },
    /// A Set of 0, 1, ….
    Set {
        /// Entries.
        size: Count,
    },
    /// A linked list of nodes `{ value, next }`.
    List {
        /// Nodes.
        length: Count,
        /// The value of each node.
        of: Box<Value>,
    },
    /// A full binary tree of nodes `{ value, left, right }`.
    Tree {
        /// Levels.
        depth: u32,
        /// The value of each node.
        of: Box<Value>,
    },
    /// A closure that captures variables.
    Closure(Vec<Value>),
    /// A Promise.
    Promise {
        /// `Promise.resolve(n)`; otherwise `new Promise(() => {})`, pending for ever.
        resolved: bool,
    },
    /// `new WeakRef(value)`.
    WeakRef(Box<Value>),
    /// The value itself, registered with the program's FinalizationRegistry.
    Finalized(Box<Value>),
    /// The key itself, with an entry in the program's WeakMap.
    WeakKey {
        /// The key.
        key: Box<Value>,
        /// What the map holds for it.
        value: Box<Value>,
    },
    /// A Buffer.
    Buffer {
        /// Bytes.
        length: Count,
        /// `Buffer.alloc` with every byte set; without it the bytes stay untouched.
        fill: Option<u8>,
        /// `Buffer.allocUnsafe`: a part of Node's pool.
        pooled: bool,
    },
    /// `buffer.subarray(0, length)`.
    Subarray {
        /// The Buffer.
        of: Box<Value>,
        /// Bytes of the view.
        length: Count,
    },
}

impl Value {
    /// The values that it is made of.
    pub fn parts(&self) -> Vec<&Value> {
        match self {
            Value::Object(shape) | Value::Class(shape) | Value::Grown(shape) => {
                shape.fields.iter().map(|field| &field.value).collect()
            }
            Value::Array(values) | Value::Closure(values) => values.iter().collect(),
            Value::Concat { of, .. }
            | Value::Slice { of, .. }
            | Value::Filled { of, .. }
            | Value::Map { of, .. }
            | Value::List { of, .. }
            | Value::Tree { of, .. }
            | Value::WeakRef(of)
            | Value::Finalized(of)
            | Value::Subarray { of, .. } => vec![of],
            Value::WeakKey { key, value } => vec![key, value],
            _ => Vec::new(),
        }
    }

    /// Whether `wanted` holds for it or for something that it is made of, named shapes included.
    pub fn any(&self, shapes: &[NamedShape], wanted: &dyn Fn(&Value) -> bool) -> bool {
        wanted(self)
            || match self {
                Value::Shape(id) => shapes[id.0].value.any(shapes, wanted),
                _ => self.parts().into_iter().any(|part| part.any(shapes, wanted)),
            }
    }

    /// Whether it has `n` in it.
    pub fn uses_counter(&self, shapes: &[NamedShape]) -> bool {
        self.any(shapes, &|value| {
            matches!(
                value,
                Value::Integer(_)
                    | Value::Double(_)
                    | Value::Text { .. }
                    | Value::Doubles { .. }
                    | Value::Finalized(_)
                    | Value::Promise { resolved: true }
            )
        })
    }
}
