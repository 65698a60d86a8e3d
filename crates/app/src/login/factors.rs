//! The second step of logging in: a code of an app, a passkey, or a recovery code.
//!
//! Whoever has a factor is never let in by a password or a login link alone: these give a token that is good for five
//! minutes, from the same address, for one login. Keys and certificates at the SSH door need no second step, nor do
//! API tokens: what holds them is something that one has.

pub mod own;
mod passkeys;
mod recovery;
mod totp;
mod waiting;

use std::sync::Arc;

use bastide_store::vault::{SECRET, TOTP};
use bastide_store::{Severity, Totp, User};
use bastide_vault::Place;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use passkeys::RelyingParty;
use waiting::MAX_WRONG_A_DAY;
pub(crate) use waiting::{Entrance, Factors};

use super::single_sign_on::Refusal;
use super::{How, LoggedIn, fields};
use crate::alerts::raise;
use crate::app::App;
use crate::context::{Ctx, Origin};
use crate::error::LoginError;
use crate::{Error, secret};
use passkeys::Asked;
use totp::Shared;
use waiting::Half;

/// What the second step can be taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A code of an app.
    Totp,
    Passkey,
    /// A recovery code.
    Recovery,
    /// They have none and need one: an app is set up now.
    Enrol,
}

impl Way {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::Recovery => "recovery",
            Self::Enrol => "enrol",
        }
    }
}

/// The first step is taken, the second is to come.
#[derive(Clone, PartialEq, Eq)]
pub struct Needed {
    /// A secret: with the second factor it logs in.
    pub token: String,
    pub ways: Vec<Way>,
    pub expires: Timestamp,
}

impl std::fmt::Debug for Needed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Needed").field("ways", &self.ways).finish_non_exhaustive()
    }
}

/// What is shown as second factor.
#[derive(Debug)]
pub enum Answer {
    /// Of an app, or a recovery code.
    Code(String),
    /// What the browser gave for [`App::ask_passkey`].
    Passkey(RelyingParty, Value),
}

/// Logged in by both steps.
#[derive(Debug)]
pub struct Entered {
    pub logged_in: LoggedIn,
    /// When an app was set up with it; shown this once.
    pub recovery_codes: Option<Vec<String>>,
}

/// What an app is set up with.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Base32, for typing.
    pub secret: zeroize::Zeroizing<String>,
    /// For a QR code.
    pub uri: zeroize::Zeroizing<String>,
}

impl Offer {
    fn of(shared: &Shared, user: &User, site: &str) -> Self {
        Self { secret: shared.to_text(), uri: shared.uri(&user.username, site) }
    }
}

/// The first step, for the second.
pub(super) struct First<'a> {
    pub(super) entrance: Entrance,
    /// In the log.
    pub(super) how: &'a str,
    /// The hash that was compared.
    pub(super) password: Option<String>,
    /// The hash of one that is to be theirs, when both steps are taken.
    pub(super) chosen: Option<String>,
}

/// Both steps are right.
struct Right {
    user: Arc<User>,
    half: Half,
    how: String,
    recovery_codes: Option<Vec<String>>,
}

