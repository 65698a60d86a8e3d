//! Paths of an earlier design of network devices: its terminal, which is line mode over a WebSocket. A thin adapter over
//! [`bastide_app::line`]; the words are in [`bastide_wire::line`].

use std::time::Duration;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use bastide_app::line::{Asked, Done, Event, Lines, Stream};
use bastide_app::{Ctx, Error};
use bastide_wire::line;
use bastide_wire::line::{Ended, FromClient, MAX_MESSAGE, Status, ToClient, Told, Waits, Words};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::ask::{self, Id};
use crate::error::Problem;
use crate::websocket::{Received, Socket, accept_up_to, code};

/// What goes over the socket, for the document.
pub(crate) const WORDS: &str = "\
JSON messages. To the server: `connect{credential_id?}`, `command{command, stream?, timeout?}`, `get_history`, \
`interrupt`, `ping`. From it: `terminal_connected{device_id, message, prompt}`, `terminal_error{error}`, \
`command_start{command}`, `command_review{command, review}` while it waits for a second person, \
`command_chunk{command, stream, data}` where the command asks for it, \
`command_output{command, output, status, exit_status, prompt, …}`, `command_history{history}`, `pong`; each with \
`session_id`. A bad message is answered by `terminal_error` and nothing else happens. What runs ends with the socket. \
Close codes: 4401 not logged in, 1008 the right was taken away, 1012 the server stops.";

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Query {
    /// Of the credential to log in with; the server's default one when absent.
    credential_id: Option<i64>,
    /// Of an API token or a login.
    #[allow(dead_code, reason = "read by the request's frame; here for the document")]
    token: Option<String>,
}

/// `/ws/terminal/{device_id}`.
pub(crate) async fn device_terminal(
    Extension(ctx): Extension<Ctx>,
    Id(device): Id<i64>,
    asked: Result<ask::Asked<Query>, Problem>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let credential = match asked {
        Ok(ask::Asked(asked)) => asked.credential_id,
        Err(problem) => return problem.into_response(),
    };
    match upgrade {
        Ok(upgrade) => accept_up_to(MAX_MESSAGE, upgrade, ctx, "line mode websocket", move |socket, _| {
            Talk { socket, device, credential, lines: None }.run()
        }),
        Err(e) => Problem::new(e.status(), "websocket", e.body_text()).into_response(),
    }
}

struct Talk {
    socket: Socket,
    device: i64,
    credential: Option<i64>,
    lines: Option<Lines>,
}

impl Talk {
    async fn run(mut self) {
        loop {
            let going = tokio::select! {
                event = next(&mut self.lines) => self.told(event).await,
                received = self.socket.next() => match received {
                    Received::Text(text) => self.hear(text.as_str()).await,
                    Received::Binary(_) => self.sorry("text messages only").await,
                    Received::Rights => match self.still() {
                        Ok(()) => true,
                        Err(error) => {
                            self.sorry(&error.to_string()).await;
                            return self.socket.close(code::POLICY, "the right was taken away").await;
                        }
                    },
                    Received::Over => false,
                },
            };
            if !going {
                return;
            }
        }
    }

    fn still(&self) -> Result<(), Error> {
        self.lines.as_ref().map_or(Ok(()), |lines| lines.still(self.socket.ctx()))
    }

    /// False when the client is gone.
    async fn hear(&mut self, text: &str) -> bool {
        match FromClient::read(text) {
            Ok(FromClient::Connect { credential_id }) => {
                self.credential = credential_id.or(self.credential);
                self.connect().await.unwrap_or_else(|going| going)
            }
            Ok(FromClient::Command { command, stream, timeout }) => {
                if self.lines.is_none()
                    && let Err(going) = self.connect().await
                {
                    return going;
                }
                let Some(lines) = &mut self.lines else { return true };
                let timeout = timeout.map(Duration::from_secs);
                let asked = Asked { line: command, stream: stream.unwrap_or(false), timeout };
                match lines.line(asked) {
                    Ok(()) => true,
                    Err(error) => self.sorry(&error.to_string()).await,
                }
            }
            Ok(FromClient::GetHistory {}) => {
                let history = self.lines.iter().flat_map(|lines| lines.history().map(str::to_owned));
                let history: Vec<_> = history.collect();
                let history = history.iter().map(String::as_str).collect();
                self.say(Told::CommandHistory { history }).await
            }
            Ok(FromClient::Interrupt {}) => {
                self.lines.iter().for_each(Lines::interrupt);
                true
            }
            Ok(FromClient::Ping {}) => self.say(Told::Pong {}).await,
            Err(error) => self.sorry(&error.to_string()).await,
        }
    }

