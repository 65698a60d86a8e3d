//! `/api/pty/sessions` and the JSON form of its WebSocket, as clients of an earlier design of
//! command control speak them. Thin adapters over the use cases of `/api/v1`.

mod answers;

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::Ctx;
use bastide_app::page::Piece;
use bastide_app::recordings::{self, Query};
use bastide_app::sessions::{self, NewSession, OnServer};
use bastide_app::terminal::{Event, Open, Question, Terminal};
use bastide_wire::session::Snapshot;
use bastide_wire::terminal::json::{FromBrowser, Kind, ToBrowser, Utf8Stream};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging, encode};
use crate::sessions::{read_uid, size};
use crate::terminal::close_code;
use crate::typed::Typed;
use crate::websocket::{Received, Socket, code};
use answers::Happened;
pub(crate) use answers::{Events, Full, Recorded, Sessions, Short};

/// What a terminal is sent before a snapshot that replaces what it shows (ECMA-48: RIS).
const RESET: &str = "\u{1b}c";

/// The newest, as many as a list has at most.
const ALL: Piece<Uuid> = Piece { limit: 500, after: None };

/// Fields that this release does not know are ignored, as those clients expect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = CompatSessionCreate)]
pub(crate) struct New {
    shell: Option<String>,
    cols: Option<u16>,
    rows: Option<u16>,
    cwd: Option<String>,
    env: Option<BTreeMap<String, String>>,
    name: Option<String>,
    server_id: Option<Value>,
}

pub(crate) async fn session_list(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<Sessions>, Problem> {
    Ok(axum::Json(Sessions { sessions: newest(&ctx).await? }))
}

/// `/api/sessions`: the same as a bare array.
pub(crate) async fn session_array(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<Vec<Full>>, Problem> {
    Ok(axum::Json(newest(&ctx).await?))
}

/// These clients know no pages.
async fn newest(ctx: &Ctx) -> Result<Vec<Full>, Problem> {
    let (sessions, _) = sessions::list(ctx, None, ALL).await?;
    Ok(sessions.iter().map(Full::from).collect())
}

pub(crate) async fn session_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let server = new.server_id.as_ref().map_or(Ok(None), server)?;
    let size = size(new.cols, new.rows)?;
    let env = new.env.unwrap_or_default();
    let new =
        NewSession { name: new.name, shell: new.shell, cwd: new.cwd, env, size, server, detach_keep: None };
    let session = sessions::create(&ctx, new).await?;
    let place = format!("/api/pty/sessions/{}", session.session.uid);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(Short::from(&session))))
}

/// A number, also one in a text.
fn server(id: &Value) -> Result<Option<OnServer>, Problem> {
    let number = match id {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    match number {
        Some(server) => Ok(Some(OnServer { server, credential: None })),
        None => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "server_id: a server's number"))
        }
    }
}

pub(crate) async fn session_get(
    Extension(ctx): Extension<Ctx>,
    Path(uid): Path<String>,
) -> Result<axum::Json<Full>, Problem> {
    let session = sessions::get(&ctx, read_uid(&uid)?).await?;
    let mut shown = Full::from(&session);
    // Whoever only looks on has not been told it.
    if session.access >= sessions::Access::Own {
        shown.environment = Some(sessions::environment(&ctx, session.session.uid).await?);
    }
    Ok(axum::Json(shown))
}

