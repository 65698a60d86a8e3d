//! `/api/v1/grants`: who may do what on which servers.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::grants::{self, Granting, NewGrant, NewTerms};
use bastide_app::{Ctx, policy, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging};

/// What can be granted on a server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Right {
    /// Open terminals; takes `write` as well.
    Connect,
    /// Type in them.
    Write,
    /// Watch the terminals of others.
    Observe,
    /// Bring files there, and change them.
    Upload,
    /// Fetch files from there.
    Download,
    /// Reach what can be reached from there.
    Forward,
    /// Run commands without a terminal.
    Execute,
    /// Change the server's name, notes and host keys; decide on requests for it.
    Manage,
}

impl From<Right> for store::Right {
    fn from(right: Right) -> Self {
        match right {
            Right::Connect => Self::Connect,
            Right::Write => Self::Write,
            Right::Observe => Self::Observe,
            Right::Upload => Self::Upload,
            Right::Download => Self::Download,
            Right::Forward => Self::Forward,
            Right::Execute => Self::Execute,
            Right::Manage => Self::Manage,
        }
    }
}

impl From<store::Right> for Right {
    fn from(right: store::Right) -> Self {
        match right {
            store::Right::Connect => Self::Connect,
            store::Right::Write => Self::Write,
            store::Right::Observe => Self::Observe,
            store::Right::Upload => Self::Upload,
            store::Right::Download => Self::Download,
            store::Right::Forward => Self::Forward,
            store::Right::Execute => Self::Execute,
            store::Right::Manage => Self::Manage,
        }
    }
}

pub(crate) fn rights(rights: store::Rights) -> Vec<Right> {
    rights.iter().map(Right::from).collect()
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<policy::Day> for Weekday {
    fn from(day: policy::Day) -> Self {
        match day {
            policy::Day::Mon => Self::Mon,
            policy::Day::Tue => Self::Tue,
            policy::Day::Wed => Self::Wed,
            policy::Day::Thu => Self::Thu,
            policy::Day::Fri => Self::Fri,
            policy::Day::Sat => Self::Sat,
            policy::Day::Sun => Self::Sun,
        }
    }
}

impl From<Weekday> for policy::Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }
}

/// Part of a week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hours {
    /// Days on which it begins; none is every day.
    #[serde(default)]
    days: Vec<Weekday>,
    /// `HH:MM`.
    from: String,
    /// `HH:MM`, not included; not after `from`: on the next day.
    to: String,
    /// An IANA name, such as `Asia/Shanghai`.
    zone: String,
}

impl From<&policy::TimeWindow> for Hours {
    fn from(window: &policy::TimeWindow) -> Self {
        let policy::TimeWindow { days, from, to, zone } = window.clone();
        Self { days: days.into_iter().map(Weekday::from).collect(), from, to, zone }
    }
}

impl From<Hours> for policy::TimeWindow {
    fn from(hours: Hours) -> Self {
        let Hours { days, from, to, zone } = hours;
        Self { days: days.into_iter().map(policy::Day::from).collect(), from, to, zone }
    }
}

/// To one of `user_id` and `group_id`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grant {
    id: i64,
    user_id: Option<i64>,
    group_id: Option<i64>,
    #[serde(flatten)]
    on: Target,
    rights: Vec<Right>,
    #[serde(flatten)]
    with: With,
    #[serde(flatten)]
    terms: Terms,
    /// The access request that it answers.
    request_id: Option<i64>,
    created: Timestamp,
    created_by: String,
}

/// On one of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = GrantTarget)]
pub(crate) struct Target {
    server_id: Option<i64>,
    /// Every server with this tag.
    tag: Option<String>,
    /// Every server of this group of servers.
    server_group: Option<String>,
    /// Every server.
    #[serde(default)]
    everywhere: bool,
}

impl From<store::GrantTarget> for Target {
    fn from(on: store::GrantTarget) -> Self {
        let nothing = Self::default();
        match on {
            store::GrantTarget::Server(id) => Self { server_id: Some(id), ..nothing },
            store::GrantTarget::Tag(tag) => Self { tag: Some(tag), ..nothing },
            store::GrantTarget::Group(group) => Self { server_group: Some(group), ..nothing },
            store::GrantTarget::Everywhere => Self { everywhere: true, ..nothing },
        }
    }
}

/// What is logged in with: the server's default credential where nothing is said.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = GrantCredentials)]
pub(crate) struct With {
    /// These; empty is the server's default one, whichever that is, or any.
    #[serde(default)]
    credential_ids: Vec<i64>,
    /// Any of all.
    #[serde(default)]
    any_credential: bool,
}

