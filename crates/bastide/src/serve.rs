//! `bastide serve`: the web server, and the sessions daemon beside it where none runs.

mod certificate;
pub(crate) mod config;
mod flags;
mod link;
mod oidc;
mod ptyd;
mod ssh_door;
mod vault;
mod webhook;
mod welcome;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bastide_app::{App, Clock, DataDir};
use bastide_rt::{Deadlines, Hangup, Phase, Shutdown, Signals, Tasks, logging};
use clap::Args;
use tokio::net::TcpListener;

use crate::cli::daemon::Place;
use crate::cli::exit::{DONE, Failure, Outcome, Status};
use config::{Certificate, Config};
use flags::Flags;
pub(crate) use link::LoginLink;
use ptyd::Beside;
pub(crate) use vault::Vault;
use welcome::Start;

/// Together below two seconds: whoever stops the server waits for it.
const DEADLINES: Deadlines =
    Deadlines { draining: Duration::from_millis(1_400), flushing: Duration::from_millis(500) };
/// A daemon that has just been started answers within milliseconds; one that somebody else starts
/// may come later, and the page says so.
const FIRST_ANSWER: Duration = Duration::from_secs(25);

/// Beside connections: the log, the database, the daemon, the page's files.
const OTHER_FILES: usize = 64;

const AFTER_HELP: &str = "\
Where no sessions daemon runs, one is started beside the server; it stays when the server stops. Under \
systemd or as the first process of a container it is not: there it has a unit or a container of its own. \
Every setting can also stand in the file or the environment.

Examples:
  bastide serve
  bastide serve --listen 127.0.0.1:9000 --data-dir ./data
  bastide serve --listen 0.0.0.0:8722 --tls-self-signed
  bastide serve --public-url https://shell.example.org   behind a proxy with TLS
  bastide serve --ephemeral                              to try; keeps nothing";

/// Run the web server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    options: Options,
}

/// What is no setting.
#[derive(Debug, Args)]
struct Options {
    /// Keep everything in a directory of its own, with a sessions daemon that ends with the server
    #[arg(long)]
    ephemeral: bool,
    /// Print the login link of the first start even where nobody seems to look
    #[arg(long)]
    print_login_link: bool,
}

impl Serve {
    pub(crate) fn run(self, place: &Place) -> Outcome {
        let config = Config::load(&self.flags)?;
        let _written = logging::init(&config.logging).context("the log")?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        raise_limit(config.max_connections);
        keep_memory_private();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::Other(anyhow!("cannot start: {e}")))?;
        let outcome = runtime.block_on(serve(&config, &self.options, place));
        // What is left of it are waits that nobody needs.
        runtime.shutdown_background();
        outcome
    }
}

/// What is wrong with the server's settings, and what will trouble people; nothing is started.
pub(crate) fn check(file: Option<PathBuf>) -> Result<Config, Failure> {
    let mut config = Config::load(&Flags::file(file))?;
    config.warnings.extend(certificate::check(&config)?);
    config.warnings.extend(oidc::check(&config)?);
    Ok(config)
}

/// Secrets are in this memory for moments: no core dump, and no debugger of the same user (prctl(2),
/// PR_SET_DUMPABLE). Programs that are started begin anew.
fn keep_memory_private() {
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "a core dump of the server may hold secrets");
    }
}

