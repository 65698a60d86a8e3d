use std::time::Duration;

/// The time limits of a pool. `Default` is what fits nearly everybody.
#[derive(Debug, Clone)]
pub struct Config {
    /// For name and TCP connection together, where a hop does not say its own. 30 s: a slow resolver tries twice
    /// in it, and nobody waits longer for a dead address.
    pub connect_timeout: Duration,
    /// From the TCP connection to the agreed keys. A host that accepts and never speaks costs this much.
    pub handshake_timeout: Duration,
    /// For logging in, without the time that a person takes to answer. Servers delay wrong passwords by seconds.
    pub login_timeout: Duration,
    /// For opening a channel on a connection that is there, and for starting a shell or a command in it.
    pub channel_timeout: Duration,
    /// One timer for all connections: each that was silent since the last tick is asked for a sign of life.
    /// 15 s keeps the state of common firewalls alive and costs one wake-up.
    pub keepalive: Duration,
    /// So many unanswered signs of life in a row, and a connection counts as lost.
    pub keepalive_misses: u32,
    /// A connection without channels is closed after this long.
    pub idle: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(20),
            login_timeout: Duration::from_secs(30),
            channel_timeout: Duration::from_secs(15),
            keepalive: Duration::from_secs(15),
            keepalive_misses: 3,
            idle: Duration::from_secs(300),
        }
    }
}
