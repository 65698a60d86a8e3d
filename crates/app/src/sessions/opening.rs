//! The one way to a new session: every edge comes through here.

use std::sync::Arc;

use bastide_store as store;
use bastide_wire::Spec;
use bastide_wire::spec::{RecordingMode, RecordingSpec, Subject};
use uuid::Uuid;

use super::{NewSession, OnServer, Seen, Session, find, past};
use crate::context::{About, Action, Ctx};
use crate::daemon::refused;
use crate::error::{Forbidden, NoShellHere};
use crate::session_settings::{self, Merged};
use crate::{Error, rules, servers};

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

/// The right to the server is all that it takes: nobody needs an account of this machine for it.
async fn on_server(ctx: &Ctx, new: NewSession, on: OnServer) -> Result<Seen, Error> {
    new.check()?;
    let chosen = servers::choose(ctx, Action::ServerConnect, on.server, on.credential)?;
    let uid = Uuid::now_v7();
    let name = chosen.grant.target().settings.name.clone();
    let about = About::session(uid)
        .with("server", on.server)
        .with("name", name.as_str())
        .with("credential", chosen.credential);
    ctx.audited(Action::SessionCreate, about, async move |ctx| {
        let app = ctx.app();
        let user = &chosen.grant.person().user;
        let settings = session_settings::of_session(app, user.id, Some(on.server)).await?;
        let _taken = app.quota().take(app, (user.uid, uid), settings.max_sessions()).await?;
        // People share no connections: what one may do with one is not what another may.
        let mut ssh =
            servers::dial(app, chosen.grant.target(), chosen.credential, user.uid.to_string()).await?;
        let account = ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default();
        let place = rules::Place { server: Some(chosen.grant.target()), account: &account };
        if let Some(command) = &new.command {
            // With the credential that it is logged in with.
            let ctx = ctx.fresh().await?;
            servers::choose(&ctx, Action::ServerExecute, on.server, Some(chosen.credential))?;
            rules::pass(&ctx, Action::ServerExecute, (place, command)).await?;
        }
        ssh.command.clone_from(&new.command);
        let gating = rules::gated(app, user, place).await?;
        let spec = Spec {
            target: Some(name.clone()),
            ssh: Some(Box::new(ssh)),
            expires_at: chosen.until,
            detach_keep: new.detach_keep,
            ..spec(&ctx, user)
        };
        let spec = settings.remote(rules::Gating::into(gating, spec));
        let place = store::Place {
            session: uid,
            server_id: on.server,
            server_name: name,
            credential_id: chosen.named,
            address: ctx.origin().address,
            created: ctx.clock().now(),
        };
        app.servers().places().add(app.store(), place).await?;
        let opened = open(&ctx, (uid, spec), new, &settings).await;
        if opened.is_err() {
            forget_unless_open(&ctx, uid).await;
        }
        opened
    })
    .await
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
