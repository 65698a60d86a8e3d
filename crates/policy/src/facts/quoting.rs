//! Words: quotes resolved, expansions found. Written here and not taken from the parser's crate, whose word
//! grammar needs exponential time for some nested quotes.

use super::Unknown;

/// One character of a word after quoting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Atom {
    /// Stands for itself.
    Quoted(char),
    /// From `$'\xff'`: not a character.
    Byte(u8),
    /// Not quoted: part of a brace expression, perhaps.
    Bare(char),
    /// The shell puts something here.
    Unknown(Unknown),
}

/// Text inside a word that is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inner {
    /// Commands: `$(…)`, backquotes.
    Commands(String),
    /// Text with expansions in it: `${x:-…}`, `$((…))`.
    Text(String),
}

/// A word, taken apart.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) atoms: Vec<Atom>,
    pub(super) inner: Vec<Inner>,
}

struct Scanner {
    text: Vec<char>,
    at: usize,
    parts: Parts,
}

/// Takes a word apart as the shell does before it expands anything.
pub(super) fn word(raw: &str) -> Parts {
    let mut scanner = Scanner { text: raw.chars().collect(), at: 0, parts: Parts::default() };
    while let Some(c) = scanner.next() {
        scanner.bare(c);
    }
    scanner.parts
}

/// Finds the expansions in text that is otherwise literal: the body of a here-document, what is inside
/// `${…}`, arithmetic.
pub(super) fn text(raw: &str) -> Vec<Inner> {
    let mut scanner = Scanner { text: raw.chars().collect(), at: 0, parts: Parts::default() };
    while let Some(c) = scanner.next() {
        match c {
            '\\' => scanner.at += 1,
            '$' => scanner.dollar(true),
            '`' => scanner.backquoted(),
            _ => {}
        }
    }
    scanner.parts.inner
}

/// Whether a name and a blank begin it: no parameter does.
fn is_commands(inner: &str) -> bool {
    let rest = inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_/.-".contains(c));
    rest.len() < inner.len() && rest.starts_with([' ', '\t', '\n', ';'])
}

