//! Operating system commands: titles, links, colours, the working directory.

use std::sync::Arc;

use super::window::{BACKGROUND, CURSOR, Directory, FOREGROUND};
use super::{Feeding, Screen};
use crate::config::Rgb;
use crate::effects::QueryKind;
use crate::intern::{Ext, Link};

/// Links longer than this are not links (the limit of VTE and others).
const MAX_URI: usize = 2083;
/// Longest link id that is kept.
const MAX_LINK_ID: usize = 250;
/// Longest OSC 7 that is kept: PATH_MAX is 4096, but encoded it may be more.
const MAX_URL: usize = 4096;

impl Feeding<'_> {
    pub(super) fn osc_command(&mut self, payload: &[u8], bell: bool) {
        let (number, rest) = match payload.iter().position(|b| *b == b';') {
            Some(at) => (&payload[..at], Some(&payload[at + 1..])),
            None => (payload, None),
        };
        match (number, rest) {
            (b"0" | b"2", Some(text)) => {
                let title = String::from_utf8_lossy(text);
                self.effects.title_changed |= self.screen.window.set_title(&title);
            }
            (b"4", Some(rest)) => self.indexed_colours(rest, bell),
            (b"7", Some(url)) => self.directory(url),
            (b"8", Some(rest)) => self.screen.set_link(rest),
            (b"10", Some(rest)) => self.dynamic_colours(FOREGROUND, rest, bell),
            (b"11", Some(rest)) => self.dynamic_colours(BACKGROUND, rest, bell),
            (b"12", Some(rest)) => self.dynamic_colours(CURSOR, rest, bell),
            (b"104", None | Some(b"")) => self.screen.window.colours.retain(|key, _| *key > 255),
            (b"104", Some(rest)) => {
                for index in rest.split(|b| *b == b';').filter_map(index) {
                    self.screen.window.colours.remove(&index);
                }
            }
            (b"110", _) => self.reset_colour(FOREGROUND),
            (b"111", _) => self.reset_colour(BACKGROUND),
            (b"112", _) => self.reset_colour(CURSOR),
            _ => {}
        }
    }

    fn reset_colour(&mut self, key: u16) {
        self.screen.window.colours.remove(&key);
    }

    /// `index ; spec` pairs.
    fn indexed_colours(&mut self, rest: &[u8], bell: bool) {
        let mut parts = rest.split(|b| *b == b';');
        while let (Some(number), Some(spec)) = (parts.next(), parts.next()) {
            if let Some(key) = index(number) {
                self.colour(&format!("4;{key}"), key, spec, bell);
            }
        }
    }

    /// Each further value is for the next of foreground, background, cursor.
    fn dynamic_colours(&mut self, first: u16, rest: &[u8], bell: bool) {
        for (key, spec) in (first..=CURSOR).zip(rest.split(|b| *b == b';')) {
            self.colour(&(key - FOREGROUND + 10).to_string(), key, spec, bell);
        }
    }

    fn colour(&mut self, command: &str, key: u16, spec: &[u8], bell: bool) {
        if spec == b"?" {
            let Rgb { r, g, b } = self.screen.window.colour(key, &self.screen.config.palette);
            let end = if bell { "\x07" } else { "\x1b\\" };
            let reply = format!("\x1b]{command};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}{end}");
            self.answer(QueryKind::Colour, reply);
        } else if let Some(rgb) = parse_colour(spec) {
            self.screen.window.colours.insert(key, rgb);
        }
    }

    fn directory(&mut self, url: &[u8]) {
        let Some(directory) = parse_directory(url) else { return };
        let window = &mut self.screen.window;
        let changed = window.directory.as_ref().map(|d| &d.path) != Some(&directory.path);
        self.effects.cwd_changed |= changed;
        window.directory = Some(directory);
    }
}

impl Screen {
    /// `OSC 8 ; params ; uri`: an empty URI ends the link.
    fn set_link(&mut self, rest: &[u8]) {
        let Some(at) = rest.iter().position(|b| *b == b';') else { return };
        let (params, uri) = (&rest[..at], &rest[at + 1..]);
        let printable = |b: &[u8]| b.iter().all(|b| (b' '..=b'~').contains(b));
        let id = params
            .split(|b| *b == b':')
            .find_map(|p| p.strip_prefix(b"id="))
            .filter(|id| !id.is_empty() && id.len() <= MAX_LINK_ID && printable(id))
            .map(|id| String::from_utf8_lossy(id).into_owned());
        let link = (!uri.is_empty() && uri.len() <= MAX_URI && printable(uri))
            .then(|| Arc::new(Link { id, uri: String::from_utf8_lossy(uri).into_owned() }));
        self.sweep_if_full();
        let ext = Ext { link, ..self.interner.ext(self.pen.style) };
        self.pen.style.ext = self.interner.ext_number(ext);
    }
}

fn index(number: &[u8]) -> Option<u16> {
    std::str::from_utf8(number).ok()?.parse::<u8>().ok().map(u16::from)
}

/// `rgb:r/g/b` with one to four hex digits each, or `#rgb` in its four lengths (XParseColor).
fn parse_colour(spec: &[u8]) -> Option<Rgb> {
    let spec = std::str::from_utf8(spec).ok()?;
    let mut parts = [""; 3];
    if let Some(hex) = spec.strip_prefix('#') {
        let len = hex.len() / 3;
        if !hex.is_ascii() || len == 0 || !hex.len().is_multiple_of(3) {
            return None;
        }
        for (i, part) in parts.iter_mut().enumerate() {
            *part = &hex[i * len..(i + 1) * len];
        }
        // Here digits are the high bits: #f is f0.
        let [r, g, b] = parts.map(|p| hex_value(p).map(|v| ((v << 8) >> (4 * p.len())) as u8));
        return Some(Rgb { r: r?, g: g?, b: b? });
    }
    let mut found = spec.strip_prefix("rgb:")?.split('/');
    for part in &mut parts {
        *part = found.next()?;
    }
    // Here they are a fraction: f is ff.
    let [r, g, b] = parts.map(|p| hex_value(p).map(|v| (v * 255 / ((1 << (4 * p.len())) - 1)) as u8));
    found.next().is_none().then_some(Rgb { r: r?, g: g?, b: b? })
}

fn hex_value(digits: &str) -> Option<u32> {
    let valid = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// `file://host/path`, percent-encoded. The path must be one that can be shown.
fn parse_directory(url: &[u8]) -> Option<Directory> {
    if url.len() > MAX_URL || !url.iter().all(|b| (b' '..=b'~').contains(b)) {
        return None;
    }
    let url = std::str::from_utf8(url).ok()?;
    let rest = url.strip_prefix("file://")?;
    let path = &rest[rest.find('/')?..];
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((&byte, tail)) = left.split_first() {
        let code = tail.get(..2).filter(|_| byte == b'%');
        let decoded = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        left = if decoded.is_some() { &tail[2..] } else { tail };
    }
    let path = String::from_utf8(bytes).ok()?;
    let shown = path.chars().all(|c| !c.is_control());
    shown.then(|| Directory { url: url.to_owned(), path })
}
