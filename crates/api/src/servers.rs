//! `/api/v1/servers`.

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::servers::{
    self, Change, DEFAULT_PLATFORM, DEFAULT_PORT, Filter, NodeChange, OwnLogin, SshChange, View,
};
use bastide_app::{Ctx, store};
use bastide_wire::ssh::Secret;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging, encode};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerList)]
pub(crate) struct List {
    servers: Vec<View>,
    /// Where the next piece begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// Only those with this in their name, host or a tag.
    q: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those that stand there in lists.
    group: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// Unique, whatever its case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// A name to resolve or an address; IPv6 without brackets.
    #[schema(min_length = 1, max_length = 253)]
    host: String,
    #[schema(minimum = 1, default = 22)]
    port: Option<u16>,
    /// `linux` where it is not said.
    platform: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    group: Option<String>,
    notes: Option<String>,
    /// The server on the way to it.
    jump_id: Option<i64>,
    /// What people log in with there unless something else is granted to them.
    default_credential_id: Option<i64>,
    #[serde(flatten)]
    node: NewNode,
    #[serde(flatten)]
    ssh: NewSsh,
    #[serde(flatten)]
    login: Login,
}

/// They make a default credential of the server's own, or change it where nothing else uses it. Never shown again.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerLogin)]
pub(crate) struct Login {
    username: Option<String>,
    /// Asked for each time where there is none.
    #[schema(value_type = Option<String>, write_only)]
    password: Option<Secret>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerCreateNode)]
pub(crate) struct NewNode {
    agent_port: Option<u16>,
    brand_id: Option<i64>,
    accelerator_id: Option<i64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerCreateSsh)]
pub(crate) struct NewSsh {
    /// Old algorithms are offered too, after the modern ones.
    legacy_algorithms: Option<bool>,
    /// Programs there may use an agent: in terminals one with the key of the login, in commands by `ssh -A` through the
    /// SSH door the client's own.
    agent_forwarding: Option<bool>,
    /// People are asked about its first host key (so it is where nothing is said); else an administrator has to
    /// add one.
    ask_host_key: Option<bool>,
}

impl New {
    fn read(self) -> (store::ServerSettings, Option<OwnLogin>) {
        let usual = store::SshSettings::default();
        let Self { node, ssh, login, .. } = self;
        let settings = store::ServerSettings {
            name: self.name,
            host: self.host,
            port: self.port.unwrap_or(DEFAULT_PORT),
            platform: self.platform.unwrap_or_else(|| DEFAULT_PLATFORM.to_owned()),
            tags: self.tags,
            group: self.group,
            notes: self.notes,
            jump: self.jump_id,
            default_credential: self.default_credential_id,
            node: store::NodeSettings {
                agent_port: node.agent_port,
                brand_id: node.brand_id,
                accelerator_id: node.accelerator_id,
            },
            ssh: store::SshSettings {
                legacy_algorithms: ssh.legacy_algorithms.unwrap_or(usual.legacy_algorithms),
                agent_forwarding: ssh.agent_forwarding.unwrap_or(usual.agent_forwarding),
                ask_host_key: ssh.ask_host_key.unwrap_or(usual.ask_host_key),
            },
        };
        (settings, OwnLogin::told(login.username, login.password))
    }
}

/// What is left out stays; `null` takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    name: Option<String>,
    host: Option<String>,
    #[schema(minimum = 1)]
    port: Option<u16>,
    platform: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    group: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    jump_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    default_credential_id: Option<Option<i64>>,
    #[serde(flatten)]
    node: EditNode,
    #[serde(flatten)]
    ssh: NewSsh,
    #[serde(flatten)]
    login: Login,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerChangeNode)]
pub(crate) struct EditNode {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u16>)]
    agent_port: Option<Option<u16>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    brand_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    accelerator_id: Option<Option<i64>>,
}

/// Tells `null` from nothing at all.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(value).map(Some)
}

impl Edit {
    fn read(self) -> (Change, Option<OwnLogin>) {
        let Self { name, host, port, platform, tags, group, notes, .. } = self;
        let Self { jump_id, default_credential_id, node, ssh, login, .. } = self;
        let EditNode { agent_port, brand_id, accelerator_id } = node;
        let NewSsh { legacy_algorithms, agent_forwarding, ask_host_key } = ssh;
        let change = Change {
            name,
            host,
            port,
            platform,
            tags,
            group,
            notes,
            jump: jump_id,
            default_credential: default_credential_id,
            node: NodeChange { agent_port, brand_id, accelerator_id },
            ssh: SshChange { legacy_algorithms, agent_forwarding, ask_host_key },
        };
        (change, OwnLogin::told(login.username, login.password))
    }
}

pub(crate) async fn server_list(
    Extension(ctx): Extension<Ctx>,
    Asked(Wanted { q, tag, group, limit, cursor }): Asked<Wanted>,
) -> Result<axum::Json<List>, Problem> {
    let piece = Paging::piece(&Page { limit, cursor })?;
    let filter = Filter { text: q, tag, group };
    let (servers, next) = servers::list(&ctx, &filter, piece).await?;
    Ok(axum::Json(List { servers, next: next.as_deref().map(encode) }))
}

pub(crate) async fn server_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let (settings, login) = new.read();
    let server = servers::create(&ctx, settings, login).await?;
    let place = format!("/api/v1/servers/{}", server.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(server)))
}

pub(crate) async fn server_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<View>, Problem> {
    Ok(axum::Json(servers::get(&ctx, id).await?))
}

pub(crate) async fn server_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(edit): Json<Edit>,
) -> Result<axum::Json<View>, Problem> {
    let (change, login) = edit.read();
    Ok(axum::Json(servers::change(&ctx, id, change, login).await?))
}

pub(crate) async fn server_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    servers::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
