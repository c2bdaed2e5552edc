//! A small Lisp whose heap is gcheap: it runs programs under a cap and recovers when one of them runs out of memory.
//!
//! Pairs, symbols and closures are records. What the program at work refers to is held by handles of its scopes, what outlives it
//! by two Maps behind globals. A result leaves the scope that made it through a register, a record that is always there. A
//! program that dies leaves nothing behind: its scopes are gone, the next collection finds the rest.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::policy::Flags;
use gcheap::record::Any;
use gcheap::types::{JsMap, JsString};
use gcheap::{Error, GcKind, Global, Heap, HeapOptions, Local, Scope, Value};

gcheap::record! {
    /// `(car . cdr)`.
    struct Pair { car: Any, cdr: Any }
}
gcheap::record! {
    /// A symbol; each name has one.
    struct Symbol { name: JsString } raw { operator: u8 }
}
gcheap::record! {
    /// A function and the variables it was made among.
    struct Closure { parameters: Any, body: Any, environment: Any }
}
gcheap::record! {
    /// Carries a result, or what is to be evaluated next, out of a scope.
    struct Register { value: Any, environment: Any }
}

/// Names with a meaning of their own; a symbol knows its place here, plus one.
const OPERATORS: [&str; 12] = ["quote", "if", "define", "lambda", "+", "-", "*", "<", "=", "cons", "car", "cdr"];
/// Expressions in expressions, calls in tail position apart.
const DEEPEST: u32 = 200;

/// Why a program has ended early.
#[derive(Debug)]
enum Stop {
    Heap(Error),
    Program(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Heap(error)
    }
}

fn wrong<T>(text: &str) -> Result<T, Stop> {
    Err(Stop::Program(text.to_owned()))
}

/// What a step of the evaluation leaves in the register.
enum Next {
    Value,
    /// An expression in tail position and its environment.
    Expression,
}

struct Lisp {
    symbols: Global<JsMap>,
    globals: Global<JsMap>,
    register: Global<Register>,
}

impl Lisp {
    fn new(heap: &mut Heap) -> Result<Lisp, Error> {
        let mut scope = heap.scope();
        let (symbols, globals) = (scope.map()?, scope.map()?);
        let register = Register::new(&mut scope, Value::Undefined, Value::Undefined)?;
        Ok(Lisp { symbols: scope.global(symbols)?, globals: scope.global(globals)?, register: scope.global(register)? })
    }

    fn leave(&self, scope: &mut Scope<'_>, value: Value<'_>, environment: Value<'_>) -> Result<(), Stop> {
        let register = scope.open(&self.register)?;
        scope.write(register, Register::value, value)?;
        Ok(scope.write(register, Register::environment, environment)?)
    }

    fn value(&self, scope: &mut Scope<'_>, value: Value<'_>) -> Result<Next, Stop> {
        self.leave(scope, value, Value::Undefined)?;
        Ok(Next::Value)
    }

