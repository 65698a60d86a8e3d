//! Who asks, for what, and whether they may.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::login::Login;
use crate::{Clock, Error};

/// Everything a person can do here. The name stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    SessionList,
    SessionRead,
    SessionCreate,
    SessionEnd,
    SessionWatch,
    SessionWrite,
    Logout,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionList => "session_list",
            Self::SessionRead => "session_read",
            Self::SessionCreate => "session_create",
            Self::SessionEnd => "session_end",
            Self::SessionWatch => "session_watch",
            Self::SessionWrite => "session_write",
            Self::Logout => "logout",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    /// In this release everybody who has logged in is the administrator.
    Person(Login),
}

/// What the caller may be shown or done to; made by [`Ctx::authorize`] and nowhere else, so that a
/// use case that takes one cannot be reached without the question having been asked.
#[derive(Debug)]
pub struct Authorized<T> {
    target: T,
    login: Login,
}

impl<T> Authorized<T> {
    pub fn target(&self) -> &T {
        &self.target
    }

    pub fn into_target(self) -> T {
        self.target
    }

    pub fn login(&self) -> &Login {
        &self.login
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ctx {
    app: App,
    caller: Caller,
    request_id: Arc<str>,
}

impl Ctx {
    pub(crate) fn new(app: App, caller: Caller, request_id: &str) -> Self {
        Self { app, caller, request_id: request_id.into() }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub fn clock(&self) -> &Clock {
        self.app.clock()
    }

    /// Asks whether the caller may do this to that.
    ///
    /// # Errors
    /// `NotLoggedIn`. Whoever has logged in may do everything in this release.
    pub fn authorize<T>(&self, _action: Action, target: T) -> Result<Authorized<T>, Error> {
        match &self.caller {
            Caller::Anonymous => Err(Error::NotLoggedIn),
            Caller::Person(login) => Ok(Authorized { target, login: login.clone() }),
        }
    }

    /// Writes that the action begins, does it, writes how it ended. Nothing is done when the first
    /// entry cannot be written. The work goes on to its end even if the caller leaves meanwhile.
    ///
    /// # Errors
    /// `Journal`, or what the work fails with.
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

    async fn note(
        &self,
        action: Action,
        about: &About,
        phase: &str,
        why: Option<String>,
    ) -> Result<(), Error> {
        let mut fields = about.fields.clone();
        fields.insert("phase".to_owned(), json!(phase));
        fields.insert("request_id".to_owned(), json!(&*self.request_id));
        if let Caller::Person(login) = &self.caller {
            fields.insert("login".to_owned(), json!(login.id()));
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
