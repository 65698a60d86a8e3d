//! The server's database: schema, migrations, queries. SQLite, one file.
//!
//! The only crate that writes SQL. It must not know who may do what, nor what a password or a cookie
//! looks like: it is given digests and sealed secrets, and gives back rows. Every query is checked against the schema when
//! the crate is compiled; `scripts/prepare-queries` writes down what that check found (`.sqlx/`).

#![forbid(unsafe_code)]

mod alerts;
mod authorities;
mod credentials;
mod database;
mod error;
mod factors;
mod grants;
mod host_keys;
mod identities;
mod infini;
mod links;
mod logins;
mod places;
mod requests;
mod reviews;
mod rights;
mod rules;
mod servers;
mod session_settings;
mod sessions;
mod shares;
mod time;
mod tokens;
mod user_keys;
mod users;
pub mod vault;
mod verdicts;

pub use alerts::{Alert, Severity};
pub use authorities::{Authority, Certifies};
pub use credentials::{Credential, CredentialKind, NewCredential, Secrets, Set};
pub use database::Store;
pub use error::Error;
pub use factors::{FactorsHeld, Passkey, Removed, Totp};
pub use grants::{Credentials, Grant, GrantTarget, Grantee, Group, Terms};
pub use host_keys::{HostKey, Pinned};
pub use identities::{Identity, NewIdentity};
pub use infini::{Infini, InfiniServer, read_infini};
pub use links::Link;
pub use logins::Login;
pub use places::Place;
pub use requests::{AccessRequest, Answer, RequestState, Wanted};
pub use reviews::{Decision, Review, ReviewState, Which};
pub use rights::{Right, Rights};
pub use rules::RuleVersion;
pub use servers::{NodeSettings, OwnCredential, Server, ServerSettings, ServerStatus, SshSettings};
pub use session_settings::{SealedVariable, SessionSettings, SettingsScope};
pub use sessions::{End, Event, Exit, Opened, Owner, RecordingState, Session, SessionFilter, Step};
pub use shares::{Access, Guest, Share};
pub use tokens::{Scope, Token};
pub use user_keys::UserKey;
pub use users::{Change, NewUser, Role, User};
pub use verdicts::{Judged, Verdict};

#[cfg(test)]
mod tests;
