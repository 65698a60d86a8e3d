//! Pages of other origins that may call this server (Fetch Standard, CORS protocol): those in the settings, by a token
//! alone. A cookie that such a page's request carries is not looked at, so that no page acts for whoever happens to be
//! logged in.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::Site;

/// Seconds a browser may remember the answer; the longest that all of them take.
const REMEMBER: HeaderValue = HeaderValue::from_static("7200");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, range");
/// What a script may read beside what it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("location, retry-after, x-request-id, content-range");

/// The origin of a page that the settings let in, as it wrote it.
pub(crate) fn friend<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    site.friends().iter().any(|friend| friend.written() == text).then_some(origin)
}

/// The answer to the question that a browser asks before the request itself.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let asks = *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let answer = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, REMEMBER),
    ];
    asks.then(|| (StatusCode::NO_CONTENT, answer).into_response())
}

/// Lets the page read the answer.
pub(crate) fn allow(response: &mut Response, origin: HeaderValue) {
    let said: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        // Another page gets another answer.
        (header::VARY, HeaderValue::from_static("origin")),
    ];
    for (name, value) in said {
        response.headers_mut().insert(name, value);
    }
}
