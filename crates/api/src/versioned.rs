//! What is only written over the version that was seen: `ETag` out, `If-Match` in (RFC 9110, section 13.1.1).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::Error;
use serde::Serialize;

use crate::error::Problem;

/// With the version as its ETag, for the next change.
pub(crate) fn answer(version: i64, body: impl Serialize) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    let mut response = axum::Json(body).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version that a change was made to.
pub(crate) fn known(headers: &HeaderMap) -> Result<i64, Problem> {
    let known = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            "If-Match: the version that you have changed",
        )
    })?;
    known.trim().trim_matches('"').parse().map_err(|_| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "If-Match: the number of a version")
    })
}

/// Another version holds by now.
pub(crate) fn stale(error: Error) -> Problem {
    match error {
        Error::Conflict(bastide_app::Conflict::ChangedMeanwhile) => {
            Problem::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", error.to_string())
        }
        other => other.into(),
    }
}
