//! Rules reach the session daemon: with every connection to it, and whenever they change.

use std::sync::Arc;
use std::time::Duration;

use bastide_policy::Door;
use bastide_ptyd_client::Client;
use bastide_store::{Severity, User};
use bastide_wire::capability;
use bastide_wire::control::{Control, Profile};
use bastide_wire::{Code, Spec};
use serde_json::{Map, json};

use crate::alerts::raise;
use crate::daemon::{State, refused};
use crate::error::Conflict;
use crate::{App, DaemonError, Error};

use super::control::Gate;
use super::held::{Held, Loaded, Place, subject};

/// After a daemon has not taken the rules; new sessions are refused meanwhile, so it is tried again soon.
const REST: Duration = Duration::from_secs(5);

/// What a session's spec says of its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gating {
    /// Digest.
    pub(crate) rules: String,
    pub(crate) control: Control,
    /// That must be there.
    pub(crate) layers: Vec<String>,
}

impl Gating {
    /// The spec with it, where there is any.
    pub(crate) fn into(gating: Option<Self>, spec: Spec) -> Spec {
        match gating {
            Some(Self { rules, control, layers }) => {
                Spec { rules: Some(rules), control: Some(control), layers, ..spec }
            }
            None => spec,
        }
    }
}

/// Begins to deliver.
pub(crate) fn start(app: &App) {
    let (following, ending) = (app.clone(), app.shutdown().clone());
    app.tasks().spawn("rules to the session daemon", async move {
        tokio::select! {
            () = follow(&following) => {}
            () = ending.draining() => {}
        }
    });
}

async fn follow(app: &App) {
    let (mut link, mut rules) = (app.daemon().watch(), app.rules().watch());
    let mut failing = false;
    loop {
        let state = link.borrow_and_update().clone();
        let held = Arc::clone(&rules.borrow_and_update());
        let failed = match (&state, &held.loaded) {
            (State::Ready(client), Ok(loaded)) => deliver(app, client, (&held, loaded)).await.err(),
            _ => None,
        };
        if let Some(error) = &failed
            && !failing
        {
            undelivered(app, &held, error).await;
        }
        failing = failed.is_some();
        let again = async {
            match failing {
                true => tokio::time::sleep(REST).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = link.changed() => if changed.is_err() { return },
            changed = rules.changed() => if changed.is_err() { return },
            () = again => {}
        }
    }
}

/// The daemon keeps them, and its sessions with rules go by them from their next command on.
async fn deliver(app: &App, client: &Client, (held, loaded): (&Held, &Loaded)) -> Result<(), Error> {
    if !client.daemon().knows(capability::RULES) {
        // Nobody misses what says nothing.
        return if loaded.has_something_to_say() { Err(too_old(client)) } else { Ok(()) };
    }
    put(app, client, loaded).await?;
    let digest = &held.version.digest;
    let sessions = client.set_rules(None, digest).await.map_err(refused)?;
    tracing::info!(version = held.version.version, digest, sessions, "the session daemon has the rules");
    Ok(())
}

/// Once for each start of a daemon and each set: one may have 4 MB.
async fn put(app: &App, client: &Client, loaded: &Loaded) -> Result<(), Error> {
    let place = (client.daemon().instance, loaded.digest());
    if app.rules().is_delivered(&place) {
        return Ok(());
    }
    client.put_rules(&place.1, loaded.bundle.bytes()).await.map_err(refused)?;
    app.rules().set_delivered(place);
    Ok(())
}

fn too_old(client: &Client) -> Error {
    DaemonError::Refused {
        code: Code::NotGated.as_str().to_owned(),
        message: format!(
            "the session daemon (version {}) cannot control commands, and the rules ask for it: upgrade it",
            client.daemon().version
        ),
    }
    .into()
}

/// Nothing runs uncontrolled because of it, and somebody has to know.
async fn undelivered(app: &App, held: &Held, error: &Error) {
    let digest = held.version.digest.as_str();
    tracing::error!(%error, digest, "the session daemon has not taken the rules: it goes on by those it has");
    let mut data = Map::new();
    data.insert("message".to_owned(), json!(error.to_string()));
    data.insert("digest".to_owned(), json!(digest));
    raise(app, ("rules_undelivered", Severity::Critical), data).await;
}

/// How the commands of a new session are judged: not at all where the rules have nothing to say to anybody, or
/// are told not to. On this machine the kernel asks; on another one the screen is read, and no layer can be
/// asked for. The daemon has the rules when this returns.
///
/// # Errors
/// `Conflict` when the rules cannot be read; `DaemonUnreachable`, `Daemon` when it cannot have them.
pub(crate) async fn gated(app: &App, user: &User, place: Place<'_>) -> Result<Option<Gating>, Error> {
    let held = app.rules().now();
    let loaded = held.loaded.as_ref().map_err(|why| Conflict::RulesUnreadable(why.clone()))?;
    if !loaded.has_something_to_say() {
        return Ok(None);
    }
    let door = if place.server.is_some() { Door::Watched } else { Door::Exec };
    let subject = subject(app, user, place, (door, loaded));
    let (gate, layers) = loaded.control.of(&subject);
    let profile = match gate {
        Gate::Off => return Ok(None),
        Gate::Workbench => Profile::Workbench,
        Gate::Closed => Profile::Closed,
    };
    let client = app.daemon().client()?;
    if !client.daemon().knows(capability::RULES) {
        return Err(too_old(&client));
    }
    put(app, &client, loaded).await?;
    let layers = if place.server.is_some() { Vec::new() } else { layers.to_vec() };
    let control = Control { profile, server: subject.server, tags: subject.tags, ..Control::default() };
    Ok(Some(Gating { rules: loaded.digest(), control, layers }))
}
