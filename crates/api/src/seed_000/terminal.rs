//! The terminal of those clients: JSON messages over a WebSocket.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use bastide_app::{Caller, Ctx, Error, Thing, What};
use bastide_wire::terminal::MAX_MESSAGE;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::shell::{Said, Shell, Wanted};
use crate::websocket::{Received, Socket, accept, code};

/// What goes over the socket, for the document.
pub(crate) const WORDS: &str = "\
JSON messages `input{data}`, `resize{rows, cols}` to the server and `connected`, `output{data}`, `error{message}`, \
`exit{message}` from it. `connected` comes when the shell is there. Close codes: 1000 after the shell's exit, 1008 \
after an error message for a refused login, an unknown server or credential, 1011 when there is no SSH connection. The \
shell ends with the socket.";

/// As those clients draw it until they say otherwise.
const SIZE: (u16, u16) = (80, 24);

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Query {
    /// Of the credential to log in with; empty for the server's default one.
    credential_id: Option<String>,
    /// Of an API token or a login.
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromClient {
    Input { data: String },
    Resize { rows: u16, cols: u16 },
    Ping {},
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToClient<'a> {
    Connected { message: &'a str },
    Output { data: &'a str },
    Error { message: &'a str },
    Exit { message: &'a str },
    Pong {},
}

/// `/api/servers/{id}/ssh/terminal`, and its twin.
pub(crate) async fn server_terminal(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    asked: Result<Asked<Query>, Problem>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Asked(asked) = match asked {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    let nobody = matches!(ctx.caller(), Caller::Anonymous);
    if nobody && asked.token.is_none() {
        return Problem::from(Error::NotLoggedIn).into_response();
    }
    let credential = match asked.credential_id.as_deref().map(str::trim) {
        None => {
            return Problem::bad_request("credential_id: which one, or empty for the server's own")
                .into_response();
        }
        Some("") => None,
        Some(id) => match id.parse() {
            Ok(id) => Some(id),
            Err(_) => return Problem::bad_request("credential_id: a number").into_response(),
        },
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(e) => return Problem::new(e.status(), "websocket", e.body_text()).into_response(),
    };
    let wanted = Wanted { server, credential, size: SIZE, name: None, stays: false };
    accept(upgrade, ctx, "terminal websocket (server)", |socket, ctx| talk(socket, ctx, wanted))
}

async fn talk(mut socket: Socket, ctx: Ctx, wanted: Wanted) {
    if matches!(ctx.caller(), Caller::Anonymous) {
        return sorry(socket, "认证失败", code::POLICY).await;
    }
    let mut shell = match Shell::open(&ctx, wanted).await {
        Ok(shell) => shell,
        Err(error) => {
            let (message, close) = refusal(&error);
            return sorry(socket, &message, close).await;
        }
    };
    let close = follow(&mut socket, &mut shell).await;
    shell.leave(&ctx).await;
    if let Some((close, reason)) = close {
        socket.close(close, reason).await;
    }
}

/// How to close; `None` when the client is gone.
async fn follow(socket: &mut Socket, shell: &mut Shell) -> Option<(u16, &'static str)> {
    loop {
        let room = shell.takes_input();
        let going = tokio::select! {
            said = shell.next() => match said {
                Some(Said::Connected) => say(socket, &ToClient::Connected { message: "SSH终端已连接" }).await,
                Some(Said::Output(data)) => say(socket, &ToClient::Output { data: &data }).await,
                Some(Said::Warning(message)) => say(socket, &ToClient::Error { message: &message }).await,
                Some(Said::Ended(how)) => {
                    let message = format!("SSH会话已结束: {how}");
                    say(socket, &ToClient::Exit { message: &message }).await;
                    return Some((code::NORMAL, "the shell has ended"));
                }
                Some(Said::Failed(why)) => {
                    let message = failed(&why);
                    say(socket, &ToClient::Error { message: &message }).await;
                    return Some((code::INTERNAL, "no SSH connection"));
                }
                None => return Some((code::NORMAL, "the shell has ended")),
            },
            received = socket.next_if(room) => match received {
                Received::Text(text) => hear(socket, shell, text.as_str()).await,
                Received::Binary(_) => say(socket, &ToClient::Error { message: "text messages only" }).await,
                // The terminal itself looks again whether it may be had.
                Received::Rights => true,
                Received::Over => return None,
            },
        };
        if !going {
            return None;
        }
    }
}

/// One bad message does not end a terminal. False when the client is gone.
async fn hear(socket: &mut Socket, shell: &mut Shell, text: &str) -> bool {
    if text.len() > MAX_MESSAGE {
        return say(socket, &ToClient::Error { message: "the message is too long" }).await;
    }
    match serde_json::from_str(text) {
        Ok(FromClient::Input { data }) => shell.input(data),
        Ok(FromClient::Resize { rows, cols }) if rows > 0 && cols > 0 => shell.resize(cols, rows),
        Ok(FromClient::Resize { .. }) => {
            return say(socket, &ToClient::Error { message: "rows and cols: at least 1" }).await;
        }
        Ok(FromClient::Ping {}) => return say(socket, &ToClient::Pong {}).await,
        Err(error) => {
            let message = format!("消息无法读取: {error}");
            return say(socket, &ToClient::Error { message: &message }).await;
        }
    }
    true
}

fn failed(why: &str) -> String {
    format!("SSH连接失败: {why}")
}

/// What is said before a terminal was begun, and the close code.
fn refusal(error: &Error) -> (String, u16) {
    match error {
        Error::NotFound(What::Thing(Thing::Server, _)) => ("服务器不存在".to_owned(), code::POLICY),
        Error::NotFound(What::Thing(Thing::Credential, _)) => ("凭据不存在".to_owned(), code::POLICY),
        Error::NotLoggedIn => ("认证失败".to_owned(), code::POLICY),
        Error::Forbidden(_)
        | Error::Invalid(_)
        | Error::NotFound(_)
        | Error::Conflict(_)
        | Error::Login(_) => (error.to_string(), code::POLICY),
        Error::Limit(_)
        | Error::Daemon(_)
        | Error::File(_)
        | Error::Ssh(_)
        | Error::Storage(_)
        | Error::Stopping => (failed(&error.to_string()), code::INTERNAL),
    }
}

async fn sorry(mut socket: Socket, message: &str, close: u16) {
    say(&mut socket, &ToClient::Error { message }).await;
    socket.close(close, "refused").await;
}

async fn say(socket: &mut Socket, message: &ToClient<'_>) -> bool {
    socket.text(serde_json::to_string(message).expect("plain fields are JSON")).await
}
