//! Commands on servers, and the connections that they share: this process's own, beside those of the session daemon.

use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::{Exec, Exit, NobodyToAsk, Output, Pool};
use bastide_store::{End, Opened, RecordingState, Server};
use bastide_wire::ssh::Ssh;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::{About, Action, Authorized, Ctx};
use crate::{Error, hex, rules, servers};

mod record;

pub(crate) use record::Recorders;

/// Where nothing else is asked for.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// A command that runs longer belongs into a terminal.
pub const LONGEST: Duration = Duration::from_secs(3600);
/// The kernel takes some 128 KB as one argument; a script of more is a file.
const MAX_COMMAND: usize = 64 * 1024;
/// So much of a command stands in the log, with the digest of all of it.
const MAX_LOGGED: usize = 4096;
/// Each keeps up to 32 MB until it is answered.
const MAX_RUNNING: usize = 32;
/// Whose shells read what POSIX says; others (network systems) get the command as it is.
const UNIX: [&str; 6] = ["linux", "unix", "freebsd", "openbsd", "netbsd", "macos"];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    pub command: String,
    /// The server's default one when absent.
    pub credential: Option<i64>,
    pub timeout: Option<Duration>,
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
}

impl Executed {
    pub fn succeeded(&self) -> bool {
        self.ended.exit_status == Some(0)
    }

