//! Who asks, for what.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bastide_store::{Login, Token, User};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::app::App;
use crate::login::SshProof;
use crate::{Clock, Error};

macro_rules! actions {
    ($($action:ident $name:literal),+ $(,)?) => {
        /// Everything a person can do here. The name stands in the log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($action),+ }

        impl Action {
            pub(crate) const ALL: [Self; [$(Self::$action),+].len()] = [$(Self::$action),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$action => $name),+ }
            }
        }
    };
}

actions! {
    SessionList "session_list",
    SessionRead "session_read",
    SessionCreate "session_create",
    SessionEnd "session_end",
    SessionWatch "session_watch",
    SessionWrite "session_write",
    SessionEvents "session_events",
    ViewerList "viewer_list",
    ViewerRemove "viewer_remove",
    KeyboardAsk "keyboard_ask",
    KeyboardGive "keyboard_give",
    SessionMessage "session_message",
    RecordingList "recording_list",
    RecordingRead "recording_read",
    ShareList "share_list",
    ShareCreate "share_create",
    ShareRemove "share_remove",
    ShareUse "share_use",
    Logout "logout",
    LoginList "login_list",
    LoginEnd "login_end",
    PasswordChange "password_change",
    FactorList "factor_list",
    FactorChange "factor_change",
    FactorReset "factor_reset",
    TokenList "token_list",
    TokenCreate "token_create",
    TokenRemove "token_remove",
    SshKeyList "ssh_key_list",
    SshKeyCreate "ssh_key_create",
    SshKeyRemove "ssh_key_remove",
    UserAuthorityList "user_authority_list",
    UserAuthorityCreate "user_authority_create",
    UserAuthorityRemove "user_authority_remove",
    UserList "user_list",
    UserRead "user_read",
    UserCreate "user_create",
    UserChange "user_change",
    UserRemove "user_remove",
    UserLink "user_link",
    IdentityAdd "identity_add",
    IdentityRemove "identity_remove",
    MetricsRead "metrics_read",
    ServerList "server_list",
    ServerRead "server_read",
    ServerCreate "server_create",
    ServerChange "server_change",
    ServerRemove "server_remove",
    ServerRedirect "server_redirect",
    ServerConnect "server_connect",
    ServerDisconnect "server_disconnect",
    ServerForward "server_forward",
    FileList "file_list",
    FileDownload "file_download",
    FileUpload "file_upload",
    SessionObserve "session_observe",
    ServerAccessRead "server_access_read",
    AccessRead "access_read",
    AccessRequestList "access_request_list",
    AccessRequestCreate "access_request_create",
    AccessRequestCancel "access_request_cancel",
    AccessRequestDecide "access_request_decide",
    ServerImport "server_import",
    ServerExport "server_export",
    ServerExecute "server_execute",
    ServerCheck "server_check",
    ServerCheckAll "server_check_all",
    CredentialList "credential_list",
    CredentialRead "credential_read",
    CredentialCreate "credential_create",
    CredentialChange "credential_change",
    CredentialRemove "credential_remove",
    CredentialUse "credential_use",
    GroupList "group_list",
    GroupCreate "group_create",
    GroupChange "group_change",
    GroupRemove "group_remove",
    GrantList "grant_list",
    GrantCreate "grant_create",
    GrantRemove "grant_remove",
    HostKeyList "host_key_list",
    HostKeyScan "host_key_scan",
    HostKeyAdd "host_key_add",
    HostKeyAccept "host_key_accept",
    HostKeyRemove "host_key_remove",
    HostAuthorityList "host_authority_list",
    HostAuthorityCreate "host_authority_create",
    HostAuthorityRemove "host_authority_remove",
    ConnectionList "connection_list",
    ConnectionEnd "connection_end",
    RulesRead "rules_read",
    RulesChange "rules_change",
    RulesTry "rules_try",
    ReviewList "review_list",
    ReviewDecide "review_decide",
    ReviewCancel "review_cancel",
    AlertList "alert_list",
    VerdictList "verdict_list",
    SessionSettingsRead "session_settings_read",
    SessionSettingsChange "session_settings_change",
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Person(Person),
}

/// Somebody who has shown who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub user: Arc<User>,
    pub proof: Proof,
}

/// What they showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    Cookie(Arc<Login>),
    Token(Arc<Token>),
    /// At the SSH door; good while its connection lasts and what was shown is.
    Ssh(Arc<SshProof>),
}

impl Person {
    /// When what they showed is no longer good.
    pub fn expires(&self) -> Option<Timestamp> {
        match &self.proof {
            Proof::Cookie(login) => Some(login.expires),
            Proof::Token(token) => token.expires,
            Proof::Ssh(proof) => proof.expires,
        }
    }
}

