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
        "crates/bastide" => "command line",
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

/// Every `EnvVar { … }` of one file, in its order.
fn variables(text: &str) -> Result<Vec<Variable>> {
    let mut collected = Collected { found: Ok(Vec::new()) };
    collected.visit_file(&syn::parse_file(text)?);
    collected.found
}

struct Collected {
    found: Result<Vec<Variable>>,
}

impl<'ast> Visit<'ast> for Collected {
    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        if expression.path.segments.last().is_some_and(|last| last.ident == "EnvVar") {
            let variable = variable(expression);
            match (&mut self.found, variable) {
                (Ok(found), Ok(variable)) => found.push(variable),
                (Ok(_), Err(error)) => self.found = Err(error),
                (Err(_), _) => {}
            }
        }
        visit::visit_expr_struct(self, expression);
    }
}

fn variable(expression: &syn::ExprStruct) -> Result<Variable> {
    let line = expression.span().start().line;
    let field = |name: &str| {
        let found = expression
            .fields
            .iter()
            .find(|field| matches!(&field.member, syn::Member::Named(own) if own == name));
        found.map(|field| &field.expr).ok_or_else(|| anyhow!("line {line}: no field `{name}`"))
    };
    let string = |name: &str| {
        field(name).and_then(|value| {
            text(value).with_context(|| format!("line {line}: `{name}` has to be a plain string"))
        })
    };
    let means = path_of(field("means")?);
    Ok(Variable {
        name: string("name")?,
        aliases: list(field("aliases")?)
            .with_context(|| format!("line {line}: `aliases` has to be a list of strings"))?,
        key: key(field("means")?),
        removed: means.as_deref() == Some("Nothing"),
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

/// `x` of `Means::Setting("x")`.
fn key(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Call(call) => call.args.first().and_then(text),
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
