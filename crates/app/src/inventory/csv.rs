//! Comma-separated values (RFC 4180): a line of names, then one line for each server. Semicolons and tabs separate
//! as well, as spreadsheets write them.

use bastide_wire::ssh::Secret;

use super::{Entry, Parsed, Row, shown};
use crate::Error;

/// The columns and their other names.
const COLUMNS: [(&str, &[&str]); 13] = [
    ("name", &["server", "alias"]),
    ("host", &["ip", "address", "hostname", "host_ip"]),
    ("port", &["ssh_port"]),
    ("username", &["user", "login"]),
    ("password", &[]),
    ("platform", &[]),
    ("tags", &["tag", "labels"]),
    ("group", &["folder"]),
    ("jump", &["proxy", "jump_host", "proxyjump"]),
    ("notes", &["note", "comment", "description"]),
    // Of model services; kept for older clients.
    ("agent_port", &[]),
    ("brand_id", &[]),
    ("accelerator_id", &[]),
];
/// A field of more is a quote that was never closed.
const MAX_FIELD: usize = 8 * 1024;
const MAX_FIELDS: usize = 100;

struct Record {
    line: usize,
    fields: Vec<String>,
}

/// Steps through the records of a text.
struct Records<'a> {
    rest: std::str::Chars<'a>,
    separator: char,
    line: usize,
}

impl Records<'_> {
    /// `Err` with the line where a field has no end.
    fn next(&mut self) -> Option<Result<Record, usize>> {
        let start = self.line;
        let mut fields = vec![String::new()];
        let (mut quoted, mut any) = (false, false);
        while let Some(c) = self.rest.next() {
            any = true;
            if c == '\n' {
                self.line += 1;
            }
            let room = fields.len() < MAX_FIELDS;
            let field = fields.last_mut().expect("there is always one");
            if field.len() > MAX_FIELD {
                return Some(Err(start));
            }
            match c {
                '"' if quoted && self.rest.as_str().starts_with('"') => {
                    self.rest.next();
                    field.push('"');
                }
                '"' if quoted => quoted = false,
                '"' if field.is_empty() => quoted = true,
                '\n' if !quoted => return Some(Ok(Record { line: start, fields })),
                '\r' if !quoted && self.rest.as_str().starts_with('\n') => {}
                c if c == self.separator && !quoted && room => fields.push(String::new()),
                c => field.push(c),
            }
        }
        match (any, quoted) {
            (false, _) => None,
            (true, true) => Some(Err(start)),
            (true, false) => Some(Ok(Record { line: start, fields })),
        }
    }
}

fn read(text: &str) -> Records<'_> {
    let head = text.lines().next().unwrap_or_default();
    let most = [',', ';', '\t'].into_iter().max_by_key(|c| (head.matches(*c).count(), *c == ','));
    Records { rest: text.chars(), separator: most.unwrap_or(','), line: 1 }
}

/// A record with the line where it begins, or the line where one has no end.
pub(crate) type Line = Result<(usize, Vec<String>), usize>;

/// Any table: the fields of its first line, and its other records.
pub(crate) fn table(text: &str) -> (Vec<String>, impl Iterator<Item = Line> + '_) {
    let mut records = read(text);
    let head = match records.next() {
        Some(Ok(head)) => head.fields,
        _ => Vec::new(),
    };
    let rest = std::iter::from_fn(move || records.next());
    (head, rest.map(|record| record.map(|record| (record.line, record.fields))))
}

