//! Host keys of servers: which are accepted, and by whom they were.
//!
//! The first key of a server is accepted by a person who has seen its fingerprint, or added by an administrator.
//! From then on a server shows one of its accepted keys or is not connected to: an administrator removes the old
//! key, and the next connection asks again. A key that is signed by an accepted authority needs none of this.

use std::sync::Arc;

use bastide_ssh::{NobodyToAsk, PublicFacts, parse_public_key};
use bastide_store::{HostKey, Pinned};
use bastide_wire::ssh::PresentedKey;
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::servers;
use crate::{Error, sessions};

/// More of one server are no keys of one server.
const MAX_KEYS: usize = 20;

/// Those of one server, oldest first.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Storage`.
pub async fn list(ctx: &Ctx, server: i64) -> Result<Vec<HostKey>, Error> {
    ctx.authorize_server(Action::HostKeyList, server)?;
    Ok(ctx.app().store().host_keys(server).await?)
}

/// The key that a server shows now, and whether it is an accepted one. Nothing is kept, and nobody is logged in there.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Invalid` where the way to it is none; `Ssh`, `Storage`.
pub async fn scan(ctx: &Ctx, server: i64) -> Result<(PresentedKey, bool), Error> {
    let (grant, _) = ctx.authorize_server(Action::HostKeyScan, server)?;
    let about = About::nothing().with("server", server);
    let about = about.with("name", grant.target().settings.name.as_str());
    ctx.audited(Action::HostKeyScan, about, async move |ctx| {
        let isolation = grant.person().user.uid.to_string();
        let to = servers::look(ctx.app(), grant.target(), isolation).await?;
        // Each of its steps has an end of its own.
        let key = ctx.app().execs().pool.probe(&to, Arc::new(NobodyToAsk)).await?;
        let accepted = ctx.app().store().host_keys(server).await?.iter().any(|known| known.key == key.key);
        Ok((key, accepted))
    })
    .await
}

/// Accepts a key before anybody meets it: a line of a `.pub` file, or of known_hosts.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Storage`.
pub async fn add(ctx: &Ctx, server: i64, line: &str) -> Result<HostKey, Error> {
    let (grant, _) = ctx.authorize_server(Action::HostKeyAdd, server)?;
    let facts = read(line)?;
    if ctx.app().store().host_keys(server).await?.len() >= MAX_KEYS {
        return Err(Error::Invalid(format!("{MAX_KEYS} host keys of one server: remove one first")));
    }
    let by = grant.person().user.username.clone();
    let about = about(server, &facts).with("name", grant.target().settings.name.as_str());
    ctx.audited(Action::HostKeyAdd, about, async move |ctx| pin(&ctx, (server, facts, by), false).await).await
}

/// A person who was asked says that the key is the right one. It is kept before anybody connects by it; of two
/// different first keys one is kept, and who accepted the other is told so.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound` for a session that is on no server; `Invalid`; `Conflict` when
/// another key is accepted already; `Storage`, `DaemonUnreachable`.
pub async fn accept(ctx: &Ctx, session: Uuid, key: &PresentedKey) -> Result<(), Error> {
    let found = sessions::find(ctx, Action::SessionWrite, session).await?;
    let by = found.grant.person().user.username.clone();
    let facts = read(&key.key)?;
    let server = asked_about(ctx, session, key).await?;
    let about = about(server, &facts).with("host", key.host.as_str()).with("port", key.port);
    let about = about.with("session", session.to_string());
    ctx.audited(Action::HostKeyAccept, about, async move |ctx| {
        pin(&ctx, (server, facts, by), true).await.map(drop)
    })
    .await
}

