//! Sessions as the server shows them, and what can be done with one.

use std::collections::BTreeMap;

use bastide_wire::Code;
use bastide_wire::session::{ExitStatus, SessionInfo, ViewerInfo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use bastide_store as store;

use crate::access::Held;
use crate::context::{About, Action, Authorized, Ctx};
use crate::daemon::refused;
use crate::page::{Piece, cut};
use crate::rules;
use crate::servers::Named;
use crate::together;
use crate::{DaemonError, Error};

mod opening;
mod past;

pub use opening::{create, run};
pub(crate) use past::remembered;
pub use past::{Event, environment, events};

/// A name is shown in lists and titles.
const MAX_NAME: usize = 100;
/// More than any real environment; the daemon's frame would hold far more.
const MAX_ENVIRONMENT: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionState)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its server is being connected to.
    Connecting,
    Running,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SessionFacts)]
pub struct Session {
    pub uid: Uuid,
    pub name: Option<String>,
    pub state: State,
    pub created: Timestamp,
    /// While it runs.
    pub pid: Option<i32>,
    #[serde(flatten)]
    pub shown: Shown,
    /// What runs in it, as it was asked for.
    pub command: Vec<String>,
    /// The OS user it runs as.
    pub account: String,
    /// The person it was opened for, by their uid; `None` for one that was not opened by the server.
    #[serde(skip)]
    pub owner: Option<Uuid>,
    pub viewers: Vec<ViewerInfo>,
    pub recording: Recording,
    pub exit: Option<ExitStatus>,
}

/// What somebody may do with a session, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Watch,
    Write,
    /// It was opened for them.
    Own,
    Admin,
}

impl From<store::Access> for Access {
    fn from(access: store::Access) -> Self {
        match access {
            store::Access::Watch => Self::Watch,
            store::Access::Write => Self::Write,
        }
    }
}

/// Whose a session is, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Owner {
    pub id: i64,
    pub username: String,
}

/// A session as one caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct Seen {
    #[serde(flatten)]
    pub session: Session,
    pub owner: Option<Owner>,
    pub access: Access,
    /// Where it is, when it was opened; none for a shell of this machine.
    pub server: Option<Named>,
}

impl Seen {
    /// `None` when the caller may not know of it.
    pub fn by(ctx: &Ctx, mut session: Session) -> Option<Self> {
        let held = ctx.access(session.uid, session.owner)?;
        session.viewers = together::shown(session.viewers, held.access);
        let place = ctx.app().servers().places().get(session.uid);
        let server = place.map(|place| Named { id: place.server_id, name: place.server_name.clone() });
        Some(Self { owner: owner(ctx, session.owner), access: held.access, server, session })
    }
}

/// Whoever was removed since owns nothing.
pub(crate) fn owner(ctx: &Ctx, uid: Option<Uuid>) -> Option<Owner> {
    let user = ctx.app().people().by_uid(uid?)?;
    Some(Owner { id: user.id, username: user.username.clone() })
}

/// What changes as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SessionShown)]
pub struct Shown {
    pub cols: u16,
    pub rows: u16,
    pub title: Option<String>,
    pub cwd: Option<String>,
    /// `line` for one whose lines the server runs, which has no terminal; null for a terminal, which says itself
    /// what holds in it.
    pub label: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SessionRecording)]
pub struct Recording {
    /// `recording`, `stalled`, `failed`, `closed` or `off`.
    pub state: String,
    pub reason: Option<String>,
}

impl Session {
    pub fn runs(&self) -> bool {
        self.state != State::Ended
    }

    /// `None` for a session without a lasting name or without detail: from a daemon too old for us.
    pub(crate) fn read(info: SessionInfo) -> Option<Self> {
        let detail = info.detail?;
        let created = info.created_at.parse().ok().and_then(|s| Timestamp::from_second(s).ok())?;
        let connecting = detail.remote.as_ref().is_some_and(|remote| remote.connecting);
        let state = match info.is_alive {
            true if connecting => State::Connecting,
            true => State::Running,
            false => State::Ended,
        };
        Some(Self {
            uid: info.uid?,
            name: info.name,
            state,
            created,
            // A shell elsewhere is no process of this machine.
            pid: Some(info.pid).filter(|pid| *pid != 0),
            shown: Shown {
                cols: detail.cols,
                rows: detail.rows,
                title: detail.title,
                cwd: detail.cwd,
                label: None,
            },
            command: detail.command,
            account: detail.account,
            owner: detail.user.and_then(|user| user.parse().ok()),
            viewers: detail.viewers,
            recording: Recording { state: detail.recording.state, reason: detail.recording.reason },
            exit: detail.exit,
        })
    }
}

