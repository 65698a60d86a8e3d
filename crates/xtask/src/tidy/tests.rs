#![allow(clippy::unwrap_used)]

use super::{Finding, Source, budgets, exceptions, layers, names};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn budget(text: &str) -> Vec<String> {
    let (over, _) = budgets::check(&source("crates/x/src/a.rs", text)).unwrap();
    over.into_iter().map(|finding| format!("{}:{}", finding.line, finding.text)).collect()
}

fn named(path: &str, text: &str) -> Vec<String> {
    names::check(&source(path, text))
        .into_iter()
        .map(|finding| format!("{}:{}", finding.line, finding.text))
        .collect()
}

#[test]
fn function_of_71_lines_is_too_long_and_of_70_is_not() {
    let of_lines =
        |lines: usize| format!("/// Doc.\n#[inline]\nfn f() {{\n{}}}\n", "g();\n".repeat(lines - 2));
    assert_eq!(budget(&of_lines(70)), Vec::<String>::new());
    assert_eq!(budget(&of_lines(71)), ["3:function `f`: 71 lines; at most 70"]);
}

#[test]
fn self_is_not_a_parameter() {
    let five = "struct S; impl S { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {} }";
    assert_eq!(budget(five), Vec::<String>::new());
    let six = "struct S;\nimpl S { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) {} }";
    assert_eq!(budget(six), ["2:function `S::f`: 6 parameters; at most 5"]);
}

#[test]
fn nesting_counts_branches_and_loops_but_not_else_if_or_closures() {
    let four =
        "fn f() { for a in b { if a { while c { match d { _ => { e(|| { 1 }) } } } } else if g { h() } } }";
    assert_eq!(budget(four), Vec::<String>::new());
    let five = "fn f() { for a in b { if a { while c { match d { _ => { e(|| { if x { y() } }) } } } } } }";
    assert_eq!(budget(five), ["1:function `f`: 5 nesting; at most 4"]);
    let chain = "fn f() { if a {} else if b {} else if c {} else if d {} else if e {} else if g {} }";
    assert_eq!(budget(chain), Vec::<String>::new());
}

#[test]
fn enum_of_names_may_be_long_and_one_with_data_may_not() {
    let variants = |first: &str| {
        let rest: String = (0..12).map(|n| format!("V{n},")).collect();
        format!("enum E {{ {first}, {rest} }}")
    };
    assert_eq!(budget(&variants("A")), Vec::<String>::new());
    assert_eq!(budget(&variants("A(u8)")), ["1:enum `E`: 13 variants; at most 12"]);
}

#[test]
fn struct_of_13_fields_is_too_large() {
    let fields: String = (0..13).map(|n| format!("f{n}: u8,")).collect();
    assert_eq!(
        budget(&format!("mod m {{ struct S {{ {fields} }} }}")),
        ["1:struct `m::S`: 13 fields; at most 12"]
    );
}

#[test]
fn long_file_is_noted_at_401_lines_and_refused_at_601() {
    let check = |lines: usize| budgets::check(&source("crates/x/src/a.rs", &"\n".repeat(lines))).unwrap();
    assert_eq!((check(400).0.len(), check(400).1.len()), (0, 0));
    assert_eq!((check(401).0.len(), check(401).1.len()), (0, 1));
    assert_eq!((check(601).0.len(), check(601).1.len()), (1, 0));
}

#[test]
fn unsafe_is_found_in_code_and_macros_but_not_in_words() {
    let text = "// unsafe\nconst A: &str = \"unsafe\";\nfn f() { vec![unsafe { 1 }]; }";
    assert_eq!(named("crates/rt/src/a.rs", text), ["3:`unsafe` belongs in crates/pty only"]);
    assert_eq!(named("crates/pty/src/a.rs", text), Vec::<String>::new());
}

