//! Several people in one session: who is there, who has the keyboard, who has to go, what they tell one another.
//!
//! The session daemon holds all of it; here is decided who may (docs/guide/working-together.md).

use std::net::IpAddr;

use bastide_ptyd_client as ptyd;
use bastide_store::User;
use bastide_wire::Code;
use bastide_wire::session::ViewerInfo;
use bastide_wire::together::{About as Viewer, ViewerRole, check_text};
use bastide_wire::together::{EndSoon, EndStop, Keyboard, KeyboardAsk, Say, ViewerEnd};
pub use bastide_wire::together::{MAX_AFTER, MAX_TEXT};
use jiff::Timestamp;
use uuid::Uuid;

use crate::Error;
use crate::access::Held;
use crate::context::{About, Action, Ctx, Proof};
use crate::daemon::refused;
use crate::error::{Conflict, Forbidden, Together, What};
use crate::sessions::{self, Access, Found};

/// How the caller is shown to the others in a session.
pub(crate) fn about(ctx: &Ctx, (session, owner): (Uuid, Option<Uuid>), held: &Held) -> Option<Viewer> {
    let person = ctx.person().ok()?;
    let via = match person.proof {
        Proof::Cookie(_) => "web",
        Proof::Token(_) => "api",
        Proof::Ssh(_) => "ssh",
    };
    let role = match held.access {
        Access::Own => ViewerRole::Owner,
        Access::Admin => ViewerRole::Admin,
        // Who would be let in without a link is no guest of the owner.
        _ if ctx.oversees_sessions(&person.user) => ViewerRole::Observer,
        _ if ctx.stays(&person.user, session, owner).is_some() => ViewerRole::Guest,
        _ => ViewerRole::Observer,
    };
    Some(Viewer {
        user: Some(person.user.uid.to_string()),
        role: Some(role),
        via: Some(via.to_owned()),
        address: ctx.origin().address.map(|address| address.to_string()),
    })
}

/// As they are shown to somebody: where others come from is for who may end the session.
pub(crate) fn shown(mut viewers: Vec<ViewerInfo>, access: Access) -> Vec<ViewerInfo> {
    if access < Access::Own {
        for viewer in &mut viewers {
            viewer.address = None;
        }
    }
    viewers
}

/// Whether somebody may be given the keyboard of a session, and until when: whoever was let in by a link of its
/// owner, as the owner pleases; everybody else by their own right to type there. Never who may change nothing.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn may_hold(
    ctx: &Ctx,
    (user, address): (&User, Option<IpAddr>),
    (session, owner): (Uuid, Option<Uuid>),
) -> Result<Option<Timestamp>, Error> {
    use crate::access::{Asker, Relation};
    let asker = Asker::of(user);
    let may = |relation| ctx.policies().allow_on_session(asker, Action::SessionWrite, relation);
    if !may(Relation::Writer) {
        return Err(Forbidden::Together(Together::Keyboard).into());
    }
    if owner == Some(user.uid) || may(Relation::Stranger) {
        return Ok(None);
    }
    let invited = ctx.stays(user, session, owner).map(|stay| Some(stay.until));
    // Who could open a terminal there themselves.
    let granted = ctx.there((user, address), session, Action::ServerConnect);
    let longest = [invited, granted].into_iter().flatten();
    let longest = longest.max_by_key(|until| until.unwrap_or(Timestamp::MAX));
    longest.ok_or_else(|| Forbidden::Together(Together::Keyboard).into())
}

/// Whether somebody watches by a right or their role, whatever links they came by as well.
fn watches_anyway(ctx: &Ctx, viewer: &ViewerInfo, (session, user): (Uuid, &User)) -> bool {
    let address = viewer.address.as_deref().and_then(|address| address.parse().ok());
    ctx.oversees_sessions(user) || ctx.there((user, address), session, Action::SessionObserve).is_some()
}

/// Who is in a session.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Conflict`, `DaemonUnreachable`.
pub async fn viewers(ctx: &Ctx, session: Uuid) -> Result<Vec<ViewerInfo>, Error> {
    let found = find(ctx, Action::ViewerList, session).await?;
    let access = ctx.access(session, found.owner).map_or(Access::Watch, |held| held.access);
    Ok(shown(here(found), access))
}

