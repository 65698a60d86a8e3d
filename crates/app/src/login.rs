//! Logging in: by password, by a one-time link, and staying so by a cookie.
//!
//! A cookie's value is `ID.SECRET`; the database keeps the secret's digest. It survives a restart of
//! the server and ends when its row goes.

mod attempts;
pub mod factors;
pub mod link;
mod refusals;
pub mod single_sign_on;
mod ssh;

use std::net::IpAddr;
use std::sync::Arc;

use bastide_store::{Login, User};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) use attempts::Attempts;
use factors::First;
pub(crate) use factors::{Entrance, Factors};
pub(crate) use refusals::Refusals;
pub(crate) use single_sign_on::SingleSignOn;
pub use ssh::{ShownCertificate, SshProof};

use crate::app::App;
use crate::context::{About, Action, Ctx, MAX_AGENT, Origin, Person, Proof, Shown};
use crate::error::{LoginError, What};
use crate::password::Password;
use crate::{Error, secret};

/// A browser that is used daily asks for the password rarely, a forgotten one ends.
pub const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// In the log.
const WRONG: &str = "wrong user name or password";

/// A cookie to be set.
#[derive(Debug, Clone)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub max_age_seconds: i64,
}

/// How somebody has shown who they are.
#[derive(Debug, Clone, Copy)]
struct How<'a> {
    /// For the log.
    words: &'a str,
    /// The hash that a password was compared with.
    password: Option<&'a str>,
    lifetime: SignedDuration,
}

impl<'a> How<'a> {
    fn password(app: &App, hash: Option<&'a str>) -> Self {
        Self { words: "password", password: hash, lifetime: app.login_lifetime() }
    }
}

/// What logging in yields.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub user: Arc<User>,
    pub login: Arc<Login>,
    pub cookie: Cookie,
}

impl App {
    /// # Errors
    /// `Login` with `BadCredentials`, `TooManyAttempts` or `SecondFactor`; `Storage`. In all cases nobody is logged in.
    pub async fn log_in(
        &self,
        username: &str,
        password: Password,
        origin: &Origin,
    ) -> Result<LoggedIn, Error> {
        let (user, hash) = self.verified(username, password, origin).await?;
        let (app, from) = (self.clone(), origin.clone());
        let login = async move {
            let first = First {
                entrance: Entrance::Page,
                how: "password",
                password: Some(hash.clone()),
                chosen: None,
            };
            app.one_step_is_enough(&user, &from, first).await?;
            let how = How::password(&app, Some(&hash));
            app.begin_login(user, &from, how).await
        };
        match self.to_its_end(login).await? {
            Some(begun) => Ok(begun),
            None => self.turn_away(username, origin, WRONG).await,
        }
    }

    /// Whose name and password these are, with the hash that was compared: counted, and as slow for people
    /// who are not there.
    ///
    /// # Errors
    /// `Login` with `BadCredentials` or `TooManyAttempts`, which is noted; `Storage`.
    async fn verified(
        &self,
        username: &str,
        password: Password,
        origin: &Origin,
    ) -> Result<(Arc<User>, String), Error> {
        if let Err(refused) = self.attempts().count(origin.address, Some(username)) {
            self.note_refused(origin, &refused.to_string(), username).await?;
            return Err(refused.into());
        }
        let user = self.people().named(username).filter(|user| user.enabled);
        let hash = match &user {
            Some(user) => self.store().password(user.id).await?,
            None => None,
        };
        let right = self.hasher().verify(password, hash.clone()).await?;
        match user.zip(hash).filter(|_| right) {
            Some(known) => Ok(known),
            None => self.turn_away(username, origin, WRONG).await,
        }
    }

    async fn turn_away<T>(&self, username: &str, origin: &Origin, why: &str) -> Result<T, Error> {
        self.note_refused(origin, why, username).await?;
        Err(LoginError::BadCredentials.into())
    }

