//! From the syntax tree to facts: every command, wherever it stands.

use brush_parser::ast::{
    AndOr, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CommandSuffix, CompoundCommand,
    CompoundList, ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline,
    SimpleCommand, SubshellCommand, Word as AstWord,
};
use brush_parser::{ParserOptions, parse_tokens, uncached_tokenize_str};

use super::quoting::{self, Inner};
use super::words::{assigned, is_descriptor, single, words};
use super::{Fact, Kind, Redirect, Unknown, Word, fence, shortened, unwrap};

/// Facts of one line; more are one unknown fact. Ten thousand arguments are one fact.
const MAX_FACTS: usize = 2000;
/// Text that is parsed for one line, in bytes: what is nested is parsed once on each level.
const MAX_PARSED: usize = 64 * fence::MAX_LINE;

/// How deep a walk may go. It depends on the stack that it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) depth: usize,
    pub(super) openers: usize,
}

/// The walk over one line.
pub(super) struct Walk {
    pub(super) facts: Vec<Fact>,
    limits: Limits,
    depth: usize,
    parsed: usize,
    /// A limit was met that a larger stack would allow.
    pub(super) too_deep: bool,
}

/// A command on its way to become a fact.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) words: Vec<Word>,
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) redirects: Vec<Redirect>,
    pub(super) via: Vec<String>,
    /// What stands on its standard input.
    pub(super) input: Input,
    /// Why the first word is unknown.
    pub(super) why: Option<Unknown>,
}

/// Where a command reads from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Input {
    #[default]
    Terminal,
    /// Another command, or a file.
    Elsewhere,
    /// Text in the line itself.
    Text(Word),
}

impl Walk {
    pub(super) fn new(limits: Limits) -> Self {
        Self { facts: Vec::new(), limits, depth: 0, parsed: 0, too_deep: false }
    }

    pub(super) fn push(&mut self, fact: Fact) {
        if self.facts.len() < MAX_FACTS {
            self.facts.push(fact);
        } else if self.facts.len() == MAX_FACTS {
            self.facts.push(Fact::unknown(Unknown::TooLong, ""));
        }
    }

    pub(super) fn unknown(&mut self, why: Unknown, raw: &str, via: &[String]) {
        let mut fact = Fact::unknown(why, raw);
        fact.via = via.to_vec();
        self.push(fact);
    }

    /// Goes one level down, unless it is the last.
    pub(super) fn deeper(&mut self, raw: &str, via: &[String], walk: impl FnOnce(&mut Self)) {
        if self.depth >= self.limits.depth {
            self.too_deep = true;
            return self.unknown(Unknown::TooDeep, raw, via);
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    /// Commands as text.
    pub(super) fn program(&mut self, text: &str, via: &[String]) {
        self.deeper(text, via, |walk| match walk.parse(text) {
            Ok(program) => {
                for list in &program.complete_commands {
                    walk.list(list, via);
                }
            }
            Err(why) => walk.unknown(why, text, via),
        });
    }

    fn parse(&mut self, text: &str) -> Result<brush_parser::ast::Program, Unknown> {
        self.parsed = self.parsed.saturating_add(text.len());
        if text.len() > fence::MAX_LINE || self.parsed > MAX_PARSED {
            return Err(Unknown::TooLong);
        }
        if fence::openers(text) > self.limits.openers {
            self.too_deep = true;
            return Err(Unknown::TooDeep);
        }
        let options = ParserOptions::default();
        // The parser has a few `unwrap`s; what makes one fail is not a command anybody needs. And it writes what
        // it reads into the log of who listens at its level, where what is typed must not be.
        let parsed = std::panic::catch_unwind(|| {
            tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
                let tokens = uncached_tokenize_str(text, &options.tokenizer_options())
                    .map_err(|_| Unknown::Unreadable)?;
                fence::check(&tokens)?;
                let tokens = fence::separate_subshells(tokens);
                parse_tokens(&tokens, &options).map_err(|_| Unknown::Unreadable)
            })
        });
        parsed.unwrap_or(Err(Unknown::Unreadable))
    }

