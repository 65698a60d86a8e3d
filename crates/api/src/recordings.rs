//! `/api/v1/recordings`.

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::recordings::{self, Chunks, Query, Recording, Text};
use bastide_app::{Ctx, Error};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::page::{Page, Paging, encode};
use crate::range::{self, Part};

/// As asciinema's own files are served.
pub(crate) const CAST: &str = "application/x-asciicast";

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordingList)]
pub(crate) struct List {
    recordings: Vec<Recording>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// Text in the name, the command or the OS user.
    q: Option<String>,
    /// The owner's user name.
    user: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// What the page before gave as `next`.
    cursor: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = CastFormat)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    V3,
    V2,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Form {
    /// Version of the format: `v3`, which is what is stored, or `v2`, which is converted and has no ranges.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// `1`: to be kept as a file.
    #[serde(default)]
    #[param(required = false)]
    download: u8,
}

pub(crate) async fn recording_list(
    Extension(ctx): Extension<Ctx>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<List>, Problem> {
    let Wanted { q, user, limit, cursor } = wanted;
    let piece = Paging::piece(&Page { limit, cursor })?;
    let (recordings, next) = recordings::list(&ctx, Query { text: q, user }, piece).await?;
    Ok(axum::Json(List { recordings, next: next.map(|id| encode(&id.to_string())) }))
}

pub(crate) async fn recording_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<axum::Json<Recording>, Problem> {
    Ok(axum::Json(recordings::get(&ctx, id).await?))
}

pub(crate) async fn recording_cast(
    Extension(ctx): Extension<Ctx>,
    method: Method,
    Id(id): Id<Uuid>,
    Asked(form): Asked<Form>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let text = recordings::open(&ctx, id).await?;
    let mut response = match form.format {
        Format::V3 => stored(&ctx, &text, (&method, &headers)).await?,
        Format::V2 => converted(&ctx, &text, (&method, &headers)).await?,
    };
    let disposition = if form.download != 0 { "attachment" } else { "inline" };
    let about = response.headers_mut();
    about.insert(header::CONTENT_DISPOSITION, value(&format!("{disposition}; filename=\"{id}.cast\"")));
    Ok(response)
}

async fn stored(
    ctx: &Ctx,
    text: &Text,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let (length, tag) = (text.length(), format!("\"{}\"", text.tag()));
    let answer = match range::asked(method, headers, (length, &tag)) {
        Part::Unchanged => StatusCode::NOT_MODIFIED.into_response(),
        Part::None => return Ok(range::beyond("the recording", length)),
        Part::Whole => {
            let body =
                if *method == Method::HEAD { Body::empty() } else { body(text.part(ctx, 0, length).await?) };
            cast((StatusCode::OK, Some(length)), body)
        }
        Part::Bytes { from, to } => {
            let body = body(text.part(ctx, from, to).await?);
            range::part_of(cast((StatusCode::PARTIAL_CONTENT, Some(to - from)), body), (from, to), length)
        }
    };
    Ok(with(answer, [(header::ACCEPT_RANGES, value("bytes")), (header::ETAG, value(&tag))]))
}

/// Its length is known at its end only, so that it has no parts.
async fn converted(
    ctx: &Ctx,
    text: &Text,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let tag = format!("\"{}-v2\"", text.tag());
    let part = range::asked(&Method::HEAD, headers, (0, &tag));
    let answer = match part {
        Part::Unchanged => StatusCode::NOT_MODIFIED.into_response(),
        _ if *method == Method::HEAD => cast((StatusCode::OK, None), Body::empty()),
        _ => cast((StatusCode::OK, None), body(text.converted(ctx).await?)),
    };
    Ok(with(answer, [(header::ACCEPT_RANGES, value("none")), (header::ETAG, value(&tag))]))
}

fn cast((status, length): (StatusCode, Option<u64>), body: Body) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, CAST)], body).into_response();
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

fn with<const N: usize>(mut response: Response, headers: [(HeaderName, HeaderValue); N]) -> Response {
    response.headers_mut().extend(headers);
    response
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, letters and punctuation")
}

/// Read as fast as it is taken. An error ends the connection before the length that was announced, so
/// that nobody takes a part for the whole.
fn body(chunks: Chunks) -> Body {
    Body::from_stream(stream::try_unfold(chunks, async |mut chunks| {
        match chunks.next().await {
            Ok(chunk) => Ok(chunk.map(|chunk| (chunk, chunks))),
            Err(error) => {
                // The connection sends what it has when it has to wait, and is cut with an error at once: what was
                // good goes out first.
                tokio::task::yield_now().await;
                Err::<_, Error>(error)
            }
        }
    }))
}
