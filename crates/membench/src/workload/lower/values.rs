//! Values: what a word, an array or a table of a file makes.

use toml::Spanned;

use super::kinds::one_kind;
use super::names::identifier;
use super::quantities::{
    BYTE, BYTES, CHARACTERS, ELEMENTS, ENTRIES, LEVELS, PARENT_BYTES, PARTS, POOLED_BYTES, SLICED,
};
use super::{Lower, Mistake, Result, Span, unknown};
use crate::workload::syntax::{self, Fields, ValueTable};
use crate::workload::{Field, Growth, NamedShape, Shape, ShapeId, Value};

/// Most fields of one object: beyond this V8 makes dictionaries of them, which have other sizes.
const MOST_FIELDS: usize = 100;
/// Most values that one thing is made of, loops counted once: more is a slip.
const MOST_VALUES: u64 = 1_000_000;
/// Most fields of one literal or captured variables of one closure.
const MOST_ELEMENTS: usize = 1000;

/// What a value is, for what may hold it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    String,
    Buffer,
    Object,
    Null,
}

impl Lower<'_> {
    pub(super) fn named_shapes(&self) -> Vec<NamedShape> {
        self.shapes.iter().flatten().cloned().collect()
    }

    /// Resolves a named shape, if that was not done yet.
    pub(super) fn shape(&mut self, index: usize) -> Result<()> {
        let file = self.file;
        let (name, value) = &file.shapes.0[index];
        if self.shapes[index].is_some() {
            return Ok(());
        }
        if self.open.contains(&index) {
            return Err(Mistake::new(
                name.span(),
                format!("the shape {:?} contains itself and has no end: use a list or a tree", name.get_ref()),
                format!("形状 {:?} 包含自身,没有尽头:请用 list 或 tree", name.get_ref()),
            ));
        }
        self.open.push(index);
        let lowered = self.value(value)?;
        self.open.pop();
        if matches!(lowered, Value::Integer(_) | Value::Double(_) | Value::Null | Value::Shape(_)) {
            return Err(Mistake::new(
                value.span(),
                "a shape is something that is allocated: an object, an array, a string …",
                "形状须是会分配内存的东西:对象、数组、字符串……",
            ));
        }
        let weight = self.weight(&lowered);
        if weight > MOST_VALUES {
            return Err(Mistake::new(
                value.span(),
                format!("this writes out {weight} values, at most {MOST_VALUES} can be: let a loop make them"),
                format!("此处展开为 {weight} 个值,最多 {MOST_VALUES} 个:请用循环创建"),
            ));
        }
        self.weights[index] = weight;
        self.shapes[index] = Some(NamedShape { name: name.get_ref().clone(), value: lowered });
        Ok(())
    }

    /// How many values are written out in one value.
    fn weight(&self, value: &Value) -> u64 {
        match value {
            Value::Shape(id) => self.weights[id.0],
            _ => value.parts().into_iter().map(|part| self.weight(part)).fold(1, u64::saturating_add),
        }
    }

    pub(super) fn value(&mut self, spanned: &Spanned<syntax::Value>) -> Result<Value> {
        let span = spanned.span();
        match spanned.get_ref() {
            syntax::Value::Word(word) => self.word(word, span),
            syntax::Value::Literal(values) => {
                let values = self.values(values, &span)?;
                if !values.iter().any(|value| !matches!(value, Value::Null)) {
                    return Err(Mistake::new(
                        span,
                        "an array literal of constants is shared, not allocated: put something in it",
                        "常量数组字面量是共享的,不会分配:请放入内容",
                    ));
                }
                Ok(Value::Array(values))
            }
            syntax::Value::Table(table) => self.table(table, span),
        }
    }

    fn values(&mut self, values: &[Spanned<syntax::Value>], span: &Span) -> Result<Vec<Value>> {
        if values.len() > MOST_ELEMENTS {
            return Err(too_many(span.clone(), MOST_ELEMENTS));
        }
        values.iter().map(|value| self.value(value)).collect()
    }

    /// `n`, `n + 1`, `n + 0.5`, `null`, or the name of a shape.
    fn word(&mut self, word: &str, span: Span) -> Result<Value> {
        if word == "n" {
            return Ok(Value::Integer(0));
        }
        if word == "null" {
            return Ok(Value::Null);
        }
        if let Some(more) = word.strip_prefix("n +") {
            let more = more.trim_start();
            if let Some(integer) = more.parse::<u32>().ok().filter(|&integer| integer <= 1 << 24) {
                return Ok(Value::Integer(integer));
            }
            if let Some(double) = more.parse::<f64>().ok().filter(|x| x.fract() != 0.0 && *x > 0.0 && *x < 1e9) {
                return Ok(Value::Double(double));
            }
            return Err(Mistake::new(
                span,
                format!("{word:?} is no number: write \"n\", \"n + 1\" or \"n + 0.5\""),
                format!("{word:?} 不是数:请写成 \"n\"、\"n + 1\" 或 \"n + 0.5\""),
            ));
        }
        let file = self.file;
        let names = || file.shapes.0.iter().map(|(name, _)| name.get_ref().as_str());
        let Some(index) = names().position(|name| name == word) else {
            let known = ["n", "n + 1", "n + 0.5", "null"].into_iter().chain(names());
            return Err(unknown(span, word, "value or shape", "值或形状", known));
        };
        self.shape(index)?;
        Ok(Value::Shape(ShapeId(index)))
    }

    fn fields(&mut self, fields: &Spanned<Fields>) -> Result<Shape> {
        let span = fields.span();
        let shape = match fields.get_ref() {
            Fields::Integers(count) => {
                if *count > MOST_FIELDS as u64 {
                    return Err(too_many(span, MOST_FIELDS));
                }
                let field = |index: u64| Field { name: format!("p{index}"), value: Value::Integer(index as u32) };
                Shape { fields: (0..*count).map(field).collect() }
            }
            Fields::Named(table) => {
                let mut all = Vec::new();
                for (name, value) in &table.0 {
                    identifier(name)?;
                    all.push(Field { name: name.get_ref().clone(), value: self.value(value)? });
                }
                Shape { fields: all }
            }
        };
        match shape.fields.len() {
            0 => Err(Mistake::new(span, "an object has at least one field", "对象至少有一个字段")),
            count if count > MOST_FIELDS => Err(too_many(span, MOST_FIELDS)),
            _ => Ok(shape),
        }
    }

    fn table(&mut self, table: &ValueTable, span: Span) -> Result<Value> {
        let kind = one_kind(table, &span)?;
        table.refuse_strays(kind)?;
        let count = |lower: &Self, quantity: &Option<Spanned<syntax::Quantity>>, kind| {
            let quantity = quantity.as_ref().ok_or_else(|| missing(&span, "length"))?;
            lower.parameters.count(quantity, kind)
        };
        Ok(match kind {
            "text" => Value::Text { prefix: prefix(given(&table.text, &span)?)? },
            "string" => {
                Value::String { length: count(self, &table.string, CHARACTERS)?, two_byte: is_true(&table.two_byte) }
            }
            "concat" => {
                let parts = count(self, &table.concat, PARTS)?;
                Value::Concat { parts, of: self.of(table, &span, Some(Class::String))?, flat: is_true(&table.flat) }
            }
            "slice" => {
                let of = self.part(given(&table.slice, &span)?, Some(Class::String))?;
                Value::Slice { of, length: count(self, &table.length, SLICED)? }.checked(self, &span)?
            }
            "object" => Value::Object(self.fields(given(&table.object, &span)?)?),
            "class" => Value::Class(self.fields(given(&table.class, &span)?)?),
            "grown" => Value::Grown(self.fields(given(&table.grown, &span)?)?),
            "array" => {
                let length = count(self, &table.array, ELEMENTS)?;
                let of = self.of(table, &span, None)?;
                if matches!(*of, Value::Double(_)) {
                    return Err(Mistake::new(
                        span,
                        "an array of doubles is { doubles = … }",
                        "双精度数组请写成 { doubles = … }",
                    ));
                }
                Value::Filled { length, of, by: growth(table)? }
            }
            "doubles" => Value::Doubles { length: count(self, &table.doubles, ELEMENTS)?, by: growth(table)? },
            "map" => Value::Map { size: count(self, &table.map, ENTRIES)?, of: self.of(table, &span, None)? },
            "set" => Value::Set { size: count(self, &table.set, ENTRIES)? },
            "list" => Value::List { length: count(self, &table.list, ELEMENTS)?, of: self.of(table, &span, None)? },
            "tree" => {
                let depth = self.parameters.fixed(given(&table.tree, &span)?, LEVELS)? as u32;
                Value::Tree { depth, of: self.of(table, &span, None)? }
            }
            "closure" => {
                let captured = given(&table.closure, &span)?;
                let values = self.values(captured.get_ref(), &span)?;
                if values.is_empty() {
                    return Err(Mistake::new(
                        captured.span(),
                        "a closure captures at least one value",
                        "闭包至少捕获一个值",
                    ));
                }
                Value::Closure(values)
            }
            "promise" => match given(&table.promise, &span)? {
                word if word.get_ref() == "pending" => Value::Promise { resolved: false },
                word if word.get_ref() == "resolved" => Value::Promise { resolved: true },
                word => {
                    let known = ["pending", "resolved"].into_iter();
                    return Err(unknown(word.span(), word.get_ref(), "state of a promise", " Promise 状态", known));
                }
            },
            "weakref" => Value::WeakRef(self.part(given(&table.weakref, &span)?, Some(Class::Object))?),
            "finalized" => Value::Finalized(self.part(given(&table.finalized, &span)?, Some(Class::Object))?),
            "weak-key" => {
                let value = table.value.as_ref().ok_or_else(|| missing(&span, "value"))?;
                Value::WeakKey {
                    key: self.part(given(&table.weak_key, &span)?, Some(Class::Object))?,
                    value: Box::new(self.value(value)?),
                }
            }
            "buffer" => {
                let pooled = is_true(&table.pooled);
                let length = count(self, &table.buffer, if pooled { POOLED_BYTES } else { BYTES })?;
                let fill = table.fill.as_ref().map(|fill| self.parameters.fixed(fill, BYTE)).transpose()?;
                if let (Some(fill), true) = (&table.fill, pooled) {
                    return Err(Mistake::new(
                        fill.span(),
                        "a pooled Buffer is not filled: that is what Buffer.allocUnsafe saves",
                        "池化 Buffer 不填充:Buffer.allocUnsafe 省去的正是这一步",
                    ));
                }
                Value::Buffer { length, fill: fill.map(|byte| byte as u8), pooled }
            }
            _ => {
                let of = self.part(given(&table.subarray, &span)?, Some(Class::Buffer))?;
                Value::Subarray { of, length: count(self, &table.length, BYTES)? }.checked(self, &span)?
            }
        })
    }

    /// The value under `of`.
    fn of(&mut self, table: &ValueTable, span: &Span, class: Option<Class>) -> Result<Box<Value>> {
        let of = table.of.as_ref().ok_or_else(|| missing(span, "of"))?;
        self.part(of, class)
    }

    fn part(&mut self, value: &Spanned<syntax::Value>, class: Option<Class>) -> Result<Box<Value>> {
        let lowered = self.value(value)?;
        let found = self.class(&lowered);
        let fits = match class {
            None => true,
            Some(Class::Object) => matches!(found, Class::Object | Class::Buffer),
            Some(class) => found == class,
        };
        if fits {
            return Ok(Box::new(lowered));
        }
        let (en, zh) = match class {
            Some(Class::String) => ("a string: text, string, concat or slice", "字符串:text、string、concat 或 slice"),
            Some(Class::Buffer) => ("a Buffer: buffer or subarray", "Buffer:buffer 或 subarray"),
            _ => ("an object, not a number or a string", "对象,而不是数或字符串"),
        };
        Err(Mistake::new(value.span(), format!("expected {en}"), format!("应为{zh}")))
    }

    fn class(&self, value: &Value) -> Class {
        match value {
            Value::Integer(_) | Value::Double(_) => Class::Number,
            Value::Null => Class::Null,
            Value::Text { .. } | Value::String { .. } | Value::Concat { .. } | Value::Slice { .. } => Class::String,
            Value::Buffer { .. } | Value::Subarray { .. } => Class::Buffer,
            Value::Finalized(of) => self.class(of),
            Value::WeakKey { key, .. } => self.class(key),
            Value::Shape(id) => self.shapes[id.0].as_ref().map_or(Class::Object, |shape| self.class(&shape.value)),
            _ => Class::Object,
        }
    }

    /// Characters of a string or bytes of a Buffer, at least.
    fn least_length(&self, value: &Value) -> u64 {
        match value {
            Value::Text { prefix } => prefix.len() as u64 + 1,
            Value::String { length, .. }
            | Value::Slice { length, .. }
            | Value::Buffer { length, .. }
            | Value::Subarray { length, .. } => length.least(),
            Value::Concat { parts, of, .. } => parts.least().saturating_mul(self.least_length(of)),
            Value::Finalized(of) => self.least_length(of),
            Value::WeakKey { key, .. } => self.least_length(key),
            Value::Shape(id) => self.shapes[id.0].as_ref().map_or(0, |shape| self.least_length(&shape.value)),
            _ => 0,
        }
    }
}