    /// Takes what was left; the register lets go of it.
    fn take<'s>(&self, scope: &mut Scope<'s>) -> Result<(Value<'s>, Value<'s>), Stop> {
        let register = scope.open(&self.register)?;
        let taken = (scope.read(register, Register::value)?, scope.read(register, Register::environment)?);
        scope.write(register, Register::value, Value::Undefined)?;
        scope.write(register, Register::environment, Value::Undefined)?;
        Ok(taken)
    }

    fn symbol<'s>(&self, scope: &mut Scope<'s>, name: &str) -> Result<Value<'s>, Stop> {
        let key = scope.string(name)?;
        let symbols = scope.open(&self.symbols)?;
        if let Some(found) = scope.map_get(symbols, key.into())? {
            return Ok(found);
        }
        let symbol = Symbol::new(scope, Some(key))?;
        let operator = OPERATORS.iter().position(|known| *known == name).map_or(0, |place| place + 1);
        scope.write(symbol, Symbol::operator, operator as u8)?;
        scope.map_set(symbols, key.into(), symbol.into())?;
        Ok(symbol.into())
    }

    /// Reads one expression; `rest` is set behind it. `()` is `undefined`.
    fn parse<'s>(&self, scope: &mut Scope<'s>, rest: &mut &str, depth: u32) -> Result<Value<'s>, Stop> {
        *rest = rest.trim_start();
        if depth == DEEPEST {
            return wrong("too many brackets");
        }
        if let Some(inside) = rest.strip_prefix('(') {
            *rest = inside;
            let mut items = Vec::new();
            loop {
                *rest = rest.trim_start();
                if let Some(behind) = rest.strip_prefix(')') {
                    *rest = behind;
                    break;
                }
                items.push(self.parse(scope, rest, depth + 1)?);
            }
            let mut list = Value::Undefined;
            for item in items.into_iter().rev() {
                list = Pair::new(scope, item, list)?.into();
            }
            return Ok(list);
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        *rest = behind;
        match word.parse::<i32>() {
            Ok(number) => Ok(number.into()),
            Err(_) if word.is_empty() => wrong("an expression is missing"),
            Err(_) => self.symbol(scope, word),
        }
    }

    /// The value of an expression. Each turn has its scope, so that a loop written as a call in tail position holds nothing
    /// of the turns before.
    fn evaluate<'s>(
        &self,
        scope: &mut Scope<'s>,
        expression: Value<'_>,
        environment: Value<'_>,
        depth: u32,
    ) -> Result<Value<'s>, Stop> {
        if depth == DEEPEST {
            return wrong("expressions are nested too deeply");
        }
        let mut next = {
            let mut turn = scope.scope();
            self.step(&mut turn, expression, environment, depth)?
        };
        while let Next::Expression = next {
            let mut turn = scope.scope();
            let (expression, environment) = self.take(&mut turn)?;
            next = self.step(&mut turn, expression, environment, depth)?;
        }
        Ok(self.take(scope)?.0)
    }

    fn step(
        &self,
        scope: &mut Scope<'_>,
        expression: Value<'_>,
        environment: Value<'_>,
        depth: u32,
    ) -> Result<Next, Stop> {
        let Value::Object(object) = expression else { return self.value(scope, expression) };
        let here = scope.local(object)?;
        if let Ok(symbol) = scope.downcast::<Symbol>(here) {
            let found = self.look_up(scope, symbol, environment)?;
            return self.value(scope, found);
        }
        let Ok(pair) = scope.downcast::<Pair>(here) else { return self.value(scope, expression) };
        let (head, tail) = (scope.read(pair, Pair::car)?, scope.read(pair, Pair::cdr)?);
        let operator = match head.as_object().and_then(|head| scope.downcast::<Symbol>(head).ok()) {
            Some(symbol) => scope.read(symbol, Symbol::operator)?,
            None => 0,
        };
        match operator.checked_sub(1).map(|place| OPERATORS[usize::from(place)]) {
            Some("quote") => {
                let quoted = item(scope, tail, 0)?;
                self.value(scope, quoted)
            }
            Some("if") => {
                let condition = item(scope, tail, 0)?;
                let condition = self.evaluate(scope, condition, environment, depth + 1)?;
                // Only `()` is false.
                let chosen = item(scope, tail, if matches!(condition, Value::Undefined) { 2 } else { 1 })?;
                self.leave(scope, chosen, environment)?;
                Ok(Next::Expression)
            }
            Some("define") => {
                let name = item(scope, tail, 0)?;
                let value = item(scope, tail, 1)?;
                let value = self.evaluate(scope, value, environment, depth + 1)?;
                let key = self.name(scope, name)?;
                let globals = scope.open(&self.globals)?;
                scope.map_set(globals, key.into(), value)?;
                self.value(scope, name)
            }
            Some("lambda") => {
                let (parameters, body) = (item(scope, tail, 0)?, item(scope, tail, 1)?);
                let closure = Closure::new(scope, parameters, body, environment)?;
                self.value(scope, closure.into())
            }
            Some(primitive) => {
                let first = item(scope, tail, 0)?;
                let first = self.evaluate(scope, first, environment, depth + 1)?;
                let second = match primitive {
                    "car" | "cdr" => Value::Undefined,
                    _ => {
                        let second = item(scope, tail, 1)?;
                        self.evaluate(scope, second, environment, depth + 1)?
                    }
                };
                let result = apply_primitive(scope, primitive, first, second)?;
                self.value(scope, result)
            }
            None => self.call(scope, head, tail, environment, depth),
        }
    }

    fn call(
        &self,
        scope: &mut Scope<'_>,
        head: Value<'_>,
        arguments: Value<'_>,
        environment: Value<'_>,
        depth: u32,
    ) -> Result<Next, Stop> {
        let function = self.evaluate(scope, head, environment, depth + 1)?;
        let closure = function.as_object().and_then(|object| scope.downcast::<Closure>(object).ok());
        let Some(closure) = closure else { return wrong("only functions can be called") };
        let mut inside = scope.read(closure, Closure::environment)?;
        let mut parameters = scope.read(closure, Closure::parameters)?;
        let mut arguments = pair(scope, arguments)?;
        while let Some(parameter) = pair(scope, parameters)? {
            let Some(given) = arguments else { return wrong("an argument is missing") };
            let argument = scope.read(given, Pair::car)?;
            let argument = self.evaluate(scope, argument, environment, depth + 1)?;
            let name = scope.read(parameter, Pair::car)?;
            let binding = Pair::new(scope, name, argument)?;
            inside = Pair::new(scope, binding.into(), inside)?.into();
            parameters = scope.read(parameter, Pair::cdr)?;
            let behind = scope.read(given, Pair::cdr)?;
            arguments = pair(scope, behind)?;
        }
        let body = scope.read(closure, Closure::body)?;
        self.leave(scope, body, inside)?;
        Ok(Next::Expression)
    }

    fn name<'s>(&self, scope: &mut Scope<'s>, symbol: Value<'s>) -> Result<Local<'s, JsString>, Stop> {
        match symbol.as_object().and_then(|object| scope.downcast::<Symbol>(object).ok()) {
            Some(symbol) => scope.read(symbol, Symbol::name)?.ok_or_else(|| Stop::Program("a nameless symbol".into())),
            None => wrong("a name was expected"),
        }
    }

    fn look_up<'s>(
        &self,
        scope: &mut Scope<'s>,
        symbol: Local<'s, Symbol>,
        environment: Value<'_>,
    ) -> Result<Value<'s>, Stop> {
        let mut at = pair(scope, environment)?;
        while let Some(entry) = at {
            let binding = scope.read(entry, Pair::car)?;
            if let Some(binding) = pair(scope, binding)?
                && let Some(name) = scope.read(binding, Pair::car)?.as_object()
                && scope.is_same(name, symbol)?
            {
                return Ok(scope.read(binding, Pair::cdr)?);
            }
            let behind = scope.read(entry, Pair::cdr)?;
            at = pair(scope, behind)?;
        }
        let name = self.name(scope, symbol.into())?;
        let globals = scope.open(&self.globals)?;
        match scope.map_get(globals, name.into())? {
            Some(value) => Ok(value),
            None => wrong(&format!("{} is not defined", scope.string_value(name)?)),
        }
    }

    /// Runs a program: the value of its last expression, if it is a number.
    fn run(&self, heap: &mut Heap, program: &str) -> Result<Option<i32>, Stop> {
        let mut rest = program;
        let mut last = None;
        while !rest.trim().is_empty() {
            let mut scope = heap.scope();
            let expression = self.parse(&mut scope, &mut rest, 0)?;
            last = self.evaluate(&mut scope, expression, Value::Undefined, 0)?.as_smi();
        }
        Ok(last)
    }
}

