//! tmux, dtach and abduco on the same work, each as its users start it.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::bare::Bare;
use crate::machine;
use crate::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Tmux,
    Dtach,
    Abduco,
}

pub(crate) const ALL: [Peer; 3] = [Peer::Tmux, Peer::Dtach, Peer::Abduco];

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Dtach => "dtach",
            Self::Abduco => "abduco",
        }
    }

    /// Debian's package is installed.
    pub(crate) fn is_there(self) -> bool {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(self.name()).is_file()))
    }
}

/// A session of a peer with a place for its socket.
pub(crate) struct Session {
    peer: Peer,
    directory: TempDir,
}

impl Session {
    pub(crate) fn new(peer: Peer) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("bastide-bench-peer").tempdir()?;
        // No status line: it is drawn by a clock and would be counted as output.
        fs::write(
            directory.path().join("tmux.conf"),
            "set -g status off\nset -s escape-time 0\nset -g history-limit 10000\nset -g default-terminal xterm-256color\n",
        )?;
        Ok(Self { peer, directory })
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }

    fn tmux(&self, words: &[&str]) -> Vec<String> {
        let (socket, conf) = (self.file("tmux.sock"), self.file("tmux.conf"));
        ["tmux", "-u", "-S", &socket, "-f", &conf]
            .iter()
            .chain(words)
            .map(|word| (*word).to_owned())
            .collect()
    }

    /// Makes the session and attaches to it.
    pub(crate) fn start(&self, program: &[String]) -> Result<Bare> {
        let mut words = match self.peer {
            Peer::Tmux => self.tmux(&["new-session", "--"]),
            Peer::Dtach => owned(&["dtach", "-c", &self.file("dtach.sock"), "-E", "-z", "-r", "none"]),
            Peer::Abduco => owned(&["abduco", "-c", "bench"]),
        };
        words.extend_from_slice(program);
        self.client(&words)
    }

    /// One more client of the session.
    pub(crate) fn attach(&self) -> Result<Bare> {
        let words = match self.peer {
            Peer::Tmux => self.tmux(&["attach-session"]),
            Peer::Dtach => owned(&["dtach", "-a", &self.file("dtach.sock"), "-E", "-z", "-r", "none"]),
            Peer::Abduco => owned(&["abduco", "-a", "bench"]),
        };
        self.client(&words)
    }

    fn client(&self, words: &[String]) -> Result<Bare> {
        let sockets = self.directory.path().to_string_lossy().into_owned();
        Ok(Bare::start(words, &[("ABDUCO_SOCKET_DIR", &sockets)])?.between())
    }

    /// The process that holds the session; to be asked once its program runs.
    pub(crate) fn server(&self, client: &Bare, program: i32) -> Result<i32> {
        match self.peer {
            Peer::Tmux => self.tmux_server(),
            Peer::Dtach | Peer::Abduco => {
                parent(program).with_context(|| format!("server of client {}", client.pid()))
            }
        }
    }

    fn tmux_server(&self) -> Result<i32> {
        let words = self.tmux(&["display-message", "-p", "#{pid}"]);
        let out = Command::new(&words[0]).args(&words[1..]).output()?;
        Ok(String::from_utf8(out.stdout)?.trim().parse()?)
    }

    /// More sessions with a program in each, for the memory of one. Returns the processes of all.
    pub(crate) fn fill(&self, numbers: std::ops::Range<usize>, program: &[&str]) -> Result<Vec<i32>> {
        let mut servers = Vec::new();
        for number in numbers {
            let words = match self.peer {
                Peer::Tmux => self.tmux(&["new-session", "-d", "-x", "80", "-y", "24"]),
                Peer::Dtach => owned(&["dtach", "-n", &self.file(&format!("{number}.sock"))]),
                Peer::Abduco => owned(&["abduco", "-n", &format!("fill{number}")]),
            };
            Command::new(&words[0])
                .args(&words[1..])
                .args(program)
                .env_remove("TMUX")
                .env("ABDUCO_SOCKET_DIR", self.directory.path())
                .stdin(Stdio::null())
                .status()?;
        }
        if self.peer == Peer::Tmux {
            servers.push(self.tmux_server()?);
        } else {
            servers.extend(machine_processes(self.peer.name(), self.directory.path())?);
        }
        Ok(servers)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.peer == Peer::Tmux {
            let words = self.tmux(&["kill-server"]);
            // There may be none.
            let _ = Command::new(&words[0]).args(&words[1..]).stderr(Stdio::null()).status();
            return;
        }
        let servers = machine_processes(self.peer.name(), self.directory.path()).unwrap_or_default();
        for server in servers {
            let programs = machine::children(server).unwrap_or_default();
            for pid in programs.into_iter().chain([server]).filter_map(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Processes of this program that were started for sockets in this directory.
fn machine_processes(name: &str, directory: &std::path::Path) -> Result<Vec<i32>> {
    let directory = directory.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        let read = |what: &str| fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let ours = [read("cmdline"), read("environ")]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(&directory));
        if ours && String::from_utf8_lossy(&read("comm")).trim() == name {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The path to a program through a peer, with the peer's server counted.
pub(crate) fn started(session: &Session, program: &[String]) -> Result<(Bare, i32)> {
    let mut client = session.start(program)?;
    let pid = crate::path::started(&mut client)?;
    let server = session.server(&client, pid)?;
    client.others = vec![server];
    debug_assert!(!client.processes().is_empty());
    Ok((client, pid))
}
