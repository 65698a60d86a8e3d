//! One channel, from its opening to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use bastide_app::servers::{self, View};
use bastide_app::sessions::OnServer;
use bastide_app::streams::{self, ClientAgent, Run, To};
use bastide_app::{Conflict, Ctx, Error};
use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;
use tokio::sync::OwnedSemaphorePermit;

use crate::inbox::{Event, Inbox};
use crate::menu::{self, Choice};
use crate::name::Target;
use crate::peer::{End, FAILED, Gone, Peer};
use crate::{command, sftp, terminal};

/// RFC 4254 section 6.5.
pub(crate) const SFTP: &str = "sftp";
/// The server that this machine is for administrators, where none has that name.
pub(crate) const HERE: &str = "local";
/// More than any client sends.
const MAX_ENV: usize = 64;

/// Who came through which channel.
pub(crate) struct Visit {
    pub(crate) ctx: Ctx,
    pub(crate) target: Target,
    pub(crate) peer: Peer,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) _place: OwnedSemaphorePermit,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.inbox.abandon();
    }
}

/// What a client has asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// A terminal of this size.
    pub(crate) pty: Option<(u16, u16)>,
    pub(crate) env: BTreeMap<String, String>,
    agent: Option<ClientAgent>,
    start: Option<Event>,
}

/// Variables that are passed on: those of language, which OpenSSH takes too, and a few that change no more than how
/// something looks. Others could change what a command is, past the rules that judge it.
pub(crate) fn takes_variable(name: &str) -> bool {
    const MAX: usize = 64;
    let known = matches!(name, "LANG" | "LANGUAGE" | "COLORTERM" | "NO_COLOR" | "TZ" | "GIT_PROTOCOL");
    let language = name.strip_prefix("LC_").is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    known || (language && name.len() <= MAX)
}

/// A session channel: a shell, a command or a subsystem.
pub(crate) async fn session(visit: Visit) {
    let Some(asked) = asked(&visit.inbox).await else { return };
    let end = match serve(&visit, asked).await {
        Ok(end) => end,
        Err(Failed::Gone) => return,
        Err(Failed::Why(error)) => match visit.peer.say(&why(&error)).await {
            Ok(()) => FAILED,
            Err(Gone) => return,
        },
    };
    visit.peer.end(end).await;
}

/// Why a channel could not do what it was asked for.
pub(crate) enum Failed {
    /// The client has left.
    Gone,
    Why(Error),
}

impl From<Gone> for Failed {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Why(error)
    }
}

/// For a person at a shell, who names no fields of a form.
pub(crate) fn why(error: &Error) -> String {
    let text = error.to_string();
    match error {
        Error::Invalid(_) => text.strip_prefix("credential_id: ").map(str::to_owned).unwrap_or(text),
        _ => text,
    }
}

/// Up to what is to be started; `None` when the client leaves before.
async fn asked(inbox: &Inbox) -> Option<Asked> {
    let mut asked = Asked::default();
    loop {
        match inbox.next().await? {
            Event::Pty(size) => asked.pty = Some(size),
            Event::Env { name, value } => {
                if asked.env.len() < MAX_ENV {
                    asked.env.insert(name, value);
                }
            }
            Event::Agent(agent) => asked.agent = Some(agent),
            start @ (Event::Shell | Event::Exec(_) | Event::Subsystem(_)) => {
                asked.start = Some(start);
                return Some(asked);
            }
            // Nobody is there yet to read it.
            Event::Data(_) | Event::Eof => {}
        }
    }
}

async fn serve(visit: &Visit, mut asked: Asked) -> Result<End, Failed> {
    match asked.start.take() {
        Some(Event::Exec(line)) => match String::from_utf8(line) {
            Ok(line) => execute(visit, asked, line).await,
            Err(_) => Err(Error::Invalid("a command is UTF-8 text here".to_owned()).into()),
        },
        Some(Event::Subsystem(_)) => {
            let on = on_server(&visit.ctx, &visit.target).await?;
            sftp::serve(visit, on).await
        }
        _ => shell(visit, asked).await,
    }
}

async fn shell(visit: &Visit, asked: Asked) -> Result<End, Failed> {
    let choice = match &visit.target {
        Target::Session(uid) => Choice::Session(menu::running(&visit.ctx, uid).await?),
        Target::Server { name, .. } if is_here(&visit.ctx, name).await => Choice::Here,
        target @ Target::Server { .. } => Choice::Server(on_server(&visit.ctx, target).await?),
        Target::Menu if asked.pty.is_none() => return Err(nowhere().into()),
        Target::Menu => match menu::choose(visit).await? {
            Some(choice) => choice,
            None => return Ok(End::Status(0)),
        },
    };
    match asked.pty {
        Some(size) => terminal::serve(visit, (choice, size), (asked.env, None)).await,
        None => without_terminal(visit, choice, asked).await,
    }
}

