//! `/api/v1/events`: what changes, as it changes. First everything, then only what is different.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use bastide_app::sessions::Session;
use bastide_app::{Action, Ctx, Table};
use serde::Serialize;
use uuid::Uuid;

use crate::error::Problem;
use crate::websocket::{Received, Socket, accept, code};

/// What goes over the socket, for the document.
pub(crate) const WORDS: &str = "\
JSON messages to the client: first `sessions` with everything, then `changed` with what is different and what is \
gone. Nothing is asked for. Close codes: 4401 not logged in, 1012 the server stops.";

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToPage<'a> {
    /// Everything there is: forget what was known.
    Sessions {
        sessions: Vec<&'a Session>,
        waiting: Option<&'a str>,
    },
    Changed {
        sessions: Vec<&'a Session>,
        removed: Vec<Uuid>,
        waiting: Option<&'a str>,
    },
}

pub(crate) async fn events(
    Extension(ctx): Extension<Ctx>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => accept(upgrade, ctx, "events websocket", talk),
        Err(e) => Problem::new(e.status(), "websocket", e.body_text()).into_response(),
    }
}

async fn talk(mut socket: Socket, ctx: Ctx) {
    if ctx.authorize(Action::SessionList, ()).is_err() {
        return socket.close(code::NOT_LOGGED_IN, "log in first").await;
    }
    let mut live = ctx.app().live();
    let mut known: Option<BTreeMap<Uuid, Arc<Session>>> = None;
    loop {
        let table = Arc::clone(&live.borrow_and_update());
        if !socket.text(difference(known.as_ref(), &table)).await {
            return;
        }
        known = Some(table.sessions.clone());
        // A page that is slow is sent the newest state, not every one between.
        loop {
            tokio::select! {
                changed = live.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return socket.close(code::RESTART, "the server stops").await,
                },
                received = socket.next() => match received {
                    // Nothing is asked here yet; later versions of the page may.
                    Received::Text(_) | Received::Binary(_) => {}
                    Received::Over => return,
                },
            }
        }
    }
}

fn difference(known: Option<&BTreeMap<Uuid, Arc<Session>>>, now: &Table) -> String {
    let waiting = now.waiting.as_deref();
    let message = match known {
        None => ToPage::Sessions { sessions: now.sessions.values().map(|one| &**one).collect(), waiting },
        Some(known) => {
            let same = |one: &Arc<Session>| known.get(&one.uid).is_some_and(|old| Arc::ptr_eq(old, one));
            ToPage::Changed {
                sessions: now.sessions.values().filter(|one| !same(one)).map(|one| &**one).collect(),
                removed: known.keys().filter(|uid| !now.sessions.contains_key(uid)).copied().collect(),
                waiting,
            }
        }
    };
    serde_json::to_string(&message).expect("plain fields are JSON")
}
