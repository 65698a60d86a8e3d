//! What a wrapper's arguments run.

use super::options::{Given, options};
use super::quoting::{self, Inner};
use super::walk::{Call, Input, Walk};
use super::wrappers::{self, Form, Wrapper};
use super::{Fact, Kind, Unknown, Word};
use crate::exec::{basename, is_loader};

/// A dynamic loader that is run as a program.
const LOADER: Wrapper = Wrapper {
    names: &[],
    values: &["--library-path", "--preload", "--argv0", "--audit", "--inhibit-rpath"],
    form: Form::Words { skip: 0, assignments: false },
};

/// A command with its words known: a fact, and what it wraps.
pub(super) fn call(walk: &mut Walk, mut call: Call) {
    for (name, value) in call.assignments.clone() {
        assignment(walk, &name, &value, &call.via);
    }
    let mut words = std::mem::take(&mut call.words).into_iter();
    let Some(program) = words.next() else { return };
    // zsh: `=rm` is the path of rm.
    let program = match program {
        Word::Known(name) if name.len() > 1 && name.starts_with(b"=") => Word::Known(name[1..].to_vec()),
        other => other,
    };
    let arguments: Vec<Word> = words.collect();
    let name = program.known().map(|program| String::from_utf8_lossy(basename(program)).into_owned());
    let row = name
        .as_deref()
        .and_then(|name| if is_loader(name.as_bytes()) { Some(&LOADER) } else { wrappers::find(name) });
    let kind = match (&name, row) {
        (None, _) => Kind::Unknown,
        (_, Some(row)) if row.form != Form::Declare => Kind::Wrapper,
        _ => Kind::Command,
    };
    let mut fact = Fact::new(kind, program);
    if name.is_none() {
        fact.unknown = Some(call.why.unwrap_or(Unknown::Variable));
    }
    fact.arguments = arguments.clone();
    fact.assignments = std::mem::take(&mut call.assignments);
    if row.is_some_and(|row| row.form == Form::Declare) {
        fact.assignments.extend(arguments.iter().filter_map(setting));
    }
    fact.redirects = std::mem::take(&mut call.redirects);
    fact.via = call.via.clone();
    walk.push(fact);
    if let (Some(name), Some(row)) = (name, row) {
        call.via.push(name.clone());
        let raw = name.clone();
        let via = call.via.clone();
        walk.deeper(&raw, &via, |walk| Unwrapping { walk, name: &name, row, call }.run(&arguments));
    }
}

/// A variable that is set, where its value is more than a value.
pub(super) fn assignment(walk: &mut Walk, name: &str, value: &Word, via: &[String]) {
    let via = [via, &[name.to_owned()]].concat();
    if wrappers::COMMAND_VARIABLES.contains(&name) {
        text(walk, std::slice::from_ref(value), &via);
    } else if wrappers::PROMPT_VARIABLES.contains(&name) {
        match value.known().map(String::from_utf8_lossy) {
            Some(value) => {
                for inner in quoting::text(&value) {
                    if let Inner::Commands(commands) = inner {
                        walk.program(&commands, &via);
                    }
                }
            }
            None => walk.unknown(Unknown::Evaluated, &value.text(), &via),
        }
    } else if wrappers::SCRIPT_VARIABLES.contains(&name) {
        walk.unknown(Unknown::Script, &value.text(), &via);
    }
}

/// Words that a shell puts together and reads again.
fn text(walk: &mut Walk, words: &[Word], via: &[String]) {
    let joined = words.iter().map(Word::text).collect::<Vec<_>>().join(" ");
    if words.iter().any(|word| word.known().is_none()) {
        walk.unknown(Unknown::Evaluated, &joined, via);
        match words {
            // `sh -c "rm $x"`: more can come out of it, but this is in it.
            [Word::Unknown(raw)] => {
                let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
                if let Some(inner) =
                    inner.filter(|inner| inner.starts_with(|c: char| c.is_alphabetic() || c == '/'))
                {
                    walk.program(inner, via);
                }
                return;
            }
            [first, ..] if first.known().is_some() => {}
            _ => return,
        }
    }
    if !joined.trim().is_empty() {
        walk.program(&joined, via);
    }
}