#[test]
fn names_that_say_nothing_and_mod_rs_are_refused() {
    assert_eq!(named("crates/x/src/mod.rs", "").len(), 1);
    assert_eq!(named("crates/x/src/utils.rs", "").len(), 1);
    assert_eq!(named("crates/x/src/common/a.rs", "").len(), 1);
    assert_eq!(named("crates/x/src/commonality.rs", "").len(), 0);
}

#[test]
fn lib_says_what_it_is_for_and_nothing_is_left_unfinished() {
    assert_eq!(named("crates/x/src/lib.rs", "use a;").len(), 1);
    assert_eq!(named("crates/x/src/lib.rs", "//! For x.\n").len(), 0);
    let left = concat!("fn f() {} // TO", "DO later");
    assert_eq!(named("crates/x/src/a.rs", left).len(), 1);
}

fn manifest(name: &str, section: &str, used: &str) -> Vec<String> {
    let text = format!("[package]\nname = \"{name}\"\n[{section}]\n{used} = {{ workspace = true }}\n");
    layers::manifest_findings("Cargo.toml", &text).unwrap().into_iter().map(|finding| finding.text).collect()
}

#[test]
fn crates_depend_downward() {
    let fine = Vec::<String>::new();
    assert_eq!(manifest("bastide-session", "dependencies", "bastide-pty"), fine);
    assert_eq!(manifest("bastide-ptyd", "dependencies", "bastide-session"), fine);
    assert_eq!(manifest("bastide-pty", "dependencies", "bastide-session").len(), 1);
    assert_eq!(manifest("bastide-session", "dependencies", "bastide-ptyd").len(), 1);
    assert_eq!(manifest("bastide-api", "dependencies", "bastide-app"), fine);
    assert_eq!(manifest("bastide-wire", "dependencies", "bastide-vt").len(), 1);
}

#[test]
fn test_tools_are_for_tests() {
    assert_eq!(manifest("bastide", "dev-dependencies", "bastide-testkit"), Vec::<String>::new());
    assert_eq!(manifest("bastide", "dependencies", "bastide-testkit").len(), 1);
}

#[test]
fn libraries_stay_behind_their_crate_and_unknown_crates_need_a_layer() {
    assert_eq!(manifest("bastide-api", "dependencies", "axum"), Vec::<String>::new());
    assert_eq!(manifest("bastide-app", "dependencies", "axum").len(), 1);
    assert_eq!(manifest("bastide-vt", "dev-dependencies", "avt"), Vec::<String>::new());
    assert_eq!(manifest("bastide-vt", "dependencies", "avt"), ["`avt` is for tests only"]);
    assert_eq!(manifest("bastide-session", "dev-dependencies", "avt").len(), 1);
    assert_eq!(manifest("bastide-new", "dependencies", "serde").len(), 1);
}

fn over(actual: usize) -> Vec<Finding> {
    let fields: String = (0..actual).map(|n| format!("f{n}: u8,")).collect();
    budgets::check(&source("crates/x/src/a.rs", &format!("struct S {{ {fields} }}"))).unwrap().0
}

#[test]
fn an_exception_allows_exactly_what_it_says() {
    let list = "# comment\n\nfields crates/x/src/a.rs S 14  # the wire's shape\n";
    assert_eq!(exceptions::apply(list, over(14)), []);
    let loose = exceptions::apply(list, over(13));
    assert_eq!(loose.len(), 1);
    assert_eq!((loose[0].line, loose[0].text.as_str()), (3, "13 is enough for S"));
    assert_eq!(exceptions::apply(list, over(15)).len(), 1);
}

#[test]
fn an_exception_that_is_not_needed_or_has_no_reason_fails() {
    let unused = exceptions::apply("fields crates/x/src/a.rs S 14  # why\n", Vec::new());
    assert!(unused[0].text.starts_with("no longer needed"), "{unused:?}");
    assert_eq!(exceptions::apply("fields crates/x/src/a.rs S 14\n", over(14)).len(), 2);
    assert_eq!(exceptions::apply("fields crates/x/src/a.rs S 14 #\n", over(14)).len(), 2);
}
