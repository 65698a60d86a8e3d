//! Signing in by what a provider of OpenID Connect says. `bastide-oidc` finds out who it is; here is decided
//! whether, and as whom, they come in.
//!
//! A person is found by issuer and subject and by nothing else: neither a name nor an e-mail address makes
//! somebody who signs in there somebody who is known here.

mod counts;
mod identities;
mod mapping;
mod recheck;
mod waiting;

use std::sync::Arc;

use bastide_oidc::{Answer, Claims, Client};
use bastide_store::{Change, Identity, NewIdentity, NewUser, User};
use jiff::SignedDuration;
use serde_json::{Value, json};
use thiserror::Error;

use super::{How, LoggedIn, fields};
use crate::Error;
use crate::app::App;
use crate::context::Origin;
use crate::error::LoginError;

pub use bastide_oidc::{Answer as OidcAnswer, ClientSecret, Config as Provider};
pub(crate) use counts::Counts;
pub use identities::{add as link, list as identities, remove as unlink};
pub use mapping::Mapping;
use mapping::Wanted;
use waiting::{Table, Ticket};

/// How long a person may take at the provider.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// What [`Settings::recheck_after`] is where nobody says otherwise: over holidays, and not for a quarter of a year.
pub const RECHECK_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Sign-ins that are settled with the provider at once; more wait. Each may take as long as the provider may.
const AT_ONCE: usize = 16;

/// What an administrator has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub provider: Provider,
    /// What stands on the button.
    pub name: String,
    pub mapping: Mapping,
    /// At most so long lasts a login that was made so: whoever leaves the organization is out by then.
    pub lifetime: SignedDuration,
    /// So long after the provider has vouched for somebody who has no password here their tokens and keys hold.
    pub recheck_after: SignedDuration,
}

/// Why somebody who came back from the provider is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    #[error("single sign-on is not set up")]
    Off,
    #[error("the provider cannot be reached")]
    Unreachable,
    #[error("the provider's answer is not one that can be believed")]
    WrongAnswer,
    #[error("the provider refused")]
    Declined,
    #[error("this sign-in was not begun by this browser within the last ten minutes")]
    Stale,
    #[error("nobody here is known by this identity")]
    Unknown,
    #[error("the provider gives no name that can be a user name here")]
    NoName,
    #[error("somebody here has this user name already")]
    NameTaken,
    #[error("the verified e-mail address is of no domain that is let in")]
    Domain,
    #[error("this person is disabled here")]
    Disabled,
    #[error("too many sign-ins at once")]
    TooMany,
    #[error(
        "you have no password here and come by single sign-on: sign in at the provider, a passkey alone is not enough"
    )]
    AtProvider,
}

impl Refusal {
    pub const ALL: [Self; 12] = [
        Self::Off,
        Self::Unreachable,
        Self::WrongAnswer,
        Self::Declined,
        Self::Stale,
        Self::Unknown,
        Self::NoName,
        Self::NameTaken,
        Self::Domain,
        Self::Disabled,
        Self::TooMany,
        Self::AtProvider,
    ];

    /// One word for pages and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Unreachable => "unreachable",
            Self::WrongAnswer => "wrong_answer",
            Self::Declined => "declined",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::NoName => "no_name",
            Self::NameTaken => "name_taken",
            Self::Domain => "domain",
            Self::Disabled => "disabled",
            Self::TooMany => "too_many",
            Self::AtProvider => "at_provider",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        LoginError::SingleSignOn(refusal).into()
    }
}

/// One provider, and who is on the way to it and back.
#[derive(Debug)]
pub(crate) struct SingleSignOn {
    client: Client,
    settings: Settings,
    waiting: Table,
    places: Arc<tokio::sync::Semaphore>,
    counts: Counts,
}

/// Where a person goes, and what their browser keeps meanwhile.
#[derive(Debug)]
pub struct Departure {
    pub url: String,
    /// Names the sign-in in the name of the browser's cookie; opens nothing.
    pub name: String,
    /// The cookie's value.
    pub secret: String,
}

