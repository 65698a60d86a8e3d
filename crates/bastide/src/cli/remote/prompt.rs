//! Questions to the person, on the terminal itself: standard input may be something else.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use anyhow::Context;
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};

use crate::cli::exit::Failure;

/// Longer than any password or token; a file was given by mistake.
const LONGEST: usize = 4096;
const INTERRUPT: u8 = 0x03;
const END_OF_FILE: u8 = 0x04;
const ERASE_LINE: u8 = 0x15;

fn terminal() -> Option<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").ok()
}

/// A line that may be seen; `usual` when it is empty.
pub(crate) fn line(question: &str, usual: &str, instead: &str) -> Result<String, Failure> {
    let mut terminal = open(instead)?;
    write!(terminal, "{question} [{usual}]: ").context("cannot write to the terminal")?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer).context("cannot read the terminal")?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { usual.to_owned() } else { answer.to_owned() })
}

/// Yes or no; everything but a clear yes is no.
pub(crate) fn agreed(question: &str, instead: &str) -> Result<bool, Failure> {
    let answer = line(question, "no", instead)?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

/// A line that is not shown.
pub(crate) fn secret(question: &str, instead: &str) -> Result<String, Failure> {
    let terminal = open(instead)?;
    let silent = Silent::begin(&terminal)?;
    write!(&terminal, "{question}: ").context("cannot write to the terminal")?;
    let typed = typed(&terminal);
    drop(silent);
    // The line end was not shown either.
    writeln!(&terminal).context("cannot write to the terminal")?;
    typed
}

/// The first line of standard input.
pub(crate) fn from_stdin(what: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let most = u64::try_from(LONGEST).expect("it is small");
    let mut input = BufReader::new(std::io::stdin().lock().take(most));
    input.read_line(&mut text).context("cannot read standard input")?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::text(format!("standard input holds no {what}")));
    }
    Ok(text.to_owned())
}

fn open(instead: &str) -> Result<File, Failure> {
    terminal().ok_or_else(|| Failure::text(format!("there is no terminal to ask on: use {instead}")))
}

/// Signals come as bytes meanwhile: an interrupt must not leave a terminal that shows nothing.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn begin(terminal: &'a File) -> Result<Silent<'a>, Failure> {
        let before = termios::tcgetattr(terminal).context("cannot read the terminal's settings")?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(terminal, OptionalActions::Flush, &now).context("cannot hide what is typed")?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing back.
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn typed(mut terminal: &File) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut one = [0];
    loop {
        let read = terminal.read(&mut one).context("cannot read the terminal")?;
        match one[0] {
            _ if read == 0 => break,
            b'\r' | b'\n' => break,
            INTERRUPT | END_OF_FILE => return Err(Failure::text("given up")),
            ERASE_LINE => bytes.clear(),
            0x08 | 0x7f => {
                // A character, not a byte of it.
                while bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            byte if bytes.len() < LONGEST => bytes.push(byte),
            _ => return Err(Failure::text("that is too long")),
        }
    }
    String::from_utf8(bytes).map_err(|_| Failure::text("what was typed is not UTF-8"))
}