/// What a caller may say about a session to be made; the rest is the server's decision.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    pub name: Option<String>,
    /// A path or a name to be looked up; the account's login shell when absent.
    pub shell: Option<String>,
    pub cwd: Option<String>,
    pub env: BTreeMap<String, String>,
    pub size: Option<(u16, u16)>,
    /// A shell on this server instead of one of this machine.
    pub server: Option<OnServer>,
    /// Seconds that it is kept after its last viewer left; for ever when absent.
    pub detach_keep: Option<u64>,
}

/// On which server, and with which credential: the usual one when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnServer {
    pub server: i64,
    pub credential: Option<i64>,
}

impl NewSession {
    fn check(&self) -> Result<(), Error> {
        let invalid = |why: &str| Err(Error::Invalid(why.to_owned()));
        if self.name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME) {
            return Err(Error::Invalid(format!("name: at most {MAX_NAME} characters")));
        }
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().any(char::is_control))
        {
            return invalid("name: some visible characters, and no control characters");
        }
        if self.env.len() > MAX_ENVIRONMENT {
            return Err(Error::Invalid(format!("env: at most {MAX_ENVIRONMENT} variables")));
        }
        if self.server.is_some() && (self.shell.is_some() || self.cwd.is_some()) {
            return invalid(
                "shell and cwd: not together with server_id, where the account's login shell is opened",
            );
        }
        match self.size {
            Some((0, _) | (_, 0)) => invalid("cols and rows: at least 1"),
            _ => Ok(()),
        }
    }
}

/// Sessions that the caller may know of, newest first, and where the next piece begins: those that run
/// and those that have ended, or one of both.
///
/// # Errors
/// `NotLoggedIn`, `DaemonUnreachable` unless only ended ones are asked for, `Storage`.
pub async fn list(
    ctx: &Ctx,
    state: Option<State>,
    piece: Piece<Uuid>,
) -> Result<(Vec<Seen>, Option<Uuid>), Error> {
    let grant = ctx.authorize(Action::SessionList, ())?;
    let user = &grant.person().user;
    let owner = (!ctx.sees_all_sessions()).then_some(user.uid);
    let mut live = match live(ctx).await {
        Err(Error::Daemon(DaemonError::Unreachable(_))) if state == Some(State::Ended) => Vec::new(),
        live => live?,
    };
    live.extend(own(ctx));
    let mut seen = match state {
        Some(State::Running | State::Connecting) => Vec::new(),
        _ => past::list(ctx, &live, (owner, &piece)).await?,
    };
    let before = |seen: &Seen| piece.after.is_none_or(|after| seen.session.uid < after);
    let wanted = |seen: &Seen| match state {
        // What is being connected to runs, too.
        Some(State::Running) => seen.session.runs(),
        Some(state) => seen.session.state == state,
        None => true,
    };
    seen.extend(live.into_iter().filter(|seen| before(seen) && wanted(seen)));
    // Their uids begin with the time, and unlike times they are never the same.
    seen.sort_by_key(|seen| std::cmp::Reverse(seen.session.uid));
    Ok(cut(seen, piece.limit, |seen| seen.session.uid))
}

async fn live(ctx: &Ctx) -> Result<Vec<Seen>, Error> {
    let rows = ctx.app().daemon().client()?.list().await.map_err(refused)?;
    Ok(rows.into_iter().filter_map(Session::read).filter_map(|session| Seen::by(ctx, session)).collect())
}

/// Those of this process.
fn own(ctx: &Ctx) -> impl Iterator<Item = Seen> + use<'_> {
    let shown = ctx.app().execs().own().shown();
    shown.into_iter().filter_map(|session| Seen::by(ctx, Session::clone(&session)))
}

