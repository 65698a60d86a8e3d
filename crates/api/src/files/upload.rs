//! Files to a server, in pieces.

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bastide_app::Ctx;
use bastide_app::files::{self, Appended, Appending, Begun, New};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, timeout};
use utoipa::ToSchema;

use super::at;
use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;
use crate::server::Pace;

const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// After a refusal the rest of what is being sent is read and thrown away for so long: a browser that is still sending
/// would not see the answer.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UploadNew)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUpload {
    path: String,
    /// Bytes in all.
    size: u64,
    /// A file that is there gives way once the new one is whole.
    #[serde(default)]
    replace: bool,
    /// Tells two contents of one size apart, such as when they were changed. The same file with the same one goes on
    /// where it was.
    #[schema(max_length = 200)]
    tag: Option<String>,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn upload_begin(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(new): Json<NewUpload>,
) -> Result<(StatusCode, axum::Json<Begun>), Problem> {
    let NewUpload { path, size, replace, tag, credential_id } = new;
    let at = at((server, credential_id), &path)?;
    let new = New { at, size, replace, tag: tag.unwrap_or_default() };
    Ok((StatusCode::CREATED, axum::Json(files::begin(&ctx, new).await?)))
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = UploadProgress)]
pub(crate) struct Progress {
    /// Bytes that are on the server.
    offset: u64,
    size: u64,
    /// The file is whole and in its place.
    done: bool,
}

impl IntoResponse for Progress {
    fn into_response(self) -> Response {
        let headers = [(OFFSET, HeaderValue::from(self.offset)), (LENGTH, HeaderValue::from(self.size))];
        (headers, axum::Json(self)).into_response()
    }
}

pub(crate) async fn upload_get(
    Extension(ctx): Extension<Ctx>,
    Id((server, upload)): Id<(i64, String)>,
) -> Result<Progress, Problem> {
    let (offset, size) = files::state(&ctx, server, &upload).await?;
    Ok(Progress { offset, size, done: false })
}

pub(crate) async fn upload_append(
    Extension(ctx): Extension<Ctx>,
    Extension(pace): Extension<Pace>,
    Id((server, upload)): Id<(i64, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Progress, Problem> {
    let offset = headers.get(OFFSET).and_then(|offset| offset.to_str().ok()?.parse().ok());
    let appending = files::append(&ctx, (server, &upload), offset).await?;
    pace.each_piece();
    let sent = pass(appending, body).await;
    let (offset, size, done) = sent?;
    Ok(Progress { offset, size, done })
}

async fn pass(mut appending: Appending, body: Body) -> Result<Appended, Problem> {
    let mut data = body.into_data_stream();
    let mut broken = None;
    let mut taken = true;
    while let Some(piece) = data.next().await {
        match piece {
            Ok(piece) => taken = appending.send(piece).await,
            Err(error) => broken = Some(error.to_string()),
        }
        if !taken || broken.is_some() {
            break;
        }
    }
    let finished = appending.finish().await;
    if finished.is_err() && !taken {
        let rest = async { while data.next().await.is_some_and(|piece| piece.is_ok()) {} };
        // Whoever sends for longer sees a broken connection, and the same answer at the next try.
        drop(timeout(DRAIN, rest).await);
    }
    match (finished, broken) {
        (Ok(_), Some(why)) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body", why)),
        (finished, _) => Ok(finished?),
    }
}

pub(crate) async fn upload_abandon(
    Extension(ctx): Extension<Ctx>,
    Id((server, upload)): Id<(i64, String)>,
) -> Result<StatusCode, Problem> {
    files::abandon(&ctx, server, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}
