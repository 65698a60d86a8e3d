//! Who may do what on which servers: a person or a group; a server, all with a tag, all of a group, or all; with
//! which credentials, when, and from where.
//!
//! A grant that names no credential gives the server's default one, whichever that is, and no other. A grant of a
//! server covers the servers on the way to it, as the way alone: nobody gets a terminal on those by it.

use std::time::Duration;

use bastide_policy::{TimeWindow, Windows};
use bastide_store::{Credentials, Grant, GrantTarget, Grantee, Rights, Terms};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::access::granted::Held;
use crate::app::App;
use crate::context::{About, Action, Ctx};
use crate::error::{Thing, What};
use crate::servers::{Known, check};
use crate::{Error, Network};

/// They are all kept in memory; more is a sign that a tag or a group is missing.
const MAX_GRANTS: usize = 10_000;

/// As many hours and networks as a page shows.
const MAX_TERMS: usize = 20;
/// As many credentials as a page shows.
const MAX_LISTED: usize = 100;

#[derive(Debug, Clone)]
pub struct NewGrant {
    pub to: Grantee,
    pub on: GrantTarget,
    pub rights: Rights,
    pub credentials: Credentials,
    pub terms: NewTerms,
}

/// When, and from where; nothing said is always and from anywhere.
#[derive(Debug, Clone, Default)]
pub struct NewTerms {
    pub times: Vec<TimeWindow>,
    pub networks: Vec<String>,
    pub expires: Option<Timestamp>,
}

/// A grant, with its terms read.
#[derive(Debug, Clone)]
pub struct Granting {
    pub grant: Grant,
    pub times: Vec<TimeWindow>,
    pub networks: Vec<String>,
}

impl From<&Held> for Granting {
    fn from(held: &Held) -> Self {
        Self { grant: held.grant.clone(), times: held.times.clone(), networks: held.networks.clone() }
    }
}