/// One session, also one that ended long ago.
///
/// # Errors
/// `NotLoggedIn`, `DaemonUnreachable`, `NotFound`, `Storage`.
pub async fn get(ctx: &Ctx, uid: Uuid) -> Result<Seen, Error> {
    ctx.person()?;
    if let Some(seen) = own(ctx).find(|seen| seen.session.uid == uid) {
        return Ok(seen);
    }
    let seen = match find(ctx, Action::SessionRead, uid).await {
        Ok(found) => Session::read(found.info).and_then(|session| Seen::by(ctx, session)),
        Err(error @ (Error::NotFound(_) | Error::Daemon(DaemonError::Unreachable(_)))) => {
            let row = remembered(ctx, Action::SessionRead, uid).await;
            // One that may still run is not said to be over.
            past::seen(ctx, row.ok().filter(|row| row.ended.is_some()).ok_or(error)?)
        }
        Err(error) => return Err(error),
    };
    seen.ok_or_else(|| Error::session(uid))
}

/// The caller's own sessions on a server that have not ended. The daemon is asked: one that was opened a moment ago is
/// among them.
///
/// # Errors
/// `NotLoggedIn`, `DaemonUnreachable`, `Daemon`.
pub async fn own_on_server(ctx: &Ctx, server: i64) -> Result<Vec<Session>, Error> {
    let uid = ctx.person()?.user.uid;
    let places = ctx.app().servers().places();
    let open = live(ctx).await?.into_iter().chain(own(ctx)).map(|seen| seen.session);
    let own = open.filter(|session| {
        let there = session.state != State::Ended && session.owner == Some(uid);
        let here = places.get(session.uid).is_some_and(|place| place.server_id == server);
        there && here
    });
    Ok(own.collect())
}

/// Asks the rules about a command that is to be typed into a session on a server without a person at the keys.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden` where it is denied, `Conflict` where a second person would have to approve it
/// and the terminal would not wait for them; `Storage`, `DaemonUnreachable`.
pub async fn may_type(ctx: &Ctx, (uid, server): (Uuid, i64), command: &str) -> Result<(), Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerConnect, server)?;
    let found = find(ctx, Action::SessionWrite, uid).await?;
    let account = found.info.detail.map(|detail| detail.account).unwrap_or_default();
    let place = rules::Place { server: Some(grant.target()), account: &account };
    rules::typed(ctx, uid, (place, command)).await
}

/// Ends a session; its viewers are told.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn end(ctx: &Ctx, uid: Uuid) -> Result<(), Error> {
    if let Some(session) = ctx.app().execs().own().get(uid) {
        ctx.authorize_session(Action::SessionEnd, uid, session.owner)?;
        return ctx
            .audited(Action::SessionEnd, About::session(uid), async move |ctx| {
                let ended = ctx.app().execs().own().end(uid);
                if ended { Ok(()) } else { Err(Error::session(uid)) }
            })
            .await;
    }
    let target = find(ctx, Action::SessionEnd, uid).await?.grant.into_target();
    ctx.audited(Action::SessionEnd, About::session(uid), async move |ctx| {
        let client = ctx.app().daemon().client()?;
        client.end(target, "ended from the web page").await.map_err(|e| match e.is(Code::NotFound) {
            true => Error::session(target),
            false => refused(e),
        })
    })
    .await
}

/// A session that the caller may do something with.
pub(crate) struct Found {
    pub(crate) grant: Authorized<Uuid>,
    pub(crate) owner: Option<Uuid>,
    pub(crate) held: Held,
    /// The daemon's number for it; valid in this instance of the daemon only.
    pub(crate) number: u32,
    pub(crate) info: SessionInfo,
}

/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `DaemonUnreachable`.
pub(crate) async fn find(ctx: &Ctx, action: Action, uid: Uuid) -> Result<Found, Error> {
    ctx.person()?;
    let rows = ctx.app().daemon().client()?.list().await.map_err(refused)?;
    let info = rows.into_iter().find(|row| row.uid == Some(uid)).ok_or_else(|| Error::session(uid))?;
    let owner = info.detail.as_ref().and_then(|detail| detail.user.as_ref()?.parse().ok());
    let (grant, held) = ctx.authorize_session(action, uid, owner)?;
    Ok(Found { grant, owner, held, number: info.id, info })
}