/// Each connection is a descriptor; the soft limit of a login shell is 1024.
fn raise_limit(connections: usize) {
    let wanted = u64::try_from(connections + OTHER_FILES).unwrap_or(u64::MAX);
    match bastide_pty::raise_open_file_limit() {
        Ok(limit) if limit < wanted => tracing::warn!(
            limit,
            max_connections = connections,
            "the limit of open files (ulimit -n) is below the connections allowed: some will be refused"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

async fn serve(config: &Config, options: &Options, place: &Place) -> Outcome {
    let signals = Signals::listen(Hangup::Drain).context("signals")?;
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    let listener = listen(config.listen.web).await?;
    let door = ssh_door::listen(&config.listen.ssh).await?;
    let beside = Beside::new(options.ephemeral, place)?;
    let data_dir = DataDir::open(beside.data_dir(config)?).map_err(anyhow::Error::from)?;
    let door = ssh_door::open(door, data_dir.root())?;
    let first = !data_dir.is_set_up();
    let tls = certificate::load(config, data_dir.root())?;
    let app = start(config, (&beside, &data_dir, door.as_ref()), (&tasks, &shutdown)).await?;

    let work = async {
        if beside.starts_it() {
            app.wait_ready(FIRST_ANSWER).await.map_err(anyhow::Error::from)?;
        }
        shutdown.advance(Phase::Serving);
        let listening = listener.local_addr().context("the listener")?;
        let own = tls.as_ref().filter(|_| config.tls == Some(Certificate::SelfSigned));
        let fingerprint = own.map(bastide_api::Tls::fingerprint);
        let start = Start { listening, first, fingerprint, options };
        welcome::say(&app, config, &data_dir, start).await?;
        if !beside.starts_it() {
            tasks.spawn("first answer of the sessions daemon", note_missing(app.clone()));
        }
        let edge = bastide_api::Config {
            public: config.public_url.clone(),
            tls,
            proxies: config.trusted.proxies.clone(),
            max_connections: config.max_connections,
            friends: config.trusted.friends.clone(),
        };
        if let Some(door) = door {
            tasks.spawn("ssh listener", door.serve(app.clone()));
        }
        bastide_api::serve(listener, app.clone(), edge).await;
        Ok(())
    };
    let mut asked_twice = std::pin::pin!(signals.drain(&shutdown));
    let served = tokio::select! {
        served = work => served,
        code = asked_twice.as_mut() => return Ok(status(code)),
    };
    let finish = shutdown.finish(&tasks, DEADLINES, app.flush());
    let outcome = tokio::select! {
        _ = finish => DONE,
        code = asked_twice => status(code),
    };
    beside.end().await;
    served.map(|()| outcome)
}

/// The use cases, and what they do unasked.
async fn start(
    config: &Config,
    (beside, data_dir, door): (&Beside, &DataDir, Option<&ssh_door::Door>),
    (tasks, shutdown): (&Tasks, &Shutdown),
) -> Result<App, Failure> {
    let app_config = bastide_app::Config {
        data_dir: data_dir.clone(),
        daemon: beside.daemon(tasks, shutdown)?,
        account: own_account(),
        clock: Clock::system(),
        recordings: beside.recordings(config)?,
        history: bastide_app::history::Config {
            keep: jiff::SignedDuration::try_from(config.times.history_keep)
                .context("the time that history is kept")?,
        },
        login_lifetime: jiff::SignedDuration::try_from(config.times.login_lifetime)
            .unwrap_or(bastide_app::login::DEFAULT_LIFETIME),
        vault: config.key_source(data_dir.root())?,
        webhook: webhook::configured()?,
        second_factor: config.sign_in.second_factor.clone(),
        single_sign_on: oidc::configured(config).await?,
        ssh_door: bastide_app::SshDoor {
            address: door.map(ssh_door::Door::address),
            forbidden: config.listen.ssh.forbidden.clone(),
        },
    };
    let app = App::start(app_config, tasks.clone(), shutdown.clone()).await.map_err(anyhow::Error::from)?;
    if let Some(every) = config.times.check_servers_every {
        bastide_app::health::rounds::start(&app, every);
    }

    tasks.spawn("first look at the provider", oidc::look(app.clone()));
    Ok(app)
}

/// Says so when the daemon that somebody else starts is late; the page says it too.
async fn note_missing(app: App) {
    tokio::select! {
        ready = app.wait_ready(FIRST_ANSWER) => {
            if let Err(error) = ready {
                tracing::warn!(%error, "serving without terminals until it answers");
            }
        }
        () = app.shutdown().draining() => {}
    }
}

fn status(code: i32) -> Status {
    Status(u8::try_from(code).unwrap_or(1))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; another server may run already: choose another port with --listen"
            }
            std::io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need a privilege: choose another with --listen"
            }
            _ => "",
        };
        Failure::text(format!("cannot listen on {address}: {error}{advice}"))
    })
}

/// The OS user whose shells the administrator opens: the one who started the server.
fn own_account() -> String {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}