pub(crate) async fn session_events(
    Extension(ctx): Extension<Ctx>,
    Path(uid): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<Events>, Problem> {
    let uid = read_uid(&uid)?;
    let (events, next) = sessions::events(&ctx, uid, Paging::piece(&page)?).await?;
    let events = events.into_iter().map(|event| Happened::of(uid, event)).collect();
    Ok(axum::Json(Events { events, next: next.map(|id| encode(&id.to_string())) }))
}

/// `/api/recordings`: a bare array.
pub(crate) async fn recording_array(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<Vec<Recorded>>, Problem> {
    let (recordings, _) = recordings::list(&ctx, Query::default(), ALL).await?;
    Ok(axum::Json(recordings.into_iter().map(Recorded::from).collect()))
}

pub(crate) async fn recording_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<axum::Json<Recorded>, Problem> {
    Ok(axum::Json(recordings::get(&ctx, id).await?.into()))
}

pub(crate) async fn session_end(
    Extension(ctx): Extension<Ctx>,
    Path(uid): Path<String>,
) -> Result<StatusCode, Problem> {
    sessions::end(&ctx, read_uid(&uid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One connection in the JSON form.
pub(crate) async fn talk(mut socket: Socket, ctx: Ctx, open: Open) {
    let mut terminal = match Terminal::open(&ctx, open).await {
        Ok(terminal) => terminal,
        Err(error) => {
            let close = close_code(&error);
            let problem = Problem::from(error);
            say(&mut socket, &ctx, Kind::Error, problem.detail()).await;
            return socket.close(close, problem.kind()).await;
        }
    };
    let mut typed = Typed::default();
    let mut output = Output::default();
    loop {
        let going = tokio::select! {
            event = terminal.next() => match event {
                Some(event) => output.tell(&mut socket, &ctx, (event, &terminal, &mut typed)).await,
                None => return socket.close(code::NORMAL, "the session has ended").await,
            },
            // Nothing is typed before the numbers are known. While the program does not read, neither do
            // we: the client feels it.
            received = socket.next_if(typed.open()) => match received {
                Received::Text(text) => hear(&mut socket, &ctx, (&terminal, &mut typed), text.as_str()).await,
                Received::Binary(_) => return socket.close(code::UNSUPPORTED, "text messages only").await,
                Received::Rights => true,
                Received::Over => return,
            },
        };
        if !going {
            return socket.close(code::NORMAL, "closed").await;
        }
    }
}

/// False when the connection is over.
async fn hear(
    socket: &mut Socket,
    ctx: &Ctx,
    (terminal, typed): (&Terminal, &mut Typed),
    text: &str,
) -> bool {
    match FromBrowser::read(text) {
        Ok(FromBrowser::Input { data }) => {
            typed.add(terminal, data);
            true
        }
        Ok(FromBrowser::Resize { cols, rows }) => {
            terminal.resize(cols, rows);
            true
        }
        Ok(FromBrowser::Ping {}) => say(socket, ctx, Kind::Pong, "").await,
        Ok(FromBrowser::Close {}) => {
            say(socket, ctx, Kind::Close, "closed as asked; the session goes on").await;
            false
        }
        // One bad message does not end a terminal.
        Err(error) => say(socket, ctx, Kind::Error, &error.to_string()).await,
    }
}

#[derive(Default)]
struct Output {
    text: Utf8Stream,
    /// A snapshot after the first replaces what is shown.
    shown: bool,
}

impl Output {
    async fn tell(
        &mut self,
        socket: &mut Socket,
        ctx: &Ctx,
        (event, terminal, typed): (Event, &Terminal, &mut Typed),
    ) -> bool {
        match event {
            Event::Output { pos, data } => {
                let text = self.text.push(&data);
                terminal.ack(pos + data.len() as u64);
                text.is_empty() || say(socket, ctx, Kind::Output, &text).await
            }
            Event::Snapshot(snapshot) => {
                let text = self.snapshot(&snapshot);
                say(socket, ctx, Kind::Output, &text).await
            }
            Event::Hello { input, .. } => {
                typed.resume(terminal, input)
                    || say(socket, ctx, Kind::Warning, "input of the last moment may be lost").await
            }
            Event::InputTaken { number } => {
                typed.taken(terminal, number);
                true
            }
            Event::InputRefused { code, .. } if code == "LIMIT_REACHED" => {
                typed.again(terminal);
                say(socket, ctx, Kind::Warning, "waiting for the program to read").await
            }
            Event::InputRefused { number, message, .. } => {
                typed.give_up(number);
                say(socket, ctx, Kind::Error, &message).await
            }
            Event::Notice { text, .. } => say(socket, ctx, Kind::Warning, &text).await,
            // This form has no place for an answer.
            Event::Question(Question::Asked(prompt)) => {
                let words = format!("{} asks: {}", prompt.server, prompt.text);
                say(socket, ctx, Kind::Warning, &words).await
            }
            Event::Question(Question::Closed(_)) => true,
            Event::Waiting { reason } => say(socket, ctx, Kind::Warning, &reason).await,
            Event::Exit(status) => {
                let words = format!("the session ended with exit code {}", status.code);
                say(socket, ctx, Kind::Close, &words).await
            }
            Event::Gone(error) => {
                say(socket, ctx, Kind::Error, &error.to_string()).await;
                false
            }
            Event::Resized { .. } | Event::Lagged { .. } | Event::Viewers(_) => true,
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> String {
        let mut text = if self.shown { RESET.to_owned() } else { String::new() };
        self.shown = true;
        self.text = Utf8Stream::default();
        text.push_str(&self.text.push(snapshot.restore.as_deref().unwrap_or_default()));
        text
    }
}

async fn say(socket: &mut Socket, ctx: &Ctx, kind: Kind, data: &str) -> bool {
    let timestamp = ctx.clock().now().as_millisecond();
    let message = ToBrowser { kind, data, timestamp };
    socket.text(serde_json::to_string(&message).expect("plain fields are JSON")).await
}
