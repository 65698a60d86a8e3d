//! The one way to a new session: every edge comes through here.

use std::sync::Arc;

use bastide_store as store;
use bastide_wire::spec::{RecordingMode, RecordingSpec, Subject};
use bastide_wire::ssh::Ssh;
use bastide_wire::{Code, Spec};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{NewSession, OnServer, Seen, Session, find, past};
use crate::context::{About, Action, Ctx};
use crate::daemon::refused;
use crate::error::{Forbidden, NoShellHere};
use crate::exec::{Approval, Held, How, Line, Patience, REVIEW_LIMIT};
use crate::servers::Chosen;
use crate::session_settings::{self, Merged};
use crate::{Error, exec, rules, servers};

/// Of a terminal whose client says none.
const SIZE: (u16, u16) = (80, 24);

/// Opens a shell, recorded or not at all: on a server, or on this machine as the account that the caller is
/// mapped to. One on a server is there at once, and connects then.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Limit`, `Storage`, `DaemonUnreachable`, `Daemon`.
pub async fn create(ctx: &Ctx, new: NewSession) -> Result<Seen, Error> {
    if let Some(on) = new.server {
        return on_server(ctx, new, on).await;
    }
    let grant = ctx.authorize(Action::SessionCreate, new)?;
    grant.target().check()?;
    let user = Arc::clone(&grant.person().user);
    let account = user.account.clone().ok_or(Forbidden::NoShellHere(NoShellHere::NoAccount))?;
    let uid = Uuid::now_v7();
    let about = About::session(uid).with("account", account.as_str());
    ctx.audited(Action::SessionCreate, about, async move |ctx| {
        let app = ctx.app();
        let settings = session_settings::of_session(app, user.id, None).await?;
        let _taken = app.quota().take(app, (user.uid, uid), settings.max_sessions()).await?;
        let place = rules::Place { server: None, account: &account };
        let gating = rules::gated(app, &user, place).await?;
        let detach_keep = grant.target().detach_keep;
        let spec = Spec { account: Some(account), detach_keep, ..spec(&ctx, &user) };
        let spec = settings.local(rules::Gating::into(gating, spec));
        open(&ctx, (uid, spec), grant.into_target(), &settings).await
    })
    .await
}

/// Runs a command in a terminal on a server. The rules judge it as they judge any line; where a second person has to
/// approve it, `waits` hears so, and this waits for them; dropping it gives the command up. Who approved it, where
/// somebody had to.
///
/// # Errors
/// As [`create`]; `Forbidden` also for a command that was denied or not approved.
pub async fn run(
    ctx: &Ctx,
    (new, command): (NewSession, String),
    waits: oneshot::Sender<Held>,
) -> Result<(Seen, Option<Approval>), Error> {
    new.check()?;
    exec::check_command(&command, exec::MAX_COMMAND)?;
    let Some(on) = new.server else {
        return Err(Error::Invalid("on the gateway itself there are shells only".to_owned()));
    };
    let chosen = servers::choose(ctx, Action::ServerConnect, on.server, on.credential)?;
    let uid = Uuid::now_v7();
    let about = about(uid, on, &chosen);
    let given_up = CancellationToken::new();
    let _leaves = given_up.clone().drop_guard();
    ctx.audited(Action::SessionCreate, about, async move |ctx| {
        // With the credential that it is logged in with.
        let with = OnServer { credential: Some(chosen.credential), ..on };
        let chosen = for_command(&ctx.fresh().await?, with, chosen)?;
        let server = Arc::clone(chosen.grant.target());
        let account = account(&dial(&ctx, &chosen).await?);
        let line = Line { server, account, text: command, cwd: None, session: uid, at_ms: None };
        let told = |held: &Held| drop(waits.send(held.clone()));
        let patience = Patience { limit: Some(REVIEW_LIMIT), told, given_up: &given_up };
        let how = How { credential: chosen.named, size: new.size.unwrap_or(SIZE) };
        let (session, approval) = exec::begin(&ctx, (Action::ServerExecute, &line), how, patience).await?;
        let opened = match &approval {
            // The wait was long.
            Some(_) => again(&ctx, with).await,
            None => Ok(chosen),
        };
        let opened = match opened {
            Ok(_) if given_up.is_cancelled() => Err(gave_up()),
            Ok(chosen) => open_there(&ctx, (uid, new), &chosen, Some(&line)).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(seen) => {
                // Whoever ends it from here on ends it where it runs; an end that came before is not lost either.
                session.hand_over();
                if given_up.is_cancelled() {
                    end_there(&ctx, uid).await?;
                    return Err(gave_up());
                }
                Ok((seen, approval))
            }
            Err(error) => {
                session.end(exec::ended(&ctx, "failed", None)).await;
                Err(error)
            }
        }
    })
    .await
}

fn gave_up() -> Error {
    Error::Invalid("the command was given up".to_owned())
}

async fn end_there(ctx: &Ctx, uid: Uuid) -> Result<(), Error> {
    match ctx.app().daemon().client()?.end(uid, "given up").await {
        Err(error) if !error.is(Code::NotFound) => Err(refused(error)),
        _ => Ok(()),
    }
}

/// What holds now, for the terminal and for the command in it.
async fn again(ctx: &Ctx, with: OnServer) -> Result<Chosen, Error> {
    let ctx = ctx.fresh().await?;
    let chosen = servers::choose(&ctx, Action::ServerConnect, with.server, with.credential)?;
    for_command(&ctx, with, chosen)
}

