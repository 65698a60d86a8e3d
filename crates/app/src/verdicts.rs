//! What was judged in a session.

use std::collections::HashMap;

use bastide_store::{self as store, ReviewState};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Error;
use crate::context::{Action, Ctx};
use crate::page::{Piece, cut};
use crate::sessions;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Verdict)]
pub struct Verdict {
    pub id: i64,
    pub at: Timestamp,
    /// Milliseconds into the recording.
    pub offset_ms: Option<i64>,
    /// `exec`, `line` or `watched`.
    pub door: String,
    /// What it is worth: `enforced`, `gated`, `line`, `watched`; later releases may have more.
    pub label: String,
    /// `allow`, `alert`, `review` or `deny`.
    pub action: String,
    pub rule: Option<String>,
    #[serde(flatten)]
    pub command: Command,
    /// How its review stands, where there was one.
    pub review: Option<String>,
    /// Null: nobody knows yet.
    pub ran: Option<bool>,
    /// The rest of what is known: process, digest of the rules, what rules would have done that are only tried.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = VerdictCommand)]
pub struct Command {
    pub program: Option<String>,
    pub argv: Vec<String>,
    /// What was typed, where that is known.
    pub line: Option<String>,
    pub cwd: Option<String>,
    /// What the rule says, as `{en, zh}`.
    #[schema(value_type = Option<Object>)]
    pub reason: Option<Value>,
}

impl Verdict {
    fn of(mut row: store::Verdict, reviewed: Option<ReviewState>) -> Self {
        let ran = match (row.action.as_str(), reviewed) {
            (_, Some(ReviewState::Approved)) | ("allow" | "alert", None) => Some(true),
            (_, Some(ReviewState::Open)) | ("review", None) => None,
            (_, Some(_)) | ("deny", None) => Some(false),
            // Of another release.
            (_, None) => None,
        };
        let cwd = row.data.remove("cwd").and_then(|cwd| cwd.as_str().map(str::to_owned));
        let command = Command {
            program: row.command.program,
            argv: row.command.argv,
            line: row.command.line,
            cwd,
            reason: row.data.remove("reason").filter(Value::is_object),
        };
        Self {
            id: row.id,
            at: row.at,
            offset_ms: row.offset_ms,
            door: row.door,
            label: row.label,
            action: row.action,
            rule: row.rule,
            command,
            review: reviewed.map(|state| state.as_str().to_owned()),
            ran,
            data: row.data,
        }
    }
}

/// The verdicts in a session, oldest first, and where the next piece begins; `every` also those that only
/// allow.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn list(
    ctx: &Ctx,
    session: Uuid,
    (piece, every): (Piece<i64>, bool),
) -> Result<(Vec<Verdict>, Option<i64>), Error> {
    sessions::remembered(ctx, Action::VerdictList, session).await?;
    let store = ctx.app().store();
    let after = piece.after.unwrap_or(0);
    let rows = store.verdicts(session, (after, piece.limit.saturating_add(1)), every).await?;
    let (rows, next) = cut(rows, piece.limit, |row| row.id);
    let mut known: HashMap<Uuid, Option<ReviewState>> = HashMap::new();
    let mut verdicts = Vec::with_capacity(rows.len());
    for row in rows {
        let review = row.data.get("review").and_then(Value::as_str).and_then(|uid| uid.parse::<Uuid>().ok());
        let reviewed = match review {
            Some(uid) => match known.get(&uid) {
                Some(state) => *state,
                None => {
                    let state = store.review(uid).await?.map(|review| review.decision.state);
                    known.insert(uid, state);
                    state
                }
            },
            None => None,
        };
        verdicts.push(Verdict::of(row, reviewed));
    }
    Ok((verdicts, next))
}
