//! What somebody has to know: refused commands, and whatever fails in controlling them.

mod webhook;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bastide_store::{self as store, Severity};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::{Action, Ctx};
use crate::page::{Piece, cut};
use crate::servers::Named;
use crate::{App, Error};

pub use webhook::{Post, Sent, Webhook};

pub(crate) use webhook::{Counts, start};

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct Alert {
    pub id: i64,
    pub at: Timestamp,
    /// `deny` and `alert` for a verdict, `review_opened`, `supervisor_died`, `report_lost`, `rules_unreadable`,
    /// `rules_undelivered`, `guard_failed`, `review_failed`, `hook_off`, `recovery_code_used`,
    /// `second_factor_guessed`, `second_factor_locked`, `user_disabled_by_sign_on`, `user_not_disabled_by_sign_on`;
    /// later releases may have more.
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// For people.
    pub text: String,
    /// Of the verdict, where there is one.
    pub action: Option<String>,
    pub rule: Option<String>,
    pub session: Option<Uuid>,
    pub user: Option<Named>,
    pub server: Option<Named>,
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// An alert of the server's own.
pub(crate) async fn raise(app: &App, (kind, severity): (&str, Severity), data: Map<String, Value>) {
    let alert =
        store::Alert { id: 0, at: app.clock().now(), kind: kind.to_owned(), severity, session: None, data };
    if let Err(error) = app.store().add_alert(&alert).await {
        tracing::error!(%error, kind, "an alert could not be kept");
    }
    app.news().tell(app.store()).await;
}

/// How much it matters.
pub(crate) fn severity(kind: &str) -> Severity {
    match kind {
        "review_opened" => Severity::Info,
        "alert" | "deny" | "hook_off" => Severity::Warning,
        // What fails, and what a later release calls otherwise.
        _ => Severity::Critical,
    }
}

impl Alert {
    fn of(app: &App, row: store::Alert) -> Self {
        let text = |name: &str| row.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let session = row.session;
        let live = session.and_then(|uid| app.live().borrow().sessions.get(&uid).cloned());
        let user = match (text("user"), live) {
            (Some(name), _) => app.people().named(&name),
            (None, Some(session)) => session.owner.and_then(|uid| app.people().by_uid(uid)),
            (None, None) => None,
        };
        let place = session.and_then(|uid| app.servers().places().get(uid));
        let server = match place {
            Some(place) => Some(Named { id: place.server_id, name: place.server_name.clone() }),
            None => text("server").map(|name| {
                let known = app.servers().now().named(&name).map(|server| server.id);
                Named { id: known.unwrap_or_default(), name }
            }),
        };
        let action = matches!(row.kind.as_str(), "deny" | "alert").then(|| row.kind.clone());
        let (message, command) = (text("message"), text("command"));
        let said = match (message, command) {
            (Some(message), Some(command)) if !message.is_empty() => format!("{message}: {command}"),
            (Some(message), _) if !message.is_empty() => message,
            (_, Some(command)) => command,
            _ => row.kind.replace('_', " "),
        };
        Self {
            id: row.id,
            at: row.at,
            severity: row.severity.as_str().to_owned(),
            text: said,
            action,
            rule: text("rule"),
            session,
            user: user.map(|user| Named { id: user.id, name: user.username.clone() }),
            server,
            kind: row.kind,
            data: row.data,
        }
    }
}

/// For metrics. Counters since the start of the server, but of `alerts`, which are all that ever were.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// By action.
    pub verdicts: [(&'static str, u64); 4],
    pub reviews_open: usize,
    pub alerts: i64,
    /// By the webhook.
    pub sent: u64,
    pub given_up: u64,
}

pub fn counted(app: &App) -> Counted {
    let news = app.news();
    let (now, counts) = (Arc::clone(&news.hear().borrow()), app.alert_counts());
    Counted {
        verdicts: news.verdicts(),
        reviews_open: now.open.len(),
        alerts: now.last_alert,
        sent: counts.sent.load(Ordering::Relaxed),
        given_up: counts.given_up.load(Ordering::Relaxed),
    }
}

/// Newest first, and where the next piece begins.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(ctx: &Ctx, piece: Piece<i64>) -> Result<(Vec<Alert>, Option<i64>), Error> {
    ctx.authorize(Action::AlertList, ())?;
    let rows = ctx.app().store().alerts(piece.after, piece.limit.saturating_add(1)).await?;
    let (rows, next) = cut(rows, piece.limit, |row| row.id);
    Ok((rows.into_iter().map(|row| Alert::of(ctx.app(), row)).collect(), next))
}

/// Those behind `after`, oldest first.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn since(ctx: &Ctx, after: i64, limit: u32) -> Result<Vec<Alert>, Error> {
    ctx.authorize(Action::AlertList, ())?;
    let rows = ctx.app().store().alerts_after(after, limit).await?;
    Ok(rows.into_iter().map(|row| Alert::of(ctx.app(), row)).collect())
}