    /// `Err` when there is no session; whether the client is still there.
    async fn connect(&mut self) -> Result<bool, bool> {
        if self.lines.is_none() {
            match Lines::open(self.socket.ctx(), self.device, self.credential).await {
                Ok(lines) => self.lines = Some(lines),
                Err(error) => return Err(self.sorry(&error.to_string()).await),
            }
        }
        let prompt = self.lines.as_ref().map(|lines| lines.prompt().to_owned()).unwrap_or_default();
        let message = format!("Connected to {}", prompt.split(':').next().unwrap_or_default());
        let device_id = self.device;
        Ok(self.say(Told::TerminalConnected { device_id, message: &message, prompt: &prompt }).await)
    }

    /// False when the client is gone.
    async fn told(&mut self, event: Option<Event>) -> bool {
        match event {
            Some(Event::Started { line }) => self.say(Told::CommandStart { command: &line }).await,
            Some(Event::Waiting { line, held }) => {
                let rule = held.rule.as_deref();
                let review =
                    Waits { id: held.review, rule, expires: held.expires.to_string(), message: waits(rule) };
                self.say(Told::CommandReview { command: &line, review }).await
            }
            Some(Event::Chunk { line, stream, text }) => {
                let stream = match stream {
                    Stream::Output => line::Stream::Stdout,
                    Stream::Errors => line::Stream::Stderr,
                };
                self.say(Told::CommandChunk { command: &line, stream, data: &text }).await
            }
            Some(Event::Ended(done)) => self.ended(&done).await,
            Some(Event::Over(why)) => {
                let going = self.sorry(&why).await;
                self.lines = None;
                going
            }
            None => {
                self.lines = None;
                true
            }
        }
    }

    async fn ended(&mut self, done: &Done) -> bool {
        let refusal = done.refusal.as_ref();
        let ended = Ended {
            exit_status: done.exit_status,
            signal: done.signal.as_deref(),
            error: done.error.as_deref(),
            refusal: refusal.map(|text| Words { en: text.en.clone(), zh: text.zh.clone() }),
            truncated: done.truncated,
            prompt: &done.prompt,
        };
        let status = if done.succeeded() { Status::Success } else { Status::Error };
        let (command, output) = (done.line.as_str(), done.output.as_str());
        self.say(Told::CommandOutput { command, output, status, ended }).await
    }

    async fn sorry(&mut self, error: &str) -> bool {
        self.say(Told::TerminalError { error }).await
    }

    async fn say(&mut self, what: Told<'_>) -> bool {
        let session_id: Option<Uuid> = self.lines.as_ref().map(Lines::uid);
        let text = serde_json::to_string(&ToClient { what, session_id });
        self.socket.text(text.expect("plain fields are JSON")).await
    }
}

/// For whom.
fn waits(rule: Option<&str>) -> Words {
    let (en, zh) = match rule {
        Some(rule) => (format!(" (rule {rule})"), format!(" (规则 {rule})")),
        None => Default::default(),
    };
    Words {
        en: format!("waiting for a reviewer or an administrator to approve this command{en}"),
        zh: format!("正在等待审批人或管理员批准此命令{zh}"),
    }
}

/// Never, while there is no session.
async fn next(lines: &mut Option<Lines>) -> Option<Event> {
    match lines {
        Some(lines) => lines.next().await,
        None => std::future::pending().await,
    }
}
