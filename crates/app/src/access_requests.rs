//! Requests for rights on a server: somebody asks, somebody else decides, a grant with an end comes of it.
//!
//! Who asks names the server as they know it, and is not told whether there is one: who decides sees that.

use bastide_store::{
    AccessRequest, Answer, Credentials, Grant, GrantTarget, Grantee, RequestState, Right, Rights, Terms,
    Wanted,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Asker;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Forbidden, Thing, What};
use crate::page::{Piece, cut};
use crate::servers::Named;
use crate::{App, Error, grants};

/// Who asks for more at once has not been answered.
const MAX_OPEN_EACH: usize = 20;
/// Rights that are needed for longer are a grant's matter.
const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Nobody who has not been answered for so long still needs it.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A few sentences.
const MAX_REASON: usize = 1000;
const MAX_NAME: usize = 100;
/// Rows that are read at once while those are looked for that the caller may see.
const AT_ONCE: u32 = 200;
/// A clock that is behind ours by less than this has come there as well then.
const AFTER: std::time::Duration = std::time::Duration::from_millis(50);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct New {
    /// A name or a number.
    pub server: String,
    pub rights: Rights,
    pub reason: String,
    pub until: Timestamp,
}

/// What is decided.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Fewer rights, and a shorter time, where they are said.
    Approve {
        rights: Option<Rights>,
        until: Option<Timestamp>,
        why: Option<String>,
    },
    Refuse {
        why: String,
    },
}

/// A request as one caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccessRequest)]
pub struct Request {
    pub id: i64,
    /// Who asks.
    pub user: Named,
    /// As it was asked for.
    pub server_name: String,
    /// Which it is, for those who may know.
    pub server: Option<Named>,
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    pub reason: String,
    /// Until when the rights are wanted.
    pub until: Timestamp,
    pub created: Timestamp,
    /// Unanswered until then, it is over.
    pub expires: Timestamp,
    #[serde(flatten)]
    pub answer: Answered,
    pub may: May,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccessRequestAnswer)]
pub struct Answered {
    /// `open`, `approved`, `refused`, `expired` or `cancelled`.
    pub state: String,
    pub decided: Option<Timestamp>,
    pub decided_by: Option<String>,
    /// Why.
    pub decision: Option<String>,
    /// The grant that came of it.
    pub grant_id: Option<i64>,
}

/// What the caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccessRequestRights)]
pub struct May {
    pub decide: bool,
    pub cancel: bool,
}

