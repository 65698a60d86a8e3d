//! What a line would run: one fact for each command in it, and for each wrapper around one.

mod brace;
mod fence;
mod options;
mod quoting;
mod unwrap;
mod walk;
mod words;
mod wrappers;

use serde::{Serialize, Serializer};

use walk::{Limits, Walk};

/// Everything that was found in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Facts {
    pub facts: Vec<Fact>,
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program, a builtin or a function that is called.
    Command,
    /// A program whose arguments name another one, such as `sudo`; the other one is a fact of its own.
    Wrapper,
    /// Variables are set, or files are opened, and nothing is called.
    Effect,
    /// Something runs that cannot be told from the text.
    Unknown,
}

/// Why something cannot be told from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// A variable stands where the program is named.
    Variable,
    /// The output of a command does.
    Substitution,
    /// A pattern for file names does.
    Glob,
    /// Text is put together when it runs (`eval`, `sh -c "$x"`).
    Evaluated,
    /// A shell or another interpreter reads its commands from its input.
    Input,
    /// They are in a file.
    Script,
    /// They are handed to something that runs them later, elsewhere, or as its own language.
    Elsewhere,
    /// The history or an abbreviation decides (`!!`, `^a^b`).
    History,
    /// The line is longer than 16 KiB.
    TooLong,
    /// It is nested too deep.
    TooDeep,
    /// The parser does not understand it.
    Unreadable,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    pub kind: Kind,
    /// As typed, quotes resolved: a name or a path.
    pub program: Word,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Word>,
    /// Variables set for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<(String, Word)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Redirect>,
    /// Names of the wrappers around it, the outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Unknown>,
    /// The program's name has letters outside ASCII.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub non_ascii: bool,
}

/// A file that a command reads or writes by redirection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// Whether it may be written.
    pub writes: bool,
    pub target: Word,
}

/// A word after quoting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Known(Vec<u8>),
    /// As typed: the shell decides what it becomes, and how many words.
    Unknown(String),
}

impl Word {
    /// Its bytes, when they are known.
    pub fn known(&self) -> Option<&[u8]> {
        match self {
            Self::Known(bytes) => Some(bytes),
            Self::Unknown(_) => None,
        }
    }

    /// For people; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        match self {
            Self::Known(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Unknown(raw) => raw.clone(),
        }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Known(text.as_bytes().to_vec())
    }
}

/// `"text"`, or `{"unknown": "as typed"}`.
impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(_) => serializer.serialize_str(&self.text()),
            Self::Unknown(raw) => serializer.collect_map([("unknown", raw)]),
        }
    }
}

impl Fact {
    pub(crate) fn new(kind: Kind, program: Word) -> Self {
        let path = program.known().unwrap_or_default();
        let name = crate::exec::basename(path);
        let non_ascii = !name.is_ascii() || (name.is_empty() && !path.is_ascii());
        Self {
            kind,
            program,
            arguments: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            via: Vec::new(),
            unknown: None,
            non_ascii,
        }
    }

    pub(crate) fn unknown(why: Unknown, raw: &str) -> Self {
        let mut fact = Self::new(Kind::Unknown, Word::Unknown(shortened(raw)));
        fact.unknown = Some(why);
        fact
    }
}

/// Longest text of an unknown word that is kept, in characters: enough to recognise it.
const SHOWN: usize = 120;

pub(crate) fn shortened(raw: &str) -> String {
    match raw.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &raw[..end]),
        None => raw.to_owned(),
    }
}

/// What is analysed on the caller's own stack: more than nearly every line that is typed needs, and little enough
/// for the smallest stacks that threads here have (2 MB, and a build without optimisation).
const HERE: Limits = Limits { depth: 16, openers: 24 };
/// What is analysed on a thread of its own.
const APART: Limits = Limits { depth: 100, openers: 400 };
/// Stack of that thread, in bytes. A test fills [`APART`] and shows that it is enough.
const STACK: usize = 64 * 1024 * 1024;

/// The facts of one line. Never fails: what cannot be read is an unknown fact.
pub(crate) fn of_line(line: &str) -> Facts {
    if line.len() > fence::MAX_LINE {
        return Facts { facts: vec![Fact::unknown(Unknown::TooLong, line)] };
    }
    let (text, stray) = typed(line);
    let mut facts = analysed(&text);
    if stray {
        facts.push(Fact::unknown(Unknown::Unreadable, "control characters"));
    }
    if recalls_history(&text) {
        facts.push(Fact::unknown(Unknown::History, &text));
    }
    Facts { facts }
}

fn analysed(text: &str) -> Vec<Fact> {
    let mut walk = Walk::new(HERE);
    walk.program(text, &[]);
    if !walk.too_deep {
        return walk.facts;
    }
    let apart = |text: String| {
        std::thread::Builder::new().stack_size(STACK).spawn(move || {
            let mut walk = Walk::new(APART);
            walk.program(&text, &[]);
            walk.facts
        })
    };
    match apart(text.to_owned()).map(std::thread::JoinHandle::join) {
        Ok(Ok(facts)) => facts,
        // No thread is to be had, or it panicked.
        _ => vec![Fact::unknown(Unknown::TooDeep, text)],
    }
}

/// The line as the shell reads it: a carriage return ends a line, a NUL is nothing. And whether there were
/// characters that an editor of lines would not have inserted.
fn typed(line: &str) -> (String, bool) {
    if !line.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return (line.to_owned(), false);
    }
    let text = line.replace("\r\n", "\n").replace('\r', "\n");
    let stray = text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    (text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect(), stray)
}

/// Whether an interactive shell would put a part of its history here: `!!`, `!x`, `^a^b`.
fn recalls_history(line: &str) -> bool {
    if line.trim_start().starts_with('^') {
        return true;
    }
    let mut before = '\0';
    let mut single = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if !single => {
                chars.next();
            }
            '\'' => single = !single,
            '!' if !single
                && !matches!(before, '$' | '{' | '[')
                && chars.peek().is_some_and(|next| next.is_alphanumeric() || "!-?$#*^:".contains(*next)) =>
            {
                return true;
            }
            _ => {}
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests;