/// By id, also those that have expired.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub fn list(ctx: &Ctx) -> Result<Vec<Granting>, Error> {
    ctx.authorize(Action::GrantList, ())?;
    Ok(ctx.app().servers().now().grants.iter().map(Granting::from).collect())
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Storage`.
pub async fn create(ctx: &Ctx, new: NewGrant) -> Result<Granting, Error> {
    let by = ctx.authorize(Action::GrantCreate, ())?.person().user.username.clone();
    let NewGrant { to, on, rights, credentials, terms } = new;
    let terms = write_terms(ctx, terms)?;
    let now = ctx.clock().now();
    let grant =
        Grant { id: 0, to, on, rights, credentials, terms, request: None, created: now, created_by: by };
    check_grant(ctx, &grant)?;
    if let Credentials::Listed(ids) = &grant.credentials {
        for id in ids {
            if ctx.app().store().credential(*id).await?.is_none() {
                return Err(Error::Invalid(format!("credential_ids: there is no credential {id}")));
            }
        }
    }
    ctx.audited(Action::GrantCreate, about(&grant), async move |ctx| {
        let app = ctx.app();
        let gone = || Error::Invalid("what is granted, or to whom, is gone".to_owned());
        let id = app.store().add_grant(&grant).await?.ok_or_else(gone)?;
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(Granting::from(&Held::read(Grant { id, ..grant })))
    })
    .await
}

/// Takes a grant away: what it gave is gone at once, terminals that are open by it too.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    ctx.authorize(Action::GrantRemove, ())?;
    let none = move || Error::NotFound(What::Thing(Thing::Grant, id));
    let known = ctx.app().servers().now();
    let grant = &known.grants.get(id).ok_or_else(none)?.grant;
    ctx.audited(Action::GrantRemove, about(grant).with("grant", id), async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_grant(id).await? {
            return Err(none());
        }
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(())
    })
    .await
}

/// Grants that one entry of the log names: a line of it is bounded.
const MAX_NAMED: usize = 1000;
/// So long one can see what somebody had; then the log remembers it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Forgets grants a while after they are over.
pub(crate) fn start(app: &App) {
    let (app, mut known) = (app.clone(), app.servers().watch());
    let ending = app.shutdown().clone();
    app.tasks().clone().spawn("grants that are over", async move {
        loop {
            let now = app.clock().now();
            let due = due(&known.borrow_and_update(), now);
            if due == Some(Duration::ZERO)
                && let Err(error) = forget(&app, now).await
            {
                // Tried again with the next change.
                tracing::error!(%error, "grants that are over are not forgotten");
            }
            let wait = async {
                match due.filter(|left| !left.is_zero()) {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                changed = known.changed() => if changed.is_err() { return },
                () = ending.draining() => return,
            }
        }
    });
}

/// How long until the first grant is to be forgotten.
fn due(known: &Known, now: Timestamp) -> Option<Duration> {
    let first = known.grants.iter().filter_map(|held| held.grant.terms.expires).min()?;
    let at = first.checked_add(KEPT_AFTER).unwrap_or(Timestamp::MAX);
    // Rows keep milliseconds: not again and again in the last one.
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    Some(if at < now { Duration::ZERO } else { left + Duration::from_millis(2) })
}

async fn forget(app: &App, now: Timestamp) -> Result<(), Error> {
    let before = now.checked_sub(KEPT_AFTER).unwrap_or(Timestamp::MIN);
    let known = app.servers().now();
    let over = known.grants.iter().filter(|held| held.grant.terms.expires.is_some_and(|at| at < before));
    let ids: Vec<i64> = over.map(|held| held.grant.id).collect();
    for some in ids.chunks(MAX_NAMED) {
        let about = About::nothing().with("over_before", before.to_string()).with("grants", some.to_vec());
        app.journal().append("grants_forgotten", None, about.into_fields()).await?;
    }
    app.store().forget_grants(before).await?;
    app.servers().reload(app.store()).await
}

fn check_grant(ctx: &Ctx, grant: &Grant) -> Result<(), Error> {
    let (app, known) = (ctx.app(), ctx.app().servers().now());
    let invalid = |text: String| Err(Error::Invalid(text));
    match grant.to {
        Grantee::User(id) if app.people().get(id).is_none() => {
            return invalid(format!("user_id: there is no user {id}"));
        }
        Grantee::Group(id) if !known.groups.contains_key(&id) => {
            return invalid(format!("group_id: there is no group {id}"));
        }
        _ => {}
    }
    match &grant.on {
        GrantTarget::Server(id) if !known.servers.contains_key(id) => {
            return invalid(format!("server_id: there is no server {id}"));
        }
        GrantTarget::Tag(tag) => check::tag(tag)?,
        GrantTarget::Group(group) => check::name("server_group", group)?,
        GrantTarget::Server(_) | GrantTarget::Everywhere => {}
    }
    if grant.rights.is_empty() {
        return invalid("rights: at least one".to_owned());
    }
    if let Credentials::Listed(ids) = &grant.credentials
        && !(1..=MAX_LISTED).contains(&ids.len())
    {
        return invalid(format!("credential_ids: 1 to {MAX_LISTED}"));
    }
    has_room(ctx)
}

/// Those that are over do not count.
pub(crate) fn has_room(ctx: &Ctx) -> Result<(), Error> {
    let (known, now) = (ctx.app().servers().now(), ctx.clock().now());
    let hold = known.grants.iter().filter(|held| held.grant.terms.expires.is_none_or(|at| at > now)).count();
    match hold >= MAX_GRANTS {
        true => Err(Error::Invalid(format!("{MAX_GRANTS} grants: use a tag or a group instead"))),
        false => Ok(()),
    }
}

/// As they are stored, if they make sense.
pub(crate) fn write_terms(ctx: &Ctx, terms: NewTerms) -> Result<Terms, Error> {
    let NewTerms { times, networks, expires } = terms;
    let invalid = |text: String| Err(Error::Invalid(text));
    if times.len() > MAX_TERMS || networks.len() > MAX_TERMS {
        return invalid(format!("times and networks: at most {MAX_TERMS} of each"));
    }
    let windows = Windows::read(&times).map_err(|faults| Error::Invalid(faults.to_string()))?;
    if let Some(zone) = windows.zones().find(|zone| TimeZone::get(zone).is_err()) {
        return invalid(format!("times: there is no time zone {zone}"));
    }
    for network in &networks {
        if let Err(why) = network.parse::<Network>() {
            return invalid(format!("networks: {network}: {why}"));
        }
    }
    if expires.is_some_and(|at| at <= ctx.clock().now()) {
        return invalid("expires: is in the past".to_owned());
    }
    let text = |value: Result<String, serde_json::Error>| value.expect("words are JSON");
    Ok(Terms {
        times: text(serde_json::to_string(&times)),
        networks: text(serde_json::to_string(&networks)),
        expires,
    })
}

pub(crate) fn about(grant: &Grant) -> About {
    let about = match grant.to {
        Grantee::User(id) => About::nothing().with("user_id", id),
        Grantee::Group(id) => About::nothing().with("group_id", id),
    };
    let about = match &grant.on {
        GrantTarget::Server(id) => about.with("server", *id),
        GrantTarget::Tag(tag) => about.with("tag", tag.as_str()),
        GrantTarget::Group(group) => about.with("server_group", group.as_str()),
        GrantTarget::Everywhere => about.with("everywhere", true),
    };
    let about = match &grant.credentials {
        Credentials::Default => about,
        Credentials::Listed(ids) => about.with("credentials", ids.clone()),
        Credentials::Any => about.with("credentials", "any"),
    };
    about
        .with("rights", grant.rights.to_string())
        .with("times", grant.terms.times.as_str())
        .with("networks", grant.terms.networks.as_str())
        .with("expires", grant.terms.expires.map(|at| at.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn known(ends: &[Option<i64>]) -> Known {
        let grant = |(place, end): (usize, &Option<i64>)| Grant {
            id: i64::try_from(place).unwrap() + 1,
            to: Grantee::User(1),
            on: GrantTarget::Everywhere,
            rights: Rights::usual(),
            credentials: Credentials::Default,
            terms: Terms { expires: end.map(|at| Timestamp::from_second(at).unwrap()), ..Terms::default() },
            request: None,
            created: Timestamp::UNIX_EPOCH,
            created_by: String::new(),
        };
        Known::of(ends.iter().enumerate().map(grant).collect())
    }

    #[test]
    fn a_grant_is_forgotten_a_while_after_it_is_over_and_not_before() {
        const DAY: i64 = 24 * 3600;
        let now = Timestamp::from_second(1_000 * DAY).unwrap();
        let days = |days: i64| Some(Duration::from_secs(days.unsigned_abs() * 24 * 3600));
        let left = |ends: &[Option<i64>]| due(&known(ends), now);
        assert_eq!(left(&[]), None);
        assert_eq!(left(&[None]), None, "what has no end is kept");
        assert_eq!(left(&[Some(909 * DAY)]), Some(Duration::ZERO));
        for (ends, wait) in [(910, 0), (911, 1), (1_000, 90), (2_000, 1_090)] {
            let waits = left(&[None, Some(2_500 * DAY), Some(ends * DAY)]).unwrap();
            assert!(waits > days(wait).unwrap() && waits < days(wait).unwrap() + Duration::from_secs(1));
        }
    }
}
