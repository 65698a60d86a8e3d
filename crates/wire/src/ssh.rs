//! How a session's backend on another machine is reached: everything that has to be known to dial, decided by
//! whoever asks. The daemon looks nothing up and accepts no host key that is not named here.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// More jumps than any network needs; each is a connection inside the one before it.
pub const MAX_HOPS: usize = 8;

/// A shell (or a program) over SSH.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssh {
    /// The servers on the way in the order they are dialled; the last is the one meant. 1 to [`MAX_HOPS`].
    pub hops: Vec<Hop>,
    /// A connection is shared by sessions of the same hops, credentials and isolation key only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub isolation: String,
    /// Instead of the account's login shell; the account's shell reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Lets programs there use the keys this connection logs in with. Off unless asked for.
    #[serde(default)]
    pub agent_forwarding: bool,
}

/// One server on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Its name in errors and questions.
    pub name: String,
    /// A name to resolve or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub username: String,
    /// Names the credential and its version: connections made with another one are not shared.
    #[serde(default)]
    pub credential: String,
    /// Tried in this order.
    #[serde(default)]
    pub logins: Vec<Login>,
    /// Accepted host keys, each `algorithm base64` as in a `.pub` file.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// Keys of authorities whose host certificates are accepted, in the same form.
    #[serde(default)]
    pub host_authorities: Vec<String>,
    /// A person may be asked about a host key when none is pinned yet. A key other than a pinned one is
    /// refused without a question.
    #[serde(default)]
    pub ask_host_key: bool,
    /// Old algorithms (SHA-1, CBC, 3DES, DSA-sized groups) are offered too, after the modern ones.
    #[serde(default)]
    pub legacy_algorithms: bool,
    /// Seconds for name and TCP connection together; the default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<u32>,
}

/// One way to show who one is, RFC 4252 and RFC 4256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Login {
    Password {
        password: Secret,
    },
    /// OpenSSH or PEM text. `certificate` is the line of a `-cert.pub` file.
    Key {
        key: Secret,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passphrase: Option<Secret>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<String>,
    },
    /// The server's questions: the one that asks for a password gets this one where there is one, all others
    /// are asked of a person.
    KeyboardInteractive {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
    },
    /// A password that a person types each time.
    AskPassword,
}

/// A secret on its way: gone from memory when dropped, and never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself; for whoever hands it on.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// Whether the host key is the right one: answered by `accept`.
    HostKey,
    Password,
    /// Of a private key.
    Passphrase,
    /// A question in the server's own words, RFC 4256: a one-time code most of the time.
    Question,
}

/// A host key as it is shown to whoever has to accept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedKey {
    pub host: String,
    pub port: u16,
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// `algorithm base64`: what to put into [`Hop::host_keys`].
    pub key: String,
}
