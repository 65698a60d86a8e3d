//! Where the daemon is and who calls.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;

/// How to reach a daemon.
#[derive(Debug, Clone)]
pub struct Config {
    /// The daemon's unix socket.
    pub socket: PathBuf,
    pub token: TokenSource,
    /// A name for this client, shown to the others of a session and in the daemon's log.
    pub client_id: Option<String>,
}

impl Config {
    /// The daemon at `socket`, with the token in the file beside it: `ptyd.sock` → `ptyd.token`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        let socket = socket.into();
        Self { token: TokenSource::File(token_beside(&socket)), socket, client_id: None }
    }

    #[must_use]
    pub fn with_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token = TokenSource::File(path.into());
        self
    }

    #[must_use]
    pub fn with_client_id(mut self, name: impl Into<String>) -> Self {
        self.client_id = Some(name.into());
        self
    }
}

/// The socket's path with `.sock` replaced by `.token`, as the daemon lays its files out.
fn token_beside(socket: &Path) -> PathBuf {
    socket.with_extension("token")
}

/// Where the secret comes from. It is read anew for every connection: a restarted daemon may have
/// made another.
#[derive(Clone)]
pub enum TokenSource {
    File(PathBuf),
    Value(String),
}

impl TokenSource {
    pub(crate) async fn read(&self) -> Result<String, Error> {
        match self {
            Self::Value(token) => Ok(token.clone()),
            Self::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Ok(text.trim().to_owned()),
                Err(source) => Err(Error::Token { path: path.clone(), source }),
            },
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Value(_) => f.write_str("Value(_)"),
        }
    }
}
