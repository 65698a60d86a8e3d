//! Commands that wait for a second person, and what that person says.
//!
//! The session daemon holds the command and counts the time; here people see it and decide. What was decided
//! is told by its log.

use std::collections::HashSet;
use std::time::Duration;

use bastide_policy as policy;
use bastide_store as store;
use bastide_wire::control::ReviewReply;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{ReviewState, Which};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{decides, oversees};
use crate::context::{About, Action, Ctx};
use crate::daemon::refused;
use crate::error::{Conflict, Forbidden, What};
use crate::exec::Answer;
use crate::news::Now;
use crate::page::{Piece, cut};
use crate::servers::Named;
use crate::{App, Error};

/// A reason is read in a terminal.
const MAX_REASON: usize = 1024;
/// The log of the daemon tells of a decision within some milliseconds.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Reviewers see a session while a command waits in it: when none does any more, open connections look again.
pub(crate) fn start(app: &App) {
    let (watching, ending, mut news) = (app.clone(), app.shutdown().clone(), app.news().hear());
    app.tasks().spawn("rights of reviewers", async move {
        let waits = |now: &Now| now.open.values().map(|review| review.session).collect::<HashSet<_>>();
        let mut known = waits(&news.borrow_and_update());
        loop {
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = ending.draining() => return,
            }
            let now = waits(&news.borrow_and_update());
            if !known.is_subset(&now) {
                watching.changed();
            }
            known = now;
        }
    });
}

/// A command that waits, or waited, as one caller sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Review)]
pub struct Review {
    pub id: Uuid,
    /// `open`, `approved`, `refused`, `expired` or `cancelled`.
    pub state: String,
    pub session: Uuid,
    #[serde(flatten)]
    pub whose: Whose,
    #[serde(flatten)]
    pub command: Command,
    pub opened: Timestamp,
    /// Refused by itself then.
    pub expires: Option<Timestamp>,
    #[serde(flatten)]
    pub decided: Decided,
    pub may: May,
}

/// For whom it would run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReviewOf)]
pub struct Whose {
    /// Null for somebody who is gone.
    pub user: Option<Named>,
    /// Null is this machine.
    pub server: Option<Named>,
    pub account: String,
}

/// What waits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ReviewCommand)]
pub struct Command {
    pub door: String,
    /// What was typed, where that is known.
    pub line: Option<String>,
    pub argv: Vec<String>,
    pub exe: Option<String>,
    pub cwd: Option<String>,
    /// The rule that asks for a second person.
    pub rule: Option<String>,
    /// What it says, as `{en, zh}`.
    #[schema(value_type = Option<Object>)]
    pub reason: Option<Value>,
    /// Of exactly what runs when it is approved.
    pub hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReviewDecision)]
pub struct Decided {
    pub closed: Option<Timestamp>,
    pub decided_by: Option<String>,
    /// Why.
    pub decision: Option<String>,
}

/// What the caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReviewRights)]
pub struct May {
    pub decide: bool,
    pub cancel: bool,
}

impl Review {
    async fn of(ctx: &Ctx, row: store::Review) -> Result<Self, Error> {
        let user = ctx.person()?.user;
        let (open, own) = (row.decision.state == ReviewState::Open, row.opener == Some(user.uid));
        let opener = row.opener.and_then(|uid| ctx.app().people().by_uid(uid));
        let (server, account) = place(ctx.app(), row.session).await?;
        Ok(Self {
            id: row.uid,
            state: row.decision.state.as_str().to_owned(),
            session: row.session,
            whose: Whose {
                user: opener.map(|user| Named { id: user.id, name: user.username.clone() }),
                server,
                account,
            },
            command: Command::of(&row.data, row.hash),
            opened: row.opened,
            expires: row.expires,
            decided: Decided {
                closed: row.decision.closed,
                decided_by: row.decision.by,
                decision: row.decision.reason,
            },
            may: May { decide: open && !own && decides(ctx.app(), &user), cancel: open && own },
        })
    }
}

impl Command {
    fn of(data: &Map<String, Value>, hash: String) -> Self {
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        let argv = data.get("argv").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            door: text("door").unwrap_or_else(|| "exec".to_owned()),
            line: text("line"),
            argv: argv.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            exe: text("exe"),
            cwd: text("cwd"),
            rule: text("rule"),
            reason: data.get("reason").filter(|reason| reason.is_object()).cloned(),
            hash,
        }
    }
}

/// On which server a session is, and as whom.
async fn place(app: &App, session: Uuid) -> Result<(Option<Named>, String), Error> {
    let place = app.servers().places().get(session);
    let server = place.map(|place| Named { id: place.server_id, name: place.server_name.clone() });
    let live = app.live().borrow().sessions.get(&session).map(|session| session.account.clone());
    if let Some(account) = live {
        return Ok((server, account));
    }
    let row = app.store().session(session).await?;
    let server = server.or_else(|| row.as_ref()?.server.clone().map(|(id, name)| Named { id, name }));
    Ok((server, row.and_then(|row| row.opened.account).unwrap_or_default()))
}

