//! What all use cases share.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bastide_rt::{Shutdown, Tasks};
use bastide_ssh::Pool;
use bastide_store::{Role, Store};
use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::watch;

use crate::access::Policies;
use crate::context::{Caller, Ctx, Origin, Shown};
use crate::daemon::{DaemonConfig, Link, State};
use crate::data_dir::{DataDir, write_private};
use crate::door::{Behind, Door};
use crate::exec::{Execs, Own, Recorders, close_left};
use crate::files::Uploads;
use crate::history::{self, History};
use crate::inputs::Inputs;
use crate::journal::Journal;
use crate::live::{self, Live, Table};
use crate::login::{self, Attempts, Factors, Refusals, SingleSignOn, link, single_sign_on};
use crate::news::{News, Now};
use crate::password::Hasher;
use crate::people::{self, People};
use crate::rules::{self, Rules};
use crate::servers::{self, Servers};
use crate::session_settings::Quota;
use crate::shares::Guests;
use crate::streams::Forbidden;
use crate::vault::{KeySource, Keys};
use crate::{Clock, Error, access_requests, alerts, grants, reviews};

/// What a server is made with.
#[derive(Debug)]
pub struct Config {
    pub data_dir: DataDir,
    pub daemon: DaemonConfig,
    /// The OS user whose shells the administrator opens.
    pub account: String,
    pub clock: Clock,
    /// Where the session daemon keeps its recordings.
    pub recordings: PathBuf,
    /// What is remembered of sessions, and how long.
    pub history: history::Config,
    /// How long a browser stays logged in.
    pub login_lifetime: SignedDuration,
    /// A provider whom people sign in with, too.
    pub single_sign_on: Option<single_sign_on::Settings>,
    /// Where the key is that stored secrets are sealed under.
    pub vault: KeySource,
    /// Where alerts are sent.
    pub webhook: Option<alerts::Webhook>,
    pub ssh_door: SshDoor,
    /// Whose role needs a second factor.
    pub second_factor: Vec<Role>,
}

/// The SSH door, as far as use cases know of it.
#[derive(Debug, Clone, Default)]
pub struct SshDoor {
    /// Where it listens; `None`: there is none.
    pub address: Option<SocketAddr>,
    /// Where nobody is connected to through a server.
    pub forbidden: Forbidden,
}

/// Clones are the same server.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    data_dir: DataDir,
    daemon: Daemon,
    journal: Journal,
    keys: Keys,
    login: LoginState,
    history: History,
    people: People,
    guests: Guests,
    servers: Servers,
    commands: Commands,
    process: Process,
}

/// What runs without a terminal, and what may run at all.
#[derive(Debug)]
struct Commands {
    execs: Execs,
    rules: Rules,
    news: News,
    alerts: alerts::Counts,
    policies: Policies,
    uploads: Uploads,
}

impl Commands {
    fn new((execs, rules): (Execs, Rules), news: News, policies: Policies) -> Self {
        let (alerts, uploads) = (alerts::Counts::default(), Uploads::default());
        Self { execs, rules, news, alerts, policies, uploads }
    }
}

/// The session daemon, and what goes on in it.
#[derive(Debug)]
struct Daemon {
    link: Link,
    live: Live,
    inputs: Inputs,
    quota: Quota,
}

/// This process.
#[derive(Debug)]
struct Process {
    shutdown: Shutdown,
    tasks: Tasks,
    ssh_door: SshDoor,
}

/// What logging in needs beside the database.
#[derive(Debug)]
struct LoginState {
    attempts: Attempts,
    cookie_name: String,
    factors: Factors,
    hasher: Hasher,
    lifetime: SignedDuration,
    refusals: Refusals,
    single_sign_on: Option<SingleSignOn>,
    /// Counts up with everything that may take a right away, so that open connections look again.
    changed: watch::Sender<u64>,
}

impl LoginState {
    fn new(
        data_dir: &DataDir,
        lifetime: SignedDuration,
        second_factor: Vec<Role>,
        single_sign_on: Option<single_sign_on::Settings>,
    ) -> Result<Self, Error> {
        Ok(Self {
            attempts: Attempts::default(),
            cookie_name: login::cookie_name(data_dir.node()?),
            factors: Factors::new(second_factor),
            hasher: Hasher::default(),
            lifetime,
            refusals: Refusals::default(),
            single_sign_on: single_sign_on.map(SingleSignOn::new).transpose()?,
            changed: watch::Sender::new(0),
        })
    }
}

