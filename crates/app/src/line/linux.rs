//! Line mode on machines with a POSIX shell: each line is one exec channel. What stays from line to line is the working
//! directory, which is kept here.

use std::sync::Arc;

use bastide_policy::{Judge, Kind};
use bastide_ssh::{Exit, NobodyToAsk, Pool, Running};
use bastide_wire::ssh::Ssh;

use super::Stream;
use super::driver::{LineDriver, RunningLine};
use crate::Error;
use crate::exec::{for_shell, quote};

/// As long as paths get (PATH_MAX), and the newline behind it.
const MAX_PATH: usize = 4097;

/// Not programs of their own, or others as programs than as what the shell has (bash(1), SHELL BUILTIN COMMANDS).
const BUILTINS: [&str; 61] = [
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

pub(super) struct Linux {
    pool: Pool,
    ssh: Ssh,
    /// `account@server`.
    whom: String,
    /// None: where a login begins.
    cwd: Option<String>,
}

/// What the shell there is given.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// Nothing but a change of the directory: the new one is what it writes.
    Directory(String),
    Line(String),
}

impl Linux {
    pub(super) fn new(pool: Pool, ssh: Ssh, server: &str) -> Self {
        let account = ssh.hops.last().map(|hop| hop.username.as_str()).unwrap_or_default();
        let whom = format!("{account}@{server}");
        Self { pool, ssh, whom, cwd: None }
    }
}

/// What is run for a line. A single command without anything that the shell would change is quoted again, word by word, and
/// takes the shell's place: no function and no alias of the account there stands between the name that was judged and the
/// program.
fn form(line: &str) -> Form {
    let facts = Judge::facts(line).facts;
    let [fact] = facts.as_slice() else { return Form::Line(line.to_owned()) };
    let plain = fact.kind == Kind::Command
        && fact.assignments.is_empty()
        && fact.redirects.is_empty()
        && fact.via.is_empty()
        && fact.unknown.is_none();
    let program = fact.program.known().and_then(|program| std::str::from_utf8(program).ok());
    let Some(program) = program.filter(|_| plain) else { return Form::Line(line.to_owned()) };
    if program == "cd" {
        return Form::Directory(line.to_owned());
    }
    let known = |word: &bastide_policy::Word| {
        word.known().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(quote)
    };
    let words: Option<Vec<_>> = fact.arguments.iter().map(known).collect();
    // A tilde is the shell's to read, and so is what follows an ampersand.
    let by_shell = line.contains(['~', '&', '\n', '?', '#', '!']) || program.is_empty();
    match words {
        Some(words) if !by_shell && !BUILTINS.contains(&program) => Form::Line(
            [format!("exec {}", quote(program))].into_iter().chain(words).collect::<Vec<_>>().join(" "),
        ),
        _ => Form::Line(line.to_owned()),
    }
}

/// The whole text for the account's shell.
fn text(cwd: Option<&str>, form: &Form) -> String {
    // On a line of its own: what follows is read as it was typed.
    let before = cwd.map(|cwd| format!("cd -- {} || exit\n", quote(cwd))).unwrap_or_default();
    let what = match form {
        Form::Directory(line) => format!("{{ {line}\n}} >/dev/null && pwd"),
        Form::Line(line) => line.clone(),
    };
    for_shell("linux", &format!("{before}{what}"))
}

impl LineDriver for Linux {
    type Running = Command;

    async fn connect(&mut self) -> Result<(), Error> {
        self.pool.connect(&self.ssh, Arc::new(NobodyToAsk)).await?;
        Ok(())
    }

    fn prompt(&self) -> String {
        format!("{}:{}$ ", self.whom, self.cwd.as_deref().unwrap_or("~"))
    }

    fn place(&self) -> Option<String> {
        self.cwd.clone()
    }

    async fn start(&mut self, line: &str) -> Result<Command, Error> {
        let form = form(line);
        let text = text(self.cwd.as_deref(), &form);
        let running = self.pool.start(&self.ssh, &text, Arc::new(NobodyToAsk)).await?;
        let directory = matches!(form, Form::Directory(_)).then(Vec::new);
        Ok(Command { running, directory, errors: Vec::new() })
    }