/// Closes those that nobody answers in time.
pub(crate) fn start(app: &App) {
    let (app, mut news) = (app.clone(), app.news().hear());
    let ending = app.shutdown().clone();
    app.tasks().clone().spawn("access requests", async move {
        loop {
            let next = news.borrow_and_update().requests.values().map(|request| request.expires).min();
            let late = async {
                match next {
                    Some(at) => {
                        let left = at.duration_since(app.clock().now()).try_into().unwrap_or_default();
                        tokio::time::sleep(std::time::Duration::saturating_add(left, AFTER)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = late => match app.store().expire_requests(app.clock().now()).await {
                    Ok(_) => app.news().tell(app.store()).await,
                    // The next request or the next start tries again.
                    Err(error) => {
                        tracing::error!(%error, "access requests that nobody answered stay open");
                        if news.changed().await.is_err() { return }
                    }
                },
                changed = news.changed() => if changed.is_err() { return },
                () = ending.draining() => return,
            }
        }
    });
}

/// Asks for rights. Whoever may decide is told.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Limit`, `Storage`.
pub async fn create(ctx: &Ctx, new: New) -> Result<Request, Error> {
    let user = ctx.authorize(Action::AccessRequestCreate, ())?.person().user.clone();
    let now = ctx.clock().now();
    check(&new, now)?;
    let open =
        ctx.app().news().hear().borrow().requests.values().filter(|one| one.user_id == user.id).count();
    if open >= MAX_OPEN_EACH {
        return Err(Error::Limit(format!("{MAX_OPEN_EACH} of your requests wait for an answer")));
    }
    let known = ctx.app().servers().now();
    let by_number = || new.server.parse().ok().and_then(|id: i64| known.servers.get(&id));
    let server = known.named(&new.server).or_else(by_number);
    let wanted = Wanted {
        server_name: new.server.clone(),
        server_id: server.map(|server| server.id),
        rights: new.rights,
        reason: new.reason.trim().to_owned(),
        until: new.until,
    };
    let about = About::nothing()
        .with("asked_for", wanted.server_name.as_str())
        .with("server", wanted.server_id)
        .with("rights", wanted.rights.to_string())
        .with("until", wanted.until.to_string())
        .with("reason", wanted.reason.as_str());
    ctx.audited(Action::AccessRequestCreate, about, async move |ctx| {
        let app = ctx.app();
        let expires = now.checked_add(ANSWER_WITHIN).unwrap_or(wanted.until).min(wanted.until);
        let added = app.store().add_request(user.id, &wanted, (now, expires)).await?;
        let id = added.ok_or(Error::NotLoggedIn)?;
        app.news().tell(app.store()).await;
        get(&ctx, id).await
    })
    .await
}

fn check(new: &New, now: Timestamp) -> Result<(), Error> {
    let invalid = |text: String| Err(Error::Invalid(text));
    let name = new.server.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return invalid(format!("server: its name, at most {MAX_NAME} characters"));
    }
    if new.rights.is_empty() {
        return invalid("rights: at least one".to_owned());
    }
    check_why("reason", &new.reason)?;
    if new.reason.trim().is_empty() {
        return invalid("reason: what it is needed for".to_owned());
    }
    match new.until > now && new.until <= now.checked_add(LONGEST).unwrap_or(Timestamp::MAX) {
        true => Ok(()),
        false => invalid(format!("until: within {} days from now", LONGEST.as_hours() / 24)),
    }
}

fn check_why(field: &str, why: &str) -> Result<(), Error> {
    let strange = |one: char| one.is_control() && one != '\n';
    match why.chars().count() > MAX_REASON || why.chars().any(strange) {
        true => {
            Err(Error::Invalid(format!("{field}: at most {MAX_REASON} characters, no control characters")))
        }
        false => Ok(()),
    }
}

/// Newest first, and where the next piece begins: one's own, and those that the caller may see or decide on.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(ctx: &Ctx, open: bool, piece: Piece<i64>) -> Result<(Vec<Request>, Option<i64>), Error> {
    let user = ctx.authorize(Action::AccessRequestList, ())?.person().user.clone();
    // Whoever decides on nothing and oversees nothing has only their own.
    let all = ctx.role_allows(Action::AccessRead).is_ok() || manages_something(ctx);
    let whose = (!all).then_some(user.id);
    let (mut before, mut found) = (piece.after, Vec::new());
    loop {
        let rows = ctx.app().store().requests((whose, open), (before, AT_ONCE)).await?;
        before = rows.last().map(|row| row.id);
        let last = rows.len() < AT_ONCE as usize;
        found.extend(rows.into_iter().filter(|row| sees(ctx, row)));
        if last || found.len() > piece.limit as usize {
            break;
        }
    }
    let (rows, next) = cut(found, piece.limit, |row| row.id);
    Ok((rows.into_iter().map(|row| show(ctx, row)).collect(), next))
}

/// # Errors
/// `NotLoggedIn`, `NotFound` also for one that the caller may not know of, `Storage`.
pub async fn get(ctx: &Ctx, id: i64) -> Result<Request, Error> {
    Ok(show(ctx, find(ctx, id).await?))
}

async fn find(ctx: &Ctx, id: i64) -> Result<AccessRequest, Error> {
    ctx.person()?;
    let row = ctx.app().store().request(id).await?;
    row.filter(|row| sees(ctx, row)).ok_or(Error::NotFound(What::Thing(Thing::AccessRequest, id)))
}

fn sees(ctx: &Ctx, row: &AccessRequest) -> bool {
    let own = ctx.person().is_ok_and(|person| person.user.id == row.user_id);
    own || ctx.role_allows(Action::AccessRead).is_ok() || decides(ctx, row).is_ok()
}

fn manages_something(ctx: &Ctx) -> bool {
    let known = ctx.app().servers().now();
    !ctx.granted_of(Action::AccessRequestDecide, known.servers.values()).is_empty()
}

/// Whether the caller may decide on it, whose request it is left aside.
fn decides(ctx: &Ctx, row: &AccessRequest) -> Result<(), Error> {
    match row.wanted.server_id {
        Some(server) => ctx.authorize_server(Action::AccessRequestDecide, server).map(drop),
        None => ctx.authorize(Action::AccessRequestDecide, ()).map(drop),
    }
}

fn show(ctx: &Ctx, row: AccessRequest) -> Request {
    let decides = decides(ctx, &row).is_ok();
    let AccessRequest { id, user_id, wanted, created, expires, answer } = row;
    let own = ctx.person().is_ok_and(|person| person.user.id == user_id);
    let open = answer.state == RequestState::Open;
    let knows =
        decides || ctx.role_allows(Action::AccessRead).is_ok() || answer.state == RequestState::Approved;
    let server = wanted.server_id.filter(|_| knows).and_then(|id| ctx.app().servers().get(id));
    let name = ctx.app().people().get(user_id).map(|user| user.username.clone()).unwrap_or_default();
    Request {
        id,
        user: Named { id: user_id, name },
        server_name: wanted.server_name,
        server: server.map(|server| Named { id: server.id, name: server.settings.name.clone() }),
        rights: wanted.rights.iter().collect(),
        reason: wanted.reason,
        until: wanted.until,
        created,
        expires,
        answer: Answered {
            state: answer.state.as_str().to_owned(),
            decided: answer.at,
            decided_by: answer.by,
            decision: answer.why,
            grant_id: answer.grant,
        },
        may: May { decide: open && decides && !own, cancel: open && own },
    }
}

/// Says yes or no to somebody else's request. Yes is a grant of the server with its default credential.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden` also for one's own, `Conflict` when it is answered already, `Invalid`,
/// `Storage`.
pub async fn decide(ctx: &Ctx, id: i64, decision: Decision) -> Result<Request, Error> {
    let row = find(ctx, id).await?;
    let user = ctx.may(Action::AccessRequestDecide)?.user;
    // Before the server is looked at: whoever asks learns nothing of it.
    if row.user_id == user.id {
        return Err(Forbidden::Own("a request").into());
    }
    decides(ctx, &row)?;
    still_open(&row)?;
    let now = ctx.clock().now();
    let (state, why, grant) = match decision {
        Decision::Refuse { why } => (RequestState::Refused, Some(why), None),
        Decision::Approve { rights, until, why } => {
            let grant = granted(ctx, &row, (rights, until))?;
            (
                RequestState::Approved,
                why,
                Some(Grant { created: now, created_by: user.username.clone(), ..grant }),
            )
        }
    };
    check_why("reason", why.as_deref().unwrap_or_default())?;
    let about = grant.as_ref().map(grants::about).unwrap_or_default();
    let about = about
        .with("request", id)
        .with("of", row.user_id)
        .with("approve", grant.is_some())
        .with("reason", why.clone());
    let answer = Answer { state, at: Some(now), by: Some(user.username.clone()), why, grant: None };
    ctx.audited(Action::AccessRequestDecide, about, async move |ctx| {
        answered(&ctx, id, (answer, grant)).await
    })
    .await
}

/// What an approved request gives.
fn granted(
    ctx: &Ctx,
    row: &AccessRequest,
    (rights, until): (Option<Rights>, Option<Timestamp>),
) -> Result<Grant, Error> {
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let none =
        || invalid("there is no server of this name: refuse it, or add the server and have it asked again");
    let server = row.wanted.server_id.ok_or_else(none)?;
    let rights = rights.unwrap_or(row.wanted.rights);
    if rights.is_empty() || !rights.within(row.wanted.rights) {
        return Err(invalid("rights: some of those that are asked for"));
    }
    let asker = Asker::of(&ctx.person()?.user);
    // Who manages a server by a grant does not make others who do.
    if rights.has(Right::Manage) && !ctx.policies().allow(asker, Action::AccessRequestDecide) {
        return Err(Forbidden::Role("an administrator").into());
    }
    let asked = row.wanted.until;
    if until.is_some_and(|until| until <= ctx.clock().now() || until > asked) {
        return Err(invalid("until: later than now, and not after what is asked for"));
    }
    let bounds = Bounds::of(ctx, server, until)?;
    let until = until.unwrap_or_else(|| bounds.terms.expires.map_or(asked, |own| own.min(asked)));
    grants::has_room(ctx)?;
    Ok(Grant {
        id: 0,
        to: Grantee::User(row.user_id),
        on: GrantTarget::Server(server),
        rights,
        credentials: bounds.credentials,
        terms: Terms { expires: Some(until), ..bounds.terms },
        request: Some(row.id),
        created: row.created,
        created_by: String::new(),
    })
}

/// What whoever decides may give at most: who does so by a grant, not more than that grant. Its hours, its networks and
/// its credentials are those of what they give.
struct Bounds {
    credentials: Credentials,
    terms: Terms,
}

impl Bounds {
    /// # Errors
    /// `Invalid` when `until` is after the end of all that the caller decides by.
    fn of(ctx: &Ctx, server: i64, until: Option<Timestamp>) -> Result<Self, Error> {
        let user = ctx.person()?.user;
        if ctx.policies().allow(Asker::of(&user), Action::AccessRequestDecide) {
            return Ok(Self { credentials: Credentials::Default, terms: Terms::default() });
        }
        let known = ctx.app().servers().now();
        let found = known.servers.get(&server).ok_or(Error::NotFound(What::Thing(Thing::Server, server)))?;
        let moment = ctx.moment(&known);
        let manages = known.grants_on(user.id, found).filter(|held| held.grant.rights.has(Right::Manage));
        let mut held: Vec<_> = manages.filter(|held| held.holds(&moment).is_ok()).collect();
        // The freest first, and of those the one that lasts longest.
        held.sort_by_key(|held| {
            let bound = !held.times.is_empty() || !held.networks.is_empty();
            let listed = matches!(held.grant.credentials, Credentials::Listed(_));
            let lasts = held.grant.terms.expires.unwrap_or(Timestamp::MAX);
            (bound, listed, std::cmp::Reverse(lasts))
        });
        let lasts = |end: Option<Timestamp>| until.is_none_or(|until| end.is_none_or(|end| until <= end));
        let late = held.iter().filter_map(|held| held.grant.terms.expires).max();
        match held.into_iter().find(|held| lasts(held.grant.terms.expires)) {
            Some(held) => Ok(Self {
                credentials: match &held.grant.credentials {
                    Credentials::Listed(ids) => Credentials::Listed(ids.clone()),
                    Credentials::Default | Credentials::Any => Credentials::Default,
                },
                terms: held.grant.terms.clone(),
            }),
            None => {
                let end = late.map(|end| end.to_string()).unwrap_or_default();
                Err(Error::Invalid(format!("until: your own right to decide ends at {end}")))
            }
        }
    }
}

/// Takes back a request of one's own.
///
/// # Errors
/// As [`decide`].
pub async fn cancel(ctx: &Ctx, id: i64) -> Result<Request, Error> {
    ctx.authorize(Action::AccessRequestCancel, ())?;
    let row = find(ctx, id).await?;
    if row.user_id != ctx.person()?.user.id {
        return Err(Forbidden::NotOwner.into());
    }
    still_open(&row)?;
    let answer = Answer {
        state: RequestState::Cancelled,
        at: Some(ctx.clock().now()),
        by: Some(ctx.person()?.user.username.clone()),
        why: None,
        grant: None,
    };
    let about = About::nothing().with("request", id);
    ctx.audited(Action::AccessRequestCancel, about, async move |ctx| answered(&ctx, id, (answer, None)).await)
        .await
}

fn still_open(row: &AccessRequest) -> Result<(), Error> {
    match row.answer.state {
        RequestState::Open => Ok(()),
        state => Err(Conflict::RequestClosed(state.as_str()).into()),
    }
}

async fn answered(ctx: &Ctx, id: i64, (answer, grant): (Answer, Option<Grant>)) -> Result<Request, Error> {
    let app = ctx.app();
    if app.store().answer_request(id, &answer, grant.as_ref()).await?.is_none() {
        // Somebody was quicker, or the server went meanwhile.
        still_open(&find(ctx, id).await?)?;
        return Err(Error::Invalid("what is asked for is gone".to_owned()));
    }
    if grant.is_some() {
        app.servers().reload(app.store()).await?;
        app.changed();
    }
    app.news().tell(app.store()).await;
    get(ctx, id).await
}
