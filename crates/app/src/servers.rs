//! Servers: which there are, and what administrators do about them.

use std::sync::Arc;

use bastide_store::{self as store, Server, ServerSettings};
use bastide_wire::ssh::MAX_HOPS;

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::page::{Piece, cut};

pub(crate) mod check;
mod known;
mod own;
mod places;
mod view;
mod way;

pub(crate) use known::{Known, Servers};
pub use own::OwnLogin;
pub(crate) use places::{is_revoked, start};
pub use view::{Described, Dialled, May, Named, Status, View};
pub(crate) use way::{Chosen, choose, dial, look};

/// Where most SSH servers listen (RFC 4253, section 4.1).
pub const DEFAULT_PORT: u16 = 22;
pub const DEFAULT_PLATFORM: &str = "linux";

/// Which servers; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In the name, the host or a tag, whatever its case.
    pub text: Option<String>,
    pub tag: Option<String>,
    pub group: Option<String>,
}

impl Filter {
    fn takes(&self, settings: &ServerSettings) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        let text = self.text.as_ref().map(|text| text.to_lowercase());
        text.is_none_or(|part| {
            holds(&settings.name, &part)
                || holds(&settings.host, &part)
                || settings.tags.iter().any(|tag| holds(tag, &part))
        }) && self.tag.as_ref().is_none_or(|tag| settings.tags.contains(tag))
            && self.group.as_ref().is_none_or(|group| settings.group.as_ref() == Some(group))
    }
}

/// What is to be changed; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub name: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub platform: Option<String>,
    pub tags: Option<Vec<String>>,
    pub group: Option<Option<String>>,
    pub notes: Option<Option<String>>,
    pub jump: Option<Option<i64>>,
    pub default_credential: Option<Option<i64>>,
    pub node: NodeChange,
    pub ssh: SshChange,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct NodeChange {
    pub agent_port: Option<Option<u16>>,
    pub brand_id: Option<Option<i64>>,
    pub accelerator_id: Option<Option<i64>>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SshChange {
    pub legacy_algorithms: Option<bool>,
    pub agent_forwarding: Option<bool>,
    pub ask_host_key: Option<bool>,
}

impl Change {
    /// Whether it changes who gets in, by which rules, or where credentials are sent.
    fn redirects(&self) -> bool {
        let Self {
            name: _,
            notes: _,
            node,
            host,
            port,
            platform,
            tags,
            group,
            jump,
            default_credential,
            ssh,
        } = self;
        let NodeChange { agent_port, brand_id: _, accelerator_id: _ } = node;
        let SshChange { legacy_algorithms, agent_forwarding, ask_host_key } = ssh;
        host.is_some()
            || port.is_some()
            || agent_port.is_some()
            || platform.is_some()
            || tags.is_some()
            || group.is_some()
            || jump.is_some()
            || default_credential.is_some()
            || [legacy_algorithms, agent_forwarding, ask_host_key].into_iter().any(Option::is_some)
    }

    fn apply(self, old: &ServerSettings) -> ServerSettings {
        ServerSettings {
            name: self.name.unwrap_or_else(|| old.name.clone()),
            host: self.host.unwrap_or_else(|| old.host.clone()),
            port: self.port.unwrap_or(old.port),
            platform: self.platform.unwrap_or_else(|| old.platform.clone()),
            tags: self.tags.unwrap_or_else(|| old.tags.clone()),
            group: self.group.unwrap_or_else(|| old.group.clone()),
            notes: self.notes.unwrap_or_else(|| old.notes.clone()),
            jump: self.jump.unwrap_or(old.jump),
            default_credential: self.default_credential.unwrap_or(old.default_credential),
            node: store::NodeSettings {
                agent_port: self.node.agent_port.unwrap_or(old.node.agent_port),
                brand_id: self.node.brand_id.unwrap_or(old.node.brand_id),
                accelerator_id: self.node.accelerator_id.unwrap_or(old.node.accelerator_id),
            },
            ssh: store::SshSettings {
                legacy_algorithms: self.ssh.legacy_algorithms.unwrap_or(old.ssh.legacy_algorithms),
                agent_forwarding: self.ssh.agent_forwarding.unwrap_or(old.ssh.agent_forwarding),
                ask_host_key: self.ssh.ask_host_key.unwrap_or(old.ssh.ask_host_key),
            },
        }
    }
}

/// Those that the caller may use, by name, and where the next piece begins.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(
    ctx: &Ctx,
    filter: &Filter,
    piece: Piece<String>,
) -> Result<(Vec<View>, Option<String>), Error> {
    ctx.authorize(Action::ServerList, ())?;
    let known = ctx.app().servers().now();
    let key = |server: &Server| server.settings.name.to_lowercase();
    let wanted = |server: &Arc<Server>| {
        filter.takes(&server.settings) && piece.after.as_ref().is_none_or(|after| key(server) > *after)
    };
    let mut found = ctx.granted_of(Action::ServerRead, known.servers.values().filter(|one| wanted(one)));
    found.sort_by_cached_key(|(server, _)| key(server));
    let (found, next) = cut(found, piece.limit, |(server, _)| key(server));
    let names = view::Names::read(ctx).await?;
    Ok((found.iter().map(|(server, granted)| view::view(ctx, &names, (server, granted))).collect(), next))
}

