//! Rules, and answers to commands that wait.

use std::sync::Arc;

use bastide_session::{Command, Controlling, Handle, Responder, ViewerKey};
use bastide_wire::Code;
use bastide_wire::control::{ReviewCancel, ReviewReply, SetRules};
use bastide_wire::reply::OkReply;
use bastide_wire::request::Extension;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{send, watching};
use crate::connection::{Connection, Peer};
use crate::create::refusal;
use crate::rules::Refused;

pub(super) async fn request(
    connection: &Connection,
    peer: &Peer,
    extension: Extension<'_>,
    reply: Responder,
) {
    match extension {
        Extension::PutRules(put) => {
            let (daemon, digest, bytes) =
                (Arc::clone(&connection.daemon), put.digest, put.bytes.into_owned());
            // Reading a large set takes a while, and so does the disk.
            let kept = tokio::task::spawn_blocking(move || daemon.rules.put(&digest, &bytes)).await;
            match kept.unwrap_or_else(|stopped| Err(Refused::Disk(stopped.to_string()))) {
                Ok(()) => reply.ok(OkReply::default()),
                Err(refused) => refuse(reply, refused),
            }
        }
        Extension::SetRules(set) => set_rules(connection, set, reply).await,
        Extension::ReviewReply(said) => decide(connection, *said, reply).await,
        Extension::ReviewCancel(cancel) => give_up(connection, peer, cancel, reply).await,
        _ => {}
    }
}

fn refuse(reply: Responder, refused: Refused) {
    let (code, message) = refusal(refused);
    reply.error(code, message);
}

fn found(connection: &Connection, uid: Uuid) -> Result<Handle, String> {
    connection.daemon.registry.by_uid(uid).ok_or_else(|| format!("Not found: session {uid}"))
}

async fn set_rules(connection: &Connection, set: SetRules, reply: Responder) {
    let daemon = Arc::clone(&connection.daemon);
    let digest = set.digest.clone();
    let read = tokio::task::spawn_blocking(move || daemon.rules.get(&digest)).await;
    let rules = match read.unwrap_or_else(|stopped| Err(Refused::Disk(stopped.to_string()))) {
        Ok(rules) => rules,
        Err(refused) => return refuse(reply, refused),
    };
    let handles = match set.uid.map(|uid| found(connection, uid)) {
        None => connection.daemon.registry.all(),
        Some(Ok(handle)) => vec![handle],
        Some(Err(why)) => return reply.error(Code::NotFound, why),
    };
    let mut waiting = Vec::with_capacity(handles.len());
    for handle in handles {
        let (sender, answer) = oneshot::channel();
        let asked = Box::new(Controlling::Rules(Arc::clone(&rules), sender));
        // One that has just ended needs no rules.
        if handle.send(Command::Control(asked)).await.is_ok() {
            waiting.push(answer);
        }
    }
    let (mut count, mut failed) = (0, None);
    for answer in waiting {
        match answer.await {
            Ok(Some(Ok(()))) => count += 1,
            Ok(Some(Err(why))) => failed = Some(why),
            Ok(None) | Err(_) => {}
        }
    }
    match failed {
        // It has been told as an alert of that session too.
        Some(why) => reply.error(Code::SessionError, format!("not every session took the rules: {why}")),
        None => reply.ok(OkReply { count: Some(count), ..OkReply::default() }),
    }
}

async fn decide(connection: &Connection, said: ReviewReply, reply: Responder) {
    match found(connection, said.uid) {
        Ok(handle) => {
            send(&handle, reply, |reply| Command::Control(Box::new(Controlling::Decide(said, reply)))).await;
        }
        Err(why) => reply.error(Code::NotFound, why),
    }
}

async fn give_up(connection: &Connection, peer: &Peer, cancel: ReviewCancel, reply: Responder) {
    let ReviewCancel { uid, review, viewer, by } = cancel;
    let viewer =
        viewer.map(|number| ViewerKey { connection: watching(connection, peer), number: Some(number) });
    match found(connection, uid) {
        Ok(handle) => {
            let asked = |reply| Command::Control(Box::new(Controlling::Cancel { review, viewer, by, reply }));
            send(&handle, reply, asked).await;
        }
        Err(why) => reply.error(Code::NotFound, why),
    }
}
