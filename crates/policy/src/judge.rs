//! Rules in scope, compiled, and the verdict that they give.

mod compiled;
pub(crate) mod matcher;
mod view;

use std::collections::{BTreeMap, HashMap};

use crate::action::{Action, Door};
use crate::exec::ExecFacts;
use crate::facts::{Fact, Facts, Kind};
use crate::rules::{Defaults, RuleSet, Text};
use crate::subject::Subject;
use crate::time;
use crate::verdict::{Judged, Verdict, Would};

use compiled::{Compiled, in_dry_run, in_scope, scope_windows};
use matcher::Answer;
use view::View;

/// What the rules say to one subject. Rules that can never hold for it are left out; those whose program has a
/// plain name are found by that name.
#[derive(Debug)]
pub struct Judge {
    door: Door,
    /// By (priority, id).
    rules: Vec<Compiled>,
    by_name: HashMap<Box<[u8]>, Vec<u32>>,
    /// Rules that may match any name.
    others: Vec<u32>,
    /// Rules that look at the whole line: asked once for all its facts.
    of_line: Vec<u32>,
    /// Of this subject's scopes, in their order, and last the one for everybody.
    defaults: Vec<Fallback>,
    /// Nothing is enforced for this subject.
    dry_run: bool,
    now: i64,
    offsets: BTreeMap<String, i32>,
}

/// What holds where no rule does, at some times.
#[derive(Debug)]
struct Fallback {
    windows: Vec<time::Window>,
    defaults: Defaults,
    /// Where it stands in the set's `defaults`; none is the set's `default`.
    place: Option<usize>,
}

/// One fact's way through the rules.
struct Asked<'a> {
    rule: Option<&'a Compiled>,
    judged: Judged,
}

