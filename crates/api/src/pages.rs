//! The files of the web client, inside the program.

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::Problem;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
struct Files;

/// Names under `assets/` hold a hash of what is in the file.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// A file of the client; any other address of a page is the client's own to read.
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::not_found(format!("there is no /{path}")).into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let detail = "this address is a page";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    }
    if path.is_empty() || Files::get(path).is_none() {
        // A missing file is missing; a page's address has no dot in its last part.
        let last = path.rsplit('/').next().unwrap_or_default();
        if last.contains('.') {
            return Problem::not_found(format!("there is no /{path}")).into_response();
        }
        return send(page_of(path), &headers);
    }
    send(path, &headers)
}

/// A page's HTML names the files it begins with; the terminal's are others than those of the rest.
fn page_of(path: &str) -> &'static str {
    const TERMINAL: &str = "terminal.html";
    if path.starts_with("t/") && Files::get(TERMINAL).is_some() { TERMINAL } else { "index.html" }
}

fn send(path: &str, headers: &HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let packed = accepts
        .is_some_and(|list| list.contains("gzip"))
        .then(|| Files::get(&format!("{path}.gz")))
        .flatten();
    let encoding = packed.is_some().then_some((header::CONTENT_ENCODING, "gzip"));
    let Some(file) = packed.or_else(|| Files::get(path)) else {
        return Problem::not_found(format!("there is no /{path}")).into_response();
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = match (kind.type_(), kind.essence_str()) {
        (mime, essence) if mime == "text" => format!("{essence}; charset=utf-8"),
        (_, essence) => essence.to_owned(),
    };
    let keep = if path.starts_with("assets/") { FOR_EVER } else { ASK_AGAIN };
    let about = [
        (header::CONTENT_TYPE, kind.as_str()),
        (header::CACHE_CONTROL, keep),
        (header::VARY, "accept-encoding"),
    ];
    let mut response = (about, file.data.into_owned()).into_response();
    if let Some((name, value)) = encoding {
        response.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}