/// What a browser brings back.
#[derive(Clone)]
pub struct Return<'a> {
    pub state: &'a str,
    /// The cookie of that name, as [`Departure`] gave it.
    pub secret: Option<&'a str>,
    pub answer: Answer,
}

/// Whom a provider vouches for, as the log tells it.
struct Vouched<'a> {
    claims: &'a Claims,
    wanted: Wanted,
}

/// Whether a server would start with these.
///
/// # Errors
/// In words, what is wrong.
pub fn check(settings: &Settings) -> Result<(), String> {
    settings.provider.check().map_err(|error| error.to_string())
}

/// Whether the provider answers, and as whom it should.
///
/// # Errors
/// In words, what is wrong.
pub async fn look(settings: &Settings) -> Result<(), String> {
    let client = Client::new(settings.provider.clone()).map_err(|error| error.to_string())?;
    client.look().await.map_err(|error| error.to_string())
}

impl SingleSignOn {
    pub(crate) fn new(settings: Settings) -> Result<Self, Error> {
        let client = Client::new(settings.provider.clone())
            .map_err(|error| Error::Invalid(format!("single sign-on: {error}")))?;
        Ok(Self {
            client,
            settings,
            waiting: Table::default(),
            places: Arc::new(tokio::sync::Semaphore::new(AT_ONCE)),
            counts: Counts::default(),
        })
    }
}

impl App {
    /// What stands on the button, where there is one.
    pub fn single_sign_on_name(&self) -> Option<&str> {
        self.single_sign_on().map(|sign_on| sign_on.settings.name.as_str())
    }

    /// Begins a sign-in whose answer comes to `redirect`. Afterwards the person wants to be at `next`.
    ///
    /// # Errors
    /// `Login`: `SingleSignOn`, `TooManyAttempts`; `Storage`.
    pub async fn begin_sign_on(
        &self,
        (redirect, next): (&str, &str),
        origin: &Origin,
    ) -> Result<Departure, Error> {
        let sign_on = self.single_sign_on().ok_or(Refusal::Off)?;
        self.attempts().count_sign_on(origin.address)?;
        match sign_on.client.begin(redirect).await {
            Ok(begun) => {
                let ticket = Ticket { waiting: begun.waiting, next: next.to_owned(), from: origin.address };
                let (name, secret) = sign_on.waiting.keep(&begun.state, ticket, self.clock().now());
                Ok(Departure { url: begun.url, name, secret })
            }
            Err(error) => self.not_signed_on(&error, origin).await,
        }
    }

    /// The part of a cookie's name that belongs to a state.
    pub fn sign_on_name(state: &str) -> String {
        waiting::name(state)
    }

    /// Whoever stands behind what a browser brings back is logged in; with where they wanted to be.
    ///
    /// # Errors
    /// `Login`: `SingleSignOn`; `Storage`. In all cases nobody is logged in.
    pub async fn finish_sign_on(
        &self,
        back: Return<'_>,
        origin: &Origin,
    ) -> Result<(LoggedIn, String), Error> {
        let sign_on = self.single_sign_on().ok_or(Refusal::Off)?;
        let now = self.clock().now();
        let ticket = back.secret.and_then(|secret| sign_on.waiting.take(back.state, secret, now));
        let Some(Ticket { waiting, next, .. }) = ticket else {
            return self.refuse_sign_on(Refusal::Stale, &Refusal::Stale.to_string(), (origin, None)).await;
        };
        // A provider that hangs holds these, and nothing else.
        let Ok(_place) = Arc::clone(&sign_on.places).try_acquire_owned() else {
            return self
                .refuse_sign_on(Refusal::TooMany, &Refusal::TooMany.to_string(), (origin, None))
                .await;
        };
        let wanted = sign_on.settings.mapping.claims();
        match sign_on.client.finish(&waiting, (&back.answer, &wanted), now).await {
            Ok(claims) => {
                let (app, origin) = (self.clone(), origin.clone());
                let admitted = async move { app.admit(&claims, &origin).await };
                Ok((self.to_its_end(admitted).await?, next))
            }
            Err(error) => self.not_signed_on(&error, origin).await,
        }
    }

