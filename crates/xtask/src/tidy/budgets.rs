//! Sizes: how much of one thing a reader has to hold in mind. The numbers stand in STYLE.md too.
//!
//! Code inside macro calls (`tokio::select!`) is not seen: it counts as lines of its function only.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Excess, Finding, Source};

const FILE_LINES_ADVISED: usize = 400;
const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
const PARAMETERS: usize = 5;
const NESTING: usize = 4;
const VARIANTS: usize = 12;
const FIELDS: usize = 12;

/// What is over a budget, and notes on files that are becoming long.
pub(super) fn check(source: &Source) -> syn::Result<(Vec<Finding>, Vec<String>)> {
    let mut found = Budgets { file: &source.path, place: Vec::new(), findings: Vec::new() };
    let mut advice = Vec::new();
    let lines = source.text.lines().count();
    found.limit("lines", lines, FILE_LINES, 0, "file");
    if lines > FILE_LINES_ADVISED && lines <= FILE_LINES {
        advice.push(format!("{}: {lines} lines; better at most {FILE_LINES_ADVISED}", source.path));
    }
    found.visit_file(&syn::parse_file(&source.text)?);
    Ok((found.findings, advice))
}

struct Budgets<'a> {
    file: &'a str,
    /// Names of the items around the visited one.
    place: Vec<String>,
    findings: Vec<Finding>,
}

impl Budgets<'_> {
    fn limit(&mut self, kind: &'static str, actual: usize, allowed: usize, line: usize, what: &str) {
        if actual <= allowed {
            return;
        }
        let item = if self.place.is_empty() { "-".to_owned() } else { self.place.join("::") };
        let unit = if kind == "function" { "lines" } else { kind };
        let name = if self.place.is_empty() { String::new() } else { format!(" `{item}`") };
        self.findings.push(Finding {
            file: self.file.to_owned(),
            line,
            text: format!("{what}{name}: {actual} {unit}; at most {allowed}"),
            budget: Some(Excess { kind, item, actual }),
        });
    }

    fn function(&mut self, signature: &syn::Signature, whole: proc_macro2::Span, body: Option<&syn::Block>) {
        self.place.push(signature.ident.to_string());
        let first = signature.span().start().line;
        let typed = signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        self.limit("parameters", typed, PARAMETERS, first, "function");
        if let Some(body) = body {
            // From the signature: documentation and attributes are not part of what has to be followed.
            let length = whole.end().line + 1 - first;
            self.limit("function", length, FUNCTION_LINES, first, "function");
            let mut depth = Nesting::default();
            depth.visit_block(body);
            self.limit("nesting", depth.deepest, NESTING, first, "function");
            visit::visit_block(self, body);
        }
        self.place.pop();
    }

    fn inside(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.place.push(name);
        visit(self);
        self.place.pop();
    }
}

impl<'ast> Visit<'ast> for Budgets<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, item.span(), Some(&item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, item.span(), Some(&item.block));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.span(), item.default.as_ref());
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        self.inside(name.unwrap_or_else(|| "impl".to_owned()), |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.inside(item.ident.to_string(), |this| visit::visit_item_trait(this, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside(item.ident.to_string(), |this| visit::visit_item_mod(this, item));
    }

    /// Only enums that carry data: a plain list of names (signals, error codes) is as long as it is.
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if item.variants.iter().any(|variant| !matches!(variant.fields, syn::Fields::Unit)) {
            self.inside(item.ident.to_string(), |this| {
                this.limit("variants", item.variants.len(), VARIANTS, item.span().start().line, "enum");
            });
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.inside(item.ident.to_string(), |this| {
            this.limit("fields", item.fields.len(), FIELDS, item.span().start().line, "struct");
        });
    }
}

/// The deepest stack of branches and loops in one function. Blocks, closures and `async` add nothing, and
/// neither does `else if`.
#[derive(Default)]
struct Nesting {
    depth: usize,
    deepest: usize,
}

impl Nesting {
    fn deeper(&mut self, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        visit(self);
        self.depth -= 1;
    }
}

impl<'ast> Visit<'ast> for Nesting {
    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.visit_expr(&branch.cond);
        self.deeper(|this| this.visit_block(&branch.then_branch));
        match branch.else_branch.as_ref().map(|(_, other)| &**other) {
            Some(syn::Expr::If(next)) => self.visit_expr_if(next),
            Some(other) => self.deeper(|this| this.visit_expr(other)),
            None => {}
        }
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        self.visit_expr(&expression.expr);
        self.deeper(|this| expression.arms.iter().for_each(|arm| this.visit_arm(arm)));
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.deeper(|this| visit::visit_expr_for_loop(this, expression));
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.deeper(|this| visit::visit_expr_while(this, expression));
    }

    fn visit_expr_loop(&mut self, expression: &'ast syn::ExprLoop) {
        self.deeper(|this| visit::visit_expr_loop(this, expression));
    }

    /// An item inside a function is judged by itself.
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}
