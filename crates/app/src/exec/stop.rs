//! A command that is to end before its time, with all that it has started.
//!
//! The server's own way to pass signals on does nothing for root in some versions (OpenSSH 9.2: "session signalling
//! requires privilege separation") and nothing in old ones, and a program that waits does not notice that its channel
//! is closed. So each command has its number in its environment, which what it starts has too; another command looks
//! for it in `/proc`, where there is one.

use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::{Exec, NobodyToAsk, Pool};
use bastide_wire::ssh::Ssh;
use uuid::Uuid;

use super::{for_shell, is_unix, quote};

/// In the environment of commands: the number of the session that they are.
const VARIABLE: &str = "BASTIDE_COMMAND";

/// Whoever waits for the end of a right does not wait for a server that does not answer.
const WITHIN: Duration = Duration::from_secs(2);

/// What the account's shell is given, to be found again.
pub(super) fn marked(platform: &str, command: &str, session: Uuid) -> String {
    match is_unix(platform) {
        true => format!("export {VARIABLE}={session} 2>/dev/null; {}", for_shell(platform, command)),
        false => command.to_owned(),
    }
}

/// Kills what is left of it.
pub(super) async fn kill(pool: &Pool, ssh: &Ssh, (platform, session): (&str, Uuid)) {
    if !is_unix(platform) {
        return;
    }
    let exec = Exec { timeout: WITHIN, ..Exec::new(kill_text(session)) };
    let killed = pool.exec(ssh, exec, Arc::new(NobodyToAsk));
    match tokio::time::timeout(WITHIN, killed).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, %session, "what is left of a command could not be looked for");
        }
        Err(_) => tracing::warn!(%session, "what is left of a command was not looked for in time"),
    }
}

/// A few times: what forks meanwhile is found the next time.
fn kill_text(session: Uuid) -> String {
    let find = format!("grep -ls {VARIABLE}={session} /proc/[0-9]*/environ 2>/dev/null");
    let kill = r#"for f in $found; do p=${f#/proc/}; kill -s KILL "${p%/environ}" 2>/dev/null; done"#;
    let text = format!("for i in 1 2 3 4 5; do found=$({find}); [ -n \"$found\" ] || exit 0; {kill}; done");
    format!("exec sh -c {}", quote(&text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn all_that_a_command_has_started_is_found_and_nothing_else() {
        let start = |session| {
            let text = marked("linux", "sleep 3600 & echo; setsid sleep 3600", session);
            let mut shell = Command::new("/bin/sh");
            shell.env("HOME", "/nonexistent").arg("-c").arg(text).stdout(Stdio::piped());
            shell.spawn().unwrap()
        };
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let (mut killed, mut kept) = (start(one), start(other));
        // It has started what it starts in the background.
        let mut said = [0; 1];
        std::io::Read::read_exact(killed.stdout.as_mut().unwrap(), &mut said).unwrap();
        let kill = |session| {
            let done = Command::new("/bin/sh").arg("-c").arg(kill_text(session)).status().unwrap();
            assert!(done.success());
        };
        kill(one);
        assert!(!killed.wait().unwrap().success());
        // Nobody holds its output any more: nothing of it is left.
        let mut rest = String::new();
        std::io::Read::read_to_string(killed.stdout.as_mut().unwrap(), &mut rest).unwrap();
        assert!(kept.try_wait().unwrap().is_none());
        kill(other);
        kept.wait().unwrap();
    }
}