/// # Errors
/// `NotLoggedIn`, `NotFound`, `Storage`.
pub async fn get(ctx: &Ctx, id: i64) -> Result<View, Error> {
    let (grant, granted) = ctx.authorize_server(Action::ServerRead, id)?;
    let names = view::Names::read(ctx).await?;
    Ok(view::view(ctx, &names, (grant.target(), &granted)))
}

/// The server of this name, whatever its case, or number.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Storage`.
pub async fn find(ctx: &Ctx, name: &str) -> Result<View, Error> {
    let known = ctx.app().servers().now();
    let id = known.named(name).map(|server| server.id).or_else(|| name.parse().ok());
    get(ctx, id.unwrap_or_default()).await
}

/// The server at this address (its name, or its host) and port.
///
/// # Errors
/// `NotLoggedIn`, `Invalid` where there is none for the caller, `Storage`.
pub async fn at(ctx: &Ctx, host: &str, port: u16) -> Result<View, Error> {
    let known = ctx.app().servers().now();
    let there = |server: &&Arc<Server>| {
        let settings = &server.settings;
        let named = settings.name.eq_ignore_ascii_case(host) || settings.host.eq_ignore_ascii_case(host);
        named && settings.port == port
    };
    ctx.person()?;
    let found = ctx.granted_of(Action::ServerRead, known.servers.values().filter(there));
    match found.first() {
        Some((server, _)) => get(ctx, server.id).await,
        None => Err(Error::Invalid(format!("no server at {host}:{port} is for you"))),
    }
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn create(ctx: &Ctx, mut settings: ServerSettings, login: Option<OwnLogin>) -> Result<View, Error> {
    ctx.authorize(Action::ServerCreate, ())?;
    check::settings(&mut settings)?;
    ctx.audited(Action::ServerCreate, about(&settings), async move |ctx| {
        let app = ctx.app();
        let servers = app.servers().clone();
        let id = {
            let _changing = servers.changing().await;
            fits(&ctx, None, &settings).await?;
            let own = own::prepare_some(&ctx, (&settings.name, None), login).await?;
            let written = own.as_ref().map(own::Own::written);
            let id = app.store().add_server(&settings, written, ctx.clock().now()).await.map_err(taken)?;
            drop(own);
            servers.show(app.store()).await?;
            id
        };
        // By its tags it may be somebody's from its beginning.
        app.changed();
        get(&ctx, id).await
    })
    .await
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Storage`.
pub async fn change(ctx: &Ctx, id: i64, change: Change, login: Option<OwnLogin>) -> Result<View, Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerChange, id)?;
    if change.redirects() || login.is_some() {
        ctx.authorize_server(Action::ServerRedirect, id)?;
    }
    let mut judged = change.clone().apply(&grant.target().settings);
    check::settings(&mut judged)?;
    let about = about(&judged).with("server", id).with("was", grant.target().settings.name.as_str());
    ctx.audited(Action::ServerChange, about, async move |ctx| {
        let app = ctx.app();
        let servers = app.servers().clone();
        {
            let _changing = servers.changing().await;
            let old = servers.get(id).ok_or(Error::NotFound(What::Thing(Thing::Server, id)))?;
            // As it is now: another change may have come first.
            let mut settings = change.apply(&old.settings);
            check::settings(&mut settings)?;
            fits(&ctx, Some(id), &settings).await?;
            let own = own::prepare_some(&ctx, (&settings.name, Some(&old)), login).await?;
            let written = own.as_ref().map(own::Own::written);
            let now = ctx.clock().now();
            if !app.store().change_server(id, &settings, written, now).await.map_err(taken)? {
                return Err(Error::NotFound(What::Thing(Thing::Server, id)));
            }
            servers.show(app.store()).await?;
        }
        app.changed();
        get(&ctx, id).await
    })
    .await
}

/// Takes a server off the list, and its host keys and grants with it. Sessions that run on it go on.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Conflict`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerRemove, id)?;
    let about = about(&grant.target().settings).with("server", id);
    ctx.audited(Action::ServerRemove, about, async move |ctx| {
        let app = ctx.app();
        let servers = app.servers().clone();
        {
            let _changing = servers.changing().await;
            let known = servers.now();
            let behind = known.servers.values().filter(|one| one.settings.jump == Some(id));
            let behind: Vec<_> = behind.map(|one| one.settings.name.as_str()).take(SAID).collect();
            if !behind.is_empty() {
                let text = format!("it is on the way to {}: change those first", behind.join(", "));
                return Err(Conflict::InUse(text).into());
            }
            if !app.store().remove_server(id).await? {
                return Err(Error::NotFound(What::Thing(Thing::Server, id)));
            }
            servers.show(app.store()).await?;
        }
        app.changed();
        Ok(())
    })
    .await
}

