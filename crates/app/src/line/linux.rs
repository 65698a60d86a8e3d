//! Line mode on machines with a POSIX shell: each line is one exec channel. What stays from line to line is the working
//! directory, which is kept here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bastide_policy::{Judge, Kind};
use bastide_ssh::{Exec, Exit, NobodyToAsk, Pool, Running};
use bastide_wire::ssh::Ssh;
use uuid::Uuid;

use super::Stream;
use super::driver::{LineDriver, RunningLine};
use crate::Error;
use crate::exec::{for_shell, quote};

/// As long as paths get (PATH_MAX), and the newline behind it.
const MAX_PATH: usize = 4097;

/// What shells say before they say who they are; more than that is no start-up file's.
const MAX_BEFORE: usize = 64 * 1024;
/// A signal takes another command there, and perhaps another connection.
const SIGNALLED_WITHIN: Duration = Duration::from_secs(5);

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
    // A tilde is the shell's to read, and so is what follows an ampersand. Words that only the shell knows (`time`,
    // the name of a function that is made) leave no fact.
    let first: String = line.split_whitespace().next().unwrap_or_default().replace(['\'', '"', '\\'], "");
    let by_shell = line.contains(['~', '&', '\n', '?', '#', '!']) || program.is_empty() || first != program;
    match words {
        Some(words) if !by_shell && !BUILTINS.contains(&program) => Form::Line(
            [format!("exec {}", quote(program))].into_iter().chain(words).collect::<Vec<_>>().join(" "),
        ),
        _ => Form::Line(line.to_owned()),
    }
}

/// The whole text for the account's shell. It first says which process it is, behind the mark: sshd makes that one the
/// leader of a group (setsid), and all that it starts is in it.
fn text(cwd: Option<&str>, form: &Form, mark: &str) -> String {
    // On a line of its own: what follows is read as it was typed.
    let before = cwd.map(|cwd| format!("cd -- {} || exit\n", quote(cwd))).unwrap_or_default();
    let what = match form {
        Form::Directory(line) => format!("{{ {line}\n}} >/dev/null && pwd"),
        Form::Line(line) => line.clone(),
    };
    let shell = for_shell("linux", &format!("{before}{what}"));
    format!("exec sh -c {}", quote(&format!("echo {mark} $$ >&2; {shell}")))
}

/// A signal to all that a line has started.
fn signal_text(signal: &str, leader: u32) -> String {
    let kill = format!("kill -s {signal} -- -{leader} 2>/dev/null || kill -s {signal} {leader}");
    format!("exec sh -c {}", quote(&kill))
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
        let mark = format!("bastide-line-{}", Uuid::new_v4().simple());
        let text = text(self.cwd.as_deref(), &form, &mark);
        let running = self.pool.start(&self.ssh, &text, Arc::new(NobodyToAsk)).await?;
        Ok(Command {
            running,
            way: (self.pool.clone(), self.ssh.clone()),
            leader: Leader::Sought { mark, errors: Vec::new() },
            directory: matches!(form, Form::Directory(_)).then(Vec::new),
            pending: VecDeque::new(),
        })
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
    way: (Pool, Ssh),
    leader: Leader,
    /// What it says of the new directory.
    directory: Option<Vec<u8>>,
    /// Came, and was not asked for yet.
    pending: VecDeque<(Stream, Vec<u8>)>,
}

/// The first process of a line.
#[derive(Debug)]
enum Leader {
    /// It has not said so yet; what was written to its errors until then, by files that shells read first.
    Sought {
        mark: String,
        errors: Vec<u8>,
    },
    Found(u32),
    /// It did not say so.
    Unknown,
}

impl Leader {
    /// Takes what was written to the errors; gives what of it is the line's own.
    fn look(&mut self, came: &[u8]) -> Vec<u8> {
        let Self::Sought { mark, errors } = self else { return came.to_vec() };
        errors.extend_from_slice(came);
        let found = errors.windows(mark.len()).position(|window| window == mark.as_bytes());
        if let Some(start) = found
            && let Some(length) = errors[start..].iter().position(|byte| *byte == b'\n')
        {
            let said = std::str::from_utf8(&errors[start + mark.len()..start + length]).unwrap_or_default();
            let leader = said.trim().parse().ok().filter(|leader| *leader > 1);
            let own = [&errors[..start], &errors[start + length + 1..]].concat();
            *self = leader.map_or(Self::Unknown, Self::Found);
            return own;
        }
        if errors.len() <= MAX_BEFORE { Vec::new() } else { self.give_up() }
    }