    async fn finish(&mut self, mut line: Command) -> Exit {
        let exit = line.running.exit().await;
        if let Some(said) = line.directory.filter(|_| exit == Exit::Status(0))
            && let Ok(directory) = String::from_utf8(said)
            && let Some(directory) = directory.strip_suffix('\n')
            && directory.starts_with('/')
        {
            self.cwd = Some(directory.to_owned());
        }
        exit
    }

    async fn close(self) {
        // The connection is shared with what else the person does there, and ends when nobody uses it.
    }
}

/// A command that runs.
pub(super) struct Command {
    running: Running,
    /// What it says of the new directory.
    directory: Option<Vec<u8>>,
    /// Came together with what was told last.
    errors: Vec<u8>,
}

impl RunningLine for Command {
    async fn next(&mut self) -> Option<(Stream, Vec<u8>)> {
        if !self.errors.is_empty() {
            return Some((Stream::Errors, std::mem::take(&mut self.errors)));
        }
        loop {
            let (mut output, errors) = self.running.next().await?;
            if let Some(directory) = &mut self.directory {
                let room = MAX_PATH - directory.len();
                directory.extend_from_slice(&output[..room.min(output.len())]);
                output.clear();
            }
            if !output.is_empty() {
                self.errors = errors.to_vec();
                return Some((Stream::Output, output.to_vec()));
            }
            if !errors.is_empty() {
                return Some((Stream::Errors, errors.to_vec()));
            }
        }
    }

    async fn interrupt(&mut self) {
        self.running.signal("INT").await;
    }

    async fn kill(&mut self) {
        self.running.signal("KILL").await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn line(text: &str) -> Form {
        Form::Line(text.to_owned())
    }

    #[test]
    fn a_single_command_takes_the_shells_place() {
        assert_eq!(form("ls -l 'a b'"), line("exec 'ls' '-l' 'a b'"));
        assert_eq!(form("grep -e x /etc/passwd"), line("exec 'grep' '-e' 'x' '/etc/passwd'"));
        assert_eq!(form("ls {a,b}"), line("exec 'ls' 'a' 'b'"));
        assert_eq!(form("cd /tmp"), Form::Directory("cd /tmp".to_owned()));
        assert_eq!(form("cd \"$HOME\""), Form::Directory("cd \"$HOME\"".to_owned()));
    }

    #[test]
    fn what_the_shell_reads_is_left_to_it() {
        for text in [
            "ls ~",
            "ls *.rs",
            "ls $HOME",
            "ls | wc",
            "ls; ls",
            "X=1 env",
            "ls >x",
            "sudo ls",
            "export X=1",
            "echo hi",
            "",
            "# nothing",
            "sleep 1 &",
            "cd /tmp && ls",
            "exit 3",
            "unreadable '",
            "time ls",
            "if true; then ls; fi",
            "ls /???/rm",
        ] {
            assert_eq!(form(text), line(text), "{text}");
        }
    }

    fn ran(cwd: Option<&str>, line: &str) -> (String, i32) {
        let ran =
            std::process::Command::new("/bin/sh").arg("-c").arg(text(cwd, &form(line))).output().unwrap();
        (String::from_utf8(ran.stdout).unwrap(), ran.status.code().unwrap())
    }

    #[test]
    fn a_line_runs_where_the_one_before_left_it() {
        assert_eq!(ran(Some("/usr"), "pwd"), ("/usr\n".to_owned(), 0));
        assert_eq!(ran(Some("/usr"), "cd bin/.. && pwd"), ("/usr\n".to_owned(), 0));
        assert_eq!(ran(Some("/usr"), "cd /tmp"), ("/tmp\n".to_owned(), 0));
        assert_eq!(ran(Some("/"), "cd usr # there"), ("/usr\n".to_owned(), 0));
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("it's $HOME\nodd");
        std::fs::create_dir(&odd).unwrap();
        assert_eq!(ran(odd.to_str(), "pwd").0, format!("{}\n", odd.display()));
        let (said, status) = ran(Some("/no/such"), "echo ran");
        assert_eq!((said.as_str(), status != 0), ("", true), "not anywhere else");
        assert_ne!(ran(Some("/"), "cd /no/such").1, 0);
        assert_eq!(ran(None, "exit 3").1, 3);
    }
}
