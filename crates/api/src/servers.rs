//! `/api/v1/servers`.

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::servers::{
    self, Change, DEFAULT_PLATFORM, DEFAULT_PORT, Filter, NodeChange, SshChange, View,
};
use bastide_app::{Ctx, store};
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
    /// Programs there may use the keys that were logged in with.
    agent_forwarding: Option<bool>,
    /// People are asked about its first host key (so it is where nothing is said); else an administrator has to
    /// add one.
    ask_host_key: Option<bool>,
}

impl New {
    fn settings(self) -> store::ServerSettings {
        let usual = store::SshSettings::default();
        store::ServerSettings {
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
                agent_port: self.node.agent_port,
                brand_id: self.node.brand_id,
                accelerator_id: self.node.accelerator_id,
            },
            ssh: store::SshSettings {
                legacy_algorithms: self.ssh.legacy_algorithms.unwrap_or(usual.legacy_algorithms),
                agent_forwarding: self.ssh.agent_forwarding.unwrap_or(usual.agent_forwarding),
                ask_host_key: self.ssh.ask_host_key.unwrap_or(usual.ask_host_key),
            },
        }
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

impl From<Edit> for Change {
    fn from(edit: Edit) -> Self {
        let Edit { name, host, port, platform, tags, group, notes, jump_id, .. } = edit;
        let EditNode { agent_port, brand_id, accelerator_id } = edit.node;
        let NewSsh { legacy_algorithms, agent_forwarding, ask_host_key } = edit.ssh;
        Self {
            name,
            host,
            port,
            platform,
            tags,
            group,
            notes,
            jump: jump_id,
            default_credential: edit.default_credential_id,
            node: NodeChange { agent_port, brand_id, accelerator_id },
            ssh: SshChange { legacy_algorithms, agent_forwarding, ask_host_key },
        }
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
    let server = servers::create(&ctx, new.settings()).await?;
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
    Ok(axum::Json(servers::change(&ctx, id, edit.into()).await?))
}

pub(crate) async fn server_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    servers::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