/// As many names as one sentence carries.
const SAID: usize = 5;

fn about(settings: &ServerSettings) -> About {
    About::nothing()
        .with("name", settings.name.as_str())
        .with("host", settings.host.as_str())
        .with("port", settings.port)
        .with("tags", settings.tags.clone())
        .with("jump", settings.jump)
        .with("credential", settings.default_credential)
}

/// What has to fit the other servers. For whoever holds `changing`.
async fn fits(ctx: &Ctx, id: Option<i64>, settings: &ServerSettings) -> Result<(), Error> {
    if let Some(credential) = settings.default_credential
        && ctx.app().store().credential(credential).await?.is_none()
    {
        return Err(Error::Invalid(format!("default_credential_id: there is no credential {credential}")));
    }
    let known = ctx.app().servers().now();
    if known.named(&settings.name).is_some_and(|other| Some(other.id) != id) {
        return Err(Conflict::NameTaken { thing: Thing::Server, name: settings.name.clone() }.into());
    }
    let Some(jump) = settings.jump else { return Ok(()) };
    if !known.servers.contains_key(&jump) {
        return Err(Error::Invalid(format!("jump_id: there is no server {jump}")));
    }
    let way = known.way(Some(jump)).filter(|way| way.iter().all(|one| Some(one.id) != id));
    let Some(way) = way else {
        return Err(Error::Invalid("jump_id: the way would lead back to the server itself".to_owned()));
    };
    // Without the server itself.
    if way.len() >= MAX_HOPS {
        return Err(Error::Invalid(format!("jump_id: at most {} servers on the way", MAX_HOPS - 1)));
    }
    Ok(())
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Taken(name) => Conflict::NameTaken { thing: Thing::Server, name }.into(),
        other => other.into(),
    }
}
