//! Commands on servers and the connections that they share: `/api/v1/servers/{id}/execute`, `/api/v1/connections`.

use std::time::Duration;

use axum::Extension;
use axum::http::StatusCode;
use bastide_app::Ctx;
use bastide_app::connections::{self, Connections, Pool};
use bastide_app::exec::{self, Command, Executed, REVIEW_LIMIT};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ServerExecute)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// A login shell there reads it.
    #[schema(min_length = 1, max_length = 65536)]
    command: String,
    /// The server's default one when absent.
    credential_id: Option<i64>,
    #[schema(minimum = 1, maximum = 3600, default = 60)]
    timeout_seconds: Option<u64>,
    /// How long the answer may wait for a second person where one has to approve the command; 0: not at all.
    #[schema(minimum = 0, maximum = 3600, default = 600)]
    review_seconds: Option<u64>,
}

impl From<New> for Command {
    fn from(new: New) -> Self {
        let timeout = new.timeout_seconds.map(Duration::from_secs);
        let wait = new.review_seconds.map_or(REVIEW_LIMIT, Duration::from_secs);
        let wait = Some(wait).filter(|wait| !wait.is_zero());
        Self { command: new.command, credential: new.credential_id, timeout, wait }
    }
}

/// How many of each there were.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerDisconnected)]
pub(crate) struct Disconnected {
    pub(crate) connections: usize,
    pub(crate) sessions: usize,
}

/// Which pool a connection is of.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfPool {
    /// `commands` when absent.
    #[serde(default)]
    #[param(inline)]
    pool: Pool,
}

pub(crate) async fn server_execute(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(new): Json<New>,
) -> Result<axum::Json<Executed>, Problem> {
    Ok(axum::Json(exec::execute(&ctx, id, new.into()).await?))
}

pub(crate) async fn server_disconnect(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Disconnected>, Problem> {
    let (connections, sessions) = exec::disconnect(&ctx, id).await?;
    Ok(axum::Json(Disconnected { connections, sessions }))
}

pub(crate) async fn connection_list(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<Connections>, Problem> {
    Ok(axum::Json(connections::list(&ctx).await?))
}

pub(crate) async fn connection_end(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<u64>,
    Asked(of): Asked<OfPool>,
) -> Result<StatusCode, Problem> {
    connections::end(&ctx, of.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
