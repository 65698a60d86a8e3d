//! One `match` of the rule format, compiled.

use super::view::View;
use crate::pattern::{Pattern, Star};
use crate::rules::{ArgumentPattern, Match, named};

/// Whether something matches. Ordered: the worst of several conditions that must all hold is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    No,
    /// The shell decides when it runs.
    Perhaps,
    Yes,
}

impl Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A `match`, compiled. An empty list asks for nothing.
#[derive(Debug)]
pub(crate) struct Matcher {
    names: Vec<Pattern>,
    /// Program patterns with a `/`.
    typed_paths: Vec<Pattern>,
    paths: Vec<FilePattern>,
    arguments: Vec<Argument>,
    environment: Vec<Pattern>,
    redirect_to: Vec<Pattern>,
    line: Vec<Pattern>,
    device: Vec<Vec<Box<[u8]>>>,
    non_ascii: bool,
    /// Asks for something that is only in text.
    text: bool,
}

#[derive(Debug)]
struct FilePattern {
    path: Pattern,
    /// Of its last component: a program is mostly typed without its directory.
    name: Pattern,
}

#[derive(Debug)]
enum Argument {
    Each(Pattern),
    At(usize, Pattern),
    Joined(Pattern),
    Flags(Vec<Flag>),
}

#[derive(Debug)]
enum Flag {
    /// `-x`, alone or among others.
    Short(u8),
    /// `--long`, `--long=…`, and words like find's `-delete`.
    Long(Box<[u8]>),
}