/// Input numbers known when the last server stopped.
const INPUTS_FILE: &str = "inputs.json";

impl App {
    /// Opens the data directory and the log and begins to connect to the session daemon, whose
    /// absence is no error. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Storage`: the data directory cannot be used.
    pub async fn start(config: Config, tasks: Tasks, shutdown: Shutdown) -> Result<Self, Error> {
        let Config { data_dir, daemon, account, clock, recordings, history, vault, webhook, .. } = config;
        // First of all: whoever holds the log is the one server of this directory.
        let journal = Journal::open(&data_dir)?;
        let store = Store::open(&data_dir.database()).await?;
        let keys = Keys::start(&store, vault, clock.now()).await?;
        people::first_administrator(&store, &account, clock.now()).await?;
        let people = People::load(&store).await?;
        let guests = Guests::load(&store, clock.now()).await?;
        let known_servers = Servers::load(&store).await?;
        let rules = Rules::load(&store, clock.now()).await?;
        let policies = Policies::load()?;
        let (second_factor, single_sign_on) = (config.second_factor, config.single_sign_on);
        let login = LoginState::new(&data_dir, config.login_lifetime, second_factor, single_sign_on)?;
        let door = Door::open(&data_dir)?;
        let inputs = Inputs::default();
        recall_inputs(&data_dir, &inputs);
        let version = json!(env!("CARGO_PKG_VERSION"));
        let started = [("version".to_owned(), version), ("account".to_owned(), json!(account))];
        journal.append("server_started", None, started.into_iter().collect()).await?;

        let pool = Pool::new(bastide_ssh::Config::default(), tasks.clone());
        close_left(&store, clock.now()).await?;
        let own = Own::default();
        let execs = Execs::new(pool, Recorders::new(recordings.clone()), own.clone());
        execs.start(&tasks, shutdown.clone());
        let link = Link::start(daemon, &tasks, shutdown.clone());
        let news = News::load(&store).await?;
        let live = live::start(&link, own.clone(), &tasks, shutdown.clone());
        let history =
            History::new((store.clone(), news.clone()), (recordings, own), (clock.clone(), history));
        history::start(&history, &link, &tasks, &shutdown);
        let behind = Behind { journal: journal.clone(), store, keys: keys.clone(), clock: clock.clone() };
        let ending = shutdown.clone();
        tasks.spawn("back door", async move {
            tokio::select! {
                () = door.serve(behind) => {}
                () = ending.draining() => {}
            }
        });
        let inner = Inner {
            clock,
            data_dir,
            daemon: Daemon { link, live, inputs, quota: Quota::default() },
            journal,
            keys,
            login,
            history,
            people,
            guests,
            commands: Commands::new((execs, rules), news, policies),
            servers: known_servers,
            process: Process { shutdown, tasks, ssh_door: config.ssh_door },
        };
        let app = Self { inner: Arc::new(inner) };
        servers::start(&app);
        rules::start(&app);
        reviews::start(&app);
        access_requests::start(&app);
        grants::start(&app);
        alerts::start(&app, webhook);
        Ok(app)
    }

    /// Writes what the next server should know. After all tasks have ended.
    pub async fn flush(&self) {
        let known =
            serde_json::to_vec(&self.inner.daemon.inputs.remembered()).expect("numbers and names are JSON");
        if let Err(error) = write_private(&self.inner.data_dir.path(INPUTS_FILE), &known) {
            tracing::warn!(%error, "pages will be told that their last input may be lost");
        }
        if let Err(error) = self.inner.journal.append("server_stopped", None, serde_json::Map::new()).await {
            tracing::error!(%error, "the end of the server is missing in the log");
        }
        self.inner.commands.execs.flush();
        self.inner.history.store.close().await;
    }

    /// A request, and who asks by what they showed.
    ///
    /// # Errors
    /// `NotLoggedIn` for a token that is not good; `Storage`.
    pub async fn context(&self, shown: Shown<'_>, origin: Origin) -> Result<Ctx, Error> {
        let changes = self.changes();
        let person = self.authenticate(shown).await?;
        Ok(Ctx::new(self.clone(), person.map_or(Caller::Anonymous, Caller::Person), origin, changes))
    }