impl Judge {
    pub(crate) fn new(set: &RuleSet, subject: &Subject) -> Self {
        let groups = crate::rules::own_groups(set);
        let mut compiled = compiled::Groups::new(&groups);
        let mut in_order: Vec<_> = set.rules.iter().collect();
        in_order.sort_by(|a, b| (a.priority, &a.id).cmp(&(b.priority, &b.id)));
        let rules: Vec<Compiled> = in_order
            .into_iter()
            .filter(|rule| rule.enabled && in_scope(&rule.scope, subject))
            .map(|rule| Compiled::new(rule, &mut compiled))
            .collect();
        let mut by_name: HashMap<Box<[u8]>, Vec<u32>> = HashMap::new();
        let mut others = Vec::new();
        let mut of_line = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let index = u32::try_from(index).expect("at most 10,000 rules");
            if rule.looks_at_line() {
                of_line.push(index);
            }
            match rule.plain_names() {
                Some(names) => {
                    for name in names {
                        by_name.entry(name.into()).or_default().push(index);
                    }
                }
                None => others.push(index),
            }
        }
        let scoped = set.defaults.iter().enumerate();
        let scoped = scoped.filter(|(_, default)| in_scope(&default.scope, subject));
        let mut defaults: Vec<_> = scoped
            .map(|(place, default)| Fallback {
                windows: scope_windows(&default.scope),
                defaults: Defaults { action: default.action, unknown: default.unknown },
                place: Some(place),
            })
            .collect();
        defaults.push(Fallback { windows: Vec::new(), defaults: set.default, place: None });
        Self {
            door: subject.door,
            rules,
            by_name,
            others,
            of_line,
            defaults,
            dry_run: in_dry_run(&set.dry_run, subject),
            now: subject.now,
            offsets: subject.offsets.clone(),
        }
    }

    /// Moves the clock: seconds since 1970. Only rules with time windows look at it.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// Where it judges.
    pub fn door(&self) -> Door {
        self.door
    }

    /// How many rules are in scope.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// What a shell would run for this line. Needs no rules.
    pub fn facts(line: &str) -> Facts {
        crate::facts::of_line(line)
    }

    /// The verdict on a line of shell.
    pub fn line(&self, line: &str) -> Verdict {
        self.on_facts(line, &Self::facts(line))
    }

    /// The verdict on a line whose facts are known already.
    pub fn on_facts(&self, line: &str, facts: &Facts) -> Verdict {
        let asked: Vec<_> = facts.facts.iter().map(|fact| View::of_fact(fact, line)).collect();
        let unknown = |index: usize| is_unknown(&facts.facts[index]);
        self.verdict(&asked, unknown)
    }

    /// The verdict on one program start, on what the kernel has. No parser.
    pub fn exec(&self, facts: &ExecFacts<'_>) -> Verdict {
        self.verdict(&[View::of_exec(facts)], |_| false)
    }

    /// The verdict on a command for a network device: text that is not shell.
    pub fn device_line(&self, line: &str) -> Verdict {
        let words: Vec<Vec<u8>> = line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        if words.is_empty() {
            return self.verdict(&[], |_| false);
        }
        self.verdict(&[View::of_device(&words, line)], |_| false)
    }

    fn verdict(&self, views: &[View<'_>], unknown: impl Fn(usize) -> bool) -> Verdict {
        let mut would = Vec::new();
        let mut strictest: Option<(usize, Asked<'_>)> = None;
        let mut facts = Vec::with_capacity(views.len());
        let ruled_out = self.ruled_out(views);
        for (index, view) in views.iter().enumerate() {
            let asked = self.ask(view, unknown(index), &ruled_out, &mut would);
            facts.push(asked.judged.clone());
            if strictest.as_ref().is_none_or(|(_, so_far)| asked.judged.action > so_far.judged.action) {
                strictest = Some((index, asked));
            }
        }
        let Some((index, asked)) = strictest else {
            return Verdict {
                action: Action::Allow,
                rule: None,
                reason: None,
                fact: None,
                facts,
                dry_run: would,
            };
        };
        let mut verdict = Verdict {
            action: asked.judged.action,
            rule: asked.judged.rule,
            reason: asked.rule.and_then(Compiled::reason),
            fact: Some(index),
            facts,
            dry_run: would,
        };
        if self.dry_run && verdict.action != Action::Allow {
            verdict.dry_run.push(Would { rule: verdict.rule.take(), action: verdict.action });
            verdict.action = Action::Allow;
            verdict.reason = None;
        }
        verdict
    }

    fn fallback(&self) -> Option<&Fallback> {
        let open = |windows: &[time::Window]| time::open(windows, self.now, &self.offsets).unwrap_or(false);
        self.defaults.iter().find(|one| open(&one.windows))
    }

    fn defaults(&self) -> Defaults {
        self.fallback().map(|one| one.defaults).unwrap_or_default()
    }

    /// Which of the set's scoped `defaults` holds for this subject now; none is the `default` for everybody.
    pub fn scoped_default(&self) -> Option<usize> {
        self.fallback().and_then(|one| one.place)
    }

    /// By rule: its expressions on the line are not in it. Empty where one fact is all there is.
    fn ruled_out(&self, views: &[View<'_>]) -> Vec<bool> {
        let [first, _, ..] = views else { return Vec::new() };
        let mut out = Vec::new();
        for index in &self.of_line {
            let index = *index as usize;
            out.resize(out.len().max(index + 1), false);
            out[index] = !self.rules[index].line_holds(first);
        }
        out
    }

    fn ask(&self, view: &View<'_>, unknown: bool, ruled_out: &[bool], would: &mut Vec<Would>) -> Asked<'_> {
        let defaults = self.defaults();
        let mut perhaps: Option<&Compiled> = None;
        let mut decided: Option<&Compiled> = None;
        for (index, rule) in self.candidates(view) {
            if ruled_out.get(index).is_some_and(|out| *out) || !self.holds_now(rule) {
                continue;
            }
            match rule.matches(view) {
                Answer::No => {}
                Answer::Perhaps => {
                    if !rule.dry && perhaps.is_none_or(|so_far| rule.action > so_far.action) {
                        perhaps = Some(rule);
                    }
                }
                Answer::Yes if rule.dry => {
                    let entry = Would { rule: Some(rule.id.to_string()), action: rule.action };
                    if !would.contains(&entry) {
                        would.push(entry);
                    }
                }
                Answer::Yes => {
                    decided = Some(rule);
                    break;
                }
            }
        }
        let default = if unknown { defaults.unknown } else { defaults.action };
        let action = decided.map_or(default, |rule| rule.action);
        let mut judged = Judged { action, rule: decided.map(|rule| rule.id.to_string()), perhaps: None };
        if let Some(rule) = perhaps {
            let raised = rule.action.min(defaults.unknown);
            if raised > action {
                judged = Judged { action: raised, rule: None, perhaps: Some(rule.id.to_string()) };
                return Asked { rule: None, judged };
            }
        }
        Asked { rule: decided, judged }
    }

    fn holds_now(&self, rule: &Compiled) -> bool {
        // A zone that nobody told: what allows does not hold, what restricts does.
        let open = time::open(&rule.windows, self.now, &self.offsets);
        open.unwrap_or(rule.action != Action::Allow)
    }

    /// Rules that may match, in their order.
    fn candidates<'a>(&'a self, view: &View<'_>) -> impl Iterator<Item = (usize, &'a Compiled)> + use<'a> {
        let mut found: Vec<u32> = if view.known {
            let named = view.names().filter_map(|name| self.by_name.get(name));
            named.flatten().chain(&self.others).copied().collect()
        } else {
            (0..u32::try_from(self.rules.len()).expect("at most 10,000 rules")).collect()
        };
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| (index as usize, &self.rules[index as usize]))
    }
}

fn is_unknown(fact: &Fact) -> bool {
    fact.kind == Kind::Unknown || fact.unknown.is_some()
}

impl Text {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.en.is_empty() && self.zh.is_empty()
    }
}