pub(super) fn parse(text: &str) -> Result<Parsed, Error> {
    let mut records = read(text);
    let Some(Ok(head)) = records.next() else {
        return Err(Error::Invalid("text: the first line names the columns: name, host, port, …".to_owned()));
    };
    let columns: Vec<_> = head.fields.iter().map(|field| column(field)).collect();
    if !columns.contains(&Some("name")) && !columns.contains(&Some("host")) {
        let known: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let why =
            format!("text: the first line names neither name nor host; columns are {}", known.join(", "));
        return Err(Error::Invalid(why));
    }
    let mut parsed = Parsed::default();
    for (field, column) in head.fields.iter().zip(&columns) {
        if column.is_none() && !field.trim().is_empty() {
            parsed.skip(1, None, format!("the column {} is passed over", shown(field.trim())));
        }
    }
    while let Some(record) = records.next() {
        let record = match record {
            Ok(record) => record,
            Err(line) => {
                parsed.skip(line, None, "a quote is never closed; what follows is not read");
                break;
            }
        };
        if record.fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if record.fields.len() > columns.len() {
            parsed.skip(record.line, record.fields.first().map(String::as_str), "more fields than columns");
            continue;
        }
        match entry(&columns, record) {
            Ok(entry) => {
                if !parsed.push(entry) {
                    break;
                }
            }
            Err((line, name, why)) => parsed.skip(line, name.as_deref(), why),
        }
    }
    Ok(parsed)
}

fn column(field: &str) -> Option<&'static str> {
    let field = field.trim().to_lowercase().replace([' ', '-'], "_");
    let mut known = COLUMNS.iter();
    known.find(|(name, others)| *name == field || others.contains(&field.as_str())).map(|(name, _)| *name)
}

fn entry(columns: &[Option<&str>], record: Record) -> Result<Entry, (usize, Option<String>, &'static str)> {
    let mut entry = Entry { line: record.line, ..Entry::default() };
    let mut bad_port = false;
    for (column, field) in columns.iter().zip(record.fields) {
        // A password is taken as it is.
        let trimmed = Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        match column {
            Some("name") => entry.name = trimmed.unwrap_or_default(),
            Some("host") => entry.host = trimmed,
            Some("port") => match trimmed.as_deref().map(str::parse) {
                None => {}
                Some(Ok(port)) => entry.port = Some(port),
                Some(Err(_)) => bad_port = true,
            },
            Some("username") => entry.login.username = trimmed,
            Some("password") => entry.login.password = (!field.is_empty()).then(|| Secret::new(field)),
            Some("platform") => entry.platform = trimmed,
            Some("tags") => entry.tags = tags(&trimmed.unwrap_or_default()),
            Some("group") => entry.group = trimmed,
            Some("jump") => entry.jump = trimmed,
            Some("notes") => entry.notes = trimmed,
            Some("agent_port") => entry.node.agent_port = trimmed.and_then(|port| port.parse().ok()),
            Some("brand_id") => entry.node.brand_id = trimmed.and_then(|id| id.parse().ok()),
            Some("accelerator_id") => entry.node.accelerator_id = trimmed.and_then(|id| id.parse().ok()),
            _ => {}
        }
    }
    if entry.name.is_empty() {
        entry.name = entry.host.clone().unwrap_or_default();
    }
    match (entry.name.is_empty(), bad_port) {
        (true, _) => Err((entry.line, None, "there is neither a name nor a host")),
        (_, true) => Err((entry.line, Some(entry.name), "the port is no number from 1 to 65535")),
        _ if entry.login.password.is_some() && entry.login.username.is_none() => {
            Err((entry.line, Some(entry.name), "there is a password, and no username"))
        }
        _ => Ok(entry),
    }
}

/// With blanks, commas, semicolons or bars between them.
fn tags(field: &str) -> Vec<String> {
    let parts = field.split(|c: char| c.is_whitespace() || ",;|".contains(c));
    parts.filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

pub(super) fn write(rows: &[Row]) -> String {
    let mut text = "name,host,port,username,platform,tags,group,jump,notes\r\n".to_owned();
    for row in rows {
        let port = row.port.to_string();
        let tags = row.tags.join(" ");
        let of = |field: &Option<String>| field.clone().unwrap_or_default();
        let fields = [
            row.name.clone(),
            row.host.clone(),
            port,
            of(&row.username),
            row.platform.clone(),
            tags,
            of(&row.group),
            of(&row.jump),
            of(&row.notes),
        ];
        text.push_str(&line(&fields.each_ref().map(String::as_str)));
    }
    text
}

/// One line of such a text.
pub(super) fn line(fields: &[&str]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    format!("{}\r\n", fields.join(","))
}

fn quoted(field: &str) -> String {
    match field.contains(['"', ',', ';', '\t', '\r', '\n']) || field.trim() != field {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
