//! What keeps a gated session in, piece by piece, and whether this machine has it.

use std::process::Stdio;

use serde::{Deserialize, Serialize};

use super::kernel::{self, Wait};
use super::{Profile, Supervisor, confine};

/// One thing that holds. Each closes something that the others leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The kernel asks before every exec.
    Notifier,
    /// A held command can be cancelled by Ctrl-C alone; without it the slower mode is used.
    KillableWait,
    /// Memory of another uid can be read and programs be stopped after their exec.
    SecondCheck,
    /// sudo and other setuid programs work inside.
    Setuid,
    /// A mount namespace: own `/run`, `/tmp`, `/dev/shm`; the daemon's directories are not there.
    Mounts,
    /// Nothing the session can write to is executable.
    Noexec,
    /// Files outside of home and temporary directories cannot be written, by root neither; other
    /// processes' memory cannot be reached.
    Files,
    /// Signals and abstract sockets do not leave the session.
    Scopes,
    /// TCP ports can be limited.
    Tcp,
    /// No new executable memory.
    Memory,
}

impl Layer {
    pub const ALL: [Self; 10] = [
        Self::Notifier,
        Self::KillableWait,
        Self::SecondCheck,
        Self::Setuid,
        Self::Mounts,
        Self::Noexec,
        Self::Files,
        Self::Scopes,
        Self::Tcp,
        Self::Memory,
    ];

    /// As it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notifier => "notifier",
            Self::KillableWait => "killable_wait",
            Self::SecondCheck => "second_check",
            Self::Setuid => "setuid",
            Self::Mounts => "mounts",
            Self::Noexec => "noexec",
            Self::Files => "files",
            Self::Scopes => "scopes",
            Self::Tcp => "tcp",
            Self::Memory => "memory",
        }
    }

    /// What it does, in half a line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Notifier => "the kernel asks before every program start",
            Self::KillableWait => "only what kills a command ends its wait",
            Self::SecondCheck => "what was loaded is checked before its first instruction",
            Self::Setuid => "sudo works inside",
            Self::Mounts => "own /run, /tmp and /dev/shm; other daemons' sockets are not there",
            Self::Noexec => "in closed: nothing is executable that the session can write",
            Self::Files => "nothing is writable but home, /tmp and the like, also for root",
            Self::Scopes => "signals and abstract sockets do not leave the session",
            Self::Tcp => "TCP ports can be limited",
            Self::Memory => "in closed: no new executable memory",
        }
    }

    /// What follows where it is missing.
    pub fn without(self) -> &'static str {
        match self {
            Self::Notifier => "no session can be gated",
            Self::KillableWait => "execs cost more, and a handled signal withdraws a held command",
            Self::SecondCheck => "no session can be gated",
            Self::Setuid => "sudo, su and ping refuse to run in a gated session",
            Self::Mounts => "the session reaches sockets of other daemons, the daemon's own among them",
            Self::Noexec => "own libraries (LD_PRELOAD by another name, enable -f) run code unseen",
            Self::Files => "a session of root can write cron tables, programs and other processes' memory",
            Self::Scopes => {
                "the session can signal the account's other processes and talk to their abstract sockets"
            }
            Self::Tcp => "TCP ports cannot be limited",
            Self::Memory => "code that is loaded without an exec runs unseen, in the profile closed too",
        }
    }

    /// How to get it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Notifier => "Linux 5.5 or newer with CONFIG_SECCOMP_FILTER",
            Self::KillableWait => "Linux 5.19 or newer",
            Self::SecondCheck => {
                "kernel.yama.ptrace_scope below 3; in a container for other accounts, the capability SYS_PTRACE"
            }
            Self::Setuid => "run the daemon as root (in a container with SYS_ADMIN)",
            Self::Mounts | Self::Noexec => {
                "run the daemon as root (in a container with SYS_ADMIN), or allow user namespaces; Linux 5.12"
            }
            Self::Files => "Linux 5.13 or newer with landlock in the lsm= list",
            Self::Scopes => "Linux 6.12 or newer with landlock in the lsm= list",
            Self::Tcp => "Linux 6.7 or newer with landlock in the lsm= list",
            Self::Memory => "Linux 6.3 or newer",
        }
    }

    /// Whether the label *enforced* needs it.
    pub fn is_needed(self, profile: Profile) -> bool {
        match self {
            Self::Notifier | Self::SecondCheck | Self::Mounts | Self::Files | Self::Scopes => true,
            Self::Noexec | Self::Memory => profile == Profile::Closed,
            Self::KillableWait | Self::Setuid | Self::Tcp => false,
        }
    }
}

