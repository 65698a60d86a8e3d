//! Ansible inventories: the INI form, YAML, and the JSON that `ansible-inventory --list` prints for any inventory,
//! dynamic ones too.

mod json;
mod range;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use bastide_wire::ssh::Secret;

use super::{Entry, Login, Parsed, Row};
use crate::Error;

/// Groups inside groups: deeper is a circle.
const MAX_DEPTH: usize = 32;
/// Names that all patterns stand for, together: each of the most servers may stand in fifty groups.
const MAX_EXPANDED: usize = 100_000;
/// What `ansible-vault` writes begins so.
const SEALED: &str = "$ANSIBLE_VAULT;";

/// What was read, before groups are put together.
#[derive(Debug, Default)]
struct Inventory {
    hosts: BTreeMap<String, Host>,
    groups: BTreeMap<String, Group>,
    /// Names of hosts in their order.
    order: Vec<String>,
    /// Names that patterns have stood for so far.
    expanded: usize,
}

#[derive(Debug, Default)]
struct Host {
    line: usize,
    variables: Variables,
    groups: Vec<String>,
}

#[derive(Debug, Default)]
struct Group {
    variables: Variables,
    parents: BTreeSet<String>,
}

type Variables = BTreeMap<String, String>;

pub(super) fn parse(text: &str) -> Result<Parsed, Error> {
    let start = text.trim_start();
    if start.starts_with(SEALED) {
        let why = "text: ansible-vault has sealed all of it; `ansible-vault view FILE` prints what is in it";
        return Err(Error::Invalid(why.to_owned()));
    }
    if start.starts_with('{') {
        return json::parse(text);
    }
    if is_yaml(start) {
        return yaml::parse(text);
    }
    let mut parsed = Parsed::default();
    let mut inventory = Inventory::default();
    let (mut section, mut kind) = ("ungrouped".to_owned(), Kind::Hosts);
    for (number, line) in text.lines().enumerate() {
        let (number, line) = (number + 1, line.trim());
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            (section, kind) = match header.split_once(':') {
                None => (header.to_owned(), Kind::Hosts),
                Some((group, "children")) => (group.to_owned(), Kind::Children),
                Some((group, "vars")) => (group.to_owned(), Kind::Variables),
                Some(_) => {
                    parsed.skip(number, None, "this kind of section is not known; it is passed over");
                    (String::new(), Kind::Nothing)
                }
            };
            inventory.groups.entry(section.clone()).or_default();
            continue;
        }
        match kind {
            Kind::Nothing => {}
            Kind::Children => {
                let child = words(line).next().unwrap_or_default();
                inventory.groups.entry(child).or_default().parents.insert(section.clone());
            }
            Kind::Variables => match line.split_once('=') {
                Some((name, value)) => {
                    let group = inventory.groups.entry(section.clone()).or_default();
                    group.variables.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
                }
                None => parsed.skip(number, None, "a variable without a value"),
            },
            Kind::Hosts => inventory.add_line((number, line), &section, &mut parsed),
        }
    }
    inventory.finish(&mut parsed);
    Ok(parsed)
}

/// Whether its first line that is no remark begins a document or is a key. No line of the INI form is either.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let Some(first) = lines.find(|line| !line.is_empty() && !line.starts_with(['#', ';'])) else {
        return false;
    };
    let key = first.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with([' ', '\t']));
    first.starts_with("---")
        || first.starts_with("%YAML")
        || key.is_some_and(|(key, _)| !key.contains(['=', '[', ' ']))
}