/// Newest first, and where the next piece begins: everybody's for reviewers, one's own for others.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(ctx: &Ctx, which: Which, piece: Piece<Uuid>) -> Result<(Vec<Review>, Option<Uuid>), Error> {
    let user = ctx.authorize(Action::ReviewList, ())?.person().user.clone();
    let opener = (!oversees(ctx.app(), &user)).then_some(user.uid);
    let limit = piece.limit.saturating_add(1);
    let rows = ctx.app().store().reviews(which, opener, (piece.after, limit)).await?;
    let (rows, next) = cut(rows, piece.limit, |row| row.uid);
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows {
        seen.push(Review::of(ctx, row).await?);
    }
    Ok((seen, next))
}

/// # Errors
/// `NotLoggedIn`, `NotFound` also for one that the caller may not know of, `Storage`.
pub async fn get(ctx: &Ctx, id: Uuid) -> Result<Review, Error> {
    let row = find(ctx, Action::ReviewList, id).await?;
    Review::of(ctx, row).await
}

async fn find(ctx: &Ctx, action: Action, id: Uuid) -> Result<store::Review, Error> {
    let user = ctx.person()?.user;
    let none = || Error::NotFound(What::Review(id));
    if oversees(ctx.app(), &user) {
        // Nothing is hidden from them, so what they may not do is said first.
        ctx.authorize(action, ())?;
    }
    let row = ctx.app().store().review(id).await?.ok_or_else(none)?;
    // What is hidden stays hidden whatever is asked.
    if row.opener != Some(user.uid) && !oversees(ctx.app(), &user) {
        return Err(none());
    }
    ctx.authorize(action, ())?;
    Ok(row)
}

/// Says yes or no to a command of somebody else. What runs then is exactly what was looked at.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden` also for a command of the caller's own, `Conflict` when it is decided
/// already, `Invalid`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn decide(ctx: &Ctx, id: Uuid, approve: bool, reason: Option<String>) -> Result<Review, Error> {
    let row = find(ctx, Action::ReviewDecide, id).await?;
    let user = ctx.person()?.user;
    if row.opener == Some(user.uid) {
        return Err(Forbidden::Own("a command").into());
    }
    still_open(&row)?;
    let reason = check_reason(reason)?;
    let about = about(&row).with("approve", approve).with("reason", reason.as_str());
    ctx.audited(Action::ReviewDecide, about, async move |ctx| {
        if is_ours(&row) {
            let by = user.username.clone();
            let held = ctx.app().execs().holds();
            answered(held.answer(id, &row.hash, Answer::Decided { approve, by, reason }))?;
            return told(&ctx, id).await;
        }
        let reply = ReviewReply {
            uid: row.session,
            review: row.uid,
            approve,
            hash: row.hash,
            by: user.username.clone(),
            reason,
        };
        ctx.app().daemon().client()?.review_reply(reply).await.map_err(refused)?;
        told(&ctx, id).await
    })
    .await
}

/// Gives up a command of one's own that waits.
///
/// # Errors
/// As [`decide`]; `Forbidden` for somebody else's.
pub async fn cancel(ctx: &Ctx, id: Uuid) -> Result<Review, Error> {
    let row = find(ctx, Action::ReviewCancel, id).await?;
    let user = ctx.person()?.user;
    if row.opener != Some(user.uid) {
        return Err(Forbidden::NotOwner.into());
    }
    still_open(&row)?;
    ctx.audited(Action::ReviewCancel, about(&row), async move |ctx| {
        if is_ours(&row) {
            let by = user.username.clone();
            answered(ctx.app().execs().holds().answer(id, &row.hash, Answer::Cancelled { by }))?;
            return told(&ctx, id).await;
        }
        let client = ctx.app().daemon().client()?;
        client.review_cancel(row.session, row.uid, &user.username).await.map_err(refused)?;
        told(&ctx, id).await
    })
    .await
}

/// Whether it waits in this process: the doors of sessions of the daemon have other names.
fn is_ours(row: &store::Review) -> bool {
    row.data.get("door").and_then(Value::as_str) == Some(policy::Door::Line.as_str())
}

/// Its time may have run out just now.
fn answered(taken: bool) -> Result<(), Error> {
    if taken { Ok(()) } else { Err(Conflict::ReviewClosed("it waits no more".to_owned()).into()) }
}

fn about(row: &store::Review) -> About {
    About::session(row.session).with("review", row.uid.to_string()).with("facts_hash", row.hash.as_str())
}

fn still_open(row: &store::Review) -> Result<(), Error> {
    match row.decision.state {
        ReviewState::Open => Ok(()),
        state => Err(Conflict::ReviewClosed(state.as_str().to_owned()).into()),
    }
}

fn check_reason(reason: Option<String>) -> Result<String, Error> {
    let reason = reason.unwrap_or_default().trim().to_owned();
    match reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        true => Err(Error::Invalid(format!("reason: at most {MAX_REASON} bytes on one line"))),
        false => Ok(reason),
    }
}

/// How it stands once the daemon's log has told of it, or after a while all the same.
async fn told(ctx: &Ctx, id: Uuid) -> Result<Review, Error> {
    let mut news = ctx.app().news().hear();
    // The database says how it stands; the news say when to look again. One that has only just begun to wait may not
    // be in them yet.
    let decided = async {
        loop {
            let review = get(ctx, id).await?;
            if review.state != "open" || news.changed().await.is_err() {
                return Ok(review);
            }
        }
    };
    if let Ok(decided) = tokio::time::timeout(TOLD_WITHIN, decided).await {
        return decided;
    }
    get(ctx, id).await
}
