//! Second factors of the caller: seeing, setting up and removing them; and taking those of others away.

use std::sync::Arc;

use bastide_store::{Passkey, Removed, User};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Offer;
use super::passkeys::{self, Asked, RelyingParty};
use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Forbidden, LoginError, Thing, What};
use crate::password::Password;

const MAX_NAME: usize = 100;
/// A person has a few devices.
const MAX_PASSKEYS: usize = 20;

/// What the caller has.
#[derive(Debug, Clone)]
pub struct Own {
    /// Since when an app is set up, and when its code was last used.
    pub totp: Option<(Timestamp, Option<Timestamp>)>,
    /// Oldest first.
    pub passkeys: Vec<Passkey>,
    pub recovery_codes_left: usize,
    /// Their role needs one: the last cannot be removed.
    pub required: bool,
    pub password_set: bool,
}

/// # Errors
/// `NotLoggedIn`, `Storage`.
pub async fn get(ctx: &Ctx) -> Result<Own, Error> {
    let grant = ctx.authorize(Action::FactorList, ())?;
    let (app, user) = (ctx.app(), &grant.person().user);
    let totp = app.store().totp(user.id).await?;
    Ok(Own {
        totp: totp.map(|totp| (totp.created, totp.last_used)),
        passkeys: app.store().passkeys(user.id).await?,
        recovery_codes_left: app.store().factors_held(user.id).await?.recovery_codes,
        required: app.factors().required_of(user.role),
        password_set: user.password_set,
    })
}

/// Asks for the password again: a browser that somebody left open must not be enough to keep them out. Who has none
/// logs in by other means, and is not asked.
async fn is_them(ctx: &Ctx, user: &User, password: Option<Password>) -> Result<(), Error> {
    let app = ctx.app();
    let Some(hash) = app.store().password(user.id).await? else { return Ok(()) };
    app.attempts().count(ctx.origin().address, Some(&user.username))?;
    let password = password.unwrap_or_else(|| Password::new(String::new()));
    match app.hasher().verify(password, Some(hash)).await? {
        true => Ok(()),
        false => Err(LoginError::BadCredentials.into()),
    }
}

async fn changed(ctx: &Ctx) -> Result<(), Error> {
    ctx.app().people().reload(ctx.app().store()).await?;
    ctx.app().changed();
    Ok(())
}

/// Begins to set up an app: what it is to be given. Nothing is kept until its first code is shown.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login`, `Storage`.
pub async fn offer_totp(ctx: &Ctx, password: Option<Password>, site: &str) -> Result<Offer, Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let (user, site) = (Arc::clone(&grant.person().user), site.to_owned());
    let about = About::nothing().with("what", "totp offered");
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        is_them(&ctx, &user, password).await?;
        let shared = ctx.app().factors().offer(user.id, ctx.clock().now());
        Ok(Offer::of(&shared, &user, &site))
    })
    .await
}

/// Sets up the app whose code this is, in the place of one before. Gives recovery codes where there are none yet.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login` with `StepOver`, `BadCode`; `Storage`.
pub async fn confirm_totp(ctx: &Ctx, code: &str) -> Result<Option<Vec<String>>, Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let user = Arc::clone(&grant.person().user);
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).take(32).collect();
    let about = About::nothing().with("what", "totp set up");
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        let (app, now) = (ctx.app(), ctx.clock().now());
        let shared = app.factors().offered(user.id, now).ok_or(LoginError::StepOver)?;
        // Not counted: they have seen the secret, there is nothing to guess.
        let step = shared.step_of(&digits, now).ok_or(LoginError::BadCode)?;
        app.factors().forget_offer(user.id);
        app.keep_totp(&user, &shared, step).await?;
        changed(&ctx).await?;
        first_codes(&ctx, &user).await
    })
    .await
}

async fn first_codes(ctx: &Ctx, user: &User) -> Result<Option<Vec<String>>, Error> {
    match ctx.app().store().factors_held(user.id).await?.recovery_codes {
        0 => ctx.app().new_recovery_codes(user.id).await.map(Some),
        _ => Ok(None),
    }
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login`, `NotFound`, `Conflict` when it is the last one and their role needs one;
/// `Storage`.
pub async fn remove_totp(ctx: &Ctx, password: Option<Password>) -> Result<(), Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let user = Arc::clone(&grant.person().user);
    let about = About::nothing().with("what", "totp removed");
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        is_them(&ctx, &user, password).await?;
        let one_stays = ctx.app().factors().required_of(user.role);
        is_removed(ctx.app().store().remove_totp(user.id, one_stays).await?)?;
        changed(&ctx).await
    })
    .await
}

fn is_removed(removed: Removed) -> Result<(), Error> {
    match removed {
        Removed::Done => Ok(()),
        Removed::Missing => Err(Error::NotFound(What::Thing(Thing::Factor, 0))),
        Removed::Last => {
            let why = "your role needs a second factor: set up another one first";
            Err(Conflict::InUse(why.to_owned()).into())
        }
    }
}

/// New recovery codes, in the place of all before.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login`, `NotFound` without another factor; `Storage`.
pub async fn renew_codes(ctx: &Ctx, password: Option<Password>) -> Result<Vec<String>, Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let user = Arc::clone(&grant.person().user);
    let about = About::nothing().with("what", "recovery codes made");
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        is_them(&ctx, &user, password).await?;
        if !ctx.app().store().factors_held(user.id).await?.any() {
            return Err(Error::NotFound(What::Thing(Thing::Factor, 0)));
        }
        ctx.app().new_recovery_codes(user.id).await
    })
    .await
}