impl Value {
    /// A part must fit into what it is cut from.
    fn checked(self, lower: &Lower<'_>, span: &Span) -> Result<Value> {
        let (of, length, spare) = match &self {
            Value::Slice { of, length } => (of, length, 1),
            Value::Subarray { of, length } => (of, length, 0),
            _ => return Ok(self),
        };
        let whole = lower.least_length(of);
        if length.most() + spare > whole {
            return Err(Mistake::new(
                span.clone(),
                format!("a part of {} does not fit into a whole of {whole}", length.most()),
                format!("长度为 {} 的部分放不进长度为 {whole} 的整体", length.most()),
            ));
        }
        if matches!(self, Value::Subarray { .. }) && whole < PARENT_BYTES.least {
            return Err(Mistake::new(
                span.clone(),
                format!("a Buffer with views has at least {} bytes", PARENT_BYTES.least),
                format!("带视图的 Buffer 至少有 {} 字节", PARENT_BYTES.least),
            ));
        }
        Ok(self)
    }
}

fn given<'t, T>(value: &'t Option<T>, span: &Span) -> Result<&'t T> {
    value.as_ref().ok_or_else(|| missing(span, "value"))
}

fn missing(span: &Span, key: &str) -> Mistake {
    Mistake::new(span.clone(), format!("the key {key:?} is missing"), format!("缺少键 {key:?}"))
}

fn too_many(span: Span, most: usize) -> Mistake {
    Mistake::new(span, format!("there are at most {most} of them"), format!("最多 {most} 个"))
}

fn is_true(flag: &Option<Spanned<bool>>) -> bool {
    flag.as_ref().is_some_and(|flag| *flag.get_ref())
}

fn growth(table: &ValueTable) -> Result<Growth> {
    match table.by.as_ref() {
        None => Ok(Growth::Push),
        Some(word) if word.get_ref() == "push" => Ok(Growth::Push),
        Some(word) if word.get_ref() == "length" => Ok(Growth::Length),
        Some(word) => Err(unknown(
            word.span(),
            word.get_ref(),
            "way to fill an array",
            "填充方式",
            ["push", "length"].into_iter(),
        )),
    }
}

fn prefix(text: &Spanned<String>) -> Result<String> {
    let prefix = text.get_ref();
    if !prefix.is_empty() && prefix.len() <= 1000 && prefix.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return Ok(prefix.clone());
    }
    Err(Mistake::new(
        text.span(),
        "the text before the number is 1 to 1000 visible ASCII characters",
        "数字前的文本须为 1 到 1000 个可见 ASCII 字符",
    ))
}
