//! What is known about a program that is about to run, or was just loaded, and what is said to it.

use std::fmt::Write as _;
use std::path::PathBuf;

use bastide_policy::{Action, Text, Would};
use serde::{Deserialize, Serialize};

/// A file as the kernel identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// The real name: absolute, no symbolic link in it.
    pub path: PathBuf,
    pub device: u64,
    pub inode: u64,
    pub owner: u32,
    pub group: u32,
    /// Permission bits and file type, inode(7).
    pub mode: u32,
    /// Names of this file on disk; 0 for one that was never there (memfd_create(2)) or is deleted.
    pub links: u64,
    /// Its last change, in seconds and nanoseconds: of what is in it, its owner, its mode, its names. Nobody
    /// can set it but with the clock.
    pub changed: (i64, i64),
}

impl Executable {
    /// The same file, unchanged. What is being run or read as a script's head cannot be written meanwhile
    /// (ETXTBSY), so what was looked at is what runs.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.device, self.inode, self.changed) == (other.device, other.inode, other.changed)
    }
}

/// One program start. Bytes as the kernel has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What is loaded; for a `#!` script its interpreter.
    pub exe: Executable,
    /// The script that the interpreter is started for.
    pub script: Option<Executable>,
    /// The path as the caller gave it, `AT_EXECFN` of getauxval(3).
    pub execfn: Vec<u8>,
    /// As the new program sees it: a script's interpreter comes first.
    pub argv: Vec<Vec<u8>>,
    /// Names of variables that change how programs are loaded (`LD_…`). Known after the exec only.
    pub environment: Vec<Vec<u8>>,
    /// Effective uid: after the exec the new program's.
    pub uid: u32,
    pub cwd: PathBuf,
    /// Parent and process group: all stages of a pipeline have the same group.
    pub ppid: i32,
    pub pgid: i32,
}

/// What was decided, and by which rule. Rules of the gate itself begin with `gate:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub action: Action,
    /// `None`: no rule matched, the default of the scope decided.
    pub rule: Option<String>,
    pub reason: Option<Text>,
    /// Rules that only try: what they would have done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<Would>,
}

impl Decision {
    pub fn allow() -> Self {
        Self { action: Action::Allow, rule: None, reason: None, dry_run: Vec::new() }
    }

    pub fn by(action: Action, rule: &str) -> Self {
        Self { rule: Some(rule.to_owned()), action, ..Self::allow() }
    }

    pub fn deny(rule: &str) -> Self {
        Self::by(Action::Deny, rule)
    }
}

/// Who decides. The same question is asked before and after the exec, so the answer must depend on
/// the facts alone.
pub trait Decide {
    fn decide(&self, facts: &Facts) -> Decision;

    /// What to say to a line that the shell is about to run. The shell *claims* it: an answer to it is
    /// a courtesy, the execs that follow are the facts.
    fn line(&self, line: &str) -> Decision {
        let _ = line;
        Decision::allow()
    }

    /// Names the rules that decide; it is told with every verdict.
    fn digest(&self) -> String {
        String::new()
    }
}

/// Bytes as text: valid UTF-8 as it is, other bytes as `\xNN`; at most about `limit` bytes.
pub(super) fn shown(bytes: &[u8], limit: usize) -> String {
    let mut text = String::new();
    for chunk in bytes.get(..limit).unwrap_or(bytes).utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if bytes.len() > limit {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown_as_what_they_are() {
        assert_eq!(shown("é/x".as_bytes(), 10), "é/x");
        assert_eq!(shown(b"a\xff\xfeb", 10), "a\\xff\\xfeb");
        assert_eq!(shown(b"abcdef", 3), "abc…");
        // Cut in the middle of a character.
        assert_eq!(shown("é".as_bytes(), 1), "\\xc3…");
    }
}