impl Scanner {
    fn next(&mut self) -> Option<char> {
        let c = self.text.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn push(&mut self, atom: Atom) {
        self.parts.atoms.push(atom);
    }

    fn unreadable(&mut self) {
        self.push(Atom::Unknown(Unknown::Unreadable));
    }

    fn bare(&mut self, c: char) {
        match c {
            '\\' => match self.next() {
                Some('\n') => {}
                Some(escaped) => self.push(Atom::Quoted(escaped)),
                None => self.push(Atom::Quoted('\\')),
            },
            '\'' => self.single(),
            '"' => self.double(),
            '$' => self.dollar(false),
            '`' => self.backquoted(),
            '*' | '?' | '(' | ')' => self.push(Atom::Unknown(Unknown::Glob)),
            '[' if self.text[self.at..].contains(&']') => self.push(Atom::Unknown(Unknown::Glob)),
            other => self.push(Atom::Bare(other)),
        }
    }

    fn single(&mut self) {
        loop {
            match self.next() {
                Some('\'') => return,
                Some(c) => self.push(Atom::Quoted(c)),
                None => return self.unreadable(),
            }
        }
    }

    fn double(&mut self) {
        loop {
            match self.next() {
                Some('"') => return,
                Some('\\') => match self.next() {
                    Some('\n') => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => self.push(Atom::Quoted(c)),
                    Some(c) => {
                        self.push(Atom::Quoted('\\'));
                        self.push(Atom::Quoted(c));
                    }
                    None => return self.unreadable(),
                },
                Some('$') => self.dollar(true),
                Some('`') => self.backquoted(),
                Some(c) => self.push(Atom::Quoted(c)),
                None => return self.unreadable(),
            }
        }
    }

    /// After a `$`.
    fn dollar(&mut self, in_quotes: bool) {
        match self.peek() {
            Some('\'') if !in_quotes => {
                self.at += 1;
                self.ansi();
            }
            Some('"') if !in_quotes => {
                self.at += 1;
                self.double();
            }
            Some('(') => {
                self.at += 1;
                match self.until(')') {
                    Some(inner) => self.parenthesized(inner),
                    None => self.unreadable(),
                }
            }
            Some('{') => {
                self.at += 1;
                match self.until('}') {
                    // `${ commands; }` and `${| commands; }` of newer shells; the tokenizer drops the blank.
                    Some(inner) if inner.starts_with([' ', '\t', '\n', '|']) || is_commands(&inner) => {
                        let commands = inner.trim_start_matches('|').to_owned();
                        self.expands(Inner::Commands(commands), Unknown::Substitution);
                    }
                    Some(inner) => self.expands(Inner::Text(inner), Unknown::Variable),
                    None => self.unreadable(),
                }
            }
            Some('[') => {
                self.at += 1;
                match self.until(']') {
                    Some(inner) => self.expands(Inner::Text(inner), Unknown::Variable),
                    None => self.unreadable(),
                }
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
                self.push(Atom::Unknown(Unknown::Variable));
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.at += 1;
                self.push(Atom::Unknown(Unknown::Variable));
            }
            _ => self.push(Atom::Quoted('$')),
        }
    }

    fn expands(&mut self, inner: Inner, why: Unknown) {
        self.parts.inner.push(inner);
        self.push(Atom::Unknown(why));
    }

    /// `$(…)` or `$((…))`.
    fn parenthesized(&mut self, inner: String) {
        if let Some(rest) = inner.strip_prefix('(') {
            let mut nested = Scanner { text: rest.chars().collect(), at: 0, parts: Parts::default() };
            let arithmetic = nested.until(')').is_some() && nested.at == nested.text.len();
            if arithmetic {
                let text = rest.strip_suffix(')').unwrap_or(rest).to_owned();
                return self.expands(Inner::Text(text), Unknown::Variable);
            }
        }
        self.expands(Inner::Commands(inner), Unknown::Substitution);
    }

    fn backquoted(&mut self) {
        let mut inner = String::new();
        loop {
            match self.next() {
                Some('`') => return self.expands(Inner::Commands(inner), Unknown::Substitution),
                Some('\\') => match self.next() {
                    Some(c @ ('`' | '\\' | '$')) => inner.push(c),
                    Some(c) => inner.extend(['\\', c]),
                    None => return self.unreadable(),
                },
                Some(c) => inner.push(c),
                None => return self.unreadable(),
            }
        }
    }

    /// The text up to the closing sign, which is consumed. Iterative: nesting costs no stack.
    fn until(&mut self, close: char) -> Option<String> {
        let start = self.at;
        let mut open = vec![close];
        while let Some(c) = self.next() {
            let inside = open.last().copied()?;
            match c {
                '\\' if inside != '\'' => self.at += 1,
                '\'' if inside == '\'' => {
                    open.pop();
                }
                _ if inside == '\'' => {}
                '`' if inside != '`' => open.push('`'),
                '$' if matches!(self.peek(), Some('(' | '{')) => {
                    open.push(if self.peek() == Some('(') { ')' } else { '}' });
                    self.at += 1;
                }
                _ if c == inside => {
                    open.pop();
                    if open.is_empty() {
                        return Some(self.text[start..self.at - 1].iter().collect());
                    }
                }
                '"' => open.push('"'),
                '\'' if inside != '"' => open.push('\''),
                '(' if inside == ')' => open.push(')'),
                '[' if inside == ']' => open.push(']'),
                _ => {}
            }
        }
        None
    }

    /// `$'…'`, after its opening quote; the escapes of bash's manual page, "QUOTING".
    fn ansi(&mut self) {
        loop {
            match self.next() {
                Some('\'') => return,
                Some('\\') => self.escape(),
                Some(c) => self.push(Atom::Quoted(c)),
                None => return self.unreadable(),
            }
        }
    }

    fn escape(&mut self) {
        let Some(c) = self.next() else { return self.unreadable() };
        let plain = match c {
            'a' => '\x07',
            'b' => '\x08',
            'e' | 'E' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\\' | '\'' | '"' | '?' => c,
            'x' => return self.byte(16, 2, 0),
            '0'..='7' => {
                self.at -= 1;
                return self.byte(8, 3, 0);
            }
            'u' => return self.code_point(4),
            'U' => return self.code_point(8),
            'c' => {
                let control = self.next().map_or('\0', |c| char::from(c as u8 & 0x1f));
                return self.push(Atom::Quoted(control));
            }
            other => {
                self.push(Atom::Quoted('\\'));
                other
            }
        };
        self.push(Atom::Quoted(plain));
    }

    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let mut value: Option<u32> = None;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            value = Some(value.unwrap_or(0).wrapping_mul(radix) + digit);
            self.at += 1;
        }
        value
    }

    fn byte(&mut self, radix: u32, most: usize, missing: u8) {
        let value = self.digits(radix, most).map_or(missing, |value| value as u8);
        let atom = if value.is_ascii() { Atom::Quoted(value.into()) } else { Atom::Byte(value) };
        self.push(atom);
    }

    fn code_point(&mut self, most: usize) {
        match self.digits(16, most).map(char::from_u32) {
            Some(Some(c)) => self.push(Atom::Quoted(c)),
            _ => self.unreadable(),
        }
    }
}