/// The server that a question in a session is about: the session's own, or one on the way to it. Whoever
/// may log in to the one at the end answers for those on the way.
async fn asked_about(ctx: &Ctx, session: Uuid, key: &PresentedKey) -> Result<i64, Error> {
    let place = ctx.app().store().place(session).await?.ok_or_else(|| Error::session(session))?;
    // It is kept for everybody: a guest at the keys does not decide it.
    ctx.authorize_server(Action::HostKeyAccept, place.server_id)?;
    let known = ctx.app().servers().now();
    let way = known.way(Some(place.server_id)).unwrap_or_default();
    let is_it =
        |settings: &bastide_store::ServerSettings| settings.host == key.host && settings.port == key.port;
    // From the end: where two have one address, it is the one that was meant.
    let server = way.iter().rev().find(|server| is_it(&server.settings));
    Ok(server.ok_or(Error::NotFound(What::Thing(Thing::Server, place.server_id)))?.id)
}

/// Keeps a key; with `first` only where none is kept yet.
async fn pin(
    ctx: &Ctx,
    (server, facts, by): (i64, PublicFacts, String),
    first: bool,
) -> Result<HostKey, Error> {
    let key = HostKey {
        id: 0,
        server_id: server,
        algorithm: facts.algorithm,
        key: facts.line,
        fingerprint: facts.fingerprint,
        first_seen: ctx.clock().now(),
        accepted_by: by,
    };
    match ctx.app().store().add_host_key(&key, first).await? {
        Pinned::New(id) => Ok(HostKey { id, ..key }),
        Pinned::Known(id) => {
            let known = ctx.app().store().host_key(id).await?;
            known.ok_or(Error::NotFound(What::Thing(Thing::HostKey, id)))
        }
        Pinned::Other => Err(Conflict::InUse(
            "another host key was accepted for this server meanwhile: if both are right, an administrator adds this one"
                .to_owned(),
        )
        .into()),
        Pinned::NoServer => Err(Error::NotFound(What::Thing(Thing::Server, server))),
    }
}

/// The next connection to its server asks again, unless another key is accepted. Connections that there are stay.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    ctx.person()?;
    let none = move || Error::NotFound(What::Thing(Thing::HostKey, id));
    let key = ctx.app().store().host_key(id).await?.ok_or_else(none)?;
    // Whoever may not know of the server is not told of its key either.
    let (grant, _) =
        ctx.authorize_server(Action::HostKeyRemove, key.server_id).map_err(|error| match error {
            Error::NotFound(_) => none(),
            other => other,
        })?;
    let about = About::nothing()
        .with("server", key.server_id)
        .with("name", grant.target().settings.name.as_str())
        .with("fingerprint", key.fingerprint.as_str());
    ctx.audited(Action::HostKeyRemove, about, async move |ctx| {
        match ctx.app().store().remove_host_key(id).await? {
            true => Ok(()),
            false => Err(none()),
        }
    })
    .await
}

fn about(server: i64, facts: &PublicFacts) -> About {
    About::nothing()
        .with("server", server)
        .with("algorithm", facts.algorithm.as_str())
        .with("fingerprint", facts.fingerprint.as_str())
}

/// `algorithm base64`, with names before it as in known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) or a comment
/// behind it.
pub(crate) fn read(line: &str) -> Result<PublicFacts, Error> {
    let line = line.trim();
    let refuse = |text: &str| Error::Invalid(format!("key: {text}"));
    if line.lines().count() > 1 {
        return Err(refuse("one line with one key"));
    }
    if line.starts_with('@') {
        return Err(refuse(
            "this line is marked as an authority's or a revoked one: only plain keys are accepted",
        ));
    }
    parse_public_key(line)
        .or_else(|why| {
            line.split_once(char::is_whitespace).map_or(Err(why), |(_, rest)| parse_public_key(rest))
        })
        .map_err(|why| refuse(&why.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn a_key_is_read_from_a_pub_file_and_from_known_hosts() {
        for line in [KEY.to_owned(), format!("{KEY} root@host\n"), format!("[h]:2222,10.0.0.1 {KEY}")] {
            assert_eq!(read(&line).unwrap().line, KEY, "{line}");
        }
        let bad = ["", "x", "ssh-ed25519 !", &format!("@cert-authority * {KEY}"), &format!("{KEY}\n{KEY}")];
        for line in bad {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
