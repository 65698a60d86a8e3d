//! A rule in the form in which it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::matcher::{Answer, Matcher};
use super::view::View;
use crate::action::{Action, Mode};
use crate::pattern::{Pattern, Star};
use crate::rules::{CommandGroup, DryRun, Match, Rule, Scope, Text};
use crate::subject::Subject;
use crate::time::Window;

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) id: Box<str>,
    pub(super) action: Action,
    pub(super) dry: bool,
    pub(super) windows: Vec<Window>,
    reason: Text,
    /// What the rule itself asks for; none: only groups.
    own: Option<Matcher>,
    groups: Vec<Arc<[Matcher]>>,
}

/// Each group is compiled once, and only when a rule in scope names it.
pub(super) struct Groups<'a> {
    written: &'a BTreeMap<&'a str, &'a CommandGroup>,
    compiled: BTreeMap<String, Arc<[Matcher]>>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(written: &'a BTreeMap<&'a str, &'a CommandGroup>) -> Self {
        Self { written, compiled: BTreeMap::new() }
    }

    fn get(&mut self, name: &str) -> Arc<[Matcher]> {
        if let Some(group) = self.compiled.get(name) {
            return Arc::clone(group);
        }
        let commands = self.written.get(name).map(|group| group.commands.as_slice()).unwrap_or_default();
        let group: Arc<[Matcher]> = commands.iter().map(Matcher::new).collect();
        self.compiled.insert(name.to_owned(), Arc::clone(&group));
        group
    }
}

impl Compiled {
    pub(super) fn new(rule: &Rule, groups: &mut Groups<'_>) -> Self {
        let only_groups = Match { groups: rule.matches.groups.clone(), ..Match::default() };
        Self {
            id: rule.id.as_str().into(),
            action: rule.action,
            dry: rule.mode == Mode::DryRun,
            windows: scope_windows(&rule.scope),
            reason: rule.reason.clone(),
            own: (rule.matches != only_groups).then(|| Matcher::new(&rule.matches)),
            groups: rule.matches.groups.iter().map(|name| groups.get(name)).collect(),
        }
    }

    pub(super) fn reason(&self) -> Option<Text> {
        (!self.reason.is_empty()).then(|| self.reason.clone())
    }

    /// The names of the only programs that it can match; `None` when they cannot be listed.
    pub(super) fn plain_names(&self) -> Option<Vec<&[u8]>> {
        if let Some(names) = self.own.as_ref().and_then(Matcher::plain_names) {
            return Some(names);
        }
        if self.groups.is_empty() {
            return None;
        }
        let mut all = Vec::new();
        for matcher in self.groups.iter().flat_map(|group| group.iter()) {
            all.extend(matcher.plain_names()?);
        }
        Some(all)
    }

    pub(super) fn looks_at_line(&self) -> bool {
        self.own.as_ref().is_some_and(Matcher::looks_at_line)
    }

    /// Whether what the rule itself asks of the line is in it.
    pub(super) fn line_holds(&self, view: &View<'_>) -> bool {
        self.own.as_ref().is_none_or(|own| own.line_matches(view, self.action == Action::Allow))
    }

    pub(super) fn matches(&self, view: &View<'_>) -> Answer {
        let tight = self.action == Action::Allow;
        let own = self.own.as_ref().map_or(Answer::Yes, |own| own.matches(view, tight));
        if own == Answer::No || self.groups.is_empty() {
            return own;
        }
        let group = self.groups.iter().flat_map(|group| group.iter());
        let group = group.map(|matcher| matcher.matches(view, tight)).max().unwrap_or(Answer::No);
        own.min(group)
    }
}

/// Whether a scope holds for the subject at all; its time windows are asked later.
pub(super) fn in_scope(scope: &Scope, subject: &Subject) -> bool {
    one(&scope.users, [subject.user.as_str()])
        && one(&scope.groups, subject.groups.iter().map(String::as_str))
        && one(&scope.roles, subject.roles.iter().map(String::as_str))
        && one(&scope.servers, subject.server.as_deref())
        && one(&scope.tags, subject.tags.iter().map(String::as_str))
        && one(&scope.accounts, [subject.account.as_str()])
        && (scope.doors.is_empty() || scope.doors.contains(&subject.door))
}

pub(super) fn scope_windows(scope: &Scope) -> Vec<Window> {
    scope.times.iter().filter_map(|window| Window::read(window).ok()).collect()
}

pub(super) fn in_dry_run(dry: &DryRun, subject: &Subject) -> bool {
    any(&dry.users, [subject.user.as_str()])
        || any(&dry.groups, subject.groups.iter().map(String::as_str))
        || any(&dry.servers, subject.server.as_deref())
        || any(&dry.tags, subject.tags.iter().map(String::as_str))
}

fn one<'a>(globs: &[String], names: impl IntoIterator<Item = &'a str>) -> bool {
    globs.is_empty() || any(globs, names)
}

fn any<'a>(globs: &[String], names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| globs.iter().any(|glob| glob_matches(glob, name)))
}

fn glob_matches(glob: &str, name: &str) -> bool {
    Pattern::glob(glob, Star::Anything, false).is_ok_and(|glob| glob.matches(name.as_bytes(), false))
}
