//! What is refused before the parser sees it.
//!
//! The parser is a recursive one: about 300 open braces overflow a stack of 2 MB, which ends the process. And
//! some nestings make it try the same text twice on each level, so that 40 levels take for ever. Both are
//! counted here, always too high rather than too low: quotes are not looked at.

use brush_parser::Token;

use super::Unknown;

/// Longest text that is parsed, in bytes. A line that a person types is shorter.
pub(crate) const MAX_LINE: usize = 16 * 1024;
/// Levels of parentheses and `case` in one text: each doubles the parser's work in the worst case.
const MAX_DOUBLING: usize = 6;
/// Openers inside the index of an array element; the parser tries each twice.
const MAX_IN_INDEX: usize = 4;
/// Digits of a file descriptor; the parser takes a number of 32 bits for granted.
const MAX_DIGITS: usize = 9;

/// Words after which the parser goes one level down.
const OPENING_WORDS: [&str; 14] = [
    "if", "then", "else", "elif", "while", "until", "for", "case", "do", "coproc", "function", "select",
    "time", "!",
];

/// An upper bound of how deep the parser can go in `text`.
pub(super) fn openers(text: &str) -> usize {
    let signs = text.bytes().filter(|byte| matches!(byte, b'(' | b'{' | b'[' | b'`')).count();
    let tests = if text.contains("[[") { text.matches(['&', '|', '!']).count() } else { 0 };
    let edge = |c: char| !(c.is_alphanumeric() || c == '_' || c == '!');
    signs + tests + text.split(edge).filter(|word| OPENING_WORDS.contains(word)).count()
}

/// Refuses what the parser would need too long for, or would panic at.
pub(super) fn check(tokens: &[Token]) -> Result<(), Unknown> {
    let mut open: Vec<bool> = Vec::new();
    let mut before: Option<&Token> = None;
    for token in tokens {
        match token {
            Token::Operator(sign, _) => {
                match (sign.as_str(), open.last()) {
                    ("(", _) => open.push(false),
                    (")", Some(false)) => {
                        open.pop();
                    }
                    _ => {}
                }
                let digits = before
                    .is_some_and(|before| matches!(before, Token::Word(word, _) if is_long_number(word)));
                if digits && sign.starts_with(['<', '>']) {
                    return Err(Unknown::Unreadable);
                }
            }
            Token::Word(word, _) => {
                if word == "case" {
                    open.push(true);
                } else if word == "esac" && open.last() == Some(&true) && ends_command(before) {
                    open.pop();
                }
                if word.contains('[') && openers(word) > MAX_IN_INDEX + 1 && is_element(word) {
                    return Err(Unknown::TooDeep);
                }
            }
        }
        if open.len() > MAX_DOUBLING {
            return Err(Unknown::TooDeep);
        }
        before = Some(token);
    }
    if open.contains(&false) { Err(Unknown::Unreadable) } else { Ok(()) }
}

/// Tells nested subshells from arithmetic. The parser does not see blanks: it would take `( (rm x) )` for
/// `((rm x))`, which runs nothing. A line end after the first parenthesis changes nothing but that.
pub(super) fn separate_subshells(tokens: Vec<Token>) -> Vec<Token> {
    let sign = |token: &Token, expected: &str| matches!(token, Token::Operator(sign, _) if sign == expected);
    let touch = |at: usize| {
        let (left, right) = (tokens[at].location(), tokens[at + 1].location());
        left.end.index == right.start.index
    };
    let mut closing = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if sign(token, "(") {
            open.push(at);
        } else if let Some(start) = open.pop_if(|_| sign(token, ")")) {
            closing[start] = Some(at);
        }
    }
    let separate: Vec<bool> = (0..tokens.len())
        .map(|at| {
            let double = sign(&tokens[at], "(") && tokens.get(at + 1).is_some_and(|next| sign(next, "("));
            let arithmetic = || match (closing[at], closing[at + 1]) {
                (Some(outer), Some(inner)) => outer == inner + 1 && touch(at) && touch(inner),
                _ => false,
            };
            double && !arithmetic()
        })
        .collect();
    let mut out = Vec::with_capacity(tokens.len() + 8);
    for (token, separate) in tokens.into_iter().zip(separate) {
        let after = token.location().clone();
        out.push(token);
        if separate {
            out.push(Token::Operator("\n".to_owned(), after));
        }
    }
    out
}

/// Whether the inside of `((…))` would be a command to a shell that has no such arithmetic (dash): a word, or a
/// word and another word.
pub(super) fn may_be_command(arithmetic: &str) -> bool {
    let mut words = arithmetic.split_whitespace();
    let Some(first) = words.next() else { return false };
    let begins = first.starts_with(|c: char| c.is_alphabetic() || "_/.~'\"\\$`".contains(c));
    let operator = |word: &str| word.starts_with(|c: char| "=+*/%<>&|?:,^!".contains(c)) || word == "-";
    let plain = !first.contains(['+', '=', '<', '>', '*', '%', ',', '[']);
    begins && plain && words.next().is_none_or(|second| !operator(second))
}

fn is_long_number(word: &str) -> bool {
    word.len() > MAX_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word after this token is at the place of a command, where `esac` cannot be an argument.
fn ends_command(before: Option<&Token>) -> bool {
    matches!(before, Some(Token::Operator(sign, _))
        if matches!(sign.as_str(), ";" | ";;" | ";&" | ";;&" | "\n" | "&"))
}

/// `name[…`: what the parser takes for an array element.
fn is_element(word: &str) -> bool {
    let name = word.split('[').next().unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