/// What a request showed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    pub cookie: Option<&'a str>,
    pub bearer: Option<&'a str>,
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub request_id: Arc<str>,
    pub address: Option<IpAddr>,
    /// What the browser or program says it is; at most [`MAX_AGENT`] characters are kept.
    pub agent: Option<Arc<str>>,
}

/// Browsers name themselves in some 120 characters.
pub const MAX_AGENT: usize = 200;

/// What the caller may be shown or done to; made by [`Ctx::authorize`] and nowhere else, so that a
/// use case that takes one cannot be reached without the question having been asked.
#[derive(Debug)]
pub struct Authorized<T> {
    target: T,
    person: Person,
}

impl<T> Authorized<T> {
    /// For `access.rs` alone.
    pub(crate) fn new(target: T, person: Person) -> Self {
        Self { target, person }
    }

    pub fn target(&self) -> &T {
        &self.target
    }

    pub fn into_target(self) -> T {
        self.target
    }

    pub fn person(&self) -> &Person {
        &self.person
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ctx {
    app: App,
    caller: Caller,
    origin: Origin,
    /// Taken before the caller was looked up: it tells of every change that the look may have missed.
    changes: watch::Receiver<u64>,
}

impl Ctx {
    pub(crate) fn new(app: App, caller: Caller, origin: Origin, changes: watch::Receiver<u64>) -> Self {
        Self { app, caller, origin, changes }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn request_id(&self) -> &str {
        &self.origin.request_id
    }

    pub fn clock(&self) -> &Clock {
        self.app.clock()
    }

    /// The same request as it would be answered now: `None` when its caller's login or token is gone.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn again(&self) -> Result<Option<Self>, Error> {
        let Caller::Person(person) = &self.caller else { return Ok(None) };
        let changes = self.app.changes();
        let person = self.app.still(person).await?;
        Ok(person.map(|person| Self { caller: Caller::Person(person), changes, ..self.clone() }))
    }

    /// This request if no right has changed since its caller was looked up, else as it would be answered
    /// now: for work that begins after a wait.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Storage`.
    pub(crate) async fn fresh(&self) -> Result<Self, Error> {
        match self.changes.has_changed() {
            Ok(false) => Ok(self.clone()),
            _ => self.again().await?.ok_or(Error::NotLoggedIn),
        }
    }

    /// Changes whenever a right may have been taken away since this caller was looked up.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Writes that the action begins, does it, writes how it ended. Nothing is done when the first
    /// entry cannot be written. The work goes on to its end even if the caller leaves meanwhile.
    ///
    /// # Errors
    /// `Storage`, or what the work fails with.
    pub async fn audited<T, F>(
        &self,
        action: Action,
        about: About,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let ctx = self.clone();
        let task = self.app.tasks().spawn("audited action", async move {
            ctx.note(action, &about, "begin", None).await?;
            let result = work(ctx.clone()).await;
            let (outcome, why) = match &result {
                Ok(_) => ("done", None),
                Err(e) => ("failed", Some(e.to_string())),
            };
            if let Err(error) = ctx.note(action, &about, outcome, why).await {
                // It has happened, and its beginning is in the log.
                tracing::error!(%error, action = action.as_str(), "the outcome is missing in the log");
            }
            result
        });
        task.await.unwrap_or(Err(Error::Stopping))
    }

    /// An entry about an action beside its beginning and its outcome.
    pub(crate) async fn note(
        &self,
        action: Action,
        about: &About,
        phase: &str,
        why: Option<String>,
    ) -> Result<(), Error> {
        let mut fields = about.fields.clone();
        fields.insert("phase".to_owned(), json!(phase));
        fields.insert("request_id".to_owned(), json!(&*self.origin.request_id));
        if let Some(address) = self.origin.address {
            fields.insert("address".to_owned(), json!(address.to_string()));
        }
        if let Caller::Person(Person { user, proof }) = &self.caller {
            fields.insert("by".to_owned(), json!(user.username));
            fields.insert("by_uid".to_owned(), json!(user.uid));
            let (kind, id) = match proof {
                Proof::Cookie(login) => ("login", login.id.clone()),
                Proof::Token(token) => ("token", token.id.to_string()),
                Proof::Ssh(proof) => ("ssh", proof.id.clone()),
            };
            fields.insert(kind.to_owned(), json!(id));
        }
        if let Some(why) = why {
            fields.insert("why".to_owned(), Value::String(why));
        }
        self.app.journal().append(action.as_str(), about.uid, fields).await
    }
}

/// What an entry is about: a session, and plain facts. No terminal bytes, no secrets.
#[derive(Debug, Clone, Default)]
pub struct About {
    uid: Option<Uuid>,
    fields: Map<String, Value>,
}

impl About {
    pub fn session(uid: Uuid) -> Self {
        Self { uid: Some(uid), fields: Map::new() }
    }

    pub fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
