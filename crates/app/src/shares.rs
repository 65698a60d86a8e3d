//! Letting signed-in people into a session by a link.

use std::collections::HashMap;
use std::sync::Arc;

use bastide_store::{Access, Share, Store};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::daemon::refused;
use crate::error::{Forbidden, Together, What};
use crate::{Error, secret, sessions};

pub const DEFAULT_MINUTES: u16 = 60;
/// A week.
pub const MAX_MINUTES: u16 = 7 * 24 * 60;
/// A lesson or an incident has a few.
const MAX_SHARES: usize = 20;

/// Every guest, in memory: each look at a session asks.
#[derive(Debug, Clone)]
pub(crate) struct Guests {
    stays: watch::Sender<Arc<Stays>>,
    /// Held from reading to showing: what was read first must not be shown last.
    reading: Arc<Mutex<()>>,
}

/// By session and user: a person may have come by several shares.
type Stays = HashMap<(Uuid, i64), Vec<Stay>>;

/// One guest's permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) access: Access,
    pub(crate) until: Timestamp,
    share: Uuid,
    /// Who let them in.
    by: i64,
}

impl Guests {
    pub(crate) async fn load(store: &Store, now: Timestamp) -> Result<Self, Error> {
        let guests = Self { stays: watch::Sender::new(Arc::default()), reading: Arc::default() };
        guests.reload(store, now).await?;
        Ok(guests)
    }

    /// After every change.
    pub(crate) async fn reload(&self, store: &Store, now: Timestamp) -> Result<(), Error> {
        let _reading = self.reading.lock().await;
        let mut stays = Stays::new();
        for guest in store.guests(now).await? {
            let Share { id, session, access, expires, created_by: by, .. } = guest.share;
            let stay = Stay { access, until: expires, share: id, by };
            stays.entry((session, guest.user_id)).or_default().push(stay);
        }
        self.stays.send_replace(Arc::new(stays));
        Ok(())
    }

    /// The most this person may do there now, and of those the longest; counting what was shared by
    /// those who still `may_share`.
    pub(crate) fn stay(
        &self,
        (session, user): (Uuid, i64),
        now: Timestamp,
        may_share: impl Fn(i64) -> bool,
    ) -> Option<Stay> {
        let stays = self.stays.borrow();
        let all = stays.get(&(session, user))?.iter();
        let good = all.filter(|stay| stay.until > now && may_share(stay.by));
        good.max_by_key(|stay| (stay.access, stay.until)).copied()
    }

    fn of(&self, share: Uuid) -> Vec<i64> {
        let stays = self.stays.borrow();
        let by = |all: &Vec<Stay>| all.iter().any(|stay| stay.share == share);
        stays.iter().filter(|(_, all)| by(all)).map(|((_, user), _)| *user).collect()
    }
}

/// A share as its session's owner sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub share: Share,
    pub created_by: String,
    /// User names of those who have used it.
    pub guests: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub struct NewShare {
    pub access: Access,
    pub minutes: u16,
}

fn shown(ctx: &Ctx, share: Share) -> Shown {
    let people = ctx.app().people();
    let name = |id| people.get(id).map(|user| user.username.clone());
    let mut guests: Vec<_> = ctx.app().guests().of(share.id).into_iter().filter_map(name).collect();
    guests.sort();
    Shown { created_by: name(share.created_by).unwrap_or_default(), guests, share }
}

/// Those of one session that hold, newest first.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `DaemonUnreachable`, `Storage`.
pub async fn list(ctx: &Ctx, session: Uuid) -> Result<Vec<Shown>, Error> {
    sessions::find(ctx, Action::ShareList, session).await?;
    let shares = ctx.app().store().shares_of(session, ctx.clock().now()).await?;
    Ok(shares.into_iter().map(|share| shown(ctx, share)).collect())
}

