//! Options of a command line, read as getopt_long does.

use super::Word;

/// An option and its value, if it takes one.
pub(super) type Given = (String, Option<Word>);

/// Options whose names begin longer ones that take a value.
const NOT_ABBREVIATED: [&str; 1] = ["checkpoint"];

/// Reads options from `start` on as getopt_long does: where the first operand is, and what was given.
pub(super) fn options(words: &[Word], values: &[&str], start: usize) -> (usize, Vec<Given>) {
    let mut given = Vec::new();
    let mut at = start;
    while let Some(word) = words.get(at).and_then(Word::known) {
        let Ok(word) = std::str::from_utf8(word) else { break };
        if word == "--" {
            return (at + 1, given);
        }
        let next = || words.get(at + 1).cloned();
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(Word::from(value))),
                None => (long, None),
            };
            // Long options may be abbreviated.
            let full =
                values.iter().find(|option| option[1..].starts_with('-') && option[2..].starts_with(name));
            let full = full.filter(|_| !NOT_ABBREVIATED.contains(&name));
            let takes = full.is_some() && value.is_none();
            let name = full.map_or(format!("--{name}"), |full| (*full).to_owned());
            given.push((name, if takes { next() } else { value }));
            at += if takes { 2 } else { 1 };
        } else if word.len() > 1 && word.starts_with('-') {
            at += cluster(&word[1..], values, next, &mut given);
        } else if word == "-" && start == 0 && at == 0 {
            at += 1;
        } else {
            break;
        }
    }
    (at, given)
}

/// `-abc`, where one of the letters may take the rest, or the next word. How many words it was.
fn cluster(letters: &str, values: &[&str], next: impl Fn() -> Option<Word>, given: &mut Vec<Given>) -> usize {
    for (index, letter) in letters.char_indices() {
        let name = format!("-{letter}");
        let rest = &letters[index + letter.len_utf8()..];
        if !values.contains(&name.as_str()) {
            given.push((name, None));
            continue;
        }
        let (value, words) = if rest.is_empty() { (next(), 2) } else { (Some(Word::from(rest)), 1) };
        given.push((name, value));
        return words;
    }
    1
}
