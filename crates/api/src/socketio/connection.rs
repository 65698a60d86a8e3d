//! One connection: its events in, its terminal out, in one task.

use std::future::ready;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bastide_app::{Caller, Ctx, sessions};
use serde::Serialize;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::{SendError, SocketError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::message::{Connect, Failed, Input, Output, Resize, Status};
use super::{Admitted, MAX_MESSAGE};
use crate::shell::{Said, Shell, Wanted};

/// What is asked for and not yet done: a person clicks, a program may be quick.
const MAX_ASKED: usize = 64;
/// Messages of typing that wait; a person types some ten keys a second.
const MAX_TYPED: usize = 256;
/// And so many bytes of them: one message of the largest size.
const MAX_TYPED_BYTES: usize = MAX_MESSAGE as usize;
/// Events a second, on average over [`BURST`] of them. A program that types key by key stays below.
const EVENTS_PER_SECOND: f64 = 1000.0;
const BURST: f64 = 2000.0;
/// A client that takes nothing for this long is not looking; it can come back.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// The library does not say when there is room again. Only asked while a client is slow.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// As those clients draw it until they say otherwise.
const SIZE: (u16, u16) = (80, 24);

const NOT_CONNECTED: &str = "no terminal is open: ssh_connect first";

/// What is asked for, other than typing.
enum Asked {
    Connect(Connect),
    Resize(Resize),
    Disconnect,
    /// Not readable; why.
    Bad(String),
}

/// Text, and its share of what may wait.
struct Typing {
    text: String,
    _room: OwnedSemaphorePermit,
}

/// Where the handlers of events put what comes. They do not wait.
#[derive(Clone)]
struct Inbox {
    asked: mpsc::Sender<Asked>,
    typing: mpsc::Sender<Typing>,
    room: Arc<Semaphore>,
    rate: Arc<Mutex<Rate>>,
    gone: CancellationToken,
}

impl Inbox {
    /// False when this client is too quick; then it is let go.
    fn quick(&self) -> bool {
        let fits = self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        if !fits {
            self.gone.cancel();
        }
        fits
    }

    fn ask(&self, asked: Asked) {
        if self.quick() && self.asked.try_send(asked).is_err() {
            self.gone.cancel();
        }
    }

    fn input(&self, socket: &SocketRef, text: String) {
        if !self.quick() || text.is_empty() {
            return;
        }
        let share = u32::try_from(text.len().min(MAX_TYPED_BYTES)).expect("a million fits");
        let room = Arc::clone(&self.room).try_acquire_many_owned(share);
        let taken = room.ok().is_some_and(|room| self.typing.try_send(Typing { text, _room: room }).is_ok());
        if !taken {
            // Nothing of it was typed; whoever looks can type it again.
            let error = "the program there is not reading: this input was not taken";
            socket.emit("ssh_error", &Failed { error }).ok();
        }
    }
}

/// How many events may come now.
struct Rate {
    left: f64,
    at: Instant,
}

impl Rate {
    fn take(&mut self, now: Instant) -> bool {
        let more = now.duration_since(self.at).as_secs_f64() * EVENTS_PER_SECOND;
        self.at = now;
        self.left = (self.left + more).min(BURST) - 1.0;
        self.left >= 0.0
    }
}

/// After who they are is known.
pub(super) fn begin(socket: &SocketRef) {
    let Some(Admitted { ctx, place }) = socket.extensions.remove::<Admitted>() else { return };
    let (asked, asks) = mpsc::channel(MAX_ASKED);
    let (typing, typed) = mpsc::channel(MAX_TYPED);
    let gone = CancellationToken::new();
    let inbox = Inbox {
        asked,
        typing,
        room: Arc::new(Semaphore::new(MAX_TYPED_BYTES)),
        rate: Arc::new(Mutex::new(Rate { left: BURST, at: Instant::now() })),
        gone: gone.clone(),
    };
    listen(socket, &inbox);
    if !socket.connected() {
        gone.cancel();
    }
    let tasks = ctx.app().tasks().clone();
    let connection = Connection { socket: socket.clone(), ctx, shell: None, command: None, reused: false };
    tasks.spawn("socketio terminal", async move {
        connection.run(asks, typed, gone).await;
        drop(place);
    });
}

fn listen(socket: &SocketRef, inbox: &Inbox) {
    let to = inbox.clone();
    socket.on("ssh_connect", move |TryData(asked): TryData<Connect>| {
        to.ask(asked.map_or_else(|error| Asked::Bad(format!("ssh_connect: {error}")), Asked::Connect));
        ready(())
    });
    let to = inbox.clone();
    socket.on("ssh_resize", move |TryData(asked): TryData<Resize>| {
        to.ask(asked.map_or_else(|error| Asked::Bad(format!("ssh_resize: {error}")), Asked::Resize));
        ready(())
    });
    let to = inbox.clone();
    socket.on("ssh_disconnect", move || {
        to.ask(Asked::Disconnect);
        ready(())
    });
    let to = inbox.clone();
    socket.on("ssh_input", move |socket: SocketRef, TryData(input): TryData<Input>| {
        match input {
            Ok(Input { input }) => to.input(&socket, input),
            Err(error) => to.ask(Asked::Bad(format!("ssh_input: {error}"))),
        }
        ready(())
    });
    let to = inbox.clone();
    socket.on_fallback(move || {
        // An event of a later version; only counted.
        to.quick();
        ready(())
    });
    let gone = inbox.gone.clone();
    socket.on_disconnect(move || {
        gone.cancel();
        ready(())
    });
}

struct Connection {
    socket: SocketRef,
    ctx: Ctx,
    shell: Option<Shell>,
    /// To be typed when the shell on this server is there.
    command: Option<(i64, String)>,
    /// The shell was there before this connection.
    reused: bool,
}

impl Connection {
    async fn run(
        mut self,
        mut asks: mpsc::Receiver<Asked>,
        mut typed: mpsc::Receiver<Typing>,
        gone: CancellationToken,
    ) {
        let mut rights = self.ctx.changes();
        let shutdown = self.ctx.app().shutdown().clone();
        let expires = self.expires();
        loop {
            let room = self.shell.as_ref().is_none_or(Shell::takes_input);
            let going = tokio::select! {
                () = gone.cancelled() => break,
                // The sessions stay for a moment: the daemon ends them when nobody comes.
                () = shutdown.draining() => return,
                () = at(expires) => self.refused("the login has expired").await,
                Ok(()) = rights.changed() => self.look_again().await,
                Some(asked) = asks.recv() => self.asked(asked).await,
                said = next(&mut self.shell) => self.said(said).await,
                Some(typing) = typed.recv(), if room => self.typed(typing).await,
            };
            if !going {
                break;
            }
        }
        self.leave().await;
        self.socket.disconnect().ok();
    }

    fn expires(&self) -> Option<tokio::time::Instant> {
        let Caller::Person(person) = self.ctx.caller() else { return None };
        let left = person.expires()?.duration_since(self.ctx.clock().now());
        tokio::time::Instant::now().checked_add(Duration::try_from(left).unwrap_or_default())
    }

    async fn look_again(&mut self) -> bool {
        match self.ctx.again().await {
            // The terminal itself looks whether its session may still be had.
            Ok(Some(ctx)) => {
                self.ctx = ctx;
                true
            }
            Ok(None) => self.refused("logged out").await,
            Err(_) => self.refused("who you are cannot be checked").await,
        }
    }

    async fn refused(&mut self, why: &str) -> bool {
        self.emit("ssh_error", &Failed { error: why }).await;
        false
    }

    /// False when the client is gone.
    async fn asked(&mut self, asked: Asked) -> bool {
        match asked {
            Asked::Connect(asked) => self.connect(asked).await,
            Asked::Resize(Resize { cols, rows }) => {
                if let Some(shell) = &self.shell
                    && cols > 0
                    && rows > 0
                {
                    shell.resize(cols, rows);
                }
                true
            }
            Asked::Disconnect => {
                let had = self.shell.is_some();
                self.leave().await;
                !had || self.disconnected().await
            }
            Asked::Bad(why) => self.emit("ssh_error", &Failed { error: &why }).await,
        }
    }

    /// One terminal to a connection: another one takes the place of the first.
    async fn connect(&mut self, asked: Connect) -> bool {
        self.leave().await;
        match self.open(&asked).await {
            Ok((shell, reused)) => {
                self.shell = Some(shell);
                self.reused = reused;
                let command = asked.auto_command.filter(|command| !reused && !command.is_empty());
                self.command = command.map(|command| (asked.server_id, command));
                true
            }
            Err(error) => self.emit("ssh_error", &Failed { error: &error.to_string() }).await,
        }
    }

    /// The shell, and whether it was there before.
    async fn open(&self, asked: &Connect) -> Result<(Shell, bool), bastide_app::Error> {
        let name = asked.service_id.map(|service| format!("service-{service}"));
        if name.is_some() {
            let own = sessions::own_on_server(&self.ctx, asked.server_id).await?;
            if let Some(session) = own.iter().find(|session| session.name == name) {
                return Ok((Shell::attach(&self.ctx, session.uid, true).await?, true));
            }
        }
        let size = (asked.cols.unwrap_or(SIZE.0).max(1), asked.rows.unwrap_or(SIZE.1).max(1));
        let wanted = Wanted {
            server: asked.server_id,
            credential: asked.credential_id,
            size,
            stays: name.is_some(),
            name,
        };
        Ok((Shell::open(&self.ctx, wanted).await?, false))
    }

    async fn said(&mut self, said: Option<Said>) -> bool {
        match said {
            Some(Said::Connected) => {
                let status = Status { status: "connected", reused: self.reused };
                self.emit("ssh_connected", &status).await && self.types_command().await
            }
            Some(Said::Output(data)) => self.emit("ssh_output", &Output { data: &data }).await,
            Some(Said::Warning(error)) => self.emit("ssh_error", &Failed { error: &error }).await,
            Some(Said::Failed(error)) => {
                let was = self.shell.take().is_some_and(|shell| shell.was_there());
                self.emit("ssh_error", &Failed { error: &error }).await && (!was || self.disconnected().await)
            }
            Some(Said::Ended(_)) | None => {
                self.shell = None;
                self.disconnected().await
            }
        }
    }

    /// What the rules refuse is not typed; the shell is there all the same.
    async fn types_command(&mut self) -> bool {
        let Some(((server, command), shell)) = self.command.take().zip(self.shell.as_mut()) else {
            return true;
        };
        match sessions::may_type(&self.ctx, (shell.uid(), server), &command).await {
            Ok(()) => {
                shell.input(format!("{command}\r"));
                true
            }
            Err(error) => self.emit("ssh_error", &Failed { error: &error.to_string() }).await,
        }
    }

    async fn typed(&mut self, typing: Typing) -> bool {
        match &mut self.shell {
            Some(shell) => {
                shell.input(typing.text);
                true
            }
            None => self.emit("ssh_error", &Failed { error: NOT_CONNECTED }).await,
        }
    }

    async fn leave(&mut self) {
        self.command = None;
        if let Some(shell) = self.shell.take() {
            shell.leave(&self.ctx).await;
        }
    }

    async fn disconnected(&self) -> bool {
        self.emit("ssh_disconnected", &Status { status: "disconnected", reused: false }).await
    }

    /// Waits until the client has room for it. False when the client is gone.
    async fn emit<T: Serialize>(&self, event: &str, data: &T) -> bool {
        let until = Instant::now() + SEND_WITHIN;
        loop {
            match self.socket.emit(event, data) {
                Ok(()) => return true,
                Err(SendError::Socket(SocketError::InternalChannelFull)) if Instant::now() < until => {
                    sleep(ASK_AGAIN).await;
                }
                Err(_) => return false,
            }
        }
    }
}

/// Never, while there is no terminal.
async fn next(shell: &mut Option<Shell>) -> Option<Said> {
    match shell {
        Some(shell) => shell.next().await,
        None => std::future::pending().await,
    }
}

/// Never, where no end is set.
async fn at(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_floods_is_too_quick_and_one_that_types_is_not() {
        let now = Instant::now();
        let mut rate = Rate { left: BURST, at: now };
        assert!((0..2000).all(|_| rate.take(now)));
        assert!(!rate.take(now));
        let mut rate = Rate { left: BURST, at: now };
        let mut typing = (0..60_000).map(|key| now + Duration::from_millis(key * 2));
        assert!(typing.all(|key| rate.take(key)));
    }
}
