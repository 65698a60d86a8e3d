//! The life of the daemon: claim, serve, drain, flush.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bastide_pty::Account;
use bastide_rt::{Deadlines, Hangup, Phase, Shutdown, Signals, Tasks};
use bastide_session::{Command, EndReason, Running, ScrollbackBudget};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use serde_json::json;
use tokio::net::UnixListener;

use crate::daemon::{Daemon, Parts, VERSION};
use crate::error::file;
use crate::files::{Claimed, Files, State};
use crate::registry::Registry;
use crate::{Config, Error, journal, listener, trim};

/// What a starter may want to know.
#[derive(Debug, Clone)]
pub struct Ready {
    pub socket: PathBuf,
    pub token_file: PathBuf,
}

/// Sessions get a second to end by themselves, are killed then, and have their recordings closed.
const DRAINING: Duration = Duration::from_millis(1600);
/// Commands to all sessions are a matter of milliseconds.
const TELLING: Duration = Duration::from_millis(300);
/// What waits for clients that read is written in this time.
const PARTING: Duration = Duration::from_millis(200);
/// Servers are told good-bye; one that does not listen is left.
const CLOSING: Duration = Duration::from_millis(200);
/// Log and recorders write what they hold.
const FLUSHING: Duration = Duration::from_secs(5);

/// Runs the daemon until a signal or a finished drain ends it; returns the exit code. `ready` is
/// called when clients can connect. `activated` is a socket systemd listens on for us
/// (systemd.socket(5)).
///
/// # Errors
/// It did not start; nothing is left behind.
pub async fn run(
    config: Config,
    activated: Option<std::os::unix::net::UnixListener>,
    ready: impl FnOnce(&Ready),
) -> Result<i32, Error> {
    let signals = Signals::listen(Hangup::Drain).map_err(Error::Signals)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Passwords and keys of other machines lie in this memory: no core file, and nobody of this account looks in.
    // Programs that are started get their own say back from the kernel (prctl(2), PR_SET_DUMPABLE).
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "core files of the daemon were not turned off");
    }
    match bastide_pty::raise_open_file_limit() {
        Ok(limit) => tracing::info!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "limit of open files was not raised"),
    }
    let account = Account::current().map_err(Error::Account)?;
    let Claimed { files, listener, token } = Files::claim(&config, activated)?;
    let started = start(config, account, token, listener);
    let (daemon, listener, log) = match started {
        Ok(started) => started,
        Err(error) => {
            files.remove();
            return Err(error);
        }
    };
    report_lost(&daemon).await;
    daemon
        .journal
        .note(
            "daemon_started",
            None,
            json!({ "version": VERSION, "pid": std::process::id(), "instance": daemon.instance }),
        )
        .await;
    // Not before: a session that is made while the marks of lost ones are read would be taken for one of them.
    daemon.connections.spawn("listener", listener::run(Arc::clone(&daemon), listener));
    daemon.shutdown.advance(Phase::Serving);
    ready(&Ready { socket: daemon.config.socket.clone(), token_file: daemon.config.token_file.clone() });
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::debug!(%error, "no service manager was told");
    }
    let second_signal = signals.drain(&daemon.shutdown);
    tokio::pin!(second_signal);
    tokio::select! {
        code = &mut second_signal => return Ok(code),
        () = daemon.shutdown.draining() => {}
        () = daemon.emptied() => {}
    }
    tokio::select! {
        code = second_signal => Ok(code),
        () = stop(&daemon, log, &files) => Ok(0),
    }
}

type Log = bastide_rt::Task<()>;

fn start(
    config: Config,
    account: Account,
    token: String,
    listener: std::os::unix::net::UnixListener,
) -> Result<(Arc<Daemon>, UnixListener, Log), Error> {
    let state = State::open(&config.state_dir)?;
    let recorders = bastide_record::Pool::start(bastide_record::Config {
        reserve_bytes: config.recording_reserve,
        ..bastide_record::Config::default()
    })
    .map_err(Error::Recorder)?;
    let registry = Registry::new(config.max_sessions);
    let (journal, writer, happenings) =
        journal::open(&state.log, (state.clone(), Arc::clone(&registry)), config.event_queue)?;
    // Its tasks end with the pool, which is closed when the sessions have ended.
    let ssh = bastide_ssh::Pool::new(bastide_ssh::Config::default(), Tasks::new());
    let running = Running {
        config: Arc::new(config.sessions.clone()),
        recorders,
        budget: ScrollbackBudget::new(config.scrollback_memory),
        happenings,
        dialler: Arc::new(ssh.clone()),
        palette: bastide_vt::Config {
            version: format!("bastide({VERSION})").into(),
            ..bastide_vt::Config::default()
        },
    };
    let socket = config.socket.clone();
    listener.set_nonblocking(true).map_err(file("listen on", &socket))?;
    let listener = UnixListener::from_std(listener).map_err(file("listen on", &socket))?;
    let shutdown = Shutdown::new();
    let daemon =
        Daemon::new(Parts { config, state, account, token, registry, running, journal, ssh, shutdown });
    daemon.connections.spawn("scrollback budget", trim::run(Arc::clone(&daemon)));
    let log = daemon.connections.spawn("log", writer.run());
    Ok((daemon, listener, log))
}

/// Sessions that an earlier daemon took with it when it died.
async fn report_lost(daemon: &Daemon) {
    for uid in daemon.state.lost() {
        tracing::warn!(%uid, "a session was lost when the daemon before died; its recording is readable up to the last second");
        if daemon.journal.record("session_lost", Some(uid), json!({})).await.is_ok() {
            daemon.state.mark_ended(uid);
        }
    }
}

async fn stop(daemon: &Daemon, log: Log, files: &Files) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    daemon.shutdown.drain();
    // One that is stuck must not keep the others from being told.
    if tokio::time::timeout(TELLING, tell_all(daemon)).await.is_err() {
        tracing::error!("a session takes no commands; it is cut off");
    }
    let (recorders, ssh) = (daemon.running.recorders.clone(), daemon.ssh.clone());
    let journal_flushed = daemon.journal.clone();
    let flush = async move {
        if tokio::time::timeout(CLOSING, ssh.close()).await.is_err() {
            tracing::warn!("connections to other machines were not closed in order");
        }
        // Everything that was told before this is written before it.
        let _ = journal_flushed.record("daemon_stopped", None, json!({})).await;
        let closed = tokio::task::spawn_blocking(move || recorders.shutdown(FLUSHING)).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::error!(?closed, "recordings were not all closed in order");
        }
    };
    let tasks = daemon.tasks.clone();
    daemon.shutdown.finish(&tasks, Deadlines { draining: DRAINING, flushing: FLUSHING }, flush).await;
    log.abort();
    // Clients take what they were told last, the ends of their sessions, and see the close.
    if tokio::time::timeout(PARTING, daemon.connections.ended()).await.is_err() {
        daemon.connections.abort_all();
    }
    files.remove();
}

async fn tell_all(daemon: &Daemon) {
    daemon.journal.note("daemon_stopping", None, json!({ "sessions": daemon.registry.running() })).await;
    for handle in daemon.registry.all() {
        // One that has just ended needs no telling.
        let _ = handle.send(Command::End { reason: EndReason::Shutdown, swept: false, reply: None }).await;
    }
}
