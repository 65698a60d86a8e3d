//! Brace expressions: `{rm,-rf,/}` is three words.

use super::quoting::Atom;

/// Words out of one; more are one unknown word.
const MAX_WORDS: usize = 256;

/// The words that a word with braces becomes; `None` when they are too many.
pub(super) fn expand(atoms: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    if !atoms.contains(&Atom::Bare('{')) {
        return Some(vec![atoms.to_vec()]);
    }
    let closing = closings(atoms);
    for (start, _) in atoms.iter().enumerate().filter(|(_, atom)| **atom == Atom::Bare('{')) {
        let Some(end) = closing[start] else { continue };
        let Some(members) = members(&atoms[start + 1..end])? else { continue };
        let mut middle = Vec::new();
        for member in members {
            middle.extend(expand(&member)?);
        }
        let rest = expand(&atoms[end + 1..])?;
        if middle.len() * rest.len() > MAX_WORDS {
            return None;
        }
        let mut words = Vec::with_capacity(middle.len() * rest.len());
        for one in &middle {
            for tail in &rest {
                words.push([&atoms[..start], one, tail].concat());
            }
        }
        return Some(words);
    }
    Some(vec![atoms.to_vec()])
}

/// For each `{` its `}`.
fn closings(atoms: &[Atom]) -> Vec<Option<usize>> {
    let mut closing = vec![None; atoms.len()];
    let mut open = Vec::new();
    for (index, atom) in atoms.iter().enumerate() {
        match atom {
            Atom::Bare('{') => open.push(index),
            Atom::Bare('}') => {
                if let Some(start) = open.pop() {
                    closing[start] = Some(index);
                }
            }
            _ => {}
        }
    }
    closing
}

/// What stands between the commas, or what a sequence counts; inner `None` when it is no brace expression.
#[allow(clippy::option_option)] // too many, or not one: different answers
fn members(inner: &[Atom]) -> Option<Option<Vec<Vec<Atom>>>> {
    let mut members = vec![Vec::new()];
    let mut depth = 0_usize;
    for atom in inner {
        match atom {
            Atom::Bare('{') => depth += 1,
            Atom::Bare('}') => depth = depth.saturating_sub(1),
            Atom::Bare(',') if depth == 0 => {
                members.push(Vec::new());
                continue;
            }
            _ => {}
        }
        members.last_mut().expect("never empty").push(*atom);
    }
    if members.len() > MAX_WORDS {
        return None;
    }
    if members.len() > 1 { Some(Some(members)) } else { sequence(inner) }
}

/// `1..5`, `a..e`, each with `..step`.
#[allow(clippy::option_option)]
fn sequence(inner: &[Atom]) -> Option<Option<Vec<Vec<Atom>>>> {
    let bare = |atom: &Atom| if let Atom::Bare(c) = atom { Some(*c) } else { None };
    let Some(text) = inner.iter().map(bare).collect::<Option<String>>() else { return Some(None) };
    let parts: Vec<&str> = text.split("..").collect();
    let (from, to, step) = match parts[..] {
        [from, to] => (from, to, "1"),
        [from, to, step] => (from, to, step),
        _ => return Some(None),
    };
    let letter = |part: &str| {
        let mut letters = part.chars();
        letters.next().filter(|c| c.is_ascii_alphabetic() && letters.next().is_none())
    };
    let number = |part: &str| part.parse::<i64>().ok();
    let (first, last, letters) = match (letter(from), letter(to), number(from), number(to)) {
        (Some(from), Some(to), ..) => (i64::from(u32::from(from)), i64::from(u32::from(to)), true),
        (_, _, Some(from), Some(to)) => (from, to, false),
        _ => return Some(None),
    };
    let Some(step) = number(step) else { return Some(None) };
    let step = step.unsigned_abs().max(1);
    if first.abs_diff(last) / step >= MAX_WORDS as u64 {
        return None;
    }
    let width = if from.starts_with('0') || to.starts_with('0') { from.len().max(to.len()) } else { 0 };
    let count = first.abs_diff(last) / step;
    let at = |index: u64| {
        let distance = i64::try_from(index * step).unwrap_or(0);
        if last >= first { first + distance } else { first - distance }
    };
    let word = |value: i64| match u8::try_from(value) {
        Ok(letter) if letters => char::from(letter).to_string(),
        _ => format!("{value:0width$}"),
    };
    let words = (0..=count).map(|index| word(at(index)).chars().map(Atom::Bare).collect());
    Some(Some(words.collect()))
}
