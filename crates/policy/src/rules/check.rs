//! What a rule set must keep to. Everything that is wrong is told, with its place.

use std::collections::{BTreeMap, BTreeSet};

use super::{ArgumentPattern, CommandGroup, MAX_RULES, Match, NamedPattern, Rule, RuleSet, Scope};
use crate::action::Door;
use crate::fault::Faults;
use crate::judge::matcher::Matcher;
use crate::pattern::{MAX_PATTERN, Pattern, Star};
use crate::ready;
use crate::time::Window;

/// Entries of one list inside a rule: more belong into a command group, or into two rules.
const MAX_ENTRIES: usize = 1000;
/// Longest name or sentence, in bytes.
const MAX_TEXT: usize = 1000;

/// Whether patterns are compiled to see if they can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patterns {
    Compile,
    Trust,
}

/// The set's own groups.
pub(crate) fn own_groups(set: &RuleSet) -> BTreeMap<&str, &CommandGroup> {
    set.command_groups.iter().map(|group| (group.id.as_str(), group)).collect()
}

impl RuleSet {
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), Faults> {
        check(self, Patterns::Compile)
    }

    pub(crate) fn check_without_patterns(&self) -> Result<(), Faults> {
        check(self, Patterns::Trust)
    }
}

fn check(set: &RuleSet, patterns: Patterns) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if set.version != 1 {
        faults.add("version", "only version 1 is known");
    }
    for (name, length) in [
        ("rules", set.rules.len()),
        ("command_groups", set.command_groups.len()),
        ("defaults", set.defaults.len()),
    ] {
        if length > MAX_RULES {
            faults.add(name, format!("more than {MAX_RULES}"));
            return Err(faults);
        }
    }
    for (index, default) in set.defaults.iter().enumerate() {
        scope(&default.scope, &format!("defaults[{index}].scope"), &mut faults);
    }
    let mut ids = BTreeSet::new();
    for (index, group) in set.command_groups.iter().enumerate() {
        let place = format!("command_groups[{index}]");
        id(&group.id, &mut ids, &place, &mut faults);
        command_group(group, &place, patterns, &mut faults);
    }
    let own = own_groups(set);
    let mut named = set.rules.iter().flat_map(|rule| &rule.matches.groups);
    // A bundle brings along what it uses.
    let lends = patterns == Patterns::Compile && named.any(|name| !own.contains_key(name.as_str()));
    let ready = if lends { ready::groups() } else { Vec::new() };
    let mut groups: BTreeMap<_, _> = ready.iter().map(|group| (group.id.as_str(), group)).collect();
    groups.extend(own);
    let mut ids = BTreeSet::new();
    for (index, item) in set.rules.iter().enumerate() {
        let place = format!("rules[{index}]");
        id(&item.id, &mut ids, &place, &mut faults);
        rule(item, &groups, &place, &mut faults);
        matches(&item.matches, &format!("{place}.match"), patterns, &mut faults);
    }
    for (field, names) in [
        ("users", &set.dry_run.users),
        ("groups", &set.dry_run.groups),
        ("servers", &set.dry_run.servers),
        ("tags", &set.dry_run.tags),
    ] {
        globs(names, Star::Anything, &format!("dry_run.{field}"), &mut faults);
    }
    faults.none_or(())
}

fn id<'a>(id: &'a str, seen: &mut BTreeSet<&'a str>, place: &str, faults: &mut Faults) {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
        faults.add(format!("{place}.id"), "1 to 64 of a-z, 0-9 and -");
    } else if !seen.insert(id) {
        faults.add(format!("{place}.id"), format!("`{id}` is there twice"));
    }
}

fn rule(rule: &Rule, groups: &BTreeMap<&str, &CommandGroup>, place: &str, faults: &mut Faults) {
    if !(1..=100).contains(&rule.priority) {
        faults.add(format!("{place}.priority"), "between 1 and 100");
    }
    for (field, text) in
        [("name", &rule.name), ("reason.en", &rule.reason.en), ("reason.zh", &rule.reason.zh)]
    {
        if text.len() > MAX_TEXT {
            faults.add(format!("{place}.{field}"), format!("longer than {MAX_TEXT} bytes"));
        }
    }
    scope(&rule.scope, &format!("{place}.scope"), faults);
    let at_exec = rule.scope.doors.is_empty() || rule.scope.doors.contains(&Door::Exec);
    if at_exec {
        text_facts(&rule.matches, &format!("{place}.match"), faults);
    }
    for (index, name) in rule.matches.groups.iter().enumerate() {
        let place = format!("{place}.match.groups[{index}]");
        match groups.get(name.as_str()) {
            None => faults.add(place, format!("there is no command group `{name}`")),
            Some(group) if at_exec && group.commands.iter().all(needs_text) => {
                faults.add(place, format!("`{name}` needs the text of a line: {NAME_THE_DOORS}"));
            }
            Some(_) => {}
        }
    }
}

const NAME_THE_DOORS: &str =
    "not for the exec door; say `\"doors\": [\"line\", \"watched\"]` in the rule's scope";

fn needs_text(item: &Match) -> bool {
    !item.redirect_to.is_empty() || !item.line.is_empty() || !item.device.is_empty()
}