struct Unwrapping<'a> {
    walk: &'a mut Walk,
    name: &'a str,
    row: &'a Wrapper,
    call: Call,
}

impl Unwrapping<'_> {
    fn run(mut self, arguments: &[Word]) {
        let (at, given) = options(arguments, self.row.values, 0);
        match self.row.form {
            Form::Words { skip, assignments } => self.words(arguments, at, &given, (skip, assignments)),
            Form::Text { skip } => self.joined(arguments.get(at + skip..).unwrap_or_default()),
            Form::OptionText(_) if self.name == "trap" && arguments[..at].iter().any(is_dash) => {}
            Form::OptionText(_) if self.name == "trap" => {
                self.joined(arguments.get(at..(at + 1).min(arguments.len())).unwrap_or_default());
            }
            Form::OptionText(wanted) => {
                self.option_text(arguments, wanted);
            }
            Form::Either { option, skip } => {
                if !self.option_text(arguments, option) {
                    self.words(arguments, at, &given, (skip, false));
                }
            }
            Form::Shell => self.shell(arguments, at, &given),
            Form::Interpreter(code) => self.interpreter(arguments, at, code),
            Form::After(starts) => self.after(arguments, starts),
            Form::Subcommand { words, skip } => self.subcommand(arguments, at, words, skip),
            Form::SubcommandText { words } => self.subcommand_text(arguments, at, words),
            Form::Unknown(Unknown::Elsewhere) => self.elsewhere(arguments),
            Form::Unknown(why) => self.unknown(why, arguments),
            Form::Alias | Form::Declare => self.settings(arguments),
        }
    }

    fn unknown(&mut self, why: Unknown, words: &[Word]) {
        let raw = words.iter().map(Word::text).collect::<Vec<_>>().join(" ");
        self.walk.unknown(why, &super::shortened(&raw), &self.call.via);
    }

    fn joined(&mut self, words: &[Word]) {
        let separators: [&[u8]; 4] = [b":::", b"::::", b":::+", b"::::+"];
        let end = words.iter().position(|word| word.known().is_some_and(|word| separators.contains(&word)));
        let mut words = words[..end.unwrap_or(words.len())].to_vec();
        if self.name == "parallel" && !words.is_empty() {
            words.push(Word::Unknown("{}".to_owned()));
        }
        text(self.walk, &words, &self.call.via);
    }

    /// A command with arguments: `rest` as it stands.
    fn command(&mut self, rest: &[Word], assignments: Vec<(String, Word)>) {
        let Some(first) = rest.first() else { return };
        let why = first.known().is_none().then(|| guess(&first.text()));
        let inner = Call {
            words: rest.to_vec(),
            assignments,
            redirects: Vec::new(),
            via: self.call.via.clone(),
            input: self.call.input.clone(),
            why,
        };
        call(self.walk, inner);
    }

    fn words(&mut self, arguments: &[Word], at: usize, given: &[Given], form: (usize, bool)) {
        let (skip, assignments) = form;
        // `command -v` only says where a program is.
        let asks = |name: &str| given.iter().any(|(option, _)| option == name);
        if self.name == "command" && (asks("-v") || asks("-V")) {
            return;
        }
        let split = given.iter().find(|(option, _)| option == "-S" || option == "--split-string");
        let mut at = at + skip;
        let mut set = Vec::new();
        while let Some(word) = arguments.get(at).filter(|_| assignments) {
            let Some((name, value)) = setting(word) else { break };
            assignment(self.walk, &name, &value, &self.call.via);
            set.push((name, value));
            at += 1;
        }
        let mut rest = arguments.get(at..).unwrap_or_default().to_vec();
        if let Some((_, Some(value))) = split.filter(|_| self.name == "env") {
            rest.insert(0, value.clone());
            return text(self.walk, &rest, &self.call.via);
        }
        if matches!(self.name, "xargs" | "gxargs") && !rest.is_empty() {
            rest.push(Word::Unknown("…".to_owned()));
        }
        self.command(&rest, set);
    }

    /// Whether one of the options was there.
    fn option_text(&mut self, arguments: &[Word], wanted: &[&str]) -> bool {
        let mut found = false;
        let mut at = 0;
        // These programs take options after operands too.
        while at < arguments.len() {
            let (next, given) = options(arguments, self.row.values, at);
            for (option, value) in given {
                if wanted.contains(&option.as_str()) {
                    found = true;
                    let value = value.unwrap_or(Word::Unknown(String::new()));
                    let value = self.command_in(value);
                    text(self.walk, &[value], &self.call.via);
                }
            }
            at = next.max(at) + 1;
        }
        found
    }

    /// What is before the command in an option's value: tar's `exec=`, readline's `"keys":`.
    fn command_in(&self, value: Word) -> Word {
        let Some(bytes) = value.known() else { return value };
        let colon = bytes.iter().position(|byte| *byte == b':').filter(|_| self.name == "bind");
        match (bytes.strip_prefix(b"exec="), colon) {
            (Some(command), _) => Word::Known(command.to_vec()),
            (None, Some(colon)) => Word::Known(bytes[colon + 1..].to_vec()),
            (None, None) => value,
        }
    }

    fn shell(&mut self, arguments: &[Word], at: usize, given: &[Given]) {
        let long = given.iter().find(|(option, _)| option == "--command");
        if let Some((_, Some(value))) = long {
            return text(self.walk, std::slice::from_ref(value), &self.call.via);
        }
        let operand = arguments.get(at);
        if given.iter().any(|(option, _)| option == "-c") {
            return match operand {
                Some(command) => text(self.walk, std::slice::from_ref(command), &self.call.via),
                None => self.unknown(Unknown::Evaluated, arguments),
            };
        }
        let reads_input = given.iter().any(|(option, _)| option == "-s");
        match operand {
            Some(word) if !reads_input && word.known() != Some(b"-") => {
                self.unknown(Unknown::Script, arguments);
            }
            _ => self.input(true),
        }
    }

    /// What comes over standard input; a terminal brings nothing by itself.
    fn input(&mut self, is_shell: bool) {
        match self.call.input.clone() {
            Input::Terminal => {}
            Input::Text(word) if is_shell && word.known().is_some() => {
                text(self.walk, &[word], &self.call.via);
            }
            Input::Elsewhere | Input::Text(_) => self.unknown(Unknown::Input, &[]),
        }
    }

    fn interpreter(&mut self, arguments: &[Word], at: usize, code: &[&str]) {
        let has_code = arguments.iter().any(|word| {
            let word = word.text();
            code.iter().any(|option| {
                word == *option || (option.len() == 2 && word.len() > 2 && word.starts_with(option))
            })
        });
        if has_code {
            self.unknown(Unknown::Elsewhere, arguments);
        } else if arguments.get(at).is_none_or(|word| word.known() == Some(b"-")) {
            self.input(false);
        }
    }

    fn after(&mut self, arguments: &[Word], starts: &[&str]) {
        let is = |word: &Word, texts: &[&str]| texts.iter().any(|text| word.known() == Some(text.as_bytes()));
        let mut rest = arguments;
        while let Some(start) = rest.iter().position(|word| is(word, starts)) {
            rest = &rest[start + 1..];
            let ends = |at: usize| {
                is(&rest[at], &[";"]) || (is(&rest[at], &["+"]) && at > 0 && is(&rest[at - 1], &["{}"]))
            };
            let end = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len());
            let found = |word: &Word| match word.known() {
                Some(text) if text.windows(2).any(|pair| pair == b"{}") => Word::Unknown(word.text()),
                _ => word.clone(),
            };
            let command: Vec<Word> = rest[..end].iter().map(found).collect();
            self.command(&command, Vec::new());
            rest = &rest[end..];
        }
        if arguments.iter().any(|word| word.known().is_none() && word.text().starts_with('$')) {
            // It may become `-exec`.
            self.unknown(Unknown::Variable, arguments);
        }
    }

    fn subcommand(&mut self, arguments: &[Word], at: usize, words: &[&str], skip: usize) {
        let is_one = |word: &Word| words.iter().any(|text| word.known() == Some(text.as_bytes()));
        // `docker compose exec`, `docker container run`: within the first operands.
        let Some(found) = arguments.iter().skip(at).take(6).position(is_one).map(|found| found + at) else {
            return;
        };
        let dashes = arguments.iter().skip(found).position(|word| word.known() == Some(b"--"));
        let start = match dashes {
            Some(dashes) => found + dashes + 1,
            None => options(arguments, self.row.values, found + 1).0 + skip,
        };
        let rest = arguments.get(start..).unwrap_or_default().to_vec();
        let entry = options(arguments, self.row.values, found + 1).1;
        let entry = entry.into_iter().find(|(option, _)| option == "--entrypoint");
        if let Some((_, Some(entry))) = entry {
            return self.command(&[&[entry], &rest[..]].concat(), Vec::new());
        }
        self.command(&rest, Vec::new());
    }

    fn subcommand_text(&mut self, arguments: &[Word], at: usize, words: &[&str]) {
        let Some(word) = arguments.get(at) else { return };
        let Some(name) = words.iter().find(|name| word.known() == Some(name.as_bytes())) else { return };
        let elsewhere =
            ["send-keys", "send", "source-file", "source", "set-hook", "bind-key", "bind", "command-prompt"];
        if elsewhere.contains(name) {
            return self.unknown(Unknown::Elsewhere, arguments);
        }
        let (start, _) = options(arguments, self.row.values, at + 1);
        // An option with a value that the table does not have must not hide a command.
        for word in arguments.iter().skip(start + 1).filter(|word| word.text().contains(' ')) {
            text(self.walk, std::slice::from_ref(word), &self.call.via);
        }
        self.joined(arguments.get(start..).unwrap_or_default());
    }

    fn elsewhere(&mut self, arguments: &[Word]) {
        let lists = arguments
            .first()
            .is_some_and(|word| matches!(word.known(), Some(b"-l" | b"--version" | b"--help")));
        if lists && matches!(self.name, "at" | "crontab" | "fc" | "make") {
            return;
        }
        match self.call.input.clone() {
            Input::Text(word) if word.known().is_some() && matches!(self.name, "at" | "batch") => {
                return text(self.walk, &[word], &self.call.via);
            }
            _ => {}
        }
        let why = if matches!(self.name, "fc" | "r") { Unknown::History } else { Unknown::Elsewhere };
        self.unknown(why, arguments);
    }

    fn settings(&mut self, arguments: &[Word]) {
        let via = self.call.via.clone();
        for word in arguments {
            match setting(word) {
                Some((_, value)) if self.row.form == Form::Alias => text(self.walk, &[value], &via),
                Some((name, value)) => assignment(self.walk, &name, &value, &via[..via.len() - 1]),
                None if word.known().is_none() && self.row.form == Form::Alias => {
                    self.unknown(Unknown::Evaluated, std::slice::from_ref(word));
                }
                None => {}
            }
        }
    }
}

fn is_dash(word: &Word) -> bool {
    word.known() == Some(b"-")
}

/// `NAME=value`.
fn setting(word: &Word) -> Option<(String, Word)> {
    match word {
        Word::Known(bytes) => {
            let at = bytes.iter().position(|byte| *byte == b'=')?;
            let name = std::str::from_utf8(&bytes[..at]).ok()?;
            let plain = |c: char| c.is_alphanumeric() || "_+-.:".contains(c);
            let named = !name.is_empty() && !name.starts_with('-') && name.chars().all(plain);
            named.then(|| (name.to_owned(), Word::Known(bytes[at + 1..].to_vec())))
        }
        Word::Unknown(raw) => {
            let (name, value) = raw.split_once('=')?;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let named = !name.is_empty() && name.chars().all(plain);
            named.then(|| (name.to_owned(), Word::Unknown(value.to_owned())))
        }
    }
}

/// Why a word is unknown, from how it was typed.
fn guess(raw: &str) -> Unknown {
    if raw.contains("$(") || raw.contains('`') || raw.contains("<(") {
        Unknown::Substitution
    } else if raw.contains('$') || raw.contains("{}") {
        Unknown::Variable
    } else {
        Unknown::Glob
    }
}
