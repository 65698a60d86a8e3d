//! What a use case can fail with. An edge maps every variant; there is no catch-all.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bastide_store::{self as store, Right};
use bastide_vault::KeyId;
use thiserror::Error;
use uuid::Uuid;

use crate::files::FileError;
use crate::login::factors::Needed;

#[derive(Debug, Error)]
pub enum Error {
    #[error("log in first")]
    NotLoggedIn,
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("no {0}")]
    NotFound(What),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("{0}")]
    Invalid(String),
    #[error("limit reached: {0}")]
    Limit(String),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A server could not be reached, or does not let us in.
    #[error(transparent)]
    Ssh(#[from] bastide_ssh::Error),
    /// About a file on a server.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Storage(Storage),
    #[error("the server is stopping")]
    Stopping,
}

/// The session daemon does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DaemonError {
    #[error("the session daemon is not reachable: {0}")]
    Unreachable(String),
    #[error("the session daemon answered {code}: {message}")]
    Refused { code: String, message: String },
}

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    #[error("the user name or the password is wrong")]
    BadCredentials,
    #[error("too many attempts: try again in {seconds} s")]
    TooManyAttempts { seconds: u64 },
    #[error(
        "this login link is used, expired or unknown: run `bastide login-link` on the server's machine for a new one"
    )]
    LinkRefused,
    #[error("this password cannot be used: {0}")]
    WeakPassword(&'static str),
    #[error(transparent)]
    SingleSignOn(#[from] crate::login::single_sign_on::Refusal),
    /// The first step was right.
    #[error("a second factor is needed too: log in at the page, or use an API token")]
    SecondFactor(Needed),
    #[error("the code is wrong, or was used already")]
    BadCode,
    #[error("this took too long or too many tries: begin again")]
    StepOver,
    #[error(
        "too many wrong codes of your app: take a passkey or a recovery code and set up another app, or ask an administrator"
    )]
    CodesLocked,
}

/// Known, and not for this caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Forbidden {
    #[error("this needs {0}")]
    Role(&'static str),
    #[error("you have no right to {} on this server", .0.as_str())]
    NoRight(Right),
    #[error("{0}")]
    Closed(Closed),
    #[error("{0}")]
    NoShellHere(NoShellHere),
    #[error("this token may only read")]
    ReadOnlyToken,
    #[error("this is for somebody who logged in with a browser, not for a token")]
    NeedsBrowser,
    #[error("you may only watch this session")]
    WatchOnly,
    #[error("only the session's owner and administrators may do this")]
    NotOwner,
    /// By the rules.
    #[error("{0}")]
    Command(Box<crate::rules::Refusal>),
    /// By a second person, or by nobody in time.
    #[error("{}", .0.en())]
    NotApproved(Box<crate::exec::NotApproved>),
    #[error("nobody decides on {0} of their own")]
    Own(&'static str),
    #[error("{0}")]
    Together(Together),
}

/// Why somebody gets no shell of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoShellHere {
    #[error("only administrators open local shells")]
    Role,
    #[error("no OS account is set for you: an administrator can name one")]
    NoAccount,
}

/// What people in one session may not do to one another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Together {
    #[error("{} showed you out of this session", .by.as_deref().unwrap_or("somebody"))]
    ShownOut { by: Option<String> },
    #[error(
        "they may not type here: they need the right to write on this server, or a link of the session's owner"
    )]
    Keyboard,
    #[error("the keyboard is given to somebody who has logged in")]
    Nobody,
    #[error("who watches by a right or by their role is shown out by administrators only")]
    Observer,
    #[error("one asks for the keyboard for oneself")]
    NotYours,
    #[error("an announced end is stopped by who announced it, and by administrators")]
    Announcer,
}

/// Why a grant gives nothing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Closed {
    #[error("what you were granted on this server does not hold at this hour")]
    Hours,
    #[error("what you were granted on this server does not hold from where you are")]
    Network,
}

/// What is not there, or not to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Session(Uuid),
    /// Of a session.
    Viewer(u64),
    User(i64),
    Login,
    Token(Uuid),
    SshKey(Uuid),
    /// The share behind a link.
    ShareLink,
    Share(Uuid),
    Review(Uuid),
    Recording(Uuid),
    /// A file that is on its way to a server.
    Upload,
    Thing(Thing, i64),
}

/// What has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Server,
    Credential,
    Group,
    Grant,
    HostKey,
    HostAuthority,
    UserAuthority,
    Connection,
    RuleVersion,
    AccessRequest,
    /// A second factor, whatever its number.
    Factor,
    Identity,
}

