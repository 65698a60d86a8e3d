//! `~/.ssh/config`: the names of `Host` lines, with what applies to them (ssh_config(5)): the first value of each
//! keyword wins, in the order of the file.

use super::{Entry, Login, Parsed, Row, split_address};

/// A block, and what stands in it.
#[derive(Debug, Default)]
struct Block<'a> {
    line: usize,
    patterns: Vec<&'a str>,
    values: Values<'a>,
}

#[derive(Debug, Default, Clone)]
struct Values<'a> {
    host: Option<&'a str>,
    port: Option<&'a str>,
    user: Option<&'a str>,
    jump: Option<&'a str>,
}

pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let blocks = blocks(text, &mut parsed);
    let mut seen = std::collections::HashSet::new();
    for block in &blocks {
        for name in block.patterns.iter().copied().filter(|name| is_plain(name)) {
            if !seen.insert(name) {
                continue;
            }
            let Some(entry) = entry(name, block.line, &blocks, &mut parsed) else { continue };
            if !parsed.push(entry) {
                return parsed;
            }
        }
    }
    parsed
}

fn blocks<'a>(text: &'a str, parsed: &mut Parsed) -> Vec<Block<'a>> {
    // What stands before the first `Host` applies to all.
    let mut blocks = vec![Block { line: 1, patterns: vec!["*"], values: Values::default() }];
    // Inside a `Match`, whose conditions are those of a moment.
    let mut passing = false;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let Some((keyword, value)) = keyword(line) else { continue };
        let first = |slot: &mut Option<&'a str>| {
            if slot.is_none() {
                *slot = words(value).next();
            }
        };
        match keyword.to_ascii_lowercase().as_str() {
            "host" => {
                passing = false;
                let patterns = words(value).collect();
                blocks.push(Block { line: number, patterns, values: Values::default() });
            }
            "match" => {
                passing = true;
                parsed.skip(number, None, "Match: what it holds is passed over");
            }
            "include" => parsed.skip(number, None, "Include: other files are not read; import them too"),
            _ if passing => {}
            known => {
                let values = &mut blocks.last_mut().expect("there is the first").values;
                match known {
                    "hostname" => first(&mut values.host),
                    "port" => first(&mut values.port),
                    "user" => first(&mut values.user),
                    "proxyjump" => first(&mut values.jump),
                    _ => {}
                }
            }
        }
    }
    blocks
}

/// `keyword value`, `keyword=value`, `keyword = value`.
fn keyword(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    Some((keyword, rest.strip_prefix('=').unwrap_or(rest).trim()))
}

/// Words with blanks between them; a blank inside quotes belongs to its word.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return None;
        }
        if let Some((word, after)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            rest = after;
            return Some(word);
        }
        let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        rest = after;
        Some(word)
    })
}

/// A name, not a pattern.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['*', '?', '!'])
}

fn entry(name: &str, line: usize, blocks: &[Block<'_>], parsed: &mut Parsed) -> Option<Entry> {
    let mut found = Values::default();
    for block in blocks.iter().filter(|block| applies(&block.patterns, name)) {
        let Values { host, port, user, jump } = &block.values;
        found.host = found.host.or(*host);
        found.port = found.port.or(*port);
        found.user = found.user.or(*user);
        found.jump = found.jump.or(*jump);
    }
    let port = match found.port.map(str::parse) {
        None => None,
        Some(Ok(port)) => Some(port),
        Some(Err(_)) => {
            parsed.skip(line, Some(name), "Port is no number from 1 to 65535");
            return None;
        }
    };
    let jump = match found.jump {
        None | Some("none") => None,
        Some(several) if several.contains(',') => {
            parsed.skip(line, Some(name), "ProxyJump names several servers: set their way one by one");
            return None;
        }
        Some(one) => Some(split_address(one.trim_start_matches("ssh://")).1.to_owned()),
    };
    let host = found.host.map(|host| host.replace("%h", name).replace("%%", "%"));
    let login = Login { username: found.user.map(str::to_owned), password: None };
    Some(Entry { line, name: name.to_owned(), host, port, jump, login, ..Entry::default() })
}

/// Any pattern matches, and no negated one.
fn applies(patterns: &[&str], name: &str) -> bool {
    let mut any = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not, name) => return false,
            Some(_) => {}
            None => any |= matches(pattern, name),
        }
    }
    any
}

/// `*` is any text, `?` any character. In the time of both lengths multiplied, whatever the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it takes.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(one) if *one == '?' || one.eq_ignore_ascii_case(&text[t]) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

pub(super) fn write(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let name = alias(&row.name);
        text.push_str(&format!("Host {name}\n    HostName {}\n", row.host));
        if row.port != 22 {
            text.push_str(&format!("    Port {}\n", row.port));
        }
        if let Some(user) = row.username.as_ref().filter(|user| !user.contains(['"', '\n'])) {
            let quote = if user.contains(char::is_whitespace) { "\"" } else { "" };
            text.push_str(&format!("    User {quote}{user}{quote}\n"));
        }
        if let Some(jump) = &row.jump {
            text.push_str(&format!("    ProxyJump {}\n", alias(jump)));
        }
        text.push('\n');
    }
    text
}

/// A name as ssh takes it: one word without signs that mean something.
fn alias(name: &str) -> String {
    let keep = |c: char| if c.is_whitespace() || "*?!,\"#".contains(c) { '-' } else { c };
    name.chars().map(keep).collect()
}
