//! Programs that run what their arguments name, as a table. Option letters are from the programs' manual pages.

use super::Unknown;

/// What the arguments of a wrapper are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Options, so many operands, then a command with its arguments. `NAME=value` before it sets variables.
    Words { skip: usize, assignments: bool },
    /// Options, so many operands, then text that a shell reads.
    Text { skip: usize },
    /// Text that a shell reads, as the value of one of these options, wherever it stands.
    OptionText(&'static [&'static str]),
    /// Like `OptionText`, else like `Words`: `runuser -u user command`, `flock file command`.
    Either { option: &'static [&'static str], skip: usize },
    /// A shell: `-c` text, a script, or its input.
    Shell,
    /// Another interpreter: these options bring its own language.
    Interpreter(&'static [&'static str]),
    /// A command after one of these words, up to `;` or `+`.
    After(&'static [&'static str]),
    /// Options, one of these words, options, so many operands, then a command.
    Subcommand { words: &'static [&'static str], skip: usize },
    /// The same, and what follows is text that a shell reads.
    SubcommandText { words: &'static [&'static str] },
    /// Something runs that is not in the arguments.
    Unknown(Unknown),
    /// `name=text`.
    Alias,
    /// Arguments `NAME=value` set variables.
    Declare,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Options that take the next word.
    pub(super) values: &'static [&'static str],
    pub(super) form: Form,
}

const fn row(names: &'static [&'static str], values: &'static [&'static str], form: Form) -> Wrapper {
    Wrapper { names, values, form }
}

const WORDS: Form = Form::Words { skip: 0, assignments: false };
const AFTER_ONE: Form = Form::Words { skip: 1, assignments: false };
const SETTING: Form = Form::Words { skip: 0, assignments: true };

/// Rows that need more options than fit a line.
#[rustfmt::skip]
const SUDO: &[&str] = &["-u", "-g", "-h", "-p", "-C", "-T", "-D", "-R", "-r", "-t", "-U", "-c", "-a",
    "--user", "--group", "--host", "--prompt", "--close-from", "--command-timeout", "--chdir",
    "--chroot", "--role", "--type", "--other-user"];
#[rustfmt::skip]
const SSH: &[&str] = &["-B", "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m",
    "-O", "-o", "-P", "-p", "-Q", "-R", "-S", "-W", "-w"];
#[rustfmt::skip]
const CONTAINERS: &[&str] = &["-H", "-c", "-l", "-e", "-u", "-w", "-v", "-p", "-m", "-n", "-s",
    "--host", "--context", "--config", "--log-level", "--env", "--env-file", "--user", "--workdir",
    "--detach-keys", "--name", "--volume", "--publish", "--network", "--net", "--mount", "--entrypoint",
    "--memory", "--cpus", "--hostname", "--label", "--add-host", "--cap-add", "--cap-drop", "--device",
    "--platform", "--restart", "--security-opt", "--pull", "--runtime", "--shm-size", "--tmpfs",
    "--ulimit", "--pid", "--ipc", "--uts", "--index", "--project-name", "--file", "-f", "--namespace",
    "--container", "--kubeconfig", "--cluster", "--server", "--token", "--as", "--image", "--address"];
#[rustfmt::skip]
const SYSTEMD_RUN: &[&str] = &["-H", "-M", "-u", "-p", "-E", "--host", "--machine", "--unit",
    "--property", "--description", "--slice", "--service-type", "--uid", "--gid", "--nice",
    "--working-directory", "--setenv", "--on-active", "--on-boot", "--on-startup", "--on-unit-active",
    "--on-unit-inactive", "--on-calendar", "--timer-property", "--path-property", "--socket-property"];
#[rustfmt::skip]
const TMUX: &[&str] =
    &["-L", "-S", "-f", "-T", "-s", "-n", "-t", "-x", "-y", "-F", "-e", "-l", "-p"];
#[rustfmt::skip]
const TMUX_WORDS: &[&str] = &["new-session", "new", "new-window", "neww", "split-window", "splitw",
    "respawn-pane", "respawnp", "respawn-window", "respawnw", "run-shell", "run", "if-shell", "if",
    "display-popup", "popup", "pipe-pane", "pipep", "send-keys", "send", "source-file", "source",
    "set-hook", "bind-key", "bind", "command-prompt"];
#[rustfmt::skip]
const APPLETS: &[&str] = &["busybox", "toybox", "busybox.static", "coreutils"];
#[rustfmt::skip]
const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "ksh93", "mksh", "ash", "fish", "rbash",
    "rzsh", "csh", "tcsh", "yash", "posh", "hush", "osh", "elvish", "nu", "xonsh"];

