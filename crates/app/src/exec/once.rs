//! One command on a server, from its verdict to its recording.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::{Exec, Exit, NobodyToAsk, Output};
use bastide_store::{RecordingState, Server};
use bastide_wire::ssh::Ssh;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use super::hold::{Approval, LONGEST_REVIEW, Line, Patience};
use super::judged::{How, begin, end};
use super::stop::{kill, marked};
use super::{LONGEST, MAX_COMMAND, check_command, is_unix, quote};
use crate::context::{About, Action, Ctx};
use crate::sessions::OnServer;
use crate::streams::{self, Way};
use crate::{Error, hex};

/// Where nothing else is asked for.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// So much of a command stands in the log, with the digest of all of it.
const MAX_LOGGED: usize = 4096;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    pub command: String,
    /// The server's default one when absent.
    pub credential: Option<i64>,
    pub timeout: Option<Duration>,
    /// How long it may wait for a second person where one has to approve it; none: it is refused then.
    pub wait: Option<Duration>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ended {
    /// Absent when a signal ended it, and when it did not end.
    pub exit_status: Option<u32>,
    /// Without `SIG`.
    pub signal: Option<String>,
    /// Why neither is known.
    pub why: Option<String>,
    pub timed_out: bool,
}

/// How a command ended and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Executed {
    #[serde(flatten)]
    pub ended: Ended,
    /// Bytes that are no UTF-8 are U+FFFD here.
    pub stdout: String,
    pub stderr: String,
    /// More was written than is here.
    pub truncated: bool,
    pub stdout_bytes: u64,
    pub stderr_bytes: u64,
    /// SHA-256 of all that was written, in hexadecimal.
    pub stdout_sha256: String,
    pub stderr_sha256: String,
    pub duration_ms: u64,
    /// Under which its output can be read again.
    pub recording: Option<Uuid>,
    /// Who approved it, where somebody had to.
    pub approval: Option<Approval>,
}

impl Executed {
    pub fn succeeded(&self) -> bool {
        self.ended.exit_status == Some(0)
    }

    fn of(output: Output, recording: Option<Uuid>, approval: Option<Approval>) -> Self {
        let (exit_status, signal, why) = match output.exit {
            Exit::Status(status) => (Some(status), None, None),
            Exit::Signal(signal) => (None, Some(signal), None),
            Exit::Unsaid => (None, None, Some("the server did not say how it ended".to_owned())),
            Exit::Lost(why) => (None, None, Some(why)),
        };
        Self {
            ended: Ended { exit_status, signal, why, timed_out: output.timed_out },
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            truncated: output.truncated,
            stdout_bytes: output.stdout_bytes,
            stderr_bytes: output.stderr_bytes,
            stdout_sha256: hex::encode(&output.stdout_sha256),
            stderr_sha256: hex::encode(&output.stderr_sha256),
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            recording,
            approval,
        }
    }

    /// For the log: everything but the output itself.
    fn facts(&self, about: About) -> About {
        about
            .with("exit_status", self.ended.exit_status)
            .with("signal", self.ended.signal.clone())
            .with("lost", self.ended.why.clone())
            .with("truncated", self.truncated)
            .with("stdout_bytes", self.stdout_bytes)
            .with("stderr_bytes", self.stderr_bytes)
            .with("stdout_sha256", self.stdout_sha256.as_str())
            .with("stderr_sha256", self.stderr_sha256.as_str())
            .with("duration_ms", self.duration_ms)
            .with("recording", self.recording.map(|id| Value::String(id.to_string())))
    }
}

/// Runs a command to its end, in a login shell, without a terminal and without input. What it was and how it ended is
/// in the log, what it wrote is a recording. Where a second person has to approve it, it waits for them first, as long
/// as the caller does. When the right to it ends, so does it, whatever it does then.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden` also for one that was not approved, `Conflict` for one that is not to wait,
/// `Invalid`, `Limit`, `Ssh`, `Storage`.
pub async fn execute(ctx: &Ctx, server: i64, asked: Command) -> Result<Executed, Error> {
    let on = OnServer { server, credential: asked.credential };
    let way = streams::way(ctx, Action::ServerExecute, on).await?;
    check(&asked)?;
    let about = about(&way.server, &asked);
    let noted = about.clone();
    // Whoever leaves waits no longer. What runs already goes on.
    let given_up = CancellationToken::new();
    let _leaves = given_up.clone().drop_guard();
    ctx.audited(Action::ServerExecute, about, async move |ctx| {
        let mut right = way.right.clone();
        let stop = Stop { given_up, lost: CancellationToken::new() };
        let mut working = pin!(judged(&ctx, (way, asked), &stop, noted));
        tokio::select! {
            biased;
            done = working.as_mut() => done,
            why = right.lost() => {
                stop.given_up.cancel();
                stop.lost.cancel();
                // What it has done until now is written down as ever.
                drop(working.await);
                Err(why)
            }
        }
    })
    .await
}

/// When a command is not wanted any more.
struct Stop {
    /// While it waits for a second person.
    given_up: CancellationToken,
    /// Whatever it does: the right to it is gone.
    lost: CancellationToken,
}

