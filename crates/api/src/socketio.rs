//! `/socket.io/`: terminals over Socket.IO (protocol 5 over Engine.IO 4), as the front end of an earlier design of
//! model services speaks it.
//!
//! Who asks is known by the request that opens the connection (cookie, bearer token, `?token=`) or by `auth: {token}`
//! of the first packet; nothing is heard from anybody else. So the opening itself is for anybody, and is bounded:
//! so many in a time that whoever says nothing is gone again before more are let in.

mod connection;
mod message;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bastide_app::{App, Caller, Ctx, Error, Shown};
use serde::Deserialize;
use socketioxide::SocketIoBuilder;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use tokio::sync::Semaphore;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};
use utoipa::IntoParams;

use crate::error::Problem;
use crate::server::Site;

/// Where it is mounted; what every client of it asks for.
pub(crate) const PATH: &str = "/socket.io/";

/// One request or message at most, which is also what the opening packet says (`maxPayload`).
const MAX_MESSAGE: u64 = 1_000_000;
/// Messages that wait for a client. Output comes in pieces of 64 KB at most.
const MAX_WAITING: usize = 32;
/// Connections at once, each of which may have a terminal.
const MAX_SOCKETS: usize = 1024;
/// Who has opened a connection says within this time who they are.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Openings within that time by requests that show nobody: so many in all, and so many of one address.
const MAX_OPENINGS: usize = 512;
const MAX_OPENINGS_OF_ONE: usize = 64;

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct SocketIo {
    service: BoxCloneSyncService<Request, Response, Infallible>,
    openings: Arc<Openings>,
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketIo")
    }
}

impl SocketIo {
    pub(crate) fn new(app: &App) -> Self {
        let limit = usize::try_from(MAX_MESSAGE).expect("a million fits");
        let (service, io) = SocketIoBuilder::new()
            .req_path(PATH)
            .max_payload(MAX_MESSAGE)
            .ws_max_message_size(limit)
            .ws_max_frame_size(limit)
            .max_buffer_size(MAX_WAITING)
            .connect_timeout(CONNECT_WITHIN)
            .build_svc();
        let free = Arc::new(Semaphore::new(MAX_SOCKETS));
        let of = app.clone();
        let known = move |socket: SocketRef, TryData(auth): TryData<Option<message::Auth>>| {
            let (app, free) = (of.clone(), Arc::clone(&free));
            async move { admit(&app, &free, (&socket, auth.ok().flatten())).await }
        };
        let begin = async |socket: SocketRef| connection::begin(&socket);
        io.ns("/", begin.with(known));
        let (ending, closing) = (app.shutdown().clone(), io);
        app.tasks().spawn("socket.io", async move {
            ending.draining().await;
            closing.close().await;
        });
        let service = tower::service_fn(move |request: Request| {
            let answer = service.clone().oneshot(request);
            async move { answer.await.map(|answer| answer.map(Body::new)) }
        });
        let service = BoxCloneSyncService::new(service);
        Self { service, openings: Arc::default() }
    }
}

/// A connection that has said who it is, and holds its place.
#[derive(Clone)]
struct Admitted {
    ctx: Ctx,
    place: Arc<tokio::sync::OwnedSemaphorePermit>,
}

/// Why somebody is not let in, as the client is told.
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

async fn admit(
    app: &App,
    free: &Arc<Semaphore>,
    (socket, auth): (&SocketRef, Option<message::Auth>),
) -> Result<(), Refused> {
    let refused = |error: Error| Refused(error.to_string());
    let opened = socket.req_parts().extensions.get::<Ctx>().cloned();
    let opened = opened.ok_or_else(|| refused(Error::NotLoggedIn))?;
    let token = auth.and_then(|auth| auth.token);
    let ctx = match token {
        // Whoever sends a token means it.
        Some(token) => {
            let shown = Shown { cookie: None, bearer: Some(&token) };
            app.context(shown, opened.origin().clone()).await.map_err(refused)?
        }
        None => opened.again().await.map_err(refused)?.ok_or_else(|| refused(Error::NotLoggedIn))?,
    };
    if !matches!(ctx.caller(), Caller::Person(_)) {
        return Err(refused(Error::NotLoggedIn));
    }
    let place = Arc::clone(free).try_acquire_owned();
    let place =
        Arc::new(place.map_err(|_| Refused(format!("{MAX_SOCKETS} connections are open: try later")))?);
    socket.extensions.insert(Admitted { ctx, place });
    Ok(())
}

/// What Engine.IO asks by, for the document; the library reads it.
#[derive(Deserialize, IntoParams)]
#[expect(dead_code, reason = "named for the document only")]
pub(crate) struct Asked {
    /// `4`.
    #[serde(rename = "EIO")]
    protocol: u8,
    /// `polling` or `websocket`.
    transport: String,
    /// Of a connection that has been opened.
    sid: Option<String>,
    /// Of an API token or a login; a cookie, a bearer token or the first packet may show who asks as well.
    token: Option<String>,
}

/// `GET` and `POST` of Engine.IO: opening, polling, sending, and the upgrade to a WebSocket.
pub(crate) async fn transport(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let opens = !query.split('&').any(|pair| pair.starts_with("sid="));
    let nobody = matches!(ctx.caller(), Caller::Anonymous);
    if opens && nobody && !site.socketio.openings.take(ctx.origin().address, Instant::now()) {
        let detail = "too many connections are being opened: try later";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "limit_reached", detail).into_response();
    }
    let Ok(answer) = site.socketio.service.clone().call(request).await;
    if answer.status().is_client_error() || answer.status().is_server_error() {
        return in_words(answer).await;
    }
    answer
}

/// A refusal of the protocol's own, in our form.
async fn in_words(answer: Response) -> Response {
    /// More than any of them says.
    const MAX_WORDS: usize = 4096;
    let status = answer.status();
    let words = to_bytes(answer.into_body(), MAX_WORDS).await.unwrap_or_default();
    let said: Option<serde_json::Value> = serde_json::from_slice(&words).ok();
    let said = said.as_ref().and_then(|said| said["message"].as_str());
    let detail = said.unwrap_or("not a request of Socket.IO over Engine.IO 4").to_owned();
    Problem::new(status, "socketio", detail).into_response()
}

/// When connections were opened by requests that show nobody.
#[derive(Debug, Default)]
struct Openings(Mutex<VecDeque<(Instant, Option<IpAddr>)>>);

impl Openings {
    fn take(&self, from: Option<IpAddr>, now: Instant) -> bool {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while opened.front().is_some_and(|(at, _)| now.duration_since(*at) > CONNECT_WITHIN) {
            opened.pop_front();
        }
        let of_one = opened.iter().filter(|(_, address)| *address == from).count();
        let free = opened.len() < MAX_OPENINGS && of_one < MAX_OPENINGS_OF_ONE;
        if free {
            opened.push_back((now, from));
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_that_say_nothing_are_bounded() {
        let openings = Openings::default();
        let now = Instant::now();
        let from = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        let taken = (0..100).filter(|_| openings.take(from(1), now)).count();
        assert_eq!(taken, MAX_OPENINGS_OF_ONE);
        assert!(openings.take(from(2), now), "others are let in");
        let taken =
            (3..=255).flat_map(|last| [last; 4]).filter(|last| openings.take(from(*last), now)).count();
        assert_eq!(taken, MAX_OPENINGS - MAX_OPENINGS_OF_ONE - 1);
        assert!(
            openings.take(from(1), now + CONNECT_WITHIN + Duration::from_millis(1)),
            "they are gone by then"
        );
    }
}
