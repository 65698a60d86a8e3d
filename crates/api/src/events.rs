//! `/api/v1/events`: what changes, as it changes. First everything, then only what is different.

mod control;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use bastide_app::health::{StatusNow, Statuses};
use bastide_app::sessions::{Seen, Session};
use bastide_app::{Action, Ctx, Table};
use serde::Serialize;
use uuid::Uuid;

use self::control::Control;
use crate::error::Problem;
use crate::websocket::{Received, Socket, accept, code};

/// What goes over the socket, for the document.
pub(crate) const WORDS: &str = "\
JSON messages to the client: first `sessions` with everything, then `changed` with what is different and what is \
gone; likewise `servers` with the status of servers; `reviews` with the commands that wait for a second person, then `review_opened` and `review_closed` with one `review`; `alert` with one `alert`; `access_request` with one `request` that is new or answered. `me` says that the caller's rights have changed; everything follows again. Nothing is asked for. Close codes: 4401 not logged in, 1012 the server stops.";

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToPage<'a> {
    /// Everything there is: forget what was known.
    Sessions {
        sessions: Vec<Seen>,
        waiting: Option<&'a str>,
    },
    Changed {
        sessions: Vec<Seen>,
        removed: Vec<Uuid>,
        waiting: Option<&'a str>,
    },
    /// Servers whose status has been looked at: first all, then those that are different.
    Servers {
        servers: Vec<StatusNow>,
    },
    /// What the caller may do has changed: ask `/api/v1/me` again. Everything follows anew.
    Me {},
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
    let mut statuses = Statuses::of(&ctx);
    let mut control = Control::of(&ctx);
    let mut told: Option<Told> = None;
    let mut told_statuses = BTreeMap::new();
    loop {
        let now = statuses.seen(socket.ctx());
        let other = |one: &&StatusNow| told_statuses.get(&one.id) != Some(*one);
        let servers: Vec<_> = now.values().filter(other).cloned().collect();
        told_statuses = now;
        if !servers.is_empty() && !socket.text(text(&ToPage::Servers { servers })).await {
            return;
        }
        let table = Arc::clone(&live.borrow_and_update());
        let now = Told::of(&table);
        if let Some(message) = difference(socket.ctx(), told.as_ref(), &now)
            && !socket.text(message).await
        {
            return;
        }
        told = Some(now);
        for message in control.news(socket.ctx()).await {
            if !socket.text(text(&message)).await {
                return;
            }
        }
        // A page that is slow is sent the newest state, not every one between.
        loop {
            tokio::select! {
                changed = live.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return socket.close(code::RESTART, "the server stops").await,
                },
                changed = statuses.changed() => match changed {
                    Some(()) => break,
                    None => return socket.close(code::RESTART, "the server stops").await,
                },
                more = control.changed() => match more {
                    true => break,
                    false => return socket.close(code::RESTART, "the server stops").await,
                },
                received = socket.next() => match received {
                    // Nothing is asked here yet; later versions of the page may.
                    Received::Text(_) | Received::Binary(_) => {}
                    Received::Rights => {
                        if !socket.text(text(&ToPage::Me {})).await {
                            return;
                        }
                        told = None;
                        told_statuses.clear();
                        control.forget();
                        break;
                    }
                    Received::Over => return,
                },
            }
        }
    }
}

/// What a page knows after a message.
struct Told {
    sessions: BTreeMap<Uuid, Arc<Session>>,
    waiting: Option<String>,
}

impl Told {
    fn of(table: &Table) -> Self {
        Self { sessions: table.sessions.clone(), waiting: table.waiting.clone() }
    }
}

/// `None` when nothing of what this caller may see is different.
fn difference(ctx: &Ctx, told: Option<&Told>, now: &Told) -> Option<String> {
    let waiting = now.waiting.as_deref();
    let seen = |session: &Arc<Session>| Seen::by(ctx, Session::clone(session));
    let Some(told) = told else {
        let sessions = now.sessions.values().filter_map(seen).collect();
        return Some(text(&ToPage::Sessions { sessions, waiting }));
    };
    let same = |one: &Arc<Session>| told.sessions.get(&one.uid).is_some_and(|old| Arc::ptr_eq(old, one));
    let sessions: Vec<_> = now.sessions.values().filter(|one| !same(one)).filter_map(seen).collect();
    let gone = told.sessions.values().filter(|old| !now.sessions.contains_key(&old.uid));
    // Whoever may not know of a session is not told of its end either.
    let removed: Vec<_> = gone.filter(|old| seen(old).is_some()).map(|old| old.uid).collect();
    let news = !sessions.is_empty() || !removed.is_empty() || told.waiting != now.waiting;
    news.then(|| text(&ToPage::Changed { sessions, removed, waiting }))
}

fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("plain fields are JSON")
}