    /// It will not say so any more.
    fn give_up(&mut self) -> Vec<u8> {
        let Self::Sought { errors, .. } = self else { return Vec::new() };
        let errors = std::mem::take(errors);
        *self = Self::Unknown;
        errors
    }
}

impl Command {
    /// Waits for something to be written; false at the end. Cancel-safe.
    async fn read(&mut self) -> bool {
        let came = self.running.next().await;
        let (output, errors) = match &came {
            Some((output, errors)) => (output.as_ref(), self.leader.look(errors)),
            None => (&[][..], self.leader.give_up()),
        };
        match &mut self.directory {
            Some(directory) => {
                let room = MAX_PATH - directory.len();
                directory.extend_from_slice(&output[..room.min(output.len())]);
            }
            None if output.is_empty() => {}
            None => self.pending.push_back((Stream::Output, output.to_vec())),
        }
        if !errors.is_empty() {
            self.pending.push_back((Stream::Errors, errors));
        }
        came.is_some()
    }

    /// To all that it has started. A server's own way to pass signals on does nothing for root (OpenSSH 9.2: "session
    /// signalling requires privilege separation"), and nothing in old ones; so another command
    /// does it where that is possible.
    async fn signal(&mut self, signal: &str) {
        let sending = async {
            while matches!(self.leader, Leader::Sought { .. }) && self.read().await {}
            if let Leader::Found(leader) = self.leader {
                let (pool, ssh) = &self.way;
                let exec = Exec::new(signal_text(signal, leader));
                if let Ok(done) = pool.exec(ssh, exec, Arc::new(NobodyToAsk)).await
                    && done.exit == Exit::Status(0)
                {
                    return;
                }
            }
            self.running.signal(signal).await;
        };
        if tokio::time::timeout(SIGNALLED_WITHIN, sending).await.is_err() {
            tracing::debug!(signal, "a line could not be signalled in time");
        }
    }
}

impl RunningLine for Command {
    async fn next(&mut self) -> Option<(Stream, Vec<u8>)> {
        loop {
            if let Some(piece) = self.pending.pop_front() {
                return Some(piece);
            }
            if !self.read().await && self.pending.is_empty() {
                return None;
            }
        }
    }

    async fn interrupt(&mut self) {
        self.signal("INT").await;
    }

    async fn kill(&mut self) {
        self.signal("KILL").await;
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
            "list() { ls; }",
            "(ls)",
            "if true; then ls; fi",
            "ls /???/rm",
        ] {
            assert_eq!(form(text), line(text), "{text}");
        }
    }

    #[test]
    fn what_it_says_of_itself_is_not_the_lines() {
        let sought = || Leader::Sought { mark: "mark".to_owned(), errors: Vec::new() };
        let mut leader = sought();
        assert_eq!(leader.look(b"profile\nmar"), b"");
        assert_eq!(leader.look(b"k 42\nown"), b"profile\nown");
        assert!(matches!(leader, Leader::Found(42)));
        assert_eq!(leader.look(b"mark 7\n"), b"mark 7\n", "only once");
        for bad in ["mark x\n", "mark 1\n", "mark -1\n", "mark \n"] {
            let mut leader = sought();
            leader.look(bad.as_bytes());
            assert!(matches!(leader, Leader::Unknown), "{bad:?}");
        }
        let mut leader = sought();
        assert_eq!(leader.look(&[b'x'; MAX_BEFORE + 1]).len(), MAX_BEFORE + 1);
        let mut leader = sought();
        leader.look(b"mark 4");
        assert_eq!(leader.give_up(), b"mark 4");
    }

    #[test]
    fn a_signal_reaches_what_a_line_has_started() {
        let mut child = std::process::Command::new("setsid");
        let child = child.arg("/bin/sh").arg("-c").arg(text(None, &form("sleep 1000; echo on"), "mark"));
        let mut child =
            child.env("HOME", "/nonexistent").stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        let leader = line.strip_prefix("mark ").unwrap().trim().parse().unwrap();
        let kill = std::process::Command::new("/bin/sh").arg("-c").arg(signal_text("KILL", leader)).status();
        assert!(kill.unwrap().success());
        assert!(!child.wait().unwrap().success());
    }

    fn ran(cwd: Option<&str>, line: &str) -> (String, i32) {
        let ran = std::process::Command::new("/bin/sh")
            // Nobody's start-up files.
            .env("HOME", "/nonexistent")
            .arg("-c")
            .arg(text(cwd, &form(line), "mark"))
            .output()
            .unwrap();
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
