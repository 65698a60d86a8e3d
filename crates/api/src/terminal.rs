//! A terminal over a WebSocket: our own binary form by its subprotocols, else the JSON form.

mod packing;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use bastide_app::terminal::{self, Answer, Event, MAX_PIECES, Open, Prompt, Terminal, There};
use bastide_app::{Ctx, DaemonError, Error, Forbidden, Together};
use bastide_wire::session::Snapshot;
use bastide_wire::terminal::binary::{Downstream, FromBrowser, InputPiece, MAX_BODY, Question, ToBrowser};
use bastide_wire::terminal::{SUBPROTOCOL, SUBPROTOCOL_PACKED};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::ask::Asked;
use crate::error::Problem;
use crate::seed_002;
use crate::sessions::read_uid;
use crate::websocket::{Received, Socket, accept, code};
use packing::Packing;

/// What goes over the socket, for the document.
pub(crate) const WORDS: &str = "\
With the subprotocol `bastide.v1` binary messages with byte positions, with `bastide.v1.zstd` packed where that \
pays; without one, JSON messages `input`, \
`resize`, `ping` to the server and `output`, `error`, `close` from it. Close codes: 4401 not logged in, 4403 shown out, \
4404 no such session, 1008 against the protocol, 1012 and 1013 try again.";

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// A name of the page's own choice: the newer connection of a name ends the older.
    client: Option<String>,
    /// The position up to which the page has seen the output: it goes on there.
    from: Option<u64>,
    /// Lines above the screen that a snapshot holds.
    #[serde(default)]
    scrollback: u32,
    /// `1`: look on and do not type.
    #[serde(default)]
    watch: u8,
    /// `1`: this page has not sent any input yet.
    #[serde(default)]
    fresh: u8,
}

pub(crate) async fn terminal(
    Extension(ctx): Extension<Ctx>,
    Path(uid): Path<String>,
    wanted: Result<Asked<Wanted>, Problem>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let session = match read_uid(&uid) {
        Ok(session) => session,
        Err(problem) => return problem.into_response(),
    };
    let Asked(wanted) = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_response(),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL_PACKED, SUBPROTOCOL]),
        Err(e) => return Problem::new(e.status(), "websocket", e.body_text()).into_response(),
    };
    let open = Open {
        session,
        write: wanted.watch == 0,
        from: wanted.from,
        // Without a name there was no connection before.
        fresh: wanted.fresh != 0 || wanted.client.is_none(),
        client: wanted.client.unwrap_or_else(|| Uuid::new_v4().to_string()),
        scrollback: wanted.scrollback,
    };
    let Some(agreed) = upgrade.selected_protocol() else {
        return accept(upgrade, ctx, "terminal websocket (json)", |socket, ctx| {
            seed_002::talk(socket, ctx, open)
        });
    };
    let packing = Packing::new(agreed == SUBPROTOCOL_PACKED);
    accept(upgrade, ctx, "terminal websocket", |socket, ctx| binary(socket, ctx, open, packing))
}

async fn binary(mut socket: Socket, ctx: Ctx, open: Open, packing: Packing) {
    let session = open.session;
    let mut page = Page { session, write: open.write, packing };
    if page.packing.agreed() && !socket.measure().await {
        return;
    }
    let mut terminal = match Terminal::open(&ctx, open).await {
        Ok(terminal) => terminal,
        Err(error) => return sorry(socket, error).await,
    };
    if page.packing.agreed() {
        // The first snapshot is the longest message of most connections.
        socket.measured_within(packing::FAR).await;
    }
    loop {
        tokio::select! {
            event = terminal.next() => match event {
                Some(Event::Gone(error)) => return sorry(socket, error).await,
                Some(event) => {
                    if !page.tell(&mut socket, event).await {
                        return;
                    }
                }
                None => return socket.close(code::NORMAL, "the session has ended").await,
            },
            received = socket.next() => {
                let heard = match received {
                    Received::Text(text) => hear_text(&terminal, text.as_str()),
                    Received::Binary(bytes) => hear_input(&terminal, &bytes),
                    // The terminal itself looks again whether it may be had.
                    Received::Rights => Ok(None),
                    Received::Over => return,
                };
                match heard {
                    Ok(Some(answer)) => {
                        if !say(&mut socket, &answer).await {
                            return;
                        }
                    }
                    Ok(None) => {}
                    Err(message) => {
                        say(&mut socket, &ToBrowser::Error { code: "PROTOCOL_ERROR".to_owned(), message }).await;
                        return socket.close(code::POLICY, "a message against the protocol").await;
                    }
                }
            }
        }
    }
}

/// Errors are words for whoever wrote the client.
fn hear_text(terminal: &Terminal, text: &str) -> Result<Option<ToBrowser>, String> {
    match FromBrowser::read(text).map_err(|e| e.to_string())? {
        FromBrowser::Resize { cols, rows } => terminal.resize(cols, rows),
        FromBrowser::Ack { pos } => terminal.ack(pos),
        FromBrowser::CancelInput {} => terminal.cancel_input(),
        FromBrowser::PromptReply { prompt_id, answer, accept } => {
            let answer = match answer {
                _ if accept => Answer::Accept,
                Some(text) => Answer::Text(text),
                None => Answer::Refuse,
            };
            let said = terminal.answer(prompt_id, answer);
            return said.map(|()| None).map_err(|_| "more answers than questions".to_owned());
        }
        FromBrowser::Ping { t } => return Ok(Some(ToBrowser::Pong { t })),
    }
    Ok(None)
}

