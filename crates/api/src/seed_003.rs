//! `/api/servers` as the front end of an earlier design speaks it: bare arrays, its field names, its times. Its
//! `model_id` of a server is the accelerator's.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::page::Piece;
use bastide_app::servers::{
    self, Change, DEFAULT_PLATFORM, DEFAULT_PORT, Filter, NodeChange, OwnLogin, Status, View,
};
use bastide_app::{Ctx, store};
use bastide_wire::ssh::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;

/// That front end knows no pages.
const ALL: u32 = 10_000;
/// Where its agents listen.
const AGENT_PORT: u16 = 8888;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServer)]
pub(crate) struct Server {
    id: i64,
    name: String,
    host_ip: String,
    port: u16,
    /// Of the default credential.
    username: Option<String>,
    agent_port: u16,
    /// `online` or `offline`; what nobody has looked at is offline.
    status: &'static str,
    last_check: Option<String>,
    created_at: String,
    #[serde(flatten)]
    hardware: Hardware,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerHardware)]
pub(crate) struct Hardware {
    brand_id: Option<i64>,
    model_id: Option<i64>,
    brand_name: Option<String>,
    model_name: Option<String>,
}

impl From<View> for Server {
    fn from(view: View) -> Self {
        Self {
            id: view.id,
            name: view.name,
            host_ip: view.host,
            port: view.port,
            username: view.dialled.username,
            agent_port: view.described.agent_port.unwrap_or(AGENT_PORT),
            status: match view.status {
                Status::Online => "online",
                Status::Offline | Status::Unknown => "offline",
            },
            last_check: view.last_check.map(|at| text(at, "%Y-%m-%d %H:%M:%S.%6f")),
            created_at: text(view.created, "%Y-%m-%d %H:%M:%S"),
            hardware: Hardware {
                brand_id: view.described.brand_id,
                model_id: view.described.accelerator_id,
                brand_name: None,
                model_name: None,
            },
        }
    }
}

/// In UTC, without saying so.
fn text(at: Timestamp, form: &str) -> String {
    at.strftime(form).to_string()
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompatServerCreate)]
pub(crate) struct New {
    name: String,
    host_ip: String,
    username: String,
    #[schema(value_type = Option<String>, write_only)]
    password: Option<Secret>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    port: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    agent_port: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    brand_id: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    model_id: Option<i64>,
}

/// What is left out or empty stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompatServerChange)]
pub(crate) struct Edit {
    name: Option<String>,
    host_ip: Option<String>,
    username: Option<String>,
    #[schema(value_type = Option<String>, write_only)]
    password: Option<Secret>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    port: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    agent_port: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    brand_id: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(value_type = Option<i64>)]
    model_id: Option<i64>,
}

/// Forms send numbers as texts, and nothing as an empty one.
fn number<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    let refuse = |value: &Value| serde::de::Error::custom(format!("{value} is no number"));
    match Value::deserialize(value)? {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => text.trim().parse().map(Some).map_err(|_| refuse(&Value::String(text))),
        other => other.as_i64().map(Some).ok_or_else(|| refuse(&other)),
    }
}

fn port(field: &str, port: Option<i64>) -> Result<Option<u16>, Problem> {
    let read = port.map(u16::try_from).transpose();
    read.map_err(|_| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{field}: 1 to 65535"))
    })
}

/// A password field that nobody has filled in.
fn filled(password: Option<Secret>) -> Option<Secret> {
    password.filter(|password| !password.expose().is_empty())
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerCreated)]
pub(crate) struct Created {
    id: i64,
    message: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatMessage)]
pub(crate) struct Message {
    message: &'static str,
}

pub(crate) async fn server_list(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<Vec<Server>>, Problem> {
    let piece = Piece { limit: ALL, after: None };
    let (mut found, _) = servers::list(&ctx, &Filter::default(), piece).await?;
    found.sort_by_key(|server| server.id);
    Ok(axum::Json(found.into_iter().map(Server::from).collect()))
}

pub(crate) async fn server_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let settings = store::ServerSettings {
        name: new.name,
        host: new.host_ip,
        port: port("port", new.port)?.unwrap_or(DEFAULT_PORT),
        platform: DEFAULT_PLATFORM.to_owned(),
        node: store::NodeSettings {
            agent_port: port("agent_port", new.agent_port)?,
            brand_id: new.brand_id,
            accelerator_id: new.model_id,
        },
        ..store::ServerSettings::default()
    };
    let login = OwnLogin::told(Some(new.username), filled(new.password));
    let server = servers::create(&ctx, settings, login).await?;
    let created = Created { id: server.id, message: "Server created successfully" };
    Ok((StatusCode::CREATED, axum::Json(created)))
}

pub(crate) async fn server_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(edit): Json<Edit>,
) -> Result<axum::Json<Message>, Problem> {
    let change = Change {
        name: edit.name,
        host: edit.host_ip,
        port: port("port", edit.port)?,
        node: NodeChange {
            agent_port: port("agent_port", edit.agent_port)?.map(Some),
            brand_id: edit.brand_id.map(Some),
            accelerator_id: edit.model_id.map(Some),
        },
        ..Change::default()
    };
    let username = edit.username.filter(|name| !name.is_empty());
    servers::change(&ctx, id, change, OwnLogin::told(username, filled(edit.password))).await?;
    Ok(axum::Json(Message { message: "Server updated successfully" }))
}

pub(crate) async fn server_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Message>, Problem> {
    servers::remove(&ctx, id).await?;
    Ok(axum::Json(Message { message: "Server deleted successfully" }))
}
