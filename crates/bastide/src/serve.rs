//! `bastide serve`: the web server, and the sessions daemon beside it where none runs.

mod config;
mod link;
mod ptyd;
mod welcome;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bastide_app::{App, Clock, DataDir};
use bastide_rt::{Deadlines, Hangup, Phase, Shutdown, Signals, Tasks, logging};
use clap::Args;
use tokio::net::TcpListener;

use crate::cli::daemon::Place;
use crate::cli::exit::{DONE, Failure, Outcome, Status};
use config::Config;
pub(crate) use link::LoginLink;
use ptyd::Beside;

/// Together below two seconds: whoever stops the server waits for it.
const DEADLINES: Deadlines =
    Deadlines { draining: Duration::from_millis(1_400), flushing: Duration::from_millis(500) };
/// A daemon that has just been started answers within milliseconds; one that somebody else starts
/// may come later, and the page says so.
const FIRST_ANSWER: Duration = Duration::from_secs(25);

const AFTER_HELP: &str = "\
Where no sessions daemon runs, one is started beside the server; it stays when the server stops. Under
systemd or as the first process of a container it is not: there it has a unit or a container of its own.
Every setting can also stand in the file or the environment.

Examples:
  bastide serve
  bastide serve --listen 127.0.0.1:9000 --data-dir ./data
  bastide serve --public-url https://shell.example.org   behind a proxy that does TLS
  bastide serve --ephemeral                              to try: everything is gone afterwards";

/// Run the web server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Serve {
    /// Address and port [env: BASTIDE_LISTEN] [default: 127.0.0.1:8722]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the server keeps its key, its log and login links [env: BASTIDE_DATA_DIR] [default:
    /// $XDG_DATA_HOME/bastide]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The address people see, when a proxy stands before the server [env: BASTIDE_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// File with settings [default: server.toml in $XDG_CONFIG_HOME/bastide, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// Keep everything in a directory of its own, with a sessions daemon that ends with the server
    #[arg(long)]
    ephemeral: bool,
    /// Print the login link of the first start even where nobody seems to look
    #[arg(long)]
    print_login_link: bool,
}

impl Serve {
    pub(crate) fn run(self, place: &Place) -> Outcome {
        let config = Config::load(&self)?;
        logging::init(&config.logging).context("the log")?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::Other(anyhow!("cannot start: {e}")))?;
        let outcome = runtime.block_on(serve(&config, place));
        // What is left of it are waits that nobody needs.
        runtime.shutdown_background();
        outcome
    }
}

async fn serve(config: &Config, place: &Place) -> Outcome {
    let signals = Signals::listen(Hangup::Drain).context("signals")?;
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    let listener = listen(config.listen).await?;
    let beside = Beside::new(config, place)?;
    let data_dir = DataDir::open(beside.data_dir(config)?).map_err(anyhow::Error::from)?;
    let first_start = !data_dir.is_set_up();
    let app_config = bastide_app::Config {
        data_dir: data_dir.clone(),
        daemon: beside.daemon(&tasks, &shutdown)?,
        account: own_account(),
        clock: Clock::system(),
    };
    let app = App::start(app_config, tasks.clone(), shutdown.clone()).await.map_err(anyhow::Error::from)?;

    let work = async {
        match app.wait_ready(FIRST_ANSWER).await {
            Err(error) if beside.starts_it() => return Err(Failure::Other(error.into())),
            Err(error) => tracing::warn!(%error, "serving without terminals until it answers"),
            Ok(()) => {}
        }
        shutdown.advance(Phase::Serving);
        let address = listener.local_addr().context("the listener")?;
        welcome::say(&app, config, &data_dir, (address, first_start)).await?;
        let edge =
            bastide_api::Config { public: config.public_url.clone(), ..bastide_api::Config::default() };
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
