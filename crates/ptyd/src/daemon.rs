//! What every part of the daemon shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bastide_pty::Account;
use bastide_rt::{Shutdown, Tasks};
use bastide_session::Running;
use bastide_wire::control::GateInfo;
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use uuid::Uuid;

use crate::Config;
use crate::files::State;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::registry::Registry;
use crate::rules::Rules;
use crate::streams::Streams;

/// The released version, as the handshake tells it. Existing clients only show it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) struct Daemon {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) rules: Rules,
    /// Of this start: numeric session ids are valid within it.
    pub(crate) instance: Uuid,
    pub(crate) host: Host,
    token: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) streams: Streams,
    pub(crate) running: Running,
    pub(crate) journal: Journal,
    /// Connections to other machines, shared by their sessions.
    pub(crate) ssh: bastide_ssh::Pool,
    pub(crate) tasks: Tasks,
    /// Connections, which end with the daemon and are not waited for.
    pub(crate) connections: Tasks,
    pub(crate) shutdown: Shutdown,
    last_connection: AtomicU64,
    /// No new sessions; the daemon ends when the last one has.
    draining: watch::Sender<bool>,
}

/// As whom and within what the daemon runs.
pub(crate) struct Host {
    pub(crate) account: Account,
    pub(crate) limits: Limits,
}

/// What a daemon is made of, beyond its settings.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) account: Account,
    pub(crate) token: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) running: Running,
    pub(crate) journal: Journal,
    pub(crate) ssh: bastide_ssh::Pool,
    pub(crate) shutdown: Shutdown,
}

impl Daemon {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        // First: it has to be alone in its group.
        let limits = Limits::open(&parts.state.node.to_string());
        Arc::new(Self {
            rules: Rules::open(parts.state.rules.clone(), &parts.config),
            registry: parts.registry,
            config: parts.config,
            state: parts.state,
            instance: Uuid::now_v7(),
            host: Host { account: parts.account, limits },
            token: parts.token,
            streams: Streams::default(),
            running: parts.running,
            journal: parts.journal,
            ssh: parts.ssh,
            tasks: Tasks::new(),
            connections: Tasks::new(),
            shutdown: parts.shutdown,
            last_connection: AtomicU64::new(0),
            draining: watch::Sender::new(false),
        })
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.last_connection.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Compares in a time that does not depend on where the difference is.
    pub(crate) fn knows_token(&self, token: &str) -> bool {
        self.token.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// What command control and limits this machine can give.
    pub(crate) fn gate_info(&self) -> GateInfo {
        let mut info = self.rules.describe();
        self.host.limits.describe(&mut info);
        info
    }

    /// Opens no new sessions from now on.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow() || self.shutdown.is_draining()
    }

    /// Waits until the daemon drains and its last session has ended.
    pub(crate) async fn emptied(&self) {
        let mut draining = self.draining.subscribe();
        if draining.wait_for(|on| *on).await.is_ok() {
            self.registry.none_running().await;
        }
    }
}
