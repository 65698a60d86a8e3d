//! What stands around every request: its id, its trace, who asks, from where, and the headers that
//! keep a browser careful.

use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bastide_app::{Action, Caller, Ctx, Error, Origin, Shown, exec};
use tokio::time::timeout;
use uuid::Uuid;

use crate::cors;
use crate::error::Problem;
use crate::metrics::Answered;
use crate::server::{ANSWER_WITHIN, PeerAddress, Site};
use crate::socketio;

/// More than any library says about a request.
const MAX_WORDS: usize = 4096;

/// How the paths end that run a command.
const EXECUTE: &str = "/execute";

/// How the path ends that pieces of a file are sent to.
const PIECE: &str = "/files/uploads/{upload}";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scripts, connections and pictures only from here; nobody frames us. Styles may stand in the page,
/// because the terminal and the components write theirs at run time. The player of recordings draws with
/// WebAssembly from its own file, which needs a word of its own; it allows no script that is made at run time.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    // Of what is somebody's own; files of the page say otherwise.
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with it a browser sends the login form without its origin.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Headers that a problem's own handler may have set.
const KEPT: [HeaderName; 2] = [header::ALLOW, header::CONTENT_RANGE];

/// The outermost layer.
pub(crate) async fn around(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = Uuid::now_v7().simple().to_string();
    // A request cannot be looked at by two threads: what is needed of it is taken out before the wait.
    let asks = (shown(&site, &request), origin(&request, &request_id), tells_refusals(&request));
    let ctx = caller(&site, asks).await;
    let method = request.method().clone();
    // Without its query: that of a login link is a secret.
    let path = told(request.uri().path()).to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let friend = cors::friend(&site, request.headers()).cloned();

    let response = if let Some(answer) =
        cors::preflight(&method, request.headers()).filter(|_| friend.is_some())
    {
        answer
    } else if from_elsewhere(&site, &method, request.headers()) {
        Problem::new(StatusCode::FORBIDDEN, "origin", "this request comes from another site").into_response()
    } else {
        match ctx {
            Ok(ctx) => {
                request.extensions_mut().insert(ctx);
                next.run(request).await
            }
            Err(error) => Problem::from(error).into_response(),
        }
    };
    let mut response = in_our_form(response).await;
    let problem = response.extensions().get::<Problem>().cloned();
    let took = began.elapsed();
    site.measures.answered(&Answered {
        method: &method,
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status(),
        problem: problem.as_ref().map(Problem::kind),
        took,
    });
    if let Some(problem) = problem {
        let mut rendered = problem.render(&request_id);
        for name in KEPT {
            if let Some(value) = response.headers().get(&name) {
                rendered.headers_mut().insert(name, value.clone());
            }
        }
        response = rendered;
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(origin) = friend {
        cors::allow(&mut response, origin);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    tracing::info!(
        request_id,
        %method,
        path,
        status = response.status().as_u16(),
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// Cookie and token.
type Showing = (Option<String>, Option<String>);

/// Who asks, by what the request shows; nobody instead of a refusal where that is told later.
async fn caller(
    site: &Site,
    (shown, origin, told_later): (Result<Showing, Error>, Origin, bool),
) -> Result<Ctx, Error> {
    let ctx = match shown {
        Ok((cookie, bearer)) => {
            let shown = Shown { cookie: cookie.as_deref(), bearer: bearer.as_deref() };
            site.app.context(shown, origin.clone()).await
        }
        Err(error) => Err(error),
    };
    match ctx {
        Err(Error::NotLoggedIn) if told_later => Ok(site.app.anonymous(origin)),
        other => other,
    }
}

/// A path as the log may tell it: that of a share's page ends with its secret.
fn told(path: &str) -> &str {
    const SHARE: &str = "/s/";
    if path.starts_with(SHARE) { SHARE } else { path }
}

/// A refusal that a library has written, as a problem: clients find all errors in one form. What has
/// a form of its own (a page) stays.
async fn in_our_form(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let refusal = status.is_client_error() || status.is_server_error();
    let plain = kind.is_none_or(|kind| kind.starts_with("text/plain"));
    if !refusal || !plain || response.extensions().get::<Problem>().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let words = to_bytes(body, MAX_WORDS).await.unwrap_or_default();
    let words = match String::from_utf8_lossy(&words) {
        words if words.is_empty() => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        words => words.into_owned(),
    };
    let kind = match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::PAYLOAD_TOO_LARGE => "body",
        StatusCode::SERVICE_UNAVAILABLE => "timeout",
        _ => "refused",
    };
    let mut problem = Problem::new(status, kind, words).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// How long an answer may take: a command has its own limits, which are longer.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    if request.method() == Method::PATCH && route.is_some_and(|route| route.as_str().ends_with(PIECE)) {
        // Each part of the body has its own deadline, and so has each answer of the server that it goes to.
        return next.run(request).await;
    }
    let limit = match route.is_some_and(|route| route.as_str().ends_with(EXECUTE)) {
        true => ANSWER_WITHIN + exec::LONGEST_REVIEW + exec::LONGEST,
        false => ANSWER_WITHIN,
    };
    match timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "this took too long").into_response()
        }
    }
}