/// `ssh host < script`: the account's own shell reads what comes.
async fn without_terminal(visit: &Visit, choice: Choice, asked: Asked) -> Result<End, Failed> {
    match choice {
        // The rules judge it as what it is: a shell that reads its commands from its input.
        Choice::Server(on) => {
            let run = Run {
                command: "exec \"${SHELL:-/bin/sh}\" -l".to_owned(),
                env: asked.env.into_iter().collect(),
                agent: asked.agent,
            };
            command::run(visit, on, run).await
        }
        Choice::Here | Choice::Session(_) => {
            Err(Error::Invalid("this needs a terminal: use ssh -t".to_owned()).into())
        }
    }
}

async fn execute(visit: &Visit, asked: Asked, line: String) -> Result<End, Failed> {
    let on = on_server(&visit.ctx, &visit.target).await?;
    match asked.pty {
        Some(size) => terminal::serve(visit, (Choice::Server(on), size), (asked.env, Some(line))).await,
        None => {
            let env = asked.env.into_iter().collect();
            command::run(visit, on, Run { command: line, env, agent: asked.agent }).await
        }
    }
}

/// A connection further on: `-L`, `-D`, `-W`, `-J`.
pub(crate) async fn forward(visit: Visit, (host, port): (String, u16), reply: ChannelOpenHandle) {
    let opened = match to(&visit.ctx, &visit.target, (&host, port)).await {
        Ok((on, to)) => streams::forward(&visit.ctx, on, to).await,
        Err(error) => Err(streams::nowhere(&visit.ctx, (&host, port), error).await),
    };
    match opened {
        Ok(stream) => {
            reply.accept().await;
            command::pass(&visit, stream).await;
            visit.peer.end(End::Plain).await;
        }
        Err(error) => {
            tracing::info!(%error, "a connection through the ssh door was refused");
            reply
                .reject(match error {
                    Error::Ssh(_) => ChannelOpenFailure::ConnectFailed,
                    Error::Limit(_) | Error::Conflict(Conflict::TooMany(_)) => {
                        ChannelOpenFailure::ResourceShortage
                    }
                    _ => ChannelOpenFailure::AdministrativelyProhibited,
                })
                .await;
        }
    }
}

/// From where a connection goes on. With a server in the user name from there; without one (`-J gateway`) what is
/// named has to be a server here, and is reached as any command there is: from itself to its own port.
async fn to<'a>(
    ctx: &Ctx,
    target: &Target,
    (host, port): (&'a str, u16),
) -> Result<(OnServer, To<'a>), Error> {
    if let Target::Server { .. } = target {
        return Ok((on_server(ctx, target).await?, To::Place(host, port)));
    }
    let ctx = ctx.again().await?.ok_or(Error::NotLoggedIn)?;
    let server = servers::at(&ctx, host, port).await?;
    Ok((OnServer { server: server.id, credential: None }, To::Itself))
}

async fn is_here(ctx: &Ctx, name: &str) -> bool {
    name.eq_ignore_ascii_case(HERE) && servers::find(ctx, name).await.is_err()
}

async fn on_server(ctx: &Ctx, target: &Target) -> Result<OnServer, Error> {
    // The connection may be hours old.
    let ctx = ctx.again().await?.ok_or(Error::NotLoggedIn)?;
    let Target::Server { name, credential } = target else { return Err(nowhere()) };
    if is_here(&ctx, name).await {
        return Err(Error::Invalid("on the gateway itself there are terminals only".to_owned()));
    }
    let server = servers::find(&ctx, name).await.map_err(|error| match error {
        Error::NotFound(_) => Error::Invalid(format!("there is no server {name:?}, or it is not for you")),
        other => other,
    })?;
    let credential = match credential {
        None => None,
        Some(name) => Some(named(&ctx, &server, name).await?),
    };
    Ok(OnServer { server: server.id, credential })
}

async fn named(ctx: &Ctx, server: &View, name: &str) -> Result<i64, Error> {
    let own = server.credentials.iter().find(|one| one.name == name).map(|one| one.id);
    match own {
        Some(id) => Ok(id),
        None => bastide_app::credentials::named(ctx, name).await,
    }
}

fn nowhere() -> Error {
    Error::Invalid(
        "to which server? ssh person+server@gateway; without one there is a list, in a terminal".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_language_pass_and_those_that_change_commands_do_not() {
        for name in ["LANG", "LC_ALL", "LC_TIME", "TZ", "COLORTERM"] {
            assert!(takes_variable(name), "{name}");
        }
        for name in ["PATH", "LD_PRELOAD", "BASH_ENV", "ENV", "LC_", "LC_x=1", "", "IFS", "PS1"] {
            assert!(!takes_variable(name), "{name}");
        }
    }
}