    /// A request of nobody.
    pub fn anonymous(&self, origin: Origin) -> Ctx {
        Ctx::new(self.clone(), Caller::Anonymous, origin, self.changes())
    }

    /// Makes a login link for the first administrator, for whoever runs this process.
    ///
    /// # Errors
    /// `Storage`; `Invalid` when there are several administrators.
    pub async fn login_link(&self) -> Result<link::Link, Error> {
        let uid = rustix::process::geteuid().as_raw();
        let first = self.people().all().into_iter().find(|user| user.username == "admin" && user.enabled);
        let user = first.ok_or_else(|| Error::Invalid("no user admin: name one".to_owned()))?;
        self.inner.journal.append(link::CREATED, None, link::about(uid, &user.username)).await?;
        link::create(self.store(), user.id, &format!("uid {uid}"), self.clock().now()).await
    }

    /// Changes whenever a right may have been taken away.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.login.changed.subscribe()
    }

    pub(crate) fn changed(&self) {
        self.inner.login.changed.send_modify(|count| *count += 1);
    }

    /// The name of the cookie: it holds the server's, so that two servers on one host keep their logins apart.
    pub fn cookie_name(&self) -> &str {
        &self.inner.login.cookie_name
    }

    pub(crate) fn login_lifetime(&self) -> SignedDuration {
        self.inner.login.lifetime
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.inner.login.attempts
    }

    pub(crate) fn factors(&self) -> &Factors {
        &self.inner.login.factors
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.inner.login.hasher
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.inner.login.refusals
    }

    pub(crate) fn single_sign_on(&self) -> Option<&SingleSignOn> {
        self.inner.login.single_sign_on.as_ref()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.history.store
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn history(&self) -> &History {
        &self.inner.history
    }

    pub(crate) fn people(&self) -> &People {
        &self.inner.people
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.inner.commands.policies
    }

    pub(crate) fn guests(&self) -> &Guests {
        &self.inner.guests
    }

    pub fn ssh_door(&self) -> &SshDoor {
        &self.inner.process.ssh_door
    }

    pub(crate) fn execs(&self) -> &Execs {
        &self.inner.commands.execs
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.inner.commands.uploads
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.inner.commands.rules
    }

    /// What waits and what was told; changes as it does.
    pub fn heard(&self) -> watch::Receiver<Arc<Now>> {
        self.inner.commands.news.hear()
    }

    pub(crate) fn alert_counts(&self) -> &alerts::Counts {
        &self.inner.commands.alerts
    }

    pub(crate) fn news(&self) -> &News {
        &self.inner.commands.news
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.inner.servers
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// What runs now; changes as it does.
    pub fn live(&self) -> watch::Receiver<Arc<Table>> {
        self.inner.daemon.live.clone()
    }

    /// `Err` with the reason while the database cannot be read.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn database(&self) -> Result<(), Error> {
        Ok(self.store().check().await?)
    }

    /// `Err` with the reason while the session daemon is not reachable.
    ///
    /// # Errors
    /// `DaemonUnreachable`.
    pub fn ready(&self) -> Result<(), Error> {
        self.inner.daemon.link.client().map(drop)
    }

    /// Waits until the session daemon has answered, at most this long.
    ///
    /// # Errors
    /// `DaemonUnreachable` with the last reason.
    pub async fn wait_ready(&self, at_most: Duration) -> Result<(), Error> {
        let mut state = self.inner.daemon.link.watch();
        let ready = state.wait_for(|state| matches!(state, State::Ready(_)));
        // Whatever came of the waiting, the state itself says it best.
        drop(tokio::time::timeout(at_most, ready).await);
        self.ready()
    }

    pub fn shutdown(&self) -> &Shutdown {
        &self.inner.process.shutdown
    }

    pub fn tasks(&self) -> &Tasks {
        &self.inner.process.tasks
    }

    pub(crate) fn daemon(&self) -> &Link {
        &self.inner.daemon.link
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.inner.daemon.quota
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inner.daemon.inputs
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
