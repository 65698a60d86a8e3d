//! The listener and its connections.

mod body;
mod connection;
mod peer;
mod places;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use bastide_app::App;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::metrics::Measures;
use crate::routes;
use crate::socketio::SocketIo;
pub use bastide_app::Network;
pub(crate) use body::Pace;
use connection::Connections;
pub(crate) use peer::PeerAddress;
pub use peer::Proxies;
use places::Places;
pub use tls::{Tls, TlsError};

/// A browser keeps some six connections and one WebSocket per terminal; a thousand people with
/// a few terminals each stay below. Each is a descriptor and some 20 KB.
pub const MAX_CONNECTIONS: usize = 8192;
/// From the end of one request to the end of the next one's head: a slow head and an idle
/// connection end alike. Heads come in one packet or two, and browsers connect again unasked.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The largest body is a session's environment.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// A rule set has at most 4 MB; as it is sent it may be indented.
pub(crate) const MAX_RULES_BODY: usize = 8 * 1024 * 1024;
/// Of a list of servers, 4 MiB of text, whose ends of line are two characters each in JSON.
pub(crate) const MAX_LIST: usize = bastide_app::inventory::MAX_TEXT / 4 * 5;
/// A text of 1 MiB whose characters are nearly all escaped in JSON.
pub(crate) const MAX_TEXT_BODY: usize = 7 * 1024 * 1024;
/// The daemon's own deadline is 30 s; after it there is at least an answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// How the server is reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// The origin that people see, when a proxy stands before the server.
    pub public: Option<Origin>,
    /// Without it, HTTP.
    pub tls: Option<Tls>,
    /// Who may say for whom a request is.
    pub proxies: Proxies,
    /// More wait to be accepted.
    pub max_connections: usize,
    /// Origins whose pages may call this server with a token.
    pub friends: Vec<Origin>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public: None,
            tls: None,
            proxies: Proxies::default(),
            max_connections: MAX_CONNECTIONS,
            friends: Vec::new(),
        }
    }
}

/// Scheme and authority, as a browser writes them into `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub https: bool,
    /// `host` or `host:port`.
    pub authority: String,
}

impl Origin {
    /// Reads `https://host[:port]`, without a path.
    ///
    /// # Errors
    /// In words for whoever wrote it into the settings.
    pub fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it must begin with https:// or http://")?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("it must begin with https:// or http://".to_owned()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // As a browser writes it, without the port that goes without saying.
        let authority = authority.strip_suffix(if https { ":443" } else { ":80" }).unwrap_or(authority);
        if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
            return Err("it must be scheme, host and port only".to_owned());
        }
        Ok(Self { https, authority: authority.to_ascii_lowercase() })
    }

    /// As a browser writes it.
    pub fn written(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

/// What handlers are given.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) measures: Measures,
    pub(crate) socketio: SocketIo,
    config: Arc<Config>,
}

impl Site {
    pub(crate) fn friends(&self) -> &[Origin] {
        &self.config.friends
    }

    pub(crate) fn public_authority(&self) -> Option<&str> {
        self.config.public.as_ref().map(|origin| origin.authority.as_str())
    }

    /// How the server is reached, without a slash at the end: as it was told, else as this request came.
    pub(crate) fn address(&self, headers: &HeaderMap) -> String {
        let scheme = if self.https() { "https" } else { "http" };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:[]-_".contains(&b));
        let authority = self.public_authority().or(host.filter(plain)).unwrap_or("localhost");
        format!("{scheme}://{authority}")
    }

    /// Whether browsers come by TLS, as far as we know.
    pub(crate) fn https(&self) -> bool {
        self.config.tls.is_some() || self.config.public.as_ref().is_some_and(|origin| origin.https)
    }
}

/// Serves until the process drains; then takes no more connections, finishes the requests under
/// way, and closes the WebSockets. The connections are tasks of the app's set.
pub async fn serve(listener: TcpListener, app: App, config: Config) {
    let config = Arc::new(config);
    let site = Site {
        app: app.clone(),
        measures: Measures::new(),
        socketio: SocketIo::new(&app),
        config: Arc::clone(&config),
    };
    let shutdown = app.shutdown().clone();
    let free = Arc::new(Semaphore::new(config.max_connections));
    let places = Places::new(config.max_connections);
    let connections = Connections { router: routes::router(site), config, ending: shutdown.clone() };
    loop {
        let in_all = tokio::select! {
            place = Arc::clone(&free).acquire_owned() => place.expect("the semaphore is never closed"),
            () = shutdown.draining() => return,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.draining() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Out of descriptors, most likely: others need a moment to return some.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let from = peer::canonical(peer);
        // Behind a proxy, and on this machine, many people have one address.
        let exempt = from.is_loopback() || connections.config.proxies.trusts(from);
        let share = if exempt { None } else { places.take(from) };
        if share.is_none() && !exempt {
            continue;
        }
        let connections = connections.clone();
        app.tasks().spawn("http connection", async move {
            connections.serve(stream, peer).await;
            drop((in_all, share));
        });
    }
}