    /// Does what must not stop half-way when whoever asked for it leaves.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.tasks().spawn("login", work).await.unwrap_or(Err(Error::Stopping))
    }

    /// For whom a link is. Changes nothing.
    ///
    /// # Errors
    /// `Login`, `Storage`.
    pub async fn look_at_link(&self, token: &str, origin: &Origin) -> Result<link::Look, Error> {
        let now = self.clock().now();
        let link = match link::look(self.store(), token, now).await {
            Err(Error::Login(refused)) => {
                // Who guesses is counted; who looks at a good link is not.
                self.attempts().count(origin.address, None)?;
                return Err(refused.into());
            }
            other => other?,
        };
        let user = self.enabled(link.user_id)?;
        Ok(link::Look {
            username: user.username.clone(),
            password_set: user.password_set,
            expires: link.expires,
        })
    }

    /// Uses up a link, sets the password where one is given, and logs in. Where a second step is needed, the password
    /// is set when that is taken: a link alone must not take away the one that there is.
    ///
    /// # Errors
    /// `Login`: refused, or the password may not be used; `Invalid`: none is given and none is set.
    /// The link stays good after these, but for `LinkRefused` and `SecondFactor`.
    pub async fn use_link(
        &self,
        token: &str,
        password: Option<Password>,
        origin: &Origin,
    ) -> Result<LoggedIn, Error> {
        let look = match self.look_at_link(token, origin).await {
            Err(Error::Login(refused)) => {
                self.note_refused(origin, &refused.to_string(), "").await?;
                return Err(refused.into());
            }
            other => other?,
        };
        let hash = match password {
            Some(password) => {
                password.check(&look.username)?;
                Some(self.hasher().hash(password).await?)
            }
            None if look.password_set => None,
            None => return Err(Error::Invalid("password: choose one first".to_owned())),
        };
        let (app, origin, token) = (self.clone(), origin.clone(), token.to_owned());
        self.to_its_end(async move { app.consume_link(&token, hash, (&origin, &look.username)).await }).await
    }

    /// Only after it is in the log, so that a link is not lost where nothing can be written.
    async fn consume_link(
        &self,
        token: &str,
        hash: Option<String>,
        (origin, username): (&Origin, &str),
    ) -> Result<LoggedIn, Error> {
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("username", json!(username)),
            ("address", json!(origin.address.map(|address| address.to_string()))),
            ("sets_password", json!(hash.is_some())),
        ];
        self.journal().append("login_link_use", None, fields(about)).await?;
        let used = link::consume(self.store(), token, self.clock().now()).await?;
        let how = format!("link made by {}", used.created_by);
        let user = self.enabled(used.user_id)?;
        // Who makes links is not meant to be able to log in as somebody else.
        let first = First { entrance: Entrance::Page, how: &how, password: None, chosen: hash.clone() };
        self.one_step_is_enough(&user, origin, first).await?;
        let user = match hash {
            Some(hash) => self.set_password(user.id, &hash, None).await?,
            None => user,
        };
        let how = How { words: &how, password: None, lifetime: self.login_lifetime() };
        let begun = self.begin_login(user, origin, how).await?;
        begun.ok_or_else(|| LoginError::LinkRefused.into())
    }

    /// Sets what was chosen with a link, after both steps.
    async fn set_chosen_password(
        &self,
        user: &User,
        hash: &str,
        origin: &Origin,
    ) -> Result<Arc<User>, Error> {
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("username", json!(user.username)),
            ("address", json!(origin.address.map(|address| address.to_string()))),
        ];
        self.journal().append("login_link_password", None, fields(about)).await?;
        self.set_password(user.id, hash, None).await
    }

    /// Ends their other logins, and all that is half-way. The person as they are then.
    async fn set_password(&self, user: i64, hash: &str, keep: Option<&str>) -> Result<Arc<User>, Error> {
        self.store().set_password(user, hash, keep).await?;
        self.factors().forget(user);
        self.people().reload(self.store()).await?;
        self.changed();
        self.people().get(user).ok_or(Error::NotFound(What::User(user)))
    }

    fn enabled(&self, id: i64) -> Result<Arc<User>, Error> {
        let user = self.people().get(id).filter(|user| user.enabled);
        user.ok_or_else(|| LoginError::LinkRefused.into())
    }

    /// `None` when the password that was compared is not theirs any more, or they may not log in.
    async fn begin_login(
        &self,
        user: Arc<User>,
        origin: &Origin,
        how: How<'_>,
    ) -> Result<Option<LoggedIn>, Error> {
        let now = self.clock().now();
        let secret = secret::generate();
        let login = Login {
            id: secret::name(),
            user_id: user.id,
            digest: secret::digest(&secret),
            created: now,
            expires: now.checked_add(how.lifetime).unwrap_or(Timestamp::MAX),
            address: origin.address.map(|address| address.to_string()),
            agent: origin.agent.as_deref().map(|agent| agent.chars().take(MAX_AGENT).collect()),
        };
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("by", json!(user.username)),
            ("by_uid", json!(user.uid)),
            ("how", json!(how.words)),
            ("login", json!(login.id)),
            ("address", json!(login.address)),
        ];
        self.journal().append("login", None, fields(about)).await?;
        if !self.store().add_login(&login, how.password).await? {
            return Ok(None);
        }
        self.people().reload(self.store()).await?;
        let cookie = Cookie {
            name: self.cookie_name().to_owned(),
            value: format!("{}.{secret}", login.id),
            max_age_seconds: how.lifetime.as_secs(),
        };
        Ok(Some(LoggedIn { user, login: Arc::new(login), cookie }))
    }

    async fn note_refused(&self, origin: &Origin, why: &str, username: &str) -> Result<(), Error> {
        let Some(left_out) = self.refusals().note(self.clock().now()) else { return Ok(()) };
        // What is no user name may be a password typed into the wrong field.
        let username = if crate::people::is_username(username) { json!(username) } else { Value::Null };
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("username", username),
            ("address", json!(origin.address.map(|address: IpAddr| address.to_string()))),
            ("why", json!(why)),
            ("left_out_before", json!(left_out)),
        ];
        self.journal().append("login_failed", None, fields(about)).await
    }

    /// Who a request is from. Whoever shows a bad token is refused; a bad cookie is none.
    pub(crate) async fn authenticate(&self, shown: Shown<'_>) -> Result<Option<Person>, Error> {
        if let Some(bearer) = shown.bearer {
            return crate::tokens::authenticate(self, bearer).await.map(Some);
        }
        match shown.cookie {
            Some(cookie) => self.by_cookie(cookie).await,
            None => Ok(None),
        }
    }

    /// Whose login this is; `None` for what is not good now.
    pub(crate) async fn by_cookie(&self, value: &str) -> Result<Option<Person>, Error> {
        let Some((id, secret)) = value.split_once('.') else { return Ok(None) };
        let Some(login) = self.store().login(id).await? else { return Ok(None) };
        if !secret::matches(secret, &login.digest) {
            return Ok(None);
        }
        Ok(self.holding(login))
    }

    fn holding(&self, login: Login) -> Option<Person> {
        let user = self.people().get(login.user_id).filter(|user| user.enabled)?;
        let good = login.expires > self.clock().now();
        good.then(|| Person { user, proof: Proof::Cookie(Arc::new(login)) })
    }

    /// The same person now, if what they showed is still good.
    pub(crate) async fn still(&self, person: &Person) -> Result<Option<Person>, Error> {
        match &person.proof {
            Proof::Cookie(login) => {
                Ok(self.store().login(&login.id).await?.and_then(|login| self.holding(login)))
            }
            Proof::Token(token) => crate::tokens::still(self, token).await,
            Proof::Ssh(proof) => self.still_by_ssh(person.user.id, proof).await,
        }
    }
}

