//! Raw words of the syntax tree become words as a program gets them.

use brush_parser::ast::{Assignment, AssignmentName, AssignmentValue};

use super::quoting::{self, Atom, Inner};
use super::{Unknown, Word, brace, shortened};

/// The words that a raw one becomes; why the first is unknown, if it is.
pub(super) fn words(raw: &str, into: &mut Vec<Word>, inner: &mut Vec<Inner>) -> Option<Unknown> {
    let parts = quoting::word(raw);
    inner.extend(parts.inner);
    let Some(expanded) = brace::expand(&parts.atoms) else {
        into.push(Word::Unknown(shortened(raw)));
        return Some(Unknown::TooLong);
    };
    let mut first = None;
    for (index, atoms) in expanded.iter().enumerate() {
        // `{a,}` leaves nothing behind, unless it was quoted.
        if atoms.is_empty() && expanded.len() > 1 {
            continue;
        }
        let (word, why) = resolved(atoms, raw);
        let located = if index == 0 && into.is_empty() { name_in_pattern(atoms, raw) } else { None };
        if index == 0 && located.is_none() {
            first = why;
        }
        into.push(located.unwrap_or(word));
    }
    first
}

fn resolved(atoms: &[Atom], raw: &str) -> (Word, Option<Unknown>) {
    let mut bytes = Vec::with_capacity(atoms.len());
    for atom in atoms {
        match atom {
            Atom::Quoted(c) | Atom::Bare(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Atom::Byte(byte) => bytes.push(*byte),
            Atom::Unknown(why) => return (Word::Unknown(shortened(raw)), Some(*why)),
        }
    }
    (Word::Known(bytes), None)
}

/// A word that stays one: no brace expressions (assignments, redirections).
pub(super) fn single(raw: &str, inner: &mut Vec<Inner>) -> Word {
    let parts = quoting::word(raw);
    inner.extend(parts.inner);
    resolved(&parts.atoms, raw).0
}

pub(super) fn assigned(assignment: &Assignment, inner: &mut Vec<Inner>) -> (String, Word) {
    let name = match &assignment.name {
        AssignmentName::VariableName(name) => name.clone(),
        AssignmentName::ArrayElementName(name, index) => {
            inner.extend(quoting::text(index));
            name.clone()
        }
    };
    let value = match &assignment.value {
        AssignmentValue::Scalar(word) => single(&word.value, inner),
        AssignmentValue::Array(elements) => {
            for (key, value) in elements {
                for word in key.iter().chain([value]) {
                    inner.extend(quoting::word(&word.value).inner);
                }
            }
            Word::Unknown("(…)".to_owned())
        }
    };
    (name, value)
}

pub(super) fn is_descriptor(word: &str) -> bool {
    word == "-" || word.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit())
}

/// `/???/rm`: whatever directory it is, the program's name is known.
fn name_in_pattern(atoms: &[Atom], raw: &str) -> Option<Word> {
    let pattern = |atom: &Atom| *atom == Atom::Unknown(Unknown::Glob);
    let unknown = |atom: &Atom| matches!(atom, Atom::Unknown(_));
    let slash = atoms.iter().rposition(|atom| matches!(atom, Atom::Bare('/') | Atom::Quoted('/')))?;
    let named = !atoms[slash..].iter().any(unknown) && slash + 1 < atoms.len();
    let only_patterns = atoms.iter().filter(|atom| unknown(atom)).all(pattern);
    if !named || !only_patterns || !atoms.iter().any(pattern) {
        return None;
    }
    let (Word::Known(name), _) = resolved(&atoms[slash..], raw) else { return None };
    Some(Word::Known([b"?", name.as_slice()].concat()))
}
