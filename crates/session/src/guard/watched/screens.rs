//! Lines as bash 5.2, zsh 5.9 and fish 3.6 draw them at a terminal of 40 columns: what each wrote after the keys
//! that were typed, with prompts on the right (zsh, fish) and suggestions (fish). `command` is what Enter would
//! have run.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use bastide_vt::{Config, Effects, Size, Terminal};

use super::{Next, Watched};

struct Screen<'a> {
    name: &'a str,
    command: &'a str,
    /// Keys, and what came after them.
    steps: Vec<(String, String)>,
}

fn screens() -> Vec<Screen<'static>> {
    let mut all: Vec<Screen<'_>> = Vec::new();
    let mut keys = String::new();
    for line in include_str!("screens.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (kind, rest) = line.split_at(1);
        match (kind, all.last_mut()) {
            ("=", Some(screen)) => screen.command = rest,
            (">", Some(_)) => keys = plain(rest),
            ("<", Some(screen)) => screen.steps.push((std::mem::take(&mut keys), plain(rest))),
            _ => all.push(Screen { name: line, command: "", steps: Vec::new() }),
        }
    }
    all
}

/// `\\xNN` and `\\\\`.
fn plain(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap().to_owned();
    while let Some(part) = parts.next() {
        if let Some(code) = part.strip_prefix('x') {
            plain.push(char::from(u8::from_str_radix(&code[..2], 16).unwrap()));
            plain.push_str(&code[2..]);
        } else {
            plain.push('\\');
            plain.push_str(parts.next().unwrap());
        }
    }
    plain
}

/// What the rules are asked about when Enter follows.
fn readings(screen: &Screen<'_>) -> Vec<String> {
    let mut now = Instant::now();
    let mut watched = Watched::new(now);
    let mut terminal = Terminal::new(Size { cols: 40, rows: 8 }, Config::default());
    for (keys, output) in &screen.steps {
        if !keys.is_empty() {
            watched.on_input(keys.as_bytes());
            assert!(matches!(watched.next(now, &terminal), Next::Send(_)));
        }
        now += Duration::from_millis(20);
        terminal.feed(output.as_bytes(), &mut Effects::default());
        watched.on_output(now);
        now += Duration::from_millis(400);
    }
    watched.on_input(b"\r");
    match watched.next(now, &terminal) {
        Next::Ask(line) => line.readings().map(str::to_owned).collect(),
        other => panic!("nothing is asked: {other:?}"),
    }
}

#[test]
fn what_would_run_is_among_what_is_read() {
    let mut wrong = Vec::new();
    let screens = screens();
    assert_eq!(screens.len(), 29);
    for screen in &screens {
        let read = readings(screen);
        if read.first().map(String::as_str) != Some(screen.command) {
            wrong.push(format!("{}: {:?} is read as {read:?}", screen.name, screen.command));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
