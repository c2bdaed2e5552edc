//! Names that become names of the JavaScript program: they must be identifiers, and each of them one thing only.

use toml::Spanned;

use super::{Lower, Mistake, Result};

/// Words that JavaScript keeps for itself, and names that the program uses.
const TAKEN: &[&str] = &[
    "arguments",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield", // the language
    // The program.
    "all",
    "bytes",
    "characters",
    "draw",
    "exports",
    "finalized",
    "flatten",
    "fs",
    "gc",
    "globalThis",
    "i",
    "iteration",
    "main",
    "module",
    "n",
    "needMemory",
    "process",
    "random",
    "registry",
    "require",
    "sample",
    "setTimeout",
    "sink",
    "thing",
    "weakKey",
    "weakMap",
    "wideBytes",
    "withFinalizer",
    "array",
    "depth",
    "head",
    "length",
    "map",
    "object",
    "set",
    "text",
    "Array",
    "Buffer",
    "FinalizationRegistry",
    "Map",
    "Math",
    "Promise",
    "Set",
    "WeakMap",
    "WeakRef",
];

impl Lower<'_> {
    /// Checks the names of shapes and of what is kept.
    pub(super) fn names(&self) -> Result<()> {
        let mut seen: Vec<&str> = Vec::new();
        let shapes = self.file.shapes.0.iter().map(|(name, _)| name);
        for name in self.file.keep.0.iter().map(|(name, _)| name).chain(shapes) {
            identifier(name)?;
            let word = name.get_ref().as_str();
            let own = word.trim_end_matches(|c: char| c.is_ascii_digit());
            let numbered = own != word && (KINDS.contains(&own) || matches!(own, "round" | "c"));
            if TAKEN.contains(&word) || numbered {
                return Err(Mistake::new(
                    name.span(),
                    format!("the program uses the name {word:?} itself: choose another"),
                    format!("程序自身使用名称 {word:?}:请换一个"),
                ));
            }
            if seen.contains(&word) {
                return Err(Mistake::new(
                    name.span(),
                    format!("{word:?} names two things: choose another name for one of them"),
                    format!("{word:?} 指两样东西:请为其中之一改名"),
                ));
            }
            seen.push(word);
        }
        Ok(())
    }
}

/// What the functions are called that the program has for values without a name; a number follows.
pub(crate) const KINDS: [&str; 11] =
    ["array", "doubles", "map", "set", "list", "tree", "closure", "concat", "grown", "slice", "Class"];

/// Refuses a name that is no identifier of ASCII letters, digits and `_`.
pub(super) fn identifier(name: &Spanned<String>) -> Result<()> {
    let word = name.get_ref();
    let good = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && word.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if good && word.len() <= 40 && word != "__proto__" {
        return Ok(());
    }
    Err(Mistake::new(
        name.span(),
        format!("{word:?} cannot be a name in the program: use letters, digits and _, at most 40, a letter first"),
        format!("{word:?} 不能作为程序中的名称:只能用字母、数字和 _,最多 40 个,以字母开头"),
    ))
}