#[rustfmt::skip]
const TABLE: &[Wrapper] = &[
    // Other rights.
    row(&["sudo"], SUDO, SETTING),
    row(&["doas"], &["-C", "-u", "-a"], WORDS),
    row(&["pkexec"], &["--user"], WORDS),
    row(&["su"], &["-c", "--command", "-g", "-G", "-s", "-w", "--shell", "--group"],
        Form::OptionText(&["-c", "--command"])),
    row(&["runuser"], &["-c", "--command", "-u", "--user", "-g", "-G", "-s", "-w", "--shell",
        "--group"], Form::Either { option: &["-c", "--command"], skip: 0 }),
    row(&["sg"], &["-c"], Form::Either { option: &["-c"], skip: 1 }),
    row(&["setpriv"], &["--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps",
        "--bounding-set", "--securebits", "--selinux-label", "--apparmor-profile", "--pdeathsig",
        "--landlock-access", "--landlock-rule"], WORDS),
    row(&["capsh", "newgrp", "machinectl", "nsexec"], &[], Form::Unknown(Unknown::Elsewhere)),
    row(&["chpst"], &["-u", "-U", "-b", "-/", "-n"], WORDS),
    row(&["setuidgid", "gosu", "su-exec"], &[], AFTER_ONE),
    // Other surroundings.
    row(&["env"], &["-u", "-C", "-S", "-a", "--unset", "--chdir", "--split-string", "--argv0"], SETTING),
    row(&["chroot"], &["--userspec", "--groups"], AFTER_ONE),
    row(&["unshare"], &["-S", "-G", "-R", "-w", "--setuid", "--setgid", "--root", "--wd",
        "--propagation", "--setgroups"], WORDS),
    row(&["nsenter"], &["-t", "-S", "-G", "--target", "--setuid", "--setgid"], WORDS),
    row(&["setarch", "faketime"], &[], AFTER_ONE),
    row(&["linux32", "linux64", "i386", "x86_64", "fakeroot", "fakechroot", "torsocks", "torify",
        "tsocks", "proxychains", "proxychains4", "eatmydata", "dbus-run-session", "dbus-launch",
        "systemd-inhibit", "firejail"], &["-l", "-s", "-i", "-b", "-f"], WORDS),
    row(&["flock"], &["-w", "-E", "-c", "--wait", "--timeout", "--conflict-exit-code", "--command"],
        Form::Either { option: &["-c", "--command"], skip: 1 }),
    // Other times and shares.
    row(&["nice"], &["-n", "--adjustment"], WORDS),
    row(&["ionice"], &["-c", "-n", "-p", "-P", "-u", "--class", "--classdata", "--pid", "--pgid",
        "--uid"], WORDS),
    row(&["chrt"], &["-T", "-P", "-D", "-p", "--sched-runtime", "--sched-period", "--sched-deadline"],
        AFTER_ONE),
    row(&["taskset"], &[], AFTER_ONE),
    row(&["numactl"], &["-i", "-N", "-C", "-m", "-l", "--interleave", "--cpunodebind", "--physcpubind",
        "--membind", "--preferred"], WORDS),
    row(&["cpulimit"], &["-l", "-p", "-e", "--limit", "--pid", "--exe"], WORDS),
    row(&["prlimit"], &["-p", "--pid", "-o"], WORDS),
    row(&["timeout", "gtimeout"], &["-k", "-s", "--kill-after", "--signal"], AFTER_ONE),
    row(&["time", "gtime"], &["-f", "-o", "--format", "--output"], WORDS),
    row(&["nohup", "setsid", "unbuffer", "catchsegv", "daemonize", "chronic", "ifne", "pee", "ts"], &[],
        WORDS),
    row(&["stdbuf"], &["-i", "-o", "-e", "--input", "--output", "--error"], WORDS),
    row(&["rlwrap"], &["-a", "-b", "-C", "-f", "-g", "-H", "-p", "-q", "-s", "-S"], WORDS),
    row(&["watch"], &["-n", "-q", "-s", "--interval", "--equexit", "--shotsdir"], Form::Text { skip: 0 }),
    row(&["entr"], &[], WORDS),
    row(&["strace", "ltrace"], &["-a", "-b", "-e", "-E", "-I", "-o", "-O", "-p", "-P", "-s", "-S", "-u",
        "-X", "-l", "-n", "-x"], WORDS),
    row(&["valgrind", "heaptrack", "gdbserver"], &[], WORDS),
    row(&["gdb", "lldb", "perf", "expect", "ansible", "salt", "crontab", "start-stop-daemon",
        "run-parts", "dtach", "abduco"], &[],
        Form::Unknown(Unknown::Elsewhere)),
    row(&["script"], &["-c", "-E", "-I", "-O", "-B", "-T", "-o", "-m", "--command", "--echo",
        "--log-in", "--log-out", "--log-io", "--log-timing"], Form::OptionText(&["-c", "--command"])),
    row(&["screen"], &["-c", "-e", "-h", "-p", "-s", "-S", "-t", "-T", "-X"], WORDS),
    row(&["tmux"], TMUX, Form::SubcommandText { words: TMUX_WORDS }),
    row(&["systemd-run"], SYSTEMD_RUN, WORDS),
    row(&["at", "batch"], &["-f", "-q", "-t"], Form::Unknown(Unknown::Elsewhere)),
    // Other machines.
    row(&["ssh", "rsh", "remsh", "slogin"], SSH, Form::Text { skip: 1 }),
    row(&["mosh"], &["-p", "--ssh", "--client", "--server", "--port"], Form::Text { skip: 1 }),
    row(&["sshpass"], &["-f", "-d", "-p", "-P"], WORDS),
    row(&["docker", "podman", "nerdctl", "kubectl", "oc", "crictl", "docker-compose", "ctr", "lxc",
        "microk8s", "k3s"], CONTAINERS, Form::Subcommand { words: &["exec", "run"], skip: 1 }),
    // Over many things.
    row(&["xargs", "gxargs"], &["-I", "-n", "-P", "-L", "-s", "-d", "-E", "-a", "--arg-file",
        "--delimiter", "--max-procs", "--max-args", "--max-chars"], WORDS),
    row(&["parallel", "sem"], &["-j", "-I", "-a", "-S", "--jobs", "--arg-file", "--sshlogin", "--delay",
        "--timeout", "--joblog", "--results", "--colsep"], Form::Text { skip: 0 }),
    row(&["find", "gfind"], &[], Form::After(&["-exec", "-execdir", "-ok", "-okdir"])),
    row(&["fd", "fdfind"], &[], Form::After(&["-x", "-X", "--exec", "--exec-batch"])),
    row(&["tar", "gtar", "bsdtar"], &["-I", "--use-compress-program", "--to-command",
        "--checkpoint-action", "-F", "--info-script", "--new-volume-script", "--rsh-command"],
        Form::OptionText(&["-I", "--use-compress-program", "--to-command", "--checkpoint-action", "-F",
        "--info-script", "--new-volume-script", "--rsh-command"])),
    row(&["rsync"], &["-e", "--rsh", "--rsync-path"], Form::OptionText(&["-e", "--rsh", "--rsync-path"])),
    row(&["man"], &["-P", "--pager", "-H", "--html"], Form::OptionText(&["-P", "--pager", "-H", "--html"])),
    // Applets, shells, other languages.
    row(APPLETS, &[], WORDS),
    row(SHELLS, &["-o", "-O", "--rcfile", "--init-file", "-D"], Form::Shell),
    row(&["python", "python2", "python3", "pypy", "pypy3"], &["-W", "-X", "-Q"],
        Form::Interpreter(&["-c"])),
    row(&["perl", "ruby", "lua", "luajit", "node", "nodejs", "deno", "bun", "osascript"], &[],
        Form::Interpreter(&["-e", "-E", "-p", "-pe", "-ne", "-lne", "--eval", "--print"])),
    row(&["php"], &[], Form::Interpreter(&["-r", "--run", "-B", "-R", "-E"])),
    row(&["tclsh", "guile", "gawk-e", "pwsh", "powershell"], &[], Form::Interpreter(&["-c", "-Command",
        "-e"])),
    // Builtins of the shell.
    row(&["command"], &[], WORDS),
    row(&["builtin", "noglob", "nocorrect", "-"], &[], WORDS),
    row(&["exec"], &["-a"], WORDS),
    row(&["eval"], &[], Form::Text { skip: 0 }),
    row(&["jobs"], &[], Form::OptionText(&["-x"])),
    row(&["trap"], &[], Form::OptionText(&[])),
    row(&["bind", "complete", "compgen", "mapfile", "readarray"], &["-x", "-C", "-F"],
        Form::OptionText(&["-x", "-C"])),
    row(&["source", ".", "enable"], &[], Form::Unknown(Unknown::Script)),
    row(&["fc", "r"], &[], Form::Unknown(Unknown::Elsewhere)),
    row(&["alias", "abbr"], &[], Form::Alias),
    row(&["export", "declare", "typeset", "readonly", "local"], &[], Form::Declare),
];

/// The row of a program, by its name without directory.
pub(super) fn find(name: &str) -> Option<&'static Wrapper> {
    TABLE.iter().find(|row| row.names.contains(&name))
}

/// Variables whose value is a command of a shell.
pub(super) const COMMAND_VARIABLES: [&str; 14] = [
    "PROMPT_COMMAND",
    "PAGER",
    "MANPAGER",
    "GIT_PAGER",
    "SYSTEMD_PAGER",
    "EDITOR",
    "VISUAL",
    "SUDO_EDITOR",
    "GIT_EDITOR",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "LESSOPEN",
    "LESSCLOSE",
    "FCEDIT",
];
/// Variables in whose value a shell expands substitutions.
pub(super) const PROMPT_VARIABLES: [&str; 7] = ["PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "RPROMPT"];
/// Variables that name a file of commands.
pub(super) const SCRIPT_VARIABLES: [&str; 3] = ["BASH_ENV", "ENV", "ZDOTDIR"];
