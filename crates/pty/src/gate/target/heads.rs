//! What the kernel will load for a path: the file itself, or the interpreter that its first line names.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use super::{Asked, Executable, open, reachable};

/// `BINPRM_BUF_SIZE`: how much of a file the kernel looks at.
const HEAD_BYTES: usize = 256;
/// Scripts whose interpreters are scripts: the kernel gives up after as many.
const INTERPRETERS: usize = 5;
/// Files whose beginning is remembered.
const HEADS: usize = 512;

/// The beginnings of files: whether they are scripts, and for which interpreter.
#[derive(Debug, Default)]
pub(in crate::gate) struct Heads {
    known: HashMap<(u64, u64, (i64, i64)), Option<Interpreter>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Interpreter {
    path: Vec<u8>,
    argument: Option<Vec<u8>>,
}

/// What the kernel will load, and with which arguments.
#[derive(Debug)]
pub(in crate::gate) struct Expected {
    pub(in crate::gate) exe: Executable,
    pub(in crate::gate) script: Option<Executable>,
    pub(in crate::gate) argv: Vec<Vec<u8>>,
}

impl Heads {
    /// Follows `asked` to the file and on to its interpreter. `Err` carries the errno: ENOENT is what
    /// every directory of PATH but one gives.
    pub(in crate::gate) fn expected(&mut self, tid: i32, asked: &Asked) -> Result<Expected, i32> {
        let (file, exe) = open(&asked.path, asked.follow)?;
        let mut argv = asked.argv.clone();
        let mut expected = Expected { exe, script: None, argv: Vec::new() };
        let mut name = asked.execfn.clone();
        let mut interpreter = self.interpreter(&file, &expected.exe);
        for _ in 0..INTERPRETERS {
            let Some(Interpreter { path, argument }) = interpreter else {
                expected.argv = argv;
                return Ok(expected);
            };
            // execve(2), "Interpreter scripts": the caller's argv[0] is lost.
            let rest = argv.split_off(1);
            argv = vec![path.clone()];
            argv.extend(argument);
            argv.push(name);
            argv.extend(rest);
            let (file, next) = open(&reachable(tid, &format!("/proc/{tid}/cwd"), &path), true)?;
            interpreter = self.interpreter(&file, &next);
            let script = std::mem::replace(&mut expected.exe, next);
            expected.script.get_or_insert(script);
            name = path;
        }
        Err(libc::ELOOP)
    }

    fn interpreter(&mut self, file: &File, exe: &Executable) -> Option<Interpreter> {
        // Its change time is in the key: a file that was written since is read again.
        let key = (exe.device, exe.inode, exe.changed);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let interpreter = head(file).and_then(|head| read_head(&head));
        if self.known.len() >= HEADS {
            self.known.clear();
        }
        self.known.insert(key, interpreter.clone());
        interpreter
    }
}

fn head(file: &File) -> Option<Vec<u8>> {
    // Only its name is open so far; opening a pipe or a device could wait or do something.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let readable = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let mut head = vec![0; HEAD_BYTES];
    let got = readable.read_at(&mut head, 0).ok()?;
    head.truncate(got);
    Some(head)
}

/// `#! interpreter argument`, as the kernel's binfmt_script reads it.
fn read_head(head: &[u8]) -> Option<Interpreter> {
    let line = head.strip_prefix(b"#!")?;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = line.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(line.len());
    let mut line = &line[..end];
    while let [b' ' | b'\t', rest @ ..] = line {
        line = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = line {
        line = rest;
    }
    let name = line.iter().position(blank).unwrap_or(line.len());
    let (path, mut argument) = line.split_at(name);
    while let [b' ' | b'\t', rest @ ..] = argument {
        argument = rest;
    }
    (!path.is_empty()).then(|| Interpreter {
        path: path.to_vec(),
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Option<(String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it was");
        read_head(head.as_bytes()).map(|it| (text(it.path), it.argument.map(text)))
    }

    #[test]
    fn the_first_line_of_a_script_is_read_as_the_kernel_does() {
        let some = |path: &str, argument: Option<&str>| Some((path.to_owned(), argument.map(str::to_owned)));
        assert_eq!(read("#!/bin/sh\necho"), some("/bin/sh", None));
        assert_eq!(read("#! \t/bin/sh  -e -x \t\n"), some("/bin/sh", Some("-e -x")));
        assert_eq!(read("#!/usr/bin/env python3"), some("/usr/bin/env", Some("python3")));
        assert_eq!(read("#!\n/bin/sh"), None);
        assert_eq!(read("\x7fELF"), None);
        assert_eq!(read(""), None);
    }
}
