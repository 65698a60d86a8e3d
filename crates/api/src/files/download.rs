//! Files out of a server.

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::files::{self, Chunks, Content, Format};
use bastide_app::{Ctx, Error};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Place, at};
use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::range::{self, Part};

/// Never what it may be: a page of somebody's server must not run here.
const BYTES: &str = "application/octet-stream";

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Packed {
    /// As of other files; the directory's.
    path: Option<String>,
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_content(
    Extension(ctx): Extension<Ctx>,
    method: Method,
    Id(server): Id<i64>,
    Asked(place): Asked<Place>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content = files::open(&ctx, place.at(server)?).await?;
    let (size, tag, name) =
        (content.size(), format!("\"{}\"", content.tag()), attachment(content.name(), ""));
    let part = range::asked(&method, &headers, (size, &tag));
    let mut response = answer(content, (part, method == Method::HEAD)).await;
    let about = response.headers_mut();
    about.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    about.insert(header::ETAG, value(&tag));
    about.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

async fn answer(content: Content, (part, head): (Part, bool)) -> Response {
    let size = content.size();
    match part {
        Part::Unchanged => {
            content.leave().await;
            StatusCode::NOT_MODIFIED.into_response()
        }
        Part::None => {
            content.leave().await;
            range::beyond("the file", size)
        }
        Part::Whole if head => {
            content.leave().await;
            bytes((StatusCode::OK, Some(size)), (BYTES, Body::empty()))
        }
        Part::Whole => bytes((StatusCode::OK, Some(size)), (BYTES, body(content.part(0, size)))),
        Part::Bytes { from, to } => {
            let body = body(content.part(from, to));
            let response = bytes((StatusCode::PARTIAL_CONTENT, Some(to - from)), (BYTES, body));
            range::part_of(response, (from, to), size)
        }
    }
}

pub(crate) async fn file_archive(
    Extension(ctx): Extension<Ctx>,
    method: Method,
    Id(server): Id<i64>,
    Asked(packed): Asked<Packed>,
) -> Result<Response, Problem> {
    let Packed { path, format, credential_id } = packed;
    let at = at((server, credential_id), path.as_deref().unwrap_or_default())?;
    let (name, chunks) = files::archive(&ctx, at, format).await?;
    let body = if method == Method::HEAD { Body::empty() } else { body(chunks) };
    let mut response = bytes((StatusCode::OK, None), (format.media_type(), body));
    let name = attachment(&name, &format!(".{}", format.suffix()));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn bytes((status, length): (StatusCode, Option<u64>), (kind, body): (&'static str, Body)) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, letters and punctuation")
}

/// Read as fast as it is taken. An error ends the connection before the end, so that nobody takes a part for the whole.
fn body(chunks: Chunks) -> Body {
    Body::from_stream(stream::try_unfold(chunks, async |mut chunks| match chunks.next().await {
        Ok(chunk) => Ok(chunk.map(|chunk| (chunk, chunks))),
        Err(error) => {
            // What was good goes out first; the connection is cut at once.
            tokio::task::yield_now().await;
            Err::<_, Error>(error)
        }
    }))
}

/// To be kept as a file of this name (RFC 6266): in ASCII for old clients, and as it is. What would steer something is
/// escaped already, and no separator of directories is left.
fn attachment(name: &[u8], suffix: &str) -> HeaderValue {
    let shown = files::shown(name).replace(['\\', '/'], "_") + suffix;
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = shown.chars().map(plain).collect();
    let mut exact = String::with_capacity(shown.len());
    for byte in shown.bytes() {
        match byte {
            // RFC 8187, section 3.2.1.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => exact.push(char::from(byte)),
            byte => exact.push_str(&format!("%{byte:02X}")),
        }
    }
    value(&format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{exact}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_make_one_header_of_one_line() {
        for (name, header) in [
            ("a b.txt".as_bytes(), "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
            (
                "\u{7528}\".txt".as_bytes(),
                "attachment; filename=\"__.txt\"; filename*=UTF-8''%E7%94%A8%22.txt",
            ),
            (
                b"a\r\nset-cookie: x",
                "attachment; filename=\"a_x0d_x0aset-cookie: x\"; filename*=UTF-8''a_x0d_x0aset-cookie%3A%20x",
            ),
            (b"\xff", "attachment; filename=\"_xff\"; filename*=UTF-8''_xff"),
            (b"..\\..\\x", "attachment; filename=\"..__..__x\"; filename*=UTF-8''..__..__x"),
        ] {
            assert_eq!(attachment(name, "").as_bytes(), header.as_bytes());
        }
    }
}
