//! The server's connection to the session daemon: one for everybody, kept up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bastide_ptyd_client as ptyd;
use bastide_rt::{Shutdown, Tasks};
use tokio::sync::watch;

use crate::error::Forbidden;
use crate::{DaemonError, Error};

/// A daemon that restarts is back within this; most reconnects succeed on the first try.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// Soon enough that nobody thinks of restarting the server by hand.
const LAST_RETRY: Duration = Duration::from_secs(5);

type Launching = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Starts a daemon when none runs. Resolves when it accepts connections.
#[derive(Clone)]
pub struct Launch(Arc<dyn Fn() -> Launching + Send + Sync>);

impl Launch {
    pub fn new<F>(launch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(launch())))
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Launch")
    }
}

/// Where the daemon is, and what to do when it is not there.
#[derive(Debug, Clone)]
pub struct DaemonConfig {
    pub connection: ptyd::Config,
    /// `None`: somebody else starts it; `hint` says who.
    pub launch: Option<Launch>,
    /// Added to the reason while it is not reachable: what an operator is to do.
    pub hint: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum State {
    Waiting { reason: String },
    Ready(ptyd::Client),
}

/// The connection as others see it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    state: watch::Receiver<State>,
}

impl Link {
    pub(crate) fn start(config: DaemonConfig, tasks: &Tasks, shutdown: Shutdown) -> Self {
        let (sender, state) = watch::channel(State::Waiting { reason: "not connected yet".to_owned() });
        tasks.spawn("daemon connection", keep_connected(config, sender, shutdown));
        Self { state }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// # Errors
    /// `DaemonUnreachable` with the reason.
    pub(crate) fn client(&self) -> Result<ptyd::Client, Error> {
        match &*self.state.borrow() {
            State::Ready(client) if !client.is_closed() => Ok(client.clone()),
            State::Ready(_) => {
                Err(DaemonError::Unreachable("its connection was just lost".to_owned()).into())
            }
            State::Waiting { reason } => Err(DaemonError::Unreachable(reason.clone()).into()),
        }
    }
}

async fn keep_connected(config: DaemonConfig, state: watch::Sender<State>, shutdown: Shutdown) {
    let mut delay = FIRST_RETRY;
    loop {
        let connected = tokio::select! {
            connected = connect(&config) => connected,
            () = shutdown.draining() => return,
        };
        match connected {
            Ok(client) => {
                tracing::info!(
                    pid = client.daemon().pid,
                    version = client.daemon().version,
                    "connected to the session daemon"
                );
                delay = FIRST_RETRY;
                let closed = client.clone();
                state.send_replace(State::Ready(client));
                let why = tokio::select! {
                    why = closed.closed() => why,
                    // The connection stays for whoever still finishes something on it.
                    () = shutdown.draining() => return,
                };
                tracing::warn!(why, "lost the session daemon");
                state.send_replace(State::Waiting { reason: why });
            }
            Err(reason) => {
                let reason = match &config.hint {
                    Some(hint) => format!("{reason}; {hint}"),
                    None => reason,
                };
                let news = state.send_if_modified(|now| {
                    let news = !matches!(now, State::Waiting { reason: known } if *known == reason);
                    *now = State::Waiting { reason: reason.clone() };
                    news
                });
                if news {
                    tracing::warn!(reason, "the session daemon is not reachable; trying again");
                }
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = shutdown.draining() => return,
                }
                delay = (delay * 2).min(LAST_RETRY);
            }
        }
    }
}

async fn connect(config: &DaemonConfig) -> Result<ptyd::Client, String> {
    let error = match ptyd::Client::connect(config.connection.clone()).await {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    // Only where nobody listens: a daemon that refuses us must not get a second one beside it.
    let Some(launch) = config.launch.as_ref().filter(|_| nobody_there(&error)) else {
        return Err(error.to_string());
    };
    (launch.0)().await?;
    ptyd::Client::connect(config.connection.clone()).await.map_err(|e| e.to_string())
}

fn nobody_there(error: &ptyd::Error) -> bool {
    matches!(error, ptyd::Error::NoDaemon { .. })
}

/// A daemon's refusal in the words of a use case.
pub(crate) fn refused(error: ptyd::Error) -> Error {
    match error {
        ptyd::Error::Reply { code, message } => match code.as_str() {
            "LIMIT_REACHED" => Error::Limit(message),
            "INVALID_ARGUMENT" | "INVALID_SIGNAL" | "SESSION_ERROR" => Error::Invalid(message),
            "READ_ONLY" => Forbidden::WatchOnly.into(),
            _ => DaemonError::Refused { code, message }.into(),
        },
        other => DaemonError::Unreachable(other.to_string()).into(),
    }
}