    fn list(&mut self, list: &CompoundList, via: &[String]) {
        for item in &list.0 {
            self.pipeline(&item.0.first, via);
            for next in &item.0.additional {
                let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
                self.pipeline(pipeline, via);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, via: &[String]) {
        for (index, command) in pipeline.seq.iter().enumerate() {
            let input = if index > 0 { Input::Elsewhere } else { Input::Terminal };
            match command {
                Command::Simple(simple) if index == 0 && pipeline.timed.is_some() => {
                    self.simple(&timed(simple), input, via);
                }
                Command::Simple(simple) => self.simple(simple, input, via),
                Command::Compound(compound, redirects) => {
                    self.deeper("", via, |walk| walk.compound(compound, via));
                    self.effects(redirects.iter().flat_map(|list| &list.0), via);
                }
                Command::Function(function) => {
                    self.deeper("", via, |walk| walk.compound(&function.body.0, via));
                    self.effects(function.body.1.iter().flat_map(|list| &list.0), via);
                }
                Command::ExtendedTest(test, redirects) => {
                    self.test(&test.expr, via);
                    self.effects(redirects.iter().flat_map(|list| &list.0), via);
                }
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, via: &[String]) {
        match compound {
            CompoundCommand::Arithmetic(command) => {
                let inside = &command.expr.value;
                if fence::may_be_command(inside) {
                    self.program(inside, via);
                } else {
                    self.inner(quoting::text(inside), via);
                }
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.inner(quoting::text(&part.value), via);
                }
                self.list(&clause.body.list, via);
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list, via),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list, via),
            CompoundCommand::ForClause(clause) => {
                for word in clause.values.iter().flatten() {
                    self.inner(quoting::word(&word.value).inner, via);
                }
                self.list(&clause.body.list, via);
            }
            CompoundCommand::CaseClause(clause) => {
                self.inner(quoting::word(&clause.value.value).inner, via);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.inner(quoting::word(&pattern.value).inner, via);
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list, via);
                    }
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, via);
                self.list(&clause.then, via);
                for part in clause.elses.iter().flatten() {
                    if let Some(condition) = &part.condition {
                        self.list(condition, via);
                    }
                    self.list(&part.body, via);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, via);
                self.list(&clause.1.list, via);
            }
            CompoundCommand::Coprocess(coprocess) => {
                let seq = vec![(*coprocess.body).clone()];
                self.pipeline(&Pipeline { timed: None, bang: false, seq }, via);
            }
        }
    }

    fn test(&mut self, expression: &ExtendedTestExpr, via: &[String]) {
        self.deeper("[[", via, |walk| match expression {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                walk.test(left, via);
                walk.test(right, via);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => walk.test(inner, via),
            ExtendedTestExpr::UnaryTest(_, word) => walk.inner(quoting::word(&word.value).inner, via),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                walk.inner(quoting::word(&left.value).inner, via);
                walk.inner(quoting::word(&right.value).inner, via);
            }
        });
    }

    /// Redirections and assignments without a command.
    fn effects<'a>(&mut self, redirects: impl Iterator<Item = &'a IoRedirect>, via: &[String]) {
        let mut call = Call::default();
        for redirect in redirects {
            self.redirect(redirect, &mut call, via);
        }
        self.effect(call, via);
    }

    fn effect(&mut self, call: Call, via: &[String]) {
        if call.assignments.is_empty() && call.redirects.is_empty() {
            return;
        }
        let mut fact = Fact::new(Kind::Effect, Word::Known(Vec::new()));
        fact.assignments = call.assignments;
        fact.redirects = call.redirects;
        fact.via = via.to_vec();
        self.push(fact);
    }

    fn simple(&mut self, simple: &SimpleCommand, input: Input, via: &[String]) {
        let mut call = Call { input, via: via.to_vec(), ..Call::default() };
        let mut inner = Vec::new();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut call, &mut inner, true);
        }
        if let Some(word) = &simple.word_or_name {
            call.why = words(&word.value, &mut call.words, &mut inner);
            // A pattern only where the shell has extended ones; else `!` and a subshell.
            if let Some(subshell) = word.value.strip_prefix('!').filter(|rest| rest.starts_with('(')) {
                self.program(subshell, via);
            }
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut call, &mut inner, false);
        }
        if call.words.is_empty() {
            for (name, value) in call.assignments.clone() {
                unwrap::assignment(self, &name, &value, via);
            }
            self.effect(call, via);
        } else {
            unwrap::call(self, call);
        }
        self.inner(inner, via);
    }

    fn item(&mut self, item: &Item, call: &mut Call, inner: &mut Vec<Inner>, prefix: bool) {
        let via = call.via.clone();
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect, call, &via),
            Item::Word(word) => {
                words(&word.value, &mut call.words, inner);
            }
            Item::AssignmentWord(assignment, word) => {
                let (name, value) = assigned(assignment, inner);
                if prefix {
                    call.assignments.push((name, value));
                } else {
                    // `export A=1`, but also `echo A=1`: an argument, and perhaps more.
                    let plain = matches!(assignment.value, AssignmentValue::Scalar(_));
                    if plain {
                        words(&word.value, &mut call.words, &mut Vec::new());
                    } else {
                        call.words.push(Word::Unknown(shortened(&word.value)));
                    }
                }
            }
            Item::ProcessSubstitution(_, subshell) => {
                call.words.push(Word::Unknown("<(…)".to_owned()));
                self.subshell(subshell, &via);
            }
        }
    }

    fn subshell(&mut self, subshell: &SubshellCommand, via: &[String]) {
        self.deeper("(", via, |walk| walk.list(&subshell.list, via));
    }

    fn redirect(&mut self, redirect: &IoRedirect, call: &mut Call, via: &[String]) {
        let mut inner = Vec::new();
        match redirect {
            IoRedirect::File(descriptor, kind, target) => {
                let input = descriptor.is_none_or(|descriptor| descriptor == 0);
                if matches!(kind, IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput) && input {
                    call.input = Input::Elsewhere;
                }
                let writes = !matches!(kind, IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput);
                match target {
                    IoFileRedirectTarget::Filename(word) => {
                        let target = single(&word.value, &mut inner);
                        call.redirects.push(Redirect { writes, target });
                    }
                    // `>&file` is one; `>&2` and `>&-` are not.
                    IoFileRedirectTarget::Duplicate(word) if !is_descriptor(&word.value) => {
                        let target = single(&word.value, &mut inner);
                        call.redirects.push(Redirect { writes, target });
                    }
                    IoFileRedirectTarget::Duplicate(_) | IoFileRedirectTarget::Fd(_) => {}
                    IoFileRedirectTarget::ProcessSubstitution(_, subshell) => self.subshell(subshell, via),
                }
            }
            IoRedirect::OutputAndError(word, _) => {
                let target = single(&word.value, &mut inner);
                call.redirects.push(Redirect { writes: true, target });
            }
            IoRedirect::HereString(_, word) => {
                call.input = Input::Text(single(&word.value, &mut inner));
            }
            IoRedirect::HereDocument(_, document) => {
                let text = &document.doc.value;
                let expansions = if document.requires_expansion { quoting::text(text) } else { Vec::new() };
                let plain = !document.requires_expansion || !text.contains(['$', '`', '\\']);
                call.input = Input::Text(match plain {
                    true => Word::from(text.as_str()),
                    false => Word::Unknown(shortened(text)),
                });
                inner.extend(expansions);
            }
        }
        self.inner(inner, via);
    }

    /// What stands inside words.
    fn inner(&mut self, inner: Vec<Inner>, via: &[String]) {
        for part in inner {
            match part {
                Inner::Commands(commands) => self.program(&commands, via),
                Inner::Text(text) if text.contains(['$', '`']) => {
                    self.deeper(&text, via, |walk| walk.inner(quoting::text(&text), via));
                }
                Inner::Text(_) => {}
            }
        }
    }
}

/// `time -f %e command`: only the program has options, and only some shells have the keyword.
fn timed(simple: &SimpleCommand) -> SimpleCommand {
    let mut simple = simple.clone();
    if let Some(first) = simple.word_or_name.take_if(|word| word.value.starts_with('-')) {
        simple.word_or_name = Some(AstWord::new("time"));
        let suffix = simple.suffix.get_or_insert_with(|| CommandSuffix(Vec::new()));
        suffix.0.insert(0, Item::Word(first));
    }
    simple
}
