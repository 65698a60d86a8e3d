//! `/api/docs`: the description of the API as a page, with the library's own scripts from this server.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use utoipa_swagger_ui::{Config, serve};

use crate::ask::Id;
use crate::error::Problem;

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");

/// What the page loads. The library brings more, which nobody needs.
const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// They change with the program, and are large.
const KEEP: &str = "private, max-age=86400";

/// `GET /api/docs`.
pub(crate) async fn docs_page() -> Html<&'static str> {
    Html(PAGE)
}

/// `GET /api/docs/{file}`.
pub(crate) async fn docs_file(Id(file): Id<String>) -> Result<Response, Problem> {
    let missing = || Problem::not_found("there is nothing at this address");
    if file == "start.js" {
        return Ok(([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], START).into_response());
    }
    let name = FILES.into_iter().find(|known| *known == file).ok_or_else(missing)?;
    let found =
        serve(name, Arc::new(Config::from("/api/openapi.json"))).ok().flatten().ok_or_else(missing)?;
    let kind = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
    let about =
        [(header::CONTENT_TYPE, format!("{kind}; charset=utf-8")), (header::CACHE_CONTROL, KEEP.to_owned())];
    let mut response = (about, found.bytes.into_owned()).into_response();
    if found.gzpipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
