//! What all use cases share.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bastide_rt::{Shutdown, Tasks};
use serde_json::json;
use tokio::sync::watch;

use crate::context::{About, Action, Caller, Ctx};
use crate::daemon::{DaemonConfig, Link, State};
use crate::data_dir::{DataDir, write_private};
use crate::door::Door;
use crate::inputs::Inputs;
use crate::journal::Journal;
use crate::live::{self, Live, Table};
use crate::login::link::{self, Links};
use crate::login::refusals::Refusals;
use crate::login::{Cookie, Logins};
use crate::{Clock, Error};

/// What a server is made with.
#[derive(Debug)]
pub struct Config {
    pub data_dir: DataDir,
    pub daemon: DaemonConfig,
    /// The OS user whose shells the administrator opens.
    pub account: String,
    pub clock: Clock,
}

/// Clones are the same server.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    account: String,
    clock: Clock,
    data_dir: DataDir,
    daemon: Link,
    inputs: Inputs,
    journal: Journal,
    links: Links,
    live: Live,
    logins: Logins,
    refusals: Refusals,
    shutdown: Shutdown,
    tasks: Tasks,
}

/// Input numbers known when the last server stopped.
const INPUTS_FILE: &str = "inputs.json";

impl App {
    /// Opens the data directory and the log and begins to connect to the session daemon, whose
    /// absence is no error. Needs a tokio runtime.
    ///
    /// # Errors
    /// `File`, `Journal`: the data directory cannot be used.
    pub async fn start(config: Config, tasks: Tasks, shutdown: Shutdown) -> Result<Self, Error> {
        let Config { data_dir, daemon, account, clock } = config;
        let journal = Journal::open(&data_dir)?;
        let logins = Logins::open(&data_dir, clock.now())?;
        let links = Links::open(&data_dir)?;
        let door = Door::open(&data_dir)?;
        let inputs = Inputs::default();
        recall_inputs(&data_dir, &inputs);
        let version = json!(env!("CARGO_PKG_VERSION"));
        let started = [("version".to_owned(), version), ("account".to_owned(), json!(account))];
        journal.append("server_started", None, started.into_iter().collect()).await?;

        let daemon = Link::start(daemon, &tasks, shutdown.clone());
        let live = live::start(&daemon, &tasks, shutdown.clone());
        let (written_to, ending) = (journal.clone(), shutdown.clone());
        tasks.spawn("back door", async move {
            tokio::select! {
                () = door.serve(written_to) => {}
                () = ending.draining() => {}
            }
        });
        let inner = Inner {
            account,
            clock,
            data_dir,
            daemon,
            inputs,
            journal,
            links,
            live,
            logins,
            refusals: Refusals::default(),
            shutdown,
            tasks,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Writes what the next server should know. After all tasks have ended.
    pub async fn flush(&self) {
        let known = serde_json::to_vec(&self.inner.inputs.remembered()).expect("numbers and names are JSON");
        if let Err(error) = write_private(&self.inner.data_dir.path(INPUTS_FILE), &known) {
            tracing::warn!(%error, "pages will be told that their last input may be lost");
        }
        if let Err(error) = self.inner.journal.append("server_stopped", None, serde_json::Map::new()).await {
            tracing::error!(%error, "the end of the server is missing in the log");
        }
    }

    /// The request of somebody who showed this cookie, or none.
    pub fn context(&self, cookie: Option<&str>, request_id: &str) -> Ctx {
        let login = cookie.and_then(|value| self.inner.logins.check(value, self.inner.clock.now()));
        let caller = login.map_or(Caller::Anonymous, Caller::Person);
        Ctx::new(self.clone(), caller, request_id)
    }

    /// Makes a login link for whoever runs this process, and returns its token.
    ///
    /// # Errors
    /// `Journal`, `File`.
    pub async fn login_link(&self) -> Result<String, Error> {
        let about = link::about(rustix::process::geteuid().as_raw());
        self.inner.journal.append(link::CREATED, None, about).await?;
        self.inner.links.create(self.inner.clock.now())
    }

    /// Uses up a login link.
    ///
    /// # Errors
    /// `LinkRefused`, `File`, `Journal`; in all cases nobody is logged in.
    pub async fn log_in(&self, token: &str, request_id: &str) -> Result<Cookie, Error> {
        let used = self.inner.links.consume(token, self.inner.clock.now());
        let mut about = vec![("request_id".to_owned(), json!(request_id))];
        let used = match used {
            Ok(used) => used,
            Err(error) => {
                if let Some(left_out) = self.inner.refusals.note(self.inner.clock.now()) {
                    about.push(("why".to_owned(), json!(error.to_string())));
                    about.push(("left_out_before".to_owned(), json!(left_out)));
                    self.inner.journal.append("login_failed", None, about.into_iter().collect()).await?;
                }
                return Err(error);
            }
        };
        let (login, cookie) = self.inner.logins.begin(self.inner.clock.now());
        about.push(("login".to_owned(), json!(login.id())));
        about.push(("link_created".to_owned(), json!(used.created.to_string())));
        about.push(("link_created_by_uid".to_owned(), json!(used.created_by)));
        self.inner.journal.append("login", None, about.into_iter().collect()).await?;
        Ok(cookie)
    }

    /// Ends the caller's login, here and in every other browser that shares its cookie.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Journal`, `File`.
    pub async fn log_out(ctx: &Ctx) -> Result<(), Error> {
        let login = ctx.authorize(Action::Logout, ())?.login().clone();
        ctx.audited(Action::Logout, About::nothing(), async move |ctx: Ctx| ctx.app().logins().end(&login))
            .await
    }

    /// Whether a login link could be used now; looking changes nothing.
    pub fn link_is_open(&self, token: &str) -> bool {
        self.inner.links.is_open(token, self.inner.clock.now())
    }

    pub fn logins(&self) -> &Logins {
        &self.inner.logins
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// What runs now; changes as it does.
    pub fn live(&self) -> watch::Receiver<Arc<Table>> {
        self.inner.live.clone()
    }

    /// `Err` with the reason while the session daemon is not reachable.
    ///
    /// # Errors
    /// `DaemonUnreachable`.
    pub fn ready(&self) -> Result<(), Error> {
        self.inner.daemon.client().map(drop)
    }

    /// Waits until the session daemon has answered, at most this long.
    ///
    /// # Errors
    /// `DaemonUnreachable` with the last reason.
    pub async fn wait_ready(&self, at_most: Duration) -> Result<(), Error> {
        let mut state = self.inner.daemon.watch();
        let ready = state.wait_for(|state| matches!(state, State::Ready(_)));
        // Whatever came of the waiting, the state itself says it best.
        drop(tokio::time::timeout(at_most, ready).await);
        self.ready()
    }

    pub fn shutdown(&self) -> &Shutdown {
        &self.inner.shutdown
    }

    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    pub(crate) fn account(&self) -> &str {
        &self.inner.account
    }

    pub(crate) fn daemon(&self) -> &Link {
        &self.inner.daemon
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inner.inputs
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }
}

/// Reads what the last server knew, once: after a crash the file is not there, and nothing is known.
fn recall_inputs(dir: &DataDir, inputs: &Inputs) {
    let path = dir.path(INPUTS_FILE);
    let Ok(bytes) = fs::read(&path) else { return };
    // Before it is used: it holds for exactly one start.
    if fs::remove_file(&path).is_err() {
        return;
    }
    match serde_json::from_slice(&bytes) {
        Ok(remembered) => inputs.recall(remembered),
        Err(error) => tracing::warn!(%error, path = %path.display(), "ignored"),
    }
}
