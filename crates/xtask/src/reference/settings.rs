//! The page of settings: every `EnvVar { … }` that stands in the code, as tables. What a reader needs beside
//! them is written by hand around the marks.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::sources;

pub(super) const PAGE: &str = "docs/guide/configuration.md";
const BEGIN: &str = "<!-- made by `cargo xtask reference`: begin -->\n";
const END: &str = "<!-- made by `cargo xtask reference`: end -->\n";

/// One variable, as the code names it. The fields are those of `bastide_rt::config::EnvVar`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    aliases: Vec<String>,
    /// The key in a settings file; `None`: only a variable.
    key: Option<String>,
    removed: bool,
    default: String,
    doc: String,
}

/// The page as it is, with new tables between the marks.
pub(super) fn page(root: &Path) -> Result<String> {
    let old = std::fs::read_to_string(root.join(PAGE)).with_context(|| PAGE.to_owned())?;
    let mut tables: BTreeMap<&str, Vec<Variable>> = BTreeMap::new();
    let sources = sources::read(root)?;
    for source in sources.iter().filter(|source| !source.path.contains("tests")) {
        if source.text.contains("EnvVar {") {
            let found = variables(&source.text).with_context(|| source.path.clone())?;
            tables.entry(heading(source.folder())).or_default().extend(found);
        }
    }
    let mut made = String::new();
    for (heading, variables) in tables.into_iter().filter(|(_, variables)| !variables.is_empty()) {
        made.push_str(&format!("\n### {heading}\n\n"));
        made.push_str(&table(&variables));
    }
    between_marks(&old, &format!("{made}\n"))
}

/// Which process reads the variables of a crate.
fn heading(folder: &str) -> &str {
    match folder {
        "crates/ptyd" | "crates/session" | "crates/record" => "bastide ptyd",
        "crates/app" | "crates/api" => "bastide serve",
        "crates/bastide" => "bastide serve and the command line",
        "crates/rt" => "every process",
        other => other,
    }
}

fn between_marks(old: &str, made: &str) -> Result<String> {
    let (head, rest) = old.split_once(BEGIN).with_context(|| format!("{PAGE}: no line {BEGIN}"))?;
    let (_, tail) = rest.split_once(END).with_context(|| format!("{PAGE}: no line {END}"))?;
    Ok(format!("{head}{BEGIN}{made}{END}{tail}"))
}

fn table(variables: &[Variable]) -> String {
    let mut table = "| variable | key in the file | default | |\n|---|---|---|---|\n".to_owned();
    for variable in variables {
        let mut doc = if variable.removed { "**Removed.** ".to_owned() } else { String::new() };
        doc.push_str(&variable.doc.replace('|', "\\|"));
        if !variable.aliases.is_empty() {
            doc.push_str(&format!(" Also read as `{}`.", variable.aliases.join("`, `")));
        }
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let key = code(variable.key.as_deref().unwrap_or_default());
        table.push_str(&format!("| `{}` | {key} | {} | {doc} |\n", variable.name, code(&variable.default)));
    }
    table
}

/// Every variable of one file, in its order: `EnvVar { … }`, or a call of a function of that file which makes one.
fn variables(text: &str) -> Result<Vec<Variable>> {
    let file = syn::parse_file(text)?;
    let mut collected = Collected { makers: makers(&file), found: Ok(Vec::new()) };
    collected.visit_file(&file);
    collected.found
}

/// A function that makes an `EnvVar` of its parameters.
struct Maker {
    name: String,
    parameters: Vec<String>,
    made: syn::ExprStruct,
}

fn makers(file: &syn::File) -> Vec<Maker> {
    let functions = file.items.iter().filter_map(|item| match item {
        syn::Item::Fn(function) => Some(function),
        _ => None,
    });
    functions.filter_map(maker).collect()
}

fn maker(function: &syn::ItemFn) -> Option<Maker> {
    let [syn::Stmt::Expr(syn::Expr::Struct(made), None)] = &function.block.stmts[..] else { return None };
    is_variable(made).then(|| Maker {
        name: function.sig.ident.to_string(),
        parameters: function.sig.inputs.iter().filter_map(parameter).collect(),
        made: made.clone(),
    })
}

fn parameter(input: &syn::FnArg) -> Option<String> {
    match input {
        syn::FnArg::Typed(typed) => match &*typed.pat {
            syn::Pat::Ident(pattern) => Some(pattern.ident.to_string()),
            _ => None,
        },
        syn::FnArg::Receiver(_) => None,
    }
}

fn is_variable(expression: &syn::ExprStruct) -> bool {
    expression.path.segments.last().is_some_and(|last| last.ident == "EnvVar")
}