/// A layer that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub layer: Layer,
    /// What the kernel said, or why it was not asked.
    pub cause: String,
}

/// Which layers there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    pub present: Vec<Layer>,
    pub missing: Vec<Missing>,
}

/// How much a gated session's verdicts are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Every program start in its tree was judged, and what would get round that is closed.
    Enforced,
    /// Every program start was judged, but layers are missing: an aid.
    Gated,
}

impl Layers {
    pub fn has(&self, layer: Layer) -> bool {
        self.present.contains(&layer)
    }

    /// What a session of `profile` may be called.
    pub fn label(&self, profile: Profile) -> Label {
        let all =
            Layer::ALL.into_iter().filter(|layer| layer.is_needed(profile)).all(|layer| self.has(layer));
        if all { Label::Enforced } else { Label::Gated }
    }

    /// Notes one: there, or why not.
    pub(super) fn note(&mut self, layer: Layer, result: Result<(), String>) {
        match result {
            Ok(()) => self.present.push(layer),
            Err(cause) => self.missing.push(Missing { layer, cause }),
        }
    }

    /// By the version of Landlock.
    pub(super) fn note_landlock(&mut self) {
        let version = kernel::landlock_version();
        for (layer, needed) in [(Layer::Files, 1), (Layer::Tcp, 4), (Layer::Scopes, 6)] {
            let cause = || format!("landlock has version {version} here, it needs {needed}");
            self.note(layer, if version >= needed { Ok(()) } else { Err(cause()) });
        }
    }
}

/// What a session started by this process would have. A process is started to find out: asking the
/// kernel means doing it.
pub fn layers(supervisor: &Supervisor) -> std::io::Result<Layers> {
    let output =
        supervisor.command().arg("--layers").stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// In a process of its own that ends after it: tries each.
pub(super) fn probe() -> Layers {
    let mut found = Layers::default();
    let absent = || Err("the kernel has no user notification".to_owned());
    found.note(Layer::Notifier, if kernel::can_notify() { Ok(()) } else { absent() });
    let nothing = confine::Request {
        profile: Profile::Closed,
        confinement: &super::Confinement::default(),
        home: std::path::Path::new("/nonexistent"),
        directory: std::path::Path::new("/"),
        identity: None,
    };
    confine::enter(&nothing, &mut found);
    found.note(Layer::Memory, confine::refuse_new_code());
    found.note(Layer::SecondCheck, second_check());
    found.note_landlock();
    if !confine::is_privileged()
        && let Err(error) = kernel::set(libc::PR_SET_NO_NEW_PRIVS, 1)
    {
        found.note(Layer::Notifier, Err(error.to_string()));
    }
    let program = [libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    }];
    let killable = kernel::install_filter(&program, Wait::Killable);
    found.note(Layer::KillableWait, killable.map(drop).map_err(|error| error.to_string()));
    found
}

fn second_check() -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let Some(child) = kernel::fork().map_err(text)? else {
        // Killed by its parent, or with it.
        let _ = kernel::set(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64);
        loop {
            std::thread::park();
        }
    };
    let result = kernel::seize(child).map_err(text);
    if let Some(pid) = rustix::process::Pid::from_raw(child) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(present: &[Layer]) -> Layers {
        Layers { present: present.to_vec(), missing: Vec::new() }
    }

    #[test]
    fn enforced_needs_what_closes_the_known_ways_round() {
        let all = with(&Layer::ALL);
        assert_eq!(all.label(Profile::Closed), Label::Enforced);
        for layer in Layer::ALL {
            let rest: Vec<_> = Layer::ALL.into_iter().filter(|other| *other != layer).collect();
            for profile in [Profile::Closed, Profile::Workbench] {
                let expected = if layer.is_needed(profile) { Label::Gated } else { Label::Enforced };
                assert_eq!(with(&rest).label(profile), expected, "{layer:?} {profile:?}");
            }
        }
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for layer in Layer::ALL {
            let written = serde_json::to_string(&layer).expect("a name");
            assert_eq!(written, format!("{:?}", layer.name()));
        }
    }
}
