//! `/api/v1/rules`: the rules on commands, their versions, and a try.

use axum::Extension;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bastide_app::policy::Subject;
use bastide_app::rules::{self, Control, Diff, Format, Held, Outcome, Tried};
use bastide_app::{Action, Ctx, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging, encode};
use crate::versioned;

/// A version without its rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleVersionInfo)]
pub(crate) struct Info {
    version: i64,
    /// SHA-256 of what the session daemon is given, in hexadecimal; verdicts name it.
    digest: String,
    created: Timestamp,
    /// A user name, as it was then; null is the program itself.
    author: Option<String>,
    note: String,
}

/// One version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleVersion)]
pub(crate) struct Version {
    #[serde(flatten)]
    info: Info,
    /// The rule set.
    #[schema(value_type = Object)]
    rules: Value,
    /// Which sessions are gated.
    #[schema(value_type = Object)]
    control: Value,
}

/// The version that holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rules)]
pub(crate) struct Current {
    #[serde(flatten)]
    version: Version,
    /// Why nothing can be judged by it, where that is so; then nothing runs that needs a verdict.
    unreadable: Option<String>,
    /// Command groups that come with the product.
    #[schema(value_type = Vec<Object>)]
    ready_groups: Value,
}

impl From<store::RuleVersion> for Info {
    fn from(row: store::RuleVersion) -> Self {
        let store::RuleVersion { version, created, author, note, digest, .. } = row;
        Self { version, digest, created, author, note }
    }
}

impl From<store::RuleVersion> for Version {
    fn from(mut row: store::RuleVersion) -> Self {
        let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
        let (rules, control) = (std::mem::take(&mut row.document), std::mem::take(&mut row.control));
        Self { info: row.into(), rules: read(rules), control: read(control) }
    }
}

fn current(held: &Held) -> Current {
    Current {
        version: held.version.clone().into(),
        unreadable: held.loaded.as_ref().err().cloned(),
        ready_groups: ready_groups(),
    }
}

fn ready_groups() -> Value {
    serde_json::to_value(bastide_app::policy::ready_made()).unwrap_or_default()
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadyGroups)]
pub(crate) struct Groups {
    #[schema(value_type = Vec<Object>)]
    groups: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleVersionList)]
pub(crate) struct List {
    versions: Vec<Info>,
    next: Option<String>,
}

/// Saved only when `If-Match` names the version that holds.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RulesPut)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// The rule set.
    #[schema(value_type = Object)]
    rules: Value,
    /// As it is where it is left out.
    control: Option<Control>,
    /// Why.
    #[schema(max_length = 500)]
    note: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct With {
    /// The version that holds where it is not said.
    to: Option<i64>,
}

/// One of `line` and `argv`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RulesTry)]
#[serde(deny_unknown_fields)]
pub(crate) struct Try {
    /// As it would be typed.
    line: Option<String>,
    /// As it would be executed.
    #[serde(default)]
    argv: Vec<String>,
    /// `user`, `groups`, `roles`, `server`, `tags`, `account`, `door` and `now`, each where it is known; groups,
    /// role and tags of a known name are filled in.
    #[serde(default)]
    #[schema(value_type = Object)]
    subject: Option<Value>,
    /// Instead of the rules that hold.
    #[schema(value_type = Option<Object>)]
    rules: Option<Value>,
    /// Instead of the gates that hold.
    control: Option<Control>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RulesImport)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    format: Format,
    text: String,
    /// Only say what would be.
    #[serde(default)]
    dry_run: bool,
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

fn answered(held: &Held) -> Response {
    versioned::answer(held.version.version, current(held))
}

pub(crate) async fn rules_get(Extension(ctx): Extension<Ctx>) -> Result<Response, Problem> {
    Ok(answered(&*rules::read(&ctx)?))
}

pub(crate) async fn rules_put(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(new): Json<New>,
) -> Result<Response, Problem> {
    ctx.authorize(Action::RulesChange, ())?;
    let known = versioned::known(&headers)?;
    let New { rules, control, note } = new;
    let saved = rules::put(&ctx, rules::New { rules, control, note }, known).await;
    Ok(answered(&*saved.map_err(versioned::stale)?))
}

pub(crate) async fn rules_groups(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<Groups>, Problem> {
    rules::read(&ctx)?;
    Ok(axum::Json(Groups { groups: ready_groups() }))
}

pub(crate) async fn rule_version_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let (rows, next) = rules::versions(&ctx, Paging::piece(&page)?).await?;
    let next = next.map(|version| encode(&version.to_string()));
    Ok(axum::Json(List { versions: rows.into_iter().map(Info::from).collect(), next }))
}

pub(crate) async fn rule_version_get(
    Extension(ctx): Extension<Ctx>,
    Id(version): Id<i64>,
) -> Result<axum::Json<Version>, Problem> {
    Ok(axum::Json(rules::version(&ctx, version).await?.into()))
}

pub(crate) async fn rule_version_diff(
    Extension(ctx): Extension<Ctx>,
    Id(version): Id<i64>,
    Asked(with): Asked<With>,
) -> Result<axum::Json<Diff>, Problem> {
    Ok(axum::Json(rules::compare(&ctx, version, with.to).await?))
}

pub(crate) async fn rule_version_restore(
    Extension(ctx): Extension<Ctx>,
    Id(version): Id<i64>,
) -> Result<Response, Problem> {
    Ok(answered(&*rules::restore(&ctx, version).await?))
}

pub(crate) async fn rules_try(
    Extension(ctx): Extension<Ctx>,
    Json(mut asked): Json<Try>,
) -> Result<axum::Json<Tried>, Problem> {
    let mut subject = asked.subject.take().unwrap_or_else(|| json!({}));
    if let Some(fields) = subject.as_object_mut() {
        fields.entry("door").or_insert_with(|| json!(rules::DEFAULT_DOOR));
        fields.retain(|_, value| !value.is_null());
    }
    let subject: Subject =
        serde_json::from_value(subject).map_err(|error| invalid(format!("subject: {error}")))?;
    let Try { line, argv, rules, control, .. } = asked;
    let trial = rules::Trial { line, argv, subject, rules, control };
    Ok(axum::Json(rules::try_it(&ctx, trial)?))
}

pub(crate) async fn rules_import(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<Import>,
) -> Result<axum::Json<Outcome>, Problem> {
    Ok(axum::Json(rules::import(&ctx, (new.format, &new.text), new.dry_run).await?))
}