/// The right to the terminal where the right to the command is there too; it ends with the earlier one.
fn for_command(ctx: &Ctx, with: OnServer, chosen: Chosen) -> Result<Chosen, Error> {
    let command = servers::choose(ctx, Action::ServerExecute, with.server, with.credential)?;
    let until = chosen.until.into_iter().chain(command.until).min();
    Ok(Chosen { until, ..chosen })
}

/// The right to the server is all that it takes: nobody needs an account of this machine for it.
async fn on_server(ctx: &Ctx, new: NewSession, on: OnServer) -> Result<Seen, Error> {
    new.check()?;
    let chosen = servers::choose(ctx, Action::ServerConnect, on.server, on.credential)?;
    let uid = Uuid::now_v7();
    let about = about(uid, on, &chosen);
    ctx.audited(Action::SessionCreate, about, async move |ctx| {
        open_there(&ctx, (uid, new), &chosen, None).await
    })
    .await
}

fn about(uid: Uuid, on: OnServer, chosen: &Chosen) -> About {
    About::session(uid)
        .with("server", on.server)
        .with("name", chosen.grant.target().settings.name.as_str())
        .with("credential", chosen.credential)
}

/// People share no connections: what one may do with one is not what another may.
async fn dial(ctx: &Ctx, chosen: &Chosen) -> Result<Ssh, Error> {
    let isolation = chosen.grant.person().user.uid.to_string();
    servers::dial(ctx.app(), chosen.grant.target(), chosen.credential, isolation).await
}

fn account(ssh: &Ssh) -> String {
    ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default()
}

/// Opens it, with a shell or with a line that may run.
async fn open_there(
    ctx: &Ctx,
    (uid, new): (Uuid, NewSession),
    chosen: &Chosen,
    line: Option<&Line>,
) -> Result<Seen, Error> {
    let (app, server) = (ctx.app(), chosen.grant.target());
    let user = &chosen.grant.person().user;
    let name = server.settings.name.clone();
    let settings = session_settings::of_session(app, user.id, Some(server.id)).await?;
    let _taken = app.quota().take(app, (user.uid, uid), settings.max_sessions()).await?;
    let mut ssh = dial(ctx, chosen).await?;
    let account = account(&ssh);
    if line.is_some_and(|line| line.account != account) {
        // It was judged, and may have been approved, for another one.
        return Err(Error::Invalid("the credential was changed meanwhile: ask again".to_owned()));
    }
    ssh.command = line.map(|line| line.text.clone());
    let gating = rules::gated(app, user, rules::Place { server: Some(server), account: &account }).await?;
    let spec = Spec {
        target: Some(name.clone()),
        ssh: Some(Box::new(ssh)),
        expires_at: chosen.until,
        detach_keep: new.detach_keep,
        ..spec(ctx, user)
    };
    let spec = settings.remote(rules::Gating::into(gating, spec));
    let place = store::Place {
        session: uid,
        server_id: server.id,
        server_name: name,
        credential_id: chosen.named,
        address: ctx.origin().address,
        created: ctx.clock().now(),
    };
    match line {
        Some(_) => app.servers().places().watch(place),
        None => app.servers().places().add(app.store(), place).await?,
    }
    let opened = open(ctx, (uid, spec), new, &settings).await;
    if opened.is_err() && line.is_none() {
        forget_unless_open(ctx, uid).await;
    }
    opened
}

/// A session that was refused has no place. One that may be there though its answer did not come keeps it.
async fn forget_unless_open(ctx: &Ctx, uid: Uuid) {
    let app = ctx.app();
    let Ok(client) = app.daemon().client() else { return };
    if let Ok(rows) = client.list().await
        && !rows.iter().any(|row| row.uid == Some(uid))
    {
        app.servers().places().forget(app.store(), uid).await;
    }
}

/// What every session has: for whom it is, and a recording.
fn spec(ctx: &Ctx, user: &store::User) -> Spec {
    let subject = Subject {
        user: user.uid.to_string(),
        name: user.username.clone(),
        groups: ctx.app().servers().now().groups_of(user.id),
        roles: vec![user.role.as_str().to_owned()],
    };
    Spec {
        subject: Some(subject),
        recording: Some(RecordingSpec { mode: RecordingMode::Required, ..RecordingSpec::default() }),
        ..Spec::default()
    }
}

async fn open(
    ctx: &Ctx,
    (uid, spec): (Uuid, Spec),
    new: NewSession,
    settings: &Merged,
) -> Result<Seen, Error> {
    let client = ctx.app().daemon().client()?;
    let env = settings.environment(new.env);
    let create = bastide_ptyd_client::Create {
        cwd: new.cwd,
        cols: new.size.map(|size| size.0),
        rows: new.size.map(|size| size.1),
        env: (!env.is_empty()).then(|| env.clone()),
        shell: new.shell,
        uid: Some(uid),
        name: new.name,
        spec: Some(spec),
        ..bastide_ptyd_client::Create::default()
    };
    client.create(create).await.map_err(refused)?;
    let info = find(ctx, Action::SessionRead, uid).await?.info;
    past::remember(ctx, &info, &settings.shown(env)).await;
    let session = Session::read(info).ok_or_else(|| Error::session(uid))?;
    Seen::by(ctx, session).ok_or_else(|| Error::session(uid))
}