async fn judged(
    ctx: &Ctx,
    (way, asked): (Way, Command),
    stop: &Stop,
    noted: About,
) -> Result<Executed, Error> {
    let Way { server, ssh, right } = way;
    let action = Action::ServerExecute;
    let account = ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default();
    let text = asked.command.clone();
    let line = Line { server, account, text, cwd: None, session: Uuid::now_v7(), at_ms: None };
    let patience = Patience { limit: asked.wait, told: |_: &_| (), given_up: &stop.given_up };
    let (session, approval) = begin(ctx, (action, &line), How::plain(asked.credential), patience).await?;
    // Who waited has what holds now, the credential too.
    let ssh = match &approval {
        Some(_) => {
            let now = ctx.fresh().await?;
            super::way(&now, action, right.on.server, asked.credential).await.map(|(_, ssh)| ssh)
        }
        None => Ok(ssh),
    };
    let run = match ssh {
        Ok(ssh) => run(ctx, (&line, &asked), ssh, &stop.lost).await,
        Err(error) => Err(error),
    };
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            session.end(end(ctx, "failed", None)).await;
            return Err(error);
        }
    };
    let execs = ctx.app().execs();
    let started = (line.session, output.duration);
    let kept = execs.recorders().keep(started, (&line.server, &line.text), &output).await;
    let exit = match output.exit {
        Exit::Status(status) => Some(status),
        _ => None,
    };
    let recording = if kept { RecordingState::Closed } else { RecordingState::Off };
    session.finish(recording, end(ctx, "exec", exit)).await;
    let executed = Executed::of(output, kept.then_some(line.session), approval);
    ctx.note(action, &executed.facts(noted), "output", None).await?;
    Ok(executed)
}

async fn run(
    ctx: &Ctx,
    (line, asked): (&Line, &Command),
    ssh: Ssh,
    stop: &CancellationToken,
) -> Result<Output, Error> {
    let execs = ctx.app().execs();
    let running = execs.place()?;
    let platform = line.server.settings.platform.as_str();
    let text = marked(platform, &line.text, line.session);
    let exec = Exec { timeout: asked.timeout.unwrap_or(DEFAULT_TIMEOUT), ..Exec::new(text) };
    let output = execs.pool.exec_until(&ssh, exec, Arc::new(NobodyToAsk), stop).await;
    let is_late = output.as_ref().is_ok_and(|output| output.timed_out);
    if is_late || stop.is_cancelled() {
        kill(&execs.pool, &ssh, (platform, line.session)).await;
    }
    drop(running);
    Ok(output?)
}

fn check(asked: &Command) -> Result<(), Error> {
    if asked.command.trim().is_empty() {
        return Err(Error::Invalid("command: what is to be run".to_owned()));
    }
    check_command(&asked.command, MAX_COMMAND)?;
    if asked.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST) {
        return Err(Error::Invalid(format!("timeout_seconds: 1 to {}", LONGEST.as_secs())));
    }
    if asked.wait.is_some_and(|wait| wait.is_zero() || wait > LONGEST_REVIEW) {
        return Err(Error::Invalid(format!("review_seconds: 0 to {}", LONGEST_REVIEW.as_secs())));
    }
    Ok(())
}

fn about(server: &Server, asked: &Command) -> About {
    let shown: String = asked.command.chars().take(MAX_LOGGED).collect();
    About::nothing()
        .with("server", server.id)
        .with("server_name", server.settings.name.as_str())
        .with("credential", asked.credential)
        .with("command", shown)
        .with("command_sha256", hex::encode(Sha256::digest(asked.command.as_bytes()).as_slice()))
}

/// The command as the account's shell is given it: read by a login shell, as whoever wrote it tried it.
pub(crate) fn for_shell(platform: &str, command: &str) -> String {
    if !is_unix(platform) {
        return command.to_owned();
    }
    let quoted = quote(command);
    format!("command -v bash >/dev/null 2>&1 && exec bash -l -c {quoted}; exec sh -l -c {quoted}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::quote;
    use super::*;

    /// A shell reads back what was quoted, whatever it is.
    #[test]
    fn a_command_reaches_the_login_shell_as_it_was_written() {
        for text in ["it's", "a\nb \"c\" $HOME `id` \\ !", "'", "''", "äöü 用户"] {
            let command = format!("printf %s {}", quote(text));
            let mut shell = std::process::Command::new("/bin/sh");
            // Nobody's start-up files.
            let ran = shell.env("HOME", "/nonexistent").arg("-c").arg(for_shell("linux", &command)).output();
            assert_eq!(String::from_utf8(ran.unwrap().stdout).unwrap(), text);
        }
        assert_eq!(for_shell("cisco_ios", "show version"), "show version");
    }

    #[test]
    fn what_cannot_be_run_is_said() {
        let asked = |command: &str, seconds| Command {
            command: command.to_owned(),
            credential: None,
            timeout: Some(Duration::from_secs(seconds)),
            wait: None,
        };
        assert!(check(&asked("true", 1)).is_ok());
        for (command, seconds) in [(" \n", 1), ("a\0b", 1), ("true", 0), ("true", 3601)] {
            assert!(
                matches!(check(&asked(command, seconds)), Err(Error::Invalid(_))),
                "{command:?} {seconds}"
            );
        }
        assert!(check(&asked(&"x".repeat(MAX_COMMAND + 1), 1)).is_err());
        assert!(check(&asked("rm -rf /srv/\0old", 1)).is_err(), "what runs is what was judged");
    }
}