/// Where a fault was: the field, the index in it, and what is wrong.
type FieldFault = (&'static str, usize, String);

impl Matcher {
    /// Compiles; what cannot be compiled any more counts as what is safe.
    pub(crate) fn new(item: &Match) -> Self {
        Self::compile(item, &mut Vec::new())
    }

    /// What cannot be compiled.
    pub(crate) fn faults(item: &Match) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        Self::compile(item, &mut faults);
        faults
    }

    fn compile(item: &Match, faults: &mut Vec<FieldFault>) -> Self {
        let case = item.ignore_case;
        let mut keep = |field, index, pattern: Result<Pattern, String>| {
            pattern.unwrap_or_else(|what| {
                faults.push((field, index, what));
                Pattern::Broken
            })
        };
        let (mut names, mut typed_paths) = (Vec::new(), Vec::new());
        for (index, program) in item.programs.iter().enumerate() {
            let (text, glob) = match program {
                crate::rules::NamedPattern::Glob(glob) => (glob, true),
                crate::rules::NamedPattern::Regex { regex } => (regex, false),
            };
            let path = text.contains('/');
            let pattern =
                if path && glob { Pattern::glob(text, Star::Component, case) } else { named(program, case) };
            let pattern = keep("programs", index, pattern);
            if path { typed_paths.push(pattern) } else { names.push(pattern) }
        }
        let mut list = |field: &'static str, entries: &[String], star: Option<Star>| -> Vec<Pattern> {
            let compiled = entries.iter().enumerate().map(|(index, entry)| {
                let pattern = match star {
                    Some(star) => Pattern::glob(entry, star, case),
                    None => Pattern::regex(entry, case),
                };
                keep(field, index, pattern)
            });
            compiled.collect()
        };
        let redirect_to = list("redirect_to", &item.redirect_to, Some(Star::Component));
        let line = list("line", &item.line, None);
        let paths = list("paths", &item.paths, Some(Star::Component));
        let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let lasts = item
            .paths
            .iter()
            .map(|path| Pattern::glob(&last(path), Star::Component, case).unwrap_or(Pattern::Broken));
        let paths = paths.into_iter().zip(lasts).map(|(path, name)| FilePattern { path, name }).collect();
        let environment = item.environment.iter().enumerate();
        let environment = environment.map(|(at, name)| keep("environment", at, named(name, case))).collect();
        let arguments = item.arguments.iter().enumerate();
        let arguments =
            arguments.map(|(at, entry)| Argument::new(entry, case, |p| keep("arguments", at, p))).collect();
        Self {
            names,
            typed_paths,
            paths,
            arguments,
            environment,
            redirect_to,
            line,
            device: item.device.iter().map(|words| device_words(words)).collect(),
            non_ascii: item.non_ascii,
            text: !(item.redirect_to.is_empty() && item.line.is_empty() && item.device.is_empty()),
        }
    }

    /// The only names that it can match, when they are plain ones.
    pub(crate) fn plain_names(&self) -> Option<Vec<&[u8]>> {
        if self.names.is_empty() || !self.typed_paths.is_empty() {
            return None;
        }
        self.names.iter().map(Pattern::exact).collect()
    }

    /// `tight` is for rules that allow: only the true name counts, and `Perhaps` is no.
    pub(crate) fn matches(&self, view: &View<'_>, tight: bool) -> Answer {
        if self.text && view.line.is_none() {
            return Answer::No;
        }
        let mut least = self.program(view, tight);
        let conditions: [&dyn Fn() -> Answer; 7] = [
            &|| self.file(view, tight),
            &|| self.environment(view, tight),
            &|| self.redirects(view, tight),
            &|| Answer::from(self.line_matches(view, tight)),
            &|| Answer::from(self.device.is_empty() || self.device_matches(view)),
            &|| self.foreign_letters(view),
            &|| self.arguments.iter().map(|one| one.matches(view, tight)).min().unwrap_or(Answer::Yes),
        ];
        for condition in conditions {
            if least == Answer::No {
                return least;
            }
            least = least.min(condition());
        }
        if tight && least == Answer::Perhaps { Answer::No } else { least }
    }

    fn program(&self, view: &View<'_>, tight: bool) -> Answer {
        if self.names.is_empty() && self.typed_paths.is_empty() {
            return Answer::Yes;
        }
        if !view.known {
            return Answer::Perhaps;
        }
        let named = |name: &[u8]| self.names.iter().any(|pattern| pattern.matches(name, !tight));
        let located = |path: &[u8]| self.typed_paths.iter().any(|pattern| pattern.matches(path, !tight));
        Answer::from(if tight {
            view.own_name.is_some_and(named) || view.own_path.is_some_and(located)
        } else {
            view.names().any(named) || view.paths.iter().flatten().any(|path| located(path))
        })
    }

    fn file(&self, view: &View<'_>, tight: bool) -> Answer {
        if self.paths.is_empty() {
            return Answer::Yes;
        }
        if !view.known {
            return Answer::Perhaps;
        }
        let located = |path: &[u8]| self.paths.iter().any(|pattern| pattern.path.matches(path, !tight));
        if tight {
            return Answer::from(view.own_path.is_some_and(located));
        }
        // In text only the name is sure; the directory is what PATH and links make of it.
        let named = |name: &[u8]| self.paths.iter().any(|pattern| pattern.name.matches(name, true));
        let typed = view.line.is_some() && view.names().any(named);
        Answer::from(typed || view.paths.iter().flatten().any(|path| located(path)))
    }

    fn environment(&self, view: &View<'_>, tight: bool) -> Answer {
        let named = |name: &[u8]| self.environment.iter().any(|pattern| pattern.matches(name, !tight));
        Answer::from(self.environment.is_empty() || view.environment.names().any(named))
    }

    fn redirects(&self, view: &View<'_>, tight: bool) -> Answer {
        if self.redirect_to.is_empty() {
            return Answer::Yes;
        }
        let written = view.redirects.iter().filter(|redirect| redirect.writes);
        let answers = written.map(|redirect| match redirect.target.known() {
            None => Answer::Perhaps,
            Some(path) => Answer::from(self.redirect_to.iter().any(|pattern| pattern.matches(path, !tight))),
        });
        answers.max().unwrap_or(Answer::No)
    }

    fn foreign_letters(&self, view: &View<'_>) -> Answer {
        match self.non_ascii && !view.non_ascii {
            true if view.known => Answer::No,
            true => Answer::Perhaps,
            false => Answer::Yes,
        }
    }

    pub(super) fn looks_at_line(&self) -> bool {
        !self.line.is_empty()
    }

    pub(super) fn line_matches(&self, view: &View<'_>, tight: bool) -> bool {
        let line = view.line.unwrap_or_default().as_bytes();
        self.line.is_empty() || self.line.iter().any(|pattern| pattern.matches(line, !tight))
    }

    fn device_matches(&self, view: &View<'_>) -> bool {
        view.device.is_some_and(|typed| self.device.iter().any(|words| abbreviates(typed, words)))
    }
}