impl From<store::Credentials> for With {
    fn from(credentials: store::Credentials) -> Self {
        match credentials {
            store::Credentials::Default => Self::default(),
            store::Credentials::Listed(ids) => Self { credential_ids: ids, any_credential: false },
            store::Credentials::Any => Self { credential_ids: Vec::new(), any_credential: true },
        }
    }
}

/// When, and from where; always and from anywhere where nothing is said.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = GrantTerms)]
pub(crate) struct Terms {
    /// Outside of them it gives nothing.
    #[serde(default)]
    times: Vec<Hours>,
    /// Networks of the caller's address, such as `10.0.0.0/8`.
    #[serde(default)]
    networks: Vec<String>,
    expires: Option<Timestamp>,
}

impl From<Granting> for Grant {
    fn from(granting: Granting) -> Self {
        let Granting { grant, times, networks } = granting;
        let (user_id, group_id) = match grant.to {
            store::Grantee::User(id) => (Some(id), None),
            store::Grantee::Group(id) => (None, Some(id)),
        };
        Self {
            id: grant.id,
            user_id,
            group_id,
            on: grant.on.into(),
            rights: rights(grant.rights),
            with: grant.credentials.into(),
            terms: Terms {
                times: times.iter().map(Hours::from).collect(),
                networks,
                expires: grant.terms.expires,
            },
            request_id: grant.request,
            created: grant.created,
            created_by: grant.created_by,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrantList)]
pub(crate) struct List {
    grants: Vec<Grant>,
    next: Option<String>,
}

/// To one of `user_id` and `group_id`, on one of `server_id`, `tag`, `server_group` and `everywhere`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GrantCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    user_id: Option<i64>,
    group_id: Option<i64>,
    server_id: Option<i64>,
    /// Every server with this tag.
    tag: Option<String>,
    /// Every server of this group of servers.
    server_group: Option<String>,
    /// Every server.
    #[serde(default)]
    everywhere: bool,
    /// `connect`, `write` and `execute` where they are not said.
    rights: Option<Vec<Right>>,
    /// The server's default one where none is said.
    #[serde(default)]
    credential_ids: Vec<i64>,
    /// Any of all.
    #[serde(default)]
    any_credential: bool,
    #[serde(default)]
    times: Vec<Hours>,
    /// Networks of the caller's address, such as `10.0.0.0/8`.
    #[serde(default)]
    networks: Vec<String>,
    expires: Option<Timestamp>,
}

impl New {
    fn read(self) -> Result<NewGrant, Problem> {
        let to = match (self.user_id, self.group_id) {
            (Some(id), None) => store::Grantee::User(id),
            (None, Some(id)) => store::Grantee::Group(id),
            _ => return Err(invalid("user_id or group_id: one of them")),
        };
        let on = match (self.server_id, self.tag, self.server_group, self.everywhere) {
            (Some(id), None, None, false) => store::GrantTarget::Server(id),
            (None, Some(tag), None, false) => store::GrantTarget::Tag(tag),
            (None, None, Some(group), false) => store::GrantTarget::Group(group),
            (None, None, None, true) => store::GrantTarget::Everywhere,
            _ => return Err(invalid("server_id, tag, server_group or everywhere: one of them")),
        };
        let credentials = match (self.credential_ids, self.any_credential) {
            (ids, false) if ids.is_empty() => store::Credentials::Default,
            (ids, false) => store::Credentials::Listed(ids),
            (ids, true) if ids.is_empty() => store::Credentials::Any,
            _ => return Err(invalid("credential_ids or any_credential: one of them")),
        };
        let rights = self.rights.map(|all| all.into_iter().map(store::Right::from).collect());
        let terms = NewTerms {
            times: self.times.into_iter().map(policy::TimeWindow::from).collect(),
            networks: self.networks,
            expires: self.expires,
        };
        Ok(NewGrant { to, on, rights: rights.unwrap_or_else(store::Rights::usual), credentials, terms })
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

pub(crate) async fn grant_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let all = grants::list(&ctx)?;
    // With as many digits, text is in the order of numbers.
    let keyed = all.into_iter().map(|grant| (format!("{:020}", grant.grant.id), Grant::from(grant)));
    let (grants, next) = Paging::read(&page)?.of(keyed);
    Ok(axum::Json(List { grants, next }))
}

pub(crate) async fn grant_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let grant = grants::create(&ctx, new.read()?).await?;
    Ok((StatusCode::CREATED, axum::Json(Grant::from(grant))))
}

pub(crate) async fn grant_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    grants::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