impl Thing {
    /// In problems and sentences.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Credential => "credential",
            Self::Group => "group",
            Self::Grant => "grant",
            Self::HostKey => "host key",
            Self::HostAuthority => "host authority",
            Self::UserAuthority => "user authority",
            Self::Connection => "connection",
            Self::RuleVersion => "rule version",
            Self::AccessRequest => "access request",
            Self::Factor => "second factor",
            Self::Identity => "identity",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(uid) => write!(f, "session {uid}"),
            Self::Viewer(id) => write!(f, "viewer {id} in this session"),
            Self::User(id) => write!(f, "user {id}"),
            Self::Login => f.write_str("such login"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::SshKey(id) => write!(f, "key {id}"),
            Self::Thing(Thing::Factor, _) => f.write_str("such second factor"),
            Self::ShareLink => f.write_str("session is shared by this link now: ask for a new one"),
            Self::Review(id) => write!(f, "review {id}"),
            Self::Share(id) => write!(f, "share {id}"),
            Self::Recording(id) => write!(f, "recording {id}"),
            Self::Upload => f.write_str("such upload: begin it again, it goes on where it was"),
            Self::Thing(thing, id) => write!(f, "{} {id}", thing.as_str()),
        }
    }
}

/// It does not fit what is there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Conflict {
    #[error("the user name {0} is taken")]
    UsernameTaken(String),
    #[error("this is the last administrator: make somebody else one first")]
    LastAdministrator,
    #[error("the name {name} is taken by another {}", thing.as_str())]
    NameTaken { thing: Thing, name: String },
    #[error("{0}")]
    InUse(String),
    #[error("somebody else has changed it meanwhile: look at it again first")]
    ChangedMeanwhile,
    /// What is wrong with a rule set.
    #[error("the rules cannot be taken: {0}")]
    Rules(bastide_policy::Faults),
    #[error("a second person has to approve this command (rule {rule}): run it with a time that it may wait")]
    NeedsReview { rule: String },
    /// What is wrong with settings of sessions.
    #[error("the settings cannot be taken: {0}")]
    Settings(bastide_policy::Faults),
    /// Of what one person may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error("it is decided already: {0}")]
    ReviewClosed(String),
    #[error("this request is {0} already")]
    RequestClosed(&'static str),
    #[error("the rules that are stored cannot be read, so nothing runs that needs a verdict: {0}")]
    RulesUnreadable(String),
}

/// One person has as much as one may, whatever others have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TooMany {
    #[error(
        "you have {open} open sessions and may have {most}: end one of them first, or ask an administrator for more"
    )]
    Sessions { open: usize, most: u32 },
    #[error(
        "you have {most} {what} open, as many as one person may: end some of them, or try again once they are over"
    )]
    AtOnce { what: &'static str, most: usize },
}

/// What the server keeps could not be read or written.
#[derive(Debug, Error)]
pub enum Storage {
    #[error("nothing was done, because the audit log cannot be written: {0}")]
    Journal(String),
    #[error("{doing} {path}: {source}", path = path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "the settings for sessions (version {version}) cannot be read, so none is opened: {why}; were they written by a \
         newer release?"
    )]
    Settings { version: i64, why: String },
    #[error(transparent)]
    Database(store::Error),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Stored secrets cannot be sealed or opened.
#[derive(Debug, Error)]
pub enum VaultError {
    #[error(transparent)]
    Sealing(#[from] bastide_vault::Error),
    #[error(
        "the stored secrets are sealed under the master key {needed}, and the {source_of_it} holds another one, {given}: \
         give the right one; nothing was changed"
    )]
    OtherKey { needed: String, given: KeyId, source_of_it: String },
    #[error(
        "the stored secrets are sealed under the master key {needed}, and that key is not to be had: {why}; put it \
         back from where a copy is kept (a new key would open nothing)"
    )]
    NoKey { needed: String, why: bastide_vault::Error },
}

impl From<bastide_vault::Error> for Error {
    fn from(error: bastide_vault::Error) -> Self {
        Self::Storage(Storage::Vault(error.into()))
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        Self::Storage(Storage::Vault(error))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Taken(name) => Conflict::UsernameTaken(name).into(),
            store::Error::InUse(by) => Conflict::InUse(format!("it is in use by {by}")).into(),
            store::Error::LastAdministrator => Conflict::LastAdministrator.into(),
            store::Error::ChangedMeanwhile => Conflict::ChangedMeanwhile.into(),
            other => Self::Storage(Storage::Database(other)),
        }
    }
}

/// Who has to act so that the same call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Caller,
    Target,
    Us,
}

impl Error {
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotLoggedIn
            | Self::Login(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Invalid(_) => Fault::Caller,
            Self::File(error) => error.fault(),
            Self::Limit(_) | Self::Daemon(_) | Self::Ssh(_) => Fault::Target,
            Self::Storage(_) | Self::Stopping => Fault::Us,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retry(&self) -> bool {
        match self {
            Self::Login(LoginError::TooManyAttempts { .. })
            | Self::Conflict(Conflict::TooMany(TooMany::AtOnce { .. }))
            | Self::Limit(_)
            | Self::Daemon(DaemonError::Unreachable(_))
            | Self::File(FileError::Lost(_))
            | Self::Stopping => true,
            Self::NotLoggedIn
            | Self::Login(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Invalid(_)
            | Self::Daemon(DaemonError::Refused { .. })
            | Self::File(_)
            | Self::Ssh(_)
            | Self::Storage(_) => false,
        }
    }

    pub(crate) fn journal(why: impl Into<String>) -> Self {
        Self::Storage(Storage::Journal(why.into()))
    }

    pub(crate) fn session(uid: Uuid) -> Self {
        Self::NotFound(What::Session(uid))
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage(Storage::File { doing, path, source })
    }
}