    /// Counts and notes what went wrong with the provider.
    async fn not_signed_on<T>(&self, error: &bastide_oidc::Error, origin: &Origin) -> Result<T, Error> {
        let refusal = match error {
            bastide_oidc::Error::Unreachable { .. } => Refusal::Unreachable,
            bastide_oidc::Error::Refused { .. } => Refusal::Declined,
            bastide_oidc::Error::Settings(_)
            | bastide_oidc::Error::Answer { .. }
            | bastide_oidc::Error::OtherIssuer
            | bastide_oidc::Error::Token(_) => Refusal::WrongAnswer,
        };
        tracing::warn!(%error, "single sign-on failed");
        self.refuse_sign_on(refusal, &error.to_string(), (origin, None)).await
    }

    async fn refuse_sign_on<T>(
        &self,
        refusal: Refusal,
        why: &str,
        (origin, claims): (&Origin, Option<&Claims>),
    ) -> Result<T, Error> {
        if let Some(sign_on) = self.single_sign_on() {
            sign_on.counts.refused(refusal);
        }
        let Some(left_out) = self.refusals().note(self.clock().now()) else { return Err(refusal.into()) };
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("how", json!(SINGLE_SIGN_ON)),
            ("issuer", json!(claims.map(|claims| &claims.issuer))),
            // An administrator who wants to let them in needs it.
            ("subject", json!(claims.map(|claims| &claims.subject))),
            ("address", json!(origin.address.map(|address| address.to_string()))),
            ("why", json!(why)),
            ("left_out_before", json!(left_out)),
        ];
        self.journal().append("login_failed", None, fields(about)).await?;
        Err(refusal.into())
    }

    /// Finds or makes the person behind an identity, moves them between groups, and logs them in.
    async fn admit(&self, claims: &Claims, origin: &Origin) -> Result<LoggedIn, Error> {
        let sign_on = self.single_sign_on().ok_or(Refusal::Off)?;
        let mapping = &sign_on.settings.mapping;
        let no = async |refusal: Refusal| {
            self.refuse_sign_on(refusal, &refusal.to_string(), (origin, Some(claims))).await
        };
        let known = self.store().identity(&claims.issuer, &claims.subject).await?;
        if !mapping.lets_in(claims) {
            if let Some(known) = known {
                self.put_out(known.user_id, Refusal::Domain, (claims, origin)).await?;
            }
            return no(Refusal::Domain).await;
        }
        let vouched = Vouched { claims, wanted: mapping.wanted(claims) };
        let known = match known {
            None if !mapping.create_users => return no(Refusal::Unknown).await,
            None => match self.made(&vouched, origin).await {
                Ok(identity) => identity,
                Err(Error::Login(LoginError::SingleSignOn(refusal))) => return no(refusal).await,
                Err(other) => return Err(other),
            },
            Some(identity) => identity,
        };
        let user = self.people().get(known.user_id).filter(|user| user.enabled);
        let Some(user) = user else { return no(Refusal::Disabled).await };
        let user = self.follow_claims(user, (&known, &vouched), origin).await?;
        let name = vouched.wanted.shown.as_deref();
        self.store().identity_used(known.id, name, self.clock().now()).await?;
        // A second factor of ours is not asked for: the provider has asked for what it holds to be enough.
        let lifetime = sign_on.settings.lifetime.min(self.login_lifetime());
        let how = How { words: SINGLE_SIGN_ON, password: None, lifetime };
        match self.begin_login(user, origin, how).await? {
            Some(begun) => {
                sign_on.counts.admitted();
                Ok(begun)
            }
            None => no(Refusal::Disabled).await,
        }
    }

    /// Somebody who is here for the first time.
    async fn made(&self, vouched: &Vouched<'_>, origin: &Origin) -> Result<Identity, Error> {
        let Vouched { claims, wanted } = vouched;
        let username = wanted.username.clone().ok_or(Refusal::NoName)?;
        if self.people().named(&username).is_some() {
            return Err(Refusal::NameTaken.into());
        }
        let new = NewUser {
            username: username.clone(),
            display_name: wanted.display_name.clone(),
            role: wanted.role.unwrap_or(bastide_store::Role::User),
            account: None,
        };
        let identity = NewIdentity {
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            name: wanted.shown.clone(),
            linked_by: None,
        };
        let about = [("username", json!(username)), ("role", json!(new.role.as_str()))];
        self.note_sign_on("user_made_by_sign_on", about, (claims, origin)).await?;
        match self.store().add_user_with_identity(new, &identity, self.clock().now()).await {
            // Somebody was faster; it may have been the same person in another tab.
            Ok(_) | Err(bastide_store::Error::Taken(_)) => {}
            Err(other) => return Err(other.into()),
        }
        self.people().reload(self.store()).await?;
        let made = self.store().identity(&claims.issuer, &claims.subject).await?;
        made.ok_or_else(|| Refusal::NameTaken.into())
    }

    /// Groups and role as the provider has them now, as far as the settings say so.
    async fn follow_claims(
        &self,
        user: Arc<User>,
        (known, vouched): (&Identity, &Vouched<'_>),
        origin: &Origin,
    ) -> Result<Arc<User>, Error> {
        let moves = vouched.wanted.moves(&self.servers().now().groups, user.id);
        // Whom an administrator has linked keeps the role that administrators give.
        let role = vouched.wanted.role.filter(|role| known.linked_by.is_none() && *role != user.role);
        if !moves.missing.is_empty() {
            tracing::warn!(groups = ?moves.missing, "single sign-on maps to groups that there are not");
        }
        if moves.is_nothing() && role.is_none() {
            return Ok(user);
        }
        let about = [
            ("username", json!(user.username)),
            ("into_groups", json!(moves.into_names)),
            ("out_of_groups", json!(moves.out_of_names)),
            ("role", json!(role.map(bastide_store::Role::as_str))),
        ];
        self.note_sign_on("user_changed_by_sign_on", about, (vouched.claims, origin)).await?;
        self.store().move_between_groups(user.id, &moves.into, &moves.out_of).await?;
        if let Some(role) = role {
            match self.store().change_user(user.id, Change { role: Some(role), ..Change::default() }).await {
                Ok(_) => self.people().reload(self.store()).await?,
                Err(bastide_store::Error::LastAdministrator) => {
                    tracing::warn!(username = user.username, "the last administrator stays one");
                }
                Err(other) => return Err(other.into()),
            }
        }
        self.servers().reload(self.store()).await?;
        self.changed();
        Ok(self.people().get(user.id).unwrap_or(user))
    }

    async fn note_sign_on<const N: usize>(
        &self,
        kind: &str,
        about: [(&str, Value); N],
        (claims, origin): (&Claims, &Origin),
    ) -> Result<(), Error> {
        let mut entry = fields(about);
        entry.insert("request_id".to_owned(), json!(&*origin.request_id));
        entry.insert("issuer".to_owned(), json!(claims.issuer));
        entry.insert("subject".to_owned(), json!(claims.subject));
        self.journal().append(kind, None, entry).await
    }

    /// How many sign-ins came to what, since the start.
    pub fn sign_ons(&self) -> Vec<(&'static str, u64)> {
        self.single_sign_on().map(|sign_on| sign_on.counts.all()).unwrap_or_default()
    }

    /// Says in the log of the process whether the provider answers, so that a wrong address is not first seen by
    /// somebody who wants to work.
    pub async fn look_at_provider(&self) {
        let Some(sign_on) = self.single_sign_on() else { return };
        match sign_on.client.look().await {
            Ok(()) => tracing::info!(issuer = sign_on.client.issuer(), "single sign-on is ready"),
            Err(error) => {
                tracing::warn!(issuer = sign_on.client.issuer(), %error, "single sign-on does not work now");
            }
        }
    }
}

/// How it stands in the log.
const SINGLE_SIGN_ON: &str = "single sign-on";
