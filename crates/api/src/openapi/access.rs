//! The page that says who may ask what: `docs/guide/api-access.md`, made from the route table.

use std::fmt::Write as _;

use axum::http::Method;
use bastide_app::store::Role;

use super::operation::in_path;
use crate::routes::{Access, Route, routes};

/// A WebSocket that leads nowhere opens, says why and closes with this code.
const CLOSED: u16 = 4404;

const HEAD: &str = "\
# Who may ask what

<!-- Made from the route table by `make openapi`; tests ask a server and compare. Do not edit. -->

What each route answers to somebody who has not logged in, to a person of each role but *admin*, who is let through
everywhere, to a token that may only read, and about the id of something that is somebody else's (a WebSocket says it by its close code). `ok` stands for the route's own answers, which
[docs/openapi.json](../openapi.json) lists. [rights.md](rights.md) says who may do what to a server or a session. The files of the page itself are for anybody and hold nothing of anybody.

| route | operation | not logged in | *user* | *reviewer* | *auditor* | *operator* | token to read | somebody else's id |
|---|---|---|---|---|---|---|---|---|
";

/// What one route answers to whom: statuses, `None` for its own answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    pub anonymous: Option<u16>,
    pub user: Option<u16>,
    pub reviewer: Option<u16>,
    pub auditor: Option<u16>,
    pub operator: Option<u16>,
    pub read_token: Option<u16>,
    /// `None` also where there is no id.
    pub foreign_id: Option<u16>,
}

/// What follows from the route's access, method and path.
pub(crate) fn answers(route: &Route) -> Answers {
    let listed = &route.listed;
    let logs_in = listed.access != Access::Public;
    let roles = listed.access.roles();
    let limited = matches!(listed.access, Access::Role(_));
    let refused = |role| {
        let passes = roles.contains(&role) && !route.operation.is_refused_to_users();
        (!passes).then_some(403)
    };
    let names_something = in_path(listed.path).any(|name| matches!(name, "id" | "uid"));
    let unknown = if route.operation.is_upgrade() { CLOSED } else { 404 };
    Answers {
        anonymous: logs_in.then_some(401),
        user: refused(Role::User),
        reviewer: refused(Role::Reviewer),
        auditor: refused(Role::Auditor),
        operator: refused(Role::Operator),
        read_token: (logs_in && listed.method != Method::GET).then_some(403),
        foreign_id: (logs_in && !limited && names_something).then_some(unknown),
    }
}

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for route in routes() {
        let Answers { anonymous, user, reviewer, auditor, operator, read_token, foreign_id } =
            answers(&route);
        let route = route.listed;
        let shown = |status: Option<u16>| status.map_or_else(|| "ok".to_owned(), |status| status.to_string());
        let id = foreign_id.map_or_else(String::new, |status| status.to_string());
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{} {}` | {} | {} | {} | {} | {} | {} | {} | {id} |",
            route.method,
            route.path,
            route.id,
            shown(anonymous),
            shown(user),
            shown(reviewer),
            shown(auditor),
            shown(operator),
            shown(read_token),
        );
    }
    text
}
