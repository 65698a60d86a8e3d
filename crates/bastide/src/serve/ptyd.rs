//! The sessions daemon beside the server: who starts it, and who ends it.

use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bastide_app::{DaemonConfig, Launch};
use bastide_rt::{Shutdown, Tasks};
use tokio::signal::unix::{SignalKind, signal};

use super::config::Config;
use crate::cli::daemon::Place;
use crate::cli::exit::Failure;

/// An ephemeral daemon ends its sessions and its files within this, or is killed.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Who would end a daemon together with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supervisor {
    Systemd,
    Container,
}

/// What is beside this server.
#[derive(Debug)]
pub(super) struct Beside {
    place: Place,
    supervisor: Option<Supervisor>,
    /// The directory of an ephemeral server; removed at its end.
    own: Option<PathBuf>,
    /// The daemon that this server started, if it did.
    child: Arc<Mutex<Option<Child>>>,
}

impl Beside {
    pub(super) fn new(ephemeral: bool, place: &Place) -> Result<Self, Failure> {
        let mut beside =
            Self { place: place.clone(), supervisor: supervisor(), own: None, child: Arc::default() };
        if ephemeral {
            let name = format!("bastide-ephemeral-{}", uuid::Uuid::new_v4().simple());
            let own = bastide_rt::paths::private_dir(&std::env::temp_dir().join(name))
                .context("a directory for the ephemeral server")?;
            beside.place.socket = Some(own.join("ptyd.sock"));
            beside.place.token_file = Some(own.join("ptyd.token"));
            beside.own = Some(own);
        }
        Ok(beside)
    }

    pub(super) fn data_dir(&self, config: &Config) -> Result<PathBuf, Failure> {
        match &self.own {
            Some(own) => Ok(own.join("data")),
            None => super::config::data_dir(config.data_dir.as_deref()),
        }
    }

    /// Where the daemon keeps its recordings.
    pub(super) fn recordings(&self, config: &Config) -> Result<PathBuf, Failure> {
        match &self.own {
            Some(own) => Ok(own.join("ptyd").join("recordings")),
            None => config.recordings(),
        }
    }

    /// Whether this server starts the daemon where none runs.
    pub(super) fn starts_it(&self) -> bool {
        self.own.is_some() || self.supervisor.is_none()
    }

    pub(super) fn daemon(&self, tasks: &Tasks, shutdown: &Shutdown) -> Result<DaemonConfig, Failure> {
        let connection = self.place.config()?.with_client_id("server");
        if !self.starts_it() {
            let hint = match self.supervisor {
                Some(Supervisor::Systemd) => {
                    "systemd would end it together with the server, so this does not start it: systemctl start bastide-ptyd.service"
                }
                _ => {
                    "it would end together with this container, so this does not start it: run `bastide ptyd` in a container of its own that shares the socket's directory"
                }
            };
            return Ok(DaemonConfig {
                connection,
                launch: None,
                hint: Some(format!("{hint} (or try --ephemeral)")),
            });
        }
        let mut more = Vec::new();
        if let Some(own) = &self.own {
            more.extend(["--state-dir".into(), own.join("ptyd").into_os_string()]);
        }
        let (place, ephemeral) = (self.place.clone(), self.own.is_some());
        let (child, tasks, shutdown) = (Arc::clone(&self.child), tasks.clone(), shutdown.clone());
        let launch = Launch::new(move || {
            let (place, more, child) = (place.clone(), more.clone(), Arc::clone(&child));
            let (tasks, shutdown) = (tasks.clone(), shutdown.clone());
            async move {
                let started = place.start_where_none(more).await;
                let Some(started) = started.map_err(|failure| failure.message().unwrap_or_default())? else {
                    return Ok(());
                };
                let end =
                    if ephemeral { "it ends with the server" } else { "it stays when the server stops" };
                tracing::info!(pid = started.id(), "started the sessions daemon; {end}");
                *child.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
                tasks.spawn("sessions daemon's end", watch(child, shutdown));
                Ok(())
            }
        });
        Ok(DaemonConfig { connection, launch: Some(launch), hint: None })
    }

    /// Ends what was ephemeral; everything else stays.
    pub(super) async fn end(self) {
        let Some(own) = self.own else { return };
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(child) = child {
            end_child(child).await;
        }
        if let Err(error) = std::fs::remove_dir_all(&own) {
            tracing::warn!(%error, path = %own.display(), "could not remove the ephemeral directory");
        }
    }
}

/// Takes note of the daemon's end, so that it does not stay in the process table.
async fn watch(child: Arc<Mutex<Option<Child>>>, shutdown: Shutdown) {
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    loop {
        {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) {
                tracing::warn!(%status, "the sessions daemon has ended, and its sessions with it");
                *child = None;
                return;
            }
        }
        tokio::select! {
            _ = ended.recv() => {}
            () = shutdown.draining() => return,
        }
    }
}

async fn end_child(mut child: Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let asked = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
    let waited = tokio::time::timeout(END_WITHIN, async {
        let Ok(mut ended) = signal(SignalKind::child()) else { return };
        while matches!(child.try_wait(), Ok(None)) {
            ended.recv().await;
        }
    });
    if waited.await.is_err() || asked.is_none() {
        tracing::warn!("the ephemeral sessions daemon did not end in time and was killed");
        // It is ours; if it has ended by now, so much the better.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Whether somebody ends everything that this process starts together with it. systemd sets
/// `NOTIFY_SOCKET` for services that notify, and `SYSTEMD_EXEC_PID` for the process it executed
/// (systemd.exec(5)); shells below a service inherit `INVOCATION_ID`, so that alone says nothing.
fn supervisor() -> Option<Supervisor> {
    let own = std::process::id();
    if own == 1 {
        return Some(Supervisor::Container);
    }
    let set = |name: &str| std::env::var_os(name).is_some();
    let executed = std::env::var("SYSTEMD_EXEC_PID").ok().and_then(|pid| pid.parse::<u32>().ok());
    let by_systemd = match executed {
        Some(pid) => pid == own,
        // Before systemd 248.
        None => set("INVOCATION_ID") && std::os::unix::process::parent_id() == 1,
    };
    (by_systemd || set("NOTIFY_SOCKET")).then_some(Supervisor::Systemd)
}