/// The pair that a value is.
fn pair<'s>(scope: &mut Scope<'s>, value: Value<'_>) -> Result<Option<Local<'s, Pair>>, Stop> {
    let Value::Object(object) = value else { return Ok(None) };
    let here = scope.local(object)?;
    Ok(scope.downcast::<Pair>(here).ok())
}

fn item<'s>(scope: &mut Scope<'s>, list: Value<'_>, index: usize) -> Result<Value<'s>, Stop> {
    let Some(mut at) = pair(scope, list)? else { return wrong("the list is too short") };
    for _ in 0..index {
        let behind = scope.read(at, Pair::cdr)?;
        at = match pair(scope, behind)? {
            Some(pair) => pair,
            None => return wrong("the list is too short"),
        };
    }
    Ok(scope.read(at, Pair::car)?)
}

fn apply_primitive<'s>(
    scope: &mut Scope<'s>,
    name: &str,
    first: Value<'s>,
    second: Value<'s>,
) -> Result<Value<'s>, Stop> {
    if name == "cons" {
        return Ok(Pair::new(scope, first, second)?.into());
    }
    if let "car" | "cdr" = name {
        let Some(pair) = pair(scope, first)? else { return wrong("a pair was expected") };
        return Ok(scope.read(pair, if name == "car" { Pair::car } else { Pair::cdr })?);
    }
    let (Some(first), Some(second)) = (first.as_smi(), second.as_smi()) else { return wrong("a number was expected") };
    let truth = |holds: bool| if holds { Value::Smi(1) } else { Value::Undefined };
    Ok(match name {
        "+" => first.wrapping_add(second).into(),
        "-" => first.wrapping_sub(second).into(),
        "*" => first.wrapping_mul(second).into(),
        "<" => truth(first < second),
        _ => truth(first == second),
    })
}