/// A value that `ansible-vault` has sealed is nothing to log in with. Only those that would have been used are named.
fn skip_sealed(parsed: &mut Parsed, (line, of): (usize, &str), variable: &str) {
    if variable.starts_with("ansible_") {
        let variable = super::shown(variable);
        parsed.skip(line, Some(of), format!("{variable} is sealed by ansible-vault; it is passed over"));
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Hosts,
    Children,
    Variables,
    Nothing,
}

impl Inventory {
    fn add_line(&mut self, (number, line): (usize, &str), section: &str, parsed: &mut Parsed) {
        let mut words = words(line);
        let pattern = words.next().unwrap_or_default();
        let mut variables = Variables::new();
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => drop(variables.insert(name.to_owned(), unquoted(value).to_owned())),
                None => parsed.skip(number, Some(&pattern), "a word that is no variable is passed over"),
            }
        }
        match self.expand(&pattern) {
            Ok(names) => {
                for name in names {
                    self.add(name, number, section, &variables);
                }
            }
            Err(why) => parsed.skip(number, Some(&pattern), why),
        }
    }

    fn expand(&mut self, pattern: &str) -> Result<Vec<String>, &'static str> {
        if self.expanded >= MAX_EXPANDED {
            return Err("too many names, together with those before");
        }
        let names = range::expand(pattern)?;
        self.expanded += names.len();
        Ok(names)
    }

    fn add(&mut self, name: String, line: usize, group: &str, variables: &Variables) {
        // One more than are taken, so that it is said.
        if self.order.len() > super::MAX_ENTRIES && !self.hosts.contains_key(&name) {
            return;
        }
        let host = self.hosts.entry(name.clone()).or_insert_with(|| {
            self.order.push(name);
            Host { line, ..Host::default() }
        });
        host.variables.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        if !host.groups.iter().any(|known| known == group) {
            host.groups.push(group.to_owned());
        }
    }

    fn finish(mut self, parsed: &mut Parsed) {
        for name in std::mem::take(&mut self.order) {
            let Some(host) = self.hosts.remove(&name) else { continue };
            match self.entry(name.clone(), &host) {
                Ok(entry) => {
                    if !parsed.push(entry) {
                        return;
                    }
                }
                Err(why) => parsed.skip(host.line, Some(&name), why),
            }
        }
    }

    /// Every group that a host is in, nearest first, each once.
    fn groups_of(&self, host: &Host) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut nearest: Vec<&str> = host.groups.iter().map(String::as_str).collect();
        for _ in 0..MAX_DEPTH {
            let mut above = Vec::new();
            for group in nearest {
                if !found.iter().any(|known| known == group) {
                    found.push(group.to_owned());
                    let parents = self.groups.get(group).map(|group| &group.parents);
                    above.extend(parents.into_iter().flatten().map(String::as_str));
                }
            }
            nearest = above;
        }
        found
    }

    fn entry(&self, name: String, host: &Host) -> Result<Entry, &'static str> {
        let mut groups = self.groups_of(host);
        let all = "all".to_owned();
        let places = groups.iter().chain([&all]);
        let tables: Vec<_> =
            places.filter_map(|name| self.groups.get(name)).map(|group| &group.variables).collect();
        let value = |names: &[&str]| {
            let own = std::iter::once(&host.variables).chain(tables.iter().copied());
            own.flat_map(|table| names.iter().filter_map(|name| table.get(*name)))
                .find(|value| !value.is_empty() && !value.contains("{{"))
                .cloned()
        };
        if value(&["ansible_connection"])
            .is_some_and(|kind| !["ssh", "smart", "paramiko", "network_cli"].contains(&kind.as_str()))
        {
            return Err("it is not reached by SSH (ansible_connection)");
        }
        let port = match value(&["ansible_port", "ansible_ssh_port"]).map(|port| port.parse()) {
            None => None,
            Some(Ok(port)) => Some(port),
            Some(Err(_)) => return Err("ansible_port is no number from 1 to 65535"),
        };
        groups.retain(|group| group != "all" && group != "ungrouped" && !group.is_empty());
        let username = value(&["ansible_user", "ansible_ssh_user"]);
        let password = value(&["ansible_password", "ansible_ssh_pass"]).filter(|_| username.is_some());
        Ok(Entry {
            line: host.line,
            name,
            host: value(&["ansible_host", "ansible_ssh_host"]),
            port,
            platform: value(&["ansible_network_os"])
                .map(|os| os.rsplit('.').next().unwrap_or(&os).to_owned()),
            group: groups.first().cloned(),
            tags: groups,
            notes: None,
            jump: None,
            login: Login { username, password: password.map(Secret::new) },
            ..Entry::default()
        })
    }
}

/// Words as a shell would cut them, as far as quotes go; a `#` begins a remark.
fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = line.chars().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if matches!(rest.peek(), None | Some('#')) {
            return None;
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = rest.peek().copied() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c.is_whitespace() => break,
                _ => word.push(c),
            }
            rest.next();
        }
        Some(word)
    })
}

fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

pub(super) fn write(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let name = word(&row.name);
        text.push_str(&format!("{name} ansible_host={}", row.host));
        if row.port != 22 {
            text.push_str(&format!(" ansible_port={}", row.port));
        }
        if let Some(user) = row.username.as_ref().filter(|user| !user.contains(['"', '\'', '\n'])) {
            let quote = if user.contains(char::is_whitespace) { "\"" } else { "" };
            text.push_str(&format!(" ansible_user={quote}{user}{quote}"));
        }
        text.push('\n');
        let mut in_groups: Vec<_> = row.group.iter().chain(&row.tags).map(|group| word(group)).collect();
        in_groups.sort();
        in_groups.dedup();
        for group in in_groups {
            groups.entry(group).or_default().push(name.clone());
        }
    }
    for (group, names) in groups {
        text.push_str(&format!("\n[{group}]\n{}\n", names.join("\n")));
    }
    text
}

/// Without signs that mean something here.
fn word(name: &str) -> String {
    let keep = |c: char| if c.is_whitespace() || "[]:=#;\"'{}".contains(c) { '_' } else { c };
    name.chars().map(keep).collect()
}