/// Makes a share; returns it and its secret, which belongs behind `/s/`.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `DaemonUnreachable`, `Storage`.
pub async fn create(ctx: &Ctx, session: Uuid, new: NewShare) -> Result<(Shown, String), Error> {
    if new.minutes == 0 || new.minutes > MAX_MINUTES {
        return Err(Error::Invalid(format!("expires_in_minutes: 1 to {MAX_MINUTES}")));
    }
    let found = sessions::find(ctx, Action::ShareCreate, session).await?;
    let now = ctx.clock().now();
    let lasts = SignedDuration::from_mins(i64::from(new.minutes));
    let share = Share {
        id: Uuid::now_v7(),
        session,
        access: new.access,
        created: now,
        expires: now.checked_add(lasts).unwrap_or(Timestamp::MAX),
        created_by: found.grant.person().user.id,
    };
    let about = About::session(session)
        .with("share", share.id.to_string())
        .with("access", share.access.as_str())
        .with("expires", share.expires.to_string());
    ctx.audited(Action::ShareCreate, about, async move |ctx| {
        let store = ctx.app().store();
        if store.shares_of(session, now).await?.len() >= MAX_SHARES {
            return Err(Error::Invalid(format!("{MAX_SHARES} shares of one session: remove one first")));
        }
        let secret = secret::generate();
        store.add_share(&share, &secret::digest(&secret)).await?;
        Ok((shown(&ctx, share), secret))
    })
    .await
}

/// Ends a share: its guests lose the session at once.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `DaemonUnreachable`, `Storage`.
pub async fn remove(ctx: &Ctx, session: Uuid, share: Uuid) -> Result<(), Error> {
    let found = sessions::find(ctx, Action::ShareRemove, session).await?;
    let about = About::session(session).with("share", share.to_string());
    ctx.audited(Action::ShareRemove, about, async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_share(found.grant.into_target(), share).await? {
            return Err(Error::NotFound(What::Share(share)));
        }
        app.guests().reload(app.store(), ctx.clock().now()).await?;
        app.changed();
        Ok(())
    })
    .await
}

/// Who was shown out does not come back by the same link, nor by another.
async fn not_barred(ctx: &Ctx, session: Uuid) -> Result<(), Error> {
    let uid = ctx.person()?.user.uid.to_string();
    let rows = ctx.app().daemon().client()?.list().await.map_err(refused)?;
    let row = rows.into_iter().find(|row| row.uid == Some(session));
    match row.is_some_and(|row| row.barred.contains(&uid)) {
        true => Err(Forbidden::Together(Together::ShownOut { by: None }).into()),
        false => Ok(()),
    }
}

/// What using a share gives.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub session: Uuid,
    pub access: Access,
}

/// Lets the caller into the session behind a link.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound` for a link that is unknown or has ended; `DaemonUnreachable`, `Storage`.
pub async fn enter(ctx: &Ctx, token: &str) -> Result<Entry, Error> {
    let grant = ctx.authorize(Action::ShareUse, secret::digest(token))?;
    let share = ctx.app().store().share(grant.target()).await?;
    let by_somebody = |id| ctx.app().people().get(id).is_some_and(|user| user.enabled);
    let share = share.filter(|share| share.expires > ctx.clock().now() && by_somebody(share.created_by));
    let Some(share) = share else {
        ctx.app().attempts().count(ctx.origin().address, None)?;
        return Err(Error::NotFound(What::ShareLink));
    };
    let entry = Entry { session: share.session, access: share.access };
    let about = About::session(share.session)
        .with("share", share.id.to_string())
        .with("access", share.access.as_str());
    not_barred(ctx, share.session).await?;
    ctx.audited(Action::ShareUse, about, async move |ctx| {
        let (app, now) = (ctx.app(), ctx.clock().now());
        let user = grant.person().user.id;
        let inside = || app.guests().of(share.id).contains(&user);
        // Nothing is new for anybody: nobody has to look again.
        if !app.store().add_guest(share.id, user, now).await? && inside() {
            return Ok(entry);
        }
        app.guests().reload(app.store(), now).await?;
        if !inside() {
            // It was ended a moment ago.
            return Err(Error::NotFound(What::ShareLink));
        }
        app.changed();
        Ok(entry)
    })
    .await
}