const LIBRARY: &str = "
    (define count (lambda (n list) (if (= n 0) list (count (- n 1) (cons n list)))))
    (define sum (lambda (list total) (if list (sum (cdr list) (+ total (car list))) total)))
    (define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))";

fn cap() -> Flags {
    Flags { max_old_space_size_mb: Some(4), max_semi_space_size_mb: Some(1), ..Flags::default() }
}

/// Runs programs that fit, one that does not, and one that fits again.
///
/// # Errors
/// If a program ends as it should not.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut heap = Heap::new(HeapOptions { flags: cap(), verify: false, ..HeapOptions::for_tests() })?;
    let lisp = Lisp::new(&mut heap)?;
    let programs = [
        (LIBRARY, "the library"),
        ("(fib 15)", "a recursion"),
        ("(sum (count 20000 (quote ())) 0)", "a list that fits"),
        ("(sum (count 1000000 (quote ())) 0)", "a list that does not"),
        ("(car 5)", "a mistake"),
        ("(sum (count 20000 (quote ())) 0)", "the list that fits, again"),
    ];
    let mut results = Vec::new();
    for (program, what) in programs {
        let result = lisp.run(&mut heap, program);
        println!(
            "{what}: {}",
            match &result {
                Ok(Some(number)) => number.to_string(),
                Ok(None) => "done".to_owned(),
                Err(Stop::Heap(error)) => format!("out of memory: {error}"),
                Err(Stop::Program(text)) => format!("error: {text}"),
            }
        );
        heap.collect_garbage()?;
        results.push(match result {
            Err(Stop::Heap(error)) => error.out_of_memory().map(|_| -1),
            Err(Stop::Program(_)) => Some(-2),
            Ok(value) => value,
        });
    }
    assert_eq!(results, [None, Some(610), Some(200_010_000), Some(-1), Some(-2), Some(200_010_000)]);

    // The same program with a collection wherever a handle is made: it must not know.
    let mut stressed = Heap::new(HeapOptions { flags: cap(), verify: false, ..HeapOptions::for_tests() })?;
    stressed.collect_at_handles(Some(GcKind::Minor));
    let lisp = Lisp::new(&mut stressed)?;
    let result = lisp.run(&mut stressed, &format!("{LIBRARY} (fib 5)"));
    println!("under {} scavenges: {:?}", stressed.scavenges(), result.as_ref().ok().copied().flatten());
    assert!(matches!(result, Ok(Some(5))));
    Ok(())
}