fn hear_input(terminal: &Terminal, message: &[u8]) -> Result<Option<ToBrowser>, String> {
    let piece = InputPiece::read(message).map_err(|e| e.to_string())?;
    terminal
        .input(piece.number, Bytes::copy_from_slice(piece.data))
        .map(|()| None)
        .map_err(|_| format!("at most {MAX_PIECES} pieces of input may be under way"))
}

/// What a page's connection keeps between two messages.
struct Page {
    session: Uuid,
    write: bool,
    packing: Packing,
}

impl Page {
    /// False when the other side is gone.
    async fn tell(&mut self, socket: &mut Socket, event: Event) -> bool {
        let message = match event {
            Event::Output { pos, data } => {
                return self.send(socket, Downstream::Output { pos, data: &data }).await;
            }
            Event::Snapshot(snapshot) => return self.snapshot(socket, &snapshot).await,
            Event::Hello { pos, resumed, input } => {
                let session = self.session.to_string();
                ToBrowser::Hello { session, pos, resumed, write: self.write, input }
            }
            Event::Resized { pos, cols, rows } => ToBrowser::Resized { pos, cols, rows },
            Event::Lagged { pos } => ToBrowser::Lagged { pos },
            Event::Notice { kind, text, command } => ToBrowser::Notice { kind, text, command },
            Event::Viewers(There { viewers, write, you }) => ToBrowser::Viewers { viewers, write, you },
            Event::InputTaken { number } => {
                // Mostly the program's answer is on its way already.
                return socket.text_soon(json(&ToBrowser::InputOk { number })).await;
            }
            Event::InputRefused { number, code, message } => {
                ToBrowser::InputRefused { number, code, message }
            }
            Event::Exit(status) => ToBrowser::Exit { code: status.code, signal: status.signal },
            Event::Question(question) => ToBrowser::Question(asked(question)),
            Event::Waiting { reason } => ToBrowser::Waiting { reason },
            Event::Gone(_) => return false,
        };
        say(socket, &message).await
    }

    /// In parts: a connection keeps room for the largest message that it has ever sent.
    async fn snapshot(&mut self, socket: &mut Socket, snapshot: &Snapshot) -> bool {
        let mut rest = snapshot.restore.as_deref().unwrap_or_default();
        while let Some((restore, after)) = rest.split_at_checked(MAX_BODY)
            && !after.is_empty()
        {
            if !self.send(socket, Downstream::Part { restore }).await {
                return false;
            }
            rest = after;
        }
        let pos = snapshot.pos.unwrap_or_default();
        let (cols, rows) = (snapshot.cols, snapshot.rows);
        self.send(socket, Downstream::Snapshot { pos, cols, rows, restore: rest }).await
    }

    async fn send(&mut self, socket: &mut Socket, message: Downstream<'_>) -> bool {
        let message = self.packing.encode(&message, socket.round_trip());
        socket.binary(message).await
    }
}

fn asked(question: terminal::Question) -> Question {
    match question {
        terminal::Question::Asked(prompt) => {
            let Prompt { prompt_id, kind, server, text, echo, expires, key, .. } = *prompt;
            Question::Prompt { prompt_id, kind, server, text, echo, expires, key }
        }
        terminal::Question::Closed(prompt_id) => Question::PromptClosed { prompt_id },
    }
}

async fn say(socket: &mut Socket, message: &ToBrowser) -> bool {
    socket.text(json(message)).await
}

fn json(message: &ToBrowser) -> String {
    serde_json::to_string(message).expect("plain fields are JSON")
}

/// Says why there is no terminal, and closes so that a page knows whether trying again would help.
async fn sorry(mut socket: Socket, error: Error) {
    let code = close_code(&error);
    let problem = Problem::from(error);
    let message = ToBrowser::Error { code: problem.kind().to_owned(), message: problem.detail().to_owned() };
    say(&mut socket, &message).await;
    socket.close(code, problem.kind()).await;
}

pub(crate) fn close_code(error: &Error) -> u16 {
    match error {
        Error::NotLoggedIn | Error::Login(_) => code::NOT_LOGGED_IN,
        Error::NotFound(_) => code::NOT_FOUND,
        Error::Forbidden(Forbidden::Together(Together::ShownOut { .. })) => code::SHOWN_OUT,
        Error::Invalid(_) | Error::Forbidden(_) | Error::Conflict(_) => code::POLICY,
        Error::Limit(_) | Error::Daemon(DaemonError::Unreachable(_)) | Error::Stopping => code::TRY_LATER,
        Error::Daemon(DaemonError::Refused { .. }) | Error::File(_) | Error::Ssh(_) | Error::Storage(_) => {
            code::INTERNAL
        }
    }
}