fn text_facts(item: &Match, place: &str, faults: &mut Faults) {
    for (field, used) in [
        ("redirect_to", !item.redirect_to.is_empty()),
        ("line", !item.line.is_empty()),
        ("device", !item.device.is_empty()),
    ] {
        if used {
            faults.add(format!("{place}.{field}"), format!("needs the text of a line: {NAME_THE_DOORS}"));
        }
    }
}

fn command_group(group: &CommandGroup, place: &str, patterns: Patterns, faults: &mut Faults) {
    if group.commands.is_empty() {
        faults.add(format!("{place}.commands"), "empty: it would match nothing");
    }
    if group.commands.len() > MAX_ENTRIES {
        faults.add(format!("{place}.commands"), format!("more than {MAX_ENTRIES}"));
        return;
    }
    for (index, item) in group.commands.iter().enumerate() {
        let place = format!("{place}.commands[{index}]");
        if !item.groups.is_empty() {
            faults.add(format!("{place}.groups"), "a group does not contain groups");
        }
        if item.any {
            faults.add(format!("{place}.any"), "only in a rule");
        }
        matches(item, &place, patterns, faults);
    }
}

fn scope(scope: &Scope, place: &str, faults: &mut Faults) {
    for (field, names) in [
        ("users", &scope.users),
        ("groups", &scope.groups),
        ("roles", &scope.roles),
        ("servers", &scope.servers),
        ("tags", &scope.tags),
        ("accounts", &scope.accounts),
    ] {
        globs(names, Star::Anything, &format!("{place}.{field}"), faults);
    }
    for (index, window) in scope.times.iter().enumerate() {
        if let Err((field, what)) = Window::read(window) {
            faults.add(format!("{place}.times[{index}].{field}"), what);
        }
    }
}

fn globs(globs: &[String], star: Star, place: &str, faults: &mut Faults) {
    if globs.len() > MAX_ENTRIES {
        faults.add(place, format!("more than {MAX_ENTRIES}"));
        return;
    }
    for (index, glob) in globs.iter().enumerate() {
        if let Err(what) = Pattern::glob(glob, star, false) {
            faults.add(format!("{place}[{index}]"), what);
        }
    }
}

fn matches(item: &Match, place: &str, patterns: Patterns, faults: &mut Faults) {
    let lists = [
        ("groups", item.groups.len()),
        ("programs", item.programs.len()),
        ("paths", item.paths.len()),
        ("arguments", item.arguments.len()),
        ("environment", item.environment.len()),
        ("redirect_to", item.redirect_to.len()),
        ("line", item.line.len()),
        ("device", item.device.len()),
    ];
    let empty = lists.iter().all(|(_, length)| *length == 0) && !item.non_ascii;
    if item.any && !empty {
        faults.add(format!("{place}.any"), "every command, and yet more is asked for");
    }
    if !item.any && empty {
        faults.add(place, "matches nothing; for every command say `\"any\": true`");
    }
    for (field, length) in lists {
        if length > MAX_ENTRIES {
            faults.add(format!("{place}.{field}"), format!("more than {MAX_ENTRIES}"));
            return;
        }
    }
    for (index, argument) in item.arguments.iter().enumerate() {
        self::argument(argument, &format!("{place}.arguments[{index}]"), faults);
    }
    for (index, path) in item.paths.iter().enumerate() {
        if !path.starts_with('/') && !path.starts_with("**") {
            faults.add(format!("{place}.paths[{index}]"), "a path begins with `/` or `**`");
        }
    }
    for (index, words) in item.device.iter().enumerate() {
        if words.split_whitespace().next().is_none() || words.len() > MAX_PATTERN {
            faults.add(format!("{place}.device[{index}]"), "words of a command, at most 1024 bytes");
        }
    }
    if patterns == Patterns::Compile {
        for (field, index, what) in Matcher::faults(item) {
            faults.add(format!("{place}.{field}[{index}]"), what);
        }
    }
}

fn argument(argument: &ArgumentPattern, place: &str, faults: &mut Faults) {
    let ways = [argument.glob.is_some(), argument.regex.is_some(), !argument.flags.is_empty()];
    if ways.iter().filter(|given| **given).count() != 1 {
        faults.add(place, "exactly one of `glob`, `regex` and `flags`");
    }
    if argument.joined && (argument.at.is_some() || !argument.flags.is_empty()) {
        faults.add(format!("{place}.joined"), "not together with `at` or `flags`");
    }
    if argument.at == Some(0) {
        faults.add(format!("{place}.at"), "the first argument is 1");
    }
    if argument.at.is_some() && !argument.flags.is_empty() {
        faults.add(format!("{place}.at"), "not together with `flags`");
    }
    for (index, flag) in argument.flags.iter().enumerate() {
        let name = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-')).unwrap_or("");
        if name.is_empty() || name.contains(['=', ' ']) || flag.len() > MAX_PATTERN {
            faults.add(format!("{place}.flags[{index}]"), "spelled `-x` or `--long`");
        }
    }
}

/// A pattern of a name, compiled.
pub(crate) fn named(pattern: &NamedPattern, ignore_case: bool) -> Result<Pattern, String> {
    match pattern {
        NamedPattern::Glob(glob) => Pattern::glob(glob, Star::Anything, ignore_case),
        NamedPattern::Regex { regex } => Pattern::regex(regex, ignore_case),
    }
}