/// Words of a device command in small letters.
fn device_words(words: &str) -> Vec<Box<[u8]>> {
    words.split_whitespace().map(|word| word.to_ascii_lowercase().into_bytes().into()).collect()
}

/// Shortest abbreviation of a word: with one letter no device knows which word is meant.
const SHORTEST: usize = 2;

/// Whether `typed` begins with `words`, each whole or abbreviated; `*` stands for any word. A leading `do`
/// (configuration modes) is not counted.
fn abbreviates(typed: &[Vec<u8>], words: &[Box<[u8]>]) -> bool {
    let typed = match typed {
        [first, rest @ ..] if first.eq_ignore_ascii_case(b"do") => rest,
        all => all,
    };
    let same = |typed: &[u8], word: &[u8]| {
        word == b"*"
            || typed.eq_ignore_ascii_case(word)
            || (typed.len() >= SHORTEST
                && typed.len() < word.len()
                && word[..typed.len()].eq_ignore_ascii_case(typed))
    };
    typed.len() >= words.len() && typed.iter().zip(words).all(|(typed, word)| same(typed, word))
}

impl Argument {
    fn new(
        entry: &ArgumentPattern,
        case: bool,
        mut keep: impl FnMut(Result<Pattern, String>) -> Pattern,
    ) -> Self {
        if !entry.flags.is_empty() {
            return Self::Flags(entry.flags.iter().map(|flag| Flag::new(flag)).collect());
        }
        let pattern = match (&entry.glob, &entry.regex) {
            (Some(glob), _) => Pattern::glob(glob, Star::Anything, case),
            (None, Some(regex)) => Pattern::regex(regex, case),
            (None, None) => Ok(Pattern::Broken),
        };
        let pattern = keep(pattern);
        match entry.at {
            _ if entry.joined => Self::Joined(pattern),
            Some(at) => Self::At(at.into(), pattern),
            None => Self::Each(pattern),
        }
    }

    fn matches(&self, view: &View<'_>, tight: bool) -> Answer {
        let unless_unknown = |found: bool| match found {
            true => Answer::Yes,
            false if view.arguments.iter().any(|argument| !argument.known) => Answer::Perhaps,
            // Of a program that is not known, neither are the arguments.
            false if !view.known && view.line.is_some() => Answer::Perhaps,
            false => Answer::No,
        };
        // What is not known counts as it was typed, but not where something is allowed.
        let mut usable = view.arguments.iter().filter(|one| one.known || !tight).map(|one| one.bytes);
        match self {
            Self::Each(pattern) => unless_unknown(usable.any(|one| pattern.matches(one, !tight))),
            Self::Flags(flags) => unless_unknown(usable.any(|one| flags.iter().any(|flag| flag.is_in(one)))),
            Self::At(at, pattern) => {
                let operands = view.arguments.iter().filter(|one| !one.known || !one.bytes.starts_with(b"-"));
                let (mut last, mut count) = (None, 0);
                for operand in operands.take(*at) {
                    if !operand.known {
                        return Answer::Perhaps;
                    }
                    (last, count) = (Some(operand.bytes), count + 1);
                }
                match last.filter(|_| count == *at) {
                    Some(operand) => Answer::from(pattern.matches(operand, !tight)),
                    None => unless_unknown(false),
                }
            }
            Self::Joined(pattern) => {
                let all = usable.collect::<Vec<_>>().join(&b' ');
                unless_unknown(pattern.matches(&all, !tight))
            }
        }
    }
}

impl Flag {
    fn new(flag: &str) -> Self {
        match flag.as_bytes() {
            [b'-', letter] => Self::Short(*letter),
            long => Self::Long(long.into()),
        }
    }

    fn is_in(&self, argument: &[u8]) -> bool {
        match self {
            Self::Short(letter) => {
                argument.len() >= 2
                    && argument[0] == b'-'
                    && argument[1] != b'-'
                    && argument[1..].contains(letter)
            }
            Self::Long(long) => {
                argument == &**long
                    || argument.strip_prefix(&**long).is_some_and(|rest| rest.starts_with(b"="))
            }
        }
    }
}