    fn of(output: Output, recording: Option<Uuid>) -> Self {
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

/// What commands of all people share.
#[derive(Debug)]
pub(crate) struct Execs {
    pub(crate) pool: Pool,
    running: Arc<Semaphore>,
    recorders: Recorders,
}

impl Execs {
    pub(crate) fn new(pool: Pool, recorders: Recorders) -> Self {
        Self { pool, running: Arc::new(Semaphore::new(MAX_RUNNING)), recorders }
    }

    /// Ends the connections when the server stops, so that its tasks end.
    pub(crate) fn start(&self, tasks: &bastide_rt::Tasks, shutdown: bastide_rt::Shutdown) {
        let pool = self.pool.clone();
        tasks.spawn("ssh connections", async move {
            shutdown.draining().await;
            pool.close().await;
        });
    }

    /// After all tasks have ended.
    pub(crate) fn flush(&self) {
        self.recorders.end();
    }

    /// How many commands run now.
    pub(crate) fn running(&self) -> usize {
        MAX_RUNNING - self.running.available_permits()
    }
}

/// Runs a command to its end, in a login shell, without a terminal and without input. What it was and how it ended is
/// in the log, what it wrote is a recording.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Limit`, `Ssh`, `Storage`.
pub async fn execute(ctx: &Ctx, server: i64, asked: Command) -> Result<Executed, Error> {
    let (grant, ssh) = way(ctx, Action::ServerExecute, server, asked.credential).await?;
    check(&asked)?;
    let free = Arc::clone(&ctx.app().execs().running).try_acquire_owned();
    let running = free.map_err(|_| Error::Limit(format!("{MAX_RUNNING} commands run: try later")))?;
    let about = about(grant.target(), &asked);
    let noted = about.clone();
    ctx.audited(Action::ServerExecute, about, async move |ctx| {
        let (execs, server) = (ctx.app().execs(), grant.target());
        let account = ssh.hops.last().map(|hop| hop.username.as_str()).unwrap_or_default();
        let place = rules::Place { server: Some(server), account };
        rules::pass(&ctx, Action::ServerExecute, (place, &asked.command)).await?;
        let exec = Exec {
            timeout: asked.timeout.unwrap_or(DEFAULT_TIMEOUT),
            ..Exec::new(line(&server.settings.platform, &asked.command))
        };
        let output = execs.pool.exec(&ssh, exec, Arc::new(NobodyToAsk)).await?;
        let id = execs.recorders.keep((server, &asked.command), &output).await;
        if let Some(uid) = id {
            remember(&ctx, uid, &grant, (&asked, &output)).await;
        }
        let executed = Executed::of(output, id);
        ctx.note(Action::ServerExecute, &executed.facts(noted), "output", None).await?;
        drop(running);
        Ok(executed)
    })
    .await
}

/// Makes the recording theirs who ran the command; without it, it is one that only administrators see.
async fn remember(
    ctx: &Ctx,
    uid: Uuid,
    grant: &Authorized<Arc<Server>>,
    (asked, output): (&Command, &Output),
) {
    let at = ctx.clock().now();
    let began =
        jiff::SignedDuration::try_from(output.duration).ok().and_then(|took| at.checked_sub(took).ok());
    let opened = Opened {
        uid,
        node: None,
        name: Some(record::title(grant.target())),
        owner: Some(grant.person().user.uid),
        account: None,
        command: vec![asked.command.clone()],
        size: Some(record::SIZE),
        created: began.unwrap_or(at),
        recording: RecordingState::Closed,
    };
    let exit = match output.exit {
        Exit::Status(status) => {
            i32::try_from(status).ok().map(|code| bastide_store::Exit { code, signal: None })
        }
        _ => None,
    };
    let end = End { at, exit, reason: "exec".to_owned(), bytes: None };
    if let Err(error) = ctx.app().store().adopt_sessions(&[(opened, end)]).await {
        tracing::warn!(%error, recording = %uid, "a command's recording has nobody's name");
    }
}

/// How to reach a server, for a caller who may do this there.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Storage`.
pub(crate) async fn way(
    ctx: &Ctx,
    action: Action,
    server: i64,
    credential: Option<i64>,
) -> Result<(Authorized<Arc<Server>>, Ssh), Error> {
    let chosen = servers::choose(ctx, action, server, credential)?;
    let isolation = chosen.grant.person().user.uid.to_string();
    let ssh = servers::dial(ctx.app(), chosen.grant.target(), chosen.credential, isolation).await?;
    Ok((chosen.grant, ssh))
}

fn check(asked: &Command) -> Result<(), Error> {
    if asked.command.trim().is_empty() {
        return Err(Error::Invalid("command: what is to be run".to_owned()));
    }
    if asked.command.len() > MAX_COMMAND || asked.command.contains('\0') {
        return Err(Error::Invalid(format!("command: at most {MAX_COMMAND} bytes, and none of them zero")));
    }
    if asked.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST) {
        return Err(Error::Invalid(format!("timeout_seconds: 1 to {}", LONGEST.as_secs())));
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

pub(crate) fn is_unix(platform: &str) -> bool {
    UNIX.contains(&platform.to_ascii_lowercase().as_str())
}

/// The command as the account's shell is given it: read by a login shell, as whoever wrote it tried it.
fn line(platform: &str, command: &str) -> String {
    if !is_unix(platform) {
        return command.to_owned();
    }
    let quoted = quote(command);
    format!("command -v bash >/dev/null 2>&1 && exec bash -l -c {quoted}; exec sh -l -c {quoted}")
}

/// As one word of a POSIX shell (XCU 2.2.2).
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Ends the caller's own connections to a server, and their running terminals on it. How many of both there were.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`, `DaemonUnreachable`.
pub async fn disconnect(ctx: &Ctx, server: i64) -> Result<(usize, usize), Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerUse, server)?;
    let about = About::nothing().with("server", server).with("does", "disconnect");
    ctx.audited(Action::ServerUse, about, async move |ctx| {
        let user = &grant.person().user;
        let (isolation, name) = (user.uid.to_string(), grant.target().settings.name.as_str());
        let ended = ctx.app().execs().pool.disconnect(|one| one.isolation == isolation && one.server == name);
        let mut closed = 0;
        for uid in crate::sessions::own_on_server(&ctx, server, None)? {
            match crate::sessions::end(&ctx, uid).await {
                Ok(()) => closed += 1,
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((ended, closed))
    })
    .await
}

/// For metrics: how many commands run now.
pub fn running(app: &crate::App) -> usize {
    app.execs().running()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A shell reads back what was quoted, whatever it is.
    #[test]
    fn a_command_reaches_the_login_shell_as_it_was_written() {
        for text in ["it's", "a\nb \"c\" $HOME `id` \\ !", "'", "''", "äöü 用户"] {
            let command = format!("printf %s {}", quote(text));
            let ran = std::process::Command::new("/bin/sh").arg("-c").arg(line("linux", &command)).output();
            assert_eq!(String::from_utf8(ran.unwrap().stdout).unwrap(), text);
        }
        assert_eq!(line("cisco_ios", "show version"), "show version");
    }

    #[test]
    fn what_cannot_be_run_is_said() {
        let asked = |command: &str, seconds| Command {
            command: command.to_owned(),
            credential: None,
            timeout: Some(Duration::from_secs(seconds)),
        };
        assert!(check(&asked("true", 1)).is_ok());
        for (command, seconds) in [(" \n", 1), ("a\0b", 1), ("true", 0), ("true", 3601)] {
            assert!(
                matches!(check(&asked(command, seconds)), Err(Error::Invalid(_))),
                "{command:?} {seconds}"
            );
        }
        assert!(check(&asked(&"x".repeat(MAX_COMMAND + 1), 1)).is_err());
    }
}