/// Lets only those pass who are logged in.
pub(crate) async fn logged_in(request: Request, next: Next) -> Response {
    let known =
        request.extensions().get::<Ctx>().is_some_and(|ctx| matches!(ctx.caller(), Caller::Person(_)));
    if known { next.run(request).await } else { Problem::from(Error::NotLoggedIn).into_response() }
}

/// Lets only those pass whose role lets them do this.
pub(crate) async fn with_role(action: Action, request: Request, next: Next) -> Response {
    let asked = match request.extensions().get::<Ctx>() {
        Some(ctx) => ctx.role_allows(action),
        None => Err(Error::NotLoggedIn),
    };
    match asked {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Where a request came from.
fn origin(request: &Request, request_id: &str) -> Origin {
    Origin {
        request_id: request_id.into(),
        address: request.extensions().get::<PeerAddress>().map(|peer| peer.0),
        agent: request
            .headers()
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .map(Into::into),
    }
}

/// Cookie and token of a request. A token counts before a cookie: whoever sends one means it.
fn shown(site: &Site, request: &Request) -> Result<Showing, Error> {
    let headers = request.headers();
    let bearer = match headers.get(header::AUTHORIZATION) {
        // Another scheme, or nothing readable, is no login of ours.
        Some(value) => Some(bearer(value).ok_or(Error::NotLoggedIn)?),
        None => token_in_query(request),
    };
    let cookie = cookie(headers, site.app.cookie_name()).filter(|_| cors::friend(site, headers).is_none());
    Ok((cookie.map(str::to_owned), bearer.map(str::to_owned)))
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// WebSocket clients in a browser can set no header: `?token=` is for them and Socket.IO's alone, because
/// addresses are written into logs of proxies.
fn token_in_query(request: &Request) -> Option<&str> {
    if !request.headers().contains_key(header::UPGRADE) && request.uri().path() != socketio::PATH {
        return None;
    }
    let pairs = request.uri().query()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "token").map(|(_, token)| token)
}

/// Sockets that clients of an earlier design open: they show what is said over them, and nothing of a refused upgrade.
fn tells_refusals(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let those = route.is_some_and(|route| route.starts_with("/api/servers/{id}/ssh/terminal"));
    those && request.headers().contains_key(header::UPGRADE)
}

/// The value of one cookie (RFC 6265, section 5.4).
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Whether a page of another site sent this. Programs other than browsers send no origin; browsers
/// send one with everything that can change something, and with every WebSocket.
fn from_elsewhere(site: &Site, method: &Method, headers: &HeaderMap) -> bool {
    let changes = !matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(header::UPGRADE);
    if !changes {
        return false;
    }
    if cors::friend(site, headers).is_some() {
        return false;
    }
    match headers.get(header::ORIGIN) {
        None => headers.get("sec-fetch-site").is_some_and(|from| from != "same-origin" && from != "none"),
        Some(origin) => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let ours = site.public_authority().or(host);
            let named = origin.to_str().ok().and_then(scheme_and_authority);
            // The plain page of our own name is not ours: anybody on the way can have written it.
            named.is_none_or(|(https, authority)| Some(authority) != ours || (site.https() && !https))
        }
    }
}

/// Whether an origin is one of TLS, and of which host (RFC 6454, section 6.2).
fn scheme_and_authority(origin: &str) -> Option<(bool, &str)> {
    let (https, authority) = match origin.strip_prefix("https://") {
        Some(authority) => (true, authority),
        None => (false, origin.strip_prefix("http://")?),
    };
    Some((https, authority.strip_suffix('/').unwrap_or(authority)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_does_not_tell_the_secret_of_a_share() {
        assert_eq!(told("/s/0123456789abcdef"), "/s/");
        assert_eq!(told("/api/v1/sessions/x"), "/api/v1/sessions/x");
        assert_eq!(told("/settings"), "/settings");
    }
}