impl App {
    /// Where the first step is not enough, what is needed yet; noted in the log, as somebody may know a stolen
    /// password.
    ///
    /// # Errors
    /// `Login` with `SecondFactor`; `Storage`.
    pub(super) async fn one_step_is_enough(
        &self,
        user: &User,
        origin: &Origin,
        first: First<'_>,
    ) -> Result<(), Error> {
        let held = self.store().factors_held(user.id).await?;
        let enrols = !held.any() && self.factors().required_of(user.role);
        if !held.any() && !enrols {
            return Ok(());
        }
        let mut half = Half::new(user.id, first.entrance, origin.address);
        half.how = first.how.to_owned();
        half.password = first.password;
        half.chosen = first.chosen;
        half.enrols = enrols;
        let (token, expires) = self.factors().wait(half, self.clock().now());
        let on_page = first.entrance == Entrance::Page;
        let ways = [
            (Way::Totp, held.totp),
            (Way::Passkey, held.passkeys > 0 && on_page),
            (Way::Recovery, held.any() && held.recovery_codes > 0),
            (Way::Enrol, enrols && on_page),
        ];
        let ways: Vec<Way> = ways.into_iter().filter_map(|(way, there)| there.then_some(way)).collect();
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("username", json!(user.username)),
            ("address", json!(origin.address.map(|address| address.to_string()))),
            ("how", json!(first.how)),
            ("ways", json!(ways.iter().map(|way| way.as_str()).collect::<Vec<_>>())),
        ];
        self.journal().append("login_second_factor_asked", None, fields(about)).await?;
        Err(LoginError::SecondFactor(Needed { token, ways, expires }).into())
    }

    /// The second step, of a browser.
    ///
    /// # Errors
    /// `Login` with `StepOver` when it has to begin again, `BadCode`, `TooManyAttempts`; `Storage`.
    pub async fn second_step(&self, token: &str, answer: Answer, origin: &Origin) -> Result<Entered, Error> {
        let (app, token, origin) = (self.clone(), token.to_owned(), origin.clone());
        self.to_its_end(async move {
            let right = app.both_steps(&token, Entrance::Page, answer, &origin).await?;
            let Right { user, half, how, recovery_codes } = right;
            let user = match &half.chosen {
                Some(hash) => app.set_chosen_password(&user, hash, &origin).await?,
                None => user,
            };
            let how = How { words: &how, password: half.password.as_deref(), lifetime: app.login_lifetime() };
            let begun = app.begin_login(user, &origin, how).await?;
            let logged_in = begun.ok_or(LoginError::StepOver)?;
            Ok(Entered { logged_in, recovery_codes })
        })
        .await
    }

    /// The second step at the SSH door, after [`App::enter_by_password`] was refused with `SecondFactor`: a code of
    /// an app or a recovery code.
    ///
    /// # Errors
    /// As [`App::second_step`].
    pub async fn enter_by_second_factor(
        &self,
        token: &str,
        code: String,
        origin: Origin,
    ) -> Result<Ctx, Error> {
        let right = self.both_steps(token, Entrance::Ssh, Answer::Code(code), &origin).await?;
        self.let_in_by_password(right.user, right.half.password, &right.how, origin).await
    }

    /// What the app of somebody who has none and needs one is set up with; its first code is the second step.
    ///
    /// # Errors
    /// `Login` with `StepOver`.
    pub fn offer_enrolment(&self, token: &str, site: &str, origin: &Origin) -> Result<Offer, Error> {
        let now = self.clock().now();
        let half = self.factors().attempt(token, (Entrance::Page, origin.address), now)?;
        let user = self.people().get(half.user).filter(|user| user.enabled).ok_or(LoginError::StepOver)?;
        let shared = self.factors().offer_half(token).ok_or(LoginError::StepOver)?;
        Ok(Offer::of(&shared, &user, site))
    }

    /// What the browser is to ask of the person's passkeys, for the second step.
    ///
    /// # Errors
    /// `Login` with `StepOver`; `Invalid`, `Storage`.
    pub async fn ask_passkey(
        &self,
        token: &str,
        party: &RelyingParty,
        origin: &Origin,
    ) -> Result<Value, Error> {
        let now = self.clock().now();
        let half = self.factors().attempt(token, (Entrance::Page, origin.address), now)?;
        self.factors().give_back(token);
        let known = self.store().passkeys(half.user).await?;
        if known.is_empty() {
            return Err(LoginError::StepOver.into());
        }
        let (options, state) = passkeys::begin_second(party, &known)?;
        self.factors().challenges.ask(secret::digest(token), Asked::Second(Box::new(state)), now);
        Ok(options)
    }

    /// What the browser is to ask of any passkey, of whoever it is; and a name for the answer.
    ///
    /// # Errors
    /// `Login` with `TooManyAttempts`; `Invalid`.
    pub fn ask_any_passkey(&self, party: &RelyingParty, origin: &Origin) -> Result<(String, Value), Error> {
        self.attempts().count(origin.address, None)?;
        let (options, state) = passkeys::begin_alone(party)?;
        let name = secret::generate();
        let asked = Asked::Alone { state: Box::new(state), address: origin.address };
        self.factors().challenges.ask(secret::digest(&name), asked, self.clock().now());
        Ok((name, options))
    }

    /// Logs in by a passkey alone: it is something that one has, and its authenticator has verified who holds it.
    /// Not whoever comes by single sign-on only: the provider may have removed them.
    ///
    /// # Errors
    /// `Login` with `StepOver`, `BadCode`, `SingleSignOn`; `Storage`.
    pub async fn enter_by_passkey(
        &self,
        (name, party): (&str, &RelyingParty),
        answer: Value,
        origin: &Origin,
    ) -> Result<LoggedIn, Error> {
        let now = self.clock().now();
        let asked = self.factors().challenges.take(&secret::digest(name), now);
        let state = match asked {
            Some(Asked::Alone { state, address }) if address == origin.address => *state,
            _ => return Err(LoginError::StepOver.into()),
        };
        let claimed = passkeys::claimed(party, &answer).and_then(|uid| self.people().by_uid(uid));
        let Some(user) = claimed.filter(|user| user.enabled) else {
            self.note_refused(origin, "the passkey is nobody's", "").await?;
            return Err(LoginError::BadCode.into());
        };
        if user.only_by_provider() {
            // Whether they still may come is for the provider to say.
            let refused = Refusal::AtProvider;
            self.note_refused(origin, &format!("passkey: {refused}"), &user.username).await?;
            return Err(refused.into());
        }
        let known = self.store().passkeys(user.id).await?;
        let (id, material) = match passkeys::finish_alone(party, answer, state, &known) {
            Ok(used) => used,
            Err(why) => return self.wrong_factor(&user, &format!("passkey: {why}"), origin).await,
        };
        if !self.store().passkey_used(id, &material, now).await? {
            return self.wrong_factor(&user, "the passkey is gone", origin).await;
        }
        let (app, origin) = (self.clone(), origin.clone());
        let begun = async move {
            let how = How { words: "passkey", password: None, lifetime: app.login_lifetime() };
            app.begin_login(user, &origin, how).await
        };
        self.to_its_end(begun).await?.ok_or_else(|| LoginError::BadCode.into())
    }

    /// Checks the second step; what it was taken with is used up.
    async fn both_steps(
        &self,
        token: &str,
        entrance: Entrance,
        answer: Answer,
        origin: &Origin,
    ) -> Result<Right, Error> {
        let now = self.clock().now();
        let half = match self.factors().attempt(token, (entrance, origin.address), now) {
            Ok(half) => half,
            Err(refused) => {
                self.note_refused(origin, "the first step is over, or was taken elsewhere", "").await?;
                return Err(refused.into());
            }
        };
        let user = self.people().get(half.user).filter(|user| user.enabled).ok_or(LoginError::StepOver)?;
        let shown = match answer {
            Answer::Code(code) if half.enrols => self.enrols(&half, &user, &code).await,
            Answer::Code(code) => self.code_is_right(&user, &code, origin).await,
            Answer::Passkey(party, answer) => self.passkey_is_right(&user, token, (&party, answer)).await,
        };
        let (with, recovery_codes) = match shown {
            Ok(Ok(shown)) => shown,
            Ok(Err(why)) => return self.wrong_factor(&user, &why, origin).await,
            Err(error) => {
                // It was not looked at.
                self.factors().give_back(token);
                return Err(error);
            }
        };
        if !self.factors().finish(token) {
            return self.wrong_factor(&user, "somebody was quicker", origin).await;
        }
        let how = format!("{} and {with}", half.how);
        Ok(Right { user, half, how, recovery_codes })
    }

    async fn wrong_factor<T>(&self, user: &User, why: &str, origin: &Origin) -> Result<T, Error> {
        self.note_refused(origin, why, &user.username).await?;
        Err(LoginError::BadCode.into())
    }

    async fn code_is_right(&self, user: &User, code: &str, origin: &Origin) -> Result<Shown, Error> {
        let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).take(32).collect();
        let now = self.clock().now();
        if digits.len() != totp::DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return self.recovery_is_right(user, code, origin).await;
        }
        let Some(known) = self.store().totp(user.id).await? else {
            return Ok(Err("a code, and no app is set up".to_owned()));
        };
        if known.locked.is_some() {
            self.note_refused(origin, &LoginError::CodesLocked.to_string(), &user.username).await?;
            return Err(LoginError::CodesLocked.into());
        }
        if let Err(refused) = self.factors().count_wrong(user.id, now) {
            self.note_refused(origin, &refused.to_string(), &user.username).await?;
            return Err(refused.into());
        }
        let shown = self.app_code_is_right(&known, &digits).await;
        if matches!(&shown, Ok(Err(_))) && self.factors().wrong_in_a_day(user.id, now) {
            self.lock_codes(&known, user, origin).await?;
        }
        match &shown {
            Ok(Err(_)) if self.factors().is_guessed(user.id) => {
                let message = format!("somebody who knows the password of {} guesses codes", user.username);
                raise(self, ("second_factor_guessed", Severity::Critical), told(user, &message, origin))
                    .await;
            }
            Ok(Err(_)) => {}
            // Right, or not looked at.
            Ok(Ok(_)) | Err(_) => self.factors().was_right(user.id),
        }
        shown
    }

    /// Who guesses slowly comes to an end, too.
    async fn lock_codes(&self, known: &Totp, user: &User, origin: &Origin) -> Result<(), Error> {
        self.journal().append("second_factor_locked", None, told(user, "", origin)).await?;
        if self.store().lock_totp(known.uid, self.clock().now()).await? {
            let message = format!(
                "{MAX_WRONG_A_DAY} wrong codes of the app of {} in a day: no code of it is looked at until another is \
                 set up",
                user.username
            );
            raise(self, ("second_factor_locked", Severity::Critical), told(user, &message, origin)).await;
        }
        Ok(())
    }

    async fn app_code_is_right(&self, known: &Totp, digits: &str) -> Result<Shown, Error> {
        let now = self.clock().now();
        let Some(step) = self.opened(known.uid, &known.secret).await?.step_of(digits, now) else {
            return Ok(Err("wrong code".to_owned()));
        };
        match self.store().take_totp_step(known.uid, step, now).await? {
            true => Ok(Ok(("code", None))),
            false => Ok(Err("a code that was used already".to_owned())),
        }
    }

    /// Only after it is in the log, so that a code is not lost where nothing can be written.
    async fn recovery_is_right(&self, user: &User, code: &str, origin: &Origin) -> Result<Shown, Error> {
        let wrong = || Ok(Err("a recovery code that is wrong or was used".to_owned()));
        let Some(digest) = recovery::digest(code) else {
            return Ok(Err("no code and no recovery code".to_owned()));
        };
        if !self.store().has_recovery_code(user.id, &digest).await? {
            return wrong();
        }
        let left = self.store().factors_held(user.id).await?.recovery_codes.saturating_sub(1);
        let mut about = told(user, "", origin);
        about.insert("left".to_owned(), json!(left));
        self.journal().append("recovery_code_used", None, about).await?;
        if !self.store().use_recovery_code(user.id, &digest, self.clock().now()).await? {
            return wrong();
        }
        let message = format!("a recovery code of {} was used to log in; {left} are left", user.username);
        raise(self, ("recovery_code_used", Severity::Warning), told(user, &message, origin)).await;
        Ok(Ok(("recovery code", None)))
    }

    /// Sets up the app whose first code this is.
    async fn enrols(&self, half: &Half, user: &User, code: &str) -> Result<Shown, Error> {
        let now = self.clock().now();
        let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).take(32).collect();
        let step = half.enrolment.as_ref().and_then(|shared| Some((shared, shared.step_of(&digits, now)?)));
        let Some((shared, step)) = step else { return Ok(Err("wrong code of a new app".to_owned())) };
        if self.store().factors_held(user.id).await?.any() {
            return Ok(Err("a factor was set up meanwhile".to_owned()));
        }
        let about = [("username", json!(user.username)), ("what", json!("totp"))];
        self.journal().append("factor_set_up", None, fields(about)).await?;
        self.keep_totp(user, shared, step).await?;
        let codes = self.new_recovery_codes(user.id).await?;
        self.people().reload(self.store()).await?;
        Ok(Ok(("code of a new app", Some(codes))))
    }

    async fn passkey_is_right(
        &self,
        user: &User,
        token: &str,
        (party, answer): (&RelyingParty, Value),
    ) -> Result<Shown, Error> {
        let now = self.clock().now();
        let asked = self.factors().challenges.take(&secret::digest(token), now);
        let Some(Asked::Second(state)) = asked else {
            return Ok(Err("a passkey that was not asked for".to_owned()));
        };
        let known = self.store().passkeys(user.id).await?;
        let (id, material) = match passkeys::finish_second(party, answer, &state, &known) {
            Ok(used) => used,
            Err(why) => return Ok(Err(format!("passkey: {why}"))),
        };
        match self.store().passkey_used(id, &material, now).await? {
            true => Ok(Ok(("passkey", None))),
            false => Ok(Err("the passkey is gone".to_owned())),
        }
    }

    async fn keep_totp(&self, user: &User, shared: &Shared, step: i64) -> Result<(), Error> {
        let uid = Uuid::now_v7();
        let held = self.keys().hold().await;
        let name = uid.to_string();
        let sealed = held.seal(&Place { table: TOTP, id: &name, field: SECRET }, &shared.to_text())?;
        let row = Totp {
            user_id: user.id,
            uid,
            secret: sealed,
            created: self.clock().now(),
            last_step: step,
            last_used: None,
            locked: None,
        };
        self.store().set_totp(&row).await?;
        drop(held);
        self.factors().forget_wrong(user.id);
        Ok(())
    }

    async fn opened(&self, uid: Uuid, sealed: &[u8]) -> Result<Shared, Error> {
        let name = uid.to_string();
        let place = Place { table: TOTP, id: &name, field: SECRET };
        let text = self.keys().hold().await.open(&place, sealed)?;
        Shared::from_text(&text).ok_or_else(|| bastide_vault::Error::Damaged(place.to_string()).into())
    }

    async fn new_recovery_codes(&self, user: i64) -> Result<Vec<String>, Error> {
        let codes = recovery::generate();
        let digests: Vec<String> = codes.iter().filter_map(|code| recovery::digest(code)).collect();
        self.store().set_recovery_codes(user, &digests).await?;
        Ok(codes)
    }
}

/// By what it was, and recovery codes that were made with it; or why not, for the log.
type Shown = Result<(&'static str, Option<Vec<String>>), String>;

fn told(user: &User, message: &str, origin: &Origin) -> Map<String, Value> {
    let mut about = fields([
        ("user", json!(user.username)),
        ("address", json!(origin.address.map(|address| address.to_string()))),
        ("request_id", json!(&*origin.request_id)),
    ]);
    if !message.is_empty() {
        about.insert("message".to_owned(), json!(message));
    }
    about
}

#[cfg(test)]
mod tests;
