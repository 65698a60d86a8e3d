//! What is printed through the terminals: the same bytes on every machine.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};

/// Printed last; seen on the other side, everything before it has passed.
pub(crate) const END: &str = "BENCH-END-OF-CORPUS";

/// Changes with the contents, so that an older file is not taken for it.
const VERSION: u32 = 1;
/// Lines of one kind before the next kind.
const BLOCK: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct Corpus {
    pub(crate) path: PathBuf,
    /// Bytes as they leave a terminal: every newline with a carriage return before it.
    pub(crate) on_terminal: u64,
}

/// The corpus of so many megabytes, made once and kept in the temporary directory.
pub(crate) fn cached(megabytes: usize) -> Result<Corpus> {
    let path = std::env::temp_dir().join(format!("bastide-bench-corpus-{VERSION}-{megabytes}M"));
    if !path.exists() {
        let half = path.with_extension(format!("{}", std::process::id()));
        let mut file = BufWriter::new(fs::File::create(&half)?);
        write(&mut file, megabytes * 1_000_000)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&half, &path)?;
    }
    let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
    Ok(Corpus { path, on_terminal: u64::try_from(bytes.len() + newlines)? })
}

/// Numbers that look random and never change (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap_or(0)]
    }
}

const WORDS: [&str; 24] = [
    "connection",
    "accepted",
    "from",
    "worker",
    "request",
    "finished",
    "in",
    "cache",
    "miss",
    "for",
    "key",
    "user",
    "retry",
    "after",
    "timeout",
    "flushed",
    "segment",
    "to",
    "disk",
    "queue",
    "depth",
    "replica",
    "is",
    "behind",
];
const WIDE: [&str; 20] = [
    "终端",
    "会话",
    "记录",
    "回放",
    "服务器",
    "命令",
    "控制台",
    "字体",
    "日本語",
    "テスト",
    "한국어",
    "단말기",
    "é",
    "ñ",
    "ü",
    "Ω",
    "🚀",
    "✅",
    "→",
    "│",
];

fn write(out: &mut impl Write, bytes: usize) -> Result<()> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut written = 0;
    let mut line = String::new();
    let mut number = 0_u64;
    while written < bytes {
        for kind in [plain, colour, wide] {
            for _ in 0..BLOCK {
                line.clear();
                number += 1;
                kind(&mut line, &mut dice, number);
                line.push('\n');
                out.write_all(line.as_bytes())?;
                written += line.len();
            }
        }
    }
    writeln!(out, "\x1b[0m{END}")?;
    Ok(())
}

/// A line of a log, about 110 characters: it wraps on 80 columns now and then.
fn plain(line: &mut String, dice: &mut Dice, number: u64) {
    let level = dice.pick(&["INFO", "INFO", "INFO", "WARN", "DEBUG", "ERROR"]);
    let second = number % 86_400;
    line.push_str(&format!(
        "2026-01-17T{:02}:{:02}:{:02}.{:03}Z {level:5} node-{:02} svc[{}]:",
        second / 3600,
        second / 60 % 60,
        second % 60,
        dice.roll(1000),
        dice.roll(16),
        dice.roll(32768)
    ));
    for _ in 0..4 + dice.roll(8) {
        line.push(' ');
        line.push_str(dice.pick(&WORDS));
    }
}

/// A colour change every few characters, in all three ways of naming one.
fn colour(line: &mut String, dice: &mut Dice, number: u64) {
    line.push_str(&format!("\x1b[2m{number:>7}\x1b[0m "));
    for _ in 0..6 + dice.roll(6) {
        let word = dice.pick(&WORDS);
        let (a, b, c) = (dice.roll(256), dice.roll(256), dice.roll(256));
        match dice.roll(4) {
            0 => line.push_str(&format!("\x1b[{};1m{word}\x1b[0m ", 31 + a % 7)),
            1 => line.push_str(&format!("\x1b[38;5;{a}m{word}\x1b[39m ")),
            2 => line.push_str(&format!("\x1b[38;2;{a};{b};{c}m{word}\x1b[0m ")),
            _ => line.push_str(&format!("\x1b[{};{}m{word}\x1b[m ", 40 + b % 8, 90 + c % 8)),
        }
    }
    line.push_str("\x1b[K");
}

/// Characters of two columns, of several bytes, and plain ones between them.
fn wide(line: &mut String, dice: &mut Dice, number: u64) {
    line.push_str(&format!("{number} "));
    for _ in 0..8 + dice.roll(8) {
        line.push_str(if dice.roll(4) == 0 { dice.pick(&WORDS) } else { dice.pick(&WIDE) });
        if dice.roll(3) == 0 {
            line.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_the_same_every_time_and_has_all_three_kinds() {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write(&mut one, 200_000).unwrap();
        write(&mut two, 200_000).unwrap();
        assert_eq!(one, two);
        let text = String::from_utf8(one).unwrap();
        assert!(text.contains("\x1b[38;2;") && text.contains("终端") && text.contains("WARN"));
        assert!(text.trim_end().ends_with(END));
    }
}
