//! Commands and connections for those clients.

use std::time::Duration;

use axum::Extension;
use axum::http::StatusCode;
use bastide_app::exec::{self, Command};
use bastide_app::{Ctx, Error, Forbidden};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;

/// Fields that this release does not know are ignored, as those clients expect.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompatExecute)]
pub(crate) struct New {
    command: String,
    credential_id: Option<i64>,
    /// Seconds.
    timeout: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatExecuted)]
pub(crate) struct Executed {
    /// It exited with status 0.
    success: bool,
    /// -1 when a signal ended it, or it did not end in time.
    exit_status: i64,
    output: String,
    error: String,
    command: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatDisconnected)]
pub(crate) struct Disconnected {
    success: bool,
    message: &'static str,
    connections: usize,
    sessions: usize,
}

pub(crate) async fn server_execute(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(new): Json<New>,
) -> Result<axum::Json<Executed>, Problem> {
    let timeout = new.timeout.map(Duration::from_secs);
    let wait = Some(exec::REVIEW_LIMIT);
    let asked = Command { command: new.command.clone(), credential: new.credential_id, timeout, wait };
    let done = exec::execute(&ctx, id, asked).await.map_err(in_their_words)?;
    let mut error = done.stderr.clone();
    let ended = done
        .ended
        .signal
        .as_ref()
        .map(|signal| format!("ended by signal {signal}"))
        .or(done.ended.why.clone());
    for said in ended.into_iter().chain(done.truncated.then(|| "the output was longer than this".to_owned()))
    {
        if !error.is_empty() && !error.ends_with('\n') {
            error.push('\n');
        }
        error.push_str(&said);
    }
    Ok(axum::Json(Executed {
        success: done.succeeded(),
        exit_status: done.ended.exit_status.map_or(-1, i64::from),
        output: done.stdout,
        error,
        command: new.command,
    }))
}

pub(crate) async fn server_disconnect(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Disconnected>, Problem> {
    let (connections, sessions) = exec::disconnect(&ctx, id).await?;
    Ok(axum::Json(Disconnected { success: true, message: "SSH连接已断开", connections, sessions }))
}

fn in_their_words(error: Error) -> Problem {
    match error {
        Error::Ssh(error) => {
            Problem::new(StatusCode::BAD_GATEWAY, "ssh_failed", format!("SSH连接失败: {error}"))
        }
        Error::Forbidden(Forbidden::Command(refusal)) => {
            Problem::new(StatusCode::FORBIDDEN, "command_refused", refusal.zh())
        }
        Error::Forbidden(Forbidden::NotApproved(told)) => {
            let kind = crate::error::not_approved(&told);
            Problem::new(StatusCode::FORBIDDEN, kind, told.zh())
        }
        other => other.into(),
    }
}
