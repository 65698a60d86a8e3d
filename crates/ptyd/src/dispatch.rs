//! From a request to the session, or the part of the daemon, that answers it.

mod control;
mod pool;

use std::future::Future;

use bastide_pty::{Sessions, Signal};
use bastide_session::{
    Acknowledge, Attach, Command, EndReason, Handle, Input, Leave, Look, PromptAnswer, PromptReply, Resize,
    Responder, Scrollback, ViewerKey,
};
use bastide_wire::reply::OkReply;
use bastide_wire::request::{self, Extension, Request};
use bastide_wire::session::ViewerInfo;
use bastide_wire::together::{About, Together};
use bastide_wire::{Code, Event, SessionInfo, event};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::config::{MAX_COLS, MAX_ROWS, REASON_MAX, SUBSCRIPTIONS};
use crate::connection::{Connection, Peer, Role};
use crate::create;
use crate::journal::on_wire;

/// Answers one request, or sees to it that it is answered. Whatever may take long runs beside the
/// connection, so that its other requests go on; clients of the first protocol, which know no
/// other order, are answered in the order they asked.
pub(crate) async fn request(
    connection: &Connection,
    peer: &Peer,
    seq: u32,
    (request, payload): (Request<'_>, &Bytes),
) {
    let reply = connection.responder(seq);
    if peer.role == Some(Role::Stream) && !matches!(request, Request::Attach(_) | Request::Detach(_)) {
        return reply.error(Code::WrongChannel, "a stream connection may only attach and detach");
    }
    match request {
        Request::Handshake(_) => {}
        Request::Create(create) => {
            let (connection, peer) = (connection.clone(), peer.clone());
            let patient = peer.spec;
            beside(&connection.clone(), patient, "create", async move {
                // Boxed: it is large, and every request would carry its size.
                Box::pin(create::create(&connection, &peer, *create, reply)).await;
            })
            .await;
        }
        Request::List => {
            let (own, peer) = (connection.clone(), peer.clone());
            beside(connection, peer.viewers, "list", async move { list(&own, &peer, reply).await }).await;
        }
        Request::Attach(attach) => self::attach(connection, peer, attach, reply).await,
        Request::Detach(target) => detach(connection, peer, target, reply).await,
        Request::Kill(session) => kill(connection, session, reply).await,
        Request::KillAll => kill_all(connection, reply).await,
        Request::Input(input) => {
            // Borrowed from the frame, so it can be passed on without a copy.
            let data = match input.data {
                std::borrow::Cow::Borrowed(bytes) => payload.slice_ref(bytes),
                std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
            };
            let (session, viewer) = (input.session, input.viewer.filter(|_| peer.viewers));
            let (id, patient) = (watching(connection, peer), peer.viewers);
            to_session(connection, session, reply, |reply| {
                Command::Input(Input { connection: id, viewer, data, reply, patient })
            })
            .await;
        }
        Request::Resize(resize) => self::resize(connection, peer, resize, reply).await,
        Request::Signal(asked) => match asked.signal.parse::<Signal>() {
            Ok(signal) => {
                to_session(connection, asked.session, reply, |reply| Command::Signal(signal, reply)).await;
            }
            Err(unknown) => reply.error(Code::InvalidSignal, unknown.to_string()),
        },
        Request::ClearScrollback(session) => {
            to_session(connection, session, reply, |reply| Command::Scrollback(Scrollback::Clear(reply)))
                .await;
        }
        Request::Other(extension) => self::extension(connection, peer, extension, reply).await,
    }
}

/// Runs `work` beside the reader where the client can bear it, else in its turn.
async fn beside(
    connection: &Connection,
    patient: bool,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let place = std::sync::Arc::clone(&connection.places).acquire_owned().await;
    // A task of its own in any case: it goes on to its end when the client goes, so that nothing
    // stays half done.
    let task = connection.daemon.connections.spawn(name, async move {
        work.await;
        drop(place);
    });
    if !patient {
        // Why it has no result is in the log, should it have panicked.
        let _ = task.await;
    }
}

async fn extension(connection: &Connection, peer: &Peer, extension: Extension<'_>, reply: Responder) {
    match extension {
        Extension::Ack(ack) => acknowledge(connection, peer, ack).await,
        Extension::Snapshot(take) if peer.viewers => {
            let lines = lines(take.scrollback);
            to_session(connection, take.session, reply, |reply| Command::Look(Look::Snapshot(lines, reply)))
                .await;
        }
        Extension::End(end) if peer.spec => match connection.daemon.registry.by_uid(end.uid) {
            Some(handle) => {
                let cut = end.reason.floor_char_boundary(REASON_MAX);
                let reason = EndReason::Ended(end.reason[..cut].to_owned());
                send(&handle, reply, |reply| Command::End { reason, swept: false, reply: Some(reply) }).await;
            }
            None => reply.error(Code::NotFound, format!("Not found: session {}", end.uid)),
        },
        Extension::PromptReply(answer) if peer.prompts && peer.viewers => {
            prompt_reply(connection, peer, answer, reply).await;
        }
        Extension::Subscribe(subscribe) if peer.events => {
            let Ok(place) = std::sync::Arc::clone(&connection.subscriptions).try_acquire_owned() else {
                let message = format!("Limit reached: {SUBSCRIPTIONS} subscriptions of one connection");
                return reply.error(Code::LimitReached, message);
            };
            let own = connection.clone();
            // What comes before this is replay.
            let next = *own.daemon.journal.follow().borrow();
            reply.ok(OkReply { pos: Some(next), ..OkReply::default() });
            connection.daemon.connections.spawn("subscription", async move {
                follow_log(own, subscribe.from_seq).await;
                drop(place);
            });
        }
        Extension::Drain if peer.spec => {
            let daemon = &connection.daemon;
            daemon.journal.note("draining", None, serde_json::json!({})).await;
            daemon.drain();
            let count = u32::try_from(daemon.registry.running()).unwrap_or(u32::MAX);
            reply.ok(OkReply { count: Some(count), ..OkReply::default() });
        }
        Extension::Pool(asked) if peer.connections => pool::request(connection, asked, reply),
        Extension::Together(asked) if peer.together => together(connection, asked, reply).await,
        extension @ (Extension::PutRules(_)
        | Extension::SetRules(_)
        | Extension::ReviewReply(_)
        | Extension::ReviewCancel(_))
            if peer.rules =>
        {
            control::request(connection, peer, extension, reply).await;
        }
        _ => reply.error(Code::ProtocolError, "this request needs a capability the handshake did not name"),
    }
}

/// Hands a command with its reply to a session.
async fn to_session(
    connection: &Connection,
    session: u32,
    reply: Responder,
    command: impl FnOnce(Responder) -> Command,
) {
    match connection.daemon.registry.get(session) {
        Some(handle) => send(&handle, reply, command).await,
        None => reply.error(Code::NotFound, format!("Not found: session {session}")),
    }
}

async fn send(handle: &Handle, reply: Responder, command: impl FnOnce(Responder) -> Command) {
    let spare = Responder { outbox: reply.outbox.clone(), seq: reply.seq };
    if handle.send(command(reply)).await.is_err() {
        spare.error(Code::NotFound, format!("Not found: session {}", handle.identity.id));
    }
}

/// Lines of scrollback as a client names them; the largest number means all there are.
fn lines(scrollback: Option<u32>) -> usize {
    match scrollback {
        None => 0,
        Some(u32::MAX) => usize::MAX,
        Some(lines) => usize::try_from(lines).unwrap_or(usize::MAX),
    }
}

async fn attach(connection: &Connection, peer: &Peer, attach: request::Attach, reply: Responder) {
    let daemon = &connection.daemon;
    let Some(handle) = daemon.registry.get(attach.session) else {
        return reply.error(Code::NotFound, format!("Session {} not found", attach.session));
    };
    if attach.client.as_ref().is_some_and(|client| client.len() > crate::config::CLIENT_ID_MAX) {
        return reply.error(Code::InvalidArgument, "Invalid argument: client is too long");
    }
    let mut requester = match (peer.role, &peer.client) {
        (Some(Role::Control), Some(client)) => match daemon.streams.first(client) {
            Some(stream) => stream,
            None => {
                let message = format!("client {client} has no stream connection");
                return reply.error(Code::StreamNotConnected, message);
            }
        },
        _ => connection.requester(peer),
    };
    if peer.viewers && attach.viewer.is_none() {
        return reply.error(Code::InvalidArgument, "Invalid argument: attach needs a viewer number");
    }
    let about = peer.together.then(|| attach.about.unwrap_or_default());
    if let Some(Err(why)) = about.as_ref().map(About::check) {
        return reply.error(Code::InvalidArgument, format!("Invalid argument: {why}"));
    }
    let viewer = attach.viewer.filter(|_| peer.viewers);
    if viewer.is_some() && attach.client.is_some() {
        requester.client = attach.client;
    }
    let command = move |reply| {
        Command::Attach(Box::new(Attach {
            requester,
            reply,
            viewer,
            // A connection of the first protocol may write; ours says what it wants.
            write: viewer.is_none() || attach.write.unwrap_or(false),
            scrollback: lines(attach.scrollback),
            from: attach.from,
            credit: attach.credit,
            about,
        }))
    };
    send(&handle, reply, command).await;
}

/// The connection whose viewers a request is about: a control socket asks for its stream socket.
fn watching(connection: &Connection, peer: &Peer) -> u64 {
    match (peer.role, &peer.client) {
        (Some(Role::Control), Some(client)) => {
            connection.daemon.streams.first(client).map_or(connection.id, |stream| stream.connection)
        }
        _ => connection.id,
    }
}

/// Never fails: whoever detaches from what is gone has what they wanted.
async fn detach(connection: &Connection, peer: &Peer, target: request::Target, reply: Responder) {
    let daemon = &connection.daemon;
    let key =
        ViewerKey { connection: watching(connection, peer), number: target.viewer.filter(|_| peer.viewers) };
    let spare = Responder { outbox: reply.outbox.clone(), seq: reply.seq };
    match daemon.registry.get(target.session) {
        Some(handle) => {
            if handle.send(Command::Leave(Leave::Viewer(key, Some(reply)))).await.is_err() {
                spare.session(target.session);
            }
        }
        None => reply.session(target.session),
    }
}

async fn resize(connection: &Connection, peer: &Peer, resize: request::Resize, reply: Responder) {
    let request::Resize { session, cols, rows, viewer } = resize;
    if let Err(message) = check_size(cols, rows) {
        return reply.error(Code::InvalidArgument, message);
    }
    let (connection_id, viewer) = (watching(connection, peer), viewer.filter(|_| peer.viewers));
    to_session(connection, session, reply, |reply| {
        Command::Resize(Resize { connection: connection_id, viewer, cols, rows, reply })
    })
    .await;
}

/// Checks a terminal's size.
pub(crate) fn check_size(cols: u16, rows: u16) -> Result<(), String> {
    if cols == 0 || rows == 0 {
        return Err("Invalid argument: terminal size must have cols > 0 and rows > 0".to_owned());
    }
    if cols > MAX_COLS || rows > MAX_ROWS {
        return Err(format!(
            "Invalid argument: terminal size must be at most {MAX_COLS} cols and {MAX_ROWS} rows"
        ));
    }
    Ok(())
}

/// What people in a session do to one another; whether they may is the client's to know.
async fn together(connection: &Connection, asked: Box<Together>, reply: Responder) {
    if let Err(why) = asked.check() {
        return reply.error(Code::InvalidArgument, format!("Invalid argument: {why}"));
    }
    match connection.daemon.registry.by_uid(asked.uid()) {
        Some(handle) => send(&handle, reply, |reply| Command::Together(asked, reply)).await,
        None => reply.error(Code::NotFound, format!("Not found: session {}", asked.uid())),
    }
}

async fn prompt_reply(connection: &Connection, peer: &Peer, said: request::PromptReply, reply: Responder) {
    let request::PromptReply { session, viewer, prompt_id, answer, accept } = said;
    if answer.as_ref().is_some_and(|answer| answer.expose().len() > request::MAX_ANSWER) {
        let message = format!("Invalid argument: an answer has at most {} bytes", request::MAX_ANSWER);
        return reply.error(Code::InvalidArgument, message);
    }
    let key = ViewerKey { connection: watching(connection, peer), number: Some(viewer) };
    let answer = PromptAnswer { text: answer, accept };
    to_session(connection, session, reply, |reply| {
        Command::PromptReply(Box::new(PromptReply { key, prompt_id, answer, reply }))
    })
    .await;
}

/// At once and gone from the list; its exit is told to its viewers.
async fn kill(connection: &Connection, session: u32, reply: Responder) {
    let Some(handle) = connection.daemon.registry.remove(session) else {
        return reply.error(Code::NotFound, format!("Not found: session {session}"));
    };
    let reason = EndReason::Killed;
    let spare = Responder { outbox: reply.outbox.clone(), seq: reply.seq };
    if handle.send(Command::End { reason, swept: false, reply: Some(reply) }).await.is_err() {
        spare.session(session);
    }
}

async fn kill_all(connection: &Connection, reply: Responder) {
    let registry = &connection.daemon.registry;
    let handles: Vec<Handle> =
        registry.all().into_iter().filter_map(|handle| registry.remove(handle.identity.id)).collect();
    let count = u32::try_from(handles.len()).unwrap_or(u32::MAX);
    // One look at all processes for all sessions.
    let swept = match tokio::task::spawn_blocking(Sessions::read).await {
        Ok(Ok(processes)) => {
            let here = |handle: &&Handle| handle.identity.remote.is_none() && !handle.has_ended();
            for handle in handles.iter().filter(here) {
                processes.signal(handle.identity.pid, Signal::Kill);
            }
            true
        }
        failed => {
            tracing::warn!(?failed, "processes were not listed");
            false
        }
    };
    reply.ok(OkReply { count: Some(count), ..OkReply::default() });
    for handle in handles {
        // It may have ended by itself meanwhile.
        let _ = handle.send(Command::End { reason: EndReason::Killed, swept, reply: None }).await;
    }
}

async fn acknowledge(connection: &Connection, peer: &Peer, ack: request::Ack) {
    let number = ack.viewer.filter(|_| peer.viewers);
    let key = ViewerKey { connection: watching(connection, peer), number };
    if let Some(handle) = connection.daemon.registry.get(ack.session) {
        let pos = ack.pos.filter(|_| number.is_some());
        let _ = handle.send(Command::Acknowledge(Acknowledge { key, pos })).await;
    }
}

async fn list(connection: &Connection, peer: &Peer, reply: Responder) {
    let mut sessions = describe_all(connection.daemon.registry.all()).await;
    for session in &mut sessions {
        if !peer.spec {
            (session.uid, session.name) = (None, None);
        }
        if !peer.viewers {
            session.detail = None;
        }
        if !peer.together {
            session.barred.clear();
            for viewer in session.detail.iter_mut().flat_map(|detail| &mut detail.viewers) {
                let ViewerInfo { write, lagged, client, .. } = std::mem::take(viewer);
                *viewer = ViewerInfo { write, lagged, client, ..ViewerInfo::default() };
            }
        }
    }
    reply.ok(OkReply { sessions: Some(sessions), ..OkReply::default() });
}

/// Asks all first and collects then, so that they answer at the same time.
async fn describe_all(handles: Vec<Handle>) -> Vec<SessionInfo> {
    let mut answers = Vec::with_capacity(handles.len());
    for handle in handles {
        let (sender, answer) = oneshot::channel();
        if handle.send(Command::Look(Look::Describe(sender))).await.is_ok() {
            answers.push(answer);
        }
    }
    let mut sessions = Vec::with_capacity(answers.len());
    for answer in answers {
        if let Ok(session) = answer.await {
            sessions.push(session);
        }
    }
    sessions
}

/// Replays the log from `seq` on, then follows it for as long as the connection lives.
async fn follow_log(connection: Connection, seq: u64) {
    // Entries count from 1: waiting for one after 0 would not wait.
    let mut seq = seq.max(1);
    let journal = connection.daemon.journal.clone();
    let mut next = journal.follow();
    loop {
        connection.outbox.has_room().await;
        if connection.outbox.is_shut() {
            return;
        }
        match journal.read(seq).await {
            Ok(bastide_audit::Page::Entries(entries)) if entries.is_empty() => {
                tokio::select! {
                    changed = next.wait_for(|next| *next > seq) => {
                        if changed.is_err() {
                            return;
                        }
                    }
                    () = connection.outbox.gone() => return,
                }
            }
            Ok(bastide_audit::Page::Entries(entries)) => {
                for entry in entries {
                    seq = entry.seq + 1;
                    connection.outbox.event(&Event::Log(on_wire(entry)));
                }
            }
            Ok(bastide_audit::Page::Truncated { first_seq }) => {
                seq = first_seq;
                connection.outbox.event(&Event::Truncated(event::Truncated { first_seq }));
            }
            Err(error) => {
                tracing::error!(%error, "the log cannot be read");
                // Whoever follows it must not believe that nothing happens.
                connection.outbox.close_after();
                return;
            }
        }
    }
}
