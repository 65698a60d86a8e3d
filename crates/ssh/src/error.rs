use bastide_wire::ssh::PresentedKey;

/// Why there is no connection, no shell or no output. The text begins with the step that failed, names the server,
/// and says how to mend it where that is known. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be dialled at all.
    #[error("request: {0}")]
    Request(String),
    #[error(
        "resolve: no address for {place}: {why}; check the host name of the server and the resolver here"
    )]
    Resolve { place: String, why: String },
    #[error("connect: {place}: {why}")]
    Connect { place: String, why: String },
    #[error("key exchange: {place}: {why}")]
    KeyExchange { place: String, why: String },
    #[error(
        "key exchange: {place}: no common {kind} algorithm; offered here: {}; offered there: {}{}",
        ours.join(", "), theirs.join(", "),
        if *legacy { "" } else { "; a server this old needs the setting for legacy algorithms" }
    )]
    NoCommonAlgorithm {
        place: String,
        kind: &'static str,
        ours: Vec<String>,
        theirs: Vec<String>,
        legacy: bool,
    },
    /// No key is pinned, and nobody may be or could be asked.
    #[error(
        "host key: {place} presents the unknown key {} ({}); {why}",
        key.fingerprint, key.algorithm
    )]
    HostKeyUnknown { place: String, key: Box<PresentedKey>, why: String },
    /// Another key than the accepted ones: a new installation, or somebody in between.
    #[error(
        "host key: {place} presents the key {} ({}), which is not the accepted one ({}); if the server was set up \
         anew, an administrator removes the old key first",
        key.fingerprint, key.algorithm, accepted.join(", ")
    )]
    HostKeyChanged { place: String, key: Box<PresentedKey>, accepted: Vec<String> },
    /// The host's certificate is signed by an accepted authority, and is not good for this host or not now.
    #[error("host key: {place} presents a certificate that cannot be accepted: {why}")]
    HostCertificate { place: String, key: Box<PresentedKey>, why: String },
    #[error("authentication: {place}: {why}")]
    Authentication { place: String, why: String },
    /// The server is there and does not give a channel, a terminal, a shell or a command.
    #[error("channel: {place}: {why}")]
    Channel { place: String, why: String },
    #[error("connection: {place}: {why}")]
    Lost { place: String, why: String },
    #[error("pool: this process is shutting down its connections")]
    Closed,
}

impl Error {
    /// The step that failed: the first word or words of the text.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::KeyExchange { .. } | Self::NoCommonAlgorithm { .. } => "key exchange",
            Self::HostKeyUnknown { .. } | Self::HostKeyChanged { .. } | Self::HostCertificate { .. } => {
                "host key"
            }
            Self::Authentication { .. } => "authentication",
            Self::Channel { .. } => "channel",
            Self::Lost { .. } => "connection",
            Self::Closed => "pool",
        }
    }

    /// The host key that was presented, where that is what failed.
    pub fn presented_key(&self) -> Option<&PresentedKey> {
        match self {
            Self::HostKeyUnknown { key, .. }
            | Self::HostKeyChanged { key, .. }
            | Self::HostCertificate { key, .. } => Some(key),
            _ => None,
        }
    }
}