/// Shows somebody out; they do not come back as long as the session is there. Who watches by a right or their role
/// is for administrators alone.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Conflict`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn show_out(ctx: &Ctx, session: Uuid, id: u64) -> Result<(), Error> {
    let found = find(ctx, Action::ViewerRemove, session).await?;
    let viewer = viewer(&found, id)?;
    let me = ctx.person()?.user;
    let (owner, person) = (found.owner, viewer.user.as_deref().and_then(|uid| uid.parse::<Uuid>().ok()));
    let own = person.is_none() || person == Some(me.uid);
    let held = ctx.access(session, owner).ok_or_else(|| Error::session(session))?;
    let user = person.and_then(|uid| ctx.app().people().by_uid(uid));
    let anyway = user.as_deref().is_some_and(|user| watches_anyway(ctx, &viewer, (session, user)));
    let guest = !anyway && matches!(viewer.role, None | Some(ViewerRole::Guest | ViewerRole::Owner));
    if held.access != Access::Admin && !own && !guest {
        return Err(Forbidden::Together(Together::Observer).into());
    }
    // One may come back to one's own, and the owner to theirs.
    let bar = person.is_some() && !own && person != owner;
    let about = about_viewer(session, &viewer).with("barred", bar);
    ctx.audited(Action::ViewerRemove, about, async move |ctx| {
        let end = ViewerEnd { uid: session, viewer: id, by: Some(me.username.clone()), bar };
        client(&ctx)?.viewer_end(end).await.map_err(|e| gone(e, session, id))?;
        let (app, now) = (ctx.app(), ctx.clock().now());
        if let Some(user) = person.filter(|_| bar).and_then(|uid| app.people().by_uid(uid))
            && app.store().remove_guest(session, user.id).await?
        {
            app.guests().reload(app.store(), now).await?;
            app.changed();
        }
        Ok(())
    })
    .await
}

/// Asks for the keyboard for one of the caller's own viewers, or takes that back; `asks` false of somebody else's
/// says no to them.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Conflict`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn ask(ctx: &Ctx, (session, id): (Uuid, u64), asks: bool) -> Result<(), Error> {
    let me = ctx.person()?.user;
    let found = find(ctx, Action::KeyboardAsk, session).await?;
    let viewer = viewer(&found, id)?;
    let own = viewer.user == Some(me.uid.to_string());
    let (action, by) = match (own, asks) {
        (true, true) => {
            may_hold(ctx, (&me, ctx.origin().address), (session, found.owner))?;
            (Action::KeyboardAsk, None)
        }
        (true, false) => (Action::KeyboardAsk, None),
        (false, true) => return Err(Forbidden::Together(Together::NotYours).into()),
        (false, false) => {
            ctx.authorize_session(Action::KeyboardGive, session, found.owner)?;
            (Action::KeyboardGive, Some(me.username.clone()))
        }
    };
    let about = about_viewer(session, &viewer).with("asks", asks);
    ctx.audited(action, about, async move |ctx| {
        let ask = KeyboardAsk { uid: session, viewer: id, asks, by };
        client(&ctx)?.keyboard_ask(ask).await.map_err(|e| gone(e, session, id))
    })
    .await
}

/// Gives the keyboard to one viewer alone, or takes it back. Who has it may give it back.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Conflict`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn give(ctx: &Ctx, session: Uuid, to: Option<u64>) -> Result<(), Error> {
    let me = ctx.person()?.user;
    let found = find(ctx, Action::ViewerList, session).await?;
    let me_too = |viewer: &&ViewerInfo| viewer.keyboard && viewer.user == Some(me.uid.to_string());
    let returns = to.is_none() && listed(&found).iter().find(me_too).is_some();
    let action = if returns { Action::KeyboardAsk } else { Action::KeyboardGive };
    ctx.authorize_session(action, session, found.owner)?;
    let about = match to {
        Some(id) => {
            let viewer = viewer(&found, id)?;
            let person = viewer.user.as_deref().and_then(|uid| uid.parse().ok());
            let user = person.and_then(|uid| ctx.app().people().by_uid(uid));
            let user = user.ok_or(Forbidden::Together(Together::Nobody))?;
            let address = viewer.address.as_deref().and_then(|address| address.parse().ok());
            may_hold(ctx, (&user, address), (session, found.owner))?;
            about_viewer(session, &viewer)
        }
        None => About::session(session),
    };
    let by = Some(me.username.clone());
    ctx.audited(Action::KeyboardGive, about, async move |ctx| {
        let keyboard = Keyboard { uid: session, viewer: to, by };
        client(&ctx)?.keyboard(keyboard).await.map_err(|e| gone(e, session, to.unwrap_or_default()))
    })
    .await
}

