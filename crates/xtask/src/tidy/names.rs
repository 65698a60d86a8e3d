//! Rules about files as wholes: their names, their first lines, words that must not stand in them.

use super::{Finding, Source};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// The only folder whose code may contain `unsafe`.
const UNSAFE_FOLDER: &str = "crates/pty";

/// Spelled in parts, so that this file does not find itself.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = path(source);
    if source.path.ends_with("/src/lib.rs") && !source.text.starts_with("//!") {
        findings.push(Finding::rule(
            &source.path,
            1,
            "lib.rs begins with `//!`: what the crate is for, what it must not know",
        ));
    }
    for (index, line) in source.text.lines().enumerate() {
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            findings.push(Finding::rule(
                &source.path,
                index + 1,
                format!("`{word}`: finish it, or open an issue"),
            ));
        }
    }
    findings.extend(unsafe_words(source));
    findings
}

fn path(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.path.ends_with("/mod.rs") {
        findings.push(Finding::rule(&source.path, 0, "no mod.rs: `foo.rs` beside `foo/`"));
    }
    let inside = source.path.strip_prefix(source.folder()).unwrap_or(&source.path);
    for part in inside.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            findings.push(Finding::rule(
                &source.path,
                0,
                format!("`{part}` says nothing: name it by what it holds"),
            ));
        }
    }
    findings
}

/// `unsafe` as a word of the language, not of a comment or a string.
fn unsafe_words(source: &Source) -> Vec<Finding> {
    if source.folder() == UNSAFE_FOLDER {
        return Vec::new();
    }
    let Ok(tokens) = source.text.parse::<proc_macro2::TokenStream>() else {
        return Vec::new(); // reported where the file is parsed
    };
    let mut lines = Vec::new();
    collect_unsafe(tokens, &mut lines);
    let rule = |line| Finding::rule(&source.path, line, format!("`unsafe` belongs in {UNSAFE_FOLDER} only"));
    lines.into_iter().map(rule).collect()
}

fn collect_unsafe(tokens: proc_macro2::TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Group(group) => collect_unsafe(group.stream(), lines),
            proc_macro2::TokenTree::Ident(ident) if ident == "unsafe" => {
                lines.push(ident.span().start().line);
            }
            _ => {}
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}