struct Collected {
    makers: Vec<Maker>,
    found: Result<Vec<Variable>>,
}

impl Collected {
    fn add(&mut self, variable: Result<Variable>) {
        match (&mut self.found, variable) {
            (Ok(found), Ok(variable)) => found.push(variable),
            (Ok(_), Err(error)) => self.found = Err(error),
            (Err(_), _) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Collected {
    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        if is_variable(expression) {
            self.add(variable(expression, &[], expression.span().start().line));
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let called = path_of(&call.func);
        let maker = self.makers.iter().find(|maker| Some(&maker.name) == called.as_ref());
        match maker {
            Some(maker) => {
                let given: Vec<_> = maker.parameters.iter().map(String::as_str).zip(&call.args).collect();
                let made = variable(&maker.made, &given, call.span().start().line);
                self.add(made);
            }
            None => visit::visit_expr_call(self, call),
        }
    }

    /// The body of a maker is a pattern, not a variable.
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if maker(function).is_none() {
            visit::visit_item_fn(self, function);
        }
    }
}

/// `expression` with its parameters replaced by what is `given`.
fn variable(expression: &syn::ExprStruct, given: &[(&str, &syn::Expr)], line: usize) -> Result<Variable> {
    let resolved = |value: &syn::Expr| {
        let name = path_of(value);
        let found = given.iter().find(|(parameter, _)| Some(*parameter) == name.as_deref());
        found.map_or_else(|| value.clone(), |(_, given)| (*given).clone())
    };
    let field = |name: &str| {
        let named =
            |field: &&syn::FieldValue| matches!(&field.member, syn::Member::Named(own) if own == name);
        let found =
            expression.fields.iter().find(named).ok_or_else(|| anyhow!("line {line}: no field `{name}`"))?;
        anyhow::Ok(resolved(&found.expr))
    };
    let string = |name: &str| {
        let plain = || format!("line {line}: `{name}` has to be a plain string");
        field(name).and_then(|value| text(&value).with_context(plain))
    };
    let means = field("means")?;
    let key = match &means {
        syn::Expr::Call(call) => call.args.first().and_then(|key| text(&resolved(key))),
        _ => None,
    };
    let names = || format!("line {line}: `aliases` has to be a list of strings");
    Ok(Variable {
        name: string("name")?,
        aliases: list(&field("aliases")?).with_context(names)?,
        key,
        removed: path_of(&means).as_deref() == Some("Nothing"),
        default: string("default")?,
        doc: string("doc")?,
    })
}

fn text(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn list(expression: &syn::Expr) -> Option<Vec<String>> {
    match expression {
        syn::Expr::Reference(reference) => list(&reference.expr),
        syn::Expr::Array(array) => array.elems.iter().map(text).collect(),
        _ => None,
    }
}

fn path_of(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{between_marks, table, variables};

    const CODE: &str = r#"
        pub const VARIABLES: [EnvVar; 2] = [
            EnvVar { name: "A", aliases: &["OLD_A"], means: Means::Setting("a.b"), default: "3", doc: "First | of all." },
            EnvVar { name: "B", aliases: &[], means: Means::Nothing, default: "", doc: "Gone." },
        ];"#;

    #[test]
    fn variables_are_read_from_code_and_made_a_table() {
        let found = variables(CODE).unwrap();
        assert_eq!(
            table(&found),
            "| variable | key in the file | default | |\n|---|---|---|---|\n\
             | `A` | `a.b` | `3` | First \\| of all. Also read as `OLD_A`. |\n\
             | `B` |  |  | **Removed.** Gone. |\n"
        );
    }

    #[test]
    fn a_function_of_the_file_may_make_them() {
        let code = r#"
            const ALL: &[EnvVar] = &[setting("A", &["B"], "a")];
            const fn setting(name: &str, aliases: &[&str], key: &str) -> EnvVar {
                EnvVar { name, aliases, means: Means::Setting(key), default: "1", doc: "D." }
            }"#;
        let found = variables(code).unwrap();
        assert!(table(&found).ends_with("| `A` | `a` | `1` | D. Also read as `B`. |\n"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_line() {
        let error = variables(
            "const A: EnvVar = EnvVar { name: NAME, aliases: &[], means: M::E, default: \"\", doc: \"\" };",
        );
        assert_eq!(error.unwrap_err().to_string(), "line 1: `name` has to be a plain string");
    }

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let old = format!("head\n{}old\n{}tail\n", super::BEGIN, super::END);
        let new = format!("head\n{}new\n{}tail\n", super::BEGIN, super::END);
        assert_eq!(between_marks(&old, "new\n").unwrap(), new);
        assert!(between_marks("no marks", "new").is_err());
    }
}