/// Tells everybody there something.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Conflict`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn say(ctx: &Ctx, session: Uuid, text: String) -> Result<(), Error> {
    let by = ctx.person()?.user.username.clone();
    find(ctx, Action::SessionMessage, session).await?;
    if text.trim().is_empty() {
        return Err(Error::Invalid("text: some visible characters".to_owned()));
    }
    check_text("text", &text).map_err(Error::Invalid)?;
    let about = About::session(session).with("text", text.as_str());
    ctx.audited(Action::SessionMessage, about, async move |ctx| {
        let said = Say { uid: session, by, text };
        client(&ctx)?.say(said).await.map_err(|e| gone(e, session, 0))
    })
    .await
}

/// Ends a session in so many seconds; everybody there is told at once, and why.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Conflict`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn end_soon(ctx: &Ctx, session: Uuid, (text, after): (String, u64)) -> Result<(), Error> {
    let by = ctx.person()?.user.username.clone();
    find(ctx, Action::SessionEnd, session).await?;
    check_text("notice", &text).map_err(Error::Invalid)?;
    if after > MAX_AFTER {
        return Err(Error::Invalid(format!("after: at most {MAX_AFTER} seconds")));
    }
    let about = About::session(session).with("notice", text.as_str()).with("after", after);
    ctx.audited(Action::SessionEnd, about, async move |ctx| {
        let end = EndSoon { uid: session, by, text, after };
        client(&ctx)?.end_soon(end).await.map_err(|e| gone(e, session, 0))
    })
    .await
}

/// The end that the caller has announced does not come; for administrators, nor any other.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Conflict` also where none is announced, `Storage`, `DaemonUnreachable`,
/// `Daemon`.
pub async fn end_stop(ctx: &Ctx, session: Uuid) -> Result<(), Error> {
    let by = ctx.person()?.user.username.clone();
    let found = find(ctx, Action::SessionEnd, session).await?;
    let any = ctx.access(session, found.owner).is_some_and(|held| held.access == Access::Admin);
    let about = About::session(session).with("does", "stop");
    ctx.audited(Action::SessionEnd, about, async move |ctx| {
        let stop = EndStop { uid: session, by, any };
        let stopped = client(&ctx)?.end_stop(stop).await;
        stopped.map_err(|error| match error.code() {
            Some("INVALID_ARGUMENT") => Forbidden::Together(Together::Announcer).into(),
            Some("NOT_FOUND") if error.to_string().contains("announced end") => {
                Conflict::InUse("no end of this session is announced".to_owned()).into()
            }
            _ => gone(error, session, 0),
        })
    })
    .await
}

/// A terminal that the caller may do something in.
async fn find(ctx: &Ctx, action: Action, session: Uuid) -> Result<Found, Error> {
    if let Some(own) = ctx.app().execs().own().get(session) {
        ctx.authorize_session(action, session, own.owner)?;
        return Err(Conflict::InUse("this session has no terminal: nobody is in it".to_owned()).into());
    }
    sessions::find(ctx, action, session).await
}

fn listed(found: &Found) -> &[ViewerInfo] {
    found.info.detail.as_ref().map_or(&[], |detail| &detail.viewers)
}

fn here(found: Found) -> Vec<ViewerInfo> {
    found.info.detail.map(|detail| detail.viewers).unwrap_or_default()
}

fn viewer(found: &Found, id: u64) -> Result<ViewerInfo, Error> {
    let viewer = listed(found).iter().find(|viewer| viewer.id == Some(id));
    viewer.cloned().ok_or(Error::NotFound(What::Viewer(id)))
}

fn about_viewer(session: Uuid, viewer: &ViewerInfo) -> About {
    About::session(session)
        .with("viewer", viewer.id)
        .with("who", viewer.client.clone())
        .with("who_uid", viewer.user.clone())
}

fn client(ctx: &Ctx) -> Result<ptyd::Client, Error> {
    ctx.app().daemon().client()
}

fn gone(error: ptyd::Error, session: Uuid, viewer: u64) -> Error {
    match error.code() {
        Some("NOT_FOUND") if error.to_string().contains("viewer") => Error::NotFound(What::Viewer(viewer)),
        _ if error.is(Code::NotFound) || error.is(Code::SessionTerminating) => Error::session(session),
        _ => refused(error),
    }
}
