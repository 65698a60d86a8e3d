//! Errors as problem documents (RFC 9457), with an extra `error` that repeats `detail` for older
//! clients that read that name.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::Error;
use serde_json::{Value, json};

/// What a handler fails with. The request's frame writes the body, because it knows the request id.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The last part of `type`; clients may branch on it.
    kind: &'static str,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The response with its body.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let body = json!({
            "type": format!("urn:bastide:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "error": self.detail,
            "request_id": request_id,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, kind) = match &error {
            Error::NotLoggedIn => (StatusCode::UNAUTHORIZED, "not_logged_in"),
            Error::LinkRefused => (StatusCode::FORBIDDEN, "link_refused"),
            Error::SessionNotFound(_) => (StatusCode::NOT_FOUND, "session_not_found"),
            Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Error::Limit(_) => (StatusCode::SERVICE_UNAVAILABLE, "limit_reached"),
            Error::ReadOnly => (StatusCode::FORBIDDEN, "read_only"),
            Error::DaemonUnreachable(_) => (StatusCode::SERVICE_UNAVAILABLE, "daemon_unreachable"),
            Error::Daemon { .. } => (StatusCode::BAD_GATEWAY, "daemon_refused"),
            Error::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "log_not_writable"),
            Error::File { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "file"),
            Error::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        if status.is_server_error() {
            tracing::warn!(%error, "a request failed");
        }
        Self::new(status, kind, error.to_string())
    }
}

/// The schema of what [`Problem::render`] writes.
pub(crate) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "error", "request_id"],
        "properties": {
            "type": text("`urn:bastide:problem:` and a word that clients may branch on."),
            "title": text("The status in words."),
            "status": { "type": "integer", "format": "int32", "description": "The status of the answer." },
            "detail": text("What went wrong with this request, for people."),
            "error": text("The same as `detail`, for clients that read this name."),
            "request_id": text("The same as the header `x-request-id`; it stands in the server's log."),
        },
    })
}
