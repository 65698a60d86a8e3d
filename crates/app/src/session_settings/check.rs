//! Whether settings can be kept to; every fault with its place.

use std::collections::BTreeSet;

use bastide_policy::{Fault, Faults};

use super::Scope;
use super::document::{Settings, Variable};

/// As many as a request for a session may bring.
const MAX_VARIABLES: usize = 256;
const MAX_NAME: usize = 128;
/// One packet takes it on the way to another machine (RFC 4253, section 6.1).
const MAX_VALUE: usize = 31 * 1024;
/// All values of a scope: together with those of the other scopes they stay below what execve(2) takes.
const MAX_VALUES: usize = 128 * 1024;
const MAX_PATTERNS: usize = 200;
const MAX_PATHS: usize = bastide_wire::spec::MAX_READ_ONLY;
const MAX_PATH: usize = 4096;
/// Below, no shell comes up.
const LEAST_MEMORY: u64 = 16 * 1024 * 1024;
const LEAST_FILES: u64 = 16;
/// The largest number that JSON carries everywhere (RFC 8259, section 6).
const MOST: u64 = (1 << 53) - 1;
/// Ten years: longer is for ever.
const LONGEST: u64 = 10 * 365 * 24 * 3600;
/// More than the session daemon has at all.
const MAX_SESSIONS: u32 = 10_000;

/// # Errors
/// Everything that is wrong.
pub(super) fn check(settings: &Settings, scope: Scope) -> Result<(), Faults> {
    let mut faults = Found(Vec::new());
    variables(&settings.environment, &mut faults);
    patterns("deny", &settings.deny, &mut faults);
    patterns("allow", settings.allow.as_deref().unwrap_or_default(), &mut faults);
    if settings.umask.as_deref().is_some_and(|umask| mask(umask).is_none()) {
        faults.add("umask", "three octal digits, such as 022");
    }
    numbers(settings, &mut faults);
    paths(&settings.read_only, &mut faults);
    match (settings.max_sessions, scope) {
        (Some(_), Scope::Server(_)) => {
            faults.add("max_sessions", "not for a server: for everybody, or for a person");
        }
        (Some(most), _) if most > MAX_SESSIONS => faults.add("max_sessions", "at most 10000"),
        _ => {}
    }
    faults.end()
}

/// Whether each secret without a value has one already.
///
/// # Errors
/// Those that have none.
pub(super) fn kept(settings: &Settings, before: &Settings) -> Result<(), Faults> {
    let mut faults = Found(Vec::new());
    for (index, variable) in settings.environment.iter().enumerate() {
        let was_secret = before.variable(&variable.name).is_some_and(|before| before.secret);
        if variable.value.is_none() && !(variable.secret && was_secret) {
            faults.add(format!("environment[{index}].value"), "there is none");
        }
    }
    faults.end()
}

/// The number that a umask's octal digits stand for.
pub(super) fn mask(digits: &str) -> Option<u32> {
    let octal = (1..=4).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mask = u32::from_str_radix(digits, 8).ok().filter(|_| octal)?;
    (mask <= 0o777).then_some(mask)
}

struct Found(Vec<Fault>);

impl Found {
    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Fault { place: place.into(), what: what.into() });
    }

    fn end(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(Faults(self.0)) }
    }
}

/// As a shell can name one.
fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn variables(environment: &[Variable], faults: &mut Found) {
    if environment.len() > MAX_VARIABLES {
        return faults.add("environment", "at most 256 variables");
    }
    let (mut names, mut together) = (BTreeSet::new(), 0);
    for (index, variable) in environment.iter().enumerate() {
        let name = format!("environment[{index}].name");
        if !is_name(&variable.name) {
            faults.add(name, "letters, digits and _, no digit first, at most 128");
        } else if variable.name.starts_with("BASTIDE_") {
            faults.add(name, "names that begin with BASTIDE_ are set by the session daemon");
        } else if bastide_wire::control::is_withheld(&variable.name) {
            faults.add(name, "no session gets it: it changes what programs load or run");
        } else if !names.insert(variable.name.as_str()) {
            faults.add(name, "it is there twice");
        }
        let value = variable.value.as_deref().unwrap_or_default();
        together += value.len();
        if value.len() > MAX_VALUE || value.contains('\0') {
            faults.add(format!("environment[{index}].value"), "at most 31744 bytes, and no NUL");
        }
    }
    if together > MAX_VALUES {
        faults.add("environment", "at most 128 KiB of values together");
    }
}

fn patterns(place: &str, patterns: &[String], faults: &mut Found) {
    if patterns.len() > MAX_PATTERNS {
        return faults.add(place, "at most 200 names");
    }
    // Names of functions that bash exports have a `%` (bash(1)).
    let fits = |pattern: &str| {
        let name = pattern.strip_suffix('*').unwrap_or(pattern);
        (1..=MAX_NAME).contains(&pattern.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_%".contains(&byte))
    };
    for (index, _) in patterns.iter().enumerate().filter(|(_, pattern)| !fits(pattern)) {
        faults.add(format!("{place}[{index}]"), "a name of a variable, with a * at its end or without");
    }
}

fn numbers(settings: &Settings, faults: &mut Found) {
    let (limits, group) = (&settings.limits, &settings.limits.group);
    let bounds = [
        ("limits.open_files", limits.open_files, LEAST_FILES, MOST),
        ("limits.processes", limits.processes, 1, MOST),
        ("limits.memory", limits.memory, LEAST_MEMORY, MOST),
        ("limits.file_size", limits.file_size, 0, MOST),
        ("limits.cpu_seconds", limits.cpu_seconds, 1, MOST),
        // The shell and what it runs.
        ("limits.group.processes", group.processes, 2, MOST),
        ("limits.group.memory", group.memory, LEAST_MEMORY, MOST),
        ("limits.group.cpu_percent", group.cpu_percent, 1, 100_000),
        ("max_lifetime", settings.max_lifetime, 1, LONGEST),
        ("idle_timeout", settings.idle_timeout, 1, LONGEST),
        ("detach_keep", settings.detach_keep, 1, LONGEST),
    ];
    for (place, value, least, most) in bounds {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            faults.add(place, format!("{least} to {most}"));
        }
    }
}

fn paths(paths: &[String], faults: &mut Found) {
    if paths.len() > MAX_PATHS {
        return faults.add("read_only", "at most 64 paths");
    }
    let fits = |path: &str| {
        path.starts_with('/')
            && path.len() <= MAX_PATH
            && !path.chars().any(char::is_control)
            && !path.split('/').any(|part| part == "..")
    };
    for (index, _) in paths.iter().enumerate().filter(|(_, path)| !fits(path)) {
        faults.add(format!("read_only[{index}]"), "an absolute path without `..`");
    }
}