/// Begins to make a passkey: what the browser is to be asked.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login`, `Invalid`, `Storage`.
pub async fn offer_passkey(
    ctx: &Ctx,
    password: Option<Password>,
    name: String,
    party: Option<RelyingParty>,
) -> Result<Value, Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    check_name(&name)?;
    let party = here(party)?;
    let user = Arc::clone(&grant.person().user);
    let about = About::nothing().with("what", "passkey offered").with("name", name.as_str());
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        is_them(&ctx, &user, password).await?;
        let app = ctx.app();
        let known = app.store().passkeys(user.id).await?;
        if known.len() >= MAX_PASSKEYS {
            return Err(Error::Invalid(format!("{MAX_PASSKEYS} passkeys: remove one first")));
        }
        let (options, state) = passkeys::begin_register(&party, &user, &known)?;
        let asked = Asked::Register { state: Box::new(state), name };
        app.factors().challenges.ask(challenge_of(&user), asked, ctx.clock().now());
        Ok(options)
    })
    .await
}

/// `None` where browsers have no passkeys.
fn here(party: Option<RelyingParty>) -> Result<RelyingParty, Error> {
    let why = "browsers have no passkeys at this address: it needs a name and TLS";
    party.ok_or_else(|| Error::Invalid(why.to_owned()))
}

fn challenge_of(user: &User) -> String {
    format!("register {}", user.id)
}

/// Takes what the browser made, and gives recovery codes where there are none yet.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login` with `StepOver`; `Invalid`, `Conflict`, `Storage`.
pub async fn add_passkey(
    ctx: &Ctx,
    credential: Value,
    party: Option<RelyingParty>,
) -> Result<(Passkey, Option<Vec<String>>), Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let user = Arc::clone(&grant.person().user);
    let party = here(party)?;
    let about = About::nothing().with("what", "passkey added");
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        let (app, now) = (ctx.app(), ctx.clock().now());
        let asked = app.factors().challenges.take(&challenge_of(&user), now);
        let Some(Asked::Register { state, name }) = asked else { return Err(LoginError::StepOver.into()) };
        let (credential_id, material) = passkeys::finish_register(&party, credential, &state)?;
        let passkey = Passkey {
            id: Uuid::now_v7(),
            user_id: user.id,
            name,
            credential_id,
            material,
            created: now,
            last_used: None,
        };
        app.store().add_passkey(&passkey).await.map_err(|error| match error {
            bastide_store::Error::Taken(_) => {
                Conflict::InUse("this passkey is known already".to_owned()).into()
            }
            other => Error::from(other),
        })?;
        changed(&ctx).await?;
        let codes = first_codes(&ctx, &user).await?;
        Ok((passkey, codes))
    })
    .await
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `NotFound`, `Storage`.
pub async fn rename_passkey(ctx: &Ctx, id: Uuid, name: String) -> Result<(), Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    check_name(&name)?;
    let user = grant.person().user.id;
    let about = About::nothing()
        .with("what", "passkey renamed")
        .with("passkey", id.to_string())
        .with("name", name.as_str());
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        match ctx.app().store().rename_passkey(user, id, &name).await? {
            true => Ok(()),
            false => Err(Error::NotFound(What::Thing(Thing::Factor, 0))),
        }
    })
    .await
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Login`, `NotFound`, `Conflict` when it is the last one and their role needs one;
/// `Storage`.
pub async fn remove_passkey(ctx: &Ctx, id: Uuid, password: Option<Password>) -> Result<(), Error> {
    let grant = ctx.authorize(Action::FactorChange, ())?;
    let user = Arc::clone(&grant.person().user);
    let known = ctx.app().store().passkeys(user.id).await?;
    if !known.iter().any(|passkey| passkey.id == id) {
        return Err(Error::NotFound(What::Thing(Thing::Factor, 0)));
    }
    let about = About::nothing().with("what", "passkey removed").with("passkey", id.to_string());
    ctx.audited(Action::FactorChange, about, async move |ctx| {
        is_them(&ctx, &user, password).await?;
        let one_stays = ctx.app().factors().required_of(user.role);
        is_removed(ctx.app().store().remove_passkey(user.id, id, one_stays).await?)?;
        changed(&ctx).await
    })
    .await
}

/// Takes every factor of somebody else away and ends their logins and login links: for who has lost them all. Where
/// their role needs one, they set up a new one when they log in next. Nobody does it to themselves: a browser that
/// somebody left open, or a token, would be enough to get around their password.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, also for the caller's own; `NotFound`, `Storage`.
pub async fn reset(ctx: &Ctx, id: i64) -> Result<(), Error> {
    let grant = ctx.authorize(Action::FactorReset, id)?;
    let target = ctx.app().people().get(id).ok_or(Error::NotFound(What::User(id)))?;
    let about = About::nothing().with("username", target.username.as_str());
    // Who tries it on themselves is in the log too.
    ctx.audited(Action::FactorReset, about, async move |ctx| {
        if grant.person().user.id == id {
            return Err(Forbidden::Role(OWN_RESET).into());
        }
        ctx.app().store().reset_factors(grant.into_target()).await?;
        ctx.app().factors().forget(id);
        changed(&ctx).await
    })
    .await
}

/// After "this needs".
const OWN_RESET: &str = "another administrator: change your own on the settings page, with your password; when they are \
                         lost, run `bastide login-link --reset-factors` on the server's machine";

fn check_name(name: &str) -> Result<(), Error> {
    let good = !name.trim().is_empty() && name.chars().count() <= MAX_NAME;
    match good && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("name: 1 to {MAX_NAME} visible characters"))),
    }
}
