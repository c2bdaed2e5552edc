//! Values as expressions and functions of JavaScript.

use std::fmt::Write;

use super::{loop_head, number};
use crate::workload::{Count, Growth, Shape, Value, Workload};

/// Names that JavaScript or Node has given already and that the program may need.
const GLOBALS: [&str; 22] = [
    "Array",
    "ArrayBuffer",
    "Boolean",
    "Buffer",
    "Date",
    "Error",
    "FinalizationRegistry",
    "Function",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "Uint8Array",
    "WeakMap",
    "WeakRef",
];

/// Writes expressions, and the functions that they call.
pub(super) struct Values<'w> {
    workload: &'w Workload,
    functions: String,
    /// How many functions and classes there are of each kind.
    numbers: Vec<(&'static str, u32)>,
}

impl<'w> Values<'w> {
    /// The functions of the named shapes.
    pub(super) fn new(workload: &'w Workload) -> Values<'w> {
        let mut values = Values { workload, functions: String::new(), numbers: Vec::new() };
        for shape in &workload.shapes {
            values.function(&shape.name, &shape.value);
        }
        values
    }

    /// All functions and classes.
    pub(super) fn functions(&self) -> String {
        self.functions.clone()
    }

    fn name(&mut self, kind: &'static str) -> String {
        match self.numbers.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, number)) => {
                *number += 1;
                format!("{kind}{number}")
            }
            None => {
                self.numbers.push((kind, 1));
                format!("{kind}1")
            }
        }
    }

    /// `n` where the value needs it.
    fn argument(&self, value: &Value) -> &'static str {
        if value.uses_counter(&self.workload.shapes) { "n" } else { "" }
    }

    /// The expression that makes a value, where `n` is in scope.
    pub(super) fn expression(&mut self, value: &Value) -> String {
        match value {
            Value::Integer(0) => "n".into(),
            Value::Integer(more) => format!("n + {more}"),
            Value::Double(more) => format!("n + {more}"),
            Value::Null => "null".into(),
            Value::Shape(id) => {
                let shape = &self.workload.shapes[id.0];
                format!("{}({})", shape.name, self.argument(&shape.value))
            }
            Value::Text { prefix } => format!("'{}' + n", prefix.replace('\\', "\\\\").replace('\'', "\\'")),
            Value::String { length, two_byte: false } => format!("bytes.toString('latin1', 0, {})", number(*length)),
            Value::String { length, two_byte: true } => {
                format!("wideBytes.toString('utf16le', 0, 2 * {})", number(*length))
            }
            Value::Slice { of, length } => {
                let parent = self.expression(of);
                let parent = if matches!(**of, Value::Text { .. }) { format!("({parent})") } else { parent };
                match length {
                    Count::Fixed(length) => format!("{parent}.substring(1, {})", length + 1),
                    drawn => format!("{parent}.substring(1, 1 + {})", number(*drawn)),
                }
            }
            Value::Object(shape) => self.object(shape),
            Value::Class(shape) => {
                let name = self.name("Class");
                self.class(name, shape, value)
            }
            Value::Array(values) => {
                let values: Vec<String> = values.iter().map(|value| self.expression(value)).collect();
                format!("[{}]", values.join(", "))
            }
            Value::Promise { resolved: true } => "Promise.resolve(n)".into(),
            Value::Promise { resolved: false } => "new Promise(() => {})".into(),
            Value::WeakRef(of) => format!("new WeakRef({})", self.expression(of)),
            Value::Finalized(of) => format!("withFinalizer({}, n)", self.expression(of)),
            Value::WeakKey { key, value } => {
                let key = self.expression(key);
                format!("weakKey({key}, {})", self.expression(value))
            }
            Value::Buffer { length, pooled: true, .. } => format!("Buffer.allocUnsafe({})", number(*length)),
            Value::Buffer { length, fill: Some(fill), .. } => format!("Buffer.alloc({}, {fill})", number(*length)),
            Value::Buffer { length, fill: None, .. } => format!("Buffer.alloc({})", number(*length)),
            Value::Subarray { of, length } => format!("{}.subarray(0, {})", self.expression(of), number(*length)),
            Value::Concat { .. } => self.call("concat", value),
            Value::Grown(_) => self.call("grown", value),
            Value::Filled { .. } => self.call("array", value),
            Value::Doubles { .. } => self.call("doubles", value),
            Value::Map { .. } => self.call("map", value),
            Value::Set { .. } => self.call("set", value),
            Value::List { .. } => self.call("list", value),
            Value::Tree { .. } => self.call("tree", value),
            Value::Closure(_) => self.call("closure", value),
        }
    }

    fn object(&mut self, shape: &Shape) -> String {
        let fields = shape.fields.iter().map(|field| format!("{}: {}", field.name, self.expression(&field.value)));
        format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
    }

    fn class(&mut self, name: String, shape: &Shape, value: &Value) -> String {
        let argument = self.argument(value);
        let mut text = format!("class {name} {{\n  constructor({argument}) {{\n");
        for field in &shape.fields {
            let _ = writeln!(text, "    this.{} = {};", field.name, self.expression(&field.value));
        }
        text.push_str("  }\n}\n\n");
        self.functions.push_str(&text);
        format!("new {name}({argument})")
    }

    /// A call of a function of its own.
    fn call(&mut self, kind: &'static str, value: &Value) -> String {
        let name = self.name(kind);
        self.function(&name, value);
        match value {
            Value::Tree { depth, .. } => format!("{name}({})", arguments(&depth.to_string(), self.argument(value))),
            Value::Closure(values) => {
                let captured: Vec<String> = values.iter().map(|value| self.expression(value)).collect();
                format!("{name}({})", captured.join(", "))
            }
            _ => format!("{name}({})", self.argument(value)),
        }
    }

    /// The function `name` that makes a value.
    fn function(&mut self, name: &str, value: &Value) {
        let argument = self.argument(value);
        let body = match value {
            Value::Concat { parts, of, flat } => {
                let part = self.expression(of);
                let result = if *flat { "flatten(text)" } else { "text" };
                format!("  let text = '';\n  {}    text += {part};\n  }}\n  return {result};\n", loop_head("i", *parts))
            }
            Value::Grown(shape) => {
                let mut body = String::from("  const object = {};\n");
                for field in &shape.fields {
                    let _ = writeln!(body, "  object.{} = {};", field.name, self.expression(&field.value));
                }
                body + "  return object;\n"
            }
            Value::Filled { length, of, by } => {
                let element = self.expression(of);
                filled(*length, *by, &element)
            }
            Value::Doubles { length, by } => filled(*length, *by, "n + 0.5"),
            Value::Map { size, of } => {
                let value = self.expression(of);
                format!(
                    "  const map = new Map();\n  {}    map.set(i, {value});\n  }}\n  return map;\n",
                    loop_head("i", *size)
                )
            }
            Value::Set { size } => {
                format!("  const set = new Set();\n  {}    set.add(i);\n  }}\n  return set;\n", loop_head("i", *size))
            }
            Value::List { length, of } => {
                let value = self.expression(of);
                format!(
                    "  let head = null;\n  {}    head = {{ value: {value}, next: head }};\n  }}\n  return head;\n",
                    loop_head("i", *length)
                )
            }
            Value::Tree { depth, of } => return self.tree(name, *depth, of, argument),
            Value::Closure(values) => return self.closure(name, values, argument),
            Value::Class(shape) => {
                let class = self.class_name(name);
                format!("  return {};\n", self.class(class, shape, value))
            }
            other => format!("  return {};\n", self.expression(other)),
        };
        let _ = write!(self.functions, "function {name}({argument}) {{\n{body}}}\n\n");
    }

    /// `Session` for the class of a shape `session`, unless something else is called that.
    fn class_name(&mut self, shape: &str) -> String {
        let name: String =
            shape.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }).collect();
        let taken = GLOBALS.contains(&name.as_str())
            || self.is_shape(&name)
            || self.workload.keeps.iter().any(|keep| keep.name == name);
        if taken || name == shape { self.name("Class") } else { name }
    }

    fn is_shape(&self, name: &str) -> bool {
        self.workload.shapes.iter().any(|shape| shape.name == name)
    }

    fn tree(&mut self, name: &str, depth: u32, of: &Value, argument: &str) {
        let value = self.expression(of);
        // A named shape is called without the depth.
        let node = if self.is_shape(name) { self.name("tree") } else { name.to_owned() };
        let more = arguments("depth - 1", argument);
        let _ = write!(
            self.functions,
            "function {node}({}) {{\n  if (depth === 0) return null;\n  return {{ value: {value}, left: {node}({more}), right: {node}({more}) }};\n}}\n\n",
            arguments("depth", argument)
        );
        if node != name {
            let call = arguments(&depth.to_string(), argument);
            let _ = write!(self.functions, "function {name}({argument}) {{\n  return {node}({call});\n}}\n\n");
        }
    }

    fn closure(&mut self, name: &str, values: &[Value], argument: &str) {
        let captured = (0..values.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        let maker = if self.is_shape(name) { self.name("closure") } else { name.to_owned() };
        let _ = write!(self.functions, "function {maker}({captured}) {{\n  return () => [{captured}];\n}}\n\n");
        if maker != name {
            let values: Vec<String> = values.iter().map(|value| self.expression(value)).collect();
            let call = values.join(", ");
            let _ = write!(self.functions, "function {name}({argument}) {{\n  return {maker}({call});\n}}\n\n");
        }
    }
}

fn arguments(first: &str, second: &str) -> String {
    if second.is_empty() { first.to_owned() } else { format!("{first}, {second}") }
}

/// An array whose elements are made in a loop.
fn filled(length: Count, by: Growth, element: &str) -> String {
    match by {
        Growth::Push => format!(
            "  const array = [];\n  {}    array.push({element});\n  }}\n  return array;\n",
            loop_head("i", length)
        ),
        Growth::Length => format!(
            "  const length = {};\n  const array = new Array(length);\n  for (let i = 0; i < length; i++) {{\n    array[i] = {element};\n  }}\n  return array;\n",
            number(length)
        ),
    }
}