/// Ends the caller's login, here and in every other tab that shares its cookie.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn log_out(ctx: &Ctx) -> Result<(), Error> {
    let grant = ctx.authorize(Action::Logout, ())?;
    ctx.audited(Action::Logout, About::nothing(), async move |ctx| {
        if let Proof::Cookie(login) = &grant.person().proof {
            ctx.app().store().end_login(login.user_id, &login.id).await?;
            ctx.app().changed();
        }
        Ok(())
    })
    .await
}

/// Where the caller is logged in, newest first.
///
/// # Errors
/// `NotLoggedIn`, `Storage`.
pub async fn list(ctx: &Ctx) -> Result<Vec<Login>, Error> {
    let grant = ctx.authorize(Action::LoginList, ())?;
    Ok(ctx.app().store().logins_of(grant.person().user.id, ctx.clock().now()).await?)
}

/// Ends one login of the caller.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn end(ctx: &Ctx, id: String) -> Result<(), Error> {
    let grant = ctx.authorize(Action::LoginEnd, id)?;
    let about = About::nothing().with("ended", grant.target().as_str());
    ctx.audited(Action::LoginEnd, about, async move |ctx| {
        let app = ctx.app();
        if !app.store().end_login(grant.person().user.id, grant.target()).await? {
            return Err(Error::NotFound(What::Login));
        }
        app.changed();
        Ok(())
    })
    .await
}

/// Sets another password; every other login of the caller ends.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login` when the present password is wrong, the new one cannot be used, or
/// too many were tried; `Storage`.
pub async fn change_password(ctx: &Ctx, current: Password, new: Password) -> Result<(), Error> {
    let grant = ctx.authorize(Action::PasswordChange, ())?;
    let user = Arc::clone(&grant.person().user);
    new.check(&user.username)?;
    ctx.audited(Action::PasswordChange, About::nothing(), async move |ctx| {
        let app = ctx.app();
        app.attempts().count(ctx.origin().address, Some(&user.username))?;
        let hash = app.store().password(user.id).await?;
        if !app.hasher().verify(current, hash).await? {
            return Err(LoginError::BadCredentials.into());
        }
        let hash = app.hasher().hash(new).await?;
        let keep = match &grant.person().proof {
            Proof::Cookie(login) => Some(login.id.as_str()),
            Proof::Token(_) | Proof::Ssh(_) => None,
        };
        app.set_password(user.id, &hash, keep).await.map(drop)
    })
    .await
}

/// As the log takes them.
fn fields<const N: usize>(about: [(&str, Value); N]) -> Map<String, Value> {
    about.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The server's name in its cookie.
pub(crate) fn cookie_name(node: uuid::Uuid) -> String {
    format!("bastide_{}", &secret::digest(&node.to_string())[..8])
}
