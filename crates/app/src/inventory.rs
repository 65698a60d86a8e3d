//! Lists of servers in the forms of other programs: read and written, without looking at anything but the text.
//!
//! Nothing that a text names is opened: an `Include` of an ssh configuration is said to be passed over.

pub(crate) mod ansible;
pub(crate) mod csv;
pub(crate) mod known_hosts;
pub(crate) mod ssh_config;

use bastide_store as store;
use bastide_wire::ssh::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Error;

/// What one import reads at most; the body of a request is limited too.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;
/// Each is written to the log and to the database by itself.
pub const MAX_ENTRIES: usize = 2_000;
/// A list of more mistakes helps nobody.
const MAX_SKIPPED: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InventoryFormat)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `~/.ssh/config`, ssh_config(5).
    SshConfig,
    /// RFC 4180, with a line of names.
    Csv,
    /// An inventory in INI form or in YAML, or what `ansible-inventory --list` prints.
    Ansible,
}

/// One server of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, from 1.
    pub line: usize,
    pub name: String,
    /// The name where none is given.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub platform: Option<String>,
    pub tags: Vec<String>,
    pub group: Option<String>,
    pub notes: Option<String>,
    /// The name of the server on the way.
    pub jump: Option<String>,
    pub login: Login,
    pub node: store::NodeSettings,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Login {
    pub username: Option<String>,
    pub password: Option<Secret>,
}

/// What is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Skipped {
    /// Of the text, from 1.
    pub line: usize,
    pub name: Option<String>,
    pub why: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    pub entries: Vec<Entry>,
    pub skipped: Vec<Skipped>,
}

impl Parsed {
    pub(crate) fn skip(&mut self, line: usize, name: Option<&str>, why: impl Into<String>) {
        if self.skipped.len() < MAX_SKIPPED {
            let name = name.map(|name| shown(name).to_owned());
            self.skipped.push(Skipped { line, name, why: why.into() });
        }
    }

    /// False when there are as many as are taken; the first that is too many is said.
    pub(crate) fn push(&mut self, entry: Entry) -> bool {
        if self.entries.len() >= MAX_ENTRIES {
            if self.entries.len() == MAX_ENTRIES && !self.is_full() {
                self.skip(
                    entry.line,
                    Some(&entry.name),
                    format!("more than {MAX_ENTRIES} servers: split the list"),
                );
            }
            return false;
        }
        self.entries.push(entry);
        true
    }

    fn is_full(&self) -> bool {
        self.skipped.last().is_some_and(|last| last.why.starts_with("more than"))
    }
}

/// As much of a text as belongs into a sentence.
pub(crate) fn shown(text: &str) -> &str {
    const MOST: usize = 100;
    text.char_indices().nth(MOST).map_or(text, |(end, _)| &text[..end])
}

/// # Errors
/// `Invalid`: the whole text is none of that form.
pub fn parse(format: Format, text: &str) -> Result<Parsed, Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::Invalid(format!("text: at most {MAX_TEXT} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::SshConfig => Ok(ssh_config::parse(text)),
        Format::Csv => csv::parse(text),
        Format::Ansible => ansible::parse(text),
    }
}

/// `user@host:port`, each part but the host optional; IPv6 in brackets.
pub(crate) fn split_address(text: &str) -> (Option<&str>, &str, Option<u16>) {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user).filter(|user| !user.is_empty()), rest),
        None => (None, text),
    };
    if let Some((host, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (user, host, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match rest.split_once(':') {
        // More than one colon: an IPv6 address without brackets.
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (user, host, Some(port)),
            Err(_) => (user, rest, None),
        },
        _ => (user, rest, None),
    }
}

/// A server to be written into a list.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub platform: String,
    pub tags: Vec<String>,
    pub group: Option<String>,
    pub notes: Option<String>,
    pub jump: Option<String>,
    pub username: Option<String>,
}

/// The list as text. Without passwords.
pub fn write(format: Format, rows: &[Row]) -> String {
    match format {
        Format::SshConfig => ssh_config::write(rows),
        Format::Csv => csv::write(rows),
        Format::Ansible => ansible::write(rows),
    }
}

/// One line of a CSV list.
pub fn csv_line(fields: &[&str]) -> String {
    csv::line(fields)
}

/// Whatever a text holds, it is read or refused; and what is written is read again.
///
/// # Panics
/// When that does not hold: for fuzzing.
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for format in [Format::SshConfig, Format::Csv, Format::Ansible] {
        let Ok(parsed) = parse(format, &text) else { continue };
        assert!(parsed.entries.len() <= MAX_ENTRIES && parsed.skipped.len() <= MAX_SKIPPED);
        assert!(parsed.entries.iter().all(|entry| !entry.name.is_empty()));
    }
    let lines = known_hosts::parse(&text);
    assert!(lines.iter().all(|line| line.line >= 1));
}

#[cfg(test)]
mod tests;
